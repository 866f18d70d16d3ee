//! The checkpoints of a worktree, newest first, as many as are asked for.

use anyhow::Result;

use crate::git::store::Store;
use crate::model::checkpoint::{Checkpoint, Kind};
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::home::Home;
use crate::store::late::Late;
use crate::store::models::Chain;
use crate::store::tip;

/// Which checkpoints are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// 0: all.
    pub limit: usize,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub kind: Option<Kind>,
    pub branch: Option<Vec<u8>>,
    pub session: Option<SessionId>,
    /// Only those that changed something at or below one of these paths.
    pub paths: Vec<Vec<u8>>,
}

impl Filter {
    /// True if it lets everything through.
    pub fn is_open(&self) -> bool {
        let Self { limit: _, since, until, kind, branch, session, paths } = self;
        since.is_none()
            && until.is_none()
            && kind.is_none()
            && branch.is_none()
            && session.is_none()
            && paths.is_empty()
    }

    fn fits(&self, late: &Late<'_>, checkpoint: &Checkpoint) -> Result<bool> {
        let header = &checkpoint.header;
        let plain = self.until.is_none_or(|until| header.time <= until)
            && self.kind.is_none_or(|kind| header.kind == kind)
            && self.branch.as_ref().is_none_or(|name| header.branch.as_ref().is_some_and(|b| b.0 == *name))
            && self.session.as_ref().is_none_or(|session| header.sessions.contains(session));
        match plain && !self.paths.is_empty() {
            true => changed(late.store()?, checkpoint, &self.paths),
            false => Ok(plain),
        }
    }
}

/// The checkpoints that fit.
///
/// # Errors
/// The chain is damaged somewhere: `found` holds what was read before that.
pub fn list(home: &Home, filter: &Filter, found: &mut Vec<Checkpoint>) -> Result<()> {
    let most = if filter.limit == 0 { usize::MAX } else { filter.limit };
    let late = Late::new(home);
    for checkpoint in (Chain { home, open: &|| late.store(), tip: tip::intact(home)? }).walk() {
        let checkpoint = checkpoint?;
        // Times of neighbours may be out of order by a clock that was set; not by much.
        if filter.since.is_some_and(|since| checkpoint.header.time < since) {
            break;
        }
        if filter.fits(&late, &checkpoint)? {
            found.push(checkpoint);
        }
        if found.len() >= most {
            break;
        }
    }
    Ok(())
}

/// Whether one of the paths, or what is at it, differs from the snapshot before. Compares ids along
/// the path only, so it opens as many trees as the path has names.
fn changed(store: &Store, checkpoint: &Checkpoint, paths: &[Vec<u8>]) -> Result<bool> {
    let Some(new) = chain::worktree(store, checkpoint.tree)? else { return Ok(false) };
    let parent = checkpoint.parent.map(|parent| chain::checkpoint(store, parent)).transpose()?;
    let old = chain::newest_worktree(store, parent.as_ref())?;
    for path in paths {
        let old = old.map(|old| store.lookup(old, path)).transpose()?.flatten();
        if store.lookup(new, path)? != old {
            return Ok(true);
        }
    }
    Ok(false)
}
