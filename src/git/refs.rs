//! Reads the refs of the user's repository from their files.
//!
//! Everything in them is hostile until it was parsed: names are validated before they become
//! paths, chains of symbolic refs end, files have caps. Knows nothing of reftables.

use super::file::{self, Found};
use crate::model::oid::Oid;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The two directories that hold a worktree's refs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refs<'a> {
    /// Of this worktree: `HEAD` and what else is its own.
    pub git_dir: &'a Path,
    /// Of all worktrees: branches, tags.
    pub common_dir: &'a Path,
}

/// What a ref says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Id(Oid),
    /// The full name of another ref.
    Symbolic(Vec<u8>),
}

/// More than a ref's file ever takes.
const REF_CAP: u64 = 8 << 10;
/// Some ten million refs.
const PACKED_CAP: u64 = 1 << 30;
/// As many symbolic refs in a row as git follows.
const DEPTH: usize = 5;

impl Refs<'_> {
    /// Reads one ref; `None` if there is none of this name, an error if it says nothing.
    pub(crate) fn read(self, name: &[u8]) -> Result<Option<Target>> {
        let of = || format!("read the ref {}", String::from_utf8_lossy(name));
        if gix::validate::reference::name(name.into()).is_err() {
            bail!("{:?} is no name of a ref", String::from_utf8_lossy(name));
        }
        match file::read(&self.path(name), REF_CAP).with_context(of)? {
            Found::File(bytes) => parse(&bytes).map(Some).with_context(of),
            Found::Link(target) if target.starts_with(b"refs/") => Ok(Some(Target::Symbolic(target))),
            Found::Link(_) => bail!("the ref {} is a link out of git", String::from_utf8_lossy(name)),
            Found::Absent => Ok(find_packed(&self.packed()?, name).map(Target::Id)),
        }
    }

    /// Follows a ref to its id; `None` if it, or the ref it points at, does not exist.
    pub(crate) fn resolve(self, name: &[u8]) -> Result<Option<Oid>> {
        let mut name = name.to_vec();
        for _ in 0..=DEPTH {
            match self.read(&name)? {
                Some(Target::Symbolic(next)) => name = next,
                Some(Target::Id(id)) => return Ok(Some(id)),
                None => return Ok(None),
            }
        }
        bail!("more than {DEPTH} symbolic refs in a row, up to {}", String::from_utf8_lossy(&name))
    }

    /// Every branch with its commit, by name. A broken one is left out, as git's own lists do.
    pub(crate) fn heads(self) -> Result<Vec<(Vec<u8>, Oid)>> {
        const HEADS: &[u8] = b"refs/heads/";
        let packed = self.packed()?;
        let packed = packed.split(|byte| *byte == b'\n').filter_map(packed_line);
        let mut heads: BTreeMap<Vec<u8>, Oid> =
            packed.filter_map(|(id, name)| Some((name.strip_prefix(HEADS)?.to_vec(), id))).collect();
        for name in loose_names(&self.common_dir.join("refs/heads"))? {
            if let Ok(Some(id)) = self.resolve(&[HEADS, &name].concat()) {
                heads.insert(name, id);
            }
        }
        Ok(heads.into_iter().collect())
    }

    fn path(self, name: &[u8]) -> PathBuf {
        let own = [b"refs/bisect/".as_slice(), b"refs/worktree/", b"refs/rewritten/"];
        let shared = name.starts_with(b"refs/") && !own.iter().any(|prefix| name.starts_with(prefix));
        let dir = if shared { self.common_dir } else { self.git_dir };
        dir.join(OsStr::from_bytes(name))
    }

    fn packed(self) -> Result<Vec<u8>> {
        let path = self.common_dir.join("packed-refs");
        Ok(file::read_plain(&path, PACKED_CAP)?.unwrap_or_default())
    }
}

/// Reads the text of a ref's file: an id, or `ref:` and a name.
fn parse(text: &[u8]) -> Result<Target> {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    if let Some(name) = line.strip_prefix(b"ref:") {
        return Ok(Target::Symbolic(name.trim_ascii().to_vec()));
    }
    // git allows remarks after the id.
    let id = line.split(u8::is_ascii_whitespace).next().and_then(Oid::parse);
    id.map(Target::Id)
        .with_context(|| format!("it holds neither an id nor a name: {:?}", String::from_utf8_lossy(line)))
}

/// Finds one name in the text of `packed-refs`.
fn find_packed(text: &[u8], name: &[u8]) -> Option<Oid> {
    // Looking for the name itself is far quicker than taking every line apart.
    let ends = [b" ", name].concat();
    bstr::ByteSlice::find_iter(text, &ends).find_map(|at| {
        let start = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line = text[start..].split(|byte| *byte == b'\n').next()?;
        packed_line(line).filter(|(_, found)| *found == name).map(|(id, _)| id)
    })
}

/// `<id> <name>`; remarks (`#`) and peeled tags (`^`) are neither.
fn packed_line(line: &[u8]) -> Option<(Oid, &[u8])> {
    let space = line.iter().position(|byte| *byte == b' ')?;
    Some((Oid::parse(&line[..space])?, line[space + 1..].trim_ascii_end()))
}

/// The names of all files below a directory, `/` between the parts, no link followed.
fn loose_names(top: &Path) -> Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(below) = todo.pop() {
        let dir = top.join(&below);
        let list = match std::fs::read_dir(&dir) {
            Ok(list) => list,
            // Branches come and go while we look.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("list {}", dir.display())),
        };
        for entry in list {
            let entry = entry.with_context(|| format!("list {}", dir.display()))?;
            let name = below.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => todo.push(name),
                Ok(_) if !name.as_os_str().as_bytes().ends_with(b".lock") => {
                    names.push(name.into_os_string().into_vec());
                }
                _ => {}
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_name_is_found_whole_or_not_at_all() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let text = format!(
            "# pack-refs with: peeled fully-peeled sorted \n{one} refs/heads/main-2\n{two} refs/heads/main\n\
             {one} refs/tags/x refs/heads/odd\n^{two}\n"
        );
        let found = |name: &str| find_packed(text.as_bytes(), name.as_bytes()).map(|id| id.to_string());
        assert_eq!(found("refs/heads/main-2"), Some(one));
        assert_eq!(found("refs/heads/main"), Some(two));
        for absent in ["refs/heads/mai", "heads/main", "refs/heads/odd", "refs/heads/main-2\n"] {
            assert_eq!(found(absent), None, "{absent}");
        }
    }

    #[test]
    fn a_ref_holds_an_id_or_a_name_and_nothing_else() {
        let hex = "ab".repeat(20);
        let id = Target::Id(Oid::parse(hex.as_bytes()).unwrap());
        assert_eq!(parse(format!("{hex}\n").as_bytes()).unwrap(), id);
        assert_eq!(parse(format!("{hex}\tremark").as_bytes()).unwrap(), id);
        assert_eq!(parse(b"ref:  refs/heads/x \n").unwrap(), Target::Symbolic(b"refs/heads/x".to_vec()));
        for bad in ["", "\n", &hex[1..], "refs/heads/x"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
