//! Copies what the store borrows from a commit that the user's repository is about to forget.
//!
//! Deletes nothing and asks nobody: what is copied twice does no harm, what is not copied is gone.
//! What is copied leaves in packs of a bounded size, so a huge commit costs time and not memory, and
//! whoever is interrupted finds the packs that landed in the store and goes on from there.

use super::ObjectKind;
use super::pack::{Pack, Packed};
use super::store::{Entry, Store, entries};
use super::{GITLINK, TREE};
use crate::model::oid::Oid;
use anyhow::Result;
use std::collections::{HashMap, HashSet};

/// What was copied, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absorbed {
    /// How many objects the packs hold.
    pub objects: u64,
    /// What was absent or damaged; checkpoints that need it are damaged too.
    pub missing: Vec<Oid>,
}

/// Brings a pack into the store.
pub type Land<'a> = dyn FnMut(Packed) -> Result<()> + 'a;

/// A pack is closed before it holds more than this, unless one object alone is larger.
const MOST: u64 = 64 << 20;

/// Copies whatever of `from_tree` is not at the same path in `to_tree` and not in the store itself,
/// and hands it to `land` pack by pack. Nested repositories are none of ours and skipped.
///
/// A tree that the store holds is walked all the same: its files may be borrowed.
pub fn absorb(store: &Store, from_tree: Oid, to_tree: Option<Oid>, land: &mut Land<'_>) -> Result<Absorbed> {
    Copier::new(store, land, MOST).walk(from_tree, to_tree)
}

struct Copier<'a, 'l> {
    store: &'a Store,
    pack: Pack,
    /// A pack is closed before it holds more bytes than this.
    most: u64,
    land: &'a mut Land<'l>,
    /// What is in this pack or one before it.
    copied: HashSet<Oid>,
    absorbed: Absorbed,
}

impl<'a, 'l> Copier<'a, 'l> {
    fn new(store: &'a Store, land: &'a mut Land<'l>, most: u64) -> Self {
        let (copied, absorbed) = (HashSet::new(), Absorbed::default());
        Self { store, pack: Pack::new(store.hash_kind()), most, land, copied, absorbed }
    }

    fn walk(mut self, from_tree: Oid, to_tree: Option<Oid>) -> Result<Absorbed> {
        let mut todo = vec![(from_tree, to_tree)];
        // Without this, a few trees that hold each other many times over would keep us busy for ever.
        let mut seen = HashSet::new();
        while let Some((from, to)) = todo.pop() {
            if Some(from) == to || !seen.insert((from, to)) {
                continue;
            }
            let Some(bytes) = self.tree(from)? else { continue };
            let theirs = by_name(self.store, to);
            for entry in entries(self.store.hash_kind(), from, &bytes)? {
                let there = theirs.get(&entry.name).filter(|there| there.is_tree() == entry.is_tree());
                match there {
                    _ if entry.mode == GITLINK => {}
                    Some(there) if there.id == entry.id => {}
                    _ if entry.mode == TREE => todo.push((entry.id, there.map(|there| there.id))),
                    _ => self.blob(entry.id)?,
                }
            }
        }
        self.close()?;
        Ok(self.absorbed)
    }

    /// Copies a tree unless it is ours, and returns its bytes if they are to be had and sound.
    fn tree(&mut self, id: Oid) -> Result<Option<Vec<u8>>> {
        let kind = self.store.hash_kind();
        // A damaged object is as good as none: its neighbours are still to be saved.
        let is_itself = |bytes: &[u8]| kind.hash(ObjectKind::Tree, bytes).is_ok_and(|real| real == id);
        let sound = |bytes: &Vec<u8>| is_itself(bytes) && entries(kind, id, bytes).is_ok();
        let found = self.store.tree_bytes(id).ok().flatten().filter(sound);
        // The user's was asked for first: our own may be whole.
        let bytes = found.or_else(|| self.own(id).filter(sound));
        match &bytes {
            None => self.absorbed.missing.push(id),
            Some(_) if self.ours(id) => {}
            Some(bytes) => self.add(ObjectKind::Tree, bytes)?,
        }
        Ok(bytes)
    }

    fn own(&self, id: Oid) -> Option<Vec<u8>> {
        let mut buffer = Vec::new();
        self.store.find_own(id, &mut buffer).ok()??;
        Some(buffer)
    }

    /// Copies a blob unless it is ours, which spares the reading.
    fn blob(&mut self, id: Oid) -> Result<()> {
        if self.ours(id) {
            return Ok(());
        }
        match self.store.blob(id) {
            Ok(Some(bytes)) => self.add(ObjectKind::Blob, &bytes)?,
            _ => self.absorbed.missing.push(id),
        }
        Ok(())
    }

    fn ours(&self, id: Oid) -> bool {
        self.copied.contains(&id) || self.store.holds(id)
    }

    fn add(&mut self, kind: ObjectKind, bytes: &[u8]) -> Result<()> {
        if self.pack.new_bytes() + bytes.len() as u64 > self.most {
            self.close()?;
        }
        self.copied.insert(self.pack.add(kind, bytes)?);
        self.absorbed.objects += 1;
        Ok(())
    }

    /// Lands the pack, if it holds anything, and begins another.
    fn close(&mut self) -> Result<()> {
        if self.pack.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.pack, Pack::new(self.store.hash_kind()));
        (self.land)(full.finish()?)
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

    /// Absorbs into packs of `most` bytes, and puts each where the store finds it.
    fn absorb_by(dir: &Dir, trees: (Oid, Option<Oid>), most: u64) -> (Absorbed, Vec<Oid>) {
        let mut names = Vec::new();
        let mut land = |packed: Packed| {
            names.push(Oid::parse(packed.name.as_bytes()).unwrap());
            dir.install(&packed);
            Ok(())
        };
        let absorbed = Copier::new(&dir.store(), &mut land, most).walk(trees.0, trees.1).unwrap();
        (absorbed, names)
    }

    #[test]
    fn what_the_other_tree_lacks_survives_the_loss_of_the_user_s_objects() {
        let (dir, old, new) = repository();
        let (absorbed, packs) = absorb_by(&dir, (old, Some(new)), MOST);
        // The root, mixed, gone, gone/deep; mixed/old, gone/deep/er, top.
        assert_eq!((absorbed, packs.len()), (Absorbed { objects: 7, missing: Vec::new() }, 1));
        for kept in ["HEAD:keep", "HEAD:keep/1", "HEAD:mixed/same"] {
            assert!(!dir.store().holds(dir.id(kept)), "{kept}");
        }
        dir.git(&["update-ref", "refs/heads/main", &dir.git(&["commit-tree", "-m", "x", &new.to_string()])]);
        dir.git(&["reflog", "expire", "--expire=now", "--all"]);
        dir.git(&["gc", "-q", "--prune=now"]);
        let store = dir.store();
        for path in ["keep/1", "mixed/old", "mixed/same", "gone/deep/er", "top"] {
            let side = store.lookup(old, path.as_bytes()).unwrap().unwrap();
            assert_eq!(store.blob(side.id).unwrap().unwrap(), path.as_bytes());
        }
        assert_eq!(absorb_by(&dir, (old, Some(new)), MOST), Default::default());
    }

    #[test]
    fn packs_are_small_and_each_that_landed_is_spared_the_next_time() {
        let (dir, old, new) = repository();
        let store = dir.store();
        let mut left = 2;
        let mut die = |packed: Packed| {
            anyhow::ensure!(left > 0, "killed");
            left -= 1;
            dir.install(&packed);
            Ok(())
        };
        // The bound is below every object: each gets a pack of its own.
        Copier::new(&store, &mut die, 1).walk(old, Some(new)).unwrap_err();
        let (absorbed, packs) = absorb_by(&dir, (old, Some(new)), 1);
        assert_eq!((absorbed.objects, packs.len()), (5, 5));
        assert_eq!(absorb_by(&dir, (old, Some(new)), 1), Default::default());
    }

    #[test]
    fn what_stands_at_many_paths_is_copied_once_though_the_packs_are_many() {
        let dir = Dir::repository(HashKind::Sha1);
        for name in ["a/1", "a/2", "b/1", "b/2", "b/3"] {
            dir.write(name, "the same");
        }
        let commit = dir.commit(1);
        let tree = dir.store().commit(commit).unwrap().unwrap().tree;
        let (absorbed, packs) = absorb_by(&dir, (tree, None), 1);
        assert_eq!((absorbed.objects, packs.len()), (4, 4), "three trees and a file");
    }

    #[test]
    fn a_tree_of_our_own_is_walked_for_the_files_it_borrows() {
        let (dir, old, _) = repository();
        let mut pack = Pack::new(HashKind::Sha1);
        pack.add(ObjectKind::Tree, &dir.store().tree_bytes(old).unwrap().unwrap()).unwrap();
        dir.install(&pack.finish().unwrap());
        let (absorbed, _) = absorb_by(&dir, (old, None), MOST);
        assert!(dir.store().holds(dir.id("HEAD~:top")));
        // Four trees below the root and six files.
        assert_eq!((absorbed.objects, absorbed.missing.len()), (10, 0));
    }

    #[test]
    fn a_wrong_tree_of_the_user_s_hides_no_good_one_of_ours() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "lent");
        dir.commit(1);
        let entry = |name: &str| [b"100644 ", name.as_bytes(), b"\0", dir.id("HEAD:a").as_bytes()].concat();
        let mut theirs = Pack::new(HashKind::Sha1);
        let trees = ["b", "c"].map(|name| theirs.add(ObjectKind::Tree, &entry(name)).unwrap());
        dir.lend_crossed(theirs);
        let mut ours = Pack::new(HashKind::Sha1);
        ours.add(ObjectKind::Tree, &entry("b")).unwrap();
        dir.install(&ours.finish().unwrap());
        let (absorbed, _) = absorb_by(&dir, (trees[0], None), MOST);
        assert_eq!(absorbed, Absorbed { objects: 1, missing: Vec::new() });
        assert!(dir.store().holds(dir.id("HEAD:a")));
    }

    #[test]
    fn an_absent_object_is_named_and_its_neighbours_are_saved() {
        let (dir, old, new) = repository();
        let lost = dir.id("HEAD~:gone/deep/er");
        let hex = lost.to_string();
        std::fs::remove_file(dir.git_dir().join("objects").join(&hex[..2]).join(&hex[2..])).unwrap();
        let (absorbed, _) = absorb_by(&dir, (old, Some(new)), MOST);
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
        assert_eq!(absorb_by(&dir, (id, None), MOST), Default::default());
    }
}
