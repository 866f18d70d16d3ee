//! What differs between two trees, path by path.
//!
//! Equal subtrees are not opened, so the cost follows the difference. Renames are not guessed.

use super::ObjectKind;
use super::pack::Pack;
use super::store::{Entry, Store, entries};
use crate::model::change::Side;
use crate::model::oid::Oid;
use anyhow::{Context, Result, anyhow};
use std::cmp::Ordering;
use std::ops::ControlFlow;

/// One path that differs: a file, a link or a nested repository, never a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    pub path: Vec<u8>,
    pub old: Option<Side>,
    pub new: Option<Side>,
}

/// Calls `visit` with each path that differs, in git's order, until it breaks off.
///
/// `pack` is looked into first: it may hold trees that are not in the store yet.
pub fn trees(
    store: &Store,
    pack: Option<&Pack>,
    old: Option<Oid>,
    new: Option<Oid>,
    visit: &mut dyn FnMut(Delta) -> Result<ControlFlow<()>>,
) -> Result<()> {
    // A list in place of recursion: a hostile tree is deeper than any stack.
    let mut todo = vec![Pair::root(old, new)];
    while let Some(Pair { path, old, new }) = todo.pop() {
        let (old_tree, old) = split(old);
        let (new_tree, new) = split(new);
        if (old.is_some() || new.is_some()) && visit(Delta { path: path.clone(), old, new })?.is_break() {
            return Ok(());
        }
        if old_tree != new_tree {
            let old = level(store, pack, old_tree, &path)?;
            let new = level(store, pack, new_tree, &path)?;
            let start = todo.len();
            merge(&path, old, new, &mut todo);
            todo[start..].reverse();
        }
    }
    Ok(())
}

/// What two trees have at one path.
struct Pair {
    path: Vec<u8>,
    old: Option<Side>,
    new: Option<Side>,
}

impl Pair {
    fn root(old: Option<Oid>, new: Option<Oid>) -> Self {
        let side = |id| Side { mode: super::TREE, id };
        Self { path: Vec::new(), old: old.map(side), new: new.map(side) }
    }
}

/// The directory, or what is not one.
fn split(side: Option<Side>) -> (Option<Oid>, Option<Side>) {
    match side {
        Some(Side { mode: super::TREE, id }) => (Some(id), None),
        other => (None, other),
    }
}

/// The entries of one directory, sorted as git sorts them even if their author did not.
fn level(store: &Store, pack: Option<&Pack>, id: Option<Oid>, path: &[u8]) -> Result<Vec<Entry>> {
    let Some(id) = id else { return Ok(Vec::new()) };
    let of = || format!("read the tree of {:?}", String::from_utf8_lossy(path));
    let mut found = match pack.and_then(|pack| pack.get(id)) {
        Some((ObjectKind::Tree, bytes)) => entries(store.hash_kind(), id, &bytes).with_context(of)?,
        _ => store
            .tree(id)
            .with_context(of)?
            .ok_or_else(|| anyhow!("the tree {id} is missing"))
            .with_context(of)?,
    };
    if !found.is_sorted_by(|a, b| order(a, b).is_le()) {
        found.sort_by(order);
    }
    Ok(found)
}

/// git's order: a directory sorts as if its name ended in `/`.
pub(crate) fn order(a: &Entry, b: &Entry) -> Ordering {
    gix::objs::tree::name_order(&a.name, a.is_tree(), &b.name, b.is_tree())
}

/// Pairs the entries of two directories and keeps the pairs that differ.
fn merge(above: &[u8], old: Vec<Entry>, new: Vec<Entry>, into: &mut Vec<Pair>) {
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let next = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => order(a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let before = old.next_if(|_| next.is_le());
        let after = new.next_if(|_| next.is_ge());
        let Some(name) = before.as_ref().or(after.as_ref()).map(|entry| entry.name.as_slice()) else {
            return;
        };
        let path = join(above, name);
        let (before, after) = (before.map(|entry| entry.side()), after.map(|entry| entry.side()));
        if before != after {
            into.push(Pair { path, old: before, new: after });
        }
    }
}

/// A path below another.
pub(crate) fn join(above: &[u8], name: &[u8]) -> Vec<u8> {
    match above {
        [] => name.to_vec(),
        above => [above, b"/", name].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;
    use crate::git::tree::{Edit, edit};

    fn all(store: &Store, pack: Option<&Pack>, old: Option<Oid>, new: Option<Oid>) -> Vec<Delta> {
        let mut all = Vec::new();
        let mut take = |delta| {
            all.push(delta);
            Ok(ControlFlow::Continue(()))
        };
        trees(store, pack, old, new, &mut take).unwrap();
        all
    }

    /// As `git diff-tree --raw` has it.
    fn raw(delta: &Delta) -> String {
        let null = Side { mode: 0, id: Oid::from_bytes(&[0; 20]).unwrap() };
        let (old, new) = (delta.old.unwrap_or(null), delta.new.unwrap_or(null));
        let letter = match (delta.old, delta.new) {
            (None, _) => "A",
            (_, None) => "D",
            (Some(old), Some(new)) if old.mode & 0o170000 != new.mode & 0o170000 => "T",
            _ => "M",
        };
        let path = String::from_utf8_lossy(&delta.path);
        format!(":{:06o} {:06o} {} {} {letter}\t{path}", old.mode, new.mode, old.id, new.id)
    }

    fn two_commits(dir: &Dir) -> [Oid; 2] {
        for name in ["a", "a-b", "b/x", "b/y/z", "b.c", "gone/1", "same/1", "type", "mode"] {
            dir.write(name, name);
        }
        dir.commit(1);
        dir.run("rm", &["-r", "a", "b", "gone", "type"]);
        for name in ["a/deep/er", "b", "new", "a/1"] {
            dir.write(name, "new");
        }
        std::os::unix::fs::symlink("x", dir.path().join("type")).unwrap();
        dir.run("chmod", &["+x", "mode"]);
        dir.commit(2);
        [dir.id("HEAD~^{tree}"), dir.id("HEAD^{tree}")]
    }

    #[test]
    fn git_finds_the_same_differences() {
        let dir = Dir::repository(HashKind::Sha1);
        let [old, new] = two_commits(&dir);
        for (from, to) in [(old, new), (new, old)] {
            let listed = dir.git(&["diff-tree", "-r", "--raw", &from.to_string(), &to.to_string()]);
            let mut listed: Vec<&str> = listed.lines().collect();
            let found = all(&dir.store(), None, Some(from), Some(to));
            let mut found: Vec<String> = found.iter().map(raw).collect();
            listed.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, listed);
        }
        assert_eq!(all(&dir.store(), None, Some(old), Some(old)), []);
        assert_eq!(all(&dir.store(), None, None, Some(old)).len(), 9);
    }

    #[test]
    fn the_visitor_may_break_off_and_may_fail() {
        let dir = Dir::repository(HashKind::Sha1);
        let [old, new] = two_commits(&dir);
        let mut seen = 0;
        let mut first = |_| {
            seen += 1;
            Ok(ControlFlow::Break(()))
        };
        trees(&dir.store(), None, Some(old), Some(new), &mut first).unwrap();
        assert_eq!(seen, 1);
        assert!(trees(&dir.store(), None, Some(old), Some(new), &mut |_| Err(anyhow!("no"))).is_err());
    }

    #[test]
    fn trees_that_are_not_in_the_store_yet_are_read_from_the_pack() {
        let dir = Dir::repository(HashKind::Sha1);
        let [old, _] = two_commits(&dir);
        let store = dir.store();
        let mut pack = Pack::new(HashKind::Sha1);
        let edits = [Edit { path: b"b/y/z".to_vec(), to: None }];
        let new = edit(&store, &mut pack, Some(old), &edits, None).unwrap();
        let found = all(&store, Some(&pack), Some(old), new);
        assert_eq!(found.iter().map(|delta| delta.path.as_slice()).collect::<Vec<_>>(), [b"b/y/z"]);
        assert!(trees(&store, None, Some(old), new, &mut |_| Ok(ControlFlow::Continue(()))).is_err());
    }

    #[test]
    fn a_tree_deeper_than_the_stack_is_walked() {
        let dir = Dir::repository(HashKind::Sha1);
        let mut pack = Pack::new(HashKind::Sha1);
        let mut id = pack.add(ObjectKind::Blob, b"").unwrap();
        for depth in 0..20_000 {
            let mode = if depth == 0 { "100644" } else { "40000" };
            id = pack.add(ObjectKind::Tree, &[mode.as_bytes(), b" a\0", id.as_bytes()].concat()).unwrap();
        }
        assert_eq!(all(&dir.store(), Some(&pack), None, Some(id)).len(), 1);
    }
}
