//! The tree whose blobs may be borrowed, asked for a few paths or for very many.

use super::super::TREE;
use super::super::store::{Entry, Store};
use super::Ground;
use super::root::split;
use crate::model::change::Side;
use crate::model::oid::Oid;
use std::collections::HashMap;

/// What the base tree has at a path.
pub(super) struct Base<'a> {
    store: &'a Store,
    tree: Option<Oid>,
    /// Many paths are asked for: whole trees are worth keeping.
    many: bool,
    known: HashMap<Vec<u8>, Vec<Entry>>,
}

impl<'a> Base<'a> {
    /// Says beforehand whether many paths will be asked for.
    pub fn new(ground: &Ground<'a>, many: bool) -> Self {
        Self { store: ground.store, tree: ground.base_tree, many, known: HashMap::new() }
    }

    /// What stands at a path. A base that cannot be read lends nothing: then the blob is written, which is never wrong.
    pub fn side(&mut self, path: &[u8]) -> Option<Side> {
        let tree = self.tree?;
        if !self.many {
            return self.store.lookup(tree, path).ok()?;
        }
        self.entry(tree, path)
    }

    fn entry(&mut self, top: Oid, path: &[u8]) -> Option<Side> {
        let (dir, name) = split(path);
        if !self.known.contains_key(dir) {
            let tree = match dir.is_empty() {
                true => Some(top),
                false => self.entry(top, dir).filter(|side| side.mode == TREE).map(|side| side.id),
            };
            let entries = tree.and_then(|tree| self.store.tree(tree).ok().flatten());
            let mut entries = entries.unwrap_or_default();
            entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            self.known.insert(dir.to_vec(), entries);
        }
        let entries = &self.known[dir];
        let at = entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
        Some(entries[at].side())
    }
}
