//! Where a shadow points, read from its file as it is: absent, an id, or something else.
//!
//! An unreadable file is an error and never "absent": mistaking one for the other starts a second
//! history. Our refs are always loose; nobody packs the refs of the store.

use std::fs;

use anyhow::{Context, Result, bail};

use super::home::Home;
use super::{chain, trouble};
use crate::disk::clock;
use crate::disk::file;
use crate::git::store::{Store, Unsure};
use crate::model::checkpoint::Checkpoint;
use crate::model::oid::Oid;
use crate::wire::message::Unreadable;

/// What the ref's file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tip {
    /// There is no checkpoint yet.
    Unborn,
    /// The newest checkpoint.
    At(Oid),
    /// The file is there and is no id: a power cut, or a foreign hand.
    Malformed(Vec<u8>),
}

impl Tip {
    /// The id, if there is one.
    pub fn id(&self) -> Option<Oid> {
        match self {
            Self::At(id) => Some(*id),
            Self::Unborn | Self::Malformed(_) => None,
        }
    }
}

/// Reads the worktree's shadow.
pub fn read(home: &Home) -> Result<Tip> {
    let path = home.place.ref_file(&home.shadow());
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Tip::Unborn),
        Err(error) => Err(error).with_context(|| format!("look at {}", path.display())),
        Ok(meta) if meta.is_file() && meta.len() <= LONGEST => match file::read(&path, LONGEST)? {
            None => Ok(Tip::Unborn),
            Some(bytes) => Ok(parse(bytes)),
        },
        Ok(_) => Ok(Tip::Malformed(Vec::new())),
    }
}

/// No file of a ref is longer.
const LONGEST: u64 = 4 << 10;

/// The tip a reader shows.
///
/// # Errors
/// It is malformed, or gone although there were checkpoints: with advice.
pub fn intact(home: &Home) -> Result<Option<Oid>> {
    let tip = read(home)?;
    match damage(home, &tip) {
        Some(what) => bail!(super::Damaged(format!(
            "{} {what}; `trace checkpoint` goes on from the newest intact checkpoint",
            home.shadow()
        ))),
        None => Ok(tip.id()),
    }
}

/// What is wrong with what was read of the ref.
pub fn damage(home: &Home, tip: &Tip) -> Option<&'static str> {
    match tip {
        Tip::At(_) => None,
        Tip::Unborn => has_a_past(home).then_some("is gone"),
        Tip::Malformed(_) => Some("holds no object id"),
    }
}

/// The checkpoint that the next one follows, and whether the ref is not what says so.
///
/// A ref that names nothing readable, or that vanished although this worktree has a past, does not
/// end the chain: it goes on from the newest checkpoint that is whole. The ref itself is only ever
/// changed by the swap, from exactly what was found in it.
///
/// # Errors
/// A newer version made the tip, or it cannot be read for now: then nothing here may guess.
pub fn followed(home: &Home, store: &Store, seen: &Tip) -> Result<(Option<Checkpoint>, Standing)> {
    let why = match seen {
        Tip::At(id) => match chain::checkpoint(store, *id) {
            Ok(found) => return Ok((Some(found), Standing::Named)),
            Err(error) if is_newer(&error) || is_passing(&error) => return Err(error),
            Err(error) => format!("{error:#}"),
        },
        lost => match damage(home, lost) {
            None => return Ok((None, Standing::Named)),
            Some(what) => format!("the shadow {what}"),
        },
    };
    if let Tip::Malformed(bytes) = seen {
        keep_aside(home, bytes)?;
    }
    let found = chain::newest_intact(store, &home.worktree)?;
    let place = found.as_ref().map_or("a new beginning".to_owned(), |found| found.id.short(12));
    trouble::note(&home.place.common, "flush", &format!("{why}; going on from {place}"));
    Ok((found, Standing::Recovered))
}

/// What says which checkpoint is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The ref.
    Named,
    /// A search of the store: the ref was lost or damaged, and is to be set right.
    Recovered,
}

fn is_newer(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<Unreadable>(), Some(Unreadable::Newer(_)))
        || error.chain().any(|cause| matches!(cause.downcast_ref::<Unreadable>(), Some(Unreadable::Newer(_))))
}

/// What the system said no to says nothing of what is there.
fn is_passing(error: &anyhow::Error) -> bool {
    let is_unsure = error.chain().any(|cause| cause.is::<Unsure>());
    let mut refused = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .filter(|error| error.raw_os_error().is_some() && error.kind() != std::io::ErrorKind::NotFound);
    is_unsure || refused.next().is_some()
}

/// Whether flushes were made here before: they left their caches.
fn has_a_past(home: &Home) -> bool {
    let cache = |name: &str| home.place.cache().join(format!("{name}-{}", home.worktree));
    [cache("led"), cache("ledger"), cache("seen"), home.place.index(&home.worktree)]
        .iter()
        .any(|path| path.exists())
}

fn keep_aside(home: &Home, bytes: &[u8]) -> Result<()> {
    file::private_dir(&home.place.quarantine())?;
    let aside = home.place.quarantine().join(format!("ref-{}-{}", home.worktree, clock::now().0));
    file::replace(&aside, bytes, file::Durability::Synced)
}

fn parse(bytes: Vec<u8>) -> Tip {
    match bytes.strip_suffix(b"\n").and_then(Oid::parse) {
        Some(id) if !id.is_null() => Tip::At(id),
        _ => Tip::Malformed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_id_with_its_newline_is_one() {
        let hex = "ab".repeat(20);
        assert!(matches!(parse(format!("{hex}\n").into_bytes()), Tip::At(_)));
        for bad in
            [String::new(), hex.clone(), format!("{}\n", &hex[1..]), "0".repeat(40) + "\n", "ref: x\n".into()]
        {
            assert!(matches!(parse(bad.clone().into_bytes()), Tip::Malformed(_)), "{bad:?}");
        }
    }
}
