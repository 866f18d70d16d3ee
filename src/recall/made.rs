//! Which checkpoints led to a commit of the user's: those between the commit before it and this one,
//! as the HEAD that each of them recorded tells.

use std::collections::HashSet;

use anyhow::{Result, bail};

use super::select::NotFound;
use crate::model::checkpoint::Checkpoint;
use crate::model::oid::Oid;
use crate::store::home::Home;
use crate::store::late::Late;
use crate::store::models::Chain;
use crate::store::tip;

/// The checkpoints in which `commit` was made, the last of which is the first that saw it as HEAD.
///
/// # Errors
/// No checkpoint saw it, or the chain is damaged.
pub fn checkpoints(home: &Home, commit: Oid) -> Result<HashSet<Oid>> {
    let late = Late::new(home);
    let open = || late.store();
    let chain = Chain { home, open: &open, tip: tip::intact(home)? };
    let mut all: Vec<Checkpoint> = chain.walk().collect::<Result<_>>()?;
    all.reverse();
    let heads: Vec<Option<Oid>> = all.iter().map(|one| one.header.head).collect();
    match span(&heads, commit) {
        Some(span) => Ok(all[span].iter().map(|one| one.id).collect()),
        None => bail!(NotFound(format!(
            "no checkpoint of this worktree saw {} as HEAD: it was made elsewhere, or before recording began",
            commit.short(12)
        ))),
    }
}

/// From behind the checkpoint that first saw the HEAD before it, to the one that first saw `commit`.
fn span(heads: &[Option<Oid>], commit: Oid) -> Option<std::ops::Range<usize>> {
    let seen = heads.iter().position(|head| *head == Some(commit))?;
    let before = heads[..seen].last().copied();
    let run = heads[..seen].iter().rev().take_while(|head| Some(**head) == before).count();
    // What the first of them holds led to the commit before, but for the first of all.
    let start = if run == seen { 0 } else { seen - run + 1 };
    Some(start.min(seen)..seen + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_was_made_since_the_one_before_it_was_seen() {
        let oid = |at: u8| Oid::from_bytes(&[at; 20]).unwrap();
        let heads = |all: &str| all.bytes().map(|at| (at != b'-').then(|| oid(at))).collect::<Vec<_>>();
        let cases = [
            ("aaab", Some(0..4)),
            ("caab", Some(2..4)),
            ("cab", Some(2..3)),
            ("b", Some(0..1)),
            ("--b", Some(0..3)),
            // Seen again later: it was made the first time.
            ("abcb", Some(0..2)),
            ("aaa", None),
            ("", None),
        ];
        for (all, expected) in cases {
            assert_eq!(span(&heads(all), oid(b'b')), expected, "{all}");
        }
    }
}
