//! One `lstat` for every known path: which of them are as they were?
//!
//! The sweep is most of what a scan costs, so it runs on several threads, allocates nothing per
//! path, and compares in place. It goes through links as any path does; what it says of a path
//! below a directory that became a link is corrected by whoever reads the answer.

use super::super::table::{Part, Row, Stat, Table};
use super::root::{Root, from_system, is_absent};
use crate::model::change::Reason;
use rustix::fs::AtFlags;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::time::Instant;

/// What became of a known path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody looked.
    #[default]
    Unknown,
    Same,
    /// Something differs, or the stat proves nothing.
    Changed,
    /// Nothing is there, or a directory where a file was, or the reverse.
    Gone,
    /// Nothing is there, and nothing need be.
    Away,
}

/// How many paths a thread takes at once.
const PIECE: usize = 256;

/// Looks at every known path, until the deadline.
pub(super) fn sweep(root: &Root, table: &Table, threads: usize, deadline: Option<Instant>) -> Vec<Fate> {
    let mut fates = vec![Fate::Unknown; table.slots()];
    // A thread costs as much as fifty paths.
    let threads = threads.clamp(1, fates.len() / 256 + 1);
    // Pieces, and not shares: a thread that gets its processor late must not be waited for.
    let pieces = Mutex::new(fates.chunks_mut(PIECE).enumerate());
    let top = root.nearest();
    let work = || {
        while deadline.is_none_or(|deadline| Instant::now() < deadline) {
            let next = pieces.lock().map(|mut pieces| pieces.next());
            let Ok(Some((piece, fates))) = next else { return };
            for (at, fate) in fates.iter_mut().enumerate() {
                *fate = one(top, table, piece * PIECE + at);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system gives no thread, the others do its share.
            let _ = std::thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    fates
}

fn one(top: BorrowedFd<'_>, table: &Table, slot: usize) -> Fate {
    let Some(row) = table.row(slot) else { return Fate::Same };
    let path = table.c_path(slot);
    let path = if path.is_empty() { c"." } else { path };
    match (rustix::fs::statat(top, path, AtFlags::SYMLINK_NOFOLLOW), row.part) {
        (Err(error), Part::Away(None)) if is_absent(error) => Fate::Away,
        // It has come, or what kept it out of the tree may have passed.
        (_, Part::Away(_)) => Fate::Changed,
        (Ok(stat), _) => fate(&row, &from_system(&stat)),
        (Err(error), _) if is_absent(error) => Fate::Gone,
        // Whoever opens it will see what is wrong.
        (Err(_), _) => Fate::Changed,
    }
}

fn fate(row: &Row, now: &Stat) -> Fate {
    if row.stat.is_dir() != now.is_dir() && row.stat.mode != 0 {
        return Fate::Gone;
    }
    // A nested repository's commit does not show in its directory's stat, and the other reasons
    // may pass without the file changing.
    let unsettled = matches!(
        row.part,
        Part::Nested
            | Part::Skipped(
                Reason::NestedUnborn | Reason::Unreadable | Reason::CheckpointFull | Reason::TooLarge
            )
    );
    if row.dirty || unsettled || row.stat != *now { Fate::Changed } else { Fate::Same }
}

/// Nanoseconds within which two changes may bear the same time. The kernel takes times from its
/// tick, which is 10 ms at the slowest (`HZ=100`); twice that leaves room for a late tick.
const GRAIN: i64 = 20_000_000;
/// The same where the file system keeps whole seconds, or as FAT does, every other one.
const COARSE: i64 = 2_000_000_000;
/// No clock is as far ahead: such a time was set by hand, and a change now would set another.
const FUTURE: i64 = 86_400_000_000_000;

/// True if a change since `start` might not show in this stat, because its times are too young.
pub(super) fn racy(stat: &Stat, start: i64) -> bool {
    [stat.mtime, stat.ctime].into_iter().any(|time| {
        let grain = if time % 1_000_000_000 == 0 { COARSE } else { GRAIN };
        time >= start.saturating_sub(grain) && time < start.saturating_add(FUTURE)
    })
}
