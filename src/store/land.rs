//! Brings a pack into the store so that it is whole, or not there.
//!
//! Pack and index are written and synced in `incoming/`, renamed into `objects/pack`, and that directory
//! is synced: only then may a ref name what they hold. Where the file system keeps our order, the bytes
//! are written out and the sync of the ref's directory does for all of it. A pack that no ref came to
//! name stays until maintenance: somebody else may rely on it already.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::home::Home;
use crate::disk::backoff::random;
use crate::disk::file::{self, Durability};
use crate::disk::order;
use crate::git::pack::Packed;
use crate::model::digest;

/// Lands the pack.
pub fn land(home: &Home, packed: &Packed, durability: Durability) -> Result<()> {
    let incoming = home.place.incoming();
    file::private_dir(&incoming)?;
    let attempt = format!("{}-{}", home.worktree, digest::hex(&random::<8>()));
    let parts = ["pack", "idx"].map(|end| incoming.join(format!("{attempt}.{end}")));
    let landed = land_as(home, &parts, packed, durability);
    if landed.is_err() {
        // Best effort: what is left of them is swept by maintenance.
        parts.iter().for_each(|part| drop(fs::remove_file(part)));
    }
    landed
}

fn land_as(home: &Home, parts: &[PathBuf; 2], packed: &Packed, durability: Durability) -> Result<()> {
    let packs = home.place.store().join("objects").join("pack");
    let refs = home.place.ref_file(&home.shadow());
    let durability = match (durability, refs.parent()) {
        (Durability::Synced, Some(refs)) if order::is_kept(&packs, refs) => Durability::Ordered,
        (durability, _) => durability,
    };
    let pieces = [(&parts[0], &packed.pack), (&parts[1], &packed.idx)];
    let context = |(part, bytes): (&PathBuf, &Vec<u8>)| {
        format!("write {} bytes of objects to {}", bytes.len(), part.display())
    };
    let mut written = Vec::with_capacity(pieces.len());
    for piece @ (part, bytes) in pieces {
        let file = file::unsettled(part, bytes).with_context(|| context(piece))?;
        file.begin(durability).with_context(|| context(piece))?;
        written.push(file);
    }
    for (piece, file) in pieces.into_iter().zip(written) {
        file.settle(durability).with_context(|| context(piece))?;
    }
    // The index last: a pack without one does not exist for git.
    for (part, end) in parts.iter().zip(["pack", "idx"]) {
        let name = format!("pack-{}.{end}", packed.name);
        fs::rename(part, packs.join(&name)).with_context(|| format!("move {name} into the store"))?;
    }
    match durability {
        Durability::Synced => file::sync_dir(&packs),
        Durability::Ordered | Durability::Buffered => Ok(()),
    }
}
