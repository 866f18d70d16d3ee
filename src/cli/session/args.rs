//! What `trace session …` takes.

use crate::model::session::Thresholds;

/// Find sessions, name them, say what became of them
///
/// A session is one sitting of one actor: a shell, or one conversation of an agent. It is called by
/// its id or a part of it, its alias, its agent's own id, or `last`.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Example: trace session list\n         trace session alias 0198 retry-work\n         trace session tree last"
)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub find: Find,
}

#[derive(clap::Subcommand)]
pub enum Verb {
    /// List sessions, newest activity first
    #[command(after_help = "Example: trace session list --agent claude --state active")]
    List(Find),
    /// The same
    #[command(after_help = "Example: trace session find --task T-12 --outcome open")]
    Find(Find),
    /// Everything that is known of one
    #[command(after_help = "Example: trace session show last")]
    Show(One),
    /// What it was known by, and what else it might have been
    #[command(after_help = "Example: trace session explain retry-work")]
    Explain(One),
    /// A session and all that descend from it
    #[command(after_help = "Example: trace session tree last")]
    Tree(One),
    /// Print what is kept of its transcripts, a record a line, without their secrets
    #[command(after_help = "Example: trace session transcript last > talk.jsonl")]
    Transcript(One),
    /// Give it a name, or take it away
    #[command(after_help = "Example: trace session alias 0198 retry-work")]
    Alias(Alias),
    /// Note tasks and projects it belongs to
    #[command(after_help = "Example: trace session link last --task T-12")]
    Link(Link),
    /// Note which session it descends from
    #[command(after_help = "Example: trace session link-parent last retry-work")]
    LinkParent(LinkParent),
    /// Say what became of it
    #[command(after_help = "Example: trace session close retry-work --outcome done")]
    Close(Close),
    /// Take one of its external ids for a session of its own
    #[command(after_help = "Example: trace session split retry-work 019a6c1e-0000-7000-8000-00000000000b")]
    Split(Split),
    /// Record which sessions are archived
    #[command(after_help = "Example: trace session sweep --archive-threshold-days 90 --dry-run")]
    Sweep(Sweep),
    /// Read everything anew and count it
    #[command(after_help = "Example: trace session rebuild --json")]
    Rebuild(Rebuild),
}

#[derive(clap::Args)]
pub struct Find {
    /// Belongs to this task
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// Belongs to this project
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
    /// Has this alias
    #[arg(long, value_name = "NAME")]
    pub alias: Option<String>,
    /// Was, or is, on this branch
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Works in a directory whose path contains this
    #[arg(long, value_name = "TEXT")]
    pub cwd: Option<String>,
    /// Of this agent, or of shells: `shell`
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// active, idle or archived
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// open, done, blocked, abandoned, merged or superseded
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<String>,
    /// At most N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Print a JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct One {
    /// Which session
    #[arg(value_name = "SESSION")]
    pub session: String,
    /// Print a JSON document
    #[arg(long)]
    pub json: bool,
}

/// What every edit takes.
#[derive(clap::Args)]
pub struct How {
    /// Only show what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// Print a JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args)]
pub struct Alias {
    #[arg(value_name = "SESSION")]
    pub session: String,
    #[arg(value_name = "ALIAS", required_unless_present = "clear", conflicts_with = "clear")]
    pub alias: Option<String>,
    /// Take the alias away
    #[arg(long)]
    pub clear: bool,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
pub struct Link {
    #[arg(value_name = "SESSION")]
    pub session: String,
    /// A task; may be given again
    #[arg(long, value_name = "NAME", required_unless_present = "project")]
    pub task: Vec<String>,
    /// A project; may be given again
    #[arg(long, value_name = "NAME")]
    pub project: Vec<String>,
    /// Take these away
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
pub struct LinkParent {
    #[arg(value_name = "CHILD")]
    pub child: String,
    #[arg(value_name = "PARENT", required_unless_present = "remove", conflicts_with = "remove")]
    pub parent: Option<String>,
    /// It descends from none
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
pub struct Close {
    #[arg(value_name = "SESSION")]
    pub session: String,
    /// open, done, blocked, abandoned, merged or superseded
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
pub struct Split {
    #[arg(value_name = "SESSION")]
    pub session: String,
    /// The agent's own id
    #[arg(value_name = "EXTERNAL_ID")]
    pub external: String,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
pub struct Sweep {
    /// Days after which a session is idle
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().idle)]
    pub idle_threshold_days: u32,
    /// Days after which it is archived
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().archived)]
    pub archive_threshold_days: u32,
    #[command(flatten)]
    pub how: How,
}

#[derive(clap::Args)]
pub struct Rebuild {
    /// Print a JSON document
    #[arg(long)]
    pub json: bool,
}
