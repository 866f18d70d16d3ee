//! What the user's index has as not checked out: in a sparse checkout, or where there was none.
//!
//! Such a path is not missed on disk. It stands in the snapshot as in the index, and its bytes are
//! borrowed from the base; only what the base lacks is copied. Nothing is fetched: what a remote has
//! promised stays a promise, and what nobody can produce stays out of the tree.

use super::super::ignore::NAME;
use super::super::pack::Pack;
use super::super::table::{Part, Row};
use super::super::{EXECUTABLE, FILE, GITLINK, ObjectKind, TREE, head};
use super::look::Look;
use super::root::split;
use super::state::{Claim, Scan};
use super::sweep::Fate;
use super::tracked::aways;
use crate::model::change::{Reason, Side};
use anyhow::Result;

impl Scan<'_> {
    /// Plans a look at a path that need not be on disk, if the index has changed there.
    pub fn became_away(&mut self, path: Vec<u8>, side: Side) {
        match self.row(&path) {
            // If it is to be looked at, that is planned.
            Some(row) if row.away_side() == Some(side) => {}
            None | Some(Row { part: Part::Away(_), .. }) => {
                self.candidates.insert(path, Claim::Away(side));
            }
            Some(_) => {
                self.stray = true;
                self.became_tracked(path);
            }
        }
    }

    /// What stands at a path by right of the index alone, because nothing is there on disk.
    pub fn excused(&mut self, path: &[u8], away: Option<Side>, look: &Look) -> Option<Side> {
        let nothing = match look {
            Look::Gone => true,
            // Not even its stat could be had.
            Look::Unreadable(stat) => stat.mode == 0,
            _ => false,
        };
        if away.is_none() {
            // Without a table, only the index knows whether what the tip has is deleted.
            let asked = nothing && self.tip.is_some() && self.before(path).is_some();
            return if asked { self.tracked.away(path) } else { None };
        }
        if nothing || !self.passable(split(path).0) {
            return away;
        }
        self.stray = true;
        None
    }

    /// The row of what is not there; `None` if something else stands in its place.
    pub fn away(
        &mut self,
        path: &[u8],
        side: Side,
        borrowed: Option<Side>,
        pack: &mut Pack,
    ) -> Result<Option<Row>> {
        if self.is_blocked(path) {
            self.stray = true;
            return Ok(None);
        }
        let taken = borrowed == Some(side) || self.before(path) == Some(side);
        let reason = if taken { None } else { self.copy(side, pack)? };
        Ok(Some(Row::away(side, reason)))
    }

    /// Copies what cannot be borrowed; or says why not.
    fn copy(&self, side: Side, pack: &mut Pack) -> Result<Option<Reason>> {
        let Side { mode, id } = side;
        // A directory is here only if its tree could not be read.
        if mode == TREE || id.is_null() {
            return Ok(Some(Reason::Unreadable));
        }
        if mode == GITLINK || pack.has(id) {
            return Ok(None);
        }
        let (store, limits) = (self.ground.store, self.ground.limits);
        match store.blob_size(id).ok().flatten() {
            None => return Ok(Some(Reason::Unreadable).filter(|_| !self.is_promisor())),
            Some(size) if size > limits.file => return Ok(Some(Reason::TooLarge)),
            Some(size) if pack.new_bytes() + size > limits.checkpoint => {
                return Ok(Some(Reason::CheckpointFull));
            }
            Some(_) => {}
        }
        let Ok(Some(bytes)) = store.blob(id) else { return Ok(Some(Reason::Unreadable)) };
        pack.add(ObjectKind::Blob, &bytes)?;
        Ok(None)
    }

    fn is_promisor(&self) -> bool {
        *self.promisor.get_or_init(|| head::is_promisor(self.ground.common_dir))
    }

    /// True if something that is no directory stands above a path, and is in the tree.
    fn is_blocked(&self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let parts = slashes.filter_map(|slash| Some(self.row(&path[..slash])?.part));
        parts.into_iter().any(|part| matches!(part, Part::Stored | Part::Nested))
    }

    /// True if a path has a row as not checked out.
    pub fn is_away(&self, path: &[u8]) -> bool {
        self.row(path).is_some_and(|row| row.away_side().is_some())
    }

    /// Keeps the tree one: below what stands in it as no directory, nothing else can. What is
    /// ousted, or replaced, may be back when that goes.
    pub fn make_way(&mut self, path: &[u8], old: Option<Part>, new: Row) {
        let away = new.away_side().is_some();
        self.sparse |= away;
        self.stray |= !away && matches!(old, Some(Part::Away(_)));
        if self.sparse && new.side().is_some() {
            for path in self.below(path) {
                self.stray |= self.is_away(&path);
                self.changes.insert(path, None);
            }
        }
    }

    /// Lends directories the rules of each `.gitignore` that is not checked out; returns those
    /// directories, and those that had such rules before.
    pub fn lend_rules(&mut self) -> Vec<Vec<u8>> {
        let mut lent = Vec::new();
        for slot in (0..self.fates.len()).filter(|slot| self.fates[*slot] != Fate::Same) {
            let Some(side) = self.table.row(slot).and_then(|row| row.away_side()) else { continue };
            self.sparse = true;
            lent.extend(rules_dir(self.table.path(slot), side));
        }
        let mut dirs: Vec<Vec<u8>> = lent.iter().map(|(dir, _)| dir.clone()).collect();
        if self.compare_index
            && let Some(index) = self.tracked.read()
        {
            lent = aways(index).filter_map(|(path, side)| rules_dir(path, side)).collect();
            dirs.extend(lent.iter().map(|(dir, _)| dir.clone()));
        }
        for (dir, side) in lent {
            self.rules.lend(dir, side.id, self.ground.store);
        }
        dirs
    }
}

/// True for what may hold rules: git follows no link for them.
pub(super) fn is_rules(side: Side) -> bool {
    matches!(side.mode, FILE | EXECUTABLE)
}

/// The directory that a `.gitignore` that is not checked out rules.
fn rules_dir(path: &[u8], side: Side) -> Option<(Vec<u8>, Side)> {
    let (dir, name) = split(path);
    (name == NAME && is_rules(side)).then(|| (dir.to_vec(), side))
}
