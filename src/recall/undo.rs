//! What `undo` takes back next, and what `redo` puts forward again.
//!
//! A unit is what a person would call one thing: a command, a finished turn of an agent with all
//! it did, a restore. An undo is no unit; it only marks the one it took back.

use std::collections::HashSet;

use anyhow::Result;

use super::acts::{Act, Acts, Sort};
use super::commands::Record;
use super::ops::{self, Operation};
use super::turns::Turn;
use crate::git::store::Store;
use crate::model::checkpoint::Snapshot;
use crate::model::event::{Looked, RestoreAction, What};
use crate::model::id::{CommandId, SessionId};
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::restore::revert::Edits;

/// One thing that can be taken back.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// The key that names it for ever.
    pub key: String,
    /// What it is, in a word: command, turn, tool, restore.
    pub sort: &'static str,
    pub label: Text,
    pub session: Option<SessionId>,
    pub started: Timestamp,
    pub edits: Edits,
    /// Paths that something else may have changed as well.
    pub shared: Vec<Text>,
    /// The first checkpoint that holds a change of it.
    pub first_in: Option<Oid>,
    last: Option<(usize, Timestamp)>,
    /// When its first change was made, as far as that is known.
    first_change: Timestamp,
}

/// From when the state before a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It was looked at right before: nothing else can have come between.
    Right,
    /// It was looked at so many microseconds before; what changed between, and that nothing recorded,
    /// is taken back too.
    Earlier(i64),
}

/// A checkpoint that was begun so shortly before a command is the guard of that command, which had
/// not begun yet.
const SHORTLY_US: i64 = 1_000_000;

impl Unit {
    /// How exactly its beginning is known.
    pub fn before(&self, store: &Store, record: &Record) -> Result<Before> {
        let Some(first) = self.first_in else { return Ok(Before::Right) };
        let Some(parent) = chain::checkpoint(store, first)?.parent else { return Ok(Before::Right) };
        let header = chain::checkpoint(store, parent)?.header;
        let guards = record.others.iter().filter_map(|event| match event.what {
            What::Looked(Looked { tip }) if tip == parent && event.at <= self.first_change => Some(event.at),
            _ => None,
        });
        let seen = guards.fold(header.time, Timestamp::max);
        let gap = self.started.0.saturating_sub(seen.0);
        let looked = matches!(header.snapshot, Snapshot::Full | Snapshot::Known);
        Ok(if looked && gap <= SHORTLY_US { Before::Right } else { Before::Earlier(gap.max(0)) })
    }

    /// The user's own commit right before it.
    pub fn head_before(&self, store: &Store) -> Result<Option<Oid>> {
        let Some(first) = self.first_in else { return Ok(None) };
        let Some(parent) = chain::checkpoint(store, first)?.parent else { return Ok(None) };
        Ok(chain::checkpoint(store, parent)?.header.head)
    }
}

/// Everything that can be taken back, the newest first.
pub fn units(acts: &Acts, record: &Record) -> Vec<Unit> {
    let operations = ops::list(record);
    let undone: HashSet<&str> =
        ops::standing(&operations).iter().filter_map(|undo| undo.restored.of.as_deref()).collect();
    let mut units: Vec<Unit> = Vec::new();
    for act in acts.all.iter().filter(|act| !act.edits.is_empty()) {
        if matches!(act.what, Sort::Restore(_, RestoreAction::Undo | RestoreAction::Redo)) {
            continue;
        }
        let of = unit_of(act, &acts.turns);
        // An agent's command may have been taken back on its own, before its turn was over.
        if undone.contains(of.key.as_str()) || undone.contains(act.key().as_str()) {
            continue;
        }
        match units.iter_mut().find(|unit| unit.key == of.key) {
            Some(unit) => unit.take(act),
            None => {
                let mut unit = of;
                unit.take(act);
                units.push(unit);
            }
        }
    }
    units.sort_by(|a, b| b.last.cmp(&a.last).then(b.started.cmp(&a.started)));
    units
}

impl Unit {
    fn take(&mut self, act: &Act) {
        for (path, edits) in &act.edits {
            self.edits.entry(path.clone()).or_default().extend_from_slice(edits);
        }
        self.shared.extend(act.shared.iter().map(|path| Text(path.clone())));
        if self.first_in.is_none() {
            (self.first_in, self.first_change) = (act.first_in, act.first_change);
        }
        // A restore that changed what its checkpoint then no longer found differs from nothing.
        self.last = self.last.max(act.last.or(Some((0, act.from))));
    }
}

/// The empty unit that an act belongs to.
fn unit_of(act: &Act, turns: &[Turn]) -> Unit {
    let turn = turns.iter().rev().find(|turn| {
        Some(&turn.session) == act.session.as_ref()
            && turn.started <= act.from
            && turn.ended.is_some_and(|ended| ended >= act.from)
    });
    match turn {
        Some(turn) => Unit {
            key: turn.name(),
            sort: "turn",
            label: turn.prompt.clone(),
            session: Some(turn.session.clone()),
            started: turn.started,
            ..Unit::default()
        },
        None => Unit {
            key: act.key(),
            sort: match act.what {
                Sort::Command(_) => "command",
                Sort::Tool(_) => "tool",
                Sort::Restore(..) => "restore",
            },
            label: act.label.clone(),
            session: act.session.clone(),
            started: act.from,
            ..Unit::default()
        },
    }
}

/// The undo that is to be put forward again.
pub fn last_undo(record: &Record) -> Option<Operation> {
    ops::standing(&ops::list(record)).pop().cloned()
}

/// Whose changes are to go.
#[derive(Clone, Debug)]
pub enum Actor {
    Session(SessionId),
    Command(CommandId),
    Turn(Turn),
}

/// The changes of an actor, as one unit.
pub fn of_actor(acts: &Acts, actor: &Actor) -> Unit {
    let is_theirs = |act: &&Act| match actor {
        Actor::Session(session) => act.session.as_ref() == Some(session),
        Actor::Command(id) => act.what == Sort::Command(id.clone()),
        Actor::Turn(turn) => {
            act.session.as_ref() == Some(&turn.session)
                && act.from >= turn.started
                && turn.ended.is_none_or(|ended| act.from <= ended)
        }
    };
    let mut unit = Unit::default();
    for act in acts.all.iter().filter(is_theirs) {
        if unit.first_in.is_none() {
            unit.started = act.from;
        }
        unit.take(act);
    }
    unit
}
