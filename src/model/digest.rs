//! Fingerprints of foreign text: names of files and locks, ids derived from keys.
//!
//! The only user of `sha2` and `hmac-sha256`. Our own content has git ids and needs none of this.

use sha2::{Digest, Sha256};

/// To ask the processor for its instructions (three `CPUID`) takes 10 to 30 µs each in a virtual machine,
/// which is a sixth of what a hook of the static program takes; so many bytes are hashed without them in that time.
const FEW: usize = 16 << 10;

/// SHA-256 of the parts, a NUL byte between two of them, for many or long texts.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    between_nuls(parts, |bytes| hasher.update(bytes));
    hasher.finalize().into()
}

/// The same, for a process that needs few of them.
pub fn once(parts: &[&[u8]]) -> [u8; 32] {
    if parts.iter().map(|part| part.len()).sum::<usize>() > FEW {
        return sha256(parts);
    }
    let mut hasher = hmac_sha256::Hash::new();
    between_nuls(parts, |bytes| hasher.update(bytes));
    hasher.finalize()
}

fn between_nuls(parts: &[&[u8]], mut update: impl FnMut(&[u8])) {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            update(&[0]);
        }
        update(part);
    }
}

/// The first 32 hex digits of [`once`]: a name that no foreign id can steer.
pub fn name(parts: &[&[u8]]) -> String {
    hex(&once(parts)[..16])
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        assert_ne!(name(&[b"ab", b"c"]), name(&[b"a", b"bc"]));
        assert_eq!(name(&[b""]), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_eq!(hex(&[0x00, 0x9f, 0xf0]), "009ff0");
    }

    #[test]
    fn few_bytes_and_many_have_the_same_digest() {
        for length in [0, 1, 55, 56, 63, 64, 65, 1000, FEW - 1, FEW, FEW + 1] {
            let text = vec![b'x'; length];
            assert_eq!(once(&[&text]), sha256(&[&text]), "{length}");
            assert_eq!(once(&[b"a", &text]), sha256(&[b"a", &text]), "{length}");
        }
    }
}
