//! How a directory is known again: by inode, and by device or path.
//!
//! A number of a device is not for ever: the next boot may deal them out anew. So a directory is the
//! same if its inode is and either its device or its path; one that was moved keeps its device, and
//! one whose device was numbered anew keeps its path. A copy has another inode.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What a directory looked like when we last saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    device: u64,
    inode: u64,
    /// With every link resolved; empty if nobody noted it.
    path: PathBuf,
}

/// What a directory is to a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    Same,
    /// It is the same, but is better known by this mark from now on.
    Moved(Mark),
    /// It is another one.
    Other(Mark),
}

impl Mark {
    /// Looks at `dir`.
    pub fn of(dir: &Path) -> Result<Self> {
        let context = || format!("look at {}", dir.display());
        let meta = fs::metadata(dir).with_context(context)?;
        let path = fs::canonicalize(dir).with_context(context)?;
        Ok(Self { device: meta.dev(), inode: meta.ino(), path })
    }

    /// Says whether `dir` is the directory that was marked. One system call if it is as it was.
    pub fn see(&self, dir: &Path) -> Result<Sight> {
        let meta = fs::metadata(dir).with_context(|| format!("look at {}", dir.display()))?;
        if (meta.dev(), meta.ino(), dir) == (self.device, self.inode, &self.path) {
            return Ok(Sight::Same);
        }
        let now = Self::of(dir)?;
        // Reached by another path that leads there too, it has not moved: no need to write each time.
        let same_place = || {
            let there = fs::metadata(&self.path);
            there.is_ok_and(|there| (there.dev(), there.ino()) == (now.device, now.inode))
        };
        Ok(match () {
            () if !self.is(&now) => Sight::Other(now),
            () if self.device == now.device && same_place() => Sight::Same,
            () => Sight::Moved(now),
        })
    }

    /// Whether both mark one directory.
    fn is(&self, now: &Self) -> bool {
        self.inode == now.inode && (self.device == now.device || self.path == now.path)
    }

    /// `<device>-<inode> <path>`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = format!("{}-{} ", self.device, self.inode).into_bytes();
        bytes.extend_from_slice(self.path.as_os_str().as_bytes());
        bytes
    }

    /// Reads what [`Self::encode`] wrote; a path is not needed.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (numbers, path) = match bytes.iter().position(|byte| *byte == b' ') {
            Some(space) => (&bytes[..space], &bytes[space + 1..]),
            None => (bytes, &[][..]),
        };
        let (device, inode) = std::str::from_utf8(numbers).ok()?.split_once('-')?;
        let path = Path::new(std::ffi::OsStr::from_bytes(path)).to_owned();
        Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()?, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        Mark::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_directory_is_known_by_its_inode_and_either_its_device_or_its_path() {
        let known = mark("8-100 /w/.git");
        for (now, same, why) in [
            ("8-100 /w/.git", true, "nothing changed"),
            ("9-100 /w/.git", true, "a boot gave its device another number"),
            ("8-100 /elsewhere/.git", true, "it was moved"),
            ("9-100 /elsewhere/.git", false, "another file system has that inode too"),
            ("8-101 /w/.git", false, "a copy took its place"),
            ("9-101 /w/.git", false, "nothing fits"),
        ] {
            assert_eq!(known.is(&mark(now)), same, "{why}");
        }
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for text in ["8-100 /w/.git", "8-100 /a path\nof two lines", "8-100 "] {
            assert_eq!(mark(text).encode(), text.as_bytes());
        }
        assert_eq!(mark("8-100").path, Path::new(""));
        for bad in ["", "8", "8-", "8-x /w", "-1-5 /w"] {
            assert_eq!(Mark::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn what_another_path_leads_to_has_not_moved() {
        let dir = std::env::temp_dir().join(format!("trace-mark-{}", std::process::id()));
        fs::create_dir_all(dir.join("a")).unwrap();
        std::os::unix::fs::symlink("a", dir.join("link")).unwrap();
        let known = Mark::of(&dir.join("a")).unwrap();
        assert_eq!(known.see(&dir.join("link")).unwrap(), Sight::Same);
        fs::rename(dir.join("a"), dir.join("b")).unwrap();
        let moved = Mark::of(&dir.join("b")).unwrap();
        assert_eq!(known.see(&dir.join("b")).unwrap(), Sight::Moved(moved));
        fs::remove_dir_all(dir).unwrap();
    }
}
