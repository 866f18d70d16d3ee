//! What went wrong where nobody could be told: inside hooks. Bounded, and shown by `trace doctor`.

use std::path::Path;

use crate::disk::{clock, file};
use crate::model::redact;
use crate::model::time::Timestamp;
use crate::wire::trouble::{self, Trouble};

/// One file holds so many bytes; the one before it is kept.
const FULL: u64 = 128 << 10;

/// Notes that `what` went wrong while doing `doing`, for the repository with this common git dir.
///
/// Failing to note is no failure: there is nobody left to tell.
pub fn note(common: &Path, doing: &str, what: &str) {
    let path = common.join("trace").join("trouble.jsonl");
    let text = redact::text(what.as_bytes());
    let words = String::from_utf8_lossy(text.get()).into_owned();
    let mut line = trouble::encode(&Trouble { at: clock::now(), doing: doing.to_owned(), what: words });
    line.push(b'\n');
    if std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.len() >= FULL) {
        let _ = std::fs::rename(&path, path.with_extension("jsonl.1"));
    }
    let _ = file::append(&path, &line);
}

/// What was noted, oldest first, and how many lines could not be read.
pub fn all(common: &Path) -> (Vec<Trouble>, u64) {
    let path = common.join("trace").join("trouble.jsonl");
    let mut found = Vec::new();
    let mut unreadable = 0;
    for path in [path.with_extension("jsonl.1"), path] {
        let bytes = file::read(&path, FULL * 4).ok().flatten().unwrap_or_default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match trouble::decode(line) {
                Some(trouble) => found.push(trouble),
                None => unreadable += 1,
            }
        }
    }
    (found, unreadable)
}

/// How many were noted since `since`.
pub fn count_since(common: &Path, since: Timestamp) -> u64 {
    let (all, _) = all(common);
    all.iter().filter(|trouble| trouble.at >= since).count() as u64
}
