//! The story of each branch, from what was recorded on it and what became of it.

use std::collections::HashMap;

use anyhow::Result;

use crate::git::store::Store;
use crate::git::{ancestry, head};
use crate::model::checkpoint::Checkpoint;
use crate::model::event::What;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::{self, Branch, FirstWords, Trail};
use crate::store::home::Home;
use crate::store::{chain, models, tip};
use crate::wire::event;

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
    let tip = tip::intact(home)?;
    let checkpoints = chain::walk(store, tip).collect::<Result<Vec<_>>>()?;
    let branches = branches(home, store, author, &checkpoints)?;
    let mut words = Words::new(&checkpoints);
    models::tell(home, store, tip, &mut |id, lines| words.take(id, lines))?;
    let words = words.found;
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
struct Words<'a> {
    branch_of: HashMap<Oid, &'a Text>,
    found: HashMap<Text, FirstWords>,
}

impl<'a> Words<'a> {
    fn new(checkpoints: &'a [Checkpoint]) -> Self {
        let on = |one: &'a Checkpoint| Some((one.id, one.header.branch.as_ref()?));
        Self { branch_of: checkpoints.iter().filter_map(on).collect(), found: HashMap::new() }
    }

    /// Takes the events of a checkpoint; the oldest checkpoint comes first.
    fn take(&mut self, id: Oid, lines: &[u8]) {
        let Some(branch) = self.branch_of.get(&id).copied() else { return };
        if !self.found.contains_key(branch) {
            self.found.insert(branch.clone(), FirstWords::default());
        }
        let Some(words) = self.found.get_mut(branch) else { return };
        for line in lines.split(|byte| *byte == b'\n') {
            // Nearly every line is of no use here, and decoding it would be most of the work.
            let wanted = match event::kind_of(line) {
                Some(b"prompt") => words.prompt.is_none(),
                Some(b"command_started" | b"command_finished") => words.command.is_none(),
                _ => false,
            };
            if !wanted {
                continue;
            }
            match event::decode(line).ok().map(|event| event.what) {
                Some(What::Prompt(prompt)) => words.prompt = Some(prompt.text),
                Some(What::CommandStarted(half) | What::CommandFinished(half)) => {
                    words.command = Some(half.command);
                }
                _ => {}
            }
        }
    }
}
