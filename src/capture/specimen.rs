//! Keeps what agents send, for whoever writes a test or reports a bug: only where the user names a
//! directory for it, and redacted as everything is that we write.

use std::path::Path;

use anyhow::{Context, Result};

use crate::disk::backoff::random;
use crate::disk::clock;
use crate::disk::file::{self, Durability};
use crate::model::{digest, redact};

/// Writes one payload into `dir`, under a name that sorts by time.
pub fn keep(dir: &Path, agent: &str, json: &[u8]) -> Result<()> {
    file::private_dir(dir)?;
    let clean = redact::json_line(json).into_inner();
    let name = format!("{}-{agent}-{}.json", clock::now().0, digest::hex(&random::<4>()));
    let path = dir.join(name);
    file::write_new(&path, &clean, Durability::Buffered).with_context(|| format!("write {}", path.display()))
}
