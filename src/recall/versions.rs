//! The versions of one file in a chain of checkpoints, newest first.
//!
//! What each checkpoint found changed tells them without opening a tree. Where that was cut short, or
//! does not fit together, the trees themselves are compared. A file that moved is followed if its
//! content did not change with it.

use anyhow::{Context, Result};

use super::attribution::Found;
use super::commands::Record;
use crate::git::blame;
use crate::git::store::Store;
use crate::model::change::{Change, Side};
use crate::model::checkpoint::Checkpoint;
use crate::model::oid::Oid;
use crate::store::chain;

/// A file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: Vec<u8>,
    pub side: Side,
}

/// A checkpoint that found the file changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub checkpoint: Oid,
    pub new: File,
    /// What was there before; `None` if nothing was.
    pub old: Option<File>,
}

/// The versions of the file at `path` up to `tip`, and what the oldest checkpoint had; `None` if no
/// checkpoint has it now.
pub fn of(store: &Store, record: &Record, tip: &Checkpoint, path: &[u8]) -> Result<Option<Vec<Version>>> {
    let Some(side) = newest(store, Some(tip), path)? else { return Ok(None) };
    let file = File { path: path.to_vec(), side };
    match told(store, record, file.clone())? {
        Some(versions) => Ok(Some(versions)),
        None => compared(store, tip, file).map(Some),
    }
}

/// What the newest snapshot at or before a checkpoint has at a path.
fn newest(store: &Store, of: Option<&Checkpoint>, path: &[u8]) -> Result<Option<Side>> {
    match chain::newest_worktree(store, of)? {
        Some(tree) => Ok(store.lookup(tree, path)?.filter(|side| blame::is_file(*side))),
        None => Ok(None),
    }
}

/// As the record tells them; `None` if what it tells does not fit together.
fn told(store: &Store, record: &Record, mut file: File) -> Result<Option<Vec<Version>>> {
    let mut versions = Vec::new();
    for found in record.changes.iter().rev() {
        let step = match record.cut.contains(&found.checkpoint) {
            true => between(store, found.checkpoint, &file.path)?,
            false => listed(found, &file.path),
        };
        let Some((new, old)) = step else { continue };
        if new != Some(file.side) {
            return Ok(None);
        }
        let old = match old {
            Some(side) => Some(File { path: file.path.clone(), side }),
            // What a list that was cut short lacks may be where it came from.
            None if record.cut.contains(&found.checkpoint) => return Ok(None),
            None => moved(found, &file),
        };
        versions.push(Version { checkpoint: found.checkpoint, new: file.clone(), old: old.clone() });
        match old {
            Some(older) => file = older,
            None => return Ok(Some(versions)),
        }
    }
    let oldest = record.oldest.map(|id| chain::checkpoint(store, id)).transpose()?;
    let first = newest(store, oldest.as_ref(), &file.path)?;
    Ok((first == Some(file.side)).then_some(versions))
}

/// What a path was and became, if it is among what was found changed.
type Step = Option<(Option<Side>, Option<Side>)>;

fn listed(found: &Found, path: &[u8]) -> Step {
    let change = found.changes.iter().find(|change| change.path.as_bytes() == path)?;
    Some((change.new, change.old.filter(|old| blame::is_file(*old))))
}

fn between(store: &Store, id: Oid, path: &[u8]) -> Result<Step> {
    let made = chain::checkpoint(store, id)?;
    let before = before(store, &made)?;
    let (new, old) = (newest(store, Some(&made), path)?, newest(store, before.as_ref(), path)?);
    Ok((new != old).then_some((new, old)))
}

/// Where the file was before, if the same content went from another path.
fn moved(found: &Found, file: &File) -> Option<File> {
    let is_it =
        |change: &&Change| change.new.is_none() && change.old.is_some_and(|old| old.id == file.side.id);
    let change = found.changes.iter().find(is_it)?;
    Some(File { path: change.path.0.clone(), side: change.old? })
}

fn before(store: &Store, of: &Checkpoint) -> Result<Option<Checkpoint>> {
    of.parent.or(of.header.continues).map(|id| chain::checkpoint(store, id)).transpose()
}

/// As the trees have them.
fn compared(store: &Store, tip: &Checkpoint, mut file: File) -> Result<Vec<Version>> {
    let mut versions = Vec::new();
    let mut chain = chain::walk(store, Some(tip.id)).peekable();
    while let Some(made) = chain.next() {
        let made = made.context("follow the file through the chain")?;
        let Some(tree) = chain::worktree(store, made.tree)? else { continue };
        let Some(Ok(before)) = chain.peek() else { break };
        let Some(older) = chain::newest_worktree(store, Some(before))? else { break };
        let side = store.lookup(older, &file.path)?.filter(|side| blame::is_file(*side));
        if side == Some(file.side) {
            continue;
        }
        let old = match side {
            Some(side) => Some(File { path: file.path.clone(), side }),
            None => match blame::moved_from(store, Some(older), Some(tree), file.side.id)? {
                Some(path) => store.lookup(older, &path)?.map(|side| File { path, side }),
                None => None,
            },
        };
        versions.push(Version { checkpoint: made.id, new: file.clone(), old: old.clone() });
        match old {
            Some(older) => file = older,
            None => break,
        }
    }
    Ok(versions)
}
