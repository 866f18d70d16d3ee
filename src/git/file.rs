//! Reads small files of a repository that may be anybody's.
//!
//! Refuses to wait on a FIFO, to follow a link in the last component, and to read without end.

use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing, or nothing that is a file.
    Absent,
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A symbolic link to these bytes.
    Link(Vec<u8>),
}

/// Reads what stands at `path`; more than `cap` bytes are an error.
pub(crate) fn read(path: &Path, cap: u64) -> Result<Found> {
    look(path, cap).with_context(|| format!("read {}", path.display()))
}

/// Reads the regular file at `path`; a link counts as absent.
pub(crate) fn read_plain(path: &Path, cap: u64) -> Result<Option<Vec<u8>>> {
    match read(path, cap)? {
        Found::File(bytes) => Ok(Some(bytes)),
        Found::Absent | Found::Link(_) => Ok(None),
    }
}

/// The last bytes of the regular file at `path`, at most `most`; `None` if there is no such file.
pub(crate) fn read_end(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let read = || {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
        {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(meta.len().saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        std::io::Result::Ok(Some(bytes))
    };
    read().with_context(|| format!("read the end of {}", path.display()))
}

fn look(path: &Path, cap: u64) -> Result<Found> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Found::Absent);
        }
        Err(error) => {
            return match std::fs::read_link(path) {
                Ok(target) => Ok(Found::Link(target.into_os_string().into_vec())),
                Err(_) => Err(error.into()),
            };
        }
    };
    if !file.metadata()?.is_file() {
        return Ok(Found::Absent);
    }
    let mut bytes = Vec::new();
    file.take(cap + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= cap, "more than {cap} bytes");
    Ok(Found::File(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::sandbox::Dir;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let dir = Dir::new();
        std::fs::write(dir.path().join("plain"), "four").unwrap();
        std::os::unix::fs::symlink("plain", dir.path().join("link")).unwrap();
        dir.run("mkfifo", &["fifo"]);
        let read = |name: &str, cap| read(&dir.path().join(name), cap);
        assert_eq!(read("plain", 4).unwrap(), Found::File(b"four".to_vec()));
        assert_eq!(read("link", 4).unwrap(), Found::Link(b"plain".to_vec()));
        for absent in ["none", "plain/below", "fifo", "."] {
            assert_eq!(read(absent, 4).unwrap(), Found::Absent, "{absent}");
        }
        assert!(read("plain", 3).is_err());
    }
}
