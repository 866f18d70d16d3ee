//! A transcript, as the file of another program: read beside its writer, never waited for.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use bstr::ByteSlice;

use super::file;
use crate::model::transcript::{WINDOW, proof};

/// So much is read at once where only its lines matter, bytes.
const PAGE: u64 = 1 << 20;

/// A plain file of the user's own.
pub struct Transcript {
    file: File,
    /// How long it was when it was opened, in bytes.
    pub length: u64,
    /// When it was last written, as of then, microseconds since 1970.
    pub written: i64,
}

impl Transcript {
    /// Opens it.
    ///
    /// # Errors
    /// It is absent, no plain file, or somebody else's: what a hook says may name anything.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = file::open_regular(path)?;
        let meta = file.metadata()?;
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is somebody else's file"));
        }
        let written = meta.mtime().saturating_mul(1_000_000).saturating_add(meta.mtime_nsec() / 1000);
        Ok(Self { file, length: meta.len(), written })
    }

    /// What shows that it is the same up to `offset`; `None` if it is shorter.
    pub fn proof(&self, offset: u64) -> io::Result<Option<String>> {
        if offset > self.length {
            return Ok(None);
        }
        let window = offset.min(WINDOW);
        let (first, before) = (self.read(0, window)?, self.read(offset - window, window)?);
        Ok(Some(if offset == 0 { String::new() } else { proof(&first, &before) }))
    }

    /// Reads at most so many bytes from `start` on, none that were written after it was opened.
    pub fn read(&self, start: u64, most: u64) -> io::Result<Vec<u8>> {
        let wanted = self.length.saturating_sub(start).min(most);
        let mut bytes = vec![0; usize::try_from(wanted).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    /// Reads it whole, if it has at most so many bytes.
    pub fn whole(&self, most: u64) -> io::Result<Vec<u8>> {
        if self.length > most {
            return Err(io::Error::other(format!("it is longer than {} MiB", most >> 20)));
        }
        self.read(0, most)
    }

    /// How many lines it has; one that is not closed is a line, too.
    pub fn lines(&self) -> io::Result<usize> {
        let (mut at, mut count, mut last) = (0, 0, b'\n');
        while at < self.length {
            let page = self.read(at, PAGE)?;
            count += page.iter().filter(|byte| **byte == b'\n').count();
            last = page.last().copied().unwrap_or(last);
            at += page.len() as u64;
        }
        Ok(count + usize::from(last != b'\n'))
    }

    /// Where the line ends that goes on at `from`; `None` if it does not end.
    pub fn line_end(&self, from: u64) -> io::Result<Option<u64>> {
        let mut at = from;
        loop {
            let page = self.read(at, PAGE)?;
            match page.find_byte(b'\n') {
                Some(found) => return Ok(Some(at + found as u64 + 1)),
                None if page.is_empty() => return Ok(None),
                None => at += page.len() as u64,
            }
        }
    }
}

/// Reads a transcript whole, if it is a plain file of the user's own with at most so many bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    Transcript::open(path)?.whole(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_whether_it_is_closed_or_not() {
        let path = std::env::temp_dir().join(format!("trace-lines-{}", std::process::id()));
        let long = "x".repeat(PAGE as usize);
        for (text, lines) in [("", 0), ("a", 1), ("a\n", 1), ("a\n\nb", 3), (&format!("{long}\n{long}"), 2)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Transcript::open(&path).unwrap().lines().unwrap(), lines);
        }
        std::fs::remove_file(path).unwrap();
    }
}
