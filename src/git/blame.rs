//! Which version of a file brought each of its lines.
//!
//! [`split`] is one step: of the lines that are looked for in a version, those that an older one has
//! as well go on to it, and the rest came with the newer. [`commits`] takes these steps through the
//! user's commits, all parents of them. A file that moved is followed if its content did not change
//! with it. Refuses to guess any further: lines that moved count as new.

use super::ancestry;
use super::diff;
use super::store::Store;
use super::{TREE, from_gix};
use crate::model::change::Side;
use crate::model::oid::Oid;
use anyhow::{Context, Result, anyhow, ensure};
use gix::diff::blob::{Algorithm, InternedInput, diff_with_slider_heuristics, sources::byte_lines};
use gix::objs::{CommitRef, TreeRefIter};
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::rc::Rc;

/// A line that is looked for, both numbers counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Where it is in the file that somebody asks about.
    pub at: u32,
    /// Where it is in the version at hand.
    pub here: u32,
}

/// Lines that a commit brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    pub commit: Oid,
    /// What the file was called there.
    pub path: Vec<u8>,
    pub lines: Vec<Sought>,
}

/// How many lines a file has; the last one may lack its newline.
pub fn count(bytes: &[u8]) -> u32 {
    byte_lines(bytes).count() as u32
}

/// Splits lines of `newer`, in order, into those that `older` has too, as its lines, and the others.
pub fn split(older: &[u8], newer: &[u8], sought: Vec<Sought>) -> (Vec<Sought>, Vec<Sought>) {
    let (head, tail) = shared(older, newer);
    let before = count(&newer[..head]);
    let input = InternedInput::new(
        byte_lines(&older[head..older.len() - tail]),
        byte_lines(&newer[head..newer.len() - tail]),
    );
    let (gone, come) = (input.before.len() as u32, input.after.len() as u32);
    let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
    let mut hunks = diff.hunks().peekable();
    // How much further up or down a line of the newer one is in the older one.
    let mut shift = 0;
    let (mut kept, mut fresh) = (Vec::new(), Vec::new());
    for line in sought {
        if line.here < before {
            kept.push(line);
            continue;
        }
        let place = line.here - before;
        if place >= come {
            kept.push(Sought { here: line.here - come + gone, ..line });
            continue;
        }
        while let Some(past) = hunks.next_if(|hunk| hunk.after.end <= place) {
            shift = i64::from(past.before.end) - i64::from(past.after.end);
        }
        match hunks.peek().is_some_and(|hunk| hunk.after.contains(&place)) {
            true => fresh.push(line),
            false => kept.push(Sought { here: (i64::from(line.here) + shift) as u32, ..line }),
        }
    }
    (kept, fresh)
}

/// How many bytes of whole lines both begin with, and end with: the rest alone has to be compared.
fn shared(older: &[u8], newer: &[u8]) -> (usize, usize) {
    let same = older.iter().zip(newer).take_while(|(a, b)| a == b).count();
    let head = older[..same].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let (old, new) = (&older[head..], &newer[head..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let end = &old[old.len() - same..];
    let tail = end.iter().position(|byte| *byte == b'\n').map_or(0, |newline| end.len() - newline - 1);
    (head, tail)
}

/// Finds the commits that brought `sought`, lines of the file at `path` in the commit `start`, in order.
/// What lies behind a shallow border is the border's own.
///
/// # Errors
/// An object that the user's history needs is missing or damaged.
pub fn commits(store: &Store, start: Oid, path: &[u8], sought: Vec<Sought>) -> Result<Vec<Brought>> {
    let mut walk =
        Walk { store, border: ancestry::shallow(store)?, heap: BinaryHeap::new(), waiting: HashMap::new() };
    let node = walk.node(start)?.with_context(|| format!("the commit {start} is missing"))?;
    let file = locate(store, node.tree, path, None)?;
    let file = file.with_context(|| format!("{start} has no {:?}", String::from_utf8_lossy(path)))?;
    walk.add(&node, Suspect { path: path.to_vec(), file, sought });
    let mut brought = Vec::new();
    while let Some((_, id)) = walk.heap.pop() {
        for (node, suspect) in walk.waiting.remove(&id).unwrap_or_default() {
            let path = suspect.path.clone();
            let lines = walk.pass(&node, suspect)?;
            if !lines.is_empty() {
                brought.push(Brought { commit: id, path, lines });
            }
        }
    }
    Ok(brought)
}

/// A commit, as much of it as a walk needs.
#[derive(Clone)]
struct Node {
    id: Oid,
    tree: Oid,
    time: i64,
    parents: Vec<Oid>,
}

/// A version of the file, and the lines that it or one before it brought.
struct Suspect {
    path: Vec<u8>,
    file: File,
    sought: Vec<Sought>,
}

/// A file in a tree, and the trees on the way to it: where another tree has one of these at the same
/// level, the file is the same.
#[derive(Clone)]
struct File {
    way: Rc<[Oid]>,
    side: Side,
}

/// Commits to come, newest first.
struct Walk<'a> {
    store: &'a Store,
    border: HashSet<Oid>,
    heap: BinaryHeap<(i64, Oid)>,
    waiting: HashMap<Oid, Vec<(Node, Suspect)>>,
}

impl Walk<'_> {
    fn node(&self, id: Oid) -> Result<Option<Node>> {
        let mut buffer = Vec::new();
        let Some((kind, bytes)) = self.store.find(id, &mut buffer)? else { return Ok(None) };
        ensure!(kind == gix::objs::Kind::Commit, "{id} is a {kind} and no commit");
        let commit = CommitRef::from_bytes(bytes, self.store.hash_kind().gix());
        let commit = commit.with_context(|| format!("decode the commit {id}"))?;
        let time = commit.committer().map_or(0, |committer| committer.seconds());
        let parents = match self.border.contains(&id) {
            true => Vec::new(),
            false => commit.parents().map(|parent| from_gix(&parent)).collect(),
        };
        Ok(Some(Node { id, tree: from_gix(&commit.tree()), time, parents }))
    }

    /// Adds a suspect; lines of one file that came on several ways are looked for together.
    fn add(&mut self, node: &Node, suspect: Suspect) {
        let waiting = self.waiting.entry(node.id).or_default();
        if waiting.is_empty() {
            self.heap.push((node.time, node.id));
        }
        match waiting.iter_mut().find(|(_, known)| known.path == suspect.path) {
            Some((_, known)) => {
                known.sought.extend(suspect.sought);
                known.sought.sort_by_key(|line| (line.here, line.at));
            }
            None => waiting.push((node.clone(), suspect)),
        }
    }

    /// Passes on to the parents what they have; the lines that stay are the commit's own.
    fn pass(&mut self, node: &Node, suspect: Suspect) -> Result<Vec<Sought>> {
        let Suspect { path, file, mut sought } = suspect;
        let mut parents = Vec::new();
        for id in &node.parents {
            if let Some(parent) = self.node(*id)? {
                let found = locate(self.store, parent.tree, &path, Some(&file))?;
                parents.push((parent, found));
            }
        }
        let is_same = |(_, found): &&(Node, Option<File>)| {
            found.as_ref().is_some_and(|one| one.side.id == file.side.id)
        };
        if let Some((parent, Some(same))) = parents.iter().find(is_same) {
            self.add(parent, Suspect { path, file: same.clone(), sought });
            return Ok(Vec::new());
        }
        let mut newer = None;
        for (parent, found) in &parents {
            let Some(older) = found.clone().filter(|found| is_file(found.side)) else { continue };
            let newer = match &mut newer {
                Some(bytes) => bytes,
                none => none.insert(bytes_of(self.store, file.side.id)?),
            };
            let (kept, fresh) = split(&bytes_of(self.store, older.side.id)?, newer, sought);
            if !kept.is_empty() {
                self.add(parent, Suspect { path: path.clone(), file: older, sought: kept });
            }
            sought = fresh;
        }
        if parents.iter().any(|(_, found)| found.is_some()) {
            return Ok(sought);
        }
        for (parent, _) in &parents {
            if let Some(old) = moved_from(self.store, Some(parent.tree), Some(node.tree), file.side.id)?
                && let Some(file) = locate(self.store, parent.tree, &old, None)?
            {
                self.add(parent, Suspect { path: old, file, sought });
                return Ok(Vec::new());
            }
        }
        Ok(sought)
    }
}

/// The path that one tree has and the next has not, with the content `id`: the file was moved. Of
/// several the first.
pub fn moved_from(store: &Store, old: Option<Oid>, new: Option<Oid>, id: Oid) -> Result<Option<Vec<u8>>> {
    let mut found = None;
    diff::trees(store, None, old, new, &mut |delta| {
        let is_it = delta.new.is_none() && delta.old.is_some_and(|old| old.id == id);
        Ok(match is_it {
            true => {
                found = Some(delta.path);
                ControlFlow::Break(())
            }
            false => ControlFlow::Continue(()),
        })
    })?;
    Ok(found)
}

/// True for what has lines: no link, no directory, no nested repository.
pub fn is_file(side: Side) -> bool {
    side.mode == super::FILE || side.mode == super::EXECUTABLE
}

fn locate(store: &Store, tree: Oid, path: &[u8], known: Option<&File>) -> Result<Option<File>> {
    let mut here = Side { mode: TREE, id: tree };
    let mut way = Vec::new();
    for (level, name) in path.split(|byte| *byte == b'/').enumerate() {
        if here.mode != TREE {
            return Ok(None);
        }
        if let Some(known) = known.filter(|known| known.way.get(level) == Some(&here.id)) {
            return Ok(Some(known.clone()));
        }
        way.push(here.id);
        let mut buffer = Vec::new();
        let (_, bytes) =
            store.find(here.id, &mut buffer)?.ok_or_else(|| anyhow!("the tree {} is missing", here.id))?;
        let entries = TreeRefIter::from_bytes(bytes, store.hash_kind().gix());
        let mut entries = entries.filter_map(Result::ok);
        let Some(entry) = entries.find(|entry| entry.filename == name) else { return Ok(None) };
        let mode = if entry.mode.is_tree() { TREE } else { u32::from(entry.mode.value()) };
        here = Side { mode, id: from_gix(entry.oid) };
    }
    Ok(Some(File { way: way.into(), side: here }))
}

/// The bytes of a blob. They are compared with other versions and not put back, so that nobody waits
/// for their hash.
pub fn bytes_of(store: &Store, id: Oid) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    let (kind, _) =
        store.find(id, &mut buffer)?.ok_or_else(|| anyhow!("the file's object {id} is missing"))?;
    ensure!(kind == gix::objs::Kind::Blob, "{id} is a {kind} and no blob");
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Vec<Sought> {
        (0..count(bytes)).map(|at| Sought { at, here: at }).collect()
    }

    /// The commit of each line, as we find it and as git does.
    fn both(dir: &Dir, path: &str) -> [Vec<String>; 2] {
        let bytes = std::fs::read(dir.path().join(path)).unwrap();
        let found = commits(&dir.store(), dir.id("HEAD"), path.as_bytes(), all(&bytes)).unwrap();
        let mut ours = vec![String::new(); count(&bytes) as usize];
        for one in found {
            for line in one.lines {
                ours[line.at as usize] = format!("{} {}", one.commit, String::from_utf8_lossy(&one.path));
            }
        }
        let porcelain = dir.git(&["blame", "--line-porcelain", "HEAD", "--", path]);
        let mut theirs = Vec::new();
        for line in porcelain.lines() {
            let id = line.split(' ').next().unwrap_or_default();
            if Oid::parse(id.as_bytes()).is_some() {
                theirs.push(id.to_owned());
            } else if let (Some(name), Some(last)) = (line.strip_prefix("filename "), theirs.last_mut()) {
                *last = format!("{last} {name}");
            }
        }
        [ours, theirs]
    }

    fn agree(dir: &Dir, path: &str) {
        let [ours, theirs] = both(dir, path);
        assert_eq!(ours, theirs);
    }

    #[test]
    fn git_names_the_same_commits() {
        let dir = Dir::repository(HashKind::Sha1);
        let numbered = |from: u32, to: u32| (from..to).map(|n| format!("line {n}\n")).collect::<String>();
        dir.write("deep/er/file", &numbered(0, 20));
        dir.commit(1);
        dir.write("deep/er/file", &numbered(0, 30).replace("line 7\n", "line seven\n"));
        dir.commit(2);
        dir.write("other", "x");
        dir.commit(3);
        dir.git(&["checkout", "-q", "-b", "side"]);
        dir.write("deep/er/file", &(numbered(0, 30).replace("line 7\n", "line seven\n") + "side\n"));
        dir.commit(4);
        dir.git(&["checkout", "-q", "main"]);
        dir.write(
            "deep/er/file",
            &("main\n".to_owned() + &numbered(0, 30).replace("line 7\n", "line seven\n")),
        );
        dir.commit(5);
        agree(&dir, "deep/er/file");
        dir.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        agree(&dir, "deep/er/file");
        dir.git(&["mv", "deep/er/file", "moved"]);
        dir.commit(6);
        agree(&dir, "moved");
        dir.write("moved", "a\nb");
        dir.commit(7);
        agree(&dir, "moved");
    }

    #[test]
    fn a_shallow_border_is_where_it_ends() {
        let dir = Dir::repository(HashKind::Sha256);
        dir.write("file", "one\n");
        dir.commit(1);
        dir.write("file", "one\ntwo\n");
        let second = dir.commit(2);
        dir.write("file", "one\ntwo\nthree\n");
        dir.commit(3);
        agree(&dir, "file");
        std::fs::write(dir.git_dir().join("shallow"), format!("{second}\n")).unwrap();
        let found = commits(&dir.store(), dir.id("HEAD"), b"file", all(b"one\ntwo\nthree\n")).unwrap();
        let owner = |at| found.iter().find(|one| one.lines.iter().any(|line| line.at == at)).unwrap().commit;
        assert_eq!((owner(0), owner(1)), (second, second));
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("file", "one\n");
        let commit = dir.commit(1);
        let error = commits(&dir.store(), commit, b"none", Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), format!("{commit} has no \"none\""));
    }

    #[test]
    fn a_line_goes_on_to_where_it_was() {
        let here = |lines: &[Sought]| lines.iter().map(|line| (line.at, line.here)).collect::<Vec<_>>();
        type Split<'a> = (&'a str, &'a str, &'a [(u32, u32)], &'a [u32]);
        let cases: [Split<'_>; 6] = [
            ("a\nb\nc\n", "a\nx\nc\n", &[(0, 0), (2, 2)], &[1]),
            ("a\nb\n", "x\na\nb\n", &[(1, 0), (2, 1)], &[0]),
            ("a\nb\nc\nd\n", "d\n", &[(0, 3)], &[]),
            ("a", "a\n", &[], &[0]),
            ("", "a\n", &[], &[0]),
            ("a\nb\nc", "a\ny\nb\nz\nc", &[(0, 0), (2, 1), (4, 2)], &[1, 3]),
        ];
        for (older, newer, kept, fresh) in cases {
            let (ours, new) = split(older.as_bytes(), newer.as_bytes(), all(newer.as_bytes()));
            assert_eq!(here(&ours), kept, "{older:?} {newer:?}");
            assert_eq!(new.iter().map(|line| line.at).collect::<Vec<_>>(), fresh, "{older:?} {newer:?}");
        }
    }

    proptest! {
        #[test]
        fn a_line_that_goes_on_is_the_same_line(older in "([abc]\n){0,12}a?", newer in "([abc]\n){0,12}a?") {
            let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
            let (old, new) = (lines(&older), lines(&newer));
            let (kept, fresh) = split(older.as_bytes(), newer.as_bytes(), all(newer.as_bytes()));
            prop_assert_eq!(kept.len() + fresh.len(), new.len());
            prop_assert!(kept.is_sorted_by(|a, b| a.here < b.here));
            for line in kept {
                prop_assert_eq!(&old[line.here as usize], &new[line.at as usize]);
            }
        }
    }
}
