//! `trace commands`

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::model::command::State;
use crate::model::stats::Stats;
use crate::recall::commands::{self, Changes, Exit as Code, Filter};
use crate::recall::select;
use crate::view::commands::{self as view, CommandView};
use crate::view::script::{self, Extent};
use crate::view::{json, stats};

/// List recorded commands, newest last, also those that no checkpoint holds yet
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace commands --failed --since today\n         trace commands --file src/main.rs\n         trace commands --stats --here\n         trace commands export --since yesterday > again.sh",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Count them, by directory and by program, instead of listing them
    #[arg(long)]
    stats: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Print them as a shell script
    ///
    /// They stand there as they were typed, below the directory, the time and the exit code. Those
    /// that failed are commented out, and so is what lost a secret to redaction.
    #[command(after_help = "Example: trace commands export --since 2h > again.sh")]
    Export(ExportArgs),
}

#[derive(clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Also those that failed
    #[arg(long)]
    all: bool,
}

/// Which commands.
#[derive(clap::Args)]
struct FilterArgs {
    /// At most N, the newest; 0 for all [default: 20; all of them are counted or exported]
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Started in DIR or below
    #[arg(long, value_name = "DIR", conflicts_with = "here")]
    cwd: Option<PathBuf>,
    /// Started here or below
    #[arg(long)]
    here: bool,
    /// Of this session: its id or a part of it, its alias, its agent's own id, or `last`
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// With this exit code
    #[arg(long, value_name = "CODE", conflicts_with = "failed")]
    exit: Option<i32>,
    /// With any exit code but 0
    #[arg(long)]
    failed: bool,
    /// In this state: running, done, lost, interrupted
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Not older than this
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Not younger than this
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// That changed this file
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Whose text contains this
    #[arg(value_name = "TEXT")]
    text: Option<String>,
}

/// A listing shows so many, if nobody says how many.
const PAGE: usize = 20;

/// So many directories and programs are counted one by one.
const TOP: usize = 10;

/// How they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    List,
    Json,
    Stats,
    StatsJson,
    Script(Extent),
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    match &args.action {
        Some(Action::Export(export)) => {
            let extent = if export.all { Extent::All } else { Extent::Succeeded };
            tell(world, &export.filter, Form::Script(extent))
        }
        None => {
            let form = match (args.stats, args.json) {
                (false, false) => Form::List,
                (false, true) => Form::Json,
                (true, false) => Form::Stats,
                (true, true) => Form::StatsJson,
            };
            tell(world, &args.filter, form)
        }
    }
}

fn tell(world: &World, args: &FilterArgs, form: Form) -> Result<Exit> {
    let home = world.home()?;
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let session = args.session.as_deref().map(|word| select::session_of(&home, word)).transpose()?;
    let filter = Filter { session, ..filter(world, args, form, &home.place)? };
    let changes = if form == Form::Json { Changes::Wanted } else { Changes::Unwanted };
    let (record, read) = commands::read_for(&home, &filter, changes);
    let told = record.list(&filter, top, form == Form::Json);
    let shown: Vec<CommandView> = told
        .into_iter()
        .map(|told| CommandView { command: told.command, state: told.state, changes: told.changes })
        .collect();
    match form {
        Form::Json | Form::StatsJson => write(world, &shown, form)?,
        _ if shown.is_empty() => {
            output::say(if record.commands.is_empty() { view::EMPTY } else { crate::view::NO_MATCH });
        }
        _ => write(world, &shown, form)?,
    }
    read?;
    match record.unreadable.as_slice() {
        [] if shown.is_empty() && !record.commands.is_empty() => Ok(Exit::No),
        [] => Ok(Exit::Done),
        unreadable => {
            unreadable.iter().for_each(|name| output::say(&format!("trace: journal {name}")));
            Ok(Exit::No)
        }
    }
}

fn write(world: &World, shown: &[CommandView], form: Form) -> Result<()> {
    let look = world.look();
    let stats = || Stats::of(shown.iter().map(|one| (&*one.command, one.state)), TOP);
    match form {
        Form::List => output::page(world, |out| view::write(out, shown, &look)),
        Form::Json => output::print(|out| json::write(out, &json::commands(shown))),
        Form::Stats => output::page(world, |out| stats::write(out, &stats(), &look)),
        Form::StatsJson => output::print(|out| json::write(out, &json::stats::stats(&stats()))),
        Form::Script(extent) => output::page(world, |out| {
            if look.width.is_none() {
                return script::write(out, shown, extent, &look.zone);
            }
            let mut text = Vec::new();
            script::write(&mut text, shown, extent, &look.zone)?;
            script::harmless(out, &text)
        }),
    }
}

fn filter(world: &World, args: &FilterArgs, form: Form, place: &crate::disk::place::Place) -> Result<Filter> {
    let here = PathBuf::from(".");
    let cwd = args.cwd.as_ref().or(args.here.then_some(&here)).map(|dir| {
        let full = world.cwd.join(dir);
        std::fs::canonicalize(&full).with_context(|| format!("find {}", full.display()))
    });
    Ok(Filter {
        limit: args.limit.unwrap_or(match form {
            Form::List | Form::Json => PAGE,
            Form::Stats | Form::StatsJson | Form::Script(_) => 0,
        }),
        cwd: cwd.transpose()?.map(|dir| dir.into_os_string().into_encoded_bytes()),
        session: None,
        exit: match (args.exit, args.failed) {
            (Some(code), _) => Some(Code::Code(code)),
            (None, true) => Some(Code::Failed),
            (None, false) => None,
        },
        since: args.since.as_deref().map(|text| world.when(text)).transpose()?,
        until: args.until.as_deref().map(|text| world.when(text)).transpose()?,
        text: args.text.as_ref().map(|text| text.clone().into_bytes()),
        file: args.file.as_ref().map(|path| world.below_top(place, path)).transpose()?,
        state: args.state.as_deref().map(state).transpose()?,
    })
}

fn state(word: &str) -> Result<State> {
    match word {
        "running" => Ok(State::Running),
        "done" => Ok(State::Done),
        "lost" => Ok(State::Lost),
        "interrupted" => Ok(State::Interrupted),
        _ => Err(Misuse(format!("{word:?} is no state: running, done, lost, interrupted")).into()),
    }
}
