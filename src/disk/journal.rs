//! The append-only files in which events wait: one per session, `<name>.<n>`.
//!
//! One event is one `write(2)` with `O_APPEND`, so nothing is locked and a killed writer leaves a
//! prefix. A file that must not grow any further is left for the next `<n>`; it is never cut, and it
//! is removed only when nobody has it open and all of it is in a checkpoint (see `lease.rs`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use bstr::ByteSlice;
use rustix::fs::OFlags;

use super::file::{self, Durability};
use super::lease::Lease;
use crate::model::cursor::HEAD;

/// A writer goes on to the next file when this one has so many bytes.
const FULL: u64 = 4 << 20;

/// More numbered files than a session can have for any good reason.
pub const MOST_FILES: u32 = 1000;

/// How far [`mentions`] looks from each end of a journal, bytes.
const EDGE: u64 = 64 << 10;

/// How far it looks before anything else.
const BEGIN: u64 = 256;

/// The name of a journal without its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stem(String);

impl Stem {
    /// Accepts what can be part of a file name: letters, digits and `-`, up to 64.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.to_owned()))
    }

    /// The name of the `n`-th file.
    pub fn file(&self, n: u32) -> String {
        format!("{}.{n}", self.0)
    }
}

/// The session part and the number of a journal's file name.
pub fn parts(file_name: &str) -> Option<(&str, u32)> {
    let (stem, n) = file_name.rsplit_once('.')?;
    Stem::parse(stem)?;
    n.parse().ok().map(|n| (stem, n))
}

/// Appends one frame to the journal `stem` in `dir` and returns the file it went to.
///
/// # Errors
/// The frame is then acknowledged nowhere, but may be there: its id makes a second one harmless.
pub fn append(dir: &Path, stem: &Stem, frame: &[u8], durability: Durability) -> Result<PathBuf> {
    let (mut n, mut torn) = (0, 0);
    while n < MOST_FILES {
        let path = dir.join(stem.file(n));
        match append_to(&path, frame, durability) {
            Ok(Outcome::Written) => return Ok(path),
            Ok(Outcome::Removed) => {}
            Ok(Outcome::NotHere) => n += 1,
            // One file may have reached a limit of its own; if the next one fails too, all would.
            Ok(Outcome::Torn) if torn == 0 => (n, torn) = (n + 1, 1),
            Ok(Outcome::Torn) => bail!("there is no room for {} bytes in {}", frame.len(), path.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => file::private_dir(dir)?,
            Err(error) => return Err(error).with_context(|| format!("append to {}", path.display())),
        }
    }
    bail!("{} has {MOST_FILES} files of one session", dir.display())
}

/// What became of one try to append.
enum Outcome {
    Written,
    /// The file was removed under us: write again, into its successor of the same name.
    Removed,
    /// The file is full, or broken, or not ours to write: use the next number.
    NotHere,
    /// A full disk or a limit stopped it half way. The reader sets the fragment aside.
    Torn,
}

fn append_to(path: &Path, frame: &[u8], durability: Durability) -> io::Result<Outcome> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        // A lease being held for its removal (`lease.rs`).
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Outcome::NotHere),
        Err(error) => return Err(error),
    };
    let before = file.metadata()?;
    if !before.is_file() || before.len() >= FULL {
        return Ok(Outcome::NotHere);
    }
    match file.write(frame) {
        Ok(n) if n == frame.len() => {}
        Ok(_) => return Ok(Outcome::Torn),
        // It is as long as our caller's limit lets a file be.
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge && before.len() > 0 => {
            return Ok(Outcome::NotHere);
        }
        Err(error) => return Err(error),
    }
    if durability == Durability::Synced {
        file.sync_data()?;
        if let (0, Some(dir)) = (before.len(), path.parent()) {
            File::open(dir)?.sync_all()?;
        }
    }
    match file.metadata()?.nlink() {
        0 => Ok(Outcome::Removed),
        _ => Ok(Outcome::Written),
    }
}

/// A journal file as a leader finds it.
#[derive(Debug)]
pub struct Found {
    pub name: String,
    pub path: PathBuf,
    pub len: u64,
    /// Its first bytes, for the cursor. They tell it from a later file of the same name.
    pub head: Vec<u8>,
    /// When it was last written to, if the file system says.
    pub written: Option<SystemTime>,
}

/// The journal files of a directory, and those that would not open.
#[derive(Debug, Default)]
pub struct Listing {
    pub found: Vec<Found>,
    pub unreadable: Vec<(String, io::Error)>,
}

/// The journal files of `dir`, by session and number; none if there is no such directory.
pub fn list(dir: &Path) -> Result<Listing> {
    listed(dir, &|_| true)
}

/// Those of the journal `stem` only; no other is opened.
pub fn list_of(dir: &Path, stem: &Stem) -> Result<Listing> {
    listed(dir, &|name| name == stem.0)
}

fn listed(dir: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Result<Listing> {
    let context = || format!("list journals in {}", dir.display());
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Listing::default()),
        Err(error) => return Err(error).with_context(context),
    };
    let mut all = Listing::default();
    for entry in entries {
        let name = entry.with_context(context)?.file_name();
        let ours = |name: &&str| parts(name).is_some_and(|(stem, _)| is_wanted(stem));
        let Some(name) = name.to_str().filter(ours) else { continue };
        let path = dir.join(name);
        match open(&path, name) {
            Ok(found) => all.found.push(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => all.unreadable.push((name.to_owned(), error)),
        }
    }
    all.found.sort_by(|a, b| parts(&a.name).cmp(&parts(&b.name)));
    Ok(all)
}

fn open(path: &Path, name: &str) -> io::Result<Found> {
    let file = file::open_regular(path)?;
    let meta = file.metadata()?;
    let head = head(&file, HEAD)?;
    let (name, path) = (name.to_owned(), path.to_owned());
    Ok(Found { name, path, len: meta.len(), head, written: meta.modified().ok() })
}

fn head(file: &File, most: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(most);
    file.take(most as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The last file of the journal `stem`.
pub fn last(dir: &Path, stem: &Stem) -> io::Result<Found> {
    let name = stem.file(last_number(dir, stem));
    open(&dir.join(&name), &name)
}

fn last_number(dir: &Path, stem: &Stem) -> u32 {
    (0..MOST_FILES).find(|n| !dir.join(stem.file(n + 1)).exists()).unwrap_or(MOST_FILES)
}

/// Whether the journal `stem` has `words` in its first or its last `EDGE` bytes.
///
/// What cannot be read has no words in it: to say something twice is better than not at all.
pub fn mentions(dir: &Path, stem: &Stem, words: &[u8]) -> bool {
    let has = |n: u32, edge: Edge| {
        edge.read(&dir.join(stem.file(n)), EDGE).is_ok_and(|bytes| bytes.find(words).is_some())
    };
    // What is looked for nearly always stands at the very beginning. Few bytes are searched plainly: a
    // quick search would first ask what this processor can do, which takes longer.
    let begin = Edge::First.read(&dir.join(stem.file(0)), BEGIN).unwrap_or_default();
    begin.windows(words.len().max(1)).any(|part| part == words)
        || has(0, Edge::First)
        || has(last_number(dir, stem), Edge::Last)
}

#[derive(Clone, Copy)]
enum Edge {
    First,
    Last,
}

impl Edge {
    fn read(self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut file = file::open_regular(path)?;
        let len = file.metadata()?.len();
        if let Self::Last = self {
            file.seek(SeekFrom::Start(len.saturating_sub(most)))?;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len.min(most)).unwrap_or(0));
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Found {
    /// Up to `most` bytes from `offset` on; none if the file has gone since it was listed.
    ///
    /// It is opened anew: there may be more journals than descriptors.
    pub fn read_from(&mut self, offset: u64, most: u64) -> Result<Vec<u8>> {
        let context = || format!("read journal {}", self.path.display());
        let Some(mut file) = self.open_again().with_context(context)? else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(most).read_to_end(&mut bytes))
            .with_context(context)?;
        Ok(bytes)
    }

    /// The file that was listed; `None` if it is gone, or another has its name.
    fn open_again(&self) -> io::Result<Option<File>> {
        let file = match file::open_regular(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Journals only grow, so the first bytes stay what they were.
        Ok((head(&file, self.head.len())? == self.head).then_some(file))
    }

    /// How long ago it had been written to when it was listed, judged by the file system's own clock.
    pub fn quiet_for(&self, fs_now: SystemTime) -> Duration {
        self.written.and_then(|at| fs_now.duration_since(at).ok()).unwrap_or_default()
    }

    /// Removes the file if all of its `contained` bytes are all there is and nobody can write more.
    pub fn remove_if_drained(&self, contained: u64) -> Result<Removal> {
        let context = || format!("remove journal {}", self.path.display());
        let Some(file) = self.open_again().with_context(context)? else { return Ok(Removal::Kept) };
        let Some(_lease) = Lease::take(&file) else { return Ok(Removal::Kept) };
        let now = file.metadata().with_context(context)?;
        let named = fs::symlink_metadata(&self.path).with_context(context)?;
        if now.len() != contained || named.ino() != now.ino() {
            return Ok(Removal::Kept);
        }
        fs::remove_file(&self.path).with_context(context)?;
        Ok(Removal::Done)
    }
}

/// What became of an attempt to remove a journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Done,
    /// Somebody has it open, it holds more than the checkpoint, or it is another file by now.
    Kept,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("trace-journal-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    fn whole(dir: &Path) -> Vec<u8> {
        list(dir).unwrap().found.iter_mut().flat_map(|found| found.read_from(0, 1 << 20).unwrap()).collect()
    }

    #[test]
    fn a_directory_is_made_on_demand_and_frames_follow_each_other() {
        let dir = dir("order");
        let stem = Stem::parse("s").unwrap();
        append(&dir, &stem, b"one", Durability::Synced).unwrap();
        append(&dir, &stem, b"two", Durability::Buffered).unwrap();
        assert_eq!(whole(&dir), b"onetwo");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_full_file_is_left_for_the_next_number() {
        let dir = dir("full");
        let stem = Stem::parse("s").unwrap();
        file::private_dir(&dir).unwrap();
        File::create(dir.join("s.0")).unwrap().set_len(FULL).unwrap();
        let path = append(&dir, &stem, b"x", Durability::Buffered).unwrap();
        assert_eq!(path, dir.join("s.1"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_file_goes_only_when_it_is_drained_and_nobody_has_it_open() {
        let dir = dir("removal");
        let path = append(&dir, &Stem::parse("s").unwrap(), b"four", Durability::Buffered).unwrap();
        let writer = File::options().append(true).open(&path).unwrap();
        let [found] = &list(&dir).unwrap().found[..] else { panic!("one file") };
        assert_eq!(found.remove_if_drained(4).unwrap(), Removal::Kept, "a stopped writer may go on");
        drop(writer);
        assert_eq!(found.remove_if_drained(3).unwrap(), Removal::Kept, "a byte is in no checkpoint");
        assert_eq!(found.remove_if_drained(4).unwrap(), Removal::Done);
        assert!(!path.exists());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_file_that_went_or_was_replaced_since_it_was_listed_says_nothing() {
        let dir = dir("replaced");
        let stem = Stem::parse("s").unwrap();
        let path = append(&dir, &stem, b"first", Durability::Buffered).unwrap();
        let mut found = list(&dir).unwrap().found;
        append(&dir, &stem, b" more", Durability::Buffered).unwrap();
        assert_eq!(found[0].read_from(3, 100).unwrap(), b"st more", "a file that grew is the same file");
        fs::write(&path, b"other").unwrap();
        assert_eq!(found[0].read_from(0, 100).unwrap(), b"");
        assert_eq!(found[0].remove_if_drained(5).unwrap(), Removal::Kept);
        fs::remove_file(&path).unwrap();
        assert_eq!(found[0].read_from(0, 100).unwrap(), b"");
        assert_eq!(found[0].remove_if_drained(5).unwrap(), Removal::Kept);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn names_that_could_leave_the_directory_are_no_journals() {
        for bad in ["", "..", "a/b", "a.b", "é", &"x".repeat(65)] {
            assert_eq!(Stem::parse(bad), None, "{bad:?}");
        }
        assert_eq!(parts("a-b.12"), Some(("a-b", 12)));
        assert_eq!(parts("a-b"), None);
    }
}
