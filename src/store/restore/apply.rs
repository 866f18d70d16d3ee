//! Carries a plan out, or takes it back.
//!
//! Every path is at any moment as it was or as it is to be: a file changes places with the new one,
//! which lies ready in the operation's room, and what it replaced lies there until the end. So a
//! plan can be driven either way from wherever it stopped, by looking at what stands where.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context, Error, Result};
use rustix::io::Errno;

use super::ground::{Ground, Standing, is_absent};
use super::ops::{self, Stage};
use super::placing;
use crate::disk::file;
use crate::disk::put::{self, Missing, Replaced, Spot};
use crate::git::LINK;
use crate::git::store::Store;
use crate::model::change::Side;
use crate::model::id::EventId;
use crate::model::restore::Step;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::wire::op::Op;

/// From so many files on, one sync of the file system is less than one of each.
const MANY: usize = 32;

/// What was done.
pub struct Done {
    pub op: EventId,
    pub changed: Vec<Text>,
    pub stayed: Vec<Text>,
    pub kept: Vec<(Text, PathBuf)>,
    /// Directories that hold nothing any more, and could not be taken away.
    pub hollow: Vec<Text>,
}

/// Which end of the plan is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Forward,
    Back,
}

/// What became of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brought {
    /// It is as it is to be.
    There,
    /// Somebody else made something of it: it is left alone.
    Stayed,
}

/// Carries `steps` out as the operation `op`.
///
/// # Errors
/// Nothing was changed, or everything was taken back; if that failed too, the words say so.
pub fn carry_out(home: &Home, store: &Store, op: Op, steps: Vec<Step>) -> Result<Done> {
    let ground = Ground::open(home, store)?;
    file::private_dir(&home.place.ops(&home.worktree))?;
    let room = ops::room(home, &op.id);
    file::private_dir(&room)?;
    let planned = placing::place(&ground, op, steps, &room);
    let op = match planned {
        Ok(op) => op,
        Err(error) => {
            let _ = fs::remove_dir(&room);
            return Err(error);
        }
    };
    let work = Work::new(home, ground, op)?;
    if let Err(error) = ops::begin(home, &work.op) {
        // It may be there all the same, and must not be carried out by the next one.
        let words = match ops::forget(home, &work.op.id, Stage::Open) {
            Ok(()) => "nothing was changed",
            Err(_) => "nothing was changed yet; the next `trace` command does it",
        };
        let _ = fs::remove_dir(&room);
        return Err(error.context(words));
    }
    match work.stage().and_then(|()| work.drive(Goal::Forward)) {
        // What may have been told already is not taken back: the next command tells it again.
        Ok(stayed) => {
            work.seal(stayed).context("the files were put back; the next `trace` command completes it")
        }
        Err(error) => Err(work.take_back(error)),
    }
}

/// An operation at work.
pub struct Work<'a> {
    pub(super) home: &'a Home,
    pub(super) ground: Ground<'a>,
    pub(super) op: Op,
    pub(super) room: OwnedFd,
    /// Those of all steps.
    pub(super) paths: HashSet<Vec<u8>>,
    /// Directories that hold nothing any more, and could not be taken away.
    pub(super) hollow: RefCell<BTreeSet<Text>>,
    /// Where the process that called us stands: nobody's directory is taken away from under them.
    pub(super) here: Option<PathBuf>,
}

impl<'a> Work<'a> {
    pub fn new(home: &'a Home, ground: Ground<'a>, op: Op) -> Result<Self> {
        let path = ops::room(home, &op.id);
        file::private_dir(&path)?;
        let room = put::open_top(&path).with_context(|| format!("open {}", path.display()))?;
        let paths = op.steps.iter().map(|placed| placed.step.path.0.clone()).collect();
        let (hollow, here) = (RefCell::default(), std::env::current_dir().ok());
        Ok(Self { home, ground, op, room, paths, hollow, here })
    }

    /// Brings all new bytes near their places, synced, before anything changes.
    fn stage(&self) -> Result<()> {
        let mut waiting = 0;
        let puts = self.op.steps.iter().enumerate().filter(|(_, placed)| needs_bytes(&placed.step));
        for (at, placed) in puts {
            // What waits beside its place may need directories that are not there yet: it is written then.
            if !placed.beside {
                self.fill(at, placed.step.to)?;
                waiting += 1;
            }
        }
        match waiting {
            0 => Ok(()),
            _ => put::sync_all(&self.room).context("sync what is to be put back"),
        }
    }

    /// Brings every path to the wanted end. Returns those that somebody else changed.
    pub fn drive(&self, goal: Goal) -> Result<Vec<usize>> {
        self.unlock();
        let mut stayed = Vec::new();
        for at in self.order(goal) {
            let path = &self.op.steps[at].step.path;
            let brought = self.bring(at, goal).with_context(|| format!("put back {}", path.lossy()))?;
            if brought == Brought::Stayed {
                stayed.push(at);
            }
        }
        self.remove_hollow(goal)?;
        self.lock_again()?;
        self.sync()?;
        Ok(stayed)
    }

    /// What goes first, the deepest before what is above it; then files; links last, so that no path
    /// leads through one of ours.
    fn order(&self, goal: Goal) -> Vec<usize> {
        let rank = |at: &usize| match sides(&self.op.steps[*at].step, goal).1 {
            None => 0,
            Some(side) if side.mode == LINK => 2,
            Some(_) => 1,
        };
        let mut all: Vec<usize> = (0..self.op.steps.len()).collect();
        all.sort_by(|a, b| {
            let paths = (&self.op.steps[*a].step.path, &self.op.steps[*b].step.path);
            let by_path = if rank(a) == 0 { paths.1.cmp(paths.0) } else { paths.0.cmp(paths.1) };
            rank(a).cmp(&rank(b)).then(by_path)
        });
        all
    }

    fn bring(&self, at: usize, goal: Goal) -> Result<Brought> {
        let step = &self.op.steps[at].step;
        let (other, want) = sides(step, goal);
        let path = step.path.as_bytes();
        match self.ground.standing(path)? {
            standing if standing.is(want) => Ok(Brought::There),
            standing if standing.is(other) => self.change(at, other, want),
            Standing::Directory if other.is_none() && self.ground.remove_hollow(path)? => {
                self.change(at, other, want)
            }
            // It went before, and made room for what the plan puts below it.
            Standing::Directory if want.is_none() && self.puts_below(path, goal) => Ok(Brought::There),
            _ => Ok(Brought::Stayed),
        }
    }

    fn puts_below(&self, dir: &[u8], goal: Goal) -> bool {
        self.op.steps.iter().any(|placed| {
            let rest = placed.step.path.as_bytes().strip_prefix(dir);
            rest.is_some_and(|rest| rest.starts_with(b"/")) && sides(&placed.step, goal).1.is_some()
        })
    }

    fn change(&self, at: usize, other: Option<Side>, want: Option<Side>) -> Result<Brought> {
        let placed = &self.op.steps[at];
        let path = placed.step.path.as_bytes();
        let missing = if want.is_some() { Missing::Make } else { Missing::Fail };
        let dir = match self.ground.parent(path, missing) {
            Err(error) if is_absent(&error) => return Ok(Brought::Stayed),
            dir => dir?,
        };
        let spot = Spot { dir: dir.as_fd(), name: put::split(path).1 };
        if let (Some(other), Some(want)) = (other, want)
            && is_mode_only(other, want)
        {
            let Some(mode) = self.permissions(spot)? else { return Ok(Brought::Stayed) };
            put::set_mode(spot, executable(mode, want))?;
            return Ok(Brought::There);
        }
        let name = self.slot_name(at);
        let slot_dir = self.slot_dir(at)?;
        let slot = Spot { dir: slot_dir.as_fd(), name: &name };
        match (other, want) {
            (_, None) => self.take_away(at, spot, slot, other),
            (None, Some(_)) => {
                self.fill_slot(at, slot, want, None)?;
                raced(put::move_new(slot, spot))
            }
            (Some(_), Some(_)) => {
                let like = self.permissions(spot)?;
                self.fill_slot(at, slot, want, like)?;
                self.swap(spot, slot, other)
            }
        }
    }

    fn take_away(&self, at: usize, spot: Spot<'_>, slot: Spot<'_>, other: Option<Side>) -> Result<Brought> {
        self.clear(at, slot)?;
        if raced(put::move_new(spot, slot))? == Brought::Stayed {
            return Ok(Brought::Stayed);
        }
        if self.ground.at(slot)?.is(other) {
            return Ok(Brought::There);
        }
        // Somebody wrote it between our look and our grip: it goes back, if nothing new is there.
        raced(put::move_new(slot, spot)).map(|_| Brought::Stayed)
    }

    fn swap(&self, spot: Spot<'_>, slot: Spot<'_>, other: Option<Side>) -> Result<Brought> {
        match put::exchange(slot, spot) {
            Err(error) if is_absent(&error) => Ok(Brought::Stayed),
            Err(error) => Err(error.into()),
            Ok(Replaced::Gone) => Ok(Brought::There),
            Ok(Replaced::Exchanged) if self.ground.at(slot)?.is(other) => Ok(Brought::There),
            Ok(Replaced::Exchanged) => {
                put::exchange(slot, spot)?;
                Ok(Brought::Stayed)
            }
        }
    }

    /// The permission bits of a plain file.
    pub(super) fn permissions(&self, spot: Spot<'_>) -> Result<Option<u32>> {
        match put::look_at_kind(spot)? {
            put::Sort::File => Ok(Some(put::permissions(put::open_file(spot.dir, spot.name)?)?)),
            _ => Ok(None),
        }
    }

    fn sync(&self) -> Result<()> {
        let mut dirs: BTreeSet<&[u8]> = BTreeSet::new();
        for placed in &self.op.steps {
            dirs.insert(put::split(placed.step.path.as_bytes()).0);
        }
        if dirs.len() > MANY || self.op.steps.iter().any(|placed| placed.beside) {
            return put::sync_all(&self.ground.top).context("sync the worktree");
        }
        for dir in dirs {
            match put::open_below(self.ground.top.as_fd(), dir, Missing::Fail) {
                Err(error) if is_absent(&error) => {}
                dir => fs::File::from(dir?).sync_all().context("sync a directory")?,
            }
        }
        Ok(())
    }

    /// Tells of it, and marks it done. Until then the next command would do it again.
    pub fn seal(&self, stayed: Vec<usize>) -> Result<Done> {
        let steps = self.op.steps.iter().enumerate();
        let changed: Vec<Text> = steps
            .filter(|(at, _)| !stayed.contains(at))
            .map(|(_, placed)| placed.step.path.clone())
            .collect();
        super::tell(self.home, &self.op, &changed).context("tell of what was put back")?;
        ops::advance(self.home, &self.op.id, Stage::Open, Stage::Done)?;
        let kept = self.clean_up(Goal::Forward);
        ops::prune(self.home);
        let stayed = stayed.into_iter().map(|at| self.op.steps[at].step.path.clone()).collect();
        let hollow = self.hollow.borrow().iter().cloned().collect();
        Ok(Done { op: self.op.id.clone(), changed, stayed, kept, hollow })
    }

    /// Takes everything back after an error, which is returned with what became of it.
    fn take_back(&self, error: Error) -> Error {
        let id = &self.op.id;
        if fs::symlink_metadata(ops::file(self.home, id, Stage::Done)).is_ok() {
            return error.context("the files were put back, but not everything that belongs to it was done");
        }
        match ops::advance(self.home, id, Stage::Open, Stage::Back).and_then(|()| self.back()) {
            Ok(stayed) if stayed.is_empty() => error.context("nothing was changed"),
            Ok(stayed) => error.context(format!(
                "what had been put back was taken back, but for {} paths that somebody changed meanwhile",
                stayed.len()
            )),
            Err(also) => error.context(format!(
                "some files were put back and could not be taken back ({also:#}); the next `trace` command goes on with that"
            )),
        }
    }

    /// Takes everything back, and forgets the plan.
    pub fn back(&self) -> Result<Vec<usize>> {
        let stayed = self.drive(Goal::Back)?;
        ops::forget(self.home, &self.op.id, Stage::Back)?;
        self.clean_up(Goal::Back);
        Ok(stayed)
    }

    /// Empties the room. What waited beside its place kept directories from being empty.
    pub(super) fn clean_up(&self, goal: Goal) -> Vec<(Text, PathBuf)> {
        let kept = self.sweep();
        if self.op.steps.iter().any(|placed| placed.beside) {
            // At worst an empty directory is left.
            let _ = self.remove_hollow(goal);
        }
        kept
    }
}

/// What is to be replaced, and by what.
pub(super) fn sides(step: &Step, goal: Goal) -> (Option<Side>, Option<Side>) {
    match goal {
        Goal::Forward => (step.from, step.to),
        Goal::Back => (step.to, step.from),
    }
}

fn needs_bytes(step: &Step) -> bool {
    match (step.from, step.to) {
        (Some(from), Some(to)) => !is_mode_only(from, to),
        (_, to) => to.is_some(),
    }
}

fn is_mode_only(a: Side, b: Side) -> bool {
    a.id == b.id && a.mode != LINK && b.mode != LINK
}

pub(super) fn is_executable(side: Side) -> bool {
    side.mode & 0o111 != 0
}

/// Permission bits with the executable bit of a side: whoever may read may run it.
pub(super) fn executable(mode: u32, side: Side) -> u32 {
    match is_executable(side) {
        true => mode | (mode & 0o444) >> 2 | 0o100,
        false => mode & !0o111,
    }
}

/// That somebody was faster is no error: the path is theirs.
fn raced(moved: std::io::Result<()>) -> Result<Brought> {
    match moved {
        Ok(()) => Ok(Brought::There),
        Err(error) if error.kind() == ErrorKind::AlreadyExists || is_absent(&error) => Ok(Brought::Stayed),
        Err(error) if error.raw_os_error() == Some(Errno::ISDIR.raw_os_error()) => Ok(Brought::Stayed),
        Err(error) => Err(error.into()),
    }
}
