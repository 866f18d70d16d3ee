//! Up to where each journal file is contained in a checkpoint.
//!
//! A position names its file by the file's own first bytes too: a file that was removed and made
//! again under the same name is another file, and is read from its start.

use std::collections::BTreeMap;

/// How many of a file's first bytes its digest covers.
pub const HEAD: usize = 64;

/// A place in one journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes contained.
    pub offset: u64,
    /// CRC-32 (IEEE) of the first `min(offset, HEAD)` bytes.
    pub head: u32,
}

/// One position per journal file, by file name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub BTreeMap<String, Position>);

impl Cursor {
    /// Where to go on reading `name`, whose first bytes (up to [`HEAD`]) are `head`.
    ///
    /// 0 if the file is not the one the cursor knew, or is shorter than it was.
    pub fn resume(&self, name: &str, head: &[u8], len: u64) -> u64 {
        match self.0.get(name) {
            Some(known) if known.offset <= len && known.head == digest(head, known.offset) => known.offset,
            _ => 0,
        }
    }

    /// Notes that the first `offset` bytes of `name`, which begins with `head`, are contained.
    pub fn advance(&mut self, name: &str, head: &[u8], offset: u64) {
        self.0.insert(name.to_owned(), Position { offset, head: digest(head, offset) });
    }
}

fn digest(head: &[u8], offset: u64) -> u32 {
    let covered = head.len().min(HEAD).min(usize::try_from(offset).unwrap_or(HEAD));
    crc32fast::hash(&head[..covered])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_another_one_is_read_from_its_start() {
        let mut cursor = Cursor::default();
        cursor.advance("s.0", b"first bytes", 5);
        assert_eq!(cursor.resume("s.0", b"first bytes and more", 20), 5);
        assert_eq!(cursor.resume("s.0", b"other bytes", 20), 0, "made again under its name");
        assert_eq!(cursor.resume("s.0", b"firs", 4), 0, "shorter than it was");
        assert_eq!(cursor.resume("s.1", b"first bytes", 20), 0, "never seen");
    }
}
