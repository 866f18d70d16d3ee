//! Which events the chain holds: a set of fingerprints on disk, asked once per event.
//!
//! A cache: an open-addressing table of 16-byte slots that names the checkpoint up to which it is
//! right. Asking reads the slots around each print, noting writes those that were free, or a table of
//! bounded size anew, so neither follows the length of the history. An id is noted only after the swap
//! that made it part of the chain.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::disk::backoff::random;
use crate::disk::file;
use crate::model::digest;
use crate::model::id::EventId;
use crate::model::oid::Oid;

const MAGIC: &[u8; 8] = b"trSEEN1\n";
const HEADER: u64 = 64;
const SLOT: u64 = 16;
const FIRST_CAPACITY: u64 = 1 << 10;

/// So many slots are read at once; a divisor of every capacity.
const TOGETHER: u64 = 256;

/// A table of so many bytes is made in memory.
const SMALL: u64 = 2 << 20;

/// One print for so many slots is few.
const FEW: u64 = 64;

/// So much of the old table is read at once, bytes.
const PAGE: u64 = 64 << 10;

/// What an id is known by.
pub type Print = [u8; SLOT as usize];

/// What stands in a slot that nobody took.
const FREE: Print = [0; SLOT as usize];

/// The fingerprints of one worktree's events.
pub struct Seen {
    path: PathBuf,
    file: Option<File>,
    capacity: u64,
    count: u64,
    /// The checkpoint up to which every event is noted.
    pub tip: Option<Oid>,
    /// Where there is no table to be had, everything is held here, for this one flush.
    memory: HashSet<Print>,
}

impl Seen {
    /// Opens the table; anything that is not one counts as empty.
    pub fn open(path: &Path) -> Self {
        let none = Self {
            path: path.to_owned(),
            file: None,
            capacity: 0,
            count: 0,
            tip: None,
            memory: HashSet::new(),
        };
        let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return none };
        let mut header = [0; HEADER as usize];
        if file.read_exact_at(&mut header, 0).is_err() || &header[..8] != MAGIC {
            return none;
        }
        let (capacity, count) = (number(&header[8..16]), number(&header[16..24]));
        let whole = file.metadata().is_ok_and(|meta| meta.len() == HEADER + capacity.saturating_mul(SLOT));
        let tip = Oid::from_bytes(&header[25..25 + usize::from(header[24]).min(32)]);
        match whole && capacity.is_power_of_two() && capacity >= TOGETHER && count < capacity {
            true => Self { file: Some(file), capacity, count, tip, ..none },
            false => none,
        }
    }

    /// Whether the event is noted.
    pub fn holds(&self, id: &EventId) -> bool {
        !self.among(&[print(id)]).is_empty()
    }

    /// Those of the prints that are noted.
    pub fn among(&self, prints: &[Print]) -> HashSet<Print> {
        let mut held: HashSet<Print> =
            prints.iter().filter(|print| self.memory.contains(*print)).copied().collect();
        if let Some(file) = &self.file {
            let mut page = Page::of(file, self.capacity);
            let is_taken = |print: &Print| matches!(page.find(print), Ok(Place::Taken));
            held.extend(self.in_order(prints).into_iter().filter(is_taken));
        }
        held
    }

    /// A set without a table: the cache cannot be written, and recording must go on.
    pub fn in_memory(prints: impl Iterator<Item = Print>) -> Self {
        let memory = prints.collect();
        Self { path: PathBuf::new(), file: None, capacity: 0, count: 0, tip: None, memory }
    }

    /// Notes events of the checkpoint `tip`, which follows the one noted before.
    pub fn note(&mut self, prints: &[Print], tip: Oid) -> Result<()> {
        if self.path.as_os_str().is_empty() {
            return Ok(());
        }
        self.note_all(prints, tip).with_context(|| format!("write {}", self.path.display()))
    }

    /// Forgets everything: the table is not of this chain.
    pub fn clear(&mut self) -> Result<()> {
        self.remake(FIRST_CAPACITY).with_context(|| format!("write {}", self.path.display()))
    }

    fn note_all(&mut self, prints: &[Print], tip: Oid) -> std::io::Result<()> {
        let room = FIRST_CAPACITY.max((self.count + prints.len() as u64) * 2).next_power_of_two();
        let room = room.max(self.capacity);
        match self.file {
            Some(_) if room == self.capacity && !self.are_many(prints) => self.insert(prints)?,
            _ => self.renew(room, prints)?,
        }
        self.tip = Some(tip);
        match &self.file {
            Some(file) => file.write_all_at(&self.header(), 0),
            None => Ok(()),
        }
    }

    /// Whether all slots are written sooner than each of these by itself.
    fn are_many(&self, prints: &[Print]) -> bool {
        self.capacity * SLOT <= SMALL && prints.len() as u64 > self.capacity / FEW
    }

    /// Only what is new is written, not all that was read with it: who holds no lock may write beside us.
    fn insert(&mut self, prints: &[Print]) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Err(std::io::ErrorKind::NotFound.into()) };
        let mut page = Page::of(file, self.capacity);
        for print in self.in_order(prints) {
            if let Place::Free(slot) = page.find(&print)? {
                file.write_all_at(&print, HEADER + slot * SLOT)?;
                *page.slot(slot)? = print;
                self.count += 1;
            }
        }
        Ok(())
    }

    /// In the order of their slots, so that what is read at once serves many.
    fn in_order(&self, prints: &[Print]) -> Vec<Print> {
        let mut all = prints.to_vec();
        all.sort_unstable_by_key(|print| slot_of(print, self.capacity));
        all
    }

    /// Moves everything to another table, and more into it: in memory, if that is small, since each slot
    /// by itself takes long.
    fn renew(&mut self, capacity: u64, more: &[Print]) -> std::io::Result<()> {
        let (old, size) = (self.file.take(), self.capacity * SLOT);
        self.remake(capacity)?;
        let mut table = vec![FREE; if capacity * SLOT <= SMALL { capacity as usize } else { 0 }];
        let mut page = vec![0; PAGE as usize];
        for at in (0..size).step_by(PAGE as usize) {
            let page = &mut page[..PAGE.min(size - at) as usize];
            old.as_ref().map_or(Ok(()), |old| old.read_exact_at(page, HEADER + at))?;
            let held: Vec<Print> =
                page.as_chunks().0.iter().filter(|print| **print != FREE).copied().collect();
            self.put(&mut table, &held)?;
        }
        self.put(&mut table, more)?;
        self.file.as_ref().map_or(Ok(()), |file| file.write_all_at(table.as_flattened(), HEADER))
    }

    /// Into the table in memory, if there is one, else into the file.
    fn put(&mut self, table: &mut [Print], prints: &[Print]) -> std::io::Result<()> {
        if table.is_empty() {
            return self.insert(prints);
        }
        for print in prints {
            // More may lie in the old table than it says: who holds no lock counts only what is its own.
            if self.count >= self.capacity {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            let mut slot = slot_of(print, self.capacity) as usize;
            while table[slot] != FREE && table[slot] != *print {
                slot = (slot + 1) % table.len();
            }
            self.count += u64::from(table[slot] == FREE);
            table[slot] = *print;
        }
        Ok(())
    }

    /// Puts an empty table in place of the old one; who has that open goes on with it.
    fn remake(&mut self, capacity: u64) -> std::io::Result<()> {
        let name = format!("{}{}", file::TEMPORARY, digest::hex(&random::<8>()));
        let temporary = self.path.with_file_name(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temporary)?;
        (self.capacity, self.count, self.tip) = (capacity, 0, None);
        file.write_all_at(&self.header(), 0)?;
        file.set_len(HEADER + capacity * SLOT)?;
        fs::rename(&temporary, &self.path)?;
        self.file = Some(file);
        Ok(())
    }

    fn header(&self) -> [u8; HEADER as usize] {
        let mut header = [0; HEADER as usize];
        header[..8].copy_from_slice(MAGIC);
        header[8..16].copy_from_slice(&self.capacity.to_le_bytes());
        header[16..24].copy_from_slice(&self.count.to_le_bytes());
        if let Some(tip) = &self.tip {
            let raw = tip.as_bytes();
            header[24] = u8::try_from(raw.len()).unwrap_or(0);
            header[25..25 + raw.len()].copy_from_slice(raw);
        }
        header
    }
}

/// The part of a table that was looked at last.
struct Page<'f> {
    file: &'f File,
    capacity: u64,
    /// The number of its first slot, once it was read.
    first: Option<u64>,
    slots: [Print; TOGETHER as usize],
}

impl<'f> Page<'f> {
    fn of(file: &'f File, capacity: u64) -> Self {
        Self { file, capacity, first: None, slots: [FREE; TOGETHER as usize] }
    }

    /// Where a print is, or would go: linear probing from its own first bytes.
    fn find(&mut self, print: &Print) -> std::io::Result<Place> {
        let start = slot_of(print, self.capacity);
        for step in 0..self.capacity {
            let slot = (start + step) % self.capacity;
            match *self.slot(slot)? {
                FREE => return Ok(Place::Free(slot)),
                held if held == *print => return Ok(Place::Taken),
                _ => {}
            }
        }
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn slot(&mut self, slot: u64) -> std::io::Result<&mut Print> {
        let first = slot - slot % TOGETHER;
        if self.first != Some(first) {
            self.first = None;
            self.file.read_exact_at(self.slots.as_flattened_mut(), HEADER + first * SLOT)?;
            self.first = Some(first);
        }
        Ok(&mut self.slots[(slot - first) as usize])
    }
}

enum Place {
    Taken,
    Free(u64),
}

/// What the id of an event is known by.
pub fn print(id: &EventId) -> Print {
    let mut print = FREE;
    print.copy_from_slice(&digest::once(&[id.as_str().as_bytes()])[..SLOT as usize]);
    print
}

fn slot_of(print: &Print, capacity: u64) -> u64 {
    number(&print[..8]) % capacity.max(1)
}

fn number(bytes: &[u8]) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u32) -> EventId {
        EventId::parse(&format!("evt-{n}")).unwrap()
    }

    #[test]
    fn what_was_noted_is_held_across_growth_and_reopening() {
        let path = std::env::temp_dir().join(format!("trace-seen-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        let tip = Oid::parse("ab".repeat(20).as_bytes()).unwrap();
        let ids: Vec<EventId> = (0..5000).map(id).collect();
        let mut seen = Seen::open(&path);
        assert!(!seen.holds(&ids[0]), "an absent table holds nothing");
        let prints: Vec<Print> = ids.iter().map(print).collect();
        for some in prints.chunks(7) {
            seen.note(some, tip).unwrap();
        }
        let again = Seen::open(&path);
        assert_eq!(again.tip, Some(tip));
        assert!(ids.iter().all(|id| again.holds(id)));
        assert!(!again.holds(&id(5000)));
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_table_grows_in_memory_and_slot_by_slot_alike() {
        let path = std::env::temp_dir().join(format!("trace-seen-large-{}", std::process::id()));
        let tip = Oid::from_bytes(&[1; 20]).unwrap();
        let ids: Vec<EventId> = (0..20_000).map(id).collect();
        let mut seen = Seen::open(&path);
        seen.note(&ids.iter().map(print).collect::<Vec<_>>(), tip).unwrap();
        for capacity in [SMALL / SLOT, 2 * SMALL / SLOT] {
            seen.renew(capacity, &[]).unwrap();
            assert_eq!((seen.count, seen.capacity), (20_000, capacity));
            assert!(ids.iter().all(|id| seen.holds(id)) && !seen.holds(&id(20_000)));
        }
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_table_with_more_in_it_than_it_says_is_full_one_day_and_then_made_anew() {
        let path = std::env::temp_dir().join(format!("trace-seen-full-{}", std::process::id()));
        let tip = Oid::from_bytes(&[1; 20]).unwrap();
        let prints: Vec<Print> = (0..1100).map(|n| print(&id(n))).collect();
        let mut seen = Seen::open(&path);
        // As who holds no lock beside others leaves it: their count is not ours.
        for one in prints[..1024].chunks(1) {
            seen.count = 0;
            seen.note(one, tip).unwrap();
        }
        seen.count = 0;
        assert!(
            seen.note(&prints[1024..], tip).is_err(),
            "it has no room, and does not look for it for ever"
        );
        let mut again = Seen::open(&path);
        assert_eq!(again.tip, None, "whoever opens it next fills it from the chain");
        again.clear().unwrap();
        again.note(&prints, tip).unwrap();
        assert_eq!(again.among(&prints).len(), prints.len());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_damaged_table_counts_as_empty() {
        let path = std::env::temp_dir().join(format!("trace-seen-bad-{}", std::process::id()));
        let mut seen = Seen::open(&path);
        seen.note(&[print(&id(1))], Oid::from_bytes(&[1; 20]).unwrap()).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in (0..whole.len()).step_by(97) {
            fs::write(&path, &whole[..cut]).unwrap();
            let cut = Seen::open(&path);
            assert!(cut.tip.is_none() && !cut.holds(&id(1)));
        }
        fs::remove_file(path).unwrap();
    }
}
