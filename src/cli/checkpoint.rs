//! `trace checkpoint`

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit::Exit;
use super::world::World;
use super::{flush, output};
use crate::git::store::Store;
use crate::model::change::Skip;
use crate::model::checkpoint::Kind;
use crate::model::oid::Oid;
use crate::store::flush::Outcome;
use crate::store::home::Home;
use crate::store::{chain, record, tip};
use crate::view::json;
use crate::view::made::{self, MadeView};

/// Take a checkpoint now, wait for it, and print its id
///
/// It holds everything recorded and every file as it was when this was called. If nothing has
/// changed since the newest one, that one's id is printed.
#[derive(clap::Args)]
#[command(after_help = "Example: trace checkpoint -m 'before the big refactoring'")]
pub struct Args {
    /// What it is for, in your words
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// Look only at these paths; all others are taken to be as they were
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let paths =
        args.paths.iter().map(|path| world.below_top(&home.place, path)).collect::<Result<Vec<_>>>()?;
    let paths = if paths.is_empty() { None } else { Some(paths) };
    // The words wait in the journal like any event: whoever leads next takes them along.
    if let Some(words) = &args.message {
        record::ask(&home, words, world.now)?;
    }
    let outcome = flush::now(world, &home, Kind::Manual, paths)?;
    let made = view(&home, outcome)?;
    output::print(|out| match args.json {
        true => json::write(out, &json::checkpoint_made(&made)),
        false => made::write(out, &made),
    })?;
    if !args.json {
        made::remarks(&made).iter().for_each(|remark| output::say(remark));
    }
    Ok(Exit::Done)
}

/// What became of a flush, to be shown.
pub fn view(home: &Home, outcome: Outcome) -> Result<MadeView> {
    match outcome {
        Outcome::Made(made) => Ok(MadeView {
            id: Some(made.id),
            created: true,
            worktree: home.worktree.clone(),
            commands: made.header.commands,
            files_changed: made.header.files.total(),
            skipped: made.facts.skipped,
            retries: made.retries,
        }),
        Outcome::Covered { tip, made } => of_tip(home, tip, made),
        Outcome::Nothing { tip, skipped, .. } => Ok(MadeView { skipped, ..unread(home, tip) }),
        Outcome::Left => of_tip(home, tip::intact(home)?, false),
    }
}

/// A checkpoint that was there already, of which nobody asks what it holds.
fn unread(home: &Home, id: Option<Oid>) -> MadeView {
    MadeView {
        id,
        created: false,
        worktree: home.worktree.clone(),
        commands: 0,
        files_changed: 0,
        skipped: Vec::<Skip>::new(),
        retries: 0,
    }
}

fn of_tip(home: &Home, id: Option<Oid>, created: bool) -> Result<MadeView> {
    let mut view = MadeView { created, ..unread(home, id) };
    if let Some(id) = id {
        let store = Store::open(&home.place.store())?;
        let found = chain::checkpoint(&store, id)?;
        let events = chain::events(&store, found.tree).context("read what the checkpoint left out")?;
        view.skipped = chain::facts(&events).map(|facts| facts.skipped).unwrap_or_default();
        if created {
            (view.commands, view.files_changed) = (found.header.commands, found.header.files.total());
        }
    }
    Ok(view)
}
