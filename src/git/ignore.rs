//! Which paths are ignored, by git's rules and ours.
//!
//! In order of precedence: the patterns of `trace.ignore`, the `.gitignore` of each directory from
//! the path up to the top, `info/exclude`, and the user's own excludes file. Knows nothing of
//! what is tracked; a tracked path belongs to the snapshot whatever is said here.

use super::scan::root::{Root, is_absent, join, split};
use super::store::Store;
use super::{HashKind, ObjectKind};
use crate::model::oid::Oid;
use gix::glob::pattern::{Case, Mode};
use gix::glob::{Pattern, wildmatch};
use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::Path;

/// The rules of one worktree, read as they are needed.
pub(super) struct Rules<'a> {
    root: &'a Root,
    kind: HashKind,
    /// Ours: they win over everything.
    over: Vec<Pattern>,
    /// `info/exclude`, then the user's excludes file.
    outside: [Vec<Pattern>; 2],
    digest: u64,
    inside: HashMap<Vec<u8>, Own>,
    /// Rules of directories whose `.gitignore` is not checked out.
    lent: HashMap<Vec<u8>, (Oid, &'a Store)>,
    /// Whether a directory is ignored, or lies in one that is.
    verdicts: HashMap<Vec<u8>, bool>,
}

/// The rules in the `.gitignore` of one directory.
#[derive(Debug, Default)]
struct Own {
    /// The id of the bytes they were read from; `None` if there are none.
    id: Option<Oid>,
    patterns: Vec<Pattern>,
    /// The file is there and cannot be read.
    is_unread: bool,
}

impl Own {
    /// The rules of a file that cannot be read.
    fn of_everything() -> Self {
        Self { id: None, patterns: parse(b"*\n"), is_unread: true }
    }
}

/// What is asked about: a pattern that ends in a slash means directories only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Directory,
    /// Anything else, links to directories included.
    File,
}

/// The name of the file that holds a directory's rules.
pub(super) const NAME: &[u8] = b".gitignore";
/// git reads no larger ones.
const CAP: u64 = 100 << 20;

impl<'a> Rules<'a> {
    /// Reads the rules that lie outside the worktree.
    pub fn new(
        root: &'a Root,
        kind: HashKind,
        common_dir: &Path,
        excludes_file: Option<&Path>,
        extra: &[String],
    ) -> Self {
        let outside = [Some(common_dir.join("info/exclude")), excludes_file.map(Path::to_owned)]
            .map(|path| path.and_then(|path| outside(&path)).unwrap_or_default());
        let mut digest = DefaultHasher::new();
        (extra, &outside).hash(&mut digest);
        Self {
            root,
            kind,
            over: extra.iter().flat_map(|line| parse(line.as_bytes())).collect(),
            outside: outside.map(|bytes| parse(&bytes)),
            digest: digest.finish(),
            inside: HashMap::new(),
            lent: HashMap::new(),
            verdicts: HashMap::new(),
        }
    }

    /// Lends a directory the rules that the index has for it, in case no file is there: git does
    /// the same. A blob that cannot be read has no rules in it.
    pub fn lend(&mut self, dir: Vec<u8>, id: Oid, store: &'a Store) {
        self.lent.insert(dir, (id, store));
    }

    /// Stands for everything outside the worktree that decides: if it changes, all must be read again.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The id of the rules a directory has of its own; `None` if it has none.
    pub fn of(&mut self, dir: &[u8]) -> Option<Oid> {
        self.own(dir).id
    }

    /// Every directory whose own rules were asked for, and their id.
    pub fn read(&self) -> impl Iterator<Item = (&[u8], Option<Oid>)> {
        self.inside.iter().map(|(dir, own)| (&dir[..], own.id))
    }

    /// The directories whose own rules are there and cannot be read.
    pub fn unread(&self) -> impl Iterator<Item = &[u8]> {
        self.inside.iter().filter(|(_, own)| own.is_unread).map(|(dir, _)| &dir[..])
    }

    /// True if a path is ignored whose directory is not.
    pub fn ignored(&mut self, path: &[u8], what: What) -> bool {
        if let Some(verdict) = judge(&self.over, path, what) {
            return verdict;
        }
        let mut dir = split(path).0;
        loop {
            let below = if dir.is_empty() { path } else { &path[dir.len() + 1..] };
            if let Some(verdict) = judge(&self.own(dir).patterns, below, what) {
                return verdict;
            }
            if dir.is_empty() {
                break;
            }
            dir = split(dir).0;
        }
        self.outside.iter().find_map(|rules| judge(rules, path, what)).unwrap_or(false)
    }

    /// True if a path is ignored, or lies in a directory that is.
    pub fn excluded(&mut self, path: &[u8], what: What) -> bool {
        self.dir_excluded(split(path).0) || self.ignored(path, what)
    }

    fn dir_excluded(&mut self, dir: &[u8]) -> bool {
        if dir.is_empty() {
            return false;
        }
        if let Some(verdict) = self.verdicts.get(dir) {
            return *verdict;
        }
        let verdict = self.excluded(dir, What::Directory);
        self.verdicts.insert(dir.to_vec(), verdict);
        verdict
    }

    fn own(&mut self, dir: &[u8]) -> &Own {
        if !self.inside.contains_key(dir) {
            let own = self.read_own(dir).unwrap_or_default();
            self.inside.insert(dir.to_vec(), own);
        }
        &self.inside[dir]
    }

    /// Like git, reads a plain file only: a link could bring in rules from anywhere.
    fn read_own(&self, dir: &[u8]) -> Option<Own> {
        let path = join(dir, NAME);
        match self.root.glance(&path) {
            Ok(stat) if stat.is_file() => {}
            Ok(_) => return None,
            Err(error) if !is_absent(error) => return Some(Own::of_everything()),
            Err(_) => {
                let (id, store) = self.lent.get(dir)?;
                let bytes = store.blob(*id).ok().flatten().unwrap_or_default();
                return Some(Own { id: Some(*id), patterns: parse(&bytes), is_unread: false });
            }
        }
        // What its owner wanted left out cannot be told: so all that git does not track is.
        let bytes = match self.root.file(&path) {
            Err(error) if is_absent(error) => return None,
            Err(_) => None,
            Ok(file) => read(File::from(file)),
        };
        let Some(bytes) = bytes else { return Some(Own::of_everything()) };
        let id = self.kind.hash(ObjectKind::Blob, &bytes).ok();
        Some(Own { id, patterns: parse(&bytes), is_unread: false })
    }
}

/// What the last pattern that matches says; `None` if none does.
fn judge(patterns: &[Pattern], path: &[u8], what: What) -> Option<bool> {
    let name_at = path.iter().rposition(|byte| *byte == b'/').map(|slash| slash + 1);
    let is_dir = Some(what == What::Directory);
    let slashes = wildmatch::Mode::NO_MATCH_SLASH_LITERAL;
    let matches = |pattern: &&Pattern| {
        pattern.matches_repo_relative_path(path.into(), name_at, is_dir, Case::Sensitive, slashes)
    };
    let last = patterns.iter().rev().find(matches)?;
    Some(!last.mode.contains(Mode::NEGATIVE))
}

fn parse(bytes: &[u8]) -> Vec<Pattern> {
    gix::ignore::parse(bytes, false).map(|(pattern, ..)| pattern).collect()
}

/// Reads a file of the user's own, through links; a FIFO must not make us wait.
fn outside(path: &Path) -> Option<Vec<u8>> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    read(File::open(path).ok()?)
}

fn read(file: File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(CAP + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes).filter(|bytes| bytes.len() as u64 <= CAP)
}
