//! A picture of files, to hold two moments against each other: bytes, permission bits, targets of
//! links, directories.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::place::Place;

/// What is at a path.
#[derive(Clone, PartialEq, Eq)]
pub enum Thing {
    File(u32, Vec<u8>),
    Link(PathBuf),
    Dir(u32),
    Fifo,
}

/// Everything below a directory.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture(pub BTreeMap<PathBuf, Thing>);

impl Picture {
    /// The worktree of a place: all that is not in `.git`.
    pub fn of(place: &Place) -> Self {
        Self::below(&place.dir, ".git")
    }

    /// The user's own part of the repository: all of `.git` that is not in `trace`.
    pub fn of_git(place: &Place) -> Self {
        Self::below(&place.common_dir(), "trace")
    }

    fn below(dir: &Path, but: &str) -> Self {
        let mut all = BTreeMap::new();
        collect(dir, Path::new(""), but, &mut all);
        Self(all)
    }

    /// Fails with the paths that differ.
    pub fn is(&self, wanted: &Self, when: &str) {
        let paths: BTreeSet<_> = self.0.keys().chain(wanted.0.keys()).collect();
        let other: Vec<String> = paths
            .into_iter()
            .filter(|path| self.0.get(*path) != wanted.0.get(*path))
            .map(|path| {
                format!("{path:?}: {} and not {}", words(self.0.get(path)), words(wanted.0.get(path)))
            })
            .collect();
        assert!(other.is_empty(), "{when}:\n{}", other.join("\n"));
    }

    /// Fails if nothing differs: what changes nothing proves nothing.
    pub fn is_not(&self, other: &Self, when: &str) {
        assert!(self != other, "{when}: nothing had changed");
    }
}

fn words(thing: Option<&Thing>) -> String {
    match thing {
        None => "nothing".to_owned(),
        Some(Thing::File(mode, bytes)) => {
            let short = &bytes[..bytes.len().min(60)];
            format!("a file {mode:o} of {} bytes {:?}", bytes.len(), String::from_utf8_lossy(short))
        }
        Some(Thing::Link(target)) => format!("a link to {target:?}"),
        Some(Thing::Dir(mode)) => format!("a directory {mode:o}"),
        Some(Thing::Fifo) => "a FIFO".to_owned(),
    }
}

fn collect(top: &Path, below: &Path, but: &str, into: &mut BTreeMap<PathBuf, Thing>) {
    for entry in fs::read_dir(top.join(below)).unwrap() {
        let name = entry.unwrap().file_name();
        if name == OsStr::from_bytes(but.as_bytes()) {
            continue;
        }
        let path = below.join(name);
        let about = fs::symlink_metadata(top.join(&path)).unwrap();
        let (kind, mode) = (about.file_type(), about.permissions().mode() & 0o7777);
        let thing = match () {
            () if kind.is_dir() => Thing::Dir(mode),
            () if kind.is_symlink() => Thing::Link(fs::read_link(top.join(&path)).unwrap()),
            () if kind.is_fifo() => Thing::Fifo,
            () => Thing::File(mode, fs::read(top.join(&path)).unwrap()),
        };
        if kind.is_dir() {
            collect(top, &path, but, into);
        }
        into.insert(path, thing);
    }
}

/// A repository with some of everything: two commits, a stash, changes in the index and beside it,
/// files that git does not track, and files that it ignores.
pub fn furnish(place: &Place) {
    place.write("src/a", "a\n");
    place.write("src/b.txt", "one\r\ntwo\r\n");
    place.write("gone-later", "was here\n");
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "one"]);
    place.write("src/a", "a, committed\n");
    place.write("src/empty", "");
    place.write("src/bytes", [0, 255, 10, 13, 0, 7].repeat(900));
    place.write("src/1/2/3/4/5/6/7/8/9/deep", "deep\n");
    for at in 0..20 {
        place.write(&format!("lib/{at}.rs"), format!("fn old_name_{at}() {{}}\n"));
    }
    place.write("tool", "#!/bin/sh\necho tool\n");
    set_mode(place, "tool", 0o755);
    for (target, link) in [("src/a", "link"), ("../nowhere", "src/dangling"), ("1/2", "src/to-dir")] {
        std::os::unix::fs::symlink(target, place.dir.join(link)).unwrap();
    }
    fs::write(odd(place), "no UTF-8 in my name\n").unwrap();
    fs::remove_file(place.dir.join("gone-later")).unwrap();
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "two"]);
    place.write("src/a", "a, stashed\n");
    place.git(&["stash", "-q"]);
    place.write("src/deep/b", "b, staged\n");
    place.git(&["add", "src/deep/b"]);
    place.write("src/deep/b", "b, staged, then changed\n");
    place.write("src/a", "a, changed\n");
    place.write("notes", "not tracked\n");
    place.write("src/new/run", "#!/bin/sh\n");
    set_mode(place, "src/new/run", 0o755);
    std::os::unix::fs::symlink("run", place.dir.join("src/new/link")).unwrap();
    place.write("src/new/empty", "");
    place.write("out/built", "ignored\n");
}

/// A file whose name is no text.
pub fn odd(place: &Place) -> PathBuf {
    place.dir.join(OsStr::from_bytes(b"src/\xff\xfe odd\n name"))
}

/// Sets a file's permission bits.
pub fn set_mode(place: &Place, path: &str, mode: u32) {
    fs::set_permissions(place.dir.join(path), fs::Permissions::from_mode(mode)).unwrap();
}
