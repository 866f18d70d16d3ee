//! Brings a pack into the store so that it is whole, or not there.
//!
//! Pack and index are written and synced in a folder of their own, renamed into `objects/pack`, and
//! that directory is synced: only then may a ref name what they hold. Where the file system keeps our
//! order, the bytes are written out and the sync of the ref's lock file does for all of it. A pack
//! that no ref came to name stays until maintenance: somebody else may rely on it already.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::home::Home;
use crate::disk::backoff::random;
use crate::disk::file::{self, Durability};
use crate::disk::order;
use crate::git::pack::Packed;
use crate::model::digest;

/// Lands the pack.
pub fn land(home: &Home, packed: &Packed, durability: Durability) -> Result<()> {
    let room = home.place.incoming().join(format!("{}-{}", home.worktree, digest::hex(&random::<8>())));
    file::private_dir(&room)?;
    let landed = land_in(home, &room, packed, durability);
    // Whatever became of it, the folder holds nothing that counts.
    let _ = fs::remove_dir_all(&room);
    landed
}

fn land_in(home: &Home, room: &Path, packed: &Packed, durability: Durability) -> Result<()> {
    let packs = home.place.store().join("objects").join("pack");
    let refs = home.place.ref_file(&home.shadow());
    let durability = match (durability, refs.parent()) {
        (Durability::Synced, Some(refs)) if order::is_kept(&packs, refs) => Durability::Ordered,
        (durability, _) => durability,
    };
    let names = [format!("pack-{}.pack", packed.name), format!("pack-{}.idx", packed.name)];
    for (name, bytes) in names.iter().zip([&packed.pack, &packed.idx]) {
        file::write_new(&room.join(name), bytes, durability)
            .with_context(|| format!("write {} bytes of objects to {}", bytes.len(), room.display()))?;
    }
    // The index last: a pack without one does not exist for git.
    for name in &names {
        fs::rename(room.join(name), packs.join(name))
            .with_context(|| format!("move {name} into the store"))?;
    }
    match durability {
        Durability::Synced => file::sync_dir(&packs),
        Durability::Ordered | Durability::Buffered => Ok(()),
    }
}
