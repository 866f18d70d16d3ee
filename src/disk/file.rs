//! Files that are whole or absent: private directories, atomic replacement, syncs by name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use rustix::fs::OFlags;

use super::{backoff, order};
use crate::model::digest;

/// How the names of temporaries begin.
pub const TEMPORARY: &str = ".tmp-";

/// What is lost if the power goes right after a write returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: the bytes and their name are on the device.
    Synced,
    /// Perhaps this write, but nothing that is synced after it outlives it. Only where the order
    /// [`order::is_kept`].
    Ordered,
    /// Perhaps this write. A killed process loses nothing.
    Buffered,
}

/// Makes `dir` and its missing parents, 0700 whatever the umask.
pub fn private_dir(dir: &Path) -> Result<()> {
    match fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_dir() => return Ok(()),
        Ok(_) => anyhow::bail!("{} is not a directory", dir.display()),
        Err(_) => {}
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("make directory {}", dir.display()))
}

/// Opens for reading what must be a regular file, not a link to one, and never waits for it.
pub fn open_regular(path: &Path) -> io::Result<File> {
    regular(path).map(|(file, _)| file)
}

/// The same, and how long it is.
fn regular(path: &Path) -> io::Result<(File, u64)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok((file, meta.len())),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

/// Reads a regular file of at most `cap` bytes; `None` if there is none.
pub fn read(path: &Path, cap: u64) -> Result<Option<Vec<u8>>> {
    let context = || format!("read {}", path.display());
    let (file, len) = match regular(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(context),
    };
    // One byte more than there are: if it stays empty, that was all.
    let mut bytes = vec![0; usize::try_from(len.min(cap)).unwrap_or(0) + 1];
    let there = fill(&file, &mut bytes).with_context(context)?;
    if there < bytes.len() {
        bytes.truncate(there);
    } else {
        let from = u64::try_from(there).unwrap_or(u64::MAX);
        (&file).seek(SeekFrom::Start(from)).with_context(context)?;
        file.take((cap + 1).saturating_sub(from)).read_to_end(&mut bytes).with_context(context)?;
    }
    match u64::try_from(bytes.len()).unwrap_or(u64::MAX) > cap {
        true => anyhow::bail!("{} is larger than {cap} bytes", path.display()),
        false => Ok(Some(bytes)),
    }
}

/// Beyond this, half of a file each is read by two threads: what takes the time is that the memory is
/// new, 4 KiB by 4 KiB.
const WIDE: usize = 1 << 20;

/// Fills `bytes` from the beginning of `file`, as far as there is something.
fn fill(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    if bytes.len() < WIDE {
        return read_at(file, bytes, 0);
    }
    let (left, right) = bytes.split_at_mut(bytes.len() / 2);
    let (half, middle) = (left.len(), u64::try_from(left.len()).unwrap_or(u64::MAX));
    let (first, second) = thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, || read_at(file, right, middle)).ok();
        let first = read_at(file, left, 0);
        (first, other.and_then(|other| other.join().ok()))
    });
    let (first, second) = (first?, second.unwrap_or_else(|| read_at(file, right, middle))?);
    Ok(if first < half { first } else { half + second })
}

fn read_at(file: &File, bytes: &mut [u8], from: u64) -> io::Result<usize> {
    let mut there = 0;
    while there < bytes.len() {
        let at = from + u64::try_from(there).unwrap_or(u64::MAX);
        match file.read_at(&mut bytes[there..], at) {
            Ok(0) => break,
            Ok(n) => there += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}

/// Puts `bytes` at `path` so that readers see the old content or the new, never a mixture.
///
/// The temporary lies beside its target, since a rename across file systems is none.
pub fn replace(path: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    let temporary = beside(path);
    let written = write_new(&temporary, bytes, durability).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // Best effort: a leftover is swept by maintenance.
        let _ = fs::remove_file(&temporary);
        return Err(error).with_context(|| format!("write {}", path.display()));
    }
    match (durability, path.parent()) {
        (Durability::Synced, Some(dir)) => sync_dir(dir),
        _ => Ok(()),
    }
}

/// Puts `bytes` at `path` as [`replace`] does, but as a file of the user's own: with the permissions it
/// has there, else with those that new files get.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<()> {
    own(path, bytes, 0o666, fs::metadata(path).ok().map(|before| before.permissions()))
}

/// Puts a program of the user's own at `path`, as a whole: everybody may run it who may read it.
pub fn program(path: &Path, bytes: &[u8]) -> Result<()> {
    own(path, bytes, 0o777, None)
}

/// `mode`: what the umask leaves of it are the permissions, unless some are given.
fn own(path: &Path, bytes: &[u8], mode: u32, permissions: Option<fs::Permissions>) -> Result<()> {
    let temporary = beside(path);
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let write = || {
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(mode).custom_flags(flags).open(&temporary)?;
        permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    let written = write();
    if written.is_err() {
        // Best effort: it is nobody's, and is named so.
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("write {}", path.display()))
}

/// Puts `bytes` at `path` as git writes its configuration: under `<path>.lock`, with the permissions
/// that it has.
pub fn reconfigure(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = PathBuf::from(name);
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let opened = OpenOptions::new().write(true).create_new(true).custom_flags(flags).open(&lock);
    let mut file = opened.with_context(|| {
        format!("lock {}: if no git is at work, remove {}", path.display(), lock.display())
    })?;
    let mut write = || {
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&lock, path)
    };
    let written = write();
    if written.is_err() {
        // The lock is ours: git would wait for it in vain.
        let _ = fs::remove_file(&lock);
    }
    written.with_context(|| format!("write {}", path.display()))
}

/// Puts `bytes` at `path` unless something is there already; says which of the two happened.
pub fn create(path: &Path, bytes: &[u8], durability: Durability) -> Result<Created> {
    create_of(path, std::iter::once(Ok(bytes)), durability)
}

/// The same with bytes that come in pieces; if one does not come there is no file.
pub fn create_of(
    path: &Path,
    pieces: impl Iterator<Item = Result<impl AsRef<[u8]>>>,
    durability: Durability,
) -> Result<Created> {
    let context = || format!("create {}", path.display());
    let temporary = beside(path);
    if let Err(error) = write_of(&temporary, pieces, durability) {
        // Best effort: it is nobody's, and is named so.
        let _ = fs::remove_file(&temporary);
        return Err(error).with_context(context);
    }
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary).with_context(context)?;
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::WasThere),
        Err(error) => return Err(error).with_context(context),
    }
    if let (Durability::Synced, Some(dir)) = (durability, path.parent()) {
        sync_dir(dir)?;
    }
    Ok(Created::New)
}

/// What became of a [`create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The file holds our bytes, and held them from its first moment on.
    New,
    /// Somebody else's file is there; ours was not written.
    WasThere,
}

/// Writes a file that must not exist yet, 0600.
pub fn write_new(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    unsettled(path, bytes)?.settle(durability)
}

/// A file that was written and may still be lost with the power.
#[must_use = "nothing of it is durable before it settled"]
pub struct Unsettled(File);

/// Writes a file that must not exist yet, 0600, and does not wait for it.
pub fn unsettled(path: &Path, bytes: &[u8]) -> io::Result<Unsettled> {
    let mut file = new(path)?;
    file.write_all(bytes)?;
    Ok(Unsettled(file))
}

impl Unsettled {
    /// Has the device begin with it: what is begun together is waited for once.
    pub fn begin(&self, durability: Durability) -> io::Result<()> {
        match durability {
            Durability::Synced | Durability::Ordered => order::begin(&self.0),
            Durability::Buffered => Ok(()),
        }
    }

    /// Waits for as much as `durability` asks.
    pub fn settle(&self, durability: Durability) -> io::Result<()> {
        settle(&self.0, durability)
    }
}

fn write_of(
    path: &Path,
    pieces: impl Iterator<Item = Result<impl AsRef<[u8]>>>,
    durability: Durability,
) -> Result<()> {
    let mut file = new(path)?;
    for piece in pieces {
        file.write_all(piece?.as_ref())?;
    }
    Ok(settle(&file, durability)?)
}

fn new(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)
}

fn settle(file: &File, durability: Durability) -> io::Result<()> {
    match durability {
        Durability::Synced => file.sync_all(),
        Durability::Ordered => order::write_out(file),
        Durability::Buffered => Ok(()),
    }
}

/// Makes the names in `dir` durable.
pub fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .with_context(|| format!("sync directory {}", dir.display()))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(TEMPORARY);
    name.push(digest::hex(&backoff::random::<8>()));
    path.with_file_name(name)
}

/// Adds `bytes` at the end of `path` with one write; a cache's or a record's way, without a sync.
///
/// It must be a regular file, and is never waited for: a pipe in its place would hold us up for ever.
pub fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    append_if(path, bytes, 0, |_| true).map(drop)
}

/// The same if `fits` says so of the last `most` bytes; returns how long the file then is.
pub fn append_if(
    path: &Path,
    bytes: &[u8],
    most: u64,
    fits: impl FnOnce(&[u8]) -> bool,
) -> Result<Option<u64>> {
    let opened = to_write(path, OpenOptions::new().read(most > 0).append(true));
    let written = opened.and_then(|(mut file, meta)| {
        let kept = meta.len().min(most);
        let mut end = vec![0; usize::try_from(kept).unwrap_or(0)];
        file.read_exact_at(&mut end, meta.len() - kept)?;
        if !fits(&end) {
            return Ok(None);
        }
        file.write_all(bytes)?;
        Ok(Some(meta.len() + bytes.len() as u64))
    });
    written.with_context(|| format!("append to {}", path.display()))
}

/// Writes `bytes` over what `path` holds, without a sync. Who reads it meanwhile may see half of each, so
/// only a cache that can tell is written so.
pub fn overwrite(path: &Path, bytes: &[u8]) -> Result<()> {
    let opened = to_write(path, OpenOptions::new().write(true).truncate(false));
    let written = opened.and_then(|(file, meta)| {
        file.write_all_at(bytes, 0)?;
        match bytes.len() as u64 {
            len if len < meta.len() => file.set_len(len),
            _ => Ok(()),
        }
    });
    written.with_context(|| format!("write {}", path.display()))
}

/// Opens or makes a regular file, 0600, and waits for nothing.
fn to_write(path: &Path, how: &mut OpenOptions) -> io::Result<(File, fs::Metadata)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = how.create(true).mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok((file, meta)),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_length_is_read_as_it_is_and_one_that_is_too_long_not_at_all() {
        let path = std::env::temp_dir().join(format!("trace-wide-{}", std::process::id()));
        for length in [0, 1, WIDE - 1, WIDE, WIDE + 1, 3 * WIDE + 7] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            fs::write(&path, &bytes).unwrap();
            let cap = length as u64;
            assert!(read(&path, cap).unwrap().as_ref() == Some(&bytes), "{length} bytes");
            assert!(length == 0 || read(&path, cap - 1).is_err(), "{length} bytes");
            // It is shorter, or longer, than it was said to be.
            let (file, mut room) = (File::open(&path).unwrap(), vec![0; length + WIDE]);
            assert_eq!(fill(&file, &mut room).unwrap(), length);
            assert!(room[..length] == bytes, "{length} bytes");
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_of_which_a_piece_does_not_come_is_not_there() {
        let dir = std::env::temp_dir().join(format!("trace-file-{}", std::process::id()));
        private_dir(&dir).unwrap();
        let path = dir.join("talk");
        let pieces = [Ok("one\n"), Err(anyhow::anyhow!("damaged"))];
        assert!(create_of(&path, pieces.into_iter(), Durability::Buffered).is_err());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "nor is anything else");
        let pieces = ["one\n", "two\n"].map(Ok);
        assert_eq!(create_of(&path, pieces.into_iter(), Durability::Buffered).unwrap(), Created::New);
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        let again = create(&path, b"other", Durability::Buffered).unwrap();
        assert_eq!((again, fs::read(&path).unwrap()), (Created::WasThere, b"one\ntwo\n".to_vec()));
        fs::remove_dir_all(dir).unwrap();
    }
}
