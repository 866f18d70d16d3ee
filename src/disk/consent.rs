//! Which repositories this user lets us record, and the ids that say which clone and worktree it is.
//!
//! Consent is user state, never a file of the repository alone: a hostile one could bring that along.
//! Both sides hold the same random clone id, and ours says which directory it was given for: a copy
//! has another inode, and a stranger under a re-used inode does not know the id.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::backoff::random;
use super::file::{self, Created, Durability};
use super::mark::{Mark, Sight};
use super::place::{self, Place};
use crate::model::digest;
use crate::model::id::{CloneId, WorktreeId};

/// More than an id and a mark take.
const CAP: u64 = 8 << 10;

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
        let Some(theirs) = file::read(&common.join("trace").join("clone-id"), CAP)? else { return Ok(None) };
        let Some(id) = CloneId::parse(&first_line(&theirs)) else { return Ok(None) };
        let Some(record) = file::read(&self.record(&id), CAP)? else { return Ok(None) };
        let Some(mark) = marked(&record, id.as_str()) else { return Ok(None) };
        Ok(match mark.see(common)? {
            Sight::Same => Some(id),
            Sight::Moved(now) => {
                // Failing costs nothing now: it is seen to have moved again.
                let _ = self.note(&id, &now);
                Some(id)
            }
            Sight::Other(_) => None,
        })
    }

    /// Notes the user's consent, minting the clone id if this clone has none of its own.
    pub fn enable(&self, place: &Place) -> Result<CloneId> {
        if let Some(id) = self.enabled(place)? {
            return Ok(id);
        }
        file::private_dir(&place.trace())?;
        let id = digest::hex(&random::<16>());
        file::replace(&place.clone_id(), format!("{id}\n").as_bytes(), Durability::Synced)?;
        let id = CloneId::parse(&id).context("a clone id just made is one")?;
        self.note(&id, &Mark::of(&place.common)?)?;
        self.turn_epoch()?;
        Ok(id)
    }

    /// Takes the consent back. What was recorded stays.
    pub fn disable(&self, place: &Place) -> Result<()> {
        // In a copy lies the clone id of its original, whose consent is not to be taken back here.
        let Some(id) = self.enabled(place)? else { return Ok(()) };
        let record = self.record(&id);
        match std::fs::remove_file(&record) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", record.display()))
            }
            _ => self.turn_epoch(),
        }
    }

    fn note(&self, id: &CloneId, mark: &Mark) -> Result<()> {
        let record = self.record(id);
        file::private_dir(record.parent().unwrap_or(&self.0))?;
        file::replace(&record, &lines(id.as_str(), mark), Durability::Synced)
    }

    /// Tells open shells that their answers may be stale: they compare this one line.
    fn turn_epoch(&self) -> Result<()> {
        let line = format!("{}\n", digest::hex(&random::<8>()));
        file::replace(&self.0.join("epoch"), line.as_bytes(), Durability::Buffered)
    }

    fn record(&self, id: &CloneId) -> PathBuf {
        self.0.join("repositories").join(id.as_str())
    }
}

/// The id of the worktree at `place`, minted on first contact.
///
/// The second line marks the git dir: in a copied repository it does not fit, and the copy's
/// worktree gets an id of its own.
pub fn worktree_id(place: &Place) -> Result<WorktreeId> {
    let path = place.worktree_id();
    let known = file::read(&path, CAP)?;
    let now = match known.as_deref().and_then(worktree_mark) {
        None => Mark::of(&place.git_dir)?,
        Some((id, mark)) => match mark.see(&place.git_dir)? {
            Sight::Same => return Ok(id),
            Sight::Moved(now) => {
                let _ = file::replace(&path, &lines(id.as_str(), &now), Durability::Synced);
                return Ok(id);
            }
            Sight::Other(now) => now,
        },
    };
    file::private_dir(path.parent().unwrap_or(&place.git_dir))?;
    let fresh = lines(&digest::hex(&random::<8>()), &now);
    let made = match known {
        None => file::create(&path, &fresh, Durability::Synced)?,
        Some(_) => {
            file::replace(&path, &fresh, Durability::Synced)?;
            Created::New
        }
    };
    let text = match made {
        Created::New => Some(fresh),
        Created::WasThere => file::read(&path, CAP)?,
    };
    let read = text.as_deref().and_then(worktree_mark).map(|(id, _)| id);
    read.with_context(|| format!("{} holds no worktree id", path.display()))
}

/// The id of the worktree with this git dir, if it has one of its own. Mints none.
pub fn worktree_at(git_dir: &Path) -> Result<Option<WorktreeId>> {
    let Some(known) = file::read(&place::worktree_id(git_dir), CAP)? else { return Ok(None) };
    let Some((id, mark)) = worktree_mark(&known) else { return Ok(None) };
    Ok(match mark.see(git_dir)? {
        Sight::Same | Sight::Moved(_) => Some(id),
        Sight::Other(_) => None,
    })
}

fn worktree_mark(text: &[u8]) -> Option<(WorktreeId, Mark)> {
    let id = WorktreeId::parse(&first_line(text))?;
    let mark = marked(text, id.as_str())?;
    Some((id, mark))
}

/// An id and whose it is, as both kinds of file hold them.
fn lines(id: &str, mark: &Mark) -> Vec<u8> {
    [id.as_bytes(), b"\n", &mark.encode(), b"\n"].concat()
}

/// The mark behind this id.
fn marked(text: &[u8], id: &str) -> Option<Mark> {
    Mark::parse(text.strip_prefix(id.as_bytes())?.strip_prefix(b"\n")?.strip_suffix(b"\n")?)
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}
