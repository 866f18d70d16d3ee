//! The files of a snapshot, written where nobody works: a fresh private directory.
//!
//! A tree may come from anywhere. All of it is judged before the first byte is written: one path that
//! is no path of a worktree, or that leads through a file or a link, and the whole is refused. Going
//! to another tree writes what differs, and what somebody changed meanwhile; what they added stays.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, bail, ensure};

use super::Damaged;
use crate::disk::inherited;
use crate::disk::scratch::{Run, Scratch, Stamp};
use crate::git::diff::{self, Delta};
use crate::git::store::Store;
use crate::git::tree::valid_path;
use crate::git::{FILE, GITLINK, LINK};
use crate::model::change::Side;
use crate::model::oid::Oid;

/// No worktree has more files. A tree of a few kilobytes can name more than any disk holds.
const MOST: usize = 10_000_000;

/// The bits of a mode that say what kind of thing it is, and the one that makes a file a program.
const KIND: u32 = 0o170_000;
const OWNER_RUNS: u32 = 0o100;

/// A private directory with the files of one tree. It is removed with its value.
#[derive(Debug)]
pub struct Checkout {
    scratch: Scratch,
    tree: Option<Oid>,
    files: BTreeMap<Vec<u8>, Put>,
}

/// What was written at a path.
#[derive(Clone, Copy, Debug)]
struct Put {
    side: Side,
    /// `None`: not written yet.
    stamp: Option<Stamp>,
}

impl Checkout {
    /// An empty one below the directory `temp`, which must be absolute.
    pub fn new(temp: &Path) -> Result<Self> {
        Ok(Self { scratch: Scratch::new(temp)?, tree: None, files: BTreeMap::new() })
    }

    /// The directory that holds this checkout and nothing else.
    pub fn outer(&self) -> &Path {
        self.scratch.outer()
    }

    /// The directory at `path` below its top, or the top where there is no such directory.
    pub fn dir_at(&self, path: &[u8]) -> PathBuf {
        self.scratch.dir_at(path)
    }

    /// Makes the files those of `tree`.
    ///
    /// # Errors
    /// The tree was refused, or an object of it is missing or damaged ([`Damaged`]). After an error
    /// the checkout is good for nothing but to be dropped.
    pub fn turn_to(&mut self, store: &Store, tree: Oid) -> Result<()> {
        let deltas = deltas(store, self.tree, tree)?;
        let gone = take_over(&mut self.files, &deltas)?;
        self.tree = Some(tree);
        for path in gone {
            self.scratch.clear(&path).with_context(|| format!("take away {}", shown(&path)))?;
        }
        for (path, put) in &mut self.files {
            if put.stamp.is_some() && self.scratch.stamp(path) == put.stamp {
                continue;
            }
            inherited::go_on()?;
            write(&mut self.scratch, store, path, put.side)
                .with_context(|| format!("write {}", shown(path)))?;
            put.stamp = self.scratch.stamp(path);
        }
        self.scratch.tick().context("wait for the file system's clock")?;
        Ok(inherited::go_on()?)
    }

    /// Removes it, and says if that cannot be done.
    pub fn remove(self) -> Result<()> {
        self.scratch.remove()
    }
}

/// What differs, path by path.
fn deltas(store: &Store, old: Option<Oid>, new: Oid) -> Result<Vec<Delta>> {
    let mut all = Vec::new();
    let told = diff::trees(store, None, old, Some(new), &mut |delta| {
        all.push(delta);
        Ok(if all.len() > MOST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    told.with_context(|| Damaged(format!("the files of tree {} cannot be read", new.short(12))))?;
    ensure!(all.len() <= MOST, "the tree {} names more than {MOST} files", new.short(12));
    Ok(all)
}

/// Makes `files` what they are after `deltas`; returns the paths where nothing stands any more.
/// Pure: refuses a tree before anything of it is written.
fn take_over(files: &mut BTreeMap<Vec<u8>, Put>, deltas: &[Delta]) -> Result<Vec<Vec<u8>>> {
    let mut gone = Vec::new();
    for Delta { path, old, .. } in deltas.iter().filter(|delta| delta.old.is_some()) {
        if files.remove(path).map(|put| put.side) != *old {
            bail!(refused(path, "it is named twice"));
        }
        gone.push(path.clone());
    }
    let new = |delta: &'_ Delta| Some((delta.path.clone(), delta.new?));
    for (path, side) in deltas.iter().filter_map(new) {
        ensure!(valid_path(&path), refused(&path, "no worktree has such a path"));
        let plain = side.mode & KIND == FILE & KIND;
        ensure!(plain || [LINK, GITLINK].contains(&side.mode), refused(&path, "it is of no known kind"));
        if files.insert(path.clone(), Put { side, stamp: None }).is_some() {
            bail!(refused(&path, "it is named twice"));
        }
    }
    for Delta { path, .. } in deltas.iter().filter(|delta| delta.new.is_some()) {
        let above = above(path).find(|above| files.contains_key(*above));
        if let Some((file, below)) = above.map(|file| (file, &path[..])).or_else(|| below(files, path)) {
            bail!(refused(below, &format!("{} above it is no directory", shown(file))));
        }
    }
    gone.retain(|path| !files.contains_key(path));
    Ok(gone)
}

/// The paths of the directories that a path leads through.
fn above(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at])
}

/// A path that leads through the file `path`, after it.
fn below<'a>(files: &'a BTreeMap<Vec<u8>, Put>, path: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let first = [path, b"/"].concat();
    let (next, _) = files.range(first.clone()..).next()?;
    next.starts_with(&first).then_some((path, next))
}

fn write(scratch: &mut Scratch, store: &Store, path: &[u8], side: Side) -> Result<()> {
    match side.mode {
        GITLINK => scratch.dir(path)?,
        LINK => scratch.link(path, &content(store, path, side.id)?)?,
        mode => {
            let run = if mode & OWNER_RUNS == 0 { Run::MayNot } else { Run::May };
            scratch.file(path, &content(store, path, side.id)?, run)?;
        }
    }
    Ok(())
}

fn content(store: &Store, path: &[u8], id: Oid) -> Result<Vec<u8>> {
    let damaged = |what: &str| {
        Damaged(format!("the object {} of {} is {what}: see `trace fsck`", id.short(12), shown(path)))
    };
    store.blob(id).with_context(|| damaged("damaged"))?.with_context(|| damaged("missing"))
}

fn refused(path: &[u8], why: &str) -> Error {
    anyhow::anyhow!("these files are not written anywhere: {} is refused, {why}", shown(path))
}

fn shown(path: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{EXECUTABLE, TREE};

    fn side(mode: u32, mark: u8) -> Option<Side> {
        Some(Side { mode, id: Oid::from_bytes(&[mark; 20]).unwrap() })
    }

    fn put(path: &str, mode: u32) -> Delta {
        Delta { path: path.into(), old: None, new: side(mode, 1) }
    }

    fn names(files: &BTreeMap<Vec<u8>, Put>) -> Vec<&str> {
        files.keys().map(|path| str::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn a_tree_is_taken_over_whole_or_not_at_all() {
        let cases: [(&[Delta], &str); 10] = [
            (&[put("a", LINK), put("a/b", FILE)], "\"a/b\" is refused, \"a\" above it is no directory"),
            (&[put("a", FILE), put("a-b", FILE), put("a/b/c", FILE)], "\"a\" above it is no directory"),
            (&[put("a", GITLINK), put("a/b", FILE)], "\"a\" above it is no directory"),
            (&[put("a", FILE), put("a", LINK)], "\"a\" is refused, it is named twice"),
            (&[put("fine", FILE), put("../a", FILE)], "no worktree has such a path"),
            (&[put(".git/hooks/x", EXECUTABLE)], "no worktree has such a path"),
            (&[put("a/.GIT", FILE)], "no worktree has such a path"),
            (&[put("", FILE)], "no worktree has such a path"),
            (&[put("a\0b", FILE)], "no worktree has such a path"),
            (&[put("a", TREE)], "it is of no known kind"),
        ];
        for (deltas, why) in cases {
            let error = take_over(&mut BTreeMap::new(), deltas).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_later_tree_is_judged_with_what_stays_of_the_one_before() {
        let mut files = BTreeMap::new();
        let first = [put("a/b", FILE), put("c", FILE), put("d", FILE)];
        assert!(take_over(&mut files, &first).unwrap().is_empty());
        let gone = |path: &str| Delta { path: path.into(), old: side(FILE, 1), new: None };
        let turned = [gone("c"), put("c/d", FILE), Delta { new: side(LINK, 2), ..gone("d") }];
        assert_eq!(take_over(&mut files, &turned).unwrap(), [b"c"]);
        assert_eq!(names(&files), ["a/b", "c/d", "d"]);
        for wrong in [put("a", LINK), put("d/e", FILE), put("d", FILE), gone("d"), gone("none")] {
            assert!(take_over(&mut files.clone(), std::slice::from_ref(&wrong)).is_err(), "{wrong:?}");
        }
    }
}
