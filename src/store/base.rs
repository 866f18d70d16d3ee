//! The commit of the user's that checkpoints may borrow objects from.
//!
//! Invariant of a chain: every object of every checkpoint is in the store itself or belongs to the
//! tree of the chain's base. The base stays while HEAD's history holds it, so amending new work drops
//! nothing. When it does not, what could be borrowed of it and HEAD's tree lacks is copied into the
//! store, and HEAD becomes the base. A guard copies nothing, for somebody waits: it goes on with the
//! base it finds, and the flush that follows does the rest.

use anyhow::Result;

use super::chain;
use crate::git::absorb::{self, Land};
use crate::git::ancestry;
use crate::git::head::Head;
use crate::git::store::Store;
use crate::model::checkpoint::{Checkpoint, Kind};
use crate::model::oid::Oid;

/// More guards in a row than this, and HEAD's whole history is asked.
const MOST_GUARDS: usize = 100;

/// What a checkpoint may borrow from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    pub commit: Option<Oid>,
    /// HEAD's commit, if the base may be moved there.
    pub head: Option<Oid>,
    /// HEAD's history is known to hold the base.
    pub held: bool,
    /// What was borrowed and is gone already.
    pub missing: Vec<Oid>,
    /// How many packs of what was borrowed were landed.
    pub landed: usize,
    /// A commit that comes from the base.
    heir: Option<Oid>,
}

impl Base {
    /// The base as it was, whatever HEAD did since; HEAD if there was none, or is none any more.
    pub fn kept(store: &Store, before: Option<&Checkpoint>, head: &Head) -> Result<Self> {
        let now = Self { commit: head.commit, head: head.commit, held: true, ..Self::default() };
        let Some((before, old)) = before.and_then(|before| Some((before, before.header.base?))) else {
            return Ok(now);
        };
        let stays = Self { commit: Some(old), heir: heir(store, before), ..now.clone() };
        if now.head.is_some() && [stays.commit, stays.heir].contains(&now.head) {
            return Ok(stays);
        }
        match ancestry::tree_of(store, old)? {
            Some(_) => Ok(Self { held: false, ..stays }),
            None => Ok(Self { missing: vec![old], ..now }),
        }
    }

    /// The base of the checkpoint that follows `before`. If HEAD left it, what it lent is landed.
    pub fn settled(
        store: &Store,
        before: Option<&Checkpoint>,
        head: &Head,
        land: &mut Land<'_>,
    ) -> Result<Self> {
        let mut base = Self::kept(store, before, head)?;
        base.held = match (base.commit, base.head) {
            (Some(old), Some(head)) => ancestry::is_ancestor_by(store, old, base.heir, head)?,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if !base.held {
            base.advance(store, land)?;
        }
        Ok(base)
    }

    /// The same, and it stays.
    pub fn fixed(self) -> Self {
        Self { head: None, ..self }
    }

    /// Makes HEAD the base, once all that the old one lent is in the store or in HEAD's tree.
    pub fn advance(&mut self, store: &Store, land: &mut Land<'_>) -> Result<()> {
        if let Some(from) = tree(store, self.commit)? {
            let landed = &mut self.landed;
            let mut land = |packed| land(packed).inspect(|()| *landed += 1);
            let absorbed = absorb::absorb(store, from, tree(store, self.head)?, &mut land)?;
            self.missing.extend(absorbed.missing);
        }
        self.commit = self.head;
        self.held = true;
        Ok(())
    }
}

/// The tree of a commit, if there is one and it is there.
pub fn tree(store: &Store, commit: Option<Oid>) -> Result<Option<Oid>> {
    Ok(commit.map(|commit| ancestry::tree_of(store, commit)).transpose()?.flatten())
}

/// A commit that comes from the base: the HEAD of the newest checkpoint whose maker made sure of it.
///
/// Whoever makes a checkpoint that is no guard does: its base is its HEAD, or was found in that one's
/// history. A guard may have kept a base that HEAD had left, so the ones before it are asked.
fn heir(store: &Store, before: &Checkpoint) -> Option<Oid> {
    let base = before.header.base;
    let sure = |one: &Checkpoint| one.header.kind != Kind::Guard || one.header.head == base;
    if sure(before) {
        return before.header.head;
    }
    let older = chain::walk(store, before.parent).take(MOST_GUARDS).map_while(Result::ok);
    older.take_while(|one| one.header.base == base).find(sure)?.header.head
}
