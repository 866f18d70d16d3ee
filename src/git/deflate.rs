//! Deflates small objects: the fixed code of RFC 1951, 3.2.6, and for each place one look back, to where
//! the same four bytes were last.
//!
//! zlib's quickest level makes as much of them, but in 170 KB of memory, of which it clears 128 KB for each.
//! The system gives those page by page, at 45 page faults, a quarter of those of a small checkpoint. What
//! does not shrink is stored. What is not small is not for it.

/// The longest object it takes: every distance and every place fits, see [`Deflate::last`].
pub(super) const LONGEST: usize = 16 << 10;

/// Binary logarithm of how many places are remembered.
const REMEMBERED: u32 = 12;
/// The shortest stretch that is looked for, and the longest that one code stands for (RFC 1951, 3.2.5).
const SHORTEST: usize = 4;
const STRETCH: usize = 258;
/// zlib's header: deflate, a window of 32 KiB, at the least effort (RFC 1950, 2.2).
const HEADER: [u8; 2] = [0x78, 0x01];
const END_OF_BLOCK: usize = 256;

/// What it remembers while it works; made once, for many objects.
pub(super) struct Deflate {
    /// By their hash, one more than the place where four bytes were last; 0 is none.
    last: Box<[u16; 1 << REMEMBERED]>,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self { last: Box::new([0; 1 << REMEMBERED]) }
    }

    /// Appends `bytes`, at most [`LONGEST`] of them, as a stream of zlib.
    pub(super) fn append(&mut self, bytes: &[u8], to: &mut Vec<u8>) {
        debug_assert!(bytes.len() <= LONGEST);
        to.extend_from_slice(&HEADER);
        let begin = to.len();
        // No byte takes more than nine bits, neither alone nor within a stretch.
        to.reserve(bytes.len() + bytes.len() / 8 + 16);
        self.block(bytes, &mut Bits { to, held: 0, count: 0 });
        if to.len() - begin > bytes.len() + 5 {
            to.truncate(begin);
            store(bytes, to);
        }
        to.extend_from_slice(&adler32(bytes).to_be_bytes());
    }

    fn block(&mut self, bytes: &[u8], bits: &mut Bits<'_>) {
        self.last.fill(0);
        // The last block, in the fixed code.
        bits.push(0b011, 3);
        let mut at = 0;
        while let Some(four) = four(bytes, at) {
            let seen = self.remember(four, at);
            match seen.filter(|seen| self::four(bytes, *seen) == Some(four)) {
                Some(seen) => {
                    let len = common(&bytes[seen..], &bytes[at..]);
                    let (code, count) = LENGTHS[len - 3];
                    bits.push(code, count);
                    bits.distance(at - seen);
                    at += len;
                    // What follows a stretch is found again through its end.
                    if let Some(four) = self::four(bytes, at - 2) {
                        self.remember(four, at - 2);
                    }
                }
                None => {
                    bits.literal(bytes[at]);
                    at += 1;
                }
            }
        }
        bytes[at..].iter().for_each(|byte| bits.literal(*byte));
        let (code, count) = FIXED[END_OF_BLOCK];
        bits.push(code, count);
        bits.finish();
    }

    /// Where these four bytes were before; from now on they were last at `at`.
    fn remember(&mut self, four: u32, at: usize) -> Option<usize> {
        // Multiplication by the golden ratio of 2^32 spreads what differs in any bit over the highest.
        let hash = four.wrapping_mul(0x9e37_79b1) >> (32 - REMEMBERED);
        let last = std::mem::replace(&mut self.last[hash as usize], at as u16 + 1);
        usize::from(last).checked_sub(1)
    }
}

fn four(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + SHORTEST)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// How many bytes both begin with, as far as one code goes.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take(STRETCH).take_while(|(one, other)| one == other).count()
}

/// Appends one block that holds `bytes` as they are (RFC 1951, 3.2.4).
fn store(bytes: &[u8], to: &mut Vec<u8>) {
    let len = bytes.len() as u16;
    to.push(1);
    to.extend_from_slice(&len.to_le_bytes());
    to.extend_from_slice(&(!len).to_le_bytes());
    to.extend_from_slice(bytes);
}

/// RFC 1950, 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    /// The largest prime below 2^16.
    const BASE: u32 = 65521;
    /// After so many bytes the sums must be reduced, or they would not fit.
    const MOST: usize = 5552;
    let (mut low, mut high) = (1, 0);
    for bytes in bytes.chunks(MOST) {
        for byte in bytes {
            low += u32::from(*byte);
            high += low;
        }
        (low, high) = (low % BASE, high % BASE);
    }
    high << 16 | low
}

/// Bits that are appended, the lowest of a byte first.
struct Bits<'v> {
    to: &'v mut Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// Appends the lowest `count` bits of `bits`, at most 32.
    fn push(&mut self, bits: u32, count: u32) {
        self.held |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.to.extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= 32;
            self.count -= 32;
        }
    }

    fn literal(&mut self, byte: u8) {
        let (code, count) = FIXED[usize::from(byte)];
        self.push(code, count);
    }

    /// A distance has a code of five bits for its magnitude and the bit below, the highest bit first, and
    /// then what is left of it (RFC 1951, 3.2.5).
    fn distance(&mut self, distance: usize) {
        let rest = (distance - 1) as u32;
        let magnitude = rest.checked_ilog2().unwrap_or(0);
        let extra = magnitude.saturating_sub(1);
        let code = 2 * extra + (rest >> extra);
        self.push(code.reverse_bits() >> 27, 5);
        self.push(rest & ((1 << extra) - 1), extra);
    }

    /// Fills the last byte.
    fn finish(&mut self) {
        let left = self.count.div_ceil(8) as usize;
        self.to.extend_from_slice(&self.held.to_le_bytes()[..left]);
    }
}

/// The fixed code of each symbol, its highest bit lowest, and how many bits it has (RFC 1951, 3.2.6).
const FIXED: [(u32, u32); 288] = {
    let mut codes = [(0, 0); 288];
    let mut symbol = 0;
    while symbol < 288 {
        let (code, count) = match symbol as u32 {
            literal @ 0..=143 => (0x30 + literal, 8),
            literal @ 144..=255 => (0x190 + literal - 144, 9),
            length @ 256..=279 => (length - 256, 7),
            length => (0xc0 + length - 280, 8),
        };
        codes[symbol] = (code.reverse_bits() >> (32 - count), count);
        symbol += 1;
    }
    codes
};

/// The code of each length from 3 on with the bits behind it, and how many they are (RFC 1951, 3.2.5).
const LENGTHS: [(u32, u32); STRETCH - 2] = {
    let mut codes = [(0, 0); STRETCH - 2];
    let mut length = 0;
    while length < codes.len() - 1 {
        // The first eight lengths have a symbol each, then four symbols share each number of bits.
        let extra = if length < 8 { 0 } else { (length as u32).ilog2() - 2 };
        let symbol = 257 + 4 * extra as usize + (length >> extra);
        let (code, count) = FIXED[symbol];
        let rest = length as u32 & ((1 << extra) - 1);
        codes[length] = (code | rest << count, count + extra);
        length += 1;
    }
    // The longest has a symbol of its own.
    codes[length] = FIXED[285];
    codes
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::sandbox::dice;
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
    use proptest::prelude::*;

    fn deflated(deflate: &mut Deflate, bytes: &[u8]) -> Vec<u8> {
        let mut to = b"before".to_vec();
        deflate.append(bytes, &mut to);
        to.split_off(6)
    }

    fn comes_back(deflate: &mut Deflate, bytes: &[u8]) {
        let packed = deflated(deflate, bytes);
        assert!(packed.len() <= bytes.len() + 11, "{} of {}", packed.len(), bytes.len());
        let mut again = Vec::with_capacity(bytes.len() + 1);
        let mut inflate = Decompress::new(true);
        let status = inflate.decompress_vec(&packed, &mut again, FlushDecompress::Finish).unwrap();
        assert_eq!((status, inflate.total_in() as usize), (Status::StreamEnd, packed.len()));
        assert!(again == bytes, "{bytes:?}");
    }

    /// As zlib's quickest level has it.
    fn quickest(bytes: &[u8]) -> usize {
        let mut to = Vec::with_capacity(bytes.len() + 100);
        Compress::new(Compression::new(1), true).compress_vec(bytes, &mut to, FlushCompress::Finish).unwrap();
        to.len()
    }

    #[test]
    fn every_length_of_a_stretch_comes_back() {
        let mut deflate = Deflate::new();
        for len in (0..300).chain([LONGEST - 1, LONGEST]) {
            comes_back(&mut deflate, &vec![b'x'; len]);
        }
    }

    #[test]
    fn a_stretch_comes_back_from_every_distance() {
        let mut deflate = Deflate::new();
        let stretch = b"sixteen letters.";
        // Where another code begins, and beside it.
        let steps = (1..14).flat_map(|bit| [2, 3].map(|half| (half << bit) / 2 + 1));
        let distances = steps.flat_map(|first| [first - 1, first, first + 1]).chain(1..600);
        for distance in distances.chain([LONGEST - 16]).filter(|distance| *distance <= LONGEST - 16) {
            let bytes = match distance.checked_sub(stretch.len()) {
                Some(gap) => [&stretch[..], &vec![0; gap], stretch].concat(),
                None => stretch[..distance].repeat(40),
            };
            assert!(deflated(&mut deflate, &bytes).len() < 80 + bytes.len() / 100, "{distance}");
            comes_back(&mut deflate, &bytes);
        }
    }

    #[test]
    fn what_does_not_shrink_comes_back() {
        for len in [0, 1, 255, 256, 4_000, LONGEST] {
            let noise: Vec<u8> = (0..len).map(|_| dice() as u8).collect();
            comes_back(&mut Deflate::new(), &noise);
        }
    }

    #[test]
    fn it_is_about_as_small_as_what_zlib_makes_in_its_quickest_way() {
        let text = include_bytes!("deflate.rs");
        for len in [500, 2_400, 8_000] {
            let (ours, theirs) = (deflated(&mut Deflate::new(), &text[..len]).len(), quickest(&text[..len]));
            assert!(ours * 10 < theirs * 11, "{ours} and {theirs} of {len}");
        }
    }

    proptest! {
        #[test]
        fn anything_comes_back(pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..40), 1..30usize), 0..20)) {
            let mut bytes: Vec<u8> = pieces.iter().flat_map(|(piece, times)| piece.repeat(*times)).collect();
            bytes.truncate(LONGEST);
            let mut deflate = Deflate::new();
            comes_back(&mut deflate, &bytes);
            bytes.reverse();
            comes_back(&mut deflate, &bytes);
        }
    }
}
