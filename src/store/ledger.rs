//! The events of a worktree's chain in one file, so that a listing opens no object per checkpoint.
//!
//! A cache: sections of event lines, each closed by a line `@ <checkpoint>`. A torn end is no
//! section. It is appended to after the swap and caught up from the chain; never a second truth.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bstr::io::BufReadExt;

use super::home::Home;
use crate::disk::file;
use crate::model::oid::Oid;

/// More than a marker line takes.
pub(super) const MARKER: u64 = 80;

/// So much of it is read at once, bytes.
const STRETCH: usize = 256 << 10;

fn path(home: &Home) -> PathBuf {
    home.place.cache().join(format!("ledger-{}", home.worktree))
}

/// The checkpoint whose section is the last; `None` if there is none or the end is torn.
pub fn last(home: &Home) -> Option<Oid> {
    last_marker(&path(home))
}

/// The checkpoint that the last line of a file marks, if that is a marker.
pub(super) fn last_marker(path: &Path) -> Option<Oid> {
    newest(&file::open_regular(path).ok()?)
}

fn newest(mut file: &File) -> Option<Oid> {
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(MARKER))).ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    closes(end.split_inclusive(|byte| *byte == b'\n').next_back()?)
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

/// The ledger, or its end. It may be long, so a section at a time is in memory.
#[derive(Default)]
pub struct Ledger {
    file: Option<File>,
    /// Where the first section begins.
    start: u64,
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
    /// All of it; an absent one is empty.
    pub fn whole(home: &Home) -> Self {
        Self { file: file::open_regular(&path(home)).ok(), ..Self::default() }
    }

    /// The sections that lie whole in its last `most` bytes.
    pub fn end(home: &Home, most: u64) -> Self {
        let whole = Self::whole(home);
        let length = whole.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |data| data.len());
        let mut end = Self { start: length.saturating_sub(most), ..whole };
        if end.start > 0 {
            end.extent = Extent::End;
            // What comes before the first marker is a part of a section.
            let mut part = 0;
            end.lines(|line| {
                part += line.len() as u64;
                closes(line).is_none()
            });
            end.start += part;
        }
        end
    }

    /// How much of it this is.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The checkpoint whose section is the last; `None` if there is none or the end is torn.
    pub fn newest(&self) -> Option<Oid> {
        newest(self.file.as_ref()?)
    }

    /// The checkpoints whose sections it has.
    pub fn checkpoints(&self) -> HashSet<Oid> {
        let mut all = HashSet::new();
        self.lines(|line| {
            all.extend(closes(line));
            true
        });
        all
    }

    /// Takes the sections in order, each checkpoint once, with its lines: up to that of `until`, or all.
    pub fn sections(&self, until: Option<Oid>, take: &mut dyn FnMut(Oid, &[u8])) {
        let (mut seen, mut section) = (HashSet::new(), Vec::new());
        self.lines(|line| {
            let Some(id) = closes(line) else {
                section.extend_from_slice(line);
                return true;
            };
            if seen.insert(id) {
                take(id, &section);
            }
            section.clear();
            until != Some(id)
        });
    }

    /// Goes over the lines, until told to stop. What was read before an error is a prefix, as after a torn
    /// write.
    fn lines(&self, mut take: impl FnMut(&[u8]) -> bool) {
        let Some(mut file) = self.file.as_ref() else { return };
        if file.seek(SeekFrom::Start(self.start)).is_ok() {
            let _ =
                BufReader::with_capacity(STRETCH, file).for_byte_line_with_terminator(|line| Ok(take(line)));
        }
    }
}

/// The checkpoint whose section a whole line closes.
fn closes(line: &[u8]) -> Option<Oid> {
    marker(line.strip_suffix(b"\n")?)
}

/// The checkpoint that a line marks the end of.
pub(super) fn marker(line: &[u8]) -> Option<Oid> {
    line.strip_prefix(b"@ ").and_then(Oid::parse)
}
