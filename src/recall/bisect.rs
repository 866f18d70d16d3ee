//! Which checkpoint broke it: the search, and what is known of the one that it found.
//!
//! The search is pure. It knows states by their numbers and asks an oracle about them; what a state
//! is, and how one is tried, is the caller's.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use anyhow::{Result, bail};

use super::attribution::{Found, Windows};
use super::commands::{self, Record, Told};
use super::replay;
use crate::git::diff;
use crate::git::store::Store;
use crate::model::change::{Change, Confidence, Status};
use crate::model::checkpoint::Checkpoint;
use crate::model::command::Command;
use crate::model::event::{Event, What};
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::home::Home;
use crate::wire::event;

/// What a trial says of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad,
    /// It cannot be judged.
    Skip,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This state is bad, and the one before it is good.
    First(usize),
    /// One of these is the first bad one. All but the last could not be judged.
    Suspects(Vec<usize>),
    /// An end is not what it was said to be, so there is nothing to search for.
    WrongEnd { at: usize, verdict: Verdict },
}

/// Searches the states 0 (said to be good) to `last` (said to be bad, and another one) for the first
/// bad one.
///
/// Asks for both ends first, then for about log2 of the rest. `oracle` is told the state, and how many
/// more trials there may be after it.
pub fn search(last: usize, oracle: &mut dyn FnMut(usize, u32) -> Result<Verdict>) -> Result<Outcome> {
    for (at, said, others) in [(0, Verdict::Good, 1), (last, Verdict::Bad, 0)] {
        let more = trials(last.saturating_sub(1)) + others;
        let verdict = oracle(at, more)?;
        if verdict != said {
            return Ok(Outcome::WrongEnd { at, verdict });
        }
    }
    let (mut good, mut bad) = (0, last);
    let mut skipped = BTreeSet::new();
    while let Some(at) = next(good, bad, &skipped) {
        let untried = (good + 1..bad).filter(|at| !skipped.contains(at)).count();
        match oracle(at, trials(untried) - 1)? {
            Verdict::Good => good = at,
            Verdict::Bad => bad = at,
            Verdict::Skip => drop(skipped.insert(at)),
        }
    }
    match bad - good {
        1 => Ok(Outcome::First(bad)),
        _ => Ok(Outcome::Suspects((good + 1..=bad).collect())),
    }
}

/// The state to try next, strictly between the two; `None` if none is left.
///
/// It is the middle one. After a skip it is one somewhere else: what cannot be judged is often a
/// stretch, and beside one such state stands another.
fn next(good: usize, bad: usize, skipped: &BTreeSet<usize>) -> Option<usize> {
    let untried: Vec<usize> = (good + 1..bad).filter(|at| !skipped.contains(at)).collect();
    let skips = skipped.range(good + 1..bad.max(good + 1)).count();
    let (part, parts) = fraction(skips + 1);
    untried.get(untried.len() * part / parts).copied()
}

/// The n-th of 1/2, 1/4, 3/4, 1/8, 5/8, 3/8, 7/8, …: the digits of n mirrored at the point.
fn fraction(n: usize) -> (usize, usize) {
    let digits = usize::BITS - n.leading_zeros();
    (n.reverse_bits() >> (usize::BITS - digits), 1 << digits)
}

/// So many trials find one border among `untried` states and the one after them.
fn trials(untried: usize) -> u32 {
    usize::BITS - untried.leading_zeros()
}

/// One state of the files, and since which checkpoint.
#[derive(Clone, Debug)]
pub struct State {
    pub checkpoint: Checkpoint,
    pub tree: Oid,
    /// The files of the state before; `None` for the first.
    pub before: Option<Oid>,
    /// Checkpoints between this state and the one before that have no snapshot: what they tell may
    /// have made the difference too.
    pub blind: Vec<Checkpoint>,
}

/// The states from checkpoint `from` to checkpoint `to`, oldest first, each with other files than the
/// one before; `None` if the chain does not lead from one to the other.
pub fn states(store: &Store, from: &Checkpoint, to: &Checkpoint) -> Result<Option<Vec<State>>> {
    let mut line = Vec::new();
    for checkpoint in chain::walk(store, Some(to.id)) {
        let checkpoint = checkpoint?;
        let is_first = checkpoint.id == from.id;
        line.push(checkpoint);
        if is_first {
            return told_apart(store, line).map(Some);
        }
    }
    Ok(None)
}

/// `line` is newest first.
fn told_apart(store: &Store, line: Vec<Checkpoint>) -> Result<Vec<State>> {
    let mut states: Vec<State> = Vec::new();
    let mut blind = Vec::new();
    for checkpoint in line.into_iter().rev() {
        match (replay::snapshot(store, &checkpoint)?, states.last()) {
            (None, None) => {
                bail!("checkpoint {} has no snapshot: choose one beside it", checkpoint.id.short(12))
            }
            (None, Some(_)) => blind.push(checkpoint),
            (Some(tree), Some(last)) if last.tree == tree => blind.clear(),
            (Some(tree), last) => {
                let before = last.map(|last| last.tree);
                states.push(State { checkpoint, tree, before, blind: std::mem::take(&mut blind) });
            }
        }
    }
    Ok(states)
}

/// What is known of the checkpoint that broke it.
#[derive(Debug)]
pub struct Culprit {
    /// Commands that it tells of, and those that were at work on its changes.
    pub commands: Vec<Told>,
    /// Its prompts; of a session without one there, the last one before.
    pub prompts: Vec<Event>,
    /// Everything it tells, after the prompts from before.
    pub events: Vec<Event>,
    pub changes: Vec<Change>,
}

/// Gathers what is known of `state`.
///
/// # Errors
/// Something is damaged; the second half says it, and the first holds all the rest.
pub fn culprit(home: &Home, store: &Store, state: &State) -> Result<(Culprit, Result<()>)> {
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let (record, read) = commands::read(home, store);
    let mut lines = Vec::new();
    for checkpoint in state.blind.iter().chain([&state.checkpoint]) {
        lines.extend(chain::events(store, checkpoint.tree)?);
    }
    let told: Vec<Event> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .filter_map(|line| event::decode(line).ok())
        .collect();
    let found = record.changes.iter().find(|found| found.checkpoint == state.checkpoint.id);
    let found = Found {
        checkpoint: state.checkpoint.id,
        since: found.map_or(Timestamp(0), |found| found.since),
        began: state.checkpoint.header.time,
        at: state.checkpoint.header.time,
        changes: changes(store, state.before, state.tree, &told)?,
    };
    let changes = Windows::new(&record.commands, &record.others, top).attribute(&found);
    let held: HashSet<Oid> =
        state.blind.iter().chain([&state.checkpoint]).map(|checkpoint| checkpoint.id).collect();
    let earlier = earlier_prompts(&record, &told, state);
    let own = told.iter().filter(|event| matches!(event.what, What::Prompt(_))).cloned();
    let prompts = earlier.iter().cloned().chain(own).collect();
    let commands = commands_of(&record, &held, state, &changes, top);
    let events = earlier.into_iter().chain(told).collect();
    Ok((Culprit { commands, prompts, events, changes }, read))
}

/// What differs, with the times that the snapshot noted.
fn changes(store: &Store, old: Option<Oid>, new: Oid, told: &[Event]) -> Result<Vec<Change>> {
    let noted = || {
        told.iter().filter_map(|event| match &event.what {
            What::Snapshot(facts) => Some(&facts.changes),
            _ => None,
        })
    };
    let mut all = Vec::new();
    diff::trees(store, None, old, Some(new), &mut |delta| {
        let times = noted().flatten().rfind(|change| change.path.0 == delta.path);
        all.push(Change {
            path: Text(delta.path),
            status: match (delta.old, delta.new) {
                (None, _) => Status::Added,
                (_, None) => Status::Deleted,
                _ => Status::Modified,
            },
            old: delta.old,
            new: delta.new,
            mtime: times.and_then(|change| change.mtime),
            ctime: times.and_then(|change| change.ctime),
            by: Vec::new(),
            confidence: Confidence::Unknown,
        });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// Of each session that is at work in `state` and has no prompt there, the last prompt before.
fn earlier_prompts(record: &Record, told: &[Event], state: &State) -> Vec<Event> {
    let is_prompt = |event: &Event| matches!(event.what, What::Prompt(_));
    let asked: HashSet<_> =
        told.iter().filter(|event| is_prompt(event)).map(|event| &event.session).collect();
    let at_work: HashSet<_> = told.iter().map(|event| &event.session).collect();
    let wanted = at_work.into_iter().filter(|session| session.is_some() && !asked.contains(session));
    let mut found: Vec<Event> = wanted
        .filter_map(|session| {
            let mut of_session = record.prompts.iter().map(|(_, event)| event);
            let before =
                |event: &&Event| event.session == *session && event.at <= state.checkpoint.header.time;
            of_session.rfind(before).cloned()
        })
        .collect();
    found.sort_by_key(|event| event.at);
    found
}

/// Commands whose end one of the checkpoints tells, and those that may have made a change and were
/// still at work when the last of them was made.
fn commands_of(
    record: &Record,
    held: &HashSet<Oid>,
    state: &State,
    changes: &[Change],
    top: &[u8],
) -> Vec<Told> {
    let authors: HashSet<_> =
        changes.iter().flat_map(|change| &change.by).filter_map(|author| author.command.as_ref()).collect();
    let made = state.checkpoint.header.time;
    let at_work = |command: &Command| {
        command.started.is_some_and(|start| start <= made) && command.finished.is_none_or(|end| end > made)
    };
    let mut told = record.list(&commands::Filter::default(), top, true);
    told.retain(|Told { command, .. }| {
        let is_held = command.checkpoint.is_some_and(|id| held.contains(&id));
        is_held || at_work(command) && authors.contains(&command.id)
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches `0..=last`, of which `first_bad` and all after it are bad, and `skip` cannot be judged.
    /// Returns what came out, and the states that were tried.
    fn searched(last: usize, first_bad: usize, skip: &[usize]) -> (Outcome, Vec<usize>) {
        let mut tried = Vec::new();
        let outcome = search(last, &mut |at, _| {
            assert!(!tried.contains(&at), "{at} is tried twice");
            tried.push(at);
            Ok(match at {
                _ if skip.contains(&at) => Verdict::Skip,
                _ if at >= first_bad => Verdict::Bad,
                _ => Verdict::Good,
            })
        });
        (outcome.unwrap(), tried)
    }

    #[test]
    fn every_border_is_found_in_about_log2_trials() {
        for last in 1..=130_usize {
            let most = 2 + trials(last - 1) as usize;
            for first_bad in 1..=last {
                let (outcome, tried) = searched(last, first_bad, &[]);
                assert_eq!(outcome, Outcome::First(first_bad), "of {last}");
                assert!(tried.len() <= most, "{first_bad} of {last}: {tried:?}");
            }
        }
        assert!(searched(200, 117, &[]).1.len() <= 10);
    }

    #[test]
    fn the_ends_are_tried_first_and_must_be_what_they_are_said_to_be() {
        let wrong = |at, verdict| Outcome::WrongEnd { at, verdict };
        assert_eq!(searched(8, 0, &[]), (wrong(0, Verdict::Bad), vec![0]));
        assert_eq!(searched(8, 9, &[]), (wrong(8, Verdict::Good), vec![0, 8]));
        assert_eq!(searched(8, 4, &[0]).0, wrong(0, Verdict::Skip));
        assert_eq!(searched(8, 4, &[8]).0, wrong(8, Verdict::Skip));
    }

    #[test]
    fn skips_beside_the_border_leave_a_range_and_others_cost_little() {
        let suspects = |range: std::ops::RangeInclusive<usize>| Outcome::Suspects(range.collect());
        let cases: [(usize, usize, &[usize], Outcome); 7] = [
            (10, 5, &[4], suspects(4..=5)),
            (10, 5, &[5], suspects(5..=6)),
            (10, 5, &[3, 4, 5, 6], suspects(3..=7)),
            (10, 5, &[1, 2, 3, 4, 5, 6, 7, 8, 9], suspects(1..=10)),
            (10, 5, &[3, 7], Outcome::First(5)),
            (10, 1, &[5], Outcome::First(1)),
            (2, 2, &[1], suspects(1..=2)),
        ];
        for (last, first_bad, skip, outcome) in cases {
            assert_eq!(searched(last, first_bad, skip).0, outcome, "{skip:?}");
        }
        // A stretch that cannot be judged, in the middle and away from the border, is left soon.
        let stretch: Vec<usize> = (400..600).collect();
        for first_bad in [100, 390, 610, 900] {
            let (outcome, tried) = searched(1000, first_bad, &stretch);
            assert_eq!(outcome, Outcome::First(first_bad));
            assert!(tried.len() < 30, "{first_bad}: {tried:?}");
        }
    }

    #[test]
    fn who_waits_is_told_how_many_trials_may_be_left() {
        let mut told = Vec::new();
        search(16, &mut |at, more| {
            told.push(more);
            Ok(if at >= 11 { Verdict::Bad } else { Verdict::Good })
        })
        .unwrap();
        assert_eq!(told, [5, 4, 3, 2, 1, 0]);
        let failed = search(16, &mut |_, _| bail!("it could not be run"));
        assert_eq!(failed.unwrap_err().to_string(), "it could not be run");
    }
}
