//! Compare-and-swap of a ref, durable, by git's own protocol: `<ref>.lock` made exclusively, the old
//! value compared under it, the new one written, synced, renamed (git's `refs/files-backend.c`). Where the
//! file system keeps our order, the new value is written out, and the sync of the directory after the
//! rename does for both.
//!
//! The swap keeps us right: with no other lock at all, exactly one of any number of writers moves
//! the ref. Nothing here waits.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use super::home::Home;
use super::tip::{self, Tip};
use crate::disk::clock;
use crate::disk::file::{self, Durability};
use crate::disk::lock::RefLock;
use crate::disk::order;
use crate::model::oid::Oid;

/// What became of an attempt to move a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a swap that lost the race has moved nothing"]
pub enum Swap {
    /// The ref points at the new commit.
    Done,
    /// The ref was not where we thought, or somebody is moving it: read it again.
    Moved,
}

/// A lock file nobody can explain is left alone for so long where there is no flock to ask.
const FOREIGN: Duration = Duration::from_secs(600);

/// Under the flock only a process that does not keep our rules can own a lock file; it gets this.
const STRANGER: Duration = Duration::from_secs(10);

/// Moves the worktree's shadow from `seen` to `new`.
///
/// # Errors
/// After an error the ref may or may not have moved: only reading it tells.
pub fn swap(
    home: &Home,
    seen: &Tip,
    new: Oid,
    held: Option<&RefLock>,
    durability: Durability,
) -> Result<Swap> {
    let target = home.place.ref_file(&home.shadow());
    let context = || format!("move {}", home.shadow());
    let lock = lock_path(&target);
    let Some(claimed) = claim(home, &lock, held)? else { return Ok(Swap::Moved) };
    let written = write(home, seen, new, &claimed, durability);
    if !matches!(written, Ok(Swap::Done)) {
        // Nothing was renamed, so nothing moved. A leftover would be taken for a stale lock.
        let _ = fs::remove_file(&lock);
        return written.with_context(context);
    }
    if !still_ours(&claimed, &lock) {
        return Ok(Swap::Moved);
    }
    if fs::symlink_metadata(&target).is_ok_and(|meta| meta.is_dir()) {
        set_aside(home, &target)?;
    }
    fs::rename(&lock, &target).with_context(context)?;
    if let (Durability::Synced, Some(dir)) = (durability, target.parent()) {
        file::sync_dir(dir)?;
    }
    Ok(Swap::Done)
}

/// Compares the old value under the lock file, and puts the new one into it.
fn write(home: &Home, seen: &Tip, new: Oid, mut claimed: &File, durability: Durability) -> Result<Swap> {
    if tip::read(home)? != *seen {
        return Ok(Swap::Moved);
    }
    claimed.write_all(format!("{new}\n").as_bytes())?;
    let target = home.place.ref_file(&home.shadow());
    match (durability, target.parent()) {
        (Durability::Synced, Some(dir)) if order::is_kept(dir, dir) => order::write_out(claimed)?,
        (Durability::Synced, _) => claimed.sync_all()?,
        (Durability::Ordered, _) => order::write_out(claimed)?,
        (Durability::Buffered, _) => {}
    }
    Ok(Swap::Done)
}

/// Whether somebody is moving the ref: whatever we made now could not be swapped in.
pub fn is_claimed(home: &Home, held: Option<&RefLock>) -> bool {
    let lock = lock_path(&home.place.ref_file(&home.shadow()));
    fs::symlink_metadata(&lock).is_ok() && !is_stale(&lock, held)
}

/// Sets aside the lock file that the holder before us left when it died.
///
/// Its record is gone as soon as we let go, so this is done first, whether or not we shall swap.
pub fn heal(home: &Home, held: &RefLock) -> Result<()> {
    let lock = lock_path(&home.place.ref_file(&home.shadow()));
    match held.previous_holder_died() && fs::symlink_metadata(&lock).is_ok() {
        true => set_aside(home, &lock),
        false => Ok(()),
    }
}

fn lock_path(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Makes the lock file; `None` while somebody else has it.
fn claim(home: &Home, lock: &Path, held: Option<&RefLock>) -> Result<Option<File>> {
    for _ in 0..2 {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(lock) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                file::private_dir(lock.parent().unwrap_or(lock))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !is_stale(lock, held) {
                    return Ok(None);
                }
                set_aside(home, lock)?;
            }
            Err(error) => return Err(error).with_context(|| format!("make {}", lock.display())),
        }
    }
    bail!("{} came back at once after it was set aside", lock.display())
}

fn is_stale(lock: &Path, held: Option<&RefLock>) -> bool {
    let age = fs::symlink_metadata(lock)
        .and_then(|meta| meta.modified())
        .map(|at| SystemTime::now().duration_since(at));
    match (held, age) {
        (_, Err(_)) => false,
        (Some(held), Ok(Ok(age))) => held.previous_holder_died() || age > STRANGER,
        // From the future: the clock was set back, and nobody holds a lock for that long.
        (Some(_), Ok(Err(_))) => true,
        (None, Ok(age)) => age.is_ok_and(|age| age > FOREIGN),
    }
}

fn set_aside(home: &Home, path: &Path) -> Result<()> {
    file::private_dir(&home.place.quarantine())?;
    let kind = path.extension().map_or("ref".into(), |end| end.to_string_lossy());
    let aside = home.place.quarantine().join(format!("{kind}-{}-{}", home.worktree, clock::now().0));
    match fs::rename(path, aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("set {} aside", path.display()))
        }
        _ => Ok(()),
    }
}

fn still_ours(claimed: &File, lock: &Path) -> bool {
    match (claimed.metadata(), fs::symlink_metadata(lock)) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}
