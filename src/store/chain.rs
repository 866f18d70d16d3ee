//! The checkpoints of a worktree, newest first, by first parents. Reading only.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};

use crate::git::store::Store;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::SnapshotFacts;
use crate::model::id::WorktreeId;
use crate::model::oid::Oid;
use crate::wire::message;

/// Where the batch lies in a checkpoint's tree.
pub const EVENTS: &[u8] = b"events.jsonl";

/// Where the files lie in a checkpoint's tree.
pub const WORKTREE: &[u8] = b"worktree";

/// One checkpoint; an error if the commit is absent, damaged or not ours.
pub fn checkpoint(store: &Store, id: Oid) -> Result<Checkpoint> {
    let raw = store.own_commit(id).with_context(|| damaged(id))?.with_context(|| damaged(id))?;
    let header = message::parse(&raw.message).with_context(|| format!("read checkpoint {}", id.short(12)))?;
    Ok(Checkpoint { id, parent: raw.parent, tree: raw.tree, header })
}

fn damaged(id: Oid) -> super::Damaged {
    super::Damaged(format!("checkpoint {} is missing or damaged; see `trace fsck`", id.short(12)))
}

/// The chain from `tip` on, newest first, into older segments too. Ends at the first error.
pub fn walk(store: &Store, tip: Option<Oid>) -> impl Iterator<Item = Result<Checkpoint>> + '_ {
    let mut next = tip;
    std::iter::from_fn(move || {
        let found = checkpoint(store, next.take()?);
        if let Ok(checkpoint) = &found {
            next = checkpoint.parent.or(checkpoint.header.continues);
        }
        Some(found)
    })
}

/// The events of a checkpoint, as the bytes of its `events.jsonl`; empty if it has none.
pub fn events(store: &Store, tree: Oid) -> Result<Vec<u8>> {
    let Some(side) = store.lookup(tree, EVENTS)? else { return Ok(Vec::new()) };
    store
        .blob(side.id)?
        .with_context(|| super::Damaged(format!("the events {} are missing", side.id.short(12))))
}

/// The tree of the files in a checkpoint; `None` if its snapshot was skipped.
pub fn worktree(store: &Store, tree: Oid) -> Result<Option<Oid>> {
    Ok(store.lookup(tree, WORKTREE)?.map(|side| side.id))
}

/// The newest snapshot from `tip` on: a checkpoint that was made without one changed no file.
pub fn newest_worktree(store: &Store, tip: Option<&Checkpoint>) -> Result<Option<Oid>> {
    let mut step = tip.map(|tip| (tip.tree, tip.parent));
    while let Some((tree, parent)) = step {
        if let Some(found) = worktree(store, tree)? {
            return Ok(Some(found));
        }
        let older = parent.map(|id| checkpoint(store, id)).transpose()?;
        step = older.map(|older| (older.tree, older.parent));
    }
    Ok(None)
}

/// What the snapshot of a checkpoint found, from its events.
pub fn facts(events: &[u8]) -> Option<SnapshotFacts> {
    use crate::model::event::What;
    let newest_first = events.split(|byte| *byte == b'\n').rev();
    newest_first.filter(|line| !line.is_empty()).find_map(|line| {
        match crate::wire::event::decode(line).ok()?.what {
            What::Snapshot(facts) => Some(*facts),
            _ => None,
        }
    })
}

/// The end of the longest chain of whole checkpoints of `worktree`; the clock only breaks ties.
///
/// Looks at every object of the store: only for when its ref is lost or damaged.
pub fn newest_intact(store: &Store, worktree: &WorktreeId) -> Result<Option<Checkpoint>> {
    let mut whole: HashMap<Oid, Checkpoint> = HashMap::new();
    for id in store.own_ids()? {
        if let Ok(found) = checkpoint(store, id)
            && found.header.worktree == *worktree
            && events(store, found.tree).is_ok()
        {
            whole.insert(id, found);
        }
    }
    let length = |from: &Checkpoint| {
        std::iter::successors(Some(from), |one| whole.get(&one.parent?)).take(whole.len()).count()
    };
    let parents: HashSet<Oid> = whole.values().filter_map(|found| found.parent).collect();
    let tips = whole.values().filter(|found| !parents.contains(&found.id));
    Ok(tips.max_by_key(|found| (length(found), found.header.time)).cloned())
}
