//! What differs between two states of the files.

use std::ops::ControlFlow;

use anyhow::{Context, Result};

use super::select::Point;
use crate::git::pack::Pack;
use crate::git::store::Store;
use crate::git::{GITLINK, LINK, diff, patch};
use crate::model::change::Side;
use crate::model::checkpoint::Checkpoint;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::store::base::Base;
use crate::store::chain;
use crate::store::compose::Scope;
use crate::store::home::Home;
use crate::store::snapshot::Camera;
use crate::store::tip;

/// A file that differs, and both contents. A content that cannot be read is absent.
pub struct Differs {
    pub path: Text,
    pub old: Option<Side>,
    pub new: Option<Side>,
    pub patch: patch::Patch,
}

/// Two states and the objects that only memory holds: what is now is not written for being looked at.
pub struct Comparison<'a> {
    pub store: &'a Store,
    pack: Pack,
    pub old: Option<Oid>,
    pub new: Option<Oid>,
}

impl<'a> Comparison<'a> {
    /// Of two points.
    pub fn new(home: &Home, camera: &Camera<'a>, old: &Point, new: &Point) -> Result<Self> {
        let mut pack = Pack::new(camera.store.hash_kind());
        let mut tree = |point: &Point| match point {
            Point::Checkpoint(found) => chain::worktree(camera.store, found.tree).and_then(|tree| {
                tree.context("that checkpoint has no snapshot: choose one beside it").map(Some)
            }),
            Point::Commit { tree, .. } => Ok(Some(*tree)),
            Point::Now => now(home, camera, &mut pack),
        };
        let (old, new) = (tree(old)?, tree(new)?);
        Ok(Self { store: camera.store, pack, old, new })
    }

    /// Of a checkpoint and the snapshot before it; `None` if it is the first.
    pub fn made_by(store: &'a Store, of: &Checkpoint) -> Result<Option<Self>> {
        let Some(before) = of.parent.or(of.header.continues) else { return Ok(None) };
        let before = chain::checkpoint(store, before)?;
        let Some(old) = chain::newest_worktree(store, Some(&before))? else { return Ok(None) };
        // A checkpoint that was made without a snapshot changed no file.
        let new = chain::worktree(store, of.tree)?.unwrap_or(old);
        Ok(Some(Self { store, pack: Pack::new(store.hash_kind()), old: Some(old), new: Some(new) }))
    }

    /// What differs, path by path, at or below one of `paths` if there are any.
    pub fn files(&self, paths: &[Vec<u8>], context: usize) -> Result<Vec<Differs>> {
        let mut all = Vec::new();
        diff::trees(self.store, Some(&self.pack), self.old, self.new, &mut |delta| {
            if paths.is_empty() || paths.iter().any(|path| covers(path, &delta.path)) {
                let old = self.content(delta.old)?;
                let new = self.content(delta.new)?;
                let patch = patch::unified(&old, &new, context);
                all.push(Differs { path: Text(delta.path), old: delta.old, new: delta.new, patch });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(all)
    }

    fn content(&self, side: Option<Side>) -> Result<Vec<u8>> {
        match side {
            None => Ok(Vec::new()),
            Some(Side { mode: GITLINK, id }) => Ok(format!("Subproject commit {id}\n").into_bytes()),
            Some(Side { mode, id }) => {
                let bytes = match self.pack.get(id) {
                    Some((_, bytes)) => bytes,
                    None => self
                        .store
                        .blob(id)?
                        .with_context(|| format!("the file's object {} is missing", id.short(12)))?,
                };
                Ok(if mode == LINK { [bytes, b"\n".to_vec()].concat() } else { bytes })
            }
        }
    }
}

fn now(home: &Home, camera: &Camera<'_>, pack: &mut Pack) -> Result<Option<Oid>> {
    let tip = tip::intact(home)?.map(|id| chain::checkpoint(camera.store, id)).transpose()?;
    let head = crate::git::head::read(&home.place.git_dir, &home.place.common)?;
    // Nothing is written, so nothing needs to be copied: what is there now can be read now.
    let base = Base::kept(camera.store, tip.as_ref(), &head)?;
    Ok(camera.take(pack, &Scope::Full, &base, tip.as_ref())?.tree)
}

/// True if `file` is `path` or lies below it.
pub fn covers(path: &[u8], file: &[u8]) -> bool {
    let rest = file.strip_prefix(path.strip_suffix(b"/").unwrap_or(path));
    path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}
