//! The files of restores: `ops/<worktree>/<operation>.<stage>`, and a room for each, `….d`, where
//! new bytes wait and replaced ones are kept until somebody looked at them.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::disk::file::{self, Durability};
use crate::model::event::Restored;
use crate::model::id::{EventId, WorktreeId};
use crate::model::restore::Step;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::wire::Bad;
use crate::wire::op::{self, Op};

/// A plan of a few million paths.
const CAP: u64 = 1 << 30;

/// So many finished restores can be taken back step by step; of older ones the checkpoints remain.
const MOST_KEPT: usize = 1000;

/// How far a restore came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is to be carried out.
    Open,
    /// It is to be taken back.
    Back,
    /// It was carried out.
    Done,
    /// Its file cannot be read.
    Damaged,
}

impl Stage {
    pub(super) const UNFINISHED: [Self; 2] = [Self::Open, Self::Back];

    fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Back => "back",
            Self::Done => "done",
            Self::Damaged => "damaged",
        }
    }
}

/// What the lock on the restores of a worktree is named after.
pub fn lock_name(worktree: &WorktreeId) -> String {
    format!("ops/{worktree}")
}

/// The file of an operation.
pub fn file(home: &Home, id: &EventId, stage: Stage) -> PathBuf {
    home.place.ops(&home.worktree).join(format!("{id}.{}", stage.word()))
}

/// Where an operation's new and replaced files are.
pub fn room(home: &Home, id: &EventId) -> PathBuf {
    home.place.ops(&home.worktree).join(format!("{id}.d"))
}

/// Writes the plan, so that it outlives us from the first change on.
pub fn begin(home: &Home, op: &Op) -> Result<()> {
    file::private_dir(&home.place.ops(&home.worktree))?;
    let bytes = op::encode(op).context("write down what is to be put back")?;
    file::replace(&file(home, &op.id, Stage::Open), &bytes, Durability::Synced)
}

/// Notes how far it came.
pub fn advance(home: &Home, id: &EventId, from: Stage, to: Stage) -> Result<()> {
    let (from, to) = (file(home, id, from), file(home, id, to));
    fs::rename(&from, &to).with_context(|| format!("rename {} to {}", from.display(), to.display()))?;
    file::sync_dir(&home.place.ops(&home.worktree))
}

/// Forgets a plan of which nothing was carried out, or everything was taken back.
pub fn forget(home: &Home, id: &EventId, stage: Stage) -> Result<()> {
    let path = file(home, id, stage);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => file::sync_dir(&home.place.ops(&home.worktree)),
    }
}

/// Everything in the folder of this worktree, by name: the oldest first.
#[derive(Default)]
pub struct Listing {
    pub unfinished: Vec<(EventId, Stage)>,
    pub done: Vec<EventId>,
    /// The operations that have a room.
    pub rooms: Vec<EventId>,
    /// The writing of a plan was cut off, or is under way.
    pub has_leftovers: bool,
}

/// Reads the folder.
pub fn list(home: &Home) -> Result<Listing> {
    let dir = home.place.ops(&home.worktree);
    let mut listing = Listing::default();
    let names = match fs::read_dir(&dir) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(listing),
        Err(error) => return Err(error).with_context(|| format!("list {}", dir.display())),
    };
    for name in names {
        let name = name.with_context(|| format!("list {}", dir.display()))?.file_name();
        listing.has_leftovers |= name.to_string_lossy().starts_with(file::TEMPORARY);
        let Some((stem, end)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
        let Some(id) = named(stem) else { continue };
        match Stage::UNFINISHED.into_iter().find(|stage| stage.word() == end) {
            Some(stage) => listing.unfinished.push((id, stage)),
            None if end == Stage::Done.word() => listing.done.push(id),
            None if end == "d" => listing.rooms.push(id),
            None => {}
        }
    }
    listing.unfinished.sort_by(|a, b| a.0.cmp(&b.0));
    listing.done.sort();
    Ok(listing)
}

/// An id that can be part of a path.
fn named(stem: &str) -> Option<EventId> {
    let plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let digits = stem.strip_prefix("evt_")?;
    (digits.len() == 36 && digits.bytes().all(plain)).then(|| EventId::parse(stem)).flatten()
}

/// Reads a plan.
pub fn read(path: &Path) -> Result<Op> {
    load(path)?.with_context(|| format!("read {}", path.display()))
}

/// Reads a plan, and says of a damaged one what is wrong.
///
/// # Errors
/// It could not be read now: that says nothing of the plan.
pub fn load(path: &Path) -> Result<Result<Op, Bad>> {
    let bytes = file::read(path, CAP)?.with_context(|| format!("{} is gone", path.display()))?;
    Ok(op::decode(&bytes))
}

/// What a finished restore did, without what it left to others; `None` if its plan is no longer kept.
pub fn steps_of(home: &Home, id: &EventId, told: &Restored) -> Result<Option<Vec<Step>>> {
    if named(id.as_str()).is_none() {
        return Ok(None);
    }
    let path = file(home, id, Stage::Done);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let all = read(&path)?.steps.into_iter().map(|placed| placed.step);
    let listed: HashSet<&Text> = told.paths.iter().collect();
    let is_listed = listed.len() as u64 == told.changed;
    Ok(Some(all.filter(|step| !is_listed || listed.contains(&step.path)).collect()))
}

/// Removes what writing a plan left behind when it was cut off. Only for whoever is alone here.
pub fn sweep(home: &Home) {
    for entry in fs::read_dir(home.place.ops(&home.worktree)).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(file::TEMPORARY) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes the plans of all but the newest restores. Failing costs a few bytes.
pub fn prune(home: &Home) {
    let Ok(listing) = list(home) else { return };
    let old = listing.done.len().saturating_sub(MOST_KEPT);
    for id in listing.done.iter().take(old).filter(|id| !listing.rooms.contains(id)) {
        let _ = fs::remove_file(file(home, id, Stage::Done));
    }
}
