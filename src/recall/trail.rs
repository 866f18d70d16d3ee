//! The story of each branch, from what was recorded on it and what became of it.

use std::collections::HashMap;

use anyhow::Result;

use crate::git::{ancestry, head};
use crate::model::checkpoint::Checkpoint;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::{self, Branch, Tallies, Trail};
use crate::store::home::Home;
use crate::store::late::Late;
use crate::store::models::Chain;
use crate::store::tip;

/// Commits of a branch are counted up to here.
const MOST_COMMITS: u64 = 10_000;

/// Every trail of this worktree, the last worked on first.
///
/// `author` is who works here; every branch that was worked on here is theirs. The store is opened only
/// where the read model, or a branch that has moved, makes us read it.
pub fn all(home: &Home, author: Option<&str>, now: Timestamp) -> Result<Vec<Trail>> {
    let late = Late::new(home);
    let tallies = Chain { home, open: &|| late.store(), tip: tip::intact(home)? }.tallies()?;
    let branches = branches(home, &late, author, &tallies)?;
    Ok(trail::derive(&tallies, &branches, now))
}

/// The checkpoints that were made on a branch, newest first.
pub fn story(home: &Home, branch: &Text) -> Result<Vec<Checkpoint>> {
    let late = Late::new(home);
    let on = |one: &Result<Checkpoint>| match one {
        Ok(one) => one.header.branch.as_ref() == Some(branch),
        Err(_) => true,
    };
    Chain { home, open: &|| late.store(), tip: tip::intact(home)? }.walk().filter(on).collect()
}

fn is_ancestor(late: &Late<'_>, old: Oid, new: Oid) -> Result<bool> {
    Ok(old == new || ancestry::is_ancestor(late.store()?, old, new)?)
}

/// What became of every branch that checkpoints name.
fn branches(home: &Home, late: &Late<'_>, author: Option<&str>, tallies: &Tallies) -> Result<Vec<Branch>> {
    let place = &home.place;
    let heads: HashMap<Vec<u8>, Oid> = head::branches(&place.git_dir, &place.common)?.into_iter().collect();
    let base = head::default_branch(&place.common);
    let base_tip = base.as_ref().and_then(|name| heads.get(name)).copied();
    let mut all = Vec::new();
    for (name, tally) in &tallies.0 {
        let tip = heads.get(&name.0).copied();
        let is_base = base.as_ref() == Some(&name.0);
        let merged = match (tip, base_tip) {
            (Some(tip), Some(base)) if !is_base => is_ancestor(late, tip, base)?,
            _ => false,
        };
        let since = if is_base { tally.first_head } else { base_tip };
        all.push(Branch {
            name: name.clone(),
            tip,
            merged,
            commits: tip.map_or(Ok(0), |tip| own_commits(late, tip, since))?,
            base: base.clone().filter(|_| !is_base).map(Text),
            author: author.map(str::to_owned),
        });
    }
    Ok(all)
}

/// Commits along first parents that `base` does not hold.
fn own_commits(late: &Late<'_>, tip: Oid, base: Option<Oid>) -> Result<u64> {
    let mut count = 0;
    let mut next = Some(tip);
    while let Some(id) = next {
        let held = match base {
            Some(base) => is_ancestor(late, id, base)?,
            None => false,
        };
        if held || count >= MOST_COMMITS {
            break;
        }
        count += 1;
        next = late.store()?.commit(id)?.and_then(|commit| commit.parent);
    }
    Ok(count)
}
