//! The events of a worktree's chain in one file, so that a listing opens no object per checkpoint.
//!
//! A cache: sections of event lines, each closed by a line `@ <checkpoint>`. A torn end is no
//! section. It is appended to after the swap and caught up from the chain; never a second truth.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::home::Home;
use crate::disk::file;
use crate::model::oid::Oid;

/// More than a marker line takes.
const MARKER: u64 = 80;

fn path(home: &Home) -> PathBuf {
    home.place.cache().join(format!("ledger-{}", home.worktree))
}

/// The checkpoint whose section is the last; `None` if there is none or the end is torn.
pub fn last(home: &Home) -> Option<Oid> {
    let mut file = fs::File::open(path(home)).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(MARKER))).ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    let line = end.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    marker(line)
}

/// Appends the section of the checkpoint `id`, in one write.
pub fn append(home: &Home, id: Oid, lines: &[u8]) -> Result<()> {
    let mut section = lines.to_vec();
    section.extend_from_slice(format!("@ {id}\n").as_bytes());
    file::append(&path(home), &section)
}

/// Starts anew.
pub fn clear(home: &Home) -> Result<()> {
    match fs::remove_file(path(home)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("remove the ledger"),
        _ => Ok(()),
    }
}

/// The whole ledger; what is read from it borrows from here.
pub struct Ledger(Vec<u8>);

impl Ledger {
    /// Reads it; an absent one is empty.
    pub fn read(home: &Home) -> Self {
        Self(fs::read(path(home)).unwrap_or_default())
    }

    /// The sections in order, each checkpoint once: its id and its lines.
    pub fn sections(&self) -> Vec<(Oid, &[u8])> {
        let mut seen = HashSet::new();
        let mut sections = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(len) = self.0[at..].iter().position(|byte| *byte == b'\n') {
            if let Some(id) = marker(&self.0[at..at + len]) {
                if seen.insert(id) {
                    sections.push((id, &self.0[start..at]));
                }
                start = at + len + 1;
            }
            at += len + 1;
        }
        sections
    }
}

fn marker(line: &[u8]) -> Option<Oid> {
    line.strip_prefix(b"@ ").and_then(Oid::parse)
}
