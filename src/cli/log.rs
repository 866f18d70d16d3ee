//! `trace log`

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit::{Exit, Misuse};
use super::world::World;
use super::{output, selector};
use crate::git::store::Store;
use crate::model::checkpoint::{Checkpoint, Kind};
use crate::recall::commands;
use crate::recall::log::{self, Filter};
use crate::recall::ops::{self, Operation};
use crate::recall::select;
use crate::store::home::Home;
use crate::view::operation::{self, OperationView};
use crate::view::{json, log as view};

/// List the checkpoints of this worktree, newest first
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = selector::help(EXAMPLES))]
pub struct Args {
    /// At most N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Not older than this: "2h", "yesterday", "2026-08-20 10:00"
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Not younger than this
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Made for this reason: auto, manual, turn, guard, run, restore
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Made on this branch
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// With an event of this session: its id or a part of it, its alias, its agent's own id, or `last`
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// List what was put back instead: restores, undos, redos
    #[arg(long, conflicts_with_all = ["since", "until", "kind", "branch", "session", "paths"])]
    ops: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// Only those that changed something here
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

const EXAMPLES: &str = "Example: trace log --since 2h src/\n         trace log --json --limit 0";

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    if args.ops {
        return operations(world, &home, args);
    }
    let session = args.session.as_deref().map(|word| select::session_of(&home, word));
    let filter = Filter {
        limit: args.limit,
        since: args.since.as_deref().map(|text| world.when(text)).transpose()?,
        until: args.until.as_deref().map(|text| world.when(text)).transpose()?,
        kind: args.kind.as_deref().map(kind).transpose()?,
        branch: args.branch.as_ref().map(|name| name.clone().into_bytes()),
        session: session.transpose()?,
        paths: args.paths.iter().map(|path| world.below_top(&home.place, path)).collect::<Result<_>>()?,
    };
    let mut found: Vec<Checkpoint> = Vec::new();
    let read = log::list(&home, &filter, &mut found);
    if args.json {
        output::print(|out| json::write(out, &json::log(&found)))?;
    } else if !found.is_empty() {
        output::page(world, |out| view::write(out, &found, &world.look()))?;
    } else if read.is_ok() {
        output::say(if filter.is_open() { view::EMPTY } else { crate::view::NO_MATCH });
    }
    read?;
    Ok(if found.is_empty() && !filter.is_open() { Exit::No } else { Exit::Done })
}

/// What was put back, newest first.
fn operations(world: &World, home: &Home, args: &Args) -> Result<Exit> {
    let (record, read) = commands::read(home, &Store::open(&home.place.store())?);
    let most = if args.limit == 0 { usize::MAX } else { args.limit };
    let all = ops::list(&record).into_iter().rev().take(most);
    let all: Vec<OperationView> = all
        .map(|Operation { id, restored, undone }| OperationView {
            id,
            action: restored.action,
            label: restored.label,
            of: restored.of,
            time: restored.end,
            changed: restored.changed,
            saved: restored.saved,
            undone,
        })
        .collect();
    if args.json {
        output::print(|out| json::write(out, &json::restore::operations(&all)))?;
    } else if all.is_empty() {
        output::say(operation::EMPTY);
    } else {
        output::page(world, |out| operation::write(out, &all, &world.look()))?;
    }
    read?;
    Ok(Exit::Done)
}

fn kind(word: &str) -> Result<Kind> {
    Kind::parse(word).with_context(|| {
        let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        Misuse(format!("{word:?} is no kind of checkpoint: {}", all.join(", ")))
    })
}
