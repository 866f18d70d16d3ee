//! Finishes the restore that somebody was killed in, or takes it back.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Error, Result};

use super::apply::{Goal, Work};
use super::ground::Ground;
use super::ops::{self, Stage};
use crate::disk::process;
use crate::git::store::Store;
use crate::model::command::Alive;
use crate::model::event::RestoreAction;
use crate::model::id::EventId;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::store::trouble;
use crate::wire::op::Op;

/// A restore that was found half done.
#[derive(Clone, Debug)]
pub struct Healed {
    pub action: RestoreAction,
    pub label: Text,
    pub outcome: Mended,
    /// Files that others wrote to while they were replaced, and where those bytes are.
    pub kept: Vec<(Text, PathBuf)>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Mended {
    /// It was carried out to its end.
    Finished { stayed: usize },
    /// It was over; what it had replaced is closed by now, and was looked at.
    Swept,
    /// It could not be, and everything is as it was before it.
    TakenBack { stayed: usize },
    /// Neither was possible; the next command tries again.
    Stuck(String),
}

/// Whether there is anything to do, found out quickly.
pub fn is_needed(home: &Home) -> bool {
    ops::list(home).is_ok_and(|listing| !listing.unfinished.is_empty() || !listing.rooms.is_empty())
}

/// Looks after every restore that nobody is at work on. `alone`: we hold the lock that says so.
pub fn heal(home: &Home, store: &Store, alone: bool) -> Result<Vec<Healed>> {
    let listing = ops::list(home)?;
    let mut healed = Vec::new();
    for (id, stage) in listing.unfinished {
        let path = ops::file(home, &id, stage);
        let op = match ops::read(&path) {
            Ok(op) => op,
            Err(error) => {
                set_aside(home, &id, stage, &error)?;
                continue;
            }
        };
        if !alone && process::alive(&op.process) == Alive::Yes {
            continue;
        }
        healed.push(mend(home, store, op, stage)?);
    }
    // What is still open elsewhere was left in its room; what is left of nobody goes.
    for id in &listing.rooms {
        match ops::read(&ops::file(home, id, Stage::Done)) {
            Ok(op) => {
                let (action, label) = (op.action, op.label.clone());
                let kept = Work::new(home, Ground::open(home, store)?, op)?.clean_up(Goal::Forward);
                if !kept.is_empty() {
                    healed.push(Healed { action, label, outcome: Mended::Swept, kept });
                }
            }
            Err(_) => remove_orphan(home, id),
        }
    }
    Ok(healed)
}

fn mend(home: &Home, store: &Store, op: Op, stage: Stage) -> Result<Healed> {
    let (action, label) = (op.action, op.label.clone());
    let work = Work::new(home, Ground::open(home, store)?, op.clone())?;
    let mut kept = Vec::new();
    let outcome = match stage {
        Stage::Back => back(&work),
        _ => match work.drive(Goal::Forward).and_then(|stayed| work.seal(stayed)) {
            Ok(done) => {
                kept = done.kept;
                Mended::Finished { stayed: done.stayed.len() }
            }
            Err(error) => give_up(home, &work, &op.id, error),
        },
    };
    Ok(Healed { action, label, outcome, kept })
}

/// Finishing failed: a full disk, say. Taking back needs no room.
fn give_up(home: &Home, work: &Work<'_>, id: &EventId, error: Error) -> Mended {
    trouble::note(&home.place.common, "finish a restore", &format!("{error:#}"));
    match ops::advance(home, id, Stage::Open, Stage::Back) {
        Ok(()) => back(work),
        Err(also) => Mended::Stuck(format!("{error:#}; {also:#}")),
    }
}

fn back(work: &Work<'_>) -> Mended {
    match work.back() {
        Ok(stayed) => Mended::TakenBack { stayed: stayed.len() },
        Err(error) => Mended::Stuck(format!("{error:#}")),
    }
}

/// A plan that cannot be read is carried out by nobody. Its checkpoint still holds everything.
fn set_aside(home: &Home, id: &EventId, stage: Stage, error: &Error) -> Result<()> {
    trouble::note(&home.place.common, "read the plan of a restore", &format!("{error:#}"));
    ops::advance(home, id, stage, Stage::Damaged).context("set a damaged plan aside")
}

/// A room without a plan holds copies of what the store holds: nothing was begun.
fn remove_orphan(home: &Home, id: &EventId) {
    let has_plan = [Stage::Open, Stage::Back, Stage::Done, Stage::Damaged]
        .iter()
        .any(|stage| fs::symlink_metadata(ops::file(home, id, *stage)).is_ok());
    if !has_plan {
        let _ = fs::remove_dir_all(ops::room(home, id));
    }
}
