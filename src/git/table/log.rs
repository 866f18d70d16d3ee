//! The table's log: one batch for each scan that changed little, each appended by one write.
//!
//! A batch names the generation of the main part it belongs to and the tree it starts from. The
//! first one that does not fit, or is torn, ends the log; what is behind it never counts, so that
//! the table is always as some scan left it. A log that ended early, or grew too long, is folded:
//! the main part is written anew, under a new generation.

use super::row::{GONE, ROW, decode, encode, read_id, u32_at, u64_at, write_id};
use super::{Basis, CRC, HEADER, Row, Table, Tail, encode_main};
use crate::model::oid::Oid;
use std::collections::BTreeMap;

/// What a scan found out, for the table; to be written when its tree is in the chain, not before.
#[derive(Debug, Default)]
#[must_use = "a table that is not updated makes the next scan do it all again"]
pub struct Update {
    pub(in crate::git) table: Table,
    /// What each path's row is now; `None` if it has none any more.
    pub(in crate::git) changes: BTreeMap<Vec<u8>, Option<Row>>,
    pub(in crate::git) basis: Basis,
    pub(in crate::git) id_len: usize,
}

/// How to put an [`Update`] on disk.
#[derive(Debug, PartialEq, Eq)]
pub enum Write {
    /// The files say it all already.
    Nothing,
    /// Append this to the log, in one write.
    Append(Vec<u8>),
    /// Replace the main file by this, atomically; then the log may go, and counts no more anyway.
    Replace(Vec<u8>),
}

const MAGIC: &[u8; 4] = b"tlog";
/// Magic, length, generation, both trees, both digests, flags, count.
const HEAD: usize = 4 + 4 + 8 + 32 + 32 + 8 + 8 + 1 + 4;
/// A log shorter than this, some eighty batches of three files, is not worth a new main part; a longer one
/// shows in what a look at few files takes, for all of it is applied.
const SMALL: usize = 32 << 10;

impl Update {
    /// Says what to write, now that `new_tree` is what the rows describe.
    pub fn into_write(self, new_tree: Option<Oid>) -> Write {
        let Self { table, changes, basis, id_len } = &self;
        let same = table.tree == new_tree && table.basis == *basis && table.id_len == *id_len;
        if same && changes.is_empty() && table.log != Tail::Spoilt {
            return Write::Nothing;
        }
        let batch = self.batch(new_tree);
        let room = SMALL.max(table.main.len() / 8);
        match table.log {
            Tail::Sound(len) if !table.main.is_empty() && len + batch.len() <= room => Write::Append(batch),
            _ => Write::Replace(self.fold(new_tree)),
        }
    }

    fn batch(&self, new_tree: Option<Oid>) -> Vec<u8> {
        let mut batch = vec![0; HEAD];
        for (path, row) in &self.changes {
            batch.extend_from_slice(&(path.len() as u16).to_le_bytes());
            batch.extend_from_slice(path);
            batch.push(u8::from(row.is_some()));
            if let Some(row) = row {
                encode(&mut batch, self.id_len, row, 0, 0);
            }
        }
        let len = (batch.len() + CRC) as u32;
        batch[..4].copy_from_slice(MAGIC);
        batch[4..8].copy_from_slice(&len.to_le_bytes());
        batch[8..16].copy_from_slice(&self.table.generation.to_le_bytes());
        write_id(&mut batch[16..48], self.table.tree);
        write_id(&mut batch[48..80], new_tree);
        batch[80..88].copy_from_slice(&self.basis.rules.to_le_bytes());
        batch[88..96].copy_from_slice(&self.basis.index.to_le_bytes());
        batch[96] = self.basis.flags();
        batch[97..101].copy_from_slice(&(self.changes.len() as u32).to_le_bytes());
        let crc = crc32fast::hash(&batch);
        batch.extend_from_slice(&crc.to_le_bytes());
        batch
    }

    /// The whole table anew: a merge of three sorted lists, of which the changes win.
    fn fold(&self, new_tree: Option<Oid>) -> Vec<u8> {
        let table = &self.table;
        let mut newer: BTreeMap<&[u8], Option<Row>> = BTreeMap::new();
        newer.extend((table.sorted()..table.slots()).map(|slot| (table.path(slot), table.row(slot))));
        newer.extend(self.changes.iter().map(|(path, row)| (&path[..], *row)));
        let mut newer = newer.into_iter().peekable();
        let mut older = (0..table.sorted()).map(|slot| (table.path(slot), table.row(slot))).peekable();
        let merged = std::iter::from_fn(move || {
            let Some((path, _)) = older.peek() else { return newer.next() };
            match newer.peek().map(|(new, _)| (*new).cmp(path)) {
                None | Some(std::cmp::Ordering::Greater) => older.next(),
                Some(std::cmp::Ordering::Less) => newer.next(),
                Some(std::cmp::Ordering::Equal) => {
                    older.next();
                    newer.next()
                }
            }
        });
        let rows = merged.filter_map(|(path, row)| Some((path, row?)));
        encode_main(self.id_len, new_tree, self.basis, rows)
    }
}

impl Table {
    /// Applies the batches of a log up to the first that does not fit.
    pub(super) fn apply(&mut self, log: &[u8]) {
        let (mut at, mut extra) = (0, BTreeMap::new());
        while let Some(batch) = self.fitting(&log[at..]) {
            at += batch.len();
            let body = &batch[..batch.len() - CRC];
            self.tree = read_id(&body[48..80], self.id_len).unwrap_or_default();
            self.basis = Basis {
                rules: u64_at(body, 80),
                index: u64_at(body, 88),
                quiet: body[96] & 1 != 0,
                settled: body[96] & 2 != 0,
                stray: body[96] & 4 != 0,
            };
            for (path, row) in items(body, self.id_len) {
                match self.find_sorted(path) {
                    Some(slot) => self.patch(slot, row),
                    None => drop(extra.insert([path, b"\0"].concat(), row)),
                }
            }
        }
        self.extra = extra.into_iter().filter_map(|(path, row)| Some((path, row?))).collect();
        self.log = if at == log.len() { Tail::Sound(at) } else { Tail::Spoilt };
    }

    /// The first batch of `log`, if it is whole and follows on what the table says now.
    fn fitting<'l>(&self, log: &'l [u8]) -> Option<&'l [u8]> {
        if log.len() < HEAD + CRC || log[..4] != *MAGIC {
            return None;
        }
        let batch = log.get(..u32_at(log, 4) as usize).filter(|batch| batch.len() >= HEAD + CRC)?;
        let body = batch.len() - CRC;
        let whole = crc32fast::hash(&batch[..body]) == u32_at(batch, body);
        let ours = u64_at(batch, 8) == self.generation;
        let follows = read_id(&batch[16..48], self.id_len)? == self.tree;
        let complete = items(&batch[..body], self.id_len).count() == u32_at(batch, 97) as usize;
        (whole && ours && follows && complete).then_some(batch)
    }

    /// Overwrites a row of the main part where it lies in memory; its path stays.
    fn patch(&mut self, slot: usize, row: Option<Row>) {
        let width = ROW + self.id_len;
        let at = HEADER + slot * width;
        let Some(row) = row else {
            self.main[at + 35] |= GONE;
            return;
        };
        let mut bytes = Vec::with_capacity(width);
        encode(&mut bytes, self.id_len, &row, 0, 0);
        self.main[at..at + 36].copy_from_slice(&bytes[..36]);
        self.main[at + ROW..at + width].copy_from_slice(&bytes[ROW..]);
    }
}

/// The paths of a batch and their rows; ends early where the bytes make no sense.
fn items(body: &[u8], id_len: usize) -> impl Iterator<Item = (&[u8], Option<Row>)> {
    let mut rest = body.get(HEAD..).unwrap_or_default();
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_le_bytes([*rest.first()?, *rest.get(1)?]));
        let path = rest.get(2..2 + len)?;
        let present = *rest.get(2 + len)? != 0;
        rest = &rest[3 + len..];
        if !present {
            return Some((path, None));
        }
        let row = decode(rest.get(..ROW + id_len)?);
        rest = &rest[ROW + id_len..];
        Some((path, row))
    })
}
