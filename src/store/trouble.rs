//! What went wrong where nobody could be told: inside hooks. Bounded, and shown by `trace doctor`.
//!
//! It is noted in our folder. A hook that fails because nothing can be written there notes it in the
//! user's own state instead.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::disk::consent::UserState;
use crate::disk::{clock, file};
use crate::model::time::Timestamp;
use crate::model::{digest, redact};
use crate::wire::trouble::{self, Trouble};

/// One file holds so many bytes; the one before it is kept.
const FULL: u64 = 128 << 10;

/// Notes that `what` went wrong while doing `doing`, for the repository with this common git dir.
///
/// Failing to note is no failure: there is nobody left to tell.
pub fn note(common: &Path, doing: &str, what: &str) {
    let _ = write(&here(common), doing, what);
}

/// The same from a hook: in the user's state, if there is any, where our folder takes nothing.
pub fn note_anywhere(common: &Path, state: Option<&UserState>, doing: &str, what: &str) {
    if let (Err(_), Some(state)) = (write(&here(common), doing, what), state) {
        let path = elsewhere(common, state);
        let _ = path.parent().map(file::private_dir);
        let _ = write(&path, doing, what);
    }
}

/// Removes what was noted in the user's state: what lies in our folder goes with that.
pub fn forget(common: &Path, state: &UserState) {
    let path = elsewhere(common, state);
    for path in [path.with_extension("jsonl.1"), path] {
        let _ = std::fs::remove_file(path);
    }
}

fn here(common: &Path) -> PathBuf {
    common.join("trace").join("trouble.jsonl")
}

fn elsewhere(common: &Path, state: &UserState) -> PathBuf {
    let name = digest::name(&[common.as_os_str().as_encoded_bytes()]);
    state.0.join("trouble").join(format!("{name}.jsonl"))
}

fn write(path: &Path, doing: &str, what: &str) -> Result<()> {
    let text = redact::text(what.as_bytes());
    let words = String::from_utf8_lossy(text.get()).into_owned();
    let mut line = trouble::encode(&Trouble { at: clock::now(), doing: doing.to_owned(), what: words });
    line.push(b'\n');
    if std::fs::symlink_metadata(path).is_ok_and(|meta| meta.len() >= FULL) {
        let _ = std::fs::rename(path, path.with_extension("jsonl.1"));
    }
    file::append(path, &line)
}

/// What was noted, oldest first, and how many lines could not be read.
pub fn all(common: &Path, state: Option<&UserState>) -> (Vec<Trouble>, u64) {
    let mut found = Vec::new();
    let mut unreadable = 0;
    let places = [Some(here(common)), state.map(|state| elsewhere(common, state))].into_iter().flatten();
    for path in places.flat_map(|path| [path.with_extension("jsonl.1"), path]) {
        let bytes = file::read(&path, FULL * 4).ok().flatten().unwrap_or_default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match trouble::decode(line) {
                Some(trouble) => found.push(trouble),
                None => unreadable += 1,
            }
        }
    }
    found.sort_by_key(|trouble| trouble.at);
    (found, unreadable)
}

/// How many were noted since `since`.
pub fn count_since(common: &Path, since: Timestamp) -> u64 {
    let (all, _) = all(common, None);
    all.iter().filter(|trouble| trouble.at >= since).count() as u64
}
