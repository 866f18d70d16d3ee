//! Copies what the store borrows from a commit that the user's repository is about to forget.
//!
//! Deletes nothing and asks nobody: what is copied twice does no harm, what is not copied is gone.

use super::ObjectKind;
use super::pack::Pack;
use super::store::{Entry, Store, entries};
use super::{GITLINK, TREE};
use crate::model::oid::Oid;
use anyhow::Result;
use std::collections::{HashMap, HashSet};

/// What was copied, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// How many objects the pack gained.
    pub objects: u64,
    /// What was absent or damaged; checkpoints that need it are damaged too.
    pub missing: Vec<Oid>,
}

/// Copies into the pack whatever of `from_tree` is not at the same path in `to_tree` and not in
/// the store itself. Nested repositories are none of ours and skipped.
///
/// A tree that the store holds is walked all the same: its files may be borrowed.
pub fn absorb(store: &Store, pack: &mut Pack, from_tree: Oid, to_tree: Option<Oid>) -> Result<Absorbed> {
    let mut copier = Copier { store, pack, absorbed: Absorbed::default() };
    let mut todo = vec![(from_tree, to_tree)];
    // Without this, a few trees that hold each other many times over would keep us busy for ever.
    let mut seen = HashSet::new();
    while let Some((from, to)) = todo.pop() {
        if Some(from) == to || !seen.insert((from, to)) {
            continue;
        }
        let Some(bytes) = copier.tree(from)? else { continue };
        let theirs = by_name(store, to);
        for entry in entries(store.hash_kind(), from, &bytes)? {
            let there = theirs.get(&entry.name).filter(|there| there.is_tree() == entry.is_tree());
            match there {
                _ if entry.mode == GITLINK => {}
                Some(there) if there.id == entry.id => {}
                _ if entry.mode == TREE => todo.push((entry.id, there.map(|there| there.id))),
                _ => copier.blob(entry.id)?,
            }
        }
    }
    Ok(copier.absorbed)
}

struct Copier<'a> {
    store: &'a Store,
    pack: &'a mut Pack,
    absorbed: Absorbed,
}

impl Copier<'_> {
    /// Copies a tree unless it is ours, and returns its bytes if they are to be had and sound.
    fn tree(&mut self, id: Oid) -> Result<Option<Vec<u8>>> {
        let kind = self.store.hash_kind();
        // A damaged object is as good as none: its neighbours are still to be saved.
        let bytes = self.store.tree_bytes(id).ok().flatten();
        let sound = |bytes: &Vec<u8>| kind.hash(ObjectKind::Tree, bytes).is_ok_and(|real| real == id);
        let bytes = bytes.filter(|bytes| sound(bytes) && entries(kind, id, bytes).is_ok());
        match &bytes {
            None => self.absorbed.missing.push(id),
            Some(_) if self.ours(id)? => {}
            Some(bytes) => self.add(ObjectKind::Tree, bytes)?,
        }
        Ok(bytes)
    }

    /// Copies a blob unless it is ours, which spares the reading.
    fn blob(&mut self, id: Oid) -> Result<()> {
        if self.ours(id)? {
            return Ok(());
        }
        match self.store.blob(id) {
            Ok(Some(bytes)) => self.add(ObjectKind::Blob, &bytes)?,
            _ => self.absorbed.missing.push(id),
        }
        Ok(())
    }

    fn ours(&self, id: Oid) -> Result<bool> {
        Ok(self.pack.has(id) || self.store.holds(id)?)
    }

    fn add(&mut self, kind: ObjectKind, bytes: &[u8]) -> Result<()> {
        self.pack.add(kind, bytes)?;
        self.absorbed.objects += 1;
        Ok(())
    }
}

/// The entries of the tree that stays, by name. If it cannot be read, nothing counts as staying.
fn by_name(store: &Store, tree: Option<Oid>) -> HashMap<Vec<u8>, Entry> {
    let entries = tree.and_then(|id| store.tree(id).ok().flatten()).unwrap_or_default();
    entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;

    fn repository() -> (Dir, Oid, Oid) {
        let dir = Dir::repository(HashKind::Sha1);
        for name in ["keep/1", "keep/2", "mixed/old", "mixed/same", "gone/deep/er", "top"] {
            dir.write(name, name);
        }
        dir.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", "1".repeat(40))]);
        dir.run("mkdir", &["sub"]);
        dir.commit(1);
        dir.run("rm", &["-r", "gone", "mixed/old", "top"]);
        dir.write("top/now/a/directory", "x");
        dir.commit(2);
        let trees = [dir.id("HEAD~^{tree}"), dir.id("HEAD^{tree}")];
        (dir, trees[0], trees[1])
    }

    #[test]
    fn what_the_other_tree_lacks_survives_the_loss_of_the_user_s_objects() {
        let (dir, old, new) = repository();
        let mut pack = Pack::new(HashKind::Sha1);
        let absorbed = absorb(&dir.store(), &mut pack, old, Some(new)).unwrap();
        // The root, mixed, gone, gone/deep; mixed/old, gone/deep/er, top.
        assert_eq!(absorbed, Absorbed { objects: 7, missing: Vec::new() });
        for kept in ["HEAD:keep", "HEAD:keep/1", "HEAD:mixed/same"] {
            assert!(!pack.has(dir.id(kept)), "{kept}");
        }
        dir.install(&pack.finish().unwrap());
        dir.git(&["update-ref", "refs/heads/main", &dir.git(&["commit-tree", "-m", "x", &new.to_string()])]);
        dir.git(&["reflog", "expire", "--expire=now", "--all"]);
        dir.git(&["gc", "-q", "--prune=now"]);
        let store = dir.store();
        for path in ["keep/1", "mixed/old", "mixed/same", "gone/deep/er", "top"] {
            let side = store.lookup(old, path.as_bytes()).unwrap().unwrap();
            assert_eq!(store.blob(side.id).unwrap().unwrap(), path.as_bytes());
        }
        let again = absorb(&store, &mut Pack::new(HashKind::Sha1), old, Some(new)).unwrap();
        assert_eq!(again, Absorbed::default());
    }

    #[test]
    fn a_tree_of_our_own_is_walked_for_the_files_it_borrows() {
        let (dir, old, _) = repository();
        let mut pack = Pack::new(HashKind::Sha1);
        pack.add(ObjectKind::Tree, &dir.store().tree_bytes(old).unwrap().unwrap()).unwrap();
        dir.install(&pack.finish().unwrap());
        let mut pack = Pack::new(HashKind::Sha1);
        let absorbed = absorb(&dir.store(), &mut pack, old, None).unwrap();
        assert!(!pack.has(old) && pack.has(dir.id("HEAD~:top")));
        // Four trees below the root and six files.
        assert_eq!((absorbed.objects, absorbed.missing.len()), (10, 0));
    }

    #[test]
    fn an_absent_object_is_named_and_its_neighbours_are_saved() {
        let (dir, old, new) = repository();
        let lost = dir.id("HEAD~:gone/deep/er");
        let hex = lost.to_string();
        std::fs::remove_file(dir.git_dir().join("objects").join(&hex[..2]).join(&hex[2..])).unwrap();
        let mut pack = Pack::new(HashKind::Sha1);
        let absorbed = absorb(&dir.store(), &mut pack, old, Some(new)).unwrap();
        assert_eq!(absorbed, Absorbed { objects: 6, missing: vec![lost] });
    }

    #[test]
    fn trees_that_hold_each_other_many_times_over_are_walked_once() {
        let dir = Dir::repository(HashKind::Sha1);
        let mut pack = Pack::new(HashKind::Sha1);
        let mut id = pack.add(ObjectKind::Blob, b"").unwrap();
        for depth in 0..60 {
            let mode = if depth == 0 { "100644" } else { "40000" };
            let entry = |name: &str| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", id.as_bytes()].concat();
            id = pack.add(ObjectKind::Tree, &[entry("a"), entry("b")].concat()).unwrap();
        }
        dir.install(&pack.finish().unwrap());
        let absorbed = absorb(&dir.store(), &mut Pack::new(HashKind::Sha1), id, None).unwrap();
        assert_eq!(absorbed, Absorbed::default());
    }
}
