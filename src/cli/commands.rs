//! `trace commands`

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::model::command::State;
use crate::recall::commands::{self, Changes, Exit as Code, Filter};
use crate::recall::select;
use crate::view::commands::{self as view, CommandView};
use crate::view::json;

/// List recorded commands, newest last, also those that no checkpoint holds yet
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace commands --failed --since today\n         trace commands --file src/main.rs"
)]
pub struct Args {
    /// At most N, the newest; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Started in DIR or below
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Of this session: its id, the beginning of it, or its agent's own id
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
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// Whose text contains this
    #[arg(value_name = "TEXT")]
    text: Option<String>,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let session = args.session.as_deref().map(|word| select::session_of(&home, word)).transpose()?;
    let filter = Filter { session, ..filter(world, args, &home.place)? };
    let changes = if args.json { Changes::Wanted } else { Changes::Unwanted };
    let (record, read) = commands::read_for(&home, &filter, changes);
    let told = record.list(&filter, top, args.json);
    let shown: Vec<CommandView> = told
        .into_iter()
        .map(|told| CommandView { command: told.command, state: told.state, changes: told.changes })
        .collect();
    if args.json {
        output::print(|out| json::write(out, &json::commands(&shown)))?;
    } else if shown.is_empty() {
        output::say(if record.commands.is_empty() { view::EMPTY } else { crate::view::NO_MATCH });
    } else {
        output::page(world, |out| view::write(out, &shown, &world.look()))?;
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

fn filter(world: &World, args: &Args, place: &crate::disk::place::Place) -> Result<Filter> {
    let cwd = args.cwd.as_ref().map(|dir| {
        let full = world.cwd.join(dir);
        std::fs::canonicalize(&full).with_context(|| format!("find {}", full.display()))
    });
    Ok(Filter {
        limit: args.limit,
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
