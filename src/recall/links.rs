//! From commits to what led to them, and back: checkpoints, sessions, prompts, commands.
//!
//! Derived when it is asked for, from what is recorded in every worktree of the clone: [`link`] decides
//! what of it went into a commit, and who was at work then says the rest.

mod gathered;
mod line;
mod patch;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::ControlFlow;
use std::rc::Rc;

use anyhow::{Context, Result};

use crate::git::store::Store;
use crate::git::{ancestry, diff, head};
use crate::model::change::Change;
use crate::model::event::{Event, What};
use crate::model::gitact::Committed;
use crate::model::id::{CommandId, SessionId};
use crate::model::link::{self, Edit, How, Link, Scene, Stretch};
use crate::model::oid::Oid;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::wire::trailer::{self, Trailer};

use super::attribution::Found;
use super::commands::{self, Record};
use super::turns::Turn;
use gathered::Gathered;
use line::Told;

/// Of a commit that changes more paths, so many are looked at.
const PATHS: usize = 20_000;

/// So many commits of the history are asked about, where nobody says which: the newest.
const HISTORY: usize = 100;

/// So many commits that were recorded are compared with one.
const LIKELY: usize = 200;

/// Everything that is recorded in a clone, read once.
pub struct Ground<'a> {
    home: &'a Home,
    store: &'a Store,
    lines: Vec<Told>,
    /// What was made of what, as git told.
    rewritten: Vec<(Oid, Oid)>,
    /// What commits change, as far as it was asked for.
    deltas: RefCell<HashMap<Oid, Rc<[Edit]>>>,
}

/// What led to a commit. Oldest first, each once, with the surest way in which it is known.
#[derive(Debug)]
pub struct Links {
    pub commit: Oid,
    /// The first parent.
    pub parent: Option<Oid>,
    pub checkpoints: Vec<Link<Oid>>,
    pub sessions: Vec<Link<SessionId>>,
    pub prompts: Vec<Link<Turn>>,
    pub commands: Vec<Link<CommandId>>,
    /// The changes of files that went into it, and who made them.
    pub changes: Vec<Traced>,
    /// What its message says of checkpoints and sessions, also of those of other tools.
    pub trailers: Vec<Trailer>,
}

/// A change that went into a commit.
#[derive(Clone, Debug)]
pub struct Traced {
    pub checkpoint: Oid,
    pub change: Change,
    pub how: How,
}

/// What the commits are wanted of.
#[derive(Clone, Copy, Debug)]
pub enum Of<'a> {
    Checkpoint(Oid),
    Session(&'a SessionId),
}

impl<'a> Ground<'a> {
    /// Reads everything of this clone. What is damaged is left out, and said in words.
    pub fn read(home: &'a Home, store: &'a Store) -> Result<(Self, Vec<String>)> {
        let (record, read) = commands::read(home, store);
        let (ground, mut troubles) = Self::around(home, store, record)?;
        troubles.extend(read.err().map(|error| format!("{error:#}")));
        Ok((ground, troubles))
    }

    /// The same, where the record of this worktree is read already.
    pub fn around(home: &'a Home, store: &'a Store, own: Record) -> Result<(Self, Vec<String>)> {
        let mut troubles = Vec::new();
        let mut lines: Vec<Told> = Vec::new();
        let mut own = Some(own);
        for one in home.worktrees()? {
            let known = own.take_if(|_| one.worktree == home.worktree);
            let (line, read) = Told::read(home, one, store, known);
            troubles.extend(read.err().map(|error| format!("{error:#}")));
            lines.push(line);
        }
        lines.sort_by_key(|line| line.line.steps.first().map(|step| step.at));
        let events = lines.iter().flat_map(|line| &line.record.git);
        let rewritten = events.filter_map(|(_, event)| match &event.what {
            What::Rewritten(told) => Some(told.pairs.clone()),
            _ => None,
        });
        let rewritten = rewritten.flatten().collect();
        Ok((Self { home, store, lines, rewritten, deltas: RefCell::default() }, troubles))
    }

    /// The record of each worktree.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.lines.iter().map(|line| &line.record)
    }

    /// What a checkpoint found, and the worktree that it is of, as [`Self::records`] counts them.
    pub fn found(&self, checkpoint: Oid) -> Option<(usize, &Found)> {
        self.lines.iter().enumerate().find_map(|(at, line)| Some((at, line.found(checkpoint)?)))
    }

    /// When the first checkpoint was made.
    pub fn began(&self) -> Option<Timestamp> {
        self.lines.iter().filter_map(|line| line.line.steps.first()).map(|step| step.at).min()
    }

    /// When git's hook told of a commit first.
    fn made(&self, commit: Oid) -> Option<Timestamp> {
        self.lines.iter().filter_map(|line| line.told_of(commit)).map(|(_, event)| event.at).min()
    }

    /// The commits that are known to have been made here, newest first, each once.
    fn recorded(&self) -> Vec<Oid> {
        let mut all = Vec::new();
        for line in &self.lines {
            let told = line.record.git.iter().filter_map(|(_, event)| Some(committed(event)?.commit));
            all.extend(line.line.steps.iter().filter_map(|step| step.head).chain(told));
        }
        let mut seen = HashSet::new();
        all.reverse();
        all.retain(|id| seen.insert(*id));
        all
    }

    /// What a commit changes, against its first parent.
    fn delta(&self, commit: Oid) -> Result<Rc<[Edit]>> {
        if let Some(known) = self.deltas.borrow().get(&commit) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[Edit]> = delta(self.store, commit)?.into();
        self.deltas.borrow_mut().insert(commit, Rc::clone(&found));
        Ok(found)
    }

    /// The newest commits of the history of HEAD and of every branch.
    fn history(&self) -> Result<Vec<Oid>> {
        let place = &self.home.place;
        let branches = head::branches(&place.git_dir, &place.common)?.into_iter().map(|(_, id)| id);
        let mut next: VecDeque<Oid> =
            head::read(&place.git_dir, &place.common)?.commit.into_iter().chain(branches).collect();
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        while let Some(id) = next.pop_front().filter(|_| all.len() < HISTORY) {
            if seen.insert(id) {
                all.push(id);
                next.extend(ancestry::parents(self.store, id)?);
            }
        }
        Ok(all)
    }
}

/// What led to a commit.
///
/// # Errors
/// There is no such commit, or its files cannot be read.
pub fn of_commit(ground: &Ground<'_>, commit: Oid) -> Result<Links> {
    let raw = ground.store.commit(commit)?.with_context(|| format!("there is no commit {commit}"))?;
    let delta = ground.delta(commit)?;
    let trailers = trailer::parse(&raw.message);
    let mut links = Gathered::default();
    let before = link::ancestry_of(commit, &ground.rewritten);
    let of = |line| stretches(ground, line, commit, &before);
    take(ground, &delta, &of, &mut links)?;
    for line in &ground.lines {
        line.take_told(commit, How::Hook, &mut links);
        before.iter().for_each(|old| line.take_told(*old, How::Rewrite, &mut links));
    }
    // What was made later did not lead to it.
    let until = ground.made(commit);
    let is_older = |other: Oid| until.is_none_or(|until| ground.made(other).is_none_or(|at| at <= until));
    let is_known = |other: Oid| other == commit || before.contains(&other);
    take_alike(ground, &delta, &|other| !is_known(other) && is_older(other), &mut links)?;
    for one in &trailers {
        let known = one.checkpoint().filter(|id| ground.lines.iter().any(|line| line.has(*id)));
        known.into_iter().for_each(|id| links.checkpoint(id, How::Trailer));
        one.session().into_iter().for_each(|id| links.session(id, How::Trailer));
    }
    Ok(links.finish(ground, commit, raw.parent, trailers))
}

/// The changes that led to a change of a file where it was made first, in whatever worktree.
pub fn of_edit(ground: &Ground<'_>, edit: Edit) -> Vec<Traced> {
    let scenes: Vec<_> =
        ground.lines.iter().map(|line| Scene { line: &line.line, stretches: Vec::new() }).collect();
    let mut links = Gathered::default();
    for (line, places) in ground.lines.iter().zip(link::trace(&[edit], &scenes)) {
        line.take(&places, &mut links);
    }
    links.changes
}

/// The commits that a checkpoint or a session led to, of those that were recorded, and of the newest
/// in the history.
///
/// # Errors
/// The history cannot be read.
pub fn commits_of(ground: &Ground<'_>, of: Of<'_>) -> Result<Vec<Link<Oid>>> {
    let mut candidates = ground.history()?;
    candidates.extend(ground.recorded().into_iter().take(LIKELY));
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for commit in candidates.into_iter().filter(|id| seen.insert(*id) && may_be(ground, of, *id)) {
        // One that was amended may be gone since; then there is nothing to show either.
        let Ok(links) = of_commit(ground, commit) else { continue };
        let how = match of {
            Of::Checkpoint(id) => links.checkpoints.iter().find(|link| link.what == id).map(|link| link.how),
            Of::Session(id) => links.sessions.iter().find(|link| link.what == *id).map(|link| link.how),
        };
        found.extend(how.map(|how| Link { what: commit, how }));
    }
    Ok(found)
}

/// Whether it is worth asking: a commit that shares no path with a checkpoint was not made of it.
fn may_be(ground: &Ground<'_>, of: Of<'_>, commit: Oid) -> bool {
    let Of::Checkpoint(id) = of else { return true };
    let step = |line: &Told| {
        line.checkpoints.iter().position(|own| *own == id).map(|at| line.line.steps[at].clone())
    };
    let Some(step) = ground.lines.iter().find_map(step) else { return false };
    let holds = |line: &Told| {
        line.told_of(commit).is_some_and(|(at, _)| at.map(|at| line.checkpoints[at]) == Some(id))
    };
    let paths: HashSet<&[u8]> = step.edits.iter().map(|edit| edit.path.as_slice()).collect();
    step.head == Some(commit)
        || ground.lines.iter().any(holds)
        || ground
            .delta(commit)
            .is_ok_and(|delta| delta.iter().any(|edit| paths.contains(edit.path.as_slice())))
}

/// Takes what of a commit's changes was recorded, given where it came about in each worktree.
fn take<'a>(
    ground: &'a Ground<'_>,
    delta: &[Edit],
    stretches: &dyn Fn(&'a Told) -> Result<Vec<Stretch>>,
    links: &mut Gathered,
) -> Result<()> {
    let scene = |line: &'a Told| Ok(Scene { line: &line.line, stretches: stretches(line)? });
    let scenes = ground.lines.iter().map(scene).collect::<Result<Vec<_>>>()?;
    for (line, scene) in ground.lines.iter().zip(&scenes) {
        scene.stretches.iter().for_each(|stretch| line.take_end(stretch, links));
    }
    for (line, places) in ground.lines.iter().zip(link::trace(delta, &scenes)) {
        line.take(&places, links);
    }
    Ok(())
}

/// Where a commit, and whatever it was made from, came about in one worktree.
fn stretches(ground: &Ground<'_>, line: &Told, commit: Oid, before: &[Oid]) -> Result<Vec<Stretch>> {
    let mut all = came_about(ground, line, commit)?;
    for old in before {
        let older = came_about(ground, line, *old)?;
        all.extend(older.into_iter().map(|stretch| Stretch { how: How::Rewrite, ..stretch }));
    }
    Ok(all)
}

fn came_about(ground: &Ground<'_>, line: &Told, commit: Oid) -> Result<Vec<Stretch>> {
    let parents = ancestry::parents(ground.store, commit)?;
    let parent = parents.first().copied();
    let told = line.told_of(commit).and_then(|(at, _)| line.line.told(at, parent));
    if told.is_none() && ground.lines.iter().any(|line| line.told_of(commit).is_some()) {
        // It was made in another worktree, and came to this one.
        return Ok(Vec::new());
    }
    let plain = |before: Option<Oid>, after: Oid| after == commit && before == parent;
    let led = line.line.led(&plain).or_else(|| {
        // Several commits between two looks: the one asked for was made on the way.
        let reaches = |old, new| ancestry::is_ancestor(ground.store, old, new).unwrap_or(false);
        let passed = |before: Option<Oid>, after: Oid| {
            parent.is_some_and(|parent| before.is_some_and(|before| reaches(before, parent)))
                && reaches(commit, after)
        };
        line.line.led(&passed)
    });
    // A merge is told as what it is; of every other commit that means that it was there already.
    let came = |led: &Stretch| {
        let at = *led.steps.end();
        parents.len() < 2 && line.line.steps[at].head.is_some_and(|head| line.moved_to(at, head))
    };
    Ok(told.into_iter().chain(led.filter(|led| !came(led))).collect())
}

/// Links a commit by way of others with the same change of the same lines: it was picked, or moved
/// where no hook told of that.
fn take_alike(
    ground: &Ground<'_>,
    delta: &[Edit],
    may_be: &dyn Fn(Oid) -> bool,
    links: &mut Gathered,
) -> Result<()> {
    let mut own = None;
    for other in ground.recorded().into_iter().filter(|other| may_be(*other)).take(LIKELY) {
        let Ok(theirs) = ground.delta(other) else { continue };
        if !theirs.iter().map(|edit| &edit.path).eq(delta.iter().map(|edit| &edit.path)) {
            continue;
        }
        if own.is_none() {
            own = patch::id(ground.store, delta)?;
        }
        if own.is_none() || patch::id(ground.store, &theirs)? != own {
            continue;
        }
        let of = |line: &Told| {
            let stretches = came_about(ground, line, other)?.into_iter();
            Ok(stretches.map(|one| Stretch { how: How::Content, ..one }).collect())
        };
        take(ground, &theirs, &of, links)?;
    }
    Ok(())
}

/// Whether two deltas change the same lines of the same paths.
pub(super) fn is_alike(store: &Store, one: &[Edit], other: &[Edit]) -> Result<bool> {
    if !one.iter().map(|edit| &edit.path).eq(other.iter().map(|edit| &edit.path)) {
        return Ok(false);
    }
    let own = patch::id(store, one)?;
    Ok(own.is_some() && own == patch::id(store, other)?)
}

/// What a commit changes, against its first parent.
pub(super) fn delta(store: &Store, commit: Oid) -> Result<Vec<Edit>> {
    let new = ancestry::tree_of(store, commit)?.with_context(|| format!("there is no commit {commit}"))?;
    let parent = ancestry::parents(store, commit)?.first().copied();
    // A parent behind a shallow border is not there: then the commit brought all it has.
    let old = parent.map(|parent| ancestry::tree_of(store, parent)).transpose()?.flatten();
    between(store, old, new)
}

/// What differs between two trees.
pub(super) fn between(store: &Store, old: Option<Oid>, new: Oid) -> Result<Vec<Edit>> {
    let mut all = Vec::new();
    diff::trees(store, None, old, Some(new), &mut |one| {
        let id = |side: Option<crate::model::change::Side>| side.map(|side| side.id);
        all.push(Edit { path: one.path, old: id(one.old), new: id(one.new) });
        Ok(if all.len() < PATHS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(all)
}

fn committed(event: &Event) -> Option<&Committed> {
    match &event.what {
        What::Committed(made) => Some(made),
        _ => None,
    }
}
