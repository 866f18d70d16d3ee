//! The objects that were put together from deltas last.
//!
//! In a merged pack a checkpoint is a delta against its neighbour, that one against the next, up to
//! fifty of them; whoever walks the chain needs each neighbour once more, and at once. Refuses to be
//! a cache of everything: what is not asked for soon is forgotten.

use gix::objs::Kind;
use gix::odb::pack::cache::DecodeEntry;

/// How many objects are kept: the neighbours of a chain, and of its trees.
const KEPT: usize = 64;
/// A larger object is not kept: memory stays bounded, and its deltas were cheap beside it.
const LARGEST: usize = 64 << 10;

/// The last objects, in a ring.
#[derive(Default)]
pub(super) struct Recent {
    slots: Vec<Slot>,
    oldest: usize,
}

struct Slot {
    pack: u32,
    offset: u64,
    kind: Kind,
    compressed: usize,
    bytes: Vec<u8>,
}

impl DecodeEntry for Recent {
    fn put(&mut self, pack: u32, offset: u64, data: &[u8], kind: Kind, compressed: usize) {
        if data.len() > LARGEST {
            return;
        }
        if self.slots.len() < KEPT {
            self.slots.push(Slot { pack, offset, kind, compressed, bytes: data.to_vec() });
            return;
        }
        let slot = &mut self.slots[self.oldest];
        (slot.pack, slot.offset, slot.kind, slot.compressed) = (pack, offset, kind, compressed);
        slot.bytes.clear();
        slot.bytes.extend_from_slice(data);
        self.oldest = (self.oldest + 1) % KEPT;
    }

    fn get(&mut self, pack: u32, offset: u64, out: &mut Vec<u8>) -> Option<(Kind, usize)> {
        let slot = self.slots.iter().find(|slot| slot.offset == offset && slot.pack == pack)?;
        out.clear();
        out.extend_from_slice(&slot.bytes);
        Some((slot.kind, slot.compressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_objects_are_kept_and_older_ones_forgotten() {
        let mut recent = Recent::default();
        let mut out = vec![9];
        for at in 0..200u64 {
            recent.put(1, at, &at.to_le_bytes(), Kind::Tree, 7);
        }
        assert_eq!(recent.get(1, 199, &mut out), Some((Kind::Tree, 7)));
        assert_eq!(out, 199u64.to_le_bytes());
        assert!(recent.get(1, 136, &mut out).is_some());
        assert_eq!(recent.get(1, 135, &mut out), None);
        assert_eq!(recent.get(2, 199, &mut out), None, "another pack");
        recent.put(1, 500, &vec![0; LARGEST + 1], Kind::Blob, 7);
        assert_eq!(recent.get(1, 500, &mut out), None);
        assert_eq!(out, 136u64.to_le_bytes(), "a miss leaves the buffer alone");
    }
}
