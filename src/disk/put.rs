//! Puts files, links and directories in their places, relative to an open directory: no link is
//! followed on the way, nothing is replaced that the caller did not mean, and what was replaced is
//! never gone before somebody looked at it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, StatxFlags};
use rustix::io::Errno;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Whether directories that are missing are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Fail,
    /// As the umask has it.
    Make,
}

/// What stands at a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// A plain file and its permission bits.
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    Link {
        target: Vec<u8>,
    },
    Directory,
    /// A FIFO, a socket, a device.
    Special,
}

/// Opens a directory that the caller named; links on the way are the caller's own.
pub fn open_top(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Opens the directory `path` below `top`, name by name.
pub fn open_below(top: BorrowedFd<'_>, path: &[u8], missing: Missing) -> io::Result<OwnedFd> {
    let mut here = rustix::fs::openat(top, c".", DIRECTORY, Mode::empty())?;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        here = match rustix::fs::openat(&here, name, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) if missing == Missing::Make => {
                match rustix::fs::mkdirat(&here, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                rustix::fs::openat(&here, name, DIRECTORY, Mode::empty())?
            }
            opened => opened?,
        };
    }
    Ok(here)
}

/// The directory a path lies in, and its last name.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// What sort of thing has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Nothing,
    File,
    Link,
    Directory,
    Special,
}

/// Looks at a name without reading what is there.
pub fn look_at_kind(spot: Spot<'_>) -> io::Result<Sort> {
    use rustix::fs::FileType;
    let stat = match rustix::fs::statat(spot.dir, spot.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Sort::Nothing),
        stat => stat?,
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Sort::File,
        FileType::Directory => Sort::Directory,
        FileType::Symlink => Sort::Link,
        _ => Sort::Special,
    })
}

/// Looks at a name and reads what is there. Never waits, never follows a link.
pub fn look(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<Found> {
    match look_at_kind(Spot { dir, name })? {
        Sort::File => {}
        Sort::Nothing => return Ok(Found::Nothing),
        Sort::Directory => return Ok(Found::Directory),
        Sort::Special => return Ok(Found::Special),
        Sort::Link => {
            let target = rustix::fs::readlinkat(dir, name, Vec::new())?.into_bytes();
            return Ok(Found::Link { target });
        }
    }
    let mut file = open_file(dir, name)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(Found::Special);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Found::File { bytes, mode: permissions(&file)? })
}

/// Opens a plain file for reading.
pub fn open_file(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?))
}

/// Writes a file that must not exist yet. `mode` is cut by the umask; `like` are the permission bits
/// of the file it is to replace, which it gets as they are.
pub fn new_file(
    dir: BorrowedFd<'_>,
    name: &[u8],
    bytes: &[u8],
    mode: u32,
    like: Option<u32>,
) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(mode))?);
    file.write_all(bytes)?;
    if let Some(like) = like {
        rustix::fs::fchmod(&file, Mode::from_raw_mode(like))?;
    }
    Ok(file)
}

/// Makes a link that must not exist yet.
pub fn new_link(dir: BorrowedFd<'_>, name: &[u8], target: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::symlinkat(target, dir, name)?)
}

/// A name in an open directory.
#[derive(Clone, Copy)]
pub struct Spot<'a> {
    pub dir: BorrowedFd<'a>,
    pub name: &'a [u8],
}

/// Moves what is at `from` to `to`, where nothing may be.
pub fn move_new(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    match rustix::fs::renameat_with(from.dir, from.name, to.dir, to.name, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            // A second name is never given to what has one already, so this replaces nothing either.
            rustix::fs::linkat(from.dir, from.name, to.dir, to.name, AtFlags::empty())?;
            Ok(rustix::fs::unlinkat(from.dir, from.name, AtFlags::empty())?)
        }
        moved => Ok(moved?),
    }
}

/// Moves a plain file to another file system, where nothing may be yet. Its copy is synced first.
pub fn copy_new(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    let mut bytes = Vec::new();
    open_file(from.dir, from.name)?.read_to_end(&mut bytes)?;
    new_file(to.dir, to.name, &bytes, 0o600, None)?.sync_all()?;
    remove(from)
}

/// Gives what is at `from` the name `to`, whatever had it.
pub fn rename(from: Spot<'_>, to: Spot<'_>) -> io::Result<()> {
    Ok(rustix::fs::renameat(from.dir, from.name, to.dir, to.name)?)
}

/// What became of what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It has the other name now.
    Exchanged,
    /// It is gone: this file system cannot exchange two names.
    Gone,
}

/// Gives what is at `new` the name `old`, and the other way round.
pub fn exchange(new: Spot<'_>, old: Spot<'_>) -> io::Result<Replaced> {
    match rustix::fs::renameat_with(new.dir, new.name, old.dir, old.name, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Replaced::Exchanged),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rustix::fs::renameat(new.dir, new.name, old.dir, old.name)?;
            Ok(Replaced::Gone)
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes a file's or a link's name away; that there is none is as good.
pub fn remove(spot: Spot<'_>) -> io::Result<()> {
    gone(rustix::fs::unlinkat(spot.dir, spot.name, AtFlags::empty()))
}

/// Takes an empty directory away; says whether it is gone.
pub fn remove_dir(spot: Spot<'_>) -> io::Result<bool> {
    match rustix::fs::unlinkat(spot.dir, spot.name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::BUSY) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn gone(removed: rustix::io::Result<()>) -> io::Result<()> {
    match removed {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sets a plain file's permission bits.
pub fn set_mode(spot: Spot<'_>, mode: u32) -> io::Result<()> {
    let file = open_file(spot.dir, spot.name)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?)
}

/// The permission bits of what is open.
pub fn permissions(open: impl AsFd) -> io::Result<u32> {
    Ok(rustix::fs::fstat(open)?.st_mode & 0o7777)
}

/// Sets the permission bits of an open directory.
pub fn set_dir_mode(dir: &OwnedFd, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::fchmod(dir, Mode::from_raw_mode(mode))?)
}

/// Whether names in an open directory may be changed by us.
pub fn is_writable(dir: &OwnedFd) -> bool {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::accessat(dir, c".", access, AtFlags::EACCESS).is_ok()
}

/// Where names can be moved to from a directory: two mounts of one device are two worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount {
    device: (u32, u32),
    /// 0 from kernels that do not tell (before 5.8).
    id: u64,
}

/// Which mount a directory lies on.
pub fn mount(dir: impl AsFd) -> io::Result<Mount> {
    let about = rustix::fs::statx(dir, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    let told = about.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    let id = if told { about.stx_mnt_id } else { 0 };
    Ok(Mount { device: (about.stx_dev_major, about.stx_dev_minor), id })
}

/// The names in a directory.
pub fn names(dir: &OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(dir)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if !matches!(name.as_slice(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Makes everything on the file system of `dir` durable.
pub fn sync_all(dir: &OwnedFd) -> io::Result<()> {
    Ok(rustix::fs::syncfs(dir)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn scratch(name: &str) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("trace-put-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        dir
    }

    #[test]
    fn no_link_is_followed_on_the_way() {
        let dir = scratch("links");
        fs::create_dir(dir.join("real")).unwrap();
        std::os::unix::fs::symlink("real", dir.join("link")).unwrap();
        let top = open_top(&dir).unwrap();
        assert!(open_below(top.as_fd(), b"link", Missing::Make).is_err());
        assert!(open_below(top.as_fd(), b"link/deep", Missing::Make).is_err());
        let deep = open_below(top.as_fd(), b"real/deep/er", Missing::Make).unwrap();
        drop(new_file(deep.as_fd(), b"f", b"bytes", 0o666, Some(0o640)).unwrap());
        let found = look(deep.as_fd(), b"f").unwrap();
        assert_eq!(found, Found::File { bytes: b"bytes".to_vec(), mode: 0o640 });
        assert!(look(top.as_fd(), b"link").unwrap() == Found::Link { target: b"real".to_vec() });
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn nothing_is_replaced_unless_it_was_meant() {
        let dir = scratch("replace");
        let top = open_top(&dir).unwrap();
        let at = |name: &'static [u8]| Spot { dir: top.as_fd(), name };
        for (name, bytes) in [("a", "one"), ("b", "two")] {
            fs::write(dir.join(name), bytes).unwrap();
        }
        assert!(move_new(at(b"a"), at(b"b")).is_err());
        assert_eq!(exchange(at(b"a"), at(b"b")).unwrap(), Replaced::Exchanged);
        assert_eq!(fs::read(dir.join("a")).unwrap(), b"two");
        move_new(at(b"a"), at(b"c")).unwrap();
        remove(at(b"a")).unwrap();
        assert!(!remove_dir(at(b"c")).unwrap());
        assert_eq!(names(&top).unwrap().len(), 2);
        fs::remove_dir_all(dir).unwrap();
    }
}
