//! `trace undo` and `trace redo`

use anyhow::{Context, Result};

use super::exit::Exit;
use super::putting::{self, Asks, How, Proposal};
use super::restore::notes;
use super::world::World;
use crate::model::event::RestoreAction;
use crate::model::restore::{Conflict, Item};
use crate::recall::{acts, commands, ops, undo};
use crate::store::restore::{Purpose, revert};

/// Take back the file changes of the last command, turn or restore, whoever made it
///
/// Again and again, it goes further back. What was changed since by others stays; where that is not
/// possible nothing is changed. HEAD, the index and the stash are not touched. `trace redo` takes an
/// undo back, so it is not asked for.
#[derive(clap::Args)]
#[command(
    after_help = "Example: rm -rf src && git reset --hard; trace undo\n         trace undo --dry-run -p"
)]
pub struct Args {
    #[command(flatten)]
    how: How,
}

/// Put forward again what the last undo took back
#[derive(clap::Args)]
#[command(after_help = "Example: trace undo && trace redo")]
pub struct RedoArgs {
    #[command(flatten)]
    how: How,
}

/// Runs `undo`.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let resolve = args.how.resolve();
    putting::proceed(world, &home, &args.how.manner(Asks::Never), &|store, saved| {
        let (record, read) = commands::read(&home, store);
        read.context("read the record")?;
        let acts = acts::of(&home, store, &record)?;
        for unit in undo::units(&acts, &record) {
            let items = revert::plan(&home, store, saved, &unit.edits, resolve)?;
            // What is as it was before already has nothing to take back, nor has what is never ours to.
            let is_ours = |item: &Item| !matches!(item.conflict, Some(Conflict::Nested | Conflict::NotThere));
            if !items.iter().any(is_ours) {
                continue;
            }
            let before = unit.before(store, &record)?;
            let named = acts::sure_names(&home, store, &items, unit.head_before(store)?, Vec::new())?;
            return Ok(Some(Proposal {
                items,
                purpose: Purpose {
                    action: RestoreAction::Undo,
                    label: unit.label.clone(),
                    of: Some(unit.key.clone()),
                    named,
                },
                exact: Some(before == undo::Before::Right),
                notes: notes(&home, store, &unit, before)?,
            }));
        }
        Ok(None)
    })
}

/// Runs `redo`.
pub fn redo(world: &World, args: &RedoArgs) -> Result<Exit> {
    let home = world.home()?;
    let resolve = args.how.resolve();
    putting::proceed(world, &home, &args.how.manner(Asks::Never), &|store, saved| {
        let (record, read) = commands::read(&home, store);
        read.context("read the record")?;
        let Some(last) = undo::last_undo(&record) else { return Ok(None) };
        let instead =
            || format!("`trace restore {}` puts back all files as they were before it", last.restored.saved);
        let edits = acts::edits_of(&home, &last.id, &last.restored).with_context(instead)?;
        let edits =
            edits.with_context(|| format!("the plan of {} is no longer kept: {}", last.id, instead()))?;
        let items = revert::plan(&home, store, saved, &edits, resolve)?;
        let named = acts::sure_names(&home, store, &items, None, Vec::new())?;
        Ok(Some(Proposal {
            items,
            purpose: Purpose {
                action: RestoreAction::Redo,
                label: last.restored.label.clone(),
                of: Some(ops::key(&last.id)),
                named,
            },
            exact: None,
            notes: Vec::new(),
        }))
    })
}
