//! The story of each branch, from what was recorded on it and what became of it.

use std::collections::HashMap;

use anyhow::Result;

use super::commands::{self, Record};
use crate::git::store::Store;
use crate::git::{ancestry, head};
use crate::model::checkpoint::Checkpoint;
use crate::model::event::What;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::{self, Branch, FirstWords, Trail};
use crate::store::home::Home;
use crate::store::{chain, tip};

/// Commits of a branch are counted up to here.
const MOST_COMMITS: u64 = 10_000;

/// Every trail, and the checkpoints they were derived from.
///
/// `author` is who works here; every branch that was worked on here is theirs.
pub fn all(
    home: &Home,
    store: &Store,
    author: Option<&str>,
    now: Timestamp,
) -> Result<(Vec<Trail>, Vec<Checkpoint>)> {
    let mut checkpoints = Vec::new();
    for checkpoint in chain::walk(store, tip::intact(home)?) {
        checkpoints.push(checkpoint?);
    }
    let (record, read) = commands::read(home, store);
    read?;
    let branches = branches(home, store, author, &checkpoints)?;
    let words = first_words(&checkpoints, &record);
    Ok((trail::derive(&checkpoints, &branches, &words, now), checkpoints))
}

/// What became of every branch that checkpoints name.
fn branches(
    home: &Home,
    store: &Store,
    author: Option<&str>,
    checkpoints: &[Checkpoint],
) -> Result<Vec<Branch>> {
    let place = &home.place;
    let heads: HashMap<Vec<u8>, Oid> = head::branches(&place.git_dir, &place.common)?.into_iter().collect();
    let base = head::default_branch(&place.common);
    let base_tip = base.as_ref().and_then(|name| heads.get(name)).copied();
    let mut names: Vec<&Text> = checkpoints.iter().filter_map(|one| one.header.branch.as_ref()).collect();
    names.sort();
    names.dedup();
    let mut all = Vec::new();
    for name in names {
        let tip = heads.get(&name.0).copied();
        let is_base = base.as_ref() == Some(&name.0);
        let merged = match (tip, base_tip) {
            (Some(tip), Some(base)) if !is_base => ancestry::is_ancestor(store, tip, base)?,
            _ => false,
        };
        let since = match is_base {
            true => first_head(checkpoints, name),
            false => base_tip,
        };
        all.push(Branch {
            name: name.clone(),
            tip,
            merged,
            commits: tip.map_or(Ok(0), |tip| own_commits(store, tip, since))?,
            base: base.clone().filter(|_| !is_base).map(Text),
            author: author.map(str::to_owned),
        });
    }
    Ok(all)
}

/// HEAD when something was first recorded on the branch.
fn first_head(checkpoints: &[Checkpoint], branch: &Text) -> Option<Oid> {
    let on = checkpoints.iter().rev().find(|one| one.header.branch.as_ref() == Some(branch));
    on.and_then(|one| one.header.head)
}

/// Commits along first parents that `base` does not hold.
fn own_commits(store: &Store, tip: Oid, base: Option<Oid>) -> Result<u64> {
    let mut count = 0;
    let mut next = Some(tip);
    while let Some(id) = next {
        let held = match base {
            Some(base) => ancestry::is_ancestor(store, id, base)?,
            None => false,
        };
        if held || count >= MOST_COMMITS {
            break;
        }
        count += 1;
        next = store.commit(id)?.and_then(|commit| commit.parent);
    }
    Ok(count)
}

/// The first prompt and the first command recorded on each branch.
fn first_words(checkpoints: &[Checkpoint], record: &Record) -> HashMap<Text, FirstWords> {
    let branch_of: HashMap<Oid, &Text> =
        checkpoints.iter().filter_map(|one| Some((one.id, one.header.branch.as_ref()?))).collect();
    let mut words: HashMap<Text, FirstWords> = HashMap::new();
    for command in &record.commands {
        if let Some(branch) = command.checkpoint.and_then(|id| branch_of.get(&id)) {
            let words = words.entry((*branch).clone()).or_default();
            words.command.get_or_insert_with(|| command.command.clone());
        }
    }
    for (held_by, event) in &record.prompts {
        if let (Some(branch), What::Prompt(prompt)) = (branch_of.get(held_by), &event.what) {
            let words = words.entry((*branch).clone()).or_default();
            words.prompt.get_or_insert_with(|| prompt.text.clone());
        }
    }
    words
}
