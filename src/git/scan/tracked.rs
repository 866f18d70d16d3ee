//! The user's index, for one question: is this path tracked?
//!
//! Decoding it costs as much as the scan of a small repository, so it is read only when the answer
//! matters. Never written, never locked.

use super::super::HashKind;
use super::super::table::{Stat, bounds};
use super::root::from_system;
use super::sweep::racy;
use gix::index::State;
use gix::index::entry::Mode;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

/// The user's index, read at most once.
#[derive(Debug)]
pub(super) struct Tracked {
    path: PathBuf,
    kind: HashKind,
    digest: u64,
    state: Reading,
}

#[derive(Debug)]
enum Reading {
    NotYet,
    Done(Box<State>),
    /// It cannot be understood.
    Failed,
}

impl Tracked {
    /// Looks at the index's stat only.
    pub fn new(path: PathBuf, kind: HashKind, start: i64) -> Self {
        let digest = match rustix::fs::stat(&path) {
            Ok(stat) => digest(&from_system(&stat), start),
            // No index is a state like any other.
            Err(_) => 1,
        };
        Self { path, kind, digest, state: Reading::NotYet }
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

    fn decode(&self) -> Reading {
        match std::fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() => {}
            Ok(_) => return Reading::Failed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Reading::Done(Box::new(State::new(self.kind.gix())));
            }
            Err(_) => return Reading::Failed,
        }
        // The checksum takes four times as long as the rest; git writes the file whole.
        match gix::index::File::at(&self.path, self.kind.gix(), true, Default::default()) {
            Ok(file) => Reading::Done(Box::new(State::from(file))),
            Err(_) => Reading::Failed,
        }
    }
}

/// Every tracked path, sorted, each once.
pub(super) fn paths(state: &State) -> impl Iterator<Item = &[u8]> {
    let mut last: Option<&[u8]> = None;
    state.entries().iter().filter(|entry| entry.mode != Mode::DIR).filter_map(move |entry| {
        let path: &[u8] = entry.path(state);
        // A conflict has up to three entries of one path.
        let again = last.replace(path) == Some(path);
        (!again).then_some(path)
    })
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
    let mut hasher = DefaultHasher::new();
    (stat.mtime, stat.ctime, stat.size, stat.ino).hash(&mut hasher);
    hasher.finish().max(2)
}
