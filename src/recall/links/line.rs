//! One worktree of the clone: its checkpoints in order, what they found changed, and who was at work.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use super::gathered::Gathered;
use super::{Traced, committed};
use crate::git::store::Store;
use crate::model::change::{Change, Side};
use crate::model::event::{Event, What};
use crate::model::id::SessionId;
use crate::model::link::{Edit, How, Line, Place, Step, Stretch};
use crate::model::oid::Oid;
use crate::model::time::Timestamp;
use crate::recall::attribution::{Found, Windows, by_when};
use crate::recall::commands::{self, Record};
use crate::recall::turns::{self, Turn};
use crate::store::home::Home;
use crate::store::models::Chain;
use crate::store::tip;

/// What is told in one worktree.
pub struct Told {
    pub line: Line,
    /// By step.
    pub checkpoints: Vec<Oid>,
    pub record: Record,
    /// What was found, by checkpoint.
    found: HashMap<Oid, Found>,
    windows: Windows,
    turns: Vec<Turn>,
}

impl Told {
    /// Reads it, unless its record is known: all that there is, and an error if that is not all.
    pub fn read(here: &Home, of: Home, store: &Store, known: Option<Record>) -> (Self, Result<()>) {
        let open = || Ok(store);
        let mut headers = Vec::new();
        let walked = tip::intact(&of).and_then(|tip| {
            for one in (Chain { home: &of, open: &open, tip }).walk() {
                headers.push(one?);
            }
            Ok(())
        });
        headers.reverse();
        let (record, read) = known.map_or_else(|| commands::read(&of, store), |record| (record, Ok(())));
        let own = here.place.work_tree.as_ref().filter(|_| of.worktree == here.worktree);
        let told = headers.last().map(|last| last.header.worktree_path.0.clone());
        let top = own.map(|top| top.as_os_str().as_encoded_bytes().to_vec()).or(told).unwrap_or_default();
        let windows = Windows::new(&record.commands, &record.others, &top);
        let found: HashMap<Oid, Found> =
            record.changes.iter().map(|found| (found.checkpoint, found.clone())).collect();
        let edits = |id: &Oid| found.get(id).map(|found| found.changes.iter().map(edit).collect());
        let steps = headers.iter().map(|one| Step {
            at: one.header.time,
            head: one.header.head,
            edits: edits(&one.id).unwrap_or_default(),
        });
        let line = Line::new(steps.collect());
        let checkpoints = headers.iter().map(|one| one.id).collect();
        let turns = turns::of(&record);
        (Self { line, checkpoints, record, found, windows, turns }, walked.and(read))
    }

    /// Whether git told that it only moved HEAD to a commit in this step, with a branch or another's
    /// history: then the commit was not made there.
    pub fn moved_to(&self, step: usize, commit: Oid) -> bool {
        let here = self.checkpoints.get(step).copied();
        let is_it = |event: &Event| match &event.what {
            What::CheckedOut(moved) => moved.new == commit,
            What::Merged(merged) => merged.commit == Some(commit) && !merged.squash,
            _ => false,
        };
        self.record.git.iter().any(|(held_by, event)| *held_by == here && is_it(event))
    }

    /// What a checkpoint of this worktree found.
    pub fn found(&self, checkpoint: Oid) -> Option<&Found> {
        self.found.get(&checkpoint)
    }

    /// Whether a checkpoint is one of this worktree.
    pub fn has(&self, id: Oid) -> bool {
        self.checkpoints.contains(&id)
    }

    /// What git's hook told of a commit, and the step that holds it; `None` there as long as it waits.
    pub fn told_of(&self, commit: Oid) -> Option<(Option<usize>, &Event)> {
        let is_it = |event: &Event| committed(event).is_some_and(|made| made.commit == commit);
        let (held_by, event) = self.record.git.iter().find(|(_, event)| is_it(event))?;
        let at = held_by.and_then(|id| self.checkpoints.iter().position(|own| *own == id));
        Some((at, event))
    }

    /// Takes the checkpoint in which a commit came about.
    pub fn take_end(&self, stretch: &Stretch, links: &mut Gathered) {
        let last = self.checkpoints.get(*stretch.steps.end());
        last.into_iter().for_each(|id| links.checkpoint(*id, stretch.how));
    }

    /// Takes the changes that went into a commit, and whoever made them.
    pub fn take(&self, places: &BTreeMap<Place, How>, links: &mut Gathered) {
        let mut known: HashMap<usize, Vec<Change>> = HashMap::new();
        for ((step, nth), how) in places {
            let Some(found) = self.found.get(&self.checkpoints[*step]) else { continue };
            let changes = known.entry(*step).or_insert_with(|| self.windows.attribute(found));
            let Some(change) = changes.get(*nth) else { continue };
            self.take_change(found, change, *how, links);
        }
    }

    fn take_change(&self, found: &Found, change: &Change, how: How, links: &mut Gathered) {
        links.checkpoint(found.checkpoint, how);
        let at = by_when(change.ctime.unwrap_or(found.at), found.at);
        change.by.iter().for_each(|author| links.author(self, author, at, how));
        links.changes.push(Traced { checkpoint: found.checkpoint, change: change.clone(), how });
    }

    /// Takes who made a commit, if git's hook told of it: the session, its turn, its command.
    pub fn take_told(&self, commit: Oid, how: How, links: &mut Gathered) {
        let Some((at, event)) = self.told_of(commit) else { return };
        let holder = at.and_then(|at| self.checkpoints.get(at));
        holder.into_iter().for_each(|id| links.checkpoint(*id, how));
        let Some(session) = &event.session else { return };
        links.session(session.clone(), how);
        self.turn(session, event.at).into_iter().for_each(|turn| links.prompt(turn, how));
        let ran = self.record.commands.iter().rev().find(|one| {
            one.session.as_ref() == Some(session)
                && one.started.is_some_and(|from| from <= event.at)
                && one.finished.is_none_or(|to| to >= event.at)
        });
        ran.into_iter().for_each(|one| links.command(one.id.clone(), how));
    }

    /// The turn in which a session was at a moment.
    pub fn turn(&self, session: &SessionId, at: Timestamp) -> Option<&Turn> {
        let own = self.turns.iter().rev().filter(|turn| turn.session == *session);
        own.into_iter().find(|turn| turn.started <= at)
    }

    /// Every session that is told of, in the order in which they came.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        let others = self.record.others.iter().filter_map(|event| event.session.clone());
        others.chain(self.record.commands.iter().filter_map(|one| one.session.clone()))
    }
}

fn edit(change: &Change) -> Edit {
    let id = |side: Option<Side>| side.map(|side| side.id);
    Edit { path: change.path.0.clone(), old: id(change.old), new: id(change.new) }
}
