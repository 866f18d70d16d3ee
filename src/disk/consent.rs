//! Which repositories this user lets us record, and the ids that say which clone and worktree it is.
//!
//! Consent is user state, never a file of the repository alone: a hostile one could bring that along.
//! It is keyed by device and inode of the common git dir, and both sides must hold the same random
//! clone id: a copy has another inode, and a stranger under a re-used inode does not know the id.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::backoff::random;
use super::file::{self, Created, Durability};
use super::place::{self, Place};
use crate::model::digest;
use crate::model::id::{CloneId, WorktreeId};

/// Where user state lives: `$XDG_STATE_HOME/trace`, else `~/.local/state/trace`.
#[derive(Clone, Debug)]
pub struct UserState(pub PathBuf);

impl UserState {
    /// From the two variables; `None` without either: then nothing is enabled.
    pub fn locate(xdg_state_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<Self> {
        let absolute = |path: &PathBuf| path.is_absolute();
        let base =
            xdg_state_home.filter(absolute).or_else(|| home.filter(absolute).map(|h| h.join(".local/state")));
        base.map(|base| Self(base.join("trace")))
    }

    /// The clone id if this user enabled the repository.
    pub fn enabled(&self, place: &Place) -> Result<Option<CloneId>> {
        self.enabled_at(&place.common)
    }

    /// The same by the common git dir alone.
    pub fn enabled_at(&self, common: &Path) -> Result<Option<CloneId>> {
        let Some(record) = file::read(&self.record(common)?, 8 << 10)? else { return Ok(None) };
        let Some(theirs) = file::read(&common.join("trace").join("clone-id"), 256)? else { return Ok(None) };
        let ours = first_line(&record);
        Ok(CloneId::parse(&ours).filter(|_| ours == first_line(&theirs)))
    }

    /// Notes the user's consent, minting the clone id if this clone has none of its own.
    pub fn enable(&self, place: &Place) -> Result<CloneId> {
        if let Some(id) = self.enabled(place)? {
            return Ok(id);
        }
        file::private_dir(&place.trace())?;
        let id = digest::hex(&random::<16>());
        file::replace(&place.clone_id(), format!("{id}\n").as_bytes(), Durability::Synced)?;
        let record = self.record(&place.common)?;
        file::private_dir(record.parent().unwrap_or(&self.0))?;
        let mut text = format!("{id}\n").into_bytes();
        text.extend_from_slice(place.common.as_os_str().as_encoded_bytes());
        text.push(b'\n');
        file::replace(&record, &text, Durability::Synced)?;
        self.turn_epoch()?;
        CloneId::parse(&id).context("a clone id just made is one")
    }

    /// Takes the consent back. What was recorded stays.
    pub fn disable(&self, place: &Place) -> Result<()> {
        let record = self.record(&place.common)?;
        match std::fs::remove_file(&record) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", record.display()))
            }
            _ => self.turn_epoch(),
        }
    }

    /// Tells open shells that their answers may be stale: they compare this one line.
    fn turn_epoch(&self) -> Result<()> {
        let line = format!("{}\n", digest::hex(&random::<8>()));
        file::replace(&self.0.join("epoch"), line.as_bytes(), Durability::Buffered)
    }

    fn record(&self, common: &Path) -> Result<PathBuf> {
        let (device, inode) = place::identity(common)?;
        Ok(self.0.join("repositories").join(format!("{device}-{inode}")))
    }
}

/// The id of the worktree at `place`, minted on first contact.
///
/// The second line names the git dir's inode: in a copied repository it does not fit, and the copy's
/// worktree gets an id of its own.
pub fn worktree_id(place: &Place) -> Result<WorktreeId> {
    let path = place.worktree_id();
    let (device, inode) = place::identity(&place.git_dir)?;
    let fits = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let (id, dir) = text.trim_end().split_once('\n')?;
        (dir == format!("{device}-{inode}")).then(|| WorktreeId::parse(id))?
    };
    let known = file::read(&path, 256)?;
    if let Some(id) = known.as_deref().and_then(fits) {
        return Ok(id);
    }
    file::private_dir(path.parent().unwrap_or(&place.git_dir))?;
    let lines = format!("{}\n{device}-{inode}\n", digest::hex(&random::<8>()));
    let made = match known {
        None => file::create(&path, lines.as_bytes(), Durability::Synced)?,
        Some(_) => {
            file::replace(&path, lines.as_bytes(), Durability::Synced)?;
            Created::New
        }
    };
    let text = match made {
        Created::New => Some(lines.into_bytes()),
        Created::WasThere => file::read(&path, 256)?,
    };
    text.as_deref().and_then(fits).with_context(|| format!("{} holds no worktree id", path.display()))
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}
