//! A scan in progress: what the table says, and what was found to differ.
//!
//! Everything found goes into one map from path to new row, on top of the table. The edits, the
//! times, the list of what was left out and the table's update all follow from the two at the end.

use super::super::HashKind;
use super::super::ignore::{NAME, Rules, What};
use super::super::table::log::Update;
use super::super::table::{Basis, Part, Row, Stat, Table, bounds};
use super::super::tree::Edit;
use super::away::is_rules;
use super::root::{Root, join, split};
use super::sweep::{self, Fate, racy};
use super::tracked::Tracked;
use super::walk::Depth;
use super::{Found, Ground, Times};
use crate::model::change::{Reason, Side, Skip};
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
use std::time::Instant;

/// A scan in progress.
pub(super) struct Scan<'a> {
    pub ground: &'a Ground<'a>,
    pub root: &'a Root,
    pub kind: HashKind,
    pub table: Table,
    /// What stood at a path before, where that is not for the table to say.
    pub tip: Option<Tip>,
    pub rules: Rules<'a>,
    pub tracked: Tracked<'a>,
    /// When this began, in nanoseconds since the epoch.
    pub start: i64,
    pub fates: Vec<Fate>,
    /// Paths whose row differs from the table's; `None` if there is none any more.
    pub changes: BTreeMap<Vec<u8>, Option<Row>>,
    /// Directories to be read. Parents sort before what is below them.
    pub queue: BTreeMap<Vec<u8>, Depth>,
    /// Paths to be looked at, and why they are thought to belong.
    pub candidates: BTreeMap<Vec<u8>, Claim>,
    /// The user's index must be compared with what is known.
    pub compare_index: bool,
    pub quiet: bool,
    /// Some rows are of what is not checked out.
    pub sparse: bool,
    /// Something stands where the index has what is not checked out.
    pub stray: bool,
    /// Objects may be missing because a remote has promised them; read when it matters.
    pub promisor: OnceCell<bool>,
    pub complete: bool,
    /// A file was taken in that only HEAD's tree has.
    pub leans: bool,
    pub unstable: Vec<Text>,
    /// Directories found not to be there, or not ours to enter.
    pub barred: HashSet<Vec<u8>>,
    /// Device and inode of the git directories: never part of a snapshot under any name.
    pub own: Vec<(u64, u64)>,
}

/// A tree whose paths are edited, as far as it matters.
pub(super) struct Tip {
    pub tree: Option<Oid>,
    pub sides: BTreeMap<Vec<u8>, Side>,
}

/// Why a path is thought to belong to the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The user's index has it.
    Tracked,
    /// The user's index does not have it, and it is not ignored.
    Untracked,
    /// It is not ignored; whether it is tracked was not asked yet.
    Unknown,
    /// It does not, but its rules count.
    Rules,
    /// The user's index has this there, as not checked out.
    Away(Side),
}

impl<'a> Scan<'a> {
    /// Begins. A table of another hash kind is no table.
    pub fn new(ground: &'a Ground<'a>, root: &'a Root, table: Table, start: i64) -> Self {
        let kind = ground.store.hash_kind();
        let table = if table.fits(kind.id_len()) { table } else { Table::default() };
        let excludes = ground.excludes_file.as_deref();
        let own = [ground.git_dir, ground.common_dir].into_iter().filter_map(device);
        Self {
            ground,
            root,
            kind,
            tip: None,
            rules: Rules::new(root, kind, ground.common_dir, excludes, &ground.extra_ignores),
            tracked: Tracked::new(ground, start),
            start,
            fates: Vec::new(),
            changes: BTreeMap::new(),
            queue: BTreeMap::new(),
            candidates: BTreeMap::new(),
            compare_index: false,
            quiet: table.basis().quiet,
            sparse: false,
            stray: table.basis().stray,
            promisor: OnceCell::new(),
            complete: true,
            leans: false,
            unstable: Vec::new(),
            barred: HashSet::new(),
            own: own.collect(),
            table,
        }
    }

    /// Looks at every path of the table.
    pub fn sweep(&mut self) {
        let Ground { threads, deadline, .. } = *self.ground;
        self.fates = sweep::sweep(self.root, &self.table, threads, deadline);
        self.complete &= !self.fates.contains(&Fate::Unknown);
    }

    /// True once the time is up; from then on the scan is not complete.
    pub fn expired(&mut self) -> bool {
        let expired = self.ground.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        self.complete &= !expired;
        expired
    }

    /// A path's row as far as is known now.
    pub fn row(&self, path: &[u8]) -> Option<Row> {
        match self.changes.get(path) {
            Some(row) => *row,
            None => self.table.get(path),
        }
    }

    /// What stood at a path in the tree that is edited.
    pub fn before(&self, path: &[u8]) -> Option<Side> {
        match &self.tip {
            Some(tip) => tip.sides.get(path).copied(),
            None => self.table.get(path).and_then(|row| row.side()),
        }
    }

    /// A row of this scan; young times make it dirty.
    pub fn fresh(&self, stat: Stat, part: Part) -> Row {
        Row { stat, part, dirty: racy(&stat, self.start), tracked: false, id: None }
    }

    /// Gives a path its new row. Nothing is left below what is no directory.
    pub fn put(&mut self, path: Vec<u8>, row: Row) {
        let old = self.row(&path).map(|old| old.part);
        let was_dir = matches!(old, Some(Part::Listed | Part::Passed));
        if was_dir && !matches!(row.part, Part::Listed | Part::Passed) {
            self.clear(&path);
        }
        self.make_way(&path, old, row);
        self.changes.insert(path, Some(row));
    }

    /// Takes away a path's row.
    pub fn remove(&mut self, path: &[u8]) {
        let tracked = self.row(path).is_some_and(|row| row.tracked);
        if tracked && self.rules.excluded(path, What::File) {
            // It may come back where nobody looks for it.
            self.quiet = false;
        }
        self.changes.insert(path.to_vec(), None);
    }

    /// Takes away a directory with all that is below it; but what is not checked out needs none.
    pub fn remove_all(&mut self, dir: &[u8]) {
        self.clear(dir);
        self.remove(dir);
    }

    /// Takes away all that is below a path, and all plans for it.
    fn clear(&mut self, dir: &[u8]) {
        for path in self.below(dir) {
            if !self.is_away(&path) {
                self.remove(&path);
            }
        }
        let (from, to) = bounds(dir);
        for path in taken(&mut self.candidates, &from, &to) {
            if !self.is_away(&path) {
                self.changes.insert(path, None);
            }
        }
        taken(&mut self.queue, &from, &to);
    }

    /// Every path below a directory that has a row.
    pub fn below(&self, dir: &[u8]) -> Vec<Vec<u8>> {
        let (from, to) = bounds(dir);
        let old = self.table.below(dir).map(|slot| self.table.path(slot).to_vec());
        let new = self.changes.range(from..to).map(|(path, _)| path.clone());
        let mut all: Vec<Vec<u8>> = old.chain(new).filter(|path| self.row(path).is_some()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Closes the scan.
    pub fn found(mut self) -> Found {
        let (table, settled) = (&self.table, self.complete && self.rules_hold());
        let edits = self.edits();
        let times = edits.iter().filter_map(|edit| Some((edit.path.clone(), self.times(edit)?))).collect();
        let skipped = self.skipped();
        let from_tree = match &self.tip {
            Some(tip) => tip.tree,
            None => table.tree(),
        };
        let basis = Basis {
            rules: self.rules.digest(),
            index: if settled { self.tracked.digest() } else { 0 },
            quiet: self.quiet,
            settled,
            stray: self.stray,
        };
        self.changes.retain(|path, row| *row != self.table.get(path));
        let id_len = self.kind.id_len();
        let update = Update { table: self.table, changes: self.changes, basis, id_len };
        let (unstable, leans, complete) = (self.unstable, self.leans, self.complete);
        Found { from_tree, edits, times, skipped, unstable, leans, complete, update }
    }

    fn edits(&self) -> Vec<Edit> {
        let edits = self
            .changes
            .iter()
            .map(|(path, row)| Edit { path: path.clone(), to: row.and_then(|row| row.side()) });
        edits.filter(|edit| edit.to != self.before(&edit.path)).collect()
    }

    fn times(&self, edit: &Edit) -> Option<Times> {
        let micros = |nanos: i64| Timestamp(nanos.div_euclid(1_000));
        if edit.to.is_some() {
            let stat = self.row(&edit.path).filter(|row| row.away_side().is_none())?.stat;
            return Some(Times { mtime: micros(stat.mtime), ctime: micros(stat.ctime) });
        }
        let mut dir = split(&edit.path).0;
        loop {
            let stat = match self.row(dir).filter(|row| row.stat.is_dir()) {
                Some(row) => Some(row.stat),
                // Without a table nothing is known of directories.
                None if self.tip.is_some() => {
                    self.root.dir(dir).ok().and_then(|dir| super::root::fstat(&dir))
                }
                None => None,
            };
            if let Some(stat) = stat {
                return Some(Times { mtime: micros(stat.ctime), ctime: micros(stat.ctime) });
            }
            if dir.is_empty() {
                return None;
            }
            dir = split(dir).0;
        }
    }

    fn skipped(&self) -> Vec<Skip> {
        let reason = |part: Part| match part {
            Part::Skipped(reason) => Some(reason),
            Part::Away(reason) => reason,
            _ => None,
        };
        let mut all: BTreeMap<&[u8], Reason> = BTreeMap::new();
        for slot in 0..self.table.slots() {
            if let Some(reason) = self.table.part(slot).and_then(reason) {
                all.insert(self.table.path(slot), reason);
            }
        }
        for (path, row) in &self.changes {
            match row.and_then(|row| reason(row.part)) {
                Some(reason) => all.insert(path, reason),
                None => all.remove(&path[..]),
            };
        }
        // Where rules could not be read, more was left out than can be named.
        let unread = self.rules.unread().map(|dir| (join(dir, NAME), Reason::Unreadable));
        let unread = unread.filter(|(path, _)| !all.contains_key(&path[..])).collect::<Vec<_>>();
        let all = all.into_iter().map(|(path, reason)| Skip { path: path.into(), reason });
        all.chain(unread.into_iter().map(|(path, reason)| Skip { path: path.into(), reason })).collect()
    }

    /// True if the rules that were applied are those that are stored: they may have changed between.
    fn rules_hold(&self) -> bool {
        self.rules.read().all(|(dir, id)| {
            let listed = self.row(dir).is_some_and(|row| row.part == Part::Listed);
            let stored = self.row(&join(dir, NAME));
            let left_out = stored.is_some_and(|row| matches!(row.part, Part::Skipped(_)));
            !listed || left_out || rules_of(stored) == id
        })
    }
}

/// Takes what lies between two paths out of a map.
fn taken<T>(map: &mut BTreeMap<Vec<u8>, T>, from: &[u8], to: &[u8]) -> Vec<Vec<u8>> {
    let range = map.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
    let paths: Vec<Vec<u8>> = range.map(|(path, _)| path.clone()).collect();
    for path in &paths {
        map.remove(path);
    }
    paths
}

/// The id of the rules that a row of a `.gitignore` stands for.
pub(super) fn rules_of(row: Option<Row>) -> Option<Oid> {
    let row = row?;
    match row.away_side() {
        Some(side) => is_rules(side).then_some(side.id),
        None => row.id.filter(|_| row.stat.is_file()),
    }
}

#[allow(clippy::unnecessary_cast, reason = "the types of the fields differ between systems")]
fn device(dir: &std::path::Path) -> Option<(u64, u64)> {
    rustix::fs::stat(dir).ok().map(|stat| (stat.st_dev as u64, stat.st_ino as u64))
}
