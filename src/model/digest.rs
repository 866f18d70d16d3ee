//! Fingerprints of foreign text: names of files and locks, ids derived from keys.
//!
//! The only user of `sha2`. Our own content has git ids and needs none of this.

use sha2::{Digest, Sha256};

/// SHA-256 of the parts, a NUL byte between two of them.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            hasher.update([0]);
        }
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The first 32 hex digits of [`sha256`]: a name that no foreign id can steer.
pub fn name(parts: &[&[u8]]) -> String {
    hex(&sha256(parts)[..16])
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
}
