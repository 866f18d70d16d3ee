//! Keeps what a caller sent and nobody could read: redacted, private, and not without end.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::home::Home;
use crate::disk::backoff::random;
use crate::disk::file::{self, Durability};
use crate::model::{digest, redact};

/// How the names of the files begin.
const PREFIX: &str = "hook-";

/// So many are kept: enough to see what a caller does wrong, whatever it sends each time.
const MOST: usize = 32;

/// So much of each is kept, bytes.
const LONGEST: usize = 1 << 20;

/// Puts `bytes` into the quarantine of the repository; `None` if there are enough already.
pub fn keep(home: &Home, bytes: &[u8]) -> Result<Option<PathBuf>> {
    let dir = home.place.quarantine();
    file::private_dir(&dir)?;
    let names = fs::read_dir(&dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    if names.filter(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes())).count() >= MOST {
        return Ok(None);
    }
    // Redacted before it is cut: half a secret is no longer known for one.
    let clean = redact::json_line(bytes).into_inner();
    let path = dir.join(format!("{PREFIX}{}", digest::hex(&random::<8>())));
    file::write_new(&path, &clean[..clean.len().min(LONGEST)], Durability::Buffered)
        .with_context(|| format!("write {}", path.display()))?;
    Ok(Some(path))
}
