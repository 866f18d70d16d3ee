//! What changed in the worktree since the last scan, and what it is now.
//!
//! A full scan asks `lstat` for every path of the [`Table`] and reads only the directories and
//! files that differ: its cost follows the number of files, but only with the cost of one `lstat`
//! each. Known paths need no table at all. Both hand back edits, not a tree, and a table that is
//! to be written after the tree is in the chain.
//!
//! What belongs to a snapshot: what the user's index tracks, and what is neither tracked nor
//! ignored; except what is too large, secret, or no file, which is listed instead. Bytes are taken
//! as they are, without filters. What the index has as not checked out is as the index has it.
//! Never writes to the worktree or to the user's repository, never
//! follows a link, never opens a FIFO, and a path that cannot be read is no error.

mod away;
mod base;
mod crew;
mod judge;
mod known;
mod look;
mod reconcile;
pub(super) mod root;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
mod tracked;
mod walk;

use super::pack::Pack;
use super::store::Store;
use super::table::Table;
use super::table::log::Update;
use super::tree::Edit;
use crate::model::change::Skip;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use anyhow::{Context, Result};
use root::Root;
use state::Scan;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use known::known;

/// Where a scan takes place, and within what limits.
#[derive(Clone)]
pub struct Ground<'a> {
    pub work_tree: &'a Path,
    pub git_dir: &'a Path,
    pub common_dir: &'a Path,
    pub store: &'a Store,
    /// The tree whose blobs may be borrowed: they are not written again at the same path.
    pub base_tree: Option<Oid>,
    /// HEAD's tree, if the base can be moved there: a file over the limit may lean on it.
    pub head_tree: Option<Oid>,
    /// The user's `core.excludesFile`.
    pub excludes_file: Option<PathBuf>,
    /// The patterns of `trace.ignore`.
    pub extra_ignores: Vec<String>,
    pub limits: Limits,
    /// When to stop and hand back what was found by then.
    pub deadline: Option<Instant>,
    pub threads: usize,
}

/// How much may be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub file: u64,
    /// New bytes of one checkpoint, as they lie in the pack.
    pub checkpoint: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 10 << 20, checkpoint: 100 << 20 }
    }
}

/// The times of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub mtime: Timestamp,
    pub ctime: Timestamp,
}

/// What a scan found.
#[derive(Debug)]
pub struct Found {
    /// The tree that the edits apply to.
    pub from_tree: Option<Oid>,
    pub edits: Vec<Edit>,
    /// Of every edited path that is checked out; of one that is gone, both are the `ctime` of the nearest directory
    /// that is still there, if that is known.
    pub times: HashMap<Vec<u8>, Times>,
    /// Everything that was left out, each time.
    pub skipped: Vec<Skip>,
    /// Files that changed each time they were read; they are in, as they were read last.
    pub unstable: Vec<Text>,
    /// A file is in that only HEAD's tree has: the base must be moved there.
    pub leans: bool,
    /// False if the deadline came first: what was found is right, but there may be more.
    pub complete: bool,
    pub update: Update,
}

/// Scans the whole worktree.
pub fn full(ground: &Ground<'_>, table: Table, pack: &mut Pack) -> Result<Found> {
    full_at(ground, table, pack, now())
}

/// A full scan that begins at `start`, in nanoseconds since the epoch.
fn full_at(ground: &Ground<'_>, table: Table, pack: &mut Pack, start: i64) -> Result<Found> {
    let root = open(ground)?;
    let mut scan = Scan::new(ground, &root, table, start);
    scan.sweep();
    scan.plan();
    scan.walk()?;
    scan.reconcile();
    scan.settle(pack)?;
    Ok(scan.found())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn open(ground: &Ground<'_>) -> Result<Root> {
    Root::open(ground.work_tree).with_context(|| format!("open the worktree {}", ground.work_tree.display()))
}
