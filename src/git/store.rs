//! Reads the store: our own bare repository, which borrows from the user's through an alternate.
//!
//! Refuses to write; new objects go through [`super::pack`]. Opened without the user's or the
//! system's configuration, for the short life of one command.

use super::places::{ALTERNATES, LENDER, Places, Whose};
use super::{HashKind, ObjectKind, TREE, config, from_gix};
use crate::model::change::Side;
use crate::model::oid::Oid;
use anyhow::{Context, Result, anyhow, ensure};
use gix::objs::{CommitRef, TreeRefIter};
use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::path::Path;

pub use super::places::Unsure;

/// The store, open for reading.
pub struct Store {
    /// Not taken down unless asked for: that would take longer than to read a page, and the process ends
    /// anyway.
    places: ManuallyDrop<Places>,
    kind: HashKind,
    /// The trees that were read: a checkpoint asks for each three times.
    trees: RefCell<HashMap<Oid, Vec<u8>>>,
}

/// So many trees of so many bytes are kept: those on the way to what an agent changed.
const KEPT: usize = 256;
const LARGEST: usize = 8 << 10;

/// A commit, as much of it as we need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawCommit {
    pub tree: Oid,
    /// The first parent.
    pub parent: Option<Oid>,
    /// The bytes after the header's blank line.
    pub message: Vec<u8>,
    /// The committer's time, in seconds since the epoch.
    pub time_secs: i64,
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: Vec<u8>,
    pub mode: u32,
    pub id: Oid,
}

impl Entry {
    /// True for a directory.
    pub fn is_tree(&self) -> bool {
        self.mode == TREE
    }

    /// Its mode and id.
    pub fn side(&self) -> Side {
        Side { mode: self.mode, id: self.id }
    }
}

/// The layout of the store that this program reads and writes.
pub const LAYOUT: i64 = 1;

/// The files of a new store, relative to its directory; `refs/` and `objects/pack/` stay empty.
pub fn layout(kind: HashKind, promisor: bool) -> Vec<(&'static str, Vec<u8>)> {
    let version = u8::from(kind == HashKind::Sha256 || promisor);
    let mut config = format!(
        "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = true\n\
         \tlogAllRefUpdates = false\n\
         [trace]\n\tformat = {LAYOUT}\n[gc]\n\tauto = 0\n\tpackRefs = false\n[maintenance]\n\tauto = false\n[repack]\n\twriteBitmaps = false\n"
    );
    if version == 1 {
        config.push_str("[extensions]\n");
    }
    if kind == HashKind::Sha256 {
        config.push_str("\tobjectFormat = sha256\n");
    }
    if promisor {
        // Else fsck calls every blob that the user's clone left at its origin a missing one.
        config.push_str("\tpartialClone = origin\n[remote \"origin\"]\n\tpromisor = true\n");
    }
    vec![
        ("HEAD", b"ref: refs/heads/none\n".to_vec()),
        ("config", config.into_bytes()),
        (ALTERNATES, format!("{LENDER}\n").into_bytes()),
    ]
}

impl Store {
    /// Opens the store at `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        let opening = || format!("open the store {}", dir.display());
        let config = config::parse(&dir.join("config")).with_context(opening)?;
        let kind = config::hash_kind(&config).with_context(opening)?;
        let layout = config.integer("trace.format").ok().flatten().unwrap_or(LAYOUT);
        ensure!(
            layout <= LAYOUT,
            "a newer trace made the store {} (format {layout}, this one knows {LAYOUT}): update trace",
            dir.display()
        );
        let places = Places::open(dir, kind).with_context(opening)?;
        Ok(Self { places: ManuallyDrop::new(places), kind, trees: RefCell::default() })
    }

    /// Takes it down. Who opens one after the other must: what each has mapped stays in memory.
    pub fn close(self) {
        drop(ManuallyDrop::into_inner(self.places));
    }

    /// Where the store is.
    pub fn dir(&self) -> &Path {
        self.places.dir()
    }

    /// Which hash names its objects.
    pub fn hash_kind(&self) -> HashKind {
        self.kind
    }

    /// The id git gives to these bytes as a blob.
    pub fn hash_blob(&self, bytes: &[u8]) -> Result<Oid> {
        self.kind.hash(ObjectKind::Blob, bytes)
    }

    /// Forgets which packs there were, so that those written since are seen.
    pub fn refresh(&mut self) -> Result<()> {
        *self = Self::open(self.dir())?;
        Ok(())
    }

    /// Has the pack `pack-<name>` asked first, which the newest checkpoint came with.
    pub fn begin_with(&self, name: Oid) {
        self.places.begin_with(&format!("pack-{name}"));
    }

    /// How many packs the store itself had when it was opened.
    pub fn packs(&self) -> usize {
        self.places.packs()
    }

    /// Reads a commit; `None` if there is none, an error if it is damaged.
    pub fn commit(&self, id: Oid) -> Result<Option<RawCommit>> {
        self.commit_of(id, Whose::Anyones)
    }

    /// The same of a checkpoint.
    pub fn own_commit(&self, id: Oid) -> Result<Option<RawCommit>> {
        self.commit_of(id, Whose::Ours)
    }

    fn commit_of(&self, id: Oid, whose: Whose) -> Result<Option<RawCommit>> {
        let mut buffer = Vec::new();
        let Some((kind, bytes)) = self.find_of(id, whose, &mut buffer)? else { return Ok(None) };
        ensure!(kind == gix::objs::Kind::Commit, "{id} is a {kind} and no commit");
        let commit = CommitRef::from_bytes(bytes, self.kind.gix());
        let commit = commit.with_context(|| format!("decode the commit {id}"))?;
        let named =
            |hex: &[u8]| Oid::parse(hex).with_context(|| format!("decode the ids in the commit {id}"));
        Ok(Some(RawCommit {
            tree: named(commit.tree)?,
            parent: commit.parents.first().map(|parent| named(parent)).transpose()?,
            time_secs: seconds(&commit),
            message: commit.message.to_vec(),
        }))
    }

    /// Reads a blob and compares it with its id: what is put back is what was taken.
    pub fn blob(&self, id: Oid) -> Result<Option<Vec<u8>>> {
        let mut buffer = Vec::new();
        let Some((kind, _)) = self.find(id, &mut buffer)? else { return Ok(None) };
        let Err(damage) = self.compare(id, kind, &buffer) else { return Ok(Some(buffer)) };
        // The user's was asked for first: our own may be whole.
        let own = self.places.find_own(id, &mut buffer).ok().flatten();
        match own.map(|kind| self.compare(id, kind, &buffer)) {
            Some(Ok(())) => Ok(Some(buffer)),
            _ => Err(damage),
        }
    }

    fn compare(&self, id: Oid, kind: gix::objs::Kind, bytes: &[u8]) -> Result<()> {
        ensure!(kind == gix::objs::Kind::Blob, "{id} is a {kind} and no blob");
        ensure!(self.hash_blob(bytes)? == id, "the blob {id} is damaged: its bytes have another id");
        Ok(())
    }

    /// The size of a blob, from its header alone; `None` if there is no such blob.
    pub fn blob_size(&self, id: Oid) -> Result<Option<u64>> {
        if !self.may_have(id) {
            return Ok(None);
        }
        let header = self.places.header(id)?;
        Ok(header.filter(|header| header.kind == gix::objs::Kind::Blob).map(|header| header.size))
    }

    /// Reads a tree, one level of it.
    pub fn tree(&self, id: Oid) -> Result<Option<Vec<Entry>>> {
        match self.tree_bytes(id)? {
            Some(bytes) => Ok(Some(entries(self.kind, id, &bytes)?)),
            None => Ok(None),
        }
    }

    /// Finds what stands at `path` below a tree; `None` also for the empty path.
    pub fn lookup(&self, tree: Oid, path: &[u8]) -> Result<Option<Side>> {
        let mut here = Side { mode: TREE, id: tree };
        for name in path.split(|byte| *byte == b'/') {
            if here.mode != TREE {
                return Ok(None);
            }
            let bytes = self.tree_bytes(here.id)?;
            let bytes = bytes.ok_or_else(|| anyhow!("the tree {} is missing", here.id))?;
            match find_entry(self.kind, here.id, &bytes, name)? {
                Some(side) => here = side,
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    /// True if the store itself has the object: in a pack or loose, alternates not counted.
    pub fn holds(&self, id: Oid) -> bool {
        self.may_have(id) && self.places.hold_own(id)
    }

    /// The raw bytes of a tree.
    pub(crate) fn tree_bytes(&self, id: Oid) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.trees.borrow().get(&id) {
            return Ok(Some(bytes.clone()));
        }
        let mut buffer = Vec::new();
        let Some((kind, _)) = self.find(id, &mut buffer)? else {
            // git knows the empty tree without having it.
            return Ok((id == self.kind.empty_tree()).then(Vec::new));
        };
        ensure!(kind == gix::objs::Kind::Tree, "{id} is a {kind} and no tree");
        let mut trees = self.trees.borrow_mut();
        if trees.len() < KEPT && buffer.len() <= LARGEST {
            trees.insert(id, buffer.clone());
        }
        Ok(Some(buffer))
    }

    /// The time and all parents of a commit; `None` if it is absent or not to be understood.
    pub(crate) fn dated_parents(&self, id: Oid) -> Result<Option<(i64, Vec<Oid>)>> {
        let mut buffer = Vec::new();
        let Some((kind, bytes)) = self.find(id, &mut buffer)? else { return Ok(None) };
        let commit = CommitRef::from_bytes(bytes, self.kind.gix()).ok();
        let commit = commit.filter(|_| kind == gix::objs::Kind::Commit);
        Ok(commit.map(|commit| (seconds(&commit), commit.parents().map(|id| from_gix(&id)).collect())))
    }

    /// An id of the other hash names nothing here, and must not reach comparisons of raw bytes.
    fn may_have(&self, id: Oid) -> bool {
        id.as_bytes().len() == self.kind.id_len()
    }

    pub(super) fn find<'a>(
        &self,
        id: Oid,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<(gix::objs::Kind, &'a [u8])>> {
        self.find_of(id, Whose::Anyones, buffer)
    }

    fn find_of<'a>(
        &self,
        id: Oid,
        whose: Whose,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<(gix::objs::Kind, &'a [u8])>> {
        let kind = if self.may_have(id) { self.places.find(id, whose, buffer)? } else { None };
        Ok(kind.map(|kind| (kind, buffer.as_slice())))
    }

    /// Reads the store's own copy of an object, whoever else has one; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, also once the packs were listed anew: others put packs together meanwhile.
    pub(super) fn find_own<'a>(
        &self,
        id: Oid,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<(gix::objs::Kind, &'a [u8])>> {
        Ok(self.places.find_own(id, buffer)?.map(|kind| (kind, buffer.as_slice())))
    }
}

/// The committer's time. Old histories hold dates that nobody can read: they count as the epoch.
fn seconds(commit: &CommitRef<'_>) -> i64 {
    commit.committer().map(|committer| committer.seconds()).unwrap_or(0)
}

/// Decodes a tree's bytes.
pub(crate) fn entries(kind: HashKind, id: Oid, bytes: &[u8]) -> Result<Vec<Entry>> {
    let decoded = TreeRefIter::from_bytes(bytes, kind.gix());
    let entries = decoded.map(|entry| entry.map(|entry| owned(&entry))).collect::<Result<_, _>>();
    entries.with_context(|| format!("decode the tree {id}"))
}

fn find_entry(kind: HashKind, id: Oid, bytes: &[u8], name: &[u8]) -> Result<Option<Side>> {
    for entry in TreeRefIter::from_bytes(bytes, kind.gix()) {
        let entry = entry.with_context(|| format!("decode the tree {id}"))?;
        if entry.filename == name {
            return Ok(Some(owned(&entry).side()));
        }
    }
    Ok(None)
}

fn owned(entry: &gix::objs::tree::EntryRef<'_>) -> Entry {
    // A directory's mode is kept apart by gix if somebody wrote it with a leading zero.
    let mode = if entry.mode.is_tree() { TREE } else { u32::from(entry.mode.value()) };
    Entry { name: entry.filename.to_vec(), mode, id: from_gix(entry.oid) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::pack::Pack;
    use crate::git::sandbox::Dir;
    use crate::git::{FILE, LINK, commit};

    const KINDS: [HashKind; 2] = [HashKind::Sha1, HashKind::Sha256];

    #[test]
    fn a_wrong_copy_of_the_user_s_hides_no_good_one_of_ours() {
        let dir = Dir::repository(HashKind::Sha1);
        let mut theirs = Pack::new(HashKind::Sha1);
        let ids = ["one", "two"].map(|text| theirs.add(ObjectKind::Blob, text.as_bytes()).unwrap());
        dir.lend_crossed(theirs);
        let damage = dir.store().blob(ids[0]).unwrap_err().to_string();
        assert!(damage.contains("is damaged"), "{damage}");
        let mut ours = Pack::new(HashKind::Sha1);
        ours.add(ObjectKind::Blob, b"one").unwrap();
        dir.install(&ours.finish().unwrap());
        assert_eq!(dir.store().blob(ids[0]).unwrap().unwrap(), b"one");
    }

    #[test]
    fn what_was_packed_is_read_back() {
        for kind in KINDS {
            let dir = Dir::repository(kind);
            let mut pack = Pack::new(kind);
            let blob = pack.add(ObjectKind::Blob, b"some bytes").unwrap();
            let tree = crate::git::tree::checkpoint(&mut pack, Some(blob), None, None).unwrap();
            let first = commit::write(&mut pack, tree, None, b"first\n", 5).unwrap();
            let second = commit::write(&mut pack, tree, Some(first), b"second\n\nA: b\n", -7).unwrap();
            dir.install(&pack.finish().unwrap());
            let store = dir.store();
            assert_eq!(store.hash_kind(), kind);
            let read = store.commit(second).unwrap().unwrap();
            assert_eq!((read.tree, read.parent, read.time_secs), (tree, Some(first), 0));
            assert_eq!(read.message, b"second\n\nA: b\n");
            assert_eq!(store.commit(first).unwrap().unwrap().time_secs, 5);
            assert_eq!(store.blob(blob).unwrap().unwrap(), b"some bytes");
            assert_eq!(store.blob_size(blob).unwrap(), Some(10));
            assert_eq!(store.hash_blob(b"some bytes").unwrap(), blob);
            let entry = Entry { name: b"events.jsonl".to_vec(), mode: FILE, id: blob };
            assert_eq!(store.tree(tree).unwrap().unwrap(), [entry]);
        }
    }

    #[test]
    fn an_absent_object_is_no_error_and_one_of_another_kind_is() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "a");
        let commit = dir.commit(1);
        let store = dir.store();
        for absent in [Oid::from_bytes(&[1; 20]).unwrap(), Oid::from_bytes(&[1; 32]).unwrap()] {
            assert_eq!(store.commit(absent).unwrap(), None);
            assert_eq!(store.tree(absent).unwrap(), None);
            assert_eq!(store.blob(absent).unwrap(), None);
            assert_eq!(store.blob_size(absent).unwrap(), None);
            assert!(!store.holds(absent));
        }
        let error = store.blob(commit).unwrap_err();
        assert_eq!(error.to_string(), format!("{commit} is a commit and no blob"));
        assert!(store.commit(dir.id("HEAD:a")).is_err());
        assert_eq!(store.blob_size(commit).unwrap(), None);
        assert_eq!(store.tree(HashKind::Sha1.empty_tree()).unwrap().unwrap(), []);
    }

    #[test]
    fn the_store_holds_only_what_is_its_own() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "borrowed");
        dir.commit(1);
        let mut store = dir.store();
        let borrowed = dir.id("HEAD:a");
        assert!(!store.holds(borrowed));
        assert_eq!(store.blob(borrowed).unwrap().unwrap(), b"borrowed");
        let mut pack = Pack::new(HashKind::Sha1);
        pack.add(ObjectKind::Blob, b"borrowed").unwrap();
        dir.install(&pack.finish().unwrap());
        assert!(!store.holds(borrowed), "seen before the pack was there");
        store.refresh().unwrap();
        assert!(store.holds(borrowed));
        dir.write("b", "loose");
        let loose = Oid::parse(dir.git_store(&["hash-object", "-w", "b"]).as_bytes()).unwrap();
        assert!(store.holds(loose));
    }

    #[test]
    fn what_went_into_another_pack_meanwhile_is_still_found() {
        let dir = Dir::repository(HashKind::Sha1);
        let packed = |texts: &[&str]| {
            let mut pack = Pack::new(HashKind::Sha1);
            let ids = texts.iter().map(|text| pack.add(ObjectKind::Blob, text.as_bytes()).unwrap());
            let ids: Vec<Oid> = ids.collect();
            (ids, pack.finish().unwrap())
        };
        let (ids, small) = packed(&["first"]);
        dir.install(&small);
        let store = dir.store();
        let (_, merged) = packed(&["first", "second"]);
        dir.install(&merged);
        for end in ["pack", "idx"] {
            std::fs::remove_file(dir.store_path().join(format!("objects/pack/pack-{}.{end}", small.name)))
                .unwrap();
        }
        assert_eq!(store.blob(ids[0]).unwrap().unwrap(), b"first");
    }

    #[test]
    fn a_path_is_found_level_by_level() {
        let dir = Dir::repository(HashKind::Sha256);
        dir.write("a/b/c", "c");
        dir.write("a-b", "x");
        std::os::unix::fs::symlink("c", dir.path().join("a/link")).unwrap();
        dir.commit(1);
        let store = dir.store();
        let tree = dir.id("HEAD^{tree}");
        let mode = |path: &str| store.lookup(tree, path.as_bytes()).unwrap().map(|side| side.mode);
        assert_eq!(store.lookup(tree, b"a/b/c").unwrap().unwrap().id, dir.id("HEAD:a/b/c"));
        assert_eq!((mode("a/b"), mode("a/link")), (Some(TREE), Some(LINK)));
        for absent in ["", "a/", "/a", "a/b/c/d", "a/none", "a/link/c"] {
            assert_eq!(mode(absent), None, "{absent}");
        }
    }

    #[test]
    fn a_blob_with_one_wrong_byte_is_never_believed() {
        let dir = Dir::repository(HashKind::Sha1);
        let mut pack = Pack::new(HashKind::Sha1);
        let id = pack.add(ObjectKind::Blob, b"some bytes that matter").unwrap();
        let packed = pack.finish().unwrap();
        for at in 12..packed.pack.len() - 20 {
            let mut broken = crate::git::pack::Packed { pack: packed.pack.clone(), ..packed.clone() };
            broken.pack[at] ^= 1;
            dir.install(&broken);
            assert!(!matches!(dir.store().blob(id), Ok(Some(_))), "byte {at}");
        }
    }
}
