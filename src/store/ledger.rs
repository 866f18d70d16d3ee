//! The events of a worktree's chain in one file, so that a listing opens no object per checkpoint.
//!
//! A cache: sections of event lines, each closed by a line `@ <checkpoint>`. A torn end is no
//! section. It is appended to after the swap and caught up from the chain; never a second truth.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bstr::ByteSlice;

use super::home::Home;
use crate::disk::file;
use crate::model::oid::Oid;

/// More than a marker line takes.
pub(super) const MARKER: u64 = 80;

fn path(home: &Home) -> PathBuf {
    home.place.cache().join(format!("ledger-{}", home.worktree))
}

/// The checkpoint whose section is the last; `None` if there is none or the end is torn.
pub fn last(home: &Home) -> Option<Oid> {
    last_marker(&path(home))
}

/// The checkpoint that the last line of a file marks, if that is a marker.
pub(super) fn last_marker(path: &Path) -> Option<Oid> {
    let mut file = file::open_regular(path).ok()?;
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

/// The ledger, or its end; what is read from it borrows from here.
#[derive(Default)]
pub struct Ledger {
    bytes: Vec<u8>,
    extent: Extent,
}

/// How much of the ledger was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    #[default]
    Whole,
    /// The newest sections; older ones were left out.
    End,
}

impl Ledger {
    /// Reads it; an absent one is empty.
    pub fn read(home: &Home) -> Self {
        let mut bytes = Vec::new();
        // What was read before an error is a prefix, as after a torn write.
        let _ = file::open_regular(&path(home)).and_then(|mut file| file.read_to_end(&mut bytes));
        Self { bytes, extent: Extent::Whole }
    }

    /// Reads the sections that lie whole in its last `most` bytes.
    pub fn end(home: &Home, most: u64) -> Self {
        Self::read_end(home, most).unwrap_or_default()
    }

    fn read_end(home: &Home, most: u64) -> std::io::Result<Self> {
        let mut file = file::open_regular(&path(home))?;
        let start = file.metadata()?.len().saturating_sub(most);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.read_to_end(&mut bytes)?;
        if start == 0 {
            return Ok(Self { bytes, extent: Extent::Whole });
        }
        // What comes before the first marker is a part of a section.
        let mut begin = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            begin += line.len();
            if marker(line.trim_ascii_end()).is_some() {
                break;
            }
        }
        bytes.drain(..begin);
        Ok(Self { bytes, extent: Extent::End })
    }

    /// How much of it this is.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The sections in order, each checkpoint once: its id and its lines.
    pub fn sections(&self) -> Vec<(Oid, &[u8])> {
        let mut seen = HashSet::new();
        let mut sections = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(len) = self.bytes[at..].find_byte(b'\n') {
            if let Some(id) = marker(&self.bytes[at..at + len]) {
                if seen.insert(id) {
                    sections.push((id, &self.bytes[start..at]));
                }
                start = at + len + 1;
            }
            at += len + 1;
        }
        sections
    }
}

/// The checkpoint that a line marks the end of.
pub(super) fn marker(line: &[u8]) -> Option<Oid> {
    line.strip_prefix(b"@ ").and_then(Oid::parse)
}
