//! Looks only at paths that somebody named: an agent's hook that says which file it wrote.
//!
//! The table is left alone, so the next full scan reads these few again. What counts as tracked
//! here is what the tip's tree has, because the user's index is dear to read.

use super::super::head;
use super::super::ignore::What;
use super::super::pack::Pack;
use super::super::table::Table;
use super::super::{TREE, tree::valid_path};
use super::root::join;
use super::state::{Claim, Scan, Tip};
use super::walk::Depth;
use super::{Found, Ground, now, open};
use crate::model::change::Side;
use crate::model::oid::Oid;
use anyhow::Result;
use std::collections::BTreeMap;

/// Scans the paths named, files or directories, and nothing else.
pub fn known(
    ground: &Ground<'_>,
    tip_tree: Option<Oid>,
    paths: &[Vec<u8>],
    pack: &mut Pack,
) -> Result<Found> {
    let root = open(ground)?;
    let mut scan = Scan::new(ground, &root, Table::default(), now());
    let mut sides = BTreeMap::new();
    for path in paths {
        let path = scan.outermost(path.strip_suffix(b"/").unwrap_or(path));
        if is_ours(path) {
            gather(ground, tip_tree, path, &mut sides)?;
            scan.name(path);
        }
    }
    for path in sides.keys() {
        scan.candidates.entry(path.clone()).or_insert(Claim::Unknown);
    }
    scan.tip = Some(Tip { tree: tip_tree, sides });
    scan.walk()?;
    scan.settle(pack)?;
    Ok(Found { update: Default::default(), ..scan.found() })
}

impl Scan<'_> {
    /// The path itself, or the nested repository that it lies in.
    fn outermost<'p>(&mut self, path: &'p [u8]) -> &'p [u8] {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut above = slashes.map(|slash| &path[..slash]);
        let nested = |dir: &&[u8]| {
            self.root.glance(&join(dir, b".git")).is_ok()
                && head::nested(&self.full_path(dir)).is_some()
                && self.tracked.has_below(dir) != Some(true)
        };
        above.find(nested).unwrap_or(path)
    }

    /// Plans a look at a named path, unless it is ignored; if the tip has it, it is planned anyway.
    fn name(&mut self, path: &[u8]) {
        if path.is_empty() {
            self.queue.insert(Vec::new(), Depth::Deep);
            return;
        }
        let what = match self.root.stat(path) {
            Ok(stat) if stat.is_dir() => What::Directory,
            _ => What::File,
        };
        if self.rules.excluded(path, what) {
            return;
        }
        if what == What::Directory && valid_path(path) {
            self.queue.insert(path.to_vec(), Depth::Deep);
        } else {
            self.candidates.insert(path.to_vec(), Claim::Unknown);
        }
    }
}

/// True for the top, and for a path that neither leaves the worktree nor enters a git directory.
fn is_ours(path: &[u8]) -> bool {
    let foreign: [&[u8]; 4] = [b"", b".", b"..", b".git"];
    path.is_empty() || path.split(|byte| *byte == b'/').all(|name| !foreign.contains(&name))
}

/// Collects what the tip has at `path` and below it.
fn gather(
    ground: &Ground<'_>,
    tip: Option<Oid>,
    path: &[u8],
    sides: &mut BTreeMap<Vec<u8>, Side>,
) -> Result<()> {
    let Some(tip) = tip else { return Ok(()) };
    let side = match path.is_empty() {
        true => Some(Side { mode: TREE, id: tip }),
        false => ground.store.lookup(tip, path)?,
    };
    let mut pending: Vec<(Vec<u8>, Side)> = side.map(|side| (path.to_vec(), side)).into_iter().collect();
    while let Some((path, side)) = pending.pop() {
        if side.mode != TREE {
            sides.insert(path, side);
            continue;
        }
        let entries = ground.store.tree(side.id)?.unwrap_or_default();
        pending.extend(entries.into_iter().map(|entry| (join(&path, &entry.name), entry.side())));
    }
    Ok(())
}
