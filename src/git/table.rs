//! The stat table: what the last full scan saw, so that the next one reads only what changed.
//!
//! One row for every path that matters: files, directories, and what was left out. It is a cache,
//! one per worktree, and may be lost or cut at any byte: any doubt makes it empty, and an empty
//! table only costs time. Refuses to look at the worktree; [`super::scan`] does.
//!
//! On disk: a header, rows of one length sorted by path, the paths each ended by a NUL, and a
//! CRC-32 of all of it. It is read in one go and looked at in place, because building a hundred
//! thousand strings would cost more than the scan. Small changes are appended to a log ([`log`]).

pub mod log;
mod row;

use crate::model::oid::Oid;
use row::{ROW, decode, decode_part, encode, read_id, u32_at, u64_at, write_id};
use std::ffi::CStr;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

pub use row::{Part, Row, Stat};

/// What else the rows stand on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// Digest of the ignore rules that lie outside the worktree.
    pub rules: u64,
    /// Digest of the stat of the user's index; 0 is equal to nothing.
    pub index: u64,
    /// No tracked path is ignored and away from disk, so an unknown ignored path is untracked.
    pub quiet: bool,
    /// The scan came to its end: directories can be trusted.
    pub settled: bool,
    /// Something stands where the index has what is not checked out. If anything goes, only the
    /// index can tell whether it is deleted or away again.
    pub stray: bool,
}

impl Basis {
    fn flags(&self) -> u8 {
        u8::from(self.quiet) | u8::from(self.settled) << 1 | u8::from(self.stray) << 2
    }
}

/// The table, with its log applied.
#[derive(Debug, Default)]
pub struct Table {
    main: Vec<u8>,
    rows: usize,
    id_len: usize,
    generation: u64,
    tree: Option<Oid>,
    basis: Basis,
    /// Rows the log has and the main part has not, by path with its NUL.
    extra: Vec<(Vec<u8>, Row)>,
    /// How long the log is, and whether something may be appended to it.
    log: Tail,
}

/// The state of the log behind the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tail {
    /// Every byte of it counted: so many.
    Sound(usize),
    /// Something in it did not count, and nothing behind it would.
    #[default]
    Spoilt,
}

const MAGIC: &[u8; 8] = b"trtable\x01";
const HEADER: usize = 80;
const CRC: usize = 4;

impl Table {
    /// Reads the table from the bytes of its two files. Any doubt about the first makes it empty;
    /// the log counts up to the first doubt.
    pub fn load(main: Option<Vec<u8>>, log: Option<Vec<u8>>) -> Self {
        let Some(mut table) = main.and_then(Self::parse) else { return Self::default() };
        table.apply(&log.unwrap_or_default());
        table
    }

    /// The tree these rows describe; `None` while there is none. A table whose tree the store does
    /// not have any more is of no use: take an empty one.
    pub fn tree(&self) -> Option<Oid> {
        self.tree
    }

    /// True if the ids in it have this length, or there are none.
    pub fn fits(&self, id_len: usize) -> bool {
        self.id_len == id_len || self.is_empty()
    }

    /// True if nothing is known.
    pub fn is_empty(&self) -> bool {
        self.rows + self.extra.len() == 0
    }

    /// What else the rows stand on.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// How many slots there are; some may be void.
    pub fn slots(&self) -> usize {
        self.rows + self.extra.len()
    }

    /// How many of the first slots are sorted by path; those behind them are, among themselves.
    pub fn sorted(&self) -> usize {
        self.rows
    }

    /// The row in a slot; `None` if it is void.
    pub fn row(&self, slot: usize) -> Option<Row> {
        match slot.checked_sub(self.rows) {
            Some(at) => Some(self.extra[at].1),
            None => decode(self.bytes(slot)),
        }
    }

    /// The part that the path in a slot plays: of a hundred thousand rows this is cheaper to ask than
    /// the rows. `None` if the slot is void.
    pub fn part(&self, slot: usize) -> Option<Part> {
        match slot.checked_sub(self.rows) {
            Some(at) => Some(self.extra[at].1.part),
            None => decode_part(self.bytes(slot)),
        }
    }

    /// The path in a slot, for a system call.
    pub fn c_path(&self, slot: usize) -> &CStr {
        let with_nul = match slot.checked_sub(self.rows) {
            Some(at) => &self.extra[at].0[..],
            None => &self.main[self.place(slot)],
        };
        CStr::from_bytes_with_nul(with_nul).unwrap_or_default()
    }

    /// The path in a slot.
    pub fn path(&self, slot: usize) -> &[u8] {
        match slot.checked_sub(self.rows) {
            Some(at) => trimmed(&self.extra[at].0),
            None => trimmed(&self.main[self.place(slot)]),
        }
    }

    /// The slot of a path, void or not.
    pub fn find(&self, path: &[u8]) -> Option<usize> {
        self.find_sorted(path).or_else(|| self.find_extra(path))
    }

    /// The slot of a path behind the sorted ones.
    pub fn find_extra(&self, path: &[u8]) -> Option<usize> {
        let at = self.extra.binary_search_by(|(with_nul, _)| trimmed(with_nul).cmp(path)).ok()?;
        Some(self.rows + at)
    }

    /// The row of a path.
    pub fn get(&self, path: &[u8]) -> Option<Row> {
        self.find(path).and_then(|slot| self.row(slot))
    }

    /// The slots of all paths below a directory.
    pub fn below(&self, dir: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let (from, to) = bounds(dir);
        let among = |range: Range<usize>| {
            let from = range.start + partition(range.clone(), |slot| self.path(slot) < &from[..]);
            let to = range.start + partition(range, |slot| self.path(slot) < &to[..]);
            from..to
        };
        among(0..self.rows).chain(among(self.rows..self.slots()))
    }

    fn find_sorted(&self, path: &[u8]) -> Option<usize> {
        let slot = partition(0..self.rows, |slot| self.path(slot) < path);
        (slot < self.rows && self.path(slot) == path).then_some(slot)
    }

    fn bytes(&self, slot: usize) -> &[u8] {
        let width = ROW + self.id_len;
        &self.main[HEADER + slot * width..][..width]
    }

    /// Where a path and its NUL lie; [`Table::parse`] has made sure that they do.
    fn place(&self, slot: usize) -> Range<usize> {
        let row = self.bytes(slot);
        let start = HEADER + self.rows * (ROW + self.id_len) + u32_at(row, 40) as usize;
        start..start + usize::from(u16::from_le_bytes([row[38], row[39]])) + 1
    }

    fn parse(main: Vec<u8>) -> Option<Self> {
        let body = main.len().checked_sub(CRC).filter(|body| *body >= HEADER)?;
        if main[..8] != *MAGIC || crc32fast::hash(&main[..body]) != u32_at(&main, body) {
            return None;
        }
        let id_len = usize::from(main[8]);
        let rows = u32_at(&main, 12) as usize;
        let generation = u64_at(&main, 16);
        let basis = Basis {
            rules: u64_at(&main, 24),
            index: u64_at(&main, 32),
            quiet: main[9] & 1 != 0,
            settled: main[9] & 2 != 0,
            stray: main[9] & 4 != 0,
        };
        let tree = read_id(&main[48..80], id_len)?;
        let log = Tail::Sound(0);
        let table = Self { main, rows, id_len, generation, tree, basis, extra: Vec::new(), log };
        table.consistent(body).then_some(table)
    }

    /// True if every path lies where the rows say. The CRC makes this true of what we wrote;
    /// without it a forged table could make us panic.
    fn consistent(&self, body: usize) -> bool {
        let Some(paths) = self.rows.checked_mul(ROW + self.id_len).map(|rows| rows + HEADER) else {
            return false;
        };
        paths <= body
            && (0..self.rows).all(|slot| {
                let place = self.place(slot);
                place.end <= body && self.main[place.end - 1] == 0
            })
    }
}

/// A number that no earlier table had. Randomness that needs no crate: std seeds its hash maps.
fn fresh_generation() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// The main part: `rows` must come sorted by path.
fn encode_main<'r>(
    id_len: usize,
    tree: Option<Oid>,
    basis: Basis,
    rows: impl Iterator<Item = (&'r [u8], Row)>,
) -> Vec<u8> {
    let (mut main, mut paths, mut count) = (vec![0; HEADER], Vec::new(), 0u32);
    for (path, row) in rows {
        let at = paths.len() as u32;
        encode(&mut main, id_len, &row, path.len(), at);
        paths.extend_from_slice(path);
        paths.push(0);
        count += 1;
    }
    main[..8].copy_from_slice(MAGIC);
    main[8] = id_len as u8;
    main[9] = basis.flags();
    main[12..16].copy_from_slice(&count.to_le_bytes());
    main[16..24].copy_from_slice(&fresh_generation().to_le_bytes());
    main[24..32].copy_from_slice(&basis.rules.to_le_bytes());
    main[32..40].copy_from_slice(&basis.index.to_le_bytes());
    write_id(&mut main[48..80], tree);
    main.append(&mut paths);
    let crc = crc32fast::hash(&main);
    main.extend_from_slice(&crc.to_le_bytes());
    main
}

/// The first path below a directory, and the first behind all of them.
pub(super) fn bounds(dir: &[u8]) -> (Vec<u8>, Vec<u8>) {
    if dir.is_empty() {
        // Everything but the top itself; no path begins with 0xff twice as long as any may be.
        return (vec![1], vec![0xff; 4097]);
    }
    // `0` is the byte behind `/`.
    ([dir, b"/"].concat(), [dir, b"0"].concat())
}

fn partition(range: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low - range.start
}

fn trimmed(with_nul: &[u8]) -> &[u8] {
    with_nul.strip_suffix(b"\0").unwrap_or(with_nul)
}
