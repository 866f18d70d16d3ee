//! The files as they are, as a tree, and the base that tree may borrow from.
//!
//! Invariant of a chain: every object of every checkpoint is in the store itself or belongs to the
//! tree of the chain's base, a commit of the user's. The base stays while HEAD's history holds it, so
//! amending new work drops nothing; when it does not, what could be borrowed of it and HEAD's tree
//! lacks is copied into the same pack, and HEAD becomes the base.

use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::{Context, Result};

use super::chain;
use super::compose::Scope;
use super::home::Home;
use crate::disk::file;
use crate::git::head::Head;
use crate::git::pack::Pack;
use crate::git::scan::{self, Found, Ground, Limits, Times};
use crate::git::store::Store;
use crate::git::table::Table;
use crate::git::table::log::Update;
use crate::git::{absorb, ancestry, diff, tree};
use crate::model::change::{Change, Confidence, Status};
use crate::model::checkpoint::{Checkpoint, Files, Snapshot};
use crate::model::event::SnapshotFacts;
use crate::model::oid::Oid;
use crate::model::settings::Settings;
use crate::model::text::Text;

/// More changes than this are counted and not listed: they can be had from the trees.
const MOST_LISTED: usize = 10_000;

/// More than a table of a few million files takes.
const TABLE_CAP: u64 = 4 << 30;

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
    pub facts: SnapshotFacts,
    /// News for the stat table: none where its rows would not be the tree's, or where only named paths
    /// were looked at.
    pub update: Option<Update>,
}

/// The commit that a checkpoint made now may borrow from. Copies what the old base took along.
///
/// # Errors
/// Objects of the old base that are gone already are no error here; they are returned.
pub fn base(
    store: &Store,
    pack: &mut Pack,
    before: Option<&Checkpoint>,
    head: &Head,
) -> Result<(Option<Oid>, Vec<Oid>)> {
    let Some(old) = before.and_then(|before| before.header.base) else {
        return Ok((head.commit, Vec::new()));
    };
    let unmoved = before.is_some_and(|before| before.header.head == head.commit);
    let kept = match head.commit {
        Some(_) if unmoved => true,
        Some(head) => ancestry::is_ancestor(store, old, head)?,
        None => false,
    };
    if kept {
        return Ok((Some(old), Vec::new()));
    }
    let Some(from) = ancestry::tree_of(store, old)? else { return Ok((head.commit, vec![old])) };
    let to = head.commit.map(|head| ancestry::tree_of(store, head)).transpose()?.flatten();
    let absorbed = absorb::absorb(store, pack, from, to)?;
    Ok((head.commit, absorbed.missing))
}

impl Camera<'_> {
    /// Takes the snapshot that follows `before`.
    pub fn take(
        &self,
        pack: &mut Pack,
        scope: &Scope,
        base: Option<Oid>,
        before: Option<&Checkpoint>,
    ) -> Result<Taken> {
        let before_tree = self.last_tree(before)?;
        let base_tree = base.map(|base| ancestry::tree_of(self.store, base)).transpose()?.flatten();
        let found = self.look(pack, scope, base_tree, before_tree)?;
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
            facts: SnapshotFacts {
                skipped: found.skipped,
                unstable: found.unstable,
                ..SnapshotFacts::default()
            },
            update: match scope {
                Scope::Full => Some(found.update).filter(|_| fits),
                Scope::Known(_) => None,
            },
        };
        taken.compare(self.store, pack, before_tree, &found.times)?;
        Ok(taken)
    }

    /// The newest snapshot there is: a checkpoint that was made without one changed no file.
    fn last_tree(&self, before: Option<&Checkpoint>) -> Result<Option<Oid>> {
        let mut step = before.map(|before| (before.tree, before.parent));
        while let Some((tree, parent)) = step {
            if let Some(found) = chain::worktree(self.store, tree)? {
                return Ok(Some(found));
            }
            step = parent
                .map(|id| chain::checkpoint(self.store, id))
                .transpose()?
                .map(|one| (one.tree, one.parent));
        }
        Ok(None)
    }

    fn look(
        &self,
        pack: &mut Pack,
        scope: &Scope,
        base_tree: Option<Oid>,
        before: Option<Oid>,
    ) -> Result<Found> {
        let ground = self.ground(base_tree)?;
        match scope {
            Scope::Known(paths) => scan::known(&ground, before, paths, pack),
            Scope::Full => {
                let table = self.table()?;
                let usable = match table.tree() {
                    // Its objects must be there: edits are applied to that tree.
                    Some(tree) => self.store.tree(tree).is_ok_and(|tree| tree.is_some()),
                    None => true,
                };
                let table = if usable { table } else { Table::load(None, None) };
                scan::full(&ground, table, pack)
            }
        }
        .with_context(|| format!("look at the files of {}", ground.work_tree.display()))
    }

    fn ground(&self, base_tree: Option<Oid>) -> Result<Ground<'_>> {
        let place = &self.home.place;
        Ok(Ground {
            work_tree: place.top()?,
            git_dir: &place.git_dir,
            common_dir: &place.common,
            store: self.store,
            base_tree,
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
