//! What was put into files that are not ours, so that it can be taken out again to the byte: where it
//! stands, and what the file was then. Kept in user state; holds nothing of the file itself, which may
//! have secrets in it.

use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::consent::UserState;
use super::file::{self, Durability};
use crate::model::digest;

/// More than a record takes.
const CAP: u64 = 64 << 10;

/// What was put into one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Of the file as it was when we had written it.
    pub digest: String,
    /// It was not there before.
    pub created: bool,
    /// How many directories above it were not there before.
    pub made: usize,
    /// Where what was put in stands.
    pub inserted: Vec<Range<usize>>,
}

impl Installed {
    /// What was put into `path`; `None` if nothing is known of it.
    pub fn read(state: &UserState, path: &Path) -> Result<Option<Self>> {
        let bytes = file::read(&at(state, path), CAP)?;
        Ok(bytes.and_then(|bytes| parse(&String::from_utf8_lossy(&bytes))))
    }

    /// Keeps it.
    pub fn write(&self, state: &UserState, path: &Path) -> Result<()> {
        let record = at(state, path);
        file::private_dir(record.parent().unwrap_or(&state.0))?;
        file::replace(&record, self.text().as_bytes(), Durability::Buffered)
    }

    /// Forgets what was put into `path`.
    pub fn forget(state: &UserState, path: &Path) {
        // A record that stays behind says nothing of any file whose bytes differ.
        let _ = std::fs::remove_file(at(state, path));
    }

    fn text(&self) -> String {
        let ranges = self.inserted.iter().map(|range| format!("{} {}\n", range.start, range.end));
        format!("1\n{}\n{}\n{}\n", self.digest, self.created, self.made) + &ranges.collect::<String>()
    }
}

/// What a file is known by.
pub fn fingerprint(bytes: &[u8]) -> String {
    digest::name(&[bytes])
}

fn at(state: &UserState, path: &Path) -> PathBuf {
    state.0.join("agents").join(digest::name(&[path.as_os_str().as_bytes()]))
}

fn parse(text: &str) -> Option<Installed> {
    let mut lines = text.lines();
    lines.next().filter(|version| *version == "1")?;
    let digest = lines.next()?.to_owned();
    let created = lines.next()?.parse().ok()?;
    let made = lines.next()?.parse().ok()?;
    let range = |line: &str| {
        let (start, end) = line.split_once(' ')?;
        let range = start.parse().ok()?..end.parse().ok()?;
        (range.start <= range.end).then_some(range)
    };
    Some(Installed { digest, created, made, inserted: lines.map(range).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_file_and_a_broken_one_is_none() {
        let record = Installed {
            digest: "ab".into(),
            created: true,
            made: 2,
            inserted: [1..5, 9..9].into_iter().collect(),
        };
        let text = record.text();
        assert_eq!(parse(&text), Some(record));
        for broken in
            ["", "2\nab\ntrue\n0\n", "1\nab\nmaybe\n0\n", "1\nab\ntrue\n0\n5 1\n", "1\nab\ntrue\n0\nx\n"]
        {
            assert_eq!(parse(broken), None, "{broken:?}");
        }
    }
}
