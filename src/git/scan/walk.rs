//! Reads the directories that changed, and finds what is new in them.
//!
//! A directory whose times are as they were has no new and no lost entries, so most are never
//! read. Where the rules changed, everything below is judged anew.

use super::super::head;
use super::super::ignore::{NAME, What};
use super::super::table::{Part, Row, Stat};
use super::super::tree::valid_path;
use super::root::{Sort, from_system, is_absent, join, list, split};
use super::state::{Claim, Scan, rules_of};
use super::sweep::Fate;
use crate::model::change::Reason;
use anyhow::{Context, Result};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// How thoroughly a directory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// Not at all: only whether it may still be passed through.
    Pass,
    /// Its new entries only.
    Shallow,
    /// Every entry, and every directory below.
    Deep,
}

impl Scan<'_> {
    /// Decides from the sweep's answers what must be read.
    pub fn plan(&mut self) {
        let basis = self.table.basis();
        if !basis.settled || basis.rules != self.rules.digest() {
            self.judge_anew(Vec::new());
        }
        self.compare_index |= !basis.quiet || basis.index == 0 || basis.index != self.tracked.digest();
        self.compare_index |= basis.stray && self.fates.contains(&Fate::Gone);
        let mut ruled = self.lend_rules();
        for slot in 0..self.fates.len() {
            let fate = self.fates[slot];
            if matches!(fate, Fate::Same | Fate::Unknown | Fate::Away) {
                continue;
            }
            let Some(row) = self.table.row(slot) else { continue };
            let path = self.table.path(slot).to_vec();
            if split(&path).1 == NAME {
                ruled.push(split(&path).0.to_vec());
            }
            if !self.changes.contains_key(&path) {
                self.plan_one(path, row, fate);
            }
        }
        for dir in ruled {
            let listed = self.row(&dir).is_some_and(|row| row.part == Part::Listed);
            if listed && self.rules_changed(&dir) {
                self.judge_anew(dir);
            }
        }
    }

    fn plan_one(&mut self, path: Vec<u8>, row: Row, fate: Fate) {
        if fate == Fate::Gone {
            return self.remove_all(&path);
        }
        let claim = match row.part {
            Part::Listed => return self.enqueue(path, Depth::Shallow),
            Part::Passed => return self.enqueue(path, Depth::Pass),
            Part::Nested | Part::Skipped(Reason::NestedUnborn) => return self.enqueue(path, Depth::Deep),
            Part::Skipped(Reason::Unreadable) if row.stat.is_dir() => {
                return self.enqueue(path, Depth::Deep);
            }
            Part::Rules => Claim::Rules,
            Part::Away(_) => row.away_side().map_or(Claim::Unknown, Claim::Away),
            Part::Stored | Part::Skipped(_) if row.tracked => Claim::Tracked,
            Part::Stored | Part::Skipped(_) => Claim::Unknown,
        };
        self.candidates.insert(path, claim);
    }

    fn enqueue(&mut self, dir: Vec<u8>, depth: Depth) {
        let planned = self.queue.entry(dir).or_insert(depth);
        *planned = depth.max(*planned);
    }

    /// The rules for a directory changed: all below it is judged again, tracked or not.
    fn judge_anew(&mut self, dir: Vec<u8>) {
        self.enqueue(dir, Depth::Deep);
        self.compare_index = true;
    }

    fn rules_changed(&mut self, dir: &[u8]) -> bool {
        rules_of(self.table.get(&join(dir, NAME))) != self.rules.of(dir)
    }

    /// Reads every directory that is planned, and those found on the way.
    pub fn walk(&mut self) -> Result<()> {
        while !self.queue.is_empty() && !self.expired() {
            let Some((dir, depth)) = self.queue.pop_first() else { break };
            match self.visit(&dir, depth) {
                Ok(()) => {}
                Err(error) if dir.is_empty() => return Err(error).context("read the worktree's top"),
                Err(error) if is_absent(error) => self.remove_all(&dir),
                Err(_) => {
                    let stat = self.root.stat(&dir).unwrap_or_default();
                    let row = self.fresh(stat, Part::Skipped(Reason::Unreadable));
                    self.remove_all(&dir);
                    self.put(dir, row);
                }
            }
        }
        Ok(())
    }

    fn visit(&mut self, dir: &[u8], depth: Depth) -> Result<(), Errno> {
        let open = self.root.dir(dir)?;
        let system = rustix::fs::fstat(&open)?;
        let stat = from_system(&system);
        #[allow(clippy::unnecessary_cast, reason = "the types of the fields differ between systems")]
        let device = (system.st_dev as u64, system.st_ino as u64);
        if !dir.is_empty() && self.own.contains(&device) {
            self.remove_all(dir);
            return Ok(());
        }
        let entries = if depth == Depth::Pass { Vec::new() } else { list(&open)? };
        let gated = !dir.is_empty() && entries.iter().any(|(name, _)| name == b".git");
        let foreign = gated && !self.is_ours(dir);
        if let Some(head) = foreign.then(|| head::nested(&self.full_path(dir))).flatten() {
            self.nested(dir, stat, head.commit);
            return Ok(());
        }
        self.candidates.remove(dir);
        if depth == Depth::Pass {
            let row = self.fresh(stat, Part::Passed);
            self.put(dir.to_vec(), row);
            return Ok(());
        }
        let old = self.row(dir).map(|row| row.part);
        if matches!(old, Some(Part::Nested | Part::Skipped(_))) && self.rules.excluded(dir, What::Directory) {
            self.remove(dir);
            return Ok(());
        }
        self.enter(dir, depth, entries);
        let mut row = self.fresh(stat, Part::Listed);
        // A `.git` that is none yet may become one without the directory's times changing.
        row.dirty |= gated;
        self.put(dir.to_vec(), row);
        Ok(())
    }

    /// True if the index has files below a directory: then it is no nested repository for git,
    /// though it have a `.git`.
    fn is_ours(&mut self, dir: &[u8]) -> bool {
        let nested = self.row(dir).is_some_and(|row| row.part == Part::Nested);
        // What was nested stays so until the index changes.
        (!nested || self.compare_index) && self.tracked.has_below(dir) == Some(true)
    }

    fn enter(&mut self, dir: &[u8], mut depth: Depth, entries: Vec<(Vec<u8>, Sort)>) {
        let rules_here = entries.iter().any(|(name, sort)| name == NAME && *sort == Sort::File);
        if (rules_here || self.row(&join(dir, NAME)).is_some()) && self.rules_changed(dir) {
            depth = Depth::Deep;
            self.compare_index = true;
        }
        for (name, sort) in entries {
            if name != b".git" {
                self.entry(join(dir, &name), sort, depth);
            }
        }
    }

    fn entry(&mut self, path: Vec<u8>, sort: Sort, depth: Depth) {
        let is_dir = sort == Sort::Directory;
        let what = if is_dir { What::Directory } else { What::File };
        let known = self.row(&path).filter(|row| row.stat.is_dir() == is_dir);
        let passed = known.is_some_and(|row| row.part == Part::Passed);
        if known.is_some() && depth == Depth::Shallow && !passed {
            // The sweep has seen it.
            return;
        }
        if self.rules.ignored(&path, what) {
            return match known {
                _ if is_dir && passed && depth == Depth::Shallow => {}
                Some(_) if is_dir => self.shun(&path),
                known => self.ignored_file(path, sort, known),
            };
        }
        if is_dir && valid_path(&path) {
            self.enqueue(path, Depth::Deep);
        } else if known.is_none_or(|row| row.part == Part::Rules) {
            let claim = self.claim(&path);
            self.candidates.insert(path, claim);
        }
    }

    /// Whether a new path that is not ignored is tracked, if that is cheap to say.
    fn claim(&mut self, path: &[u8]) -> Claim {
        if !self.compare_index {
            return Claim::Unknown;
        }
        match self.tracked.has(path) {
            Some(true) => Claim::Tracked,
            Some(false) => Claim::Untracked,
            None => Claim::Unknown,
        }
    }

    fn ignored_file(&mut self, path: Vec<u8>, sort: Sort, known: Option<Row>) {
        let belongs = known.filter(|row| row.part != Part::Rules && self.is_tracked(&path, *row));
        if let Some(row) = belongs {
            return self.mark_tracked(path, row);
        }
        let rules = sort == Sort::File && split(&path).1 == NAME;
        if rules && known.is_none_or(|row| row.part != Part::Rules) {
            self.candidates.insert(path, Claim::Rules);
        } else if !rules && known.is_some() {
            self.candidates.remove(&path);
            self.remove(&path);
        }
    }

    /// A known directory is ignored now: only what is tracked stays.
    fn shun(&mut self, dir: &[u8]) {
        for path in self.below(dir) {
            let Some(row) = self.row(&path) else { continue };
            let inner = matches!(row.part, Part::Listed | Part::Passed | Part::Rules);
            if !inner && self.is_tracked(&path, row) {
                self.mark_tracked(path, row);
            } else {
                self.changes.insert(path.clone(), None);
                self.candidates.remove(&path);
                self.queue.remove(&path);
            }
        }
        match self.row(dir).filter(|row| row.part == Part::Nested) {
            // It is still to be looked at: it may be at another commit by now.
            Some(row) if self.is_tracked(dir, row) => self.mark_tracked(dir.to_vec(), row),
            _ => {
                self.queue.remove(dir);
                self.remove(dir);
            }
        }
        for path in self.below(dir) {
            self.passable(split(&path).0);
        }
    }

    /// True if the index has the path, or had it when it could be read.
    fn is_tracked(&mut self, path: &[u8], row: Row) -> bool {
        self.tracked.has(path).unwrap_or(row.tracked)
    }

    fn mark_tracked(&mut self, path: Vec<u8>, row: Row) {
        if let Some(claim) = self.candidates.get_mut(&path) {
            *claim = Claim::Tracked;
        }
        self.changes.insert(path, Some(Row { tracked: true, ..row }));
    }

    /// A directory is a repository of its own: it stands for the commit it is at.
    pub fn nested(&mut self, dir: &[u8], stat: Stat, commit: Option<crate::model::oid::Oid>) {
        let old = self.row(dir);
        let id = commit.filter(|id| id.as_bytes().len() == self.kind.id_len());
        let part = match id {
            _ if !valid_path(dir) => Part::Skipped(Reason::BadName),
            Some(_) => Part::Nested,
            None => Part::Skipped(Reason::NestedUnborn),
        };
        let tracked = old.is_some_and(|row| row.tracked);
        let id = id.filter(|_| part == Part::Nested);
        let row = Row { tracked, id, ..self.fresh(stat, part) };
        self.remove_all(dir);
        self.put(dir.to_vec(), row);
    }

    /// Where a path is, for what cannot be asked by descriptor.
    pub fn full_path(&self, path: &[u8]) -> std::path::PathBuf {
        self.ground.work_tree.join(OsStr::from_bytes(path))
    }
}
