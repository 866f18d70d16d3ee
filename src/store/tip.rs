//! Where a shadow points, read from its file as it is: absent, an id, or something else.
//!
//! An unreadable file is an error and never "absent": mistaking one for the other starts a second
//! history. Our refs are always loose; nobody packs the refs of the store.

use std::fs;

use anyhow::{Context, Result, bail};

use super::home::Home;
use crate::disk::clock;
use crate::disk::file;
use crate::model::oid::Oid;

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
    Ok(match file::read(&home.place.ref_file(&home.shadow()), 4 << 10)? {
        None => Tip::Unborn,
        Some(bytes) => parse(bytes),
    })
}

/// The tip a reader shows: a malformed one is an error with advice.
pub fn intact(home: &Home) -> Result<Option<Oid>> {
    match read(home)? {
        Tip::Unborn => Ok(None),
        Tip::At(id) => Ok(Some(id)),
        Tip::Malformed(_) => bail!(super::Damaged(format!(
            "{} does not hold an object id; `trace checkpoint` sets it aside and goes on from the newest intact checkpoint",
            home.shadow()
        ))),
    }
}

fn parse(bytes: Vec<u8>) -> Tip {
    match bytes.strip_suffix(b"\n").and_then(Oid::parse) {
        Some(id) if !id.is_null() => Tip::At(id),
        _ => Tip::Malformed(bytes),
    }
}

/// Sets a malformed ref aside and puts the newest intact checkpoint of this worktree in its place.
///
/// Only under the worktree's lock. What came after that checkpoint is still in the journals, or in
/// packs that nothing names any more; nothing is deleted.
pub fn recover(home: &Home) -> Result<Tip> {
    let file = home.place.ref_file(&home.shadow());
    let aside = home.place.quarantine().join(format!("ref-{}-{}", home.worktree, clock::now().0));
    file::private_dir(&home.place.quarantine())?;
    fs::rename(&file, &aside).with_context(|| format!("set {} aside", file.display()))?;
    let store = crate::git::store::Store::open(&home.place.store())?;
    let Some(found) = super::chain::newest_intact(&store, &home.worktree)? else { return Ok(Tip::Unborn) };
    file::replace(&file, format!("{found}\n").as_bytes(), file::Durability::Synced)?;
    Ok(Tip::At(found))
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
