//! Finishes the restore that somebody was killed in, or takes it back.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Error, Result};

use super::apply::{Goal, Work};
use super::ground::Ground;
use super::ops::{self, Stage};
use super::room;
use crate::disk::process;
use crate::git::store::Store;
use crate::model::command::Alive;
use crate::model::id::EventId;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::store::trouble;
use crate::wire::op::Op;

/// A restore that was found half done.
#[derive(Clone, Debug)]
pub struct Healed {
    /// What it was to do, in words.
    pub what: Text,
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
    /// Nobody can tell what was planned: the plan is set aside, and the files are as they were found.
    Unreadable(PathBuf),
}

/// Whether there is anything to do, found out quickly.
pub fn is_needed(home: &Home) -> bool {
    ops::list(home).is_ok_and(|listing| {
        !listing.unfinished.is_empty() || !listing.rooms.is_empty() || listing.has_leftovers
    })
}

/// Looks after every restore that nobody is at work on. `alone`: we hold the lock that says so.
pub fn heal(home: &Home, store: &Store, alone: bool) -> Result<Vec<Healed>> {
    let listing = ops::list(home)?;
    let mut healed = Vec::new();
    for (id, stage) in listing.unfinished {
        let path = ops::file(home, &id, stage);
        let op = match ops::load(&path)? {
            Ok(op) => op,
            Err(error) => {
                healed.push(set_aside(home, &id, stage, &error.into())?);
                continue;
            }
        };
        if !alone && process::alive(&op.process) == Alive::Yes {
            continue;
        }
        mend(home, store, op, stage, &mut healed)?;
    }
    // What is still open elsewhere was left in its room; what is left of nobody goes.
    for id in &listing.rooms {
        match ops::read(&ops::file(home, id, Stage::Done)) {
            Ok(op) => {
                let what = words(&op);
                let kept = Work::new(home, Ground::open(home, store)?, op)?.clean_up(Goal::Forward);
                swept(what, kept, &mut healed);
            }
            // Another one's may be about to be written.
            Err(_) if !alone => {}
            Err(_) => {
                let what = Text::from(id.as_str());
                let kept = orphan(home, store, id)?.into_iter().map(|path| (what.clone(), path));
                swept(what.clone(), kept.collect(), &mut healed);
            }
        }
    }
    if alone {
        ops::sweep(home);
    }
    Ok(healed)
}

/// A restore in words.
fn words(op: &Op) -> Text {
    Text::from(format!("{} {}", op.action.word(), op.label.lossy()))
}

fn swept(what: Text, kept: Vec<(Text, PathBuf)>, healed: &mut Vec<Healed>) {
    if !kept.is_empty() {
        healed.push(Healed { what, outcome: Mended::Swept, kept });
    }
}

fn mend(home: &Home, store: &Store, op: Op, stage: Stage, healed: &mut Vec<Healed>) -> Result<()> {
    let what = words(&op);
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
    healed.push(Healed { what, outcome, kept });
    Ok(())
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
fn set_aside(home: &Home, id: &EventId, stage: Stage, error: &Error) -> Result<Healed> {
    trouble::note(&home.place.common, "read the plan of a restore", &format!("{error:#}"));
    ops::advance(home, id, stage, Stage::Damaged).context("set a damaged plan aside")?;
    let outcome = Mended::Unreadable(ops::file(home, id, Stage::Damaged));
    Ok(Healed { what: Text::from(id.as_str()), outcome, kept: Vec::new() })
}

/// A room whose plan was never written, was taken back, or cannot be read; what was kept of it.
fn orphan(home: &Home, store: &Store, id: &EventId) -> Result<Vec<PathBuf>> {
    let may_be = |stage: &Stage| match fs::symlink_metadata(ops::file(home, id, *stage)) {
        Err(error) => error.kind() != ErrorKind::NotFound,
        Ok(_) => true,
    };
    if Stage::UNFINISHED.iter().any(may_be) {
        return Ok(Vec::new());
    }
    room::clear_out(home, store, id).with_context(|| format!("clear {}", ops::room(home, id).display()))
}
