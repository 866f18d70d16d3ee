//! What a program gets from the one that started it: what signals do, and open descriptors.
//!
//! Changes that for us and for those we start; sends no signal and closes nothing of ours.

use std::fs::{self, File};
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::stdio;

/// Whether somebody pressed Ctrl-C, or asked us to end, since an [`Undisturbed`] began.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What is of use of what std does before a `main` of Rust, for a program without one: the three standard
/// descriptors are open, so that no file of ours becomes one of them, and a reader that went away is an
/// error. Where there is nothing to open, it goes on as it is.
pub fn settle() {
    let (stdin, stdout, stderr) = (stdio::stdin(), stdio::stdout(), stdio::stderr());
    for standard in [stdin, stdout, stderr] {
        if fcntl_getfd(standard) == Err(Errno::BADF)
            && let Ok(nothing) = File::options().read(true).write(true).open("/dev/null")
        {
            // It has the lowest number that was free, which is the one that was missing, and like the
            // others it is there for those we start.
            let _ = fcntl_setfd(&nothing, FdFlags::empty());
            let _ = nothing.into_raw_fd();
        }
    }
    set(libc::SIGPIPE, libc::SIG_IGN);
}

/// A write beyond a limit on the size of files becomes an error, as one on a full disk is.
pub fn ignore_size_signal() {
    set(libc::SIGXFSZ, libc::SIG_IGN);
}

/// While it lives, Ctrl-C and Ctrl-\ do not end us, and what else it was begun for. Programs that we
/// start get what we had.
///
/// A handler that does next to nothing, not a signal that is ignored: exec resets a handler by itself, so
/// there is no moment in which either we or they have the wrong one.
#[must_use = "the keyboard's signals end us again when it is dropped"]
pub struct Undisturbed(Vec<(libc::c_int, libc::sighandler_t)>);

impl Undisturbed {
    /// Begins to disregard them.
    pub fn begin() -> Self {
        Self::by(&[libc::SIGINT, libc::SIGQUIT])
    }

    /// The same, and neither a hang-up nor a request to end does: [`go_on`] tells of all of them.
    pub fn until_asked_to_end() -> Self {
        Self::by(&[libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM])
    }

    fn by(signals: &[libc::c_int]) -> Self {
        INTERRUPTED.store(false, Ordering::Relaxed);
        let disregard = |signal: &libc::c_int| {
            let signal = *signal;
            let handler: extern "C" fn(libc::c_int) = note;
            let before = set(signal, handler as *const () as libc::sighandler_t);
            if before == libc::SIG_IGN {
                // Whoever ignores it means those for whom they start us.
                set(signal, libc::SIG_IGN);
            }
            (signal, before)
        };
        Self(signals.iter().map(disregard).collect())
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        for (signal, before) in self.0.iter().filter(|(_, before)| *before != libc::SIG_ERR) {
            set(*signal, *before);
        }
    }
}

/// Somebody pressed Ctrl-C: what was begun is to be left. Exit code 130.
#[derive(Debug)]
pub struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// An error if Ctrl-C was pressed since the last [`Undisturbed`] began: long work asks now and then.
pub fn go_on() -> Result<(), Interrupted> {
    match INTERRUPTED.load(Ordering::Relaxed) {
        true => Err(Interrupted),
        false => Ok(()),
    }
}

extern "C" fn note(_: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

fn set(signal: libc::c_int, action: libc::sighandler_t) -> libc::sighandler_t {
    // SAFETY: `action` is SIG_IGN, what an earlier call returned, or `note`, which has the type that
    // signal(2) asks for and stores to one atomic only, so it may run at any instruction. The call
    // itself takes integers only.
    unsafe { libc::signal(signal, action) }
}

/// Lets no program that we start from now on inherit a descriptor but the three standard ones.
///
/// What our caller left open, a lock or the other end of a pipe, is not for those who outlive it.
/// Our own are closed on exec anyway.
pub fn keep_descriptors() {
    let open = fs::read_dir("/proc/self/fd").or_else(|_| fs::read_dir("/dev/fd"));
    let names = open.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    for descriptor in names.filter_map(|name| name.parse::<libc::c_int>().ok()).filter(|n| *n > 2) {
        // SAFETY: the command takes plain integers (fcntl(2)) and changes only what a later exec does
        // with the descriptor; one that was closed meanwhile is an error that changes nothing.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inherited_descriptor_is_closed_for_those_we_start() {
        let file = fs::File::open("/dev/null").unwrap();
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        keep_descriptors();
        assert_eq!(fcntl_getfd(&file).unwrap(), FdFlags::CLOEXEC);
    }
}
