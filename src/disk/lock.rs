//! A lock on a ref: `flock(2)` on a file that is never unlinked. The only user of `fs4`.
//!
//! The swap keeps us right, the lock keeps us quick: where the file system has no locks, everything
//! works without. The kernel releases the lock when its holder dies, so its text never decides who
//! leads; it is for people, and for telling whether the owner of a stale `<ref>.lock` is gone.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::process;
use crate::model::command::Alive;
use crate::model::event::Process;

/// What became of an attempt to take a lock.
#[must_use = "dropping a held lock releases it"]
pub enum Attempt {
    /// It is ours until the guard is dropped.
    Held(RefLock),
    /// Somebody else leads.
    Busy,
    /// This file system has no locks: go on with the swap alone.
    Unsupported,
}

/// A held lock.
#[must_use = "dropping it releases the lock"]
pub struct RefLock {
    file: File,
    /// Who died while holding it: a holder that lets go wipes its record.
    before: Option<Process>,
}

impl RefLock {
    /// Tries once, never waits.
    pub fn attempt(path: &Path) -> Result<Attempt> {
        let context = || format!("lock {}", path.display());
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .with_context(context)?;
        loop {
            match fs4::FileExt::try_lock(&file) {
                Ok(()) => return Self::sign(file).map(Attempt::Held).with_context(context),
                Err(fs4::TryLockError::WouldBlock) => return Ok(Attempt::Busy),
                Err(fs4::TryLockError::Error(error)) => {
                    match error.raw_os_error().map(Errno::from_raw_os_error) {
                        Some(Errno::INTR) => {}
                        Some(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => return Ok(Attempt::Unsupported),
                        _ => return Err(error).with_context(context),
                    }
                }
            }
        }
    }

    /// True if the holder before us died at work: what it left half done is nobody's now.
    pub fn previous_holder_died(&self) -> bool {
        self.before.as_ref().is_some_and(|process| process::alive(process) == Alive::No)
    }

    fn sign(mut file: File) -> std::io::Result<Self> {
        let mut text = String::new();
        // A foreign text is no record; it is overwritten.
        let _ = Read::by_ref(&mut file).take(256).read_to_string(&mut text);
        let me = process::myself();
        let record = format!("{} {} {} {}\n", me.pid, me.start, me.boot, process::host());
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(record.as_bytes())?;
        Ok(Self { file, before: record_of(&text) })
    }
}

impl Drop for RefLock {
    fn drop(&mut self) {
        // A record that stays only makes the next holder look for a process that is gone.
        let _ = self.file.set_len(0);
    }
}

/// Free bytes of the file system that holds `path`.
pub fn available_space(path: &Path) -> Result<u64> {
    fs4::available_space(path).with_context(|| format!("ask for the free space of {}", path.display()))
}

fn record_of(text: &str) -> Option<Process> {
    let mut words = text.split(' ');
    Some(Process {
        pid: words.next()?.parse().ok()?,
        start: words.next()?.parse().ok()?,
        boot: words.next()?.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_busy_and_a_dropped_one_is_free() {
        let path = std::env::temp_dir().join(format!("trace-lock-{}", std::process::id()));
        let Attempt::Held(first) = RefLock::attempt(&path).unwrap() else { panic!("free, yet not taken") };
        assert!(matches!(RefLock::attempt(&path).unwrap(), Attempt::Busy));
        drop(first);
        let Attempt::Held(second) = RefLock::attempt(&path).unwrap() else { panic!("not released") };
        assert_eq!(second.before, None, "who let go left no record");
        drop(second);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_holder_that_died_is_noticed() {
        let path = std::env::temp_dir().join(format!("trace-lock-died-{}", std::process::id()));
        std::fs::write(&path, "4294967 1 a-boot-long-ago host\n").unwrap();
        let Attempt::Held(lock) = RefLock::attempt(&path).unwrap() else { panic!("the kernel released it") };
        assert!(lock.previous_holder_died());
        drop(lock);
        std::fs::remove_file(path).unwrap();
    }
}
