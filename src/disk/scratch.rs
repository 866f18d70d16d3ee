//! A private directory for files that nobody keeps: it goes away with its value.
//!
//! What is put into it may be hostile, and so may whoever works in it: no path is followed through a
//! link, and what stands in the way of a file is moved aside and emptied, however deep, read-only or
//! full of links it is. Names are the caller's to judge. SIGKILL leaves the directory behind.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{ffi::OsStr, thread};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawMode};
use rustix::io::Errno;

use super::backoff;
use crate::model::digest;

/// No file system in use has a coarser clock.
const COARSEST: Duration = Duration::from_secs(3);

/// How often the file system's clock is looked at while we wait for it.
const LOOK: Duration = Duration::from_millis(1);

/// The directory.
#[derive(Debug)]
pub struct Scratch {
    /// Ours alone, 0700: holds `worktree`, and `gone` for directories that are to go.
    outer: PathBuf,
    /// How many directories were moved to `gone`; their names there.
    gone: u64,
}

/// Whether whoever may run a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    May,
    MayNot,
}

/// By which a file is known that nobody touched. Of a directory, only that it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    kind: u32,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        let none = Self { kind: meta.mode(), inode: 0, size: 0, modified: (0, 0), changed: (0, 0) };
        match meta.is_dir() {
            true => Self { kind: meta.mode() & 0o170_000, ..none },
            false => Self {
                inode: meta.ino(),
                size: meta.size(),
                modified: (meta.mtime(), meta.mtime_nsec()),
                changed: (meta.ctime(), meta.ctime_nsec()),
                ..none
            },
        }
    }
}

impl Scratch {
    /// Makes one below `temp`, which must be absolute.
    pub fn new(temp: &Path) -> Result<Self> {
        let outer = temp.join(format!("trace-{}", digest::hex(&backoff::random::<8>())));
        let made = DirBuilder::new().mode(0o700).create(&outer);
        made.with_context(|| format!("make the temporary directory {}", outer.display()))?;
        let scratch = Self { outer, gone: 0 };
        for dir in [scratch.top(), scratch.bin()] {
            fs::create_dir(&dir).with_context(|| format!("make directory {}", dir.display()))?;
        }
        Ok(scratch)
    }

    /// The directory that holds nothing but [`Self::top`]: a search upward may stop there.
    pub fn outer(&self) -> &Path {
        &self.outer
    }

    /// Where the files are.
    pub fn top(&self) -> PathBuf {
        self.outer.join("worktree")
    }

    /// The directory at `path` if it is one and no link leads there, else the top.
    pub fn dir_at(&self, path: &[u8]) -> PathBuf {
        let mut dir = self.top();
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            dir.push(OsStr::from_bytes(name));
            if !fs::symlink_metadata(&dir).is_ok_and(|meta| meta.is_dir()) {
                return self.top();
            }
        }
        dir
    }

    /// Puts a file at `path`, with the directories above it.
    pub fn file(&mut self, path: &[u8], bytes: &[u8], run: Run) -> io::Result<()> {
        let (dir, name) = self.room(path)?;
        let mode = match run {
            Run::May => 0o777,
            Run::MayNot => 0o666,
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&dir, name, flags, Mode::from_raw_mode(mode))?;
        File::from(file).write_all(bytes)
    }

    /// Puts a symbolic link to `target` at `path`.
    pub fn link(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let (dir, name) = self.room(path)?;
        Ok(rustix::fs::symlinkat(target, &dir, name)?)
    }

    /// Puts an empty directory at `path`.
    pub fn dir(&mut self, path: &[u8]) -> io::Result<()> {
        let (dir, name) = self.room(path)?;
        Ok(rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o777))?)
    }

    /// Takes away what stands at `path`, and the directories above it that are empty then.
    pub fn clear(&mut self, path: &[u8]) -> io::Result<()> {
        let mut path = path;
        drop(self.room(path)?);
        while let Some(at) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..at];
            let (dir, name) = self.parent(path)?;
            if rustix::fs::unlinkat(&dir, name, AtFlags::REMOVEDIR).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// The stamp of what stands at `path`.
    pub fn stamp(&self, path: &[u8]) -> Option<Stamp> {
        let meta = fs::symlink_metadata(self.top().join(OsStr::from_bytes(path)));
        meta.ok().map(|meta| Stamp::of(&meta))
    }

    /// Waits for the next tick of the file system's clock: whoever changes a file after it leaves
    /// another stamp.
    pub fn tick(&self) -> io::Result<()> {
        let (probe, began) = (self.bin().join("tick"), Instant::now());
        let now = || {
            fs::write(&probe, b"tick")?;
            Ok::<_, io::Error>(Stamp::of(&fs::symlink_metadata(&probe)?).changed)
        };
        let first = now()?;
        while now()? == first && began.elapsed() < COARSEST {
            thread::sleep(LOOK);
        }
        fs::remove_file(&probe)
    }

    /// Removes it with all that is in it.
    pub fn remove(mut self) -> Result<()> {
        let outer = self.outer.clone();
        self.sweep().with_context(|| format!("remove {}: do it yourself", outer.display()))
    }

    /// Where directories are whose removal is to come. It goes with all that is in it.
    fn bin(&self) -> PathBuf {
        self.outer.join("gone")
    }

    /// Makes room at `path`: nothing stands there, and its directory does.
    fn room<'p>(&mut self, path: &'p [u8]) -> io::Result<(OwnedFd, &'p [u8])> {
        let (dir, name) = self.parent(path)?;
        self.take_away(&dir, name)?;
        Ok((dir, name))
    }

    /// Opens the directory that `path` lies in; what is missing of it is made.
    fn parent<'p>(&mut self, path: &'p [u8]) -> io::Result<(OwnedFd, &'p [u8])> {
        let outer = rustix::fs::openat(CWD, &self.outer, DIRECTORY, Mode::empty())?;
        let mut dir = self.enter(&outer, b"worktree")?;
        let mut rest = path;
        while let Some(at) = rest.iter().position(|byte| *byte == b'/') {
            dir = self.enter(&dir, &rest[..at])?;
            rest = &rest[at + 1..];
        }
        Ok((dir, rest))
    }

    fn enter(&mut self, dir: &OwnedFd, name: &[u8]) -> io::Result<OwnedFd> {
        match kind_and_mode(dir, name)? {
            Some((FileType::Directory, mode)) if mode & 0o700 == 0o700 => {}
            Some((FileType::Directory, mode)) => {
                rustix::fs::chmodat(dir, name, Mode::from_raw_mode(mode | 0o700), AtFlags::empty())?;
            }
            _ => {
                self.take_away(dir, name)?;
                rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o777))?;
            }
        }
        Ok(rustix::fs::openat(dir, name, DIRECTORY, Mode::empty())?)
    }

    fn take_away(&mut self, dir: &OwnedFd, name: &[u8]) -> io::Result<()> {
        match kind_and_mode(dir, name)? {
            None => Ok(()),
            Some((FileType::Directory, _)) => {
                // To move a directory is to write to it: its `..` changes.
                rustix::fs::chmodat(dir, name, Mode::RWXU, AtFlags::empty())?;
                let to = self.next_gone();
                rustix::fs::renameat(dir, name, CWD, &to)?;
                self.empty(to)
            }
            Some(_) => Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?),
        }
    }

    /// Removes a directory in `gone`. What lies deeper is moved up first, so no depth is too deep.
    fn empty(&mut self, dir: PathBuf) -> io::Result<()> {
        let mut todo = vec![dir];
        while let Some(dir) = todo.pop() {
            let entries = fs::read_dir(&dir)?.collect::<io::Result<Vec<_>>>()?;
            for entry in entries {
                match entry.file_type()?.is_dir() {
                    true => todo.push(self.move_up(&entry.path())?),
                    false => fs::remove_file(entry.path())?,
                }
            }
            fs::remove_dir(&dir)?;
        }
        Ok(())
    }

    fn move_up(&mut self, dir: &Path) -> io::Result<PathBuf> {
        fs::set_permissions(dir, Permissions::from_mode(0o700))?;
        let to = self.next_gone();
        fs::rename(dir, &to)?;
        Ok(to)
    }

    fn next_gone(&mut self) -> PathBuf {
        self.gone += 1;
        self.bin().join(self.gone.to_string())
    }

    fn sweep(&mut self) -> io::Result<()> {
        let outer = match rustix::fs::openat(CWD, &self.outer, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            outer => outer?,
        };
        let taken = self.take_away(&outer, b"worktree");
        // What an error left there gets a second chance; the last line tells if that was not enough.
        let _ = fs::remove_dir_all(self.bin());
        fs::remove_dir(&self.outer).map_err(|error| taken.err().unwrap_or(error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // After `remove` there is nothing left. On an error's way out the error is what counts.
        let _ = self.sweep();
    }
}

/// How a directory is opened: never through a link.
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What stands at a name, if anything does; a link is a link.
fn kind_and_mode(dir: &OwnedFd, name: &[u8]) -> io::Result<Option<(FileType, RawMode)>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some((FileType::from_raw_mode(stat.st_mode), stat.st_mode & 0o7777))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory of a test's own that holds the scratch, and is removed with it.
    struct Temp(PathBuf);

    impl Temp {
        fn new() -> Self {
            let dir = std::env::temp_dir().join(format!("t-{}", digest::hex(&backoff::random::<8>())));
            fs::create_dir(&dir).unwrap();
            Self(dir.canonicalize().unwrap())
        }

        fn names(&self) -> Vec<std::ffi::OsString> {
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        }
    }

    impl Drop for Temp {
        fn drop(&mut self) {
            let _gone = fs::remove_dir_all(&self.0);
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn it_is_private_and_goes_with_its_value() {
        let temp = Temp::new();
        let mut scratch = Scratch::new(&temp.0).unwrap();
        assert_eq!(fs::metadata(scratch.outer()).unwrap().mode() & 0o7777, 0o700);
        scratch.file(b"a/b/c", b"c", Run::MayNot).unwrap();
        symlink("/", scratch.top().join("a/root")).unwrap();
        for dir in ["a/b", "a", ""] {
            set_mode(&scratch.top().join(dir), 0o500);
        }
        assert_eq!(temp.names().len(), 1);
        drop(scratch);
        assert!(temp.names().is_empty());
    }

    #[test]
    fn no_depth_is_too_deep_to_be_removed() {
        let temp = Temp::new();
        let mut scratch = Scratch::new(&temp.0).unwrap();
        let deep = [vec![b'd'; 200].as_slice(), b"/"].concat().repeat(300);
        scratch.file(&[&deep, b"e/".repeat(2000).as_slice(), b"f"].concat(), b"", Run::May).unwrap();
        scratch.remove().unwrap();
        assert!(temp.names().is_empty());
    }

    #[test]
    fn what_stands_in_the_way_goes_and_what_a_link_leads_to_stays() {
        let temp = Temp::new();
        let outside = temp.0.join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("b"), "theirs").unwrap();
        let mut scratch = Scratch::new(&temp.0).unwrap();
        let at = |name: &str| scratch.top().join(name);
        symlink(&outside, at("a")).unwrap();
        symlink(outside.join("b"), at("c")).unwrap();
        fs::create_dir_all(at("d/e")).unwrap();
        symlink(&outside, at("d/e/out")).unwrap();
        scratch.file(b"a/b", b"ours", Run::MayNot).unwrap();
        scratch.file(b"c", b"ours", Run::MayNot).unwrap();
        scratch.file(b"d", b"ours", Run::MayNot).unwrap();
        scratch.file(b"a/b/c", b"deeper", Run::MayNot).unwrap();
        assert_eq!(fs::read(outside.join("b")).unwrap(), b"theirs");
        assert_eq!(fs::read(scratch.top().join("c")).unwrap(), b"ours");
        assert_eq!(fs::read(scratch.top().join("a/b/c")).unwrap(), b"deeper");
        scratch.clear(b"a/b/c").unwrap();
        assert!(!scratch.top().join("a").exists(), "empty directories go along");
    }

    #[test]
    fn a_directory_behind_a_link_is_not_entered() {
        let temp = Temp::new();
        let mut scratch = Scratch::new(&temp.0).unwrap();
        scratch.file(b"src/deep/a", b"", Run::MayNot).unwrap();
        symlink("src", scratch.top().join("link")).unwrap();
        assert_eq!(scratch.dir_at(b"src/deep"), scratch.top().join("src/deep"));
        for path in [&b""[..], b"link", b"link/deep", b"none", b"src/deep/a"] {
            assert_eq!(scratch.dir_at(path), scratch.top(), "{path:?}");
        }
    }

    #[test]
    fn after_a_tick_no_change_leaves_the_same_stamp() {
        let temp = Temp::new();
        let mut scratch = Scratch::new(&temp.0).unwrap();
        scratch.file(b"a", b"one", Run::MayNot).unwrap();
        let before = scratch.stamp(b"a").unwrap();
        scratch.tick().unwrap();
        assert_eq!(scratch.stamp(b"a"), Some(before));
        fs::write(scratch.top().join("a"), "two").unwrap();
        assert_ne!(scratch.stamp(b"a"), Some(before));
    }
}
