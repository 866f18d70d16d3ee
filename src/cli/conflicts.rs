//! `trace conflicts`

use anyhow::{Context, Result};

use super::exit::Exit;
use super::output;
use super::world::World;
use crate::git::store::Store;
use crate::recall::{acts, commands, conflicts, sessions};
use crate::view::conflicts::{self as view, ContestedView};
use crate::view::json;

/// List the files that two sessions at work have both changed since they began
///
/// Only sessions that are active, and neither ended nor closed, count.
#[derive(clap::Args)]
#[command(after_help = "Example: trace conflicts")]
pub struct Args {
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it: exit code 1 if there are any, as of a search for differences.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let (record, read) = commands::read(&home, &store);
    let (all, also) = sessions::read(&home, &store);
    let acts = acts::of(&home, &store, &record)?;
    let found: Vec<ContestedView> = conflicts::find(&acts, &all, world.now)
        .into_iter()
        .map(|one| {
            let named = |(id, last)| (sessions::find(&all, &id).cloned(), last);
            let by = one.by.into_iter().map(named).filter_map(|(session, last)| Some((session?, last)));
            ContestedView { path: one.path, by: by.collect() }
        })
        .collect();
    if args.json {
        output::print(|out| json::write(out, &json::session::conflicts(&found)))?;
    } else if found.is_empty() {
        output::say(view::EMPTY);
    } else {
        output::page(world, |out| view::write(out, &found, &world.look()))?;
    }
    read.and(also).context("some of the record could not be read")?;
    Ok(if found.is_empty() { Exit::Done } else { Exit::No })
}
