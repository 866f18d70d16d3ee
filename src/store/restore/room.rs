//! The room of an operation: one slot for each step, where its new bytes wait, and where what they
//! replaced stays until somebody looked at it.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Error, Result};

use super::apply::{Work, executable, is_executable};
use super::ground::Standing;
use super::ops;
use crate::disk::lease::Lease;
use crate::disk::put::{self, Missing, Spot};
use crate::git::LINK;
use crate::model::change::Side;
use crate::model::text::Text;
use crate::store::Damaged;

/// A replaced file that somebody seems to have open is looked at again for so long.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

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
        let to = put::open_top(&dir)?;
        put::move_new(slot, Spot { dir: to.as_fd(), name: name.as_bytes() })
            .context("keep what was written to a file while it was replaced")?;
        Ok(dir.join(name))
    }

    pub(super) fn slot_name(&self, at: usize) -> Vec<u8> {
        match self.op.steps[at].beside {
            true => format!(".trace-{}-{at}", self.op.id).into_bytes(),
            false => at.to_string().into_bytes(),
        }
    }

    /// Empties the room. What somebody still has open waits there for the next command; what somebody
    /// wrote meanwhile is kept and returned.
    pub fn sweep(&self) -> Vec<(Text, PathBuf)> {
        let mut kept = Vec::new();
        for at in 0..self.op.steps.len() {
            let placed = &self.op.steps[at];
            let name = self.slot_name(at);
            let dir = match placed.beside {
                true => match self.ground.parent(placed.step.path.as_bytes(), Missing::Fail) {
                    Ok(dir) => dir,
                    Err(_) => continue,
                },
                false => match self.room.try_clone() {
                    Ok(dir) => dir,
                    Err(_) => continue,
                },
            };
            if let Ok(Some(path)) = self.sweep_slot(at, Spot { dir: dir.as_fd(), name: &name }) {
                kept.push((placed.step.path.clone(), path));
            }
        }
        let _ = fs::remove_dir(ops::room(self.home, &self.op.id));
        kept
    }

    fn sweep_slot(&self, at: usize, slot: Spot<'_>) -> Result<Option<PathBuf>> {
        match put::look_at_kind(slot)? {
            put::Sort::Nothing => return Ok(None),
            put::Sort::File => {}
            _ => return self.clear(at, slot).map(|()| None),
        }
        let open = put::open_file(slot.dir, slot.name)?;
        // While the lease holds, nobody can come and write to what we are about to take away.
        let lease = Lease::take(&open);
        let age = open.metadata()?.modified().ok().and_then(|at| at.elapsed().ok());
        if lease.is_none() && age.is_none_or(|age| age < ABANDONED) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        (&open).read_to_end(&mut bytes)?;
        let id = self.ground.store.hash_blob(&bytes)?;
        let step = &self.op.steps[at].step;
        match [step.from, step.to].iter().flatten().any(|end| end.id == id) {
            true => put::remove(slot).map(|()| None).map_err(Error::from),
            false => self.keep(at, slot).map(Some),
        }
    }
}
