//! Compares what is known with the user's index: what became tracked, what is no longer.
//!
//! Needed only when the index or the rules changed. A path that is tracked belongs to the snapshot
//! though it be ignored or secret; one that is not, is subject to the rules.

use super::super::ignore::What;
use super::super::table::{Part, Row};
use super::root::{fstat, split};
use super::state::{Claim, Scan};
use super::tracked::{contains, paths};
use crate::model::change::{Reason, Side};

impl Scan<'_> {
    /// Plans a look at every path whose standing the index may have changed.
    pub fn reconcile(&mut self) {
        if !self.compare_index || self.expired() {
            return;
        }
        let Some(index) = self.tracked.read() else {
            // What was tracked stays tracked until the index can be read again.
            self.quiet = false;
            return;
        };
        let table = &self.table;
        let mut news: Vec<(Vec<u8>, Option<Side>)> = Vec::new();
        let mut lost: Vec<Vec<u8>> = Vec::new();
        let mut slot = 0;
        for (path, away) in paths(index) {
            while slot < table.sorted() && table.path(slot) < path {
                lost.extend(was_tracked(table.row(slot)).then(|| table.path(slot).to_vec()));
                slot += 1;
            }
            let here = slot < table.sorted() && table.path(slot) == path;
            let at = if here { Some(slot) } else { table.find_extra(path) };
            slot += usize::from(here);
            let settled = at.and_then(|at| table.row(at)).is_some_and(|row| match away {
                Some(_) => row.part == Part::Away(None) && row.side() == away,
                None => row.part == Part::Stored,
            });
            if !settled || self.changes.contains_key(path) {
                news.push((path.to_vec(), away));
            }
        }
        let behind = (slot..table.slots()).filter(|slot| was_tracked(table.row(*slot)));
        let behind = behind.map(|slot| table.path(slot)).filter(|path| !contains(index, path));
        lost.extend(behind.map(<[u8]>::to_vec));
        self.quiet = true;
        self.stray = false;
        lost.into_iter().for_each(|path| self.untracked(path));
        news.into_iter().for_each(|(path, away)| match away {
            Some(side) => self.became_away(path, side),
            None => self.became_tracked(path),
        });
    }

    fn untracked(&mut self, path: Vec<u8>) {
        let Some(row) = self.row(&path).filter(|row| row.tracked) else { return };
        let what = if row.stat.is_dir() { What::Directory } else { What::File };
        if self.rules.excluded(&path, what) {
            self.candidates.remove(&path);
            self.changes.insert(path, None);
        } else if row.part == Part::Nested {
            self.changes.insert(path, Some(Row { tracked: false, ..row }));
        } else {
            self.candidates.insert(path, Claim::Untracked);
        }
    }

    pub fn became_tracked(&mut self, path: Vec<u8>) {
        if let Some(claim) = self.candidates.get_mut(&path) {
            *claim = Claim::Tracked;
            return;
        }
        let look = match self.row(&path).map(|row| row.part) {
            None => self.passable(split(&path).0),
            Some(Part::Rules | Part::Skipped(Reason::SecretName | Reason::SecretContent)) => true,
            // Now it is missed.
            Some(Part::Away(_)) => true,
            Some(Part::Stored | Part::Nested | Part::Skipped(_)) => return,
            Some(Part::Listed | Part::Passed) => false,
        };
        if look {
            self.candidates.insert(path, Claim::Tracked);
        } else if self.quiet && self.rules.excluded(&path, What::File) {
            self.quiet = false;
        }
    }

    /// True if the way to `dir` leads through plain directories; those not known are noted.
    pub fn passable(&mut self, dir: &[u8]) -> bool {
        if dir.is_empty() {
            return true;
        }
        match self.row(dir).map(|row| row.part) {
            Some(Part::Listed | Part::Passed) => return true,
            Some(_) => return false,
            None if self.barred.contains(dir) => return false,
            None => {}
        }
        let open = if self.passable(split(dir).0) { self.root.dir(dir).ok() } else { None };
        match open.as_ref().and_then(fstat) {
            Some(stat) => {
                let row = self.fresh(stat, Part::Passed);
                self.put(dir.to_vec(), row);
                true
            }
            None => {
                self.barred.insert(dir.to_vec());
                false
            }
        }
    }
}

fn was_tracked(row: Option<Row>) -> bool {
    row.is_some_and(|row| row.tracked)
}
