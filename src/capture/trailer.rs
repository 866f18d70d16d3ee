//! The trailers that name a commit's checkpoint and session, where the user wants them: written into
//! the message before an editor shows it, and never into one that says nothing yet.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::disk::file;
use crate::model::id::SessionId;
use crate::store::home::Home;
use crate::store::tip;
use crate::wire::trailer::{self, Trailer};

/// More than a message takes that was made by people.
const CAP: u64 = 1 << 20;

/// Where git's own comments in a message begin, unless somebody set another sign: then ours come
/// behind them, and git takes them all the same.
const COMMENT: char = '#';

/// Adds the trailers to the message that git is about to commit with: `FILE [SOURCE [COMMIT]]`.
///
/// A merge, a squash and an amended commit have messages of their own, which may name others.
pub fn add(home: &Home, arguments: &[String], session: Option<&SessionId>) -> Result<()> {
    let path = PathBuf::from(arguments.first().context("prepare-commit-msg was told of no file")?);
    let source = arguments.get(1).map(String::as_str);
    if matches!(source, Some("merge" | "squash" | "commit")) || is_rebasing(&home.place.git_dir) {
        return Ok(());
    }
    let path = std::fs::canonicalize(&path).with_context(|| format!("find {}", path.display()))?;
    ensure!(path.starts_with(&home.place.git_dir), "{} is no message of this repository", path.display());
    let one = |key: &str, value: String| Trailer { key: key.to_owned(), value };
    let checkpoint = tip::read(home)?.id().map(|id| one("Trace-Checkpoint", id.to_string()));
    let session = session.map(|id| one("Trace-Session", id.to_string()));
    let trailers: Vec<Trailer> = checkpoint.into_iter().chain(session).collect();
    // Only what is text is a message that can be added to without harm.
    let message = file::read(&path, CAP)?.and_then(|bytes| String::from_utf8(bytes).ok());
    let added = message.filter(|_| !trailers.is_empty());
    match added.and_then(|message| trailer::add(&message, COMMENT, &trailers)) {
        Some(new) => file::rewrite(&path, new.as_bytes()),
        None => Ok(()),
    }
}

fn is_rebasing(git_dir: &Path) -> bool {
    ["rebase-merge", "rebase-apply"].iter().any(|name| git_dir.join(name).exists())
}
