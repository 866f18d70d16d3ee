//! The files as they are, as a tree.
//!
//! What is in the tree of the chain's base at the same path is borrowed and not written ([`base`]).

use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::{Context, Result};

use super::base::{self, Base};
use super::chain;
use super::compose::Scope;
use super::home::Home;
use crate::disk::{clock, file};
use crate::git::pack::Pack;
use crate::git::scan::{self, Found, Ground, Limits, Times};
use crate::git::store::Store;
use crate::git::table::Table;
use crate::git::table::log::Update;
use crate::git::{diff, tree};
use crate::model::change::{Change, Confidence, Status};
use crate::model::checkpoint::{Checkpoint, Files, Snapshot};
use crate::model::event::SnapshotFacts;
use crate::model::oid::Oid;
use crate::model::settings::Settings;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// More changes than this are counted and not listed: they can be had from the trees.
const MOST_LISTED: usize = 10_000;

/// More than a table of a few million files takes.
const TABLE_CAP: u64 = 4 << 30;

/// A table that no checkpoint of the last so many knows is not worth looking for.
const TABLE_AGE: usize = 1000;

/// What a snapshot is taken with.
pub struct Camera<'a> {
    pub home: &'a Home,
    pub store: &'a Store,
    pub settings: &'a Settings,
    pub excludes_file: Option<std::path::PathBuf>,
    pub deadline: Option<Instant>,
}

/// A snapshot, its objects in the pack.
pub struct Taken {
    /// `None`: there are no files.
    pub tree: Option<Oid>,
    pub state: Snapshot,
    pub files: Files,
    /// When the look began.
    pub began: Timestamp,
    pub facts: SnapshotFacts,
    /// It holds a file that only HEAD's commit has: that must become the base.
    pub leans: bool,
    /// News for the stat table: none where its rows would not be the tree's, or where only named paths
    /// were looked at.
    pub update: Option<Update>,
}

/// What came before.
struct Past<'a> {
    tip: Option<&'a Checkpoint>,
    /// The newest snapshot there is.
    tree: Option<Oid>,
}

impl Camera<'_> {
    /// Takes the snapshot that follows `before`.
    pub fn take(
        &self,
        pack: &mut Pack,
        scope: &Scope,
        base: &Base,
        before: Option<&Checkpoint>,
    ) -> Result<Taken> {
        let began = clock::now();
        let before_tree = chain::newest_worktree(self.store, before)?;
        let base_tree = base::tree(self.store, base.commit)?;
        let past = Past { tip: before, tree: before_tree };
        let found = self.look(pack, scope, &self.ground(base, base_tree)?, &past)?;
        // A look that was cut short says nothing of what it did not reach: that is as it was before.
        let from = if found.complete { found.from_tree } else { before_tree.or(found.from_tree) };
        let edited = tree::edit(self.store, pack, from, &found.edits, base_tree);
        let tree = edited.context("make the tree of the files")?;
        let fits = found.complete || from == found.from_tree;
        let mut taken = Taken {
            tree,
            state: match (scope, found.complete) {
                (_, false) => Snapshot::Partial,
                (Scope::Full, true) => Snapshot::Full,
                (Scope::Known(_), true) => Snapshot::Known,
            },
            files: Files::default(),
            began,
            facts: SnapshotFacts {
                skipped: found.skipped,
                unstable: found.unstable,
                ..SnapshotFacts::default()
            },
            leans: found.leans,
            update: match scope {
                Scope::Full => Some(found.update).filter(|_| fits),
                Scope::Known(_) => None,
            },
        };
        taken.compare(self.store, pack, before_tree, &found.times)?;
        Ok(taken)
    }

    fn look(&self, pack: &mut Pack, scope: &Scope, ground: &Ground<'_>, past: &Past<'_>) -> Result<Found> {
        match scope {
            Scope::Known(paths) => scan::known(ground, past.tree, paths, pack),
            Scope::Full => {
                let table = self.table()?;
                let table = if self.fits(&table, past) { table } else { Table::load(None, None) };
                scan::full(ground, table, pack)
            }
        }
        .with_context(|| format!("look at the files of {}", ground.work_tree.display()))
    }

    fn ground(&self, base: &Base, base_tree: Option<Oid>) -> Result<Ground<'_>> {
        let place = &self.home.place;
        Ok(Ground {
            work_tree: place.top()?,
            git_dir: &place.git_dir,
            common_dir: &place.common,
            store: self.store,
            base_tree,
            head_tree: match base.commit == base.head {
                true => None,
                // As with the base, a HEAD that cannot be read lends nothing.
                false => base::tree(self.store, base.head).unwrap_or_default(),
            },
            excludes_file: self.excludes_file.clone(),
            extra_ignores: self.settings.ignore.clone(),
            limits: Limits { file: self.settings.file_cap, checkpoint: self.settings.checkpoint_cap },
            deadline: self.deadline,
            threads: 2,
        })
    }

    fn table(&self) -> Result<Table> {
        let worktree = &self.home.worktree;
        let main = file::read(&self.home.place.index(worktree), TABLE_CAP).unwrap_or_default();
        let log = file::read(&self.home.place.index_log(worktree), TABLE_CAP).unwrap_or_default();
        Ok(Table::load(main, log))
    }

    /// Whether the table's tree is one of this chain's, and there to be edited. What another chain
    /// borrowed, this one may not have.
    fn fits(&self, table: &Table, past: &Past<'_>) -> bool {
        let (Some(tip), Some(tree)) = (past.tip, table.tree()) else { return past.tip.is_some() };
        // Named paths are looked at without the table, and who died left an old one.
        let mut older = chain::walk(self.store, tip.parent).take(TABLE_AGE).map_while(Result::ok);
        let ours = past.tree == Some(tree)
            || older.any(|one| chain::worktree(self.store, one.tree).is_ok_and(|found| found == Some(tree)));
        ours && self.store.tree(tree).is_ok_and(|tree| tree.is_some())
    }
}

impl Taken {
    fn compare(
        &mut self,
        store: &Store,
        pack: &Pack,
        before: Option<Oid>,
        times: &std::collections::HashMap<Vec<u8>, Times>,
    ) -> Result<()> {
        let (files, facts) = (&mut self.files, &mut self.facts);
        diff::trees(store, Some(pack), before, self.tree, &mut |delta| {
            let status = match (&delta.old, &delta.new) {
                (None, _) => Status::Added,
                (_, None) => Status::Deleted,
                _ => Status::Modified,
            };
            match status {
                Status::Added => files.added += 1,
                Status::Deleted => files.deleted += 1,
                Status::Modified => files.modified += 1,
            }
            // The first snapshot differs from nothing by everything: that is no news.
            if before.is_some() && facts.changes.len() < MOST_LISTED {
                let at = times.get(&delta.path);
                facts.changes.push(Change {
                    status,
                    old: delta.old,
                    new: delta.new,
                    mtime: at.map(|at| at.mtime).filter(|_| status != Status::Deleted),
                    ctime: at.map(|at| at.ctime),
                    path: Text(delta.path),
                    by: Vec::new(),
                    confidence: Confidence::Unknown,
                });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        facts.changed = if before.is_some() { files.total() } else { 0 };
        Ok(())
    }
}
