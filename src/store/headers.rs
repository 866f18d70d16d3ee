//! The messages of a chain's checkpoints in one file, so that a list of them opens no object.
//!
//! A cache: each message is closed by a line `@ <checkpoint> <parent> <tree> <pack> <length>`, so that the
//! file is read from its end, newest first, as far as somebody wants. It is appended to after the swap
//! and caught up from the chain; never a second truth. The pack, where it is known, is the one that the
//! checkpoint came with: while it is there, so is the checkpoint.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use anyhow::Result;

use super::home::Home;
use super::models::News;
use crate::disk::file::{self, Durability};
use crate::model::checkpoint::{Checkpoint, Header};
use crate::model::oid::Oid;
use crate::wire::message;

/// More than a closing line takes.
const CLOSING: u64 = 320;

/// So much of the end is read at first: a page.
const PAGE: u64 = 32 << 10;

/// More than the messages of any chain take.
const CAP: u64 = 1 << 30;

fn path(home: &Home) -> PathBuf {
    home.place.cache().join(format!("headers-{}", home.worktree))
}

/// The newest checkpoint that it has; `None` if there is none or the end is torn.
pub fn last(home: &Home) -> Option<Oid> {
    let file = file::open_regular(&path(home)).ok()?;
    let len = file.metadata().ok()?.len();
    let end = read_at(&file, len.saturating_sub(CLOSING), len)?;
    Some(closing(&end)?.0.id)
}

/// Appends a checkpoint that was just made, if the one before it is the last. If it is not, the next
/// leader catches up.
pub fn append(home: &Home, made: &News<'_>) -> Result<()> {
    let fits = |end: &[u8]| match made.before {
        Some(before) => closing(end).is_some_and(|(last, _)| last.id == before),
        None => end.is_empty(),
    };
    let ids = (made.id, made.before, made.tree);
    let block = block(ids, Some(made.pack), made.header);
    file::append_if(&path(home), &block, CLOSING, fits).map(drop)
}

/// Puts the checkpoints that it lacks behind those it has, oldest first; or in their place.
pub fn replace<'a>(home: &Home, kept: Kept, lacked: impl Iterator<Item = &'a Checkpoint>) -> Result<()> {
    let mut bytes = match kept {
        Kept::All => file::read(&path(home), CAP)?.unwrap_or_default(),
        Kept::Nothing => Vec::new(),
    };
    lacked.for_each(|one| bytes.extend(block((one.id, one.parent, one.tree), None, &one.header)));
    file::replace(&path(home), &bytes, Durability::Buffered)
}

/// What stays of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    All,
    Nothing,
}

fn block((id, parent, tree): (Oid, Option<Oid>, Oid), pack: Option<&str>, header: &Header) -> Vec<u8> {
    let mut block = message::encode(header);
    let (parent, len) = (parent.map_or("-".to_owned(), |parent| parent.to_string()), block.len());
    let pack = pack.unwrap_or("-");
    block.extend_from_slice(format!("@ {id} {parent} {tree} {pack} {len}\n").as_bytes());
    block
}

/// What a closing line says.
struct Closing {
    id: Oid,
    parent: Option<Oid>,
    tree: Oid,
    pack: Option<Oid>,
    /// How long the message before it is.
    len: usize,
}

/// The closing line that `bytes` end with, and how long it is.
fn closing(bytes: &[u8]) -> Option<(Closing, usize)> {
    let line = bytes.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    let mut words = line.strip_prefix(b"@ ")?.split(|byte| *byte == b' ');
    let id = Oid::parse(words.next()?)?;
    let perhaps = |word: &[u8]| match word {
        b"-" => Some(None),
        hex => Oid::parse(hex).map(Some),
    };
    let parent = perhaps(words.next()?)?;
    let tree = Oid::parse(words.next()?)?;
    let pack = perhaps(words.next()?)?;
    let len = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    words.next().is_none().then_some((Closing { id, parent, tree, pack, len }, line.len() + 1))
}

/// The checkpoints that it has, newest first. Ends where it makes no sense.
pub struct Headers {
    file: Option<File>,
    /// Where in the file `bytes` begin.
    start: u64,
    /// What of it is in memory, up to what was told.
    bytes: Vec<u8>,
}

impl Headers {
    /// Opens it; an absent one is empty.
    pub fn open(home: &Home) -> Self {
        let file = file::open_regular(&path(home)).ok();
        let len = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len());
        let mut headers = Self { file, start: len, bytes: Vec::new() };
        headers.back(PAGE);
        headers
    }

    /// Whether the pack that the newest one came with is still there. Those before it are not asked after.
    pub fn newest_is_stored(&self, home: &Home) -> bool {
        let packs = home.place.store().join("objects/pack");
        let is_file =
            |name: String| std::fs::symlink_metadata(packs.join(name)).is_ok_and(|meta| meta.is_file());
        let pack = closing(&self.bytes).and_then(|(newest, _)| newest.pack);
        pack.is_some_and(|pack| ["idx", "pack"].iter().all(|end| is_file(format!("pack-{pack}.{end}"))))
    }

    /// Reads so much more of what comes before; false if that is nothing.
    fn back(&mut self, most: u64) -> bool {
        let begin = self.start.saturating_sub(most);
        let before = self.file.as_ref().and_then(|file| read_at(file, begin, self.start));
        let Some(mut before) = before.filter(|before| !before.is_empty()) else { return false };
        before.append(&mut self.bytes);
        (self.start, self.bytes) = (begin, before);
        true
    }

    fn newest(&mut self) -> Option<Checkpoint> {
        let (Closing { id, parent, tree, len, .. }, line) = loop {
            match closing(&self.bytes) {
                // A line that is cut in front may pass for a whole one, but for its first byte.
                Some((found, line)) if found.len + line <= self.bytes.len() => break (found, line),
                _ if !self.back(u64::MAX) => return None,
                _ => {}
            }
        };
        let end = self.bytes.len() - line;
        let header = message::parse(&self.bytes[end - len..end]).ok()?;
        self.bytes.truncate(end - len);
        Some(Checkpoint { id, parent, tree, header })
    }
}

impl Iterator for Headers {
    type Item = Checkpoint;

    fn next(&mut self) -> Option<Checkpoint> {
        self.newest()
    }
}

fn read_at(file: &File, begin: u64, end: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(end - begin).ok()?];
    file.read_exact_at(&mut bytes, begin).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checkpoint::{FORMAT, Files, Kind, Snapshot};
    use crate::model::id::WorktreeId;
    use crate::model::time::Timestamp;

    fn oid(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn made(at: u8) -> Checkpoint {
        let header = Header {
            subject: format!("@ {at}"),
            kind: Kind::Auto,
            time: Timestamp(i64::from(at)),
            worktree: WorktreeId::parse("0123456789abcdef").unwrap(),
            worktree_path: "/w".into(),
            head: None,
            branch: Some("b".into()),
            base: None,
            sessions: Vec::new(),
            commands: 2,
            files: Files::default(),
            snapshot: Snapshot::Full,
            skipped: 0,
            set_aside: 0,
            continues: None,
            cursor: Default::default(),
            unique: [at; 16],
            format: FORMAT,
        };
        Checkpoint { id: oid(at), parent: (at > 1).then(|| oid(at - 1)), tree: oid(100 + at), header }
    }

    fn of_bytes(bytes: &[u8]) -> Vec<Checkpoint> {
        Headers { file: None, start: 0, bytes: bytes.to_vec() }.collect()
    }

    #[test]
    fn checkpoints_are_read_back_from_the_newest_on() {
        let chain: Vec<Checkpoint> = (1..=4).map(made).collect();
        let bytes: Vec<u8> =
            chain.iter().flat_map(|one| block((one.id, one.parent, one.tree), None, &one.header)).collect();
        assert_eq!(of_bytes(&bytes), chain.iter().rev().cloned().collect::<Vec<_>>());
        let path = std::env::temp_dir().join(format!("trace-headers-{}", std::process::id()));
        std::fs::write(&path, &bytes).unwrap();
        for page in 0..bytes.len() as u64 {
            let file = Some(File::open(&path).unwrap());
            let mut headers = Headers { file, start: bytes.len() as u64, bytes: Vec::new() };
            headers.back(page);
            assert_eq!(headers.count(), 4, "{page} bytes at first");
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_cut_anywhere_says_nothing_or_what_some_checkpoint_left() {
        let blocks = [1, 2].map(made).map(|one| block((one.id, one.parent, one.tree), None, &one.header));
        let bytes = blocks.concat();
        for cut in 0..bytes.len() {
            let told: Vec<Oid> = of_bytes(&bytes[..cut]).iter().map(|one| one.id).collect();
            let whole = if cut == blocks[0].len() { vec![oid(1)] } else { vec![] };
            assert_eq!(told, whole, "cut at {cut}");
        }
    }
}
