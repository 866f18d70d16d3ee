//! The room of an operation: one slot for each step, where its new bytes wait, and where what they
//! replaced stays until somebody looked at it.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::{Context, Error, Result};

use super::apply::{Work, executable, is_executable};
use super::ground::{Standing, is_absent};
use super::ops;
use crate::disk::clock;
use crate::disk::lease::Lease;
use crate::disk::put::{self, Missing, Spot};
use crate::git::LINK;
use crate::model::change::Side;
use crate::model::text::Text;
use crate::store::Damaged;

/// A replaced file that somebody seems to have open is looked at again for so many seconds.
const ABANDONED_S: i64 = 24 * 3600;

impl Work<'_> {
    /// Puts the bytes of a side into the step's slot in the room.
    pub(super) fn fill(&self, at: usize, side: Option<Side>) -> Result<()> {
        let name = self.slot_name(at);
        let path = self.op.steps[at].step.path.as_bytes();
        let like = match self.ground.parent(path, Missing::Fail) {
            Ok(dir) => self.permissions(Spot { dir: dir.as_fd(), name: put::split(path).1 })?,
            Err(_) => None,
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
        let file = put::new_file(slot.dir, slot.name, &bytes, mode, like)?;
        if self.op.steps[at].beside {
            file.sync_all()?;
        }
        Ok(())
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
        let dir = self.home.place.ops(&self.home.worktree);
        let name = format!("{}.{at}.kept", self.op.id);
        let open = put::open_top(&dir)?;
        let to = Spot { dir: open.as_fd(), name: name.as_bytes() };
        let moved = match put::move_new(slot, to) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => put::copy_new(slot, to),
            moved => moved,
        };
        moved.context("keep what was written to a file while it was replaced")?;
        Ok(dir.join(name))
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
        match put::look_at_kind(slot)? {
            put::Sort::Nothing => return Ok(Swept::Empty),
            put::Sort::File => {}
            _ => return self.clear(at, slot).map(|()| Swept::Empty),
        }
        let open = put::open_file(slot.dir, slot.name)?;
        // While the lease holds, nobody can come and write to what we are about to take away.
        let lease = Lease::take(&open);
        // What is replaced is renamed, which sets the time of its inode; its bytes may be from years ago.
        let age = clock::now().secs() - open.metadata()?.ctime();
        if lease.is_none() && age < ABANDONED_S {
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
