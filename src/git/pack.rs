//! Writes one pack and its index, in memory: everything a checkpoint adds to the store.
//!
//! Whole objects without deltas, deflated in the quickest way; merging packs well is maintenance's
//! work. Never asks whether an object exists elsewhere: what another repository holds, it may lose.

use super::deflate::{self, Deflate};
use super::{HashKind, ObjectKind};
use crate::model::both::both;
use crate::model::oid::Oid;
use anyhow::{Context, Result, bail};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::collections::HashMap;

/// A pack that grows.
pub struct Pack {
    kind: HashKind,
    bytes: Vec<u8>,
    /// For small objects.
    deflate: Deflate,
    /// For others; made for the first of them.
    compress: Option<Compress>,
    /// Made for the first object that is read back.
    inflate: RefCell<Option<Decompress>>,
    entries: HashMap<Oid, Entry>,
}

/// Where an object lies.
struct Entry {
    kind: ObjectKind,
    offset: usize,
    /// Where the compressed bytes begin.
    data: usize,
    /// How many bytes it has uncompressed.
    len: usize,
    crc: u32,
}

/// A pack and its index, ready to be written.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Hex of the pack's checksum; git names the files `pack-<name>.pack` and `.idx`.
    pub name: String,
    pub pack: Vec<u8>,
    pub idx: Vec<u8>,
}

/// Signature, version 2, and the place of the number of objects.
const HEADER: &[u8; 12] = b"PACK\0\0\0\x02\0\0\0\0";
const IDX_HEADER: &[u8; 8] = b"\xfftOc\0\0\0\x02";
/// To name so many bytes and to deflate them is work for two.
const LARGE: usize = 256 << 10;
/// Offsets from here on stand in the table of 64 bits.
const FAR: usize = 1 << 31;

impl Pack {
    /// Starts an empty pack.
    pub fn new(kind: HashKind) -> Self {
        Self {
            kind,
            bytes: HEADER.to_vec(),
            deflate: Deflate::new(),
            compress: None,
            inflate: RefCell::new(None),
            entries: HashMap::new(),
        }
    }

    /// Which hash names the objects in it.
    pub fn hash_kind(&self) -> HashKind {
        self.kind
    }

    /// Adds an object and returns its id. An object that is here already is not stored again.
    pub fn add(&mut self, kind: ObjectKind, bytes: &[u8]) -> Result<Oid> {
        if bytes.len() < LARGE {
            return self.add_unless(kind, bytes, |_| false);
        }
        let (offset, name) = (self.bytes.len(), self.kind);
        let (entry, id) = both(|| self.push(kind, bytes), || name.hash(kind, bytes));
        let (entry, id) = (entry?, id?);
        if self.has(id) {
            self.bytes.truncate(offset);
        } else {
            self.entries.insert(id, entry);
        }
        Ok(id)
    }

    /// Adds an object, unless it is here already or `elsewhere` says that it need not be.
    pub(crate) fn add_unless(
        &mut self,
        kind: ObjectKind,
        bytes: &[u8],
        elsewhere: impl Fn(Oid) -> bool,
    ) -> Result<Oid> {
        let id = self.kind.hash(kind, bytes)?;
        if self.has(id) || elsewhere(id) {
            return Ok(id);
        }
        let entry = self.push(kind, bytes)?;
        self.entries.insert(id, entry);
        Ok(id)
    }

    fn push(&mut self, kind: ObjectKind, bytes: &[u8]) -> Result<Entry> {
        let offset = self.bytes.len();
        push_entry_header(&mut self.bytes, kind, bytes.len());
        let data = self.bytes.len();
        self.compress(bytes)?;
        let crc = crc32fast::hash(&self.bytes[offset..]);
        Ok(Entry { kind, offset, data, len: bytes.len(), crc })
    }

    /// True if the object is in this pack.
    pub fn has(&self, id: Oid) -> bool {
        self.entries.contains_key(&id)
    }

    /// Reads an object back.
    pub fn get(&self, id: Oid) -> Option<(ObjectKind, Vec<u8>)> {
        let entry = self.entries.get(&id)?;
        let mut bytes = Vec::with_capacity(entry.len);
        let data = &self.bytes[entry.data..];
        let mut inflate = self.inflate.borrow_mut();
        let inflate = inflate.get_or_insert_with(|| Decompress::new(true));
        inflate.reset(true);
        inflate
            .decompress_vec(data, &mut bytes, FlushDecompress::Finish)
            .expect("what was deflated a moment ago can be inflated");
        Some((entry.kind, bytes))
    }

    /// How many bytes the objects take in the pack so far.
    pub fn new_bytes(&self) -> u64 {
        (self.bytes.len() - HEADER.len()) as u64
    }

    /// True while nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Closes the pack and makes its index.
    pub fn finish(self) -> Result<Packed> {
        let Self { kind, bytes: mut pack, entries, .. } = self;
        let count = u32::try_from(entries.len()).context("too many objects for one pack")?;
        pack[8..12].copy_from_slice(&count.to_be_bytes());
        let checksum = checksum(kind, &pack)?;
        pack.extend_from_slice(checksum.as_bytes());
        let idx = index(kind, &entries, checksum)?;
        Ok(Packed { name: checksum.to_string(), pack, idx })
    }

    /// Appends the deflated bytes. zlib's state is up to 300 KB, hence one for all objects.
    fn compress(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() <= deflate::LONGEST {
            self.deflate.append(bytes, &mut self.bytes);
            return Ok(());
        }
        let deflate = self.compress.get_or_insert_with(|| Compress::new(Compression::new(1), true));
        deflate.reset();
        loop {
            let taken = deflate.total_in() as usize;
            // Enough in one go for nearly everything; what does not shrink takes another round.
            self.bytes.reserve((bytes.len() - taken) / 2 + 128);
            let rest = &bytes[taken..];
            match deflate.compress_vec(rest, &mut self.bytes, FlushCompress::Finish)? {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError if self.bytes.len() == self.bytes.capacity() => {}
                status => bail!("deflate stopped early: {status:?}"),
            }
        }
    }
}

/// The kind in three bits, the length in four and then seven at a time, lowest first.
fn push_entry_header(to: &mut Vec<u8>, kind: ObjectKind, len: usize) {
    let kind = match kind {
        ObjectKind::Commit => 1,
        ObjectKind::Tree => 2,
        ObjectKind::Blob => 3,
    };
    let mut byte = kind << 4 | (len & 15) as u8;
    let mut rest = len >> 4;
    while rest > 0 {
        to.push(byte | 128);
        byte = (rest & 127) as u8;
        rest >>= 7;
    }
    to.push(byte);
}

/// Index version 2: fan-out, ids, checksums, offsets, far offsets, and two trailing checksums.
fn index(kind: HashKind, entries: &HashMap<Oid, Entry>, pack: Oid) -> Result<Vec<u8>> {
    let mut sorted: Vec<(&Oid, &Entry)> = entries.iter().collect();
    sorted.sort_unstable_by_key(|(id, _)| **id);
    let mut idx = IDX_HEADER.to_vec();
    for first in 0..=u8::MAX {
        let upto = sorted.partition_point(|(id, _)| id.as_bytes()[0] <= first);
        push_u32(&mut idx, upto)?;
    }
    sorted.iter().for_each(|(id, _)| idx.extend_from_slice(id.as_bytes()));
    sorted.iter().for_each(|(_, entry)| idx.extend_from_slice(&entry.crc.to_be_bytes()));
    let mut far = Vec::new();
    for (_, entry) in sorted {
        if entry.offset < FAR {
            push_u32(&mut idx, entry.offset)?;
        } else {
            push_u32(&mut idx, FAR + far.len() / 8)?;
            far.extend_from_slice(&(entry.offset as u64).to_be_bytes());
        }
    }
    idx.extend_from_slice(&far);
    idx.extend_from_slice(pack.as_bytes());
    let own = checksum(kind, &idx)?;
    idx.extend_from_slice(own.as_bytes());
    Ok(idx)
}

fn push_u32(to: &mut Vec<u8>, value: usize) -> Result<()> {
    let value = u32::try_from(value).context("too large for a pack's index")?;
    to.extend_from_slice(&value.to_be_bytes());
    Ok(())
}

fn checksum(kind: HashKind, bytes: &[u8]) -> Result<Oid> {
    let mut hasher = gix::hash::hasher(kind.gix());
    hasher.update(bytes);
    Ok(super::from_gix(&hasher.try_finalize()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::sandbox::{Dir, dice};
    use crate::git::{commit, tree};

    #[test]
    fn a_large_object_that_is_there_already_is_not_stored_again() {
        let mut pack = Pack::new(HashKind::Sha1);
        let (large, other) = (vec![b'x'; LARGE], vec![b'y'; LARGE]);
        let id = pack.add(ObjectKind::Blob, &large).unwrap();
        let other_id = pack.add(ObjectKind::Blob, &other).unwrap();
        let length = pack.new_bytes();
        assert_eq!(pack.add(ObjectKind::Blob, &large).unwrap(), id);
        assert_eq!(id, HashKind::Sha1.hash(ObjectKind::Blob, &large).unwrap());
        assert_eq!((pack.new_bytes(), pack.get(other_id).unwrap().1 == other), (length, true));
    }

    fn noise(len: usize) -> Vec<u8> {
        (0..len).map(|_| dice() as u8).collect()
    }

    #[test]
    fn git_makes_the_very_same_index_and_finds_nothing_wrong() {
        for kind in [HashKind::Sha1, HashKind::Sha256] {
            let dir = Dir::repository(kind);
            let mut pack = Pack::new(kind);
            let blobs = [Vec::new(), b"x".repeat(3_000_000), noise(70_000), noise(15), noise(16)];
            let ids: Vec<Oid> =
                blobs.iter().map(|bytes| pack.add(ObjectKind::Blob, bytes).unwrap()).collect();
            let top = tree::checkpoint(&mut pack, Some(ids[0]), None, None).unwrap();
            let id = commit::write(&mut pack, top, None, b"subject\n\nTrace-Format: 1\n", 1).unwrap();
            for (id, bytes) in ids.iter().zip(&blobs) {
                assert_eq!(pack.get(*id).unwrap(), (ObjectKind::Blob, bytes.clone()));
            }
            let packed = pack.finish().unwrap();
            dir.install(&packed);
            let stem = dir.store_path().join(format!("objects/pack/pack-{}", packed.name));
            let again = dir.path().join("again.idx");
            let file = stem.with_extension("pack");
            dir.git_store(&["index-pack", "--strict", "-o", again.to_str().unwrap(), file.to_str().unwrap()]);
            assert_eq!(std::fs::read(again).unwrap(), packed.idx);
            dir.git_store(&["verify-pack", file.to_str().unwrap()]);
            dir.git_store(&["update-ref", "refs/trace/shadow/x", &id.to_string()]);
            dir.git_store(&["fsck", "--full", "--strict", "--no-dangling"]);
            assert_eq!(
                dir.git_store(&["log", "--format=%s %an %at", "refs/trace/shadow/x"]),
                "subject trace 1"
            );
        }
    }

    #[test]
    fn the_same_object_is_stored_once() {
        let mut pack = Pack::new(HashKind::Sha1);
        assert!(pack.is_empty() && pack.new_bytes() == 0);
        let id = pack.add(ObjectKind::Blob, b"a").unwrap();
        let size = pack.new_bytes();
        assert_eq!((pack.add(ObjectKind::Blob, b"a").unwrap(), pack.new_bytes()), (id, size));
        assert!(pack.has(id) && !pack.is_empty());
        assert_eq!(&pack.finish().unwrap().pack[8..12], [0, 0, 0, 1]);
    }

    #[test]
    fn offsets_beyond_two_gigabytes_stand_in_their_own_table() {
        let offsets = [12, FAR - 1, FAR, 5 * FAR];
        let id = |at: usize| HashKind::Sha1.hash(ObjectKind::Blob, &[at as u8]).unwrap();
        let entry = |offset| Entry { kind: ObjectKind::Blob, offset, data: 0, len: 0, crc: 7 };
        let entries = offsets.iter().enumerate().map(|(at, offset)| (id(at), entry(*offset))).collect();
        let idx = index(HashKind::Sha1, &entries, id(9)).unwrap();
        let read =
            gix::odb::pack::index::File::from_data(idx, "x.idx".into(), gix::hash::Kind::Sha1).unwrap();
        for (at, offset) in offsets.iter().enumerate() {
            let found = read.lookup(crate::git::to_gix(id(at))).unwrap();
            assert_eq!(read.pack_offset_at_index(found), *offset as u64);
        }
    }

    #[test]
    fn a_store_of_a_partial_clone_does_not_miss_what_was_promised() {
        let dir = Dir::repository(HashKind::Sha1);
        for (name, bytes) in crate::git::store::layout(HashKind::Sha1, true) {
            std::fs::write(dir.store_path().join(name), bytes).unwrap();
        }
        let mut pack = Pack::new(HashKind::Sha1);
        let top = tree::checkpoint(&mut pack, None, None, None).unwrap();
        let id = commit::write(&mut pack, top, None, b"subject\n", 1).unwrap();
        dir.install(&pack.finish().unwrap());
        assert_eq!(dir.store().tree(top).unwrap().unwrap(), []);
        dir.git_store(&["update-ref", "refs/trace/shadow/x", &id.to_string()]);
        assert_eq!(dir.git_store(&["config", "extensions.partialClone"]), "origin");
        dir.git_store(&["fsck", "--full", "--strict", "--no-dangling"]);
    }
}
