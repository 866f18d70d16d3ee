//! Lines that only came here, followed to where they were written.
//!
//! A merge, a pick, a squash, a pull or a stash puts into the files what was written before: in another
//! worktree, on another branch, or put together where nothing is recorded. What led to the commit, or
//! made the same change first, says by whom.

use std::collections::HashSet;

use anyhow::{Context, Result};

use crate::git::blame::{self, Sought};
use crate::git::store::Store;
use crate::model::change::Side;
use crate::model::link::Edit;
use crate::model::oid::Oid;
use crate::model::origin::{Deed, Origin, Source};
use crate::model::time::Timestamp;
use crate::recall::attribution::by_when;
use crate::recall::deeds::Deeds;
use crate::recall::links::{self, Ground, Traced};

/// Lines that may have been written before they came here.
pub struct Borrowed {
    /// Of those of which nothing older is recorded.
    pub origin: Origin,
    /// What the file was called when they came.
    pub path: Vec<u8>,
    pub lines: Vec<Sought>,
    pub way: Way,
}

/// How lines came here.
pub enum Way {
    /// With a commit, made at this time.
    Commit(Oid, Timestamp),
    /// With a change of the file, from the first content to the second.
    Edit(Option<Side>, Side),
}

impl Borrowed {
    /// Whether they may have been recorded since it began.
    pub fn is_since(&self, began: Timestamp) -> bool {
        match self.way {
            // A commit knows its second only.
            Way::Commit(_, at) => at.secs() >= began.secs(),
            Way::Edit(..) => true,
        }
    }
}

/// Everything that was recorded in the clone.
pub struct Past<'a> {
    store: &'a Store,
    ground: &'a Ground<'a>,
    /// By worktree.
    deeds: Vec<Deeds<'a>>,
}

impl<'a> Past<'a> {
    /// Of what was read.
    pub fn of(store: &'a Store, ground: &'a Ground<'a>) -> Self {
        Self { store, ground, deeds: ground.records().map(Deeds::of).collect() }
    }

    /// What wrote the lines, as far as that was recorded. Those of which it was not are left.
    ///
    /// # Errors
    /// What the commit or a version of the file consists of cannot be read.
    pub fn written(&self, borrowed: &mut Borrowed) -> Result<Vec<(Origin, Vec<Sought>)>> {
        let (side, changes) = self.led_to(borrowed)?;
        let newest = self.bytes(side)?;
        let is_it = |traced: &&Traced| traced.change.path.as_bytes() == borrowed.path;
        let mut steps: Vec<&Traced> = changes.iter().filter(is_it).collect();
        steps.sort_by_key(|traced| self.ground.found(traced.checkpoint).map(|(_, found)| found.at));
        let mut all = Vec::new();
        // The oldest first: what comes later may be git, which put there what was written before.
        for traced in steps {
            let Some(origin) = self.origin(traced) else { continue };
            let (old, new) = (self.bytes(traced.change.old)?, self.bytes(traced.change.new)?);
            let (there, _) = blame::split(&new, &newest, borrowed.lines.clone());
            let (_, fresh) = blame::split(&old, &new, there);
            let known: HashSet<u32> = fresh.iter().map(|line| line.at).collect();
            borrowed.lines.retain(|line| !known.contains(&line.at));
            all.push((origin, fresh));
        }
        Ok(all)
    }

    /// The file as it came, and the changes that led there.
    fn led_to(&self, borrowed: &Borrowed) -> Result<(Option<Side>, Vec<Traced>)> {
        match borrowed.way {
            Way::Commit(id, _) => {
                let commit = self.store.commit(id)?.context("a commit that brought lines is gone")?;
                let side = self.store.lookup(commit.tree, &borrowed.path)?;
                Ok((side, links::of_commit(self.ground, id)?.changes))
            }
            Way::Edit(old, new) => {
                let path = borrowed.path.clone();
                let edit = Edit { path, old: old.map(|side| side.id), new: Some(new.id) };
                Ok((Some(new), links::of_edit(self.ground, edit)))
            }
        }
    }

    fn origin(&self, traced: &Traced) -> Option<Origin> {
        let (worktree, found) = self.ground.found(traced.checkpoint)?;
        let change = &traced.change;
        let at = found.moment(change);
        let until = by_when(at, found.at);
        let deeds: Vec<Deed> =
            change.by.iter().map(|author| self.deeds[worktree].deed(author, until)).collect();
        Some(Origin {
            source: Source::Checkpoint(traced.checkpoint),
            at: Some(at),
            path: change.path.clone(),
            deeds,
            confidence: change.confidence,
        })
    }

    /// The lines of one side of a change; nothing of what has none.
    fn bytes(&self, side: Option<Side>) -> Result<Vec<u8>> {
        let file = side.filter(|side| blame::is_file(*side));
        file.map_or(Ok(Vec::new()), |file| blame::bytes_of(self.store, file.id))
    }
}
