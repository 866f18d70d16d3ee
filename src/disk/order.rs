//! Whether a file system keeps our order by itself, so that one sync does for all that came before.
//!
//! ext4 with a journal writes the changes of names in the order in which they were made: whatever
//! commits the journal, such as an fsync of any file, commits all earlier creations and renames. What
//! it does not order is the bytes of files that have no blocks yet, so those are written out here,
//! and waited for; the sync that follows makes the device keep them. Nobody else promises this.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// True if what was written out in `before` is durable as soon as a later sync in `after` returned.
///
/// Any doubt is a no: then each step is synced on its own.
pub fn is_kept(before: &Path, after: &Path) -> bool {
    let device = |dir: &Path| fs::metadata(dir).map(|meta| meta.dev()).ok();
    match (device(before), device(after)) {
        (Some(device), Some(other)) if device == other => is_ordered(device),
        _ => false,
    }
}

/// Whether the file system on a device orders what it writes. The last answer is kept: each checkpoint
/// wants to know it twice, and to ask is a fiftieth of the work of a small one.
fn is_ordered(device: u64) -> bool {
    static LAST: Mutex<Option<(u64, bool)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, is_ordered)) = last.filter(|(of, _)| *of == device) {
        return is_ordered;
    }
    let is_ordered = options(device).is_some_and(|options| has_ordered_journal(&options));
    *last = Some((device, is_ordered));
    is_ordered
}

/// What the system says of the ext4 on a device; `None` if it is none, or the system hides it.
fn options(device: u64) -> Option<String> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let link = fs::read_link(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    let name = link.file_name()?.to_str()?;
    fs::read_to_string(format!("/proc/fs/ext4/{name}/options")).ok()
}

/// A mode of `data` is listed only where there is a journal (ext4's `super.c`). Without barriers the
/// device orders nothing, and a fast commit holds less than the journal does.
fn has_ordered_journal(options: &str) -> bool {
    let has = |wanted: &str| options.lines().any(|option| option == wanted);
    has("rw") && has("barrier") && (has("data=ordered") || has("data=journal")) && !has("fast_commit")
}

/// Writes out all bytes of `file` and waits until the device took them. The device may still lose
/// them: only a sync that follows makes them durable, and only where the order [`is_kept`].
#[cfg(target_os = "linux")]
pub fn write_out(file: &File) -> io::Result<()> {
    const ALL: libc::c_uint =
        libc::SYNC_FILE_RANGE_WAIT_BEFORE | libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    range(file, ALL)
}

/// Has the device begin with the bytes of `file`, so that it takes those of several files at once.
///
/// # Errors
/// Some found no place. The system may have dropped them: who waits later waits for the others, and hears
/// nothing. That it does not know how to begin is no error.
#[cfg(target_os = "linux")]
pub fn begin(file: &File) -> io::Result<()> {
    let begun = range(file, libc::SYNC_FILE_RANGE_WRITE);
    let unknown = |error: &io::Error| matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM));
    begun.or_else(|error| if unknown(&error) { Ok(()) } else { Err(error) })
}

#[cfg(target_os = "linux")]
fn range(file: &File, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `file` is borrowed, and the call takes plain
    // integers (sync_file_range(2)), so the kernel neither reads nor writes memory of ours.
    match unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// There is nothing less than a sync here.
#[cfg(not(target_os = "linux"))]
pub fn write_out(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Nor is there a way to begin with one.
#[cfg(not(target_os = "linux"))]
pub fn begin(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_journal_with_barriers_keeps_order() {
        let whole = ["rw", "delalloc", "barrier", "data=ordered"];
        assert!(has_ordered_journal(&whole.join("\n")));
        assert!(has_ordered_journal("rw\nbarrier\ndata=journal\n"));
        for missing in [0, 2, 3] {
            let mut less = whole.to_vec();
            less.remove(missing);
            assert!(!has_ordered_journal(&less.join("\n")), "{less:?}");
        }
        for bad in ["rw\nbarrier\ndata=writeback", "rw\nnobarrier\ndata=ordered"] {
            assert!(!has_ordered_journal(bad), "{bad}");
        }
        assert!(!has_ordered_journal(&(whole.join("\n") + "\nfast_commit")));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_cannot_be_begun_is_said() {
        let path = std::env::temp_dir().join(format!("trace-begin-{}", std::process::id()));
        assert!(begin(&File::create(&path).unwrap()).is_ok());
        fs::remove_file(path).unwrap();
        assert!(begin(&File::open("/dev/null").unwrap()).is_err(), "it has no bytes on a device");
    }

    #[test]
    fn a_directory_that_is_not_there_keeps_nothing() {
        let here = std::env::temp_dir();
        assert!(!is_kept(&here, &here.join("absent")) && !is_kept(Path::new("/proc"), Path::new("/proc")));
    }
}
