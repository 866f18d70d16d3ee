//! Whether anybody else has a file open: a write lease is granted only if nobody has.
//!
//! This is what makes it safe to remove a journal file: a writer that was stopped between its
//! `open` and its `write`, for however long, still has it open.

use std::fs::File;
use std::os::fd::AsRawFd;

/// Chooses the signal that announces a broken lease (Linux, `include/uapi/asm-generic/fcntl.h`).
const F_SETSIG: libc::c_int = 10;

/// A lease on a file that nobody else had open when it was taken.
///
/// Whoever opens the file meanwhile waits until this is dropped, and then finds it unlinked.
#[must_use = "the file is only ours while the lease is held"]
pub struct Lease<'a>(&'a File);

impl<'a> Lease<'a> {
    /// Takes the lease; `None` if somebody has the file open, or leases do not exist here.
    pub fn take(file: &'a File) -> Option<Self> {
        // A broken lease announces itself by SIGIO, whose default is death; SIGURG's is to be ignored.
        let quiet = fcntl(file, F_SETSIG, libc::SIGURG);
        let granted = quiet && fcntl(file, libc::F_SETLEASE, libc::F_WRLCK);
        granted.then_some(Self(file))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        fcntl(self.0, libc::F_SETLEASE, libc::F_UNLCK);
    }
}

fn fcntl(file: &File, command: libc::c_int, argument: libc::c_int) -> bool {
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and these two commands take
    // a plain integer (fcntl(2)), so the kernel neither reads nor writes memory of ours.
    unsafe { libc::fcntl(file.as_raw_fd(), command, argument) != -1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_somebody_has_open_is_not_leased() {
        let path = std::env::temp_dir().join(format!("trace-lease-{}", std::process::id()));
        std::fs::write(&path, "x").unwrap();
        let (ours, theirs) = (File::open(&path).unwrap(), File::options().append(true).open(&path).unwrap());
        assert!(Lease::take(&ours).is_none());
        drop(theirs);
        assert!(Lease::take(&ours).is_some());
        std::fs::remove_file(path).unwrap();
    }
}
