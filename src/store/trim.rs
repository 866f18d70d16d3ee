//! Removes what is no longer needed: drained journals, and leftovers of flushes that died.
//!
//! Journals go under the worktree's lock, after a swap that is itself synced, and failing costs nothing:
//! the next leader does it. What a flush left behind goes when the next one finds that it died, and else
//! in maintenance, when it is old.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::home::Home;
use super::trouble;
use crate::disk::file;
use crate::disk::journal::{self, Found};
use crate::disk::process;
use crate::model::command::Alive;
use crate::model::cursor::Cursor;
use crate::model::event::What;
use crate::wire::frame::{self, Piece};
use crate::wire::shell;

/// A journal of an agent is left alone for so long after its last event: its next hook may come.
const QUIET: Duration = Duration::from_secs(600);

/// Looking at every journal at every flush would make a flush cost what there are sessions.
const WORTH_A_LOOK: usize = 16;

/// Removes journals that are contained up to their last byte and have no writer left.
pub fn journals(home: &Home, cursor: &Cursor) {
    if cursor.0.len() < WORTH_A_LOOK && !older_than_quiet(home) {
        return;
    }
    let Ok(listing) = journal::list(&home.journal()) else { return };
    let now = SystemTime::now();
    for mut found in listing.found {
        let contained = cursor.0.get(&found.name).map(|at| at.offset);
        if contained != Some(found.len) || found.quiet_for(now) < QUIET || has_living_shell(&mut found) {
            continue;
        }
        if let Err(error) = found.remove_if_drained(found.len) {
            trouble::note(&home.place.common, "remove a drained journal", &format!("{error:#}"));
        }
    }
}

/// Whether some journal can have been quiet for long enough: the directory itself changed long ago.
fn older_than_quiet(home: &Home) -> bool {
    let changed = fs::metadata(home.journal()).and_then(|meta| meta.modified());
    changed.is_ok_and(|at| at.elapsed().unwrap_or_default() >= QUIET)
}

/// A shell writes by name, without opening the file through us, as long as it lives.
fn has_living_shell(found: &mut Found) -> bool {
    let Ok(start) = found.read_from(0, 64 << 10) else { return true };
    let Some((stem, _)) = journal::parts(&found.name) else { return true };
    let Some(Piece::Whole(first)) = frame::split(&start).pieces.first().copied() else { return true };
    match shell::parse(first, stem, None).map(|event| event.what) {
        Ok(What::SessionSeen(seen)) => {
            seen.process.is_none_or(|process| process::alive(&process) == Alive::Yes)
        }
        // An agent's journal has no header; its hooks come and go and open it through us.
        _ => !stem.starts_with("a-"),
    }
}

/// Removes what a flush of this worktree that died left behind. Only under its lock.
pub fn sweep(home: &Home) {
    let ours = format!("{}-", home.worktree);
    for entry in fs::read_dir(home.place.incoming()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&ours) {
            remove(&entry.path());
        }
    }
}

/// Removes what was to become a pack.
pub fn remove(path: &Path) {
    // Older versions had a folder for each attempt.
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
}

/// Removes temporaries of [`file::replace`] that are over an hour old: nobody writes one for so long.
pub fn temporaries(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(file::TEMPORARY) {
            continue;
        }
        let age =
            entry.metadata().and_then(|meta| meta.modified()).map(|at| at.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age > Duration::from_secs(3600)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
