//! The story of each branch, from what was recorded on it in any worktree of the clone, what people
//! said of it, and what became of it.

mod became;
mod timeline;

use std::cmp::Reverse;
use std::collections::HashMap;

use anyhow::Result;

use crate::model::checkpoint::Checkpoint;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::said::Edits;
use crate::model::trail::{self, Tallies, Tally, Trail};
use crate::store::home::Home;
use crate::store::late::Late;
use crate::store::models::Chain;
use crate::store::{pending, record, tip};
use crate::view::timeline::MomentView;
use became::Branches;
use timeline::Line;

/// Every trail of this clone, the last worked on first.
///
/// `author` is who works here; every branch that was worked on here is theirs. The store is opened only
/// where the read model, or a branch that has moved, makes us read it.
///
/// # Errors
/// The branches cannot be read. What is damaged of a worktree is said beside the trails of the rest.
pub fn all(home: &Home, author: Option<&str>, now: Timestamp) -> Result<(Vec<Trail>, Result<()>)> {
    let late = Late::new(home);
    let (mut told, read) = told(home, &late);
    told.tallies.hear(&told.edits);
    let branches = Branches::read(home, &late)?.all(&told.tallies, author)?;
    Ok((trail::derive(&told.tallies, &branches, &told.edits, now), read))
}

/// Whether a word names a branch that is there.
pub fn is_branch(home: &Home, name: &Text) -> Result<bool> {
    Ok(Branches::read(home, &Late::new(home))?.has(name))
}

/// What is recorded of all branches.
#[derive(Default)]
struct Told {
    tallies: Tallies,
    edits: Edits,
}

fn told(home: &Home, late: &Late<'_>) -> (Told, Result<()>) {
    let mut told = Told::default();
    let (mut tallies, mut damage): (Vec<Tally>, _) = (Vec::new(), Ok(()));
    let homes = home.worktrees().unwrap_or_else(|error| {
        damage = Err(error);
        vec![home.clone()]
    });
    for home in &homes {
        if let Err(error) = gather(home, late, &mut tallies, &mut told.edits) {
            damage = Err(error);
        }
    }
    // The first words are those of the worktree in which the branch was first seen.
    tallies.sort_by_key(|tally| tally.created);
    tallies.into_iter().for_each(|tally| told.tallies.add(tally));
    (told, damage)
}

/// Reads what waits before what is kept: in between, the one may become the other.
fn gather(home: &Home, late: &Late<'_>, tallies: &mut Vec<Tally>, edits: &mut Edits) -> Result<()> {
    let waiting = pending::of_writer(&home.journal(), &record::trails_stem())?;
    waiting.into_iter().for_each(|event| edits.take(event));
    let trails = Chain { home, open: &|| late.store(), tip: tip::intact(home)? }.trails()?;
    tallies.extend(trails.tallies.0.into_values());
    edits.merge(trails.edits);
    Ok(())
}

/// What happened on one branch.
#[derive(Default)]
pub struct Story {
    /// Newest first.
    pub checkpoints: Vec<Checkpoint>,
    /// Oldest first.
    pub moments: Vec<MomentView>,
}

/// Tells what happened on a branch, in every worktree.
///
/// # Errors
/// The store or the branches cannot be read. What else is damaged is said beside what remains.
pub fn story(home: &Home, branch: &Text) -> Result<(Story, Result<()>)> {
    let late = Late::new(home);
    let (mut told, mut read) = told(home, &late);
    told.tallies.hear(&told.edits);
    let store = late.store()?;
    let mut story = Story::default();
    let mut made = HashMap::new();
    for one in home.worktrees()? {
        let (line, whole) = Line::read(&one, home, store, branch);
        read = read.and(whole);
        story.checkpoints.extend(line.checkpoints().cloned());
        story.moments.extend(line.moments());
        made.extend(line.committed());
    }
    if let Some(tally) = told.tallies.0.get(branch) {
        let branches = Branches::read(home, &late)?;
        story.moments.extend(timeline::commits(&branches, store, tally, &made)?);
    }
    story.moments.extend(timeline::said(&told.edits, branch));
    story.checkpoints.sort_by_key(|one| Reverse(one.header.time));
    story.moments.sort_by_key(|moment| moment.at);
    Ok((story, read))
}
