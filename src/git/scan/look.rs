//! Looks at one path: what stands there, and its bytes as they are.
//!
//! Opens nothing but plain files, since opening a FIFO or a device does something. The open
//! descriptor decides what it is, and a file that changes while it is read is read again.

use super::super::HashKind;
use super::super::ObjectKind;
use super::super::table::Stat;
use super::root::{Root, from_system, is_absent};
use crate::model::oid::Oid;
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::time::Instant;

/// What stands at a path.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing, or nothing that can be reached without following a link.
    Gone,
    Directory,
    /// A FIFO, a socket or a device.
    Special(Stat),
    /// Something is there, and that is all we may know.
    Unreadable(Stat),
    /// A plain file larger than the limit; not read.
    Large(Stat),
    /// A plain file or a link, read.
    Content(Content),
    /// Only its stat was asked for.
    Seen(Stat),
}

impl Look {
    /// How many bytes it holds.
    pub fn weight(&self) -> usize {
        match self {
            Self::Content(content) => content.bytes.len(),
            _ => 0,
        }
    }
}

/// The bytes of a file, or the target of a link.
#[derive(Debug)]
pub(super) struct Content {
    pub stat: Stat,
    pub bytes: Vec<u8>,
    pub id: Oid,
    /// False if it changed each time it was read.
    pub steady: bool,
}

/// How often a file that changes is read.
const TRIES: u32 = 3;

/// Looks at a path and reads what is there, up to `limit` bytes.
pub(super) fn at(root: &Root, path: &[u8], kind: HashKind, limit: u64) -> Look {
    let looked = (1..=TRIES).find_map(|attempt| match once(root, path, limit) {
        Ok(Once::Torn(..)) | Err(Errno::AGAIN) if attempt < TRIES => None,
        other => Some(other),
    });
    let content = |stat, bytes: Vec<u8>, steady| match kind.hash(ObjectKind::Blob, &bytes) {
        Ok(id) => Look::Content(Content { stat, bytes, id, steady }),
        // An attack on SHA-1: git would refuse the object as well.
        Err(_) => Look::Unreadable(stat),
    };
    match looked {
        Some(Ok(Once::Whole(stat, bytes))) => content(stat, bytes, true),
        Some(Ok(Once::Torn(stat, bytes))) => content(stat, bytes, false),
        Some(Ok(Once::Other(look))) => look,
        Some(Err(error)) if is_absent(error) => Look::Gone,
        Some(Err(_)) | None => unreadable(root, path),
    }
}

/// Looks at a path without opening it.
pub(super) fn seen(root: &Root, path: &[u8]) -> Look {
    match root.stat(path) {
        Ok(stat) => Look::Seen(stat),
        Err(error) if is_absent(error) => Look::Gone,
        Err(_) => Look::Unreadable(Stat::default()),
    }
}

enum Once {
    Whole(Stat, Vec<u8>),
    /// It changed while it was read.
    Torn(Stat, Vec<u8>),
    Other(Look),
}

fn once(root: &Root, path: &[u8], limit: u64) -> Result<Once, Errno> {
    let glance = root.glance(path)?;
    if glance.is_link() {
        return link(root, path);
    }
    if !glance.is_file() {
        return root.stat(path).map(|stat| Once::Other(no_file(stat)));
    }
    let file = root.file(path)?;
    let before = from_system(&rustix::fs::fstat(&file)?);
    if !before.is_file() {
        return Ok(Once::Other(no_file(before)));
    }
    if before.size > limit {
        return Ok(Once::Other(Look::Large(before)));
    }
    let mut file = File::from(file);
    let mut bytes = Vec::with_capacity(before.size as usize + 1);
    // One byte more than the limit tells a file that grew beyond it.
    if let Err(error) = (&mut file).take(limit + 1).read_to_end(&mut bytes) {
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
    }
    let after = from_system(&rustix::fs::fstat(&file)?);
    if bytes.len() as u64 > limit {
        return Ok(Once::Other(Look::Large(after)));
    }
    let whole = before == after && bytes.len() as u64 == before.size;
    Ok(if whole { Once::Whole(before, bytes) } else { Once::Torn(after, bytes) })
}

fn link(root: &Root, path: &[u8]) -> Result<Once, Errno> {
    let (dir, name) = root.parent(path)?;
    let stat = || {
        rustix::fs::statat(&dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).map(|stat| from_system(&stat))
    };
    let before = stat()?;
    let target = match rustix::fs::readlinkat(&dir, name, Vec::new()) {
        Ok(target) => target.into_bytes(),
        // It was a link a moment ago.
        Err(error) => return Err(if error == Errno::INVAL { Errno::AGAIN } else { error }),
    };
    let after = stat()?;
    Ok(if before == after { Once::Whole(before, target) } else { Once::Torn(after, target) })
}

fn no_file(stat: Stat) -> Look {
    if stat.is_dir() { Look::Directory } else { Look::Special(stat) }
}

/// It could not be opened: says what it is as far as its directory tells.
fn unreadable(root: &Root, path: &[u8]) -> Look {
    match root.stat(path) {
        Ok(stat) if stat.is_file() || stat.is_link() => Look::Unreadable(stat),
        Ok(stat) => no_file(stat),
        Err(error) if is_absent(error) => Look::Gone,
        Err(_) => Look::Unreadable(Stat::default()),
    }
}

/// The id a large file would have, read piece by piece; `None` if it changed or could not be read,
/// or if there was no time.
pub(super) fn streamed(
    root: &Root,
    path: &[u8],
    kind: HashKind,
    until: Option<Instant>,
) -> Option<(Stat, Oid)> {
    let mut file = File::from(root.file(path).ok()?);
    let before = from_system(&rustix::fs::fstat(&file).ok()?);
    let mut hasher = gix::hash::hasher(kind.gix());
    hasher.update(format!("blob {}\0", before.size).as_bytes());
    let mut piece = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        let len = file.read(&mut piece).ok()?;
        if len == 0 {
            break;
        }
        total += len as u64;
        hasher.update(&piece[..len]);
        if total > before.size || until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
    }
    let after = from_system(&rustix::fs::fstat(&file).ok()?);
    let id = hasher.try_finalize().ok()?;
    (before == after && total == before.size).then(|| (before, super::super::from_gix(&id)))
}
