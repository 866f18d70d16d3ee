//! The scan against the real git: whatever is done to a worktree, both see the same tree.

mod away;
mod cases;
mod chaos;
mod limits;
mod lost;

use super::super::HashKind;
use super::super::pack::Pack;
use super::super::sandbox::Dir;
use super::super::table::Table;
use super::super::table::log::Write;
use super::super::tree;
use super::*;
use crate::model::change::Reason;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

/// A user's repository, and what its scans left behind.
pub(super) struct Place {
    pub dir: Dir,
    pub kind: HashKind,
    pub main: Option<Vec<u8>>,
    pub log: Option<Vec<u8>>,
    pub extra_ignores: Vec<String>,
    pub limits: Limits,
    pub base_tree: Option<Oid>,
    pub head_tree: Option<Oid>,
}

/// What one scan came to.
pub(super) struct Scanned {
    pub tree: Oid,
    pub found: Found,
}

/// How a table treats times that are as young as all times in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// As in life: everything was changed a moment ago and is looked at again.
    Real,
    /// As if it had been an hour ago: what the stat says is believed.
    Later,
}

impl Place {
    pub fn new() -> Self {
        Self::of(HashKind::Sha1)
    }

    pub fn of(kind: HashKind) -> Self {
        Self {
            dir: Dir::repository(kind),
            kind,
            main: None,
            log: None,
            extra_ignores: Vec::new(),
            limits: Limits::default(),
            base_tree: None,
            head_tree: None,
        }
    }

    pub fn path(&self, name: &[u8]) -> PathBuf {
        self.dir.path().join(OsStr::from_bytes(name))
    }

    /// Writes a file, and the directories above it, unless something is in the way.
    pub fn write(&self, name: &[u8], bytes: &[u8]) {
        self.tick();
        let path = self.path(name);
        if std::fs::create_dir_all(path.parent().unwrap()).is_ok() {
            let _in_the_way = std::fs::write(path, bytes);
        }
    }

    pub fn remove(&self, name: &[u8]) {
        self.tick();
        let path = self.path(name);
        let _absent = match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
            _ => std::fs::remove_file(path),
        };
    }

    pub fn rename(&self, from: &[u8], to: &[u8]) {
        self.tick();
        let _in_the_way = std::fs::rename(self.path(from), self.path(to));
    }

    pub fn link(&self, name: &[u8], target: &[u8]) {
        self.tick();
        let _in_the_way = symlink(OsStr::from_bytes(target), self.path(name));
    }

    pub fn chmod(&self, name: &[u8], mode: u32) {
        self.tick();
        let _absent = std::fs::set_permissions(self.path(name), PermissionsExt::from_mode(mode));
    }

    /// A repository below this one, with a commit.
    pub fn nest(&self, name: &[u8]) {
        self.tick();
        let path = self.path(name);
        if std::fs::create_dir_all(&path).is_ok() {
            let path = path.to_str().unwrap();
            let format = if self.kind == HashKind::Sha1 { "sha1" } else { "sha256" };
            self.dir.git(&["init", "-q", &format!("--object-format={format}"), path]);
            self.dir.git(&["-C", path, "commit", "-q", "--allow-empty", "-m", "nested"]);
        }
    }

    /// Lets the file system's clock move on, so that what was seen and what comes differ in time.
    pub fn tick(&self) {
        let probe = self.dir.git_dir().join("tick");
        let stamp = || {
            std::fs::write(&probe, b"").unwrap();
            let meta = std::fs::metadata(&probe).unwrap();
            (meta.ctime(), meta.ctime_nsec())
        };
        let first = stamp();
        while stamp() == first {
            std::hint::spin_loop();
        }
    }

    pub fn table(&self) -> Table {
        Table::load(self.main.clone(), self.log.clone())
    }

    pub fn with_ground<T>(&self, scan: impl FnOnce(&Ground<'_>) -> T) -> T {
        let (git_dir, store) = (self.dir.git_dir(), self.dir.store());
        scan(&Ground {
            work_tree: self.dir.path(),
            git_dir: &git_dir,
            common_dir: &git_dir,
            store: &store,
            base_tree: self.base_tree,
            head_tree: self.head_tree,
            excludes_file: Some(git_dir.join("excludes")),
            extra_ignores: self.extra_ignores.clone(),
            limits: self.limits,
            deadline: None,
            threads: 2,
        })
    }

    /// Scans with a given table, applies the edits and installs what was written.
    pub fn scan_from(&self, table: Table, clock: Clock) -> Scanned {
        self.with_ground(|ground| {
            let mut pack = Pack::new(self.kind);
            let later = if clock == Clock::Later { 3_600_000_000_000 } else { 0 };
            let found = full_at(ground, table, &mut pack, now() + later).unwrap();
            self.apply(ground, found, pack)
        })
    }

    fn apply(&self, ground: &Ground<'_>, found: Found, mut pack: Pack) -> Scanned {
        let tree =
            tree::edit(ground.store, &mut pack, found.from_tree, &found.edits, ground.base_tree).unwrap();
        self.dir.install(&pack.finish().unwrap());
        Scanned { tree: tree.unwrap_or(self.kind.empty_tree()), found }
    }

    /// A scan as in life: from the table on disk, which is brought up to date.
    pub fn scan(&mut self, clock: Clock) -> Scanned {
        let mut scanned = self.scan_from(self.table(), clock);
        let update = std::mem::take(&mut scanned.found.update);
        self.keep(update.into_write(Some(scanned.tree)));
        scanned
    }

    pub fn keep(&mut self, write: Write) {
        match write {
            Write::Nothing => {}
            Write::Append(batch) => self.log.get_or_insert_default().extend(batch),
            Write::Replace(main) => (self.main, self.log) = (Some(main), None),
        }
    }

    /// Scans named paths, on top of a tree.
    pub fn scan_known(&self, tip: Option<Oid>, paths: &[&[u8]]) -> Scanned {
        let paths: Vec<Vec<u8>> = paths.iter().map(|path| path.to_vec()).collect();
        self.with_ground(|ground| {
            let mut pack = Pack::new(self.kind);
            let found = known(ground, tip, &paths, &mut pack).unwrap();
            self.apply(ground, found, pack)
        })
    }

    /// The tree that git makes of the worktree, starting from the user's index.
    pub fn oracle(&self) -> Oid {
        let (own, index) = (self.dir.git_dir().join("index"), self.dir.git_dir().join("oracle"));
        match std::fs::copy(&own, &index) {
            // As old as it is: git looks again at what changed in the second in which it was written.
            Ok(_) => std::fs::File::options()
                .append(true)
                .open(&index)
                .and_then(|copy| copy.set_modified(std::fs::metadata(&own)?.modified()?))
                .unwrap(),
            Err(_) => {
                let _absent = std::fs::remove_file(&index);
            }
        }
        let index = format!("GIT_INDEX_FILE={}", index.display());
        let excludes = format!("core.excludesFile={}", self.dir.git_dir().join("excludes").display());
        self.dir.run("env", &[&index, "git", "-c", &excludes, "add", "-A", "--sparse"]);
        let tree = self.dir.run("env", &[&index, "git", "write-tree"]);
        Oid::parse(tree.as_bytes()).unwrap()
    }

    pub fn listing(&self, tree: Oid) -> String {
        self.dir.git_store(&["ls-tree", "-r", "-t", &tree.to_string()])
    }

    /// Checks a scan with the table, and one without, against git.
    pub fn check(&mut self, clock: Clock, what: &str) {
        let expected = self.oracle();
        let warm = self.scan(clock).tree;
        assert_eq!(self.listing(warm), self.listing(expected), "{what}, {clock:?}");
        let cold = self.scan_from(Table::default(), clock).tree;
        assert_eq!(self.listing(cold), self.listing(expected), "{what}, without a table");
    }
}

/// What was left out, for comparing.
pub(super) fn left_out(found: &Found) -> Vec<(String, Reason)> {
    found.skipped.iter().map(|skip| (skip.path.lossy().into_owned(), skip.reason)).collect()
}
