//! Makes the store of a clone, and takes everything of ours away again.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Busy;
use super::home::Home;
use crate::disk::backoff::{Backoff, dice};
use crate::disk::consent::UserState;
use crate::disk::file::{self, Durability};
use crate::disk::lock::{Attempt, RefLock};
use crate::disk::place::Place;
use crate::git::{head, store};

/// Enables recording at `place` and makes the store if there is none. Doing it again changes nothing.
pub fn enable(place: &Place, state: &UserState, user_home: Option<&std::path::Path>) -> Result<Home> {
    refuse_everything(place, user_home)?;
    for dir in ["journal", "index", "cache", "locks", "ops"] {
        file::private_dir(&place.trace().join(dir))?;
    }
    // Two that enable at once would each mint an id for the clone.
    let _alone = wait_for_lock(place)?;
    make_store(place)?;
    state.enable(place)?;
    Home::of(place.clone(), state)?.context("the repository was enabled just now")
}

/// Waits its turn; where the file system has no locks there are no turns.
fn wait_for_lock(place: &Place) -> Result<Option<RefLock>> {
    let deadline = Instant::now() + Duration::from_secs(30);
    for pause in Backoff::new(dice(), Duration::from_millis(1), Duration::from_millis(20)) {
        match RefLock::attempt(&place.lock("store"))? {
            Attempt::Held(lock) => return Ok(Some(lock)),
            Attempt::Unsupported => return Ok(None),
            Attempt::Busy if Instant::now() > deadline => break,
            Attempt::Busy => thread::sleep(pause),
        }
    }
    bail!(Busy(format!("another trace has been at work in {} for long", place.trace().display())))
}

/// A snapshot of a home directory or of a whole machine helps nobody.
fn refuse_everything(place: &Place, user_home: Option<&std::path::Path>) -> Result<()> {
    let top = place.top()?;
    let home = user_home.and_then(|home| fs::canonicalize(home).ok());
    if top.parent().is_none() || home.as_deref() == Some(top) {
        bail!("{} is a home directory or a root: trace records projects, not machines", top.display());
    }
    Ok(())
}

fn make_store(place: &Place) -> Result<()> {
    let dir = place.store();
    for inner in ["objects/info", "objects/pack", "refs/heads", "refs/trace/shadow", "incoming", "quarantine"]
    {
        file::private_dir(&dir.join(inner))?;
    }
    let kind = head::hash_kind(&place.common)?;
    let promisor = head::is_promisor(&place.common);
    for (name, bytes) in store::layout(kind, promisor) {
        let path = dir.join(name);
        // What is there stays: it may be of a newer version, which opening it finds out.
        if !path.exists() {
            file::replace(&path, &bytes, Durability::Synced)?;
        }
    }
    store::Store::open(&dir).map(drop).with_context(|| format!("open the store {}", dir.display()))
}

/// Removes everything recorded here, for good.
pub fn purge(place: &Place) -> Result<()> {
    for dir in [place.trace(), place.git_dir.join("trace")] {
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("remove {}", dir.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
