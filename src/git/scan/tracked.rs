//! The user's index, for two questions: is this path tracked, and need it be on disk?
//!
//! Decoding it costs as much as the scan of a small repository, so it is read only when the answer
//! matters. Never written, never locked.
//!
//! A repository without an index was cloned without a checkout, or its index was thrown away: then
//! HEAD stands for it, and nothing of HEAD need be on disk.

use super::super::store::Store;
use super::super::table::{Stat, bounds};
use super::super::{HashKind, TREE, ancestry, from_gix, head, to_gix};
use super::Ground;
use super::root::{from_system, join};
use super::sweep::racy;
use crate::model::change::Side;
use crate::model::oid::Oid;
use anyhow::{Context, Result};
use gix::index::State;
use gix::index::entry::{Flags, Mode, Stage};
use rustix::io::Errno;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

/// The user's index, read at most once.
pub(super) struct Tracked<'a> {
    path: PathBuf,
    kind: HashKind,
    store: &'a Store,
    /// The tree that stands for the index where there is none.
    head: Option<Oid>,
    digest: u64,
    state: Reading,
}

enum Reading {
    NotYet,
    Done(Box<State>),
    /// It cannot be understood.
    Failed,
}

/// More entries than this stand for no index: a few trees that hold each other many times over
/// would never come to an end.
const MOST: usize = 1 << 22;

impl<'a> Tracked<'a> {
    /// Looks at the index's stat only.
    pub fn new(ground: &Ground<'a>, start: i64) -> Self {
        let (path, store) = (ground.git_dir.join("index"), ground.store);
        let mut this =
            Self { path, kind: store.hash_kind(), store, head: None, digest: 1, state: Reading::NotYet };
        match rustix::fs::stat(&this.path).map(|stat| from_system(&stat)) {
            Ok(stat) => this.digest = digest(&stat, start),
            Err(Errno::NOENT) => match head_tree(ground) {
                Ok(tree) => {
                    this.head = tree;
                    // No index is a state like any other.
                    this.digest = tree.map_or(1, |tree| hashed(tree.as_bytes()));
                }
                Err(_) => (this.digest, this.state) = (0, Reading::Failed),
            },
            Err(_) => {}
        }
        this
    }

    /// Stands for the index's content; 0 if its stat proves nothing.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The entries; `None` if they cannot be read.
    pub fn read(&mut self) -> Option<&State> {
        if matches!(self.state, Reading::NotYet) {
            self.state = self.decode();
        }
        match &self.state {
            Reading::Done(state) => Some(state),
            Reading::NotYet | Reading::Failed => None,
        }
    }

    /// True if the index has this path; `None` if the index cannot be read.
    pub fn has(&mut self, path: &[u8]) -> Option<bool> {
        self.read().map(|state| contains(state, path))
    }

    /// True if the index has something below this directory; `None` if the index cannot be read.
    pub fn has_below(&mut self, dir: &[u8]) -> Option<bool> {
        let (first, _) = bounds(dir);
        self.read()
            .map(|state| path_at(state, position(state, &first)).is_some_and(|path| path.starts_with(&first)))
    }

    /// What the index has at a path that need not be on disk.
    pub fn away(&mut self, path: &[u8]) -> Option<Side> {
        let state = self.read()?;
        let at = position(state, path);
        let entry = state.entries().get(at).filter(|_| path_at(state, at) == Some(path))?;
        away(entry)
    }

    fn decode(&self) -> Reading {
        match std::fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return Reading::Failed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return self.whole(State::new(self.kind.gix()), self.head);
            }
            Err(_) => return Reading::Failed,
        }
        // The checksum takes four times as long as the rest; git writes the file whole.
        match gix::index::File::at(&self.path, self.kind.gix(), true, Default::default()) {
            Ok(file) => self.whole(State::from(file), None),
            Err(_) => Reading::Failed,
        }
    }

    /// Puts what lies below them in place of the directories that a sparse index holds; `top`
    /// stands for everything.
    fn whole(&self, mut state: State, top: Option<Oid>) -> Reading {
        let mut dirs: Vec<(Vec<u8>, Oid)> = top.map(|top| (Vec::new(), top)).into_iter().collect();
        for entry in state.entries().iter().filter(|entry| entry.mode == Mode::DIR) {
            let path: &[u8] = entry.path(&state);
            dirs.push((path.strip_suffix(b"/").unwrap_or(path).to_vec(), from_gix(&entry.id)));
        }
        if dirs.is_empty() {
            return Reading::Done(Box::new(state));
        }
        state.remove_entries(|_, _, entry| entry.mode == Mode::DIR);
        while let Some((dir, tree)) = dirs.pop() {
            let Ok(Some(entries)) = self.store.tree(tree) else {
                if dir.is_empty() {
                    return Reading::Failed;
                }
                push(&mut state, &dir, Side { mode: TREE, id: tree });
                continue;
            };
            for entry in entries {
                let path = join(&dir, &entry.name);
                match entry.is_tree() {
                    true => dirs.push((path, entry.id)),
                    false => push(&mut state, &path, entry.side()),
                }
            }
            if state.entries().len() + dirs.len() > MOST {
                return Reading::Failed;
            }
        }
        state.sort_entries();
        Reading::Done(Box::new(state))
    }
}

fn push(state: &mut State, path: &[u8], side: Side) {
    let (id, mode) = (to_gix(side.id), Mode::from_bits_truncate(side.mode));
    state.dangerously_push_entry(Default::default(), id, Flags::SKIP_WORKTREE, mode, path.into());
}

/// The tree of HEAD's commit; `None` while there is none.
fn head_tree(ground: &Ground<'_>) -> Result<Option<Oid>> {
    let Some(commit) = head::read(ground.git_dir, ground.common_dir)?.commit else { return Ok(None) };
    ancestry::tree_of(ground.store, commit)?.context("HEAD's commit is missing").map(Some)
}

/// What an entry stands for, if git does not look for its file.
fn away(entry: &gix::index::Entry) -> Option<Side> {
    let away = entry.flags.contains(Flags::SKIP_WORKTREE) && entry.stage() == Stage::Unconflicted;
    away.then(|| Side { mode: entry.mode.bits(), id: from_gix(&entry.id) })
}

/// Every tracked path, sorted, each once; and what stands there if it need not be on disk.
pub(super) fn paths(state: &State) -> impl Iterator<Item = (&[u8], Option<Side>)> {
    let mut last: Option<&[u8]> = None;
    state.entries().iter().filter_map(move |entry| {
        let path: &[u8] = entry.path(state);
        // A conflict has up to three entries of one path.
        let again = last.replace(path) == Some(path);
        (!again).then(|| (path, away(entry)))
    })
}

/// Every path that need not be on disk, and what stands there.
pub(super) fn aways(state: &State) -> impl Iterator<Item = (&[u8], Side)> {
    state.entries().iter().filter_map(|entry| Some((entry.path(state).as_ref(), away(entry)?)))
}

/// True if the index has this path, at any stage.
pub(super) fn contains(state: &State, path: &[u8]) -> bool {
    path_at(state, position(state, path)) == Some(path)
}

/// Where a path is, or would be.
fn position(state: &State, path: &[u8]) -> usize {
    state.entries().partition_point(|entry| {
        let other: &[u8] = entry.path(state);
        other < path
    })
}

fn path_at(state: &State, at: usize) -> Option<&[u8]> {
    state.entries().get(at).map(|entry| entry.path(state).as_ref())
}

fn digest(stat: &Stat, start: i64) -> u64 {
    if racy(stat, start) {
        return 0;
    }
    hashed((stat.mtime, stat.ctime, stat.size, stat.ino))
}

/// A number above those that have a meaning of their own.
fn hashed(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish().max(2)
}
