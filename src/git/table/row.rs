//! One row of the table, and its bytes: numbers are little-endian, all rows are equally long.

use crate::model::change::{Reason, Side};
use crate::model::oid::Oid;

/// What `lstat` says of a path, as far as a change would show in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Nanoseconds since the epoch.
    pub mtime: i64,
    /// Nanoseconds since the epoch.
    pub ctime: i64,
    pub size: u64,
    pub ino: u64,
    /// Type and permissions, as the system gives them.
    pub mode: u32,
}

impl Stat {
    /// The type alone: `S_IFMT` of the mode.
    pub fn kind(&self) -> u32 {
        self.mode & 0o170_000
    }

    /// True for a directory.
    pub fn is_dir(&self) -> bool {
        self.kind() == 0o040_000
    }

    /// True for a plain file.
    pub fn is_file(&self) -> bool {
        self.kind() == 0o100_000
    }

    /// True for a symbolic link.
    pub fn is_link(&self) -> bool {
        self.kind() == 0o120_000
    }
}

/// The part a path plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A file or symbolic link that is in the tree.
    Stored,
    /// A nested repository, in the tree as the commit it is at.
    Nested,
    /// A directory whose entries are all accounted for.
    Listed,
    /// An ignored directory, known only because something tracked lies below it.
    Passed,
    /// A `.gitignore` that is ignored itself: it rules, and is not in the tree.
    Rules,
    /// Left out of the tree.
    Skipped(Reason),
    /// Not on disk, and not missed: the user's index has it as not checked out. It is in the tree
    /// as it is in the index, unless there is a reason against it.
    Away(Option<Reason>),
}

/// One path's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub stat: Stat,
    pub part: Part,
    /// The stat proves nothing: look again next time.
    pub dirty: bool,
    /// It was let in because the user's index has it; the rules for untracked files were not asked.
    pub tracked: bool,
    /// The id of the content, where that is known.
    pub id: Option<Oid>,
}

impl Row {
    /// The row of what is not checked out. It has no stat: its size holds git's mode.
    pub fn away(side: Side, reason: Option<Reason>) -> Self {
        let stat = Stat { size: side.mode.into(), ..Stat::default() };
        Self { stat, part: Part::Away(reason), dirty: false, tracked: true, id: Some(side.id) }
    }

    /// What the index has at a path that is not checked out, in the tree or not.
    pub fn away_side(&self) -> Option<Side> {
        match (self.part, self.id) {
            (Part::Away(_), Some(id)) => Some(Side { mode: self.stat.size as u32, id }),
            _ => None,
        }
    }

    /// What stands at this path in the tree.
    pub fn side(&self) -> Option<Side> {
        let id = self.id?;
        let mode = match self.part {
            Part::Away(None) => return self.away_side(),
            Part::Stored if self.stat.is_link() => crate::git::LINK,
            Part::Stored if self.stat.mode & 0o100 != 0 => crate::git::EXECUTABLE,
            Part::Stored => crate::git::FILE,
            Part::Nested => crate::git::GITLINK,
            _ => return None,
        };
        Some(Side { mode, id })
    }
}

/// Bytes of a row without its id.
pub(super) const ROW: usize = 44;

const DIRTY: u8 = 1;
const TRACKED: u8 = 2;
pub(super) const GONE: u8 = 4;
const HAS_ID: u8 = 8;
/// Where the codes of parts that have a reason begin.
const SKIPPED: u8 = 16;
const AWAY: u8 = 64;

/// Reasons by their number on disk, which never changes.
const REASONS: [Reason; 9] = [
    Reason::Other,
    Reason::TooLarge,
    Reason::CheckpointFull,
    Reason::SecretName,
    Reason::SecretContent,
    Reason::Special,
    Reason::Unreadable,
    Reason::BadName,
    Reason::NestedUnborn,
];

/// Appends a row; its path is elsewhere.
pub(super) fn encode(to: &mut Vec<u8>, id_len: usize, row: &Row, path_len: usize, path_at: u32) {
    let stat = &row.stat;
    to.extend_from_slice(&stat.mtime.to_le_bytes());
    to.extend_from_slice(&stat.ctime.to_le_bytes());
    to.extend_from_slice(&stat.size.to_le_bytes());
    to.extend_from_slice(&stat.ino.to_le_bytes());
    // A mode needs 16 bits; the rest of its word holds part and flags.
    to.extend_from_slice(&(stat.mode as u16).to_le_bytes());
    to.push(part_code(row.part));
    let flag = |on: bool, flag: u8| if on { flag } else { 0 };
    to.push(flag(row.dirty, DIRTY) | flag(row.tracked, TRACKED) | flag(row.id.is_some(), HAS_ID));
    // Two bytes stay free so that the numbers behind them stand even.
    to.extend_from_slice(&[0; 2]);
    to.extend_from_slice(&(path_len as u16).to_le_bytes());
    to.extend_from_slice(&path_at.to_le_bytes());
    let at = to.len();
    to.resize(at + id_len, 0);
    write_id(&mut to[at..], row.id);
}

/// Reads the part of a row alone; `None` if it is void.
pub(super) fn decode_part(bytes: &[u8]) -> Option<Part> {
    (bytes[35] & GONE == 0).then(|| part_of(bytes[34]))
}

/// Reads a row; `None` if it is void.
pub(super) fn decode(bytes: &[u8]) -> Option<Row> {
    let part = decode_part(bytes)?;
    let flags = bytes[35];
    let stat = Stat {
        mtime: u64_at(bytes, 0) as i64,
        ctime: u64_at(bytes, 8) as i64,
        size: u64_at(bytes, 16),
        ino: u64_at(bytes, 24),
        mode: u32::from(u16::from_le_bytes([bytes[32], bytes[33]])),
    };
    let id = if flags & HAS_ID != 0 { Oid::from_bytes(&bytes[ROW..]) } else { None };
    Some(Row { stat, part, dirty: flags & DIRTY != 0, tracked: flags & TRACKED != 0, id })
}

fn part_code(part: Part) -> u8 {
    match part {
        Part::Stored => 0,
        Part::Nested => 1,
        Part::Listed => 2,
        Part::Passed => 3,
        Part::Rules => 4,
        Part::Away(None) => 5,
        Part::Skipped(reason) => SKIPPED + reason_code(reason),
        Part::Away(Some(reason)) => AWAY + reason_code(reason),
    }
}

fn reason_code(reason: Reason) -> u8 {
    REASONS.iter().position(|known| *known == reason).unwrap_or(0) as u8
}

fn part_of(code: u8) -> Part {
    match code {
        0 => Part::Stored,
        1 => Part::Nested,
        2 => Part::Listed,
        3 => Part::Passed,
        4 => Part::Rules,
        5 => Part::Away(None),
        AWAY.. => Part::Away(Some(reason_of(code - AWAY))),
        _ => Part::Skipped(reason_of(code.wrapping_sub(SKIPPED))),
    }
}

fn reason_of(code: u8) -> Reason {
    *REASONS.get(usize::from(code)).unwrap_or(&Reason::Other)
}

/// An absent id is written as zeros.
pub(super) fn write_id(to: &mut [u8], id: Option<Oid>) {
    if let Some(id) = id {
        let len = id.as_bytes().len().min(to.len());
        to[..len].copy_from_slice(&id.as_bytes()[..len]);
    }
}

/// `None` if the length is that of no id.
pub(super) fn read_id(field: &[u8], id_len: usize) -> Option<Option<Oid>> {
    let id = Oid::from_bytes(field.get(..id_len)?)?;
    Some(Some(id).filter(|id| !id.is_null()))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
