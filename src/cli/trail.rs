//! `trace trail`

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::git::config::{Config, Places};
use crate::git::head;
use crate::model::trail::{Status, Trail};
use crate::recall::select::NotFound;
use crate::recall::trail;
use crate::store::home::Home;
use crate::view::json;
use crate::view::trail as view;

/// List the stories of your branches, the last worked on first
#[derive(clap::Args)]
#[command(after_help = "Example: trace trail --all\n         trace trail show my-branch")]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Subcommand)]
enum Verb {
    /// List the trails; the same as without a word
    List(ListArgs),
    /// Show the checkpoints of one branch
    Show(ShowArgs),
}

#[derive(clap::Args)]
struct ListArgs {
    /// Also merged and closed ones
    #[arg(short, long)]
    all: bool,
    /// With one of these: open,in_progress,in_review,merged,closed
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,
    /// Of this author; `me` for yourself
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Of this branch
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// At most N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct ShowArgs {
    /// The branch, or the trail's id; without it, the present branch
    #[arg(value_name = "BRANCH")]
    branch: Option<String>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    match &args.verb {
        Some(Verb::Show(args)) => show(world, &home, args),
        Some(Verb::List(args)) => list(world, &home, args),
        None => list(world, &home, &args.list),
    }
}

fn list(world: &World, home: &Home, args: &ListArgs) -> Result<Exit> {
    let wanted = args.status.iter().map(|word| status(word)).collect::<Result<Vec<_>>>()?;
    let me = author(world, home);
    let mut trails = trail::all(home, me.as_deref(), world.now)?;
    let any = !trails.is_empty();
    let author = match args.author.as_deref() {
        Some("me") => me,
        other => other.map(str::to_owned),
    };
    trails.retain(|trail| {
        let status = match wanted.is_empty() {
            true => args.all || trail.status.is_live(),
            false => wanted.contains(&trail.status),
        };
        let same =
            |name: &String| trail.author.as_ref().is_some_and(|a| a.to_lowercase() == name.to_lowercase());
        status
            && author.as_ref().is_none_or(same)
            && args.branch.as_ref().is_none_or(|branch| trail.branch.0 == branch.as_bytes())
    });
    if args.limit > 0 {
        trails.truncate(args.limit);
    }
    if args.json {
        output::print(|out| json::write(out, &json::trails(&trails)))?;
    } else if trails.is_empty() {
        output::say(if any { crate::view::NO_MATCH } else { view::EMPTY });
    } else {
        output::page(world, |out| view::write(out, &trails, &world.look()))?;
    }
    Ok(Exit::Done)
}

fn show(world: &World, home: &Home, args: &ShowArgs) -> Result<Exit> {
    let trails = trail::all(home, author(world, home).as_deref(), world.now)?;
    let name = match &args.branch {
        Some(name) => name.clone().into_bytes(),
        None => head::read(&home.place.git_dir, &home.place.common)?
            .branch
            .context(Misuse("HEAD is detached: say which branch".to_owned()))?,
    };
    let found = trails.iter().find(|trail: &&Trail| trail.branch.0 == name || trail.id.as_bytes() == name);
    let Some(trail) = found else {
        bail!(NotFound(format!("nothing was recorded on {}", String::from_utf8_lossy(&name))));
    };
    let checkpoints = trail::story(home, &trail.branch)?;
    match args.json {
        true => output::print(|out| json::write(out, &json::story(trail, &checkpoints)))?,
        false => output::page(world, |out| view::write_story(out, trail, &checkpoints, &world.look()))?,
    }
    Ok(Exit::Done)
}

fn status(word: &str) -> Result<Status> {
    Status::parse(word).with_context(|| {
        let all: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
        Misuse(format!("{word:?} is no status: {}", all.join(", ")))
    })
}

/// The name this user signs commits with.
fn author(world: &World, home: &Home) -> Option<String> {
    let places = Places {
        home: world.user.home.as_deref(),
        xdg_config: world.user.xdg_config.as_deref(),
        git_dir: Some(&home.place.git_dir),
        common_dir: Some(&home.place.common),
    };
    Config::read(&places).ok()?.identity()
}
