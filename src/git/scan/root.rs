//! Opens what lies below the worktree's top without following a symbolic link on the way.
//!
//! A directory may be swapped for a link at any moment, so a path is never trusted because it was
//! looked at before: the kernel resolves it and refuses links, or we walk it name by name.

use super::super::table::Stat;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The worktree's top.
#[derive(Debug)]
pub(in crate::git) struct Root {
    top: OwnedFd,
    /// The kernel has no `openat2`, or something forbids it.
    by_name: AtomicBool,
}

/// What a name in a directory stands for, as the directory says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) enum Sort {
    File,
    Directory,
    /// A link, a FIFO, a socket, a device.
    Other,
}

const PLAIN: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW).union(OFlags::NOCTTY);

impl Root {
    /// Opens the top; it is the user's, and may be reached through links.
    pub fn open(work_tree: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = rustix::fs::open(work_tree, flags, Mode::empty())?;
        Ok(Self { top, by_name: AtomicBool::new(!cfg!(target_os = "linux")) })
    }

    /// The top's descriptor.
    pub fn top(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }

    /// The top for very many calls. If it is where this process stands, the kernel is spared counting
    /// who holds a descriptor, which among threads is a tenth of an `lstat`.
    pub fn nearest(&self) -> BorrowedFd<'_> {
        let place = |at: BorrowedFd<'_>| {
            let stat = rustix::fs::statat(at, c".", AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some((stat.st_dev, stat.st_ino))
        };
        match place(CWD) {
            Some(here) if place(self.top()) == Some(here) => CWD,
            _ => self.top(),
        }
    }

    /// Opens a directory for listing and for what is in it.
    pub fn dir(&self, path: &[u8]) -> Result<OwnedFd> {
        let flags = PLAIN | OFlags::DIRECTORY;
        if path.is_empty() {
            return rustix::fs::openat(&self.top, c".", flags, Mode::empty());
        }
        self.resolve(path, flags)
    }

    /// Opens a file for reading. The caller has seen that it is a plain file, and checks again.
    pub fn file(&self, path: &[u8]) -> Result<OwnedFd> {
        self.resolve(path, PLAIN | OFlags::NONBLOCK)
    }

    /// Opens the directory that `path` lies in, and gives the last name.
    pub fn parent<'p>(&self, path: &'p [u8]) -> Result<(OwnedFd, &'p [u8])> {
        let (dir, name) = split(path);
        Ok((self.dir(dir)?, name))
    }

    /// `lstat` of a path; a link on the way makes it absent.
    pub fn stat(&self, path: &[u8]) -> Result<Stat> {
        let (dir, name) = self.parent(path)?;
        rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| from_system(&stat))
    }

    /// `lstat` of a path by the quick way, through whatever links there are: a hint, no proof.
    pub fn glance(&self, path: &[u8]) -> Result<Stat> {
        rustix::fs::statat(&self.top, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| from_system(&stat))
    }

    fn resolve(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
        if !self.by_name.load(Ordering::Relaxed) {
            match self.resolve_at_once(path, flags) {
                Err(Errno::NOSYS | Errno::PERM) => self.by_name.store(true, Ordering::Relaxed),
                Err(Errno::NAMETOOLONG | Errno::AGAIN) => {}
                opened => return opened,
            }
        }
        let (dirs, name) = split(path);
        let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut above: Option<OwnedFd> = None;
        for dir in dirs.split(|byte| *byte == b'/').filter(|dir| !dir.is_empty()) {
            let from = above.as_ref().map_or(self.top.as_fd(), AsFd::as_fd);
            above = Some(rustix::fs::openat(from, dir, step, Mode::empty())?);
        }
        let from = above.as_ref().map_or(self.top.as_fd(), AsFd::as_fd);
        rustix::fs::openat(from, name, flags, Mode::empty())
    }

    #[cfg(target_os = "linux")]
    fn resolve_at_once(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        rustix::fs::openat2(&self.top, path, flags, Mode::empty(), resolve)
    }

    #[cfg(not(target_os = "linux"))]
    fn resolve_at_once(&self, _: &[u8], _: OFlags) -> Result<OwnedFd> {
        Err(Errno::NOSYS)
    }
}

/// Lists a directory: every name but `.` and `..`, and what it stands for.
pub(in crate::git) fn list(dir: &OwnedFd) -> Result<Vec<(Vec<u8>, Sort)>> {
    use rustix::fs::FileType;
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                match rustix::fs::statat(dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(Errno::NOENT) => continue,
                    Err(error) => return Err(error),
                }
            }
            known => known,
        };
        let sort = match kind {
            FileType::RegularFile => Sort::File,
            FileType::Directory => Sort::Directory,
            _ => Sort::Other,
        };
        names.push((name.to_vec(), sort));
    }
    Ok(names)
}

/// A path's directory and its last name.
pub(in crate::git) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// A name in a directory, as a path.
pub(in crate::git) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

/// True if nothing is at a path, or a link or a file stands in its way.
pub(in crate::git) fn is_absent(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

/// The system's stat in ours.
#[allow(clippy::unnecessary_cast, reason = "the types of the fields differ between systems")]
pub(in crate::git) fn from_system(stat: &rustix::fs::Stat) -> Stat {
    let nanos = |secs: i64, nanos: i64| secs.saturating_mul(1_000_000_000).saturating_add(nanos);
    Stat {
        mtime: nanos(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctime: nanos(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        size: stat.st_size as u64,
        ino: stat.st_ino as u64,
        mode: stat.st_mode as u32,
    }
}

/// The stat of what is open.
pub(in crate::git) fn fstat(file: &OwnedFd) -> Option<Stat> {
    rustix::fs::fstat(file).ok().map(|stat| from_system(&stat))
}
