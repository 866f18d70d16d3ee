//! Makes new trees out of old ones: a few paths change, the rest is taken over by id.
//!
//! The cost follows the edits and the directories above them. Refuses names that git, or any
//! file system a checkpoint may be put back on, would take for something else.

use super::diff::{join, order};
use super::pack::Pack;
use super::store::{Entry, Store, entries};
use super::{FILE, LINK, ObjectKind, TREE};
use crate::model::change::Side;
use crate::model::oid::Oid;
use anyhow::{Context, Result, anyhow, bail};
use gix::validate::path::component;
use std::collections::HashMap;

/// What is to stand at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// From the tree's top, `/` between names.
    pub path: Vec<u8>,
    /// `None` takes away whatever stands there, a directory with all it holds.
    pub to: Option<Side>,
}

/// A path no system call takes in one piece is no path of a worktree.
const LONGEST: usize = 4096;

/// Applies `edits`, in any order, to the tree `root` and returns the new tree; `None` if it holds
/// nothing.
///
/// A file may replace a directory and the reverse, and directories that hold nothing go. New
/// trees are added to the pack, except those which the tree `base` has at the very same path:
/// they may be borrowed. Of two edits of one path the later one counts.
pub fn edit(
    store: &Store,
    pack: &mut Pack,
    root: Option<Oid>,
    edits: &[Edit],
    base: Option<Oid>,
) -> Result<Option<Oid>> {
    for Edit { path, to } in edits {
        if let Some(to) = to {
            check(path, to.mode).with_context(|| format!("take in {:?}", String::from_utf8_lossy(path)))?;
        }
    }
    // What is too long to be taken in need not be taken away.
    let mut sorted: Vec<&Edit> = edits.iter().filter(|edit| edit.path.len() <= LONGEST).collect();
    sorted.sort_by(|a, b| names(&a.path).cmp(names(&b.path)));
    Editor { store, pack }.directory(&[], root, base, &sorted)
}

/// True if a file of this path may stand in a checkpoint, and be put back.
pub fn valid_path(path: &[u8]) -> bool {
    check(path, FILE).is_ok()
}

/// True if every system takes the names of a path for plain names: no device, no backslash.
pub fn is_portable(path: &[u8]) -> bool {
    let all = component::Options { protect_windows: true, ..component::Options::default() };
    names(path).all(|name| gix::validate::path::component(name.into(), None, all).is_ok())
}

/// Adds the tree of a checkpoint: `events.jsonl`, `transcripts/` and `worktree/`, each if there is one.
pub fn checkpoint(
    pack: &mut Pack,
    events: Option<Oid>,
    transcripts: Option<Oid>,
    worktree: Option<Oid>,
) -> Result<Oid> {
    let parts =
        [("events.jsonl", FILE, events), ("transcripts", TREE, transcripts), ("worktree", TREE, worktree)];
    let entry = |(name, mode, id): (&str, u32, Option<Oid>)| {
        id.map(|id| Entry { name: name.as_bytes().to_vec(), mode, id })
    };
    let all: Vec<Entry> = parts.into_iter().filter_map(entry).collect();
    pack.add(ObjectKind::Tree, &encode(&all))
}

fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
}

fn check(path: &[u8], mode: u32) -> Result<()> {
    if path.len() > LONGEST || path.contains(&0) {
        bail!("the path is too long, or holds a NUL byte");
    }
    // Windows' devices and separators are plain names elsewhere, and real projects have an `aux.c`;
    // what every system could take for a `.git` is refused on all of them.
    let all = component::Options { protect_windows: cfg!(windows), ..component::Options::default() };
    let kind = (mode == LINK).then_some(component::Mode::Symlink);
    for name in names(path) {
        gix::validate::path::component(name.into(), kind, all)?;
    }
    Ok(())
}

struct Editor<'a> {
    store: &'a Store,
    pack: &'a mut Pack,
}

/// What the edits want of one name in a directory.
struct Want<'e> {
    name: &'e [u8],
    /// The edit of the name itself.
    itself: Option<Option<Side>>,
    /// The edits of what is below it.
    below: &'e [&'e Edit],
    /// True once an entry of the old directory was matched.
    met: bool,
}

impl Editor<'_> {
    /// Edits the directory `above`; all of `edits` lie in it.
    fn directory(
        &mut self,
        above: &[u8],
        old: Option<Oid>,
        base: Option<Oid>,
        edits: &[&Edit],
    ) -> Result<Option<Oid>> {
        let mut wants = wants(above, edits)?;
        let bases = self.bases(base, &wants);
        let mut kept = Vec::new();
        for entry in self.level(old)? {
            let Ok(at) = wants.binary_search_by(|want| want.name.cmp(&entry.name)) else {
                kept.push(entry);
                continue;
            };
            // The same name twice: the tree was broken, what is made of it is not.
            if !std::mem::replace(&mut wants[at].met, true) {
                let side = self.outcome(above, &wants[at], Some(entry.side()), &bases)?;
                kept.extend(side.map(|Side { mode, id }| Entry { mode, id, ..entry }));
            }
        }
        for want in wants.iter().filter(|want| !want.met) {
            let side = self.outcome(above, want, None, &bases)?;
            kept.extend(side.map(|Side { mode, id }| Entry { name: want.name.to_vec(), mode, id }));
        }
        self.write(kept, [old, base])
    }

    /// What stands at a name after the edits, given what stood there before.
    fn outcome(
        &mut self,
        above: &[u8],
        want: &Want<'_>,
        before: Option<Side>,
        bases: &HashMap<Vec<u8>, Oid>,
    ) -> Result<Option<Side>> {
        let before = want.itself.unwrap_or(before);
        let (tree, other) = match before {
            Some(Side { mode: TREE, id }) => (Some(id), None),
            other => (None, other),
        };
        let nothing_comes = want.below.iter().all(|edit| edit.to.is_none());
        if want.below.is_empty() || (tree.is_none() && nothing_comes) {
            return Ok(before);
        }
        let base = bases.get(want.name).copied();
        let made = self.directory(&join(above, want.name), tree, base, want.below)?;
        Ok(made.map(|id| Side { mode: TREE, id }).or(other))
    }

    /// The directories that the base has where the edits go deeper. A base that cannot be read
    /// lends nothing.
    fn bases(&self, base: Option<Oid>, wants: &[Want<'_>]) -> HashMap<Vec<u8>, Oid> {
        let deeper = wants.iter().any(|want| !want.below.is_empty());
        let Some(base) = base.filter(|_| deeper) else { return HashMap::new() };
        let entries = self.store.tree(base).ok().flatten().unwrap_or_default();
        let wanted = |name: &[u8]| wants.binary_search_by(|want| want.name.cmp(name)).is_ok();
        let trees = entries.into_iter().filter(|entry| entry.is_tree() && wanted(&entry.name));
        trees.map(|entry| (entry.name, entry.id)).collect()
    }

    /// The entries of an old directory, which may be as young as this pack.
    fn level(&self, id: Option<Oid>) -> Result<Vec<Entry>> {
        let Some(id) = id else { return Ok(Vec::new()) };
        match self.pack.get(id) {
            Some((ObjectKind::Tree, bytes)) => entries(self.store.hash_kind(), id, &bytes),
            _ => self.store.tree(id)?.ok_or_else(|| anyhow!("the tree {id} is missing")),
        }
    }

    /// Adds the tree to the pack, unless it is one of those that are known to be elsewhere.
    fn write(&mut self, mut kept: Vec<Entry>, known: [Option<Oid>; 2]) -> Result<Option<Oid>> {
        if kept.is_empty() {
            return Ok(None);
        }
        kept.sort_by(order);
        let elsewhere = |id| known.contains(&Some(id));
        self.pack.add_unless(ObjectKind::Tree, &encode(&kept), elsewhere).map(Some)
    }
}

/// Groups the edits, sorted by their names, by the first name below the directory `above`.
fn wants<'e>(above: &[u8], edits: &'e [&'e Edit]) -> Result<Vec<Want<'e>>> {
    let skip = if above.is_empty() { 0 } else { above.len() + 1 };
    let first = |edit: &'e Edit| names(&edit.path[skip..]).next().unwrap_or_default();
    let mut wants = Vec::new();
    for group in edits.chunk_by(|a, b| first(a) == first(b)) {
        let name = first(group[0]);
        let own = group.partition_point(|edit| edit.path.len() == skip + name.len());
        let itself = own.checked_sub(1).map(|last| group[last].to);
        let below = &group[own..];
        if itself.flatten().is_some() && below.iter().any(|edit| edit.to.is_some()) {
            let path = join(above, name);
            bail!("{:?} cannot be a file and a directory", String::from_utf8_lossy(&path));
        }
        wants.push(Want { name, itself, below, met: false });
    }
    Ok(wants)
}

/// git's bytes for a tree: mode in octal, name, NUL, raw id.
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * 48);
    for Entry { name, mode, id } in entries {
        bytes.extend_from_slice(format!("{mode:o} ").as_bytes());
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(id.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::sandbox::Dir;
    use crate::git::{EXECUTABLE, GITLINK, HashKind};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn side(mark: u8) -> Side {
        Side { mode: FILE, id: HashKind::Sha1.hash(ObjectKind::Blob, &[mark]).unwrap() }
    }

    fn put(path: &str, mark: u8) -> Edit {
        Edit { path: path.into(), to: Some(side(mark)) }
    }

    fn remove(path: &str) -> Edit {
        Edit { path: path.into(), to: None }
    }

    #[test]
    fn git_agrees_with_every_tree() {
        let dir = Dir::repository(HashKind::Sha1);
        for name in ["a-b", "a.b", "a/x", "a/y/z", "ab", "b/only", "c"] {
            dir.write(name, name);
        }
        let head = dir.commit(1);
        let store = dir.store();
        let root = store.commit(head).unwrap().unwrap().tree;
        let mut pack = Pack::new(HashKind::Sha1);
        let blob = pack.add(ObjectKind::Blob, b"new").unwrap();
        let to = |mode| Some(Side { mode, id: blob });
        let edits = [
            Edit { path: b"c/d/e".to_vec(), to: to(EXECUTABLE) },
            remove("b/only"),
            Edit { path: b"a".to_vec(), to: to(LINK) },
            Edit { path: b"sub".to_vec(), to: Some(Side { mode: GITLINK, id: head }) },
            remove("none/at/all"),
        ];
        let made = edit(&store, &mut pack, Some(root), &edits, Some(root)).unwrap().unwrap();
        dir.install(&pack.finish().unwrap());
        let expected = format!(
            "100644 blob {}\ta-b\n100644 blob {}\ta.b\n120000 blob {blob}\ta\n\
             100644 blob {}\tab\n100755 blob {blob}\tc/d/e\n160000 commit {head}\tsub",
            dir.id("HEAD:a-b"),
            dir.id("HEAD:a.b"),
            dir.id("HEAD:ab"),
        );
        let mut listed: Vec<&str> = expected.lines().collect();
        let found = dir.git_store(&["ls-tree", "-r", &made.to_string()]);
        let mut found: Vec<&str> = found.lines().collect();
        listed.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, listed);
        dir.git_store(&["fsck", "--full", "--strict", "--no-dangling"]);
    }

    #[test]
    fn only_trees_that_the_base_lacks_at_that_path_are_written() {
        let dir = Dir::repository(HashKind::Sha1);
        let names = ["a/b/c", "a/d", "e/f", "g"];
        names.iter().for_each(|name| dir.write(name, "same"));
        let head = dir.commit(1);
        let store = dir.store();
        let base = store.commit(head).unwrap().unwrap().tree;
        let same = Some(Side { mode: FILE, id: dir.id("HEAD:g") });
        let all: Vec<Edit> =
            names.iter().map(|name| Edit { path: name.as_bytes().to_vec(), to: same }).collect();
        let mut pack = Pack::new(HashKind::Sha1);
        assert_eq!(edit(&store, &mut pack, None, &all, Some(base)).unwrap(), Some(base));
        assert_eq!(edit(&store, &mut pack, Some(base), &[remove("x/y")], None).unwrap(), Some(base));
        assert!(pack.is_empty());
        let mut moved = all.clone();
        moved.push(put("a/new", 1));
        moved.push(Edit { path: b"h/f".to_vec(), to: same });
        let made = edit(&store, &mut pack, None, &moved, Some(base)).unwrap().unwrap();
        let written = |path: &str| {
            let tree = crate::git::store::entries(HashKind::Sha1, made, &pack.get(made).unwrap().1).unwrap();
            let entry = tree.into_iter().find(|entry| entry.name == path.as_bytes()).unwrap();
            pack.has(entry.id)
        };
        assert!(pack.has(made) && written("a"));
        // The same id as `e`, but borrowed at another path is not borrowed at this one.
        assert!(written("h") && written("e"));
        assert_eq!(pack.finish().unwrap().pack[11], 3);
    }

    #[test]
    fn an_empty_result_is_no_tree() {
        let dir = Dir::repository(HashKind::Sha1);
        let store = dir.store();
        let mut pack = Pack::new(HashKind::Sha1);
        assert_eq!(edit(&store, &mut pack, None, &[], None).unwrap(), None);
        let root = edit(&store, &mut pack, None, &[put("a/b/c", 1)], None).unwrap();
        assert_eq!(edit(&store, &mut pack, root, &[remove("a/b/c")], None).unwrap(), None);
        assert_eq!(edit(&store, &mut pack, root, &[remove("a")], None).unwrap(), None);
        assert_eq!(edit(&store, &mut pack, root, &[remove("a/b/c/d")], None).unwrap(), root);
    }

    #[test]
    fn a_path_that_is_file_and_directory_at_once_is_refused() {
        let dir = Dir::repository(HashKind::Sha1);
        let mut pack = Pack::new(HashKind::Sha1);
        let error = edit(&dir.store(), &mut pack, None, &[put("a/b", 1), put("a", 2)], None).unwrap_err();
        assert_eq!(error.to_string(), "\"a\" cannot be a file and a directory");
    }

    #[test]
    fn names_that_mean_something_else_somewhere_are_refused() {
        let bad = [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "a/../b",
            ".git",
            ".GIT/x",
            "a/.git",
            "git~1/x",
            ".git\u{200c}/x",
            "a\0b",
            ".git::$INDEX_ALLOCATION",
        ];
        for path in bad {
            assert!(!valid_path(path.as_bytes()), "{path:?}");
        }
        assert!(!valid_path("a/".repeat(3000).as_bytes()));
        for path in ["a", "drivers/aux.c", "a\\b", "c:x", ".gitignore", ".gitmodules", "a b/ü", "a/.github/x"]
        {
            assert!(valid_path(path.as_bytes()), "{path:?}");
        }
        let dir = Dir::repository(HashKind::Sha1);
        let mut pack = Pack::new(HashKind::Sha1);
        let link = Some(Side { mode: LINK, id: side(1).id });
        let edits = [Edit { path: b"a/.gitmodules".to_vec(), to: link }];
        let error = edit(&dir.store(), &mut pack, None, &edits, None).unwrap_err();
        assert_eq!(error.to_string(), "take in \"a/.gitmodules\"");
        // What got in by other ways can still be taken away.
        assert_eq!(edit(&dir.store(), &mut pack, None, &[remove(".git/x")], None).unwrap(), None);
    }

    /// The files that edits leave, thought out slowly: first everything goes, then everything comes.
    fn slowly(mut files: BTreeMap<String, u8>, edits: &BTreeMap<String, Option<u8>>) -> BTreeMap<String, u8> {
        let below = |path: &str, top: &str| path == top || path.starts_with(&format!("{top}/"));
        for (path, to) in edits {
            if to.is_none() {
                files.retain(|file, _| !below(file, path));
            }
        }
        for (path, to) in edits {
            if let Some(mark) = to {
                files.retain(|file, _| !below(file, path) && !below(path, file));
                files.insert(path.clone(), *mark);
            }
        }
        files
    }

    fn conflict(edits: &BTreeMap<String, Option<u8>>) -> bool {
        let comes = |path: &String| edits[path].is_some();
        let above = |a: &String, b: &String| b.starts_with(&format!("{a}/"));
        edits.keys().any(|a| comes(a) && edits.keys().any(|b| comes(b) && above(a, b)))
    }

    proptest! {
        #[test]
        fn editing_a_tree_is_like_making_it_anew(
            start in prop::collection::btree_map("[ab](-b|\\.b)?(/[ab](-b)?){0,2}", 0..3u8, 0..8),
            edits in prop::collection::btree_map("[ab](-b|\\.b)?(/[ab](-b)?){0,2}", prop::option::of(0..3u8), 0..8),
            turn in 0..8usize,
        ) {
            let start: BTreeMap<String, Option<u8>> = start.into_iter().map(|(path, mark)| (path, Some(mark))).collect();
            prop_assume!(!conflict(&start) && !conflict(&edits));
            let dir = Dir::repository(HashKind::Sha1);
            let store = dir.store();
            let mut pack = Pack::new(HashKind::Sha1);
            let as_edits = |all: &BTreeMap<String, Option<u8>>| -> Vec<Edit> {
                all.iter().map(|(path, to)| Edit { path: path.clone().into(), to: to.map(side) }).collect()
            };
            let root = edit(&store, &mut pack, None, &as_edits(&start), None).unwrap();
            let mut mixed = as_edits(&edits);
            mixed.rotate_left(turn.min(edits.len()));
            let made = edit(&store, &mut pack, root, &mixed, None).unwrap();
            let files = start.iter().map(|(path, mark)| (path.clone(), mark.unwrap())).collect();
            let left = slowly(files, &edits).into_iter().map(|(path, mark)| (path, Some(mark))).collect();
            let anew = edit(&store, &mut pack, None, &as_edits(&left), None).unwrap();
            prop_assert_eq!(made, anew);
        }
    }
}
