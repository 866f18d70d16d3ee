//! What `trace trail …` takes.

pub use crate::cli::session::How;

/// List the stories of your branches, the last worked on first
///
/// A trail is what was recorded on one branch, in every worktree of this clone. Its title is its first
/// prompt or commit, its status what became of the branch, unless somebody says otherwise.
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace trail --all\n         trace trail show my-branch\n         trace trail -i\n         trace trail set --title \"empty lines\" --label parser"
)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub list: List,
}

#[derive(clap::Subcommand)]
pub enum Verb {
    /// List the trails; the same as without a word
    #[command(after_help = "Example: trace trail list --status open,in_progress")]
    List(List),
    /// Show what happened on one branch
    Show(Show),
    /// Say what a trail is called, how far it has come, whose it is
    Set(Set),
    /// Say that nothing more is to be done
    Close(Close),
    /// Say that something is to be done after all
    Reopen(Reopen),
}

#[derive(clap::Args)]
pub struct List {
    /// Also merged and closed ones
    #[arg(short, long)]
    pub all: bool,
    /// With one of these: open,in_progress,in_review,merged,closed
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub status: Vec<String>,
    /// Of this author; `me` for yourself
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Of this branch
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// At most N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Walk through the timeline of --branch, or of the present branch, on a whole screen
    #[arg(short, long, conflicts_with_all = ["json", "all", "status", "author"])]
    pub interactive: bool,
    /// Print a JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example: trace trail show fix-parser --limit 0")]
pub struct Show {
    /// The branch, or the trail's id; without it, the present branch
    #[arg(value_name = "BRANCH")]
    pub branch: Option<String>,
    /// At most the newest N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// Walk through it on a whole screen
    #[arg(short, long, conflicts_with = "json")]
    pub interactive: bool,
    /// Print a JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example: trace trail set fix-parser --status in_review --assignee Bob --label slow")]
pub struct Set {
    /// The branch, or the trail's id; without it, the present branch
    #[arg(value_name = "BRANCH")]
    pub branch: Option<String>,
    #[command(flatten)]
    pub what: What,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub struct What {
    /// What it is called; empty: by its first words again
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// open, in_progress, in_review, merged or closed; auto: what the branch says
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Add a label; may be given again
    #[arg(long, value_name = "NAME")]
    pub label: Vec<String>,
    /// Take a label away; may be given again
    #[arg(long, value_name = "NAME")]
    pub unlabel: Vec<String>,
    /// Who is to do it; empty: nobody
    #[arg(long, value_name = "NAME")]
    pub assignee: Option<String>,
    /// Add a note
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

#[derive(clap::Args)]
#[command(after_help = "Example: trace trail close old-idea --reason \"done on main\"")]
pub struct Close {
    /// The branch, or the trail's id; without it, the present branch
    #[arg(value_name = "BRANCH")]
    pub branch: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
#[command(after_help = "Example: trace trail reopen old-idea")]
pub struct Reopen {
    /// The branch, or the trail's id; without it, the present branch
    #[arg(value_name = "BRANCH")]
    pub branch: Option<String>,
    #[command(flatten)]
    pub how: How,
}
