//! The room of an operation: one slot for each step, where its new bytes wait, and where what they
//! replaced stays until somebody looked at it.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context, Error, Result, bail};

use super::apply::{Work, executable, is_executable};
use super::ground::{Standing, is_absent};
use super::ops;
use crate::disk::clock;
use crate::disk::lease::Lease;
use crate::disk::put::{self, Missing, Spot};
use crate::git::LINK;
use crate::git::store::Store;
use crate::model::change::Side;
use crate::model::id::EventId;
use crate::model::text::Text;
use crate::store::Damaged;
use crate::store::home::Home;

/// A replaced file that somebody has open is looked at again until the restore is so old.
const ABANDONED_US: i64 = 24 * 3600 * 1_000_000;

/// How the names of half-written slots end.
const UNBORN: &[u8] = b".new";

/// So often can the same slot be kept.
const MOST_KEPT: usize = 100;

impl Work<'_> {
    /// Puts the bytes of a side into the step's slot in the room.
    pub(super) fn fill(&self, at: usize, side: Option<Side>) -> Result<()> {
        let name = self.slot_name(at);
        let path = self.op.steps[at].step.path.as_bytes();
        let like = match self.ground.parent(path, Missing::Fail) {
            Err(error) if is_absent(&error) => None,
            dir => self.permissions(Spot { dir: dir?.as_fd(), name: put::split(path).1 })?,
        };
        self.fill_slot(at, Spot { dir: self.room.as_fd(), name: &name }, side, like)
    }

    pub(super) fn fill_slot(
        &self,
        at: usize,
        slot: Spot<'_>,
        side: Option<Side>,
        like: Option<u32>,
    ) -> Result<()> {
        let Some(side) = side else { return Ok(()) };
        if self.ground.at(slot)?.is(Some(side)) {
            return Ok(());
        }
        self.clear(at, slot)?;
        let path = &self.op.steps[at].step.path;
        let bytes = self.ground.store.blob(side.id)?;
        let bytes = bytes.with_context(|| {
            Damaged(format!("the content of {} is missing; see `trace fsck`", path.lossy()))
        })?;
        if side.mode == LINK {
            put::new_link(slot.dir, slot.name, &bytes)?;
            return Ok(());
        }
        let mode = if is_executable(side) { 0o777 } else { 0o666 };
        let like = like.map(|like| executable(like, side));
        let unborn = unborn(slot.name);
        let draft = Spot { dir: slot.dir, name: &unborn };
        put::remove(draft)?;
        let file = put::new_file(draft.dir, draft.name, &bytes, mode, like)?;
        if self.op.steps[at].beside {
            file.sync_all()?;
        }
        Ok(put::rename(draft, slot)?)
    }

    /// Makes a slot empty. What is neither end of the step was written by somebody: it is kept.
    pub(super) fn clear(&self, at: usize, slot: Spot<'_>) -> Result<()> {
        match self.ground.at(slot)? {
            Standing::Nothing => Ok(()),
            Standing::Side(side) if self.is_ours(at, side) => Ok(put::remove(slot)?),
            _ => self.keep(at, slot).map(drop),
        }
    }

    /// True if these bytes are one of the step's ends, which checkpoints hold.
    fn is_ours(&self, at: usize, side: Side) -> bool {
        let step = &self.op.steps[at].step;
        [step.from, step.to].iter().flatten().any(|end| end.id == side.id)
    }

    /// Moves what somebody wrote into a file that was being replaced out of our way.
    fn keep(&self, at: usize, slot: Spot<'_>) -> Result<PathBuf> {
        keep(self.home, &self.op.id, slot, at)
    }

    /// The directory in which a step's slot is. Beside its place, it is above all that the plan makes a
    /// file or a link of, so that it keeps no directory from going.
    pub(super) fn slot_dir(&self, at: usize) -> io::Result<OwnedFd> {
        let placed = &self.op.steps[at];
        if !placed.beside {
            return self.room.try_clone();
        }
        let mut path = placed.step.path.as_bytes();
        let mut above = put::split(path).0;
        while !above.is_empty() {
            if self.paths.contains(above) {
                path = above;
            }
            above = put::split(above).0;
        }
        self.ground.parent(path, Missing::Fail)
    }

    pub(super) fn slot_name(&self, at: usize) -> Vec<u8> {
        match self.op.steps[at].beside {
            true => format!(".trace-{}-{at}", self.op.id).into_bytes(),
            false => at.to_string().into_bytes(),
        }
    }

    /// Empties the room. What somebody still has open waits there for the next command, and so does the
    /// room; what somebody wrote meanwhile is kept and returned.
    pub(super) fn sweep(&self) -> Vec<(Text, PathBuf)> {
        let (mut kept, mut waits) = (Vec::new(), false);
        for at in 0..self.op.steps.len() {
            match self.sweep_step(at) {
                Ok(Swept::Empty) => {}
                Ok(Swept::Kept(path)) => kept.push((self.op.steps[at].step.path.clone(), path)),
                Ok(Swept::Waits) | Err(_) => waits = true,
            }
        }
        if !waits {
            let _ = fs::remove_dir(ops::room(self.home, &self.op.id));
        }
        kept
    }

    fn sweep_step(&self, at: usize) -> Result<Swept> {
        match self.slot_dir(at) {
            Err(error) if is_absent(&error) => Ok(Swept::Empty),
            dir => self.sweep_slot(at, Spot { dir: dir?.as_fd(), name: &self.slot_name(at) }),
        }
    }

    fn sweep_slot(&self, at: usize, slot: Spot<'_>) -> Result<Swept> {
        put::remove(Spot { name: &unborn(slot.name), ..slot })?;
        match put::look_at_kind(slot)? {
            put::Sort::Nothing => return Ok(Swept::Empty),
            put::Sort::File => {}
            _ => return self.clear(at, slot).map(|()| Swept::Empty),
        }
        let open = put::open_file(slot.dir, slot.name)?;
        // While the lease holds, nobody can come and write to what we are about to take away.
        let lease = Lease::take(&open);
        // Its own age says nothing: who has an old file open may still write to it.
        if lease.is_none() && clock::now().since(self.op.at) < ABANDONED_US {
            return Ok(Swept::Waits);
        }
        let mut bytes = Vec::new();
        (&open).read_to_end(&mut bytes)?;
        let id = self.ground.store.hash_blob(&bytes)?;
        let step = &self.op.steps[at].step;
        match [step.from, step.to].iter().flatten().any(|end| end.id == id) {
            true => put::remove(slot).map(|()| Swept::Empty).map_err(Error::from),
            false => {
                // Keeping may mean copying, which opens it once more; nobody else knows its name.
                drop(lease);
                self.keep(at, slot).map(Swept::Kept)
            }
        }
    }
}

/// What became of a slot.
enum Swept {
    Empty,
    /// Somebody had written to it.
    Kept(PathBuf),
    /// Somebody has it open.
    Waits,
}

/// The name of a slot's bytes until all of them are there: what is only half written is nobody's.
fn unborn(slot: &[u8]) -> Vec<u8> {
    [slot, UNBORN].concat()
}

/// Empties the room of a plan that is gone, or that nobody can read. What the store holds goes; what
/// somebody has open stays for the next command; all else is kept, and returned.
pub(super) fn clear_out(home: &Home, store: &Store, id: &EventId) -> Result<Vec<PathBuf>> {
    let path = ops::room(home, id);
    let room = match put::open_top(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        room => room?,
    };
    let mut kept = Vec::new();
    for (at, name) in put::names(&room)?.into_iter().enumerate() {
        let slot = Spot { dir: room.as_fd(), name: &name };
        match put::look_at_kind(slot)? {
            put::Sort::File if !name.ends_with(UNBORN) => {}
            put::Sort::File | put::Sort::Link => {
                put::remove(slot)?;
                continue;
            }
            _ => {
                kept.push(keep(home, id, slot, at)?);
                continue;
            }
        }
        let open = put::open_file(slot.dir, slot.name)?;
        let Some(_lease) = Lease::take(&open) else { continue };
        let mut bytes = Vec::new();
        (&open).read_to_end(&mut bytes)?;
        match store.blob(store.hash_blob(&bytes)?)? {
            Some(_) => put::remove(slot)?,
            None => kept.push(keep(home, id, slot, at)?),
        }
    }
    // It stays if something is left in it.
    let _ = fs::remove_dir(path);
    Ok(kept)
}

/// Moves what no checkpoint holds out of a room, beside the plans.
fn keep(home: &Home, id: &EventId, slot: Spot<'_>, at: usize) -> Result<PathBuf> {
    let dir = home.place.ops(&home.worktree);
    let to = put::open_top(&dir)?;
    for again in 0..MOST_KEPT {
        let name = format!("{id}.{at}-{again}.kept");
        let spot = Spot { dir: to.as_fd(), name: name.as_bytes() };
        let moved = match put::move_new(slot, spot) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => put::copy_new(slot, spot),
            moved => moved,
        };
        match moved {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            moved => {
                moved.context("keep what was written to a file while it was replaced")?;
                return Ok(dir.join(name));
            }
        }
    }
    bail!("{} holds too much that was kept: look at it, and remove it", dir.display())
}
