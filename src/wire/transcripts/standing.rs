//! Which records of a transcript still stand, and which were taken back.
//!
//! Claude and Pi keep a tree: what stands is the way from the last record to the root. Gemini and
//! Copilot take back as they go, Gemini also replaces. The others only ever add.

use std::collections::{HashMap, HashSet};

use super::{Record, Said};
use crate::model::agent::Agent;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Stands,
    /// On a branch that was left. What it did to files was done all the same.
    Dropped,
    /// A newer version of it came.
    Replaced,
}

/// The standing of each record, and the ids of those that stand, the oldest first.
pub(super) fn of(agent: Agent, records: &[Record]) -> (Vec<Standing>, Vec<String>) {
    let chain = match agent {
        Agent::Claude | Agent::Pi => climb(records),
        Agent::Gemini | Agent::Copilot => return play(agent, records),
        _ => ids(records),
    };
    let stands: HashSet<&str> = chain.iter().map(String::as_str).collect();
    let each = records.iter().map(|record| match &record.id {
        Some(id) if !record.side && !stands.contains(id.as_str()) => Standing::Dropped,
        _ => Standing::Stands,
    });
    (each.collect(), chain.iter().map(|id| (*id).clone()).collect())
}

/// Every id, once, in the order of its first record.
pub(super) fn ids(records: &[Record]) -> Vec<String> {
    let mut seen = HashSet::new();
    let ids = records.iter().filter_map(|record| record.id.as_ref());
    ids.filter(|id| seen.insert(id.as_str())).cloned().collect()
}

/// The way from the last record up to the root, turned round.
///
/// A parent that is not there (they get lost, and a compaction may name none) counts as the record
/// before in the file; what goes in a circle ends where it began.
fn climb(records: &[Record]) -> Vec<String> {
    let ours = |record: &&Record| record.id.is_some() && !record.side;
    let tree: Vec<&Record> = records.iter().filter(ours).collect();
    let at: HashMap<&str, usize> =
        tree.iter().enumerate().filter_map(|(i, record)| Some((record.id.as_deref()?, i))).collect();
    let mut visited = HashSet::new();
    let mut chain = Vec::new();
    let mut next = tree.len().checked_sub(1);
    while let Some(here) = next {
        let Some(id) = tree[here].id.as_ref().filter(|id| visited.insert(id.as_str())) else { break };
        chain.push(id.clone());
        next = match &tree[here].parent {
            Some(parent) => at.get(parent.as_str()).copied().or_else(|| here.checked_sub(1)),
            None if compacts(tree[here]) => here.checked_sub(1),
            None => None,
        };
    }
    chain.reverse();
    chain
}

fn compacts(record: &Record) -> bool {
    record.says.iter().any(|said| matches!(said, Said::Compacted { .. }))
}

/// The conversation as it is after every replacement and every step back.
///
/// A step back to a record that is not there: Gemini drops everything, Copilot dropped it long ago.
fn play(agent: Agent, records: &[Record]) -> (Vec<Standing>, Vec<String>) {
    let mut each = vec![Standing::Stands; records.len()];
    // The records that stand, and where each id is among them.
    let mut live: Vec<(&str, usize)> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for (i, record) in records.iter().enumerate() {
        for said in &record.says {
            let keep = match said {
                Said::Rewound(id) => match (at.get(id.as_str()), agent) {
                    (Some(place), _) => *place,
                    (None, Agent::Copilot) => live.len(),
                    (None, _) => 0,
                },
                Said::Cleared => 0,
                _ => continue,
            };
            for (id, dropped) in live.drain(keep..) {
                each[dropped] = Standing::Dropped;
                at.remove(id);
            }
        }
        let Some(id) = record.id.as_deref() else { continue };
        match at.get(id) {
            Some(place) => {
                each[live[*place].1] = Standing::Replaced;
                live[*place].1 = i;
            }
            None => {
                at.insert(id, live.len());
                live.push((id, i));
            }
        }
    }
    // What was taken back and came again is there once.
    for (standing, record) in each.iter_mut().zip(records) {
        let again = record.id.as_deref().is_some_and(|id| at.contains_key(id));
        if *standing == Standing::Dropped && again {
            *standing = Standing::Replaced;
        }
    }
    (each, live.into_iter().map(|(id, _)| id.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, parent: Option<&str>) -> Record {
        Record { id: Some(id.into()), parent: parent.map(str::to_owned), ..Record::default() }
    }

    fn chain(records: &[Record]) -> String {
        of(Agent::Claude, records).1.concat()
    }

    #[test]
    fn the_way_up_ends_whatever_the_parents_say() {
        assert_eq!(chain(&[]), "");
        assert_eq!(chain(&[record("a", None), record("b", Some("a")), record("c", Some("a"))]), "ac");
        assert_eq!(chain(&[record("a", Some("a"))]), "a");
        assert_eq!(chain(&[record("a", Some("b")), record("b", Some("a"))]), "ab");
        assert_eq!(chain(&[record("a", None), record("b", Some("lost"))]), "ab");
        assert_eq!(chain(&[record("b", Some("a")), record("a", None)]), "a");
        assert_eq!(chain(&[record("a", None), record("a", None), record("b", Some("a"))]), "ab");
    }

    #[test]
    fn a_compaction_without_a_parent_follows_what_stands_before_it() {
        let says = vec![Said::Compacted { trigger: None, tokens: None }];
        let compacted = Record { says, ..record("c", None) };
        assert_eq!(chain(&[record("a", None), compacted, record("b", Some("c"))]), "acb");
    }

    #[test]
    fn what_comes_again_after_a_step_back_stands_once() {
        let back = |id: &str| Record { says: vec![Said::Rewound(id.into())], ..Record::default() };
        let records = [record("a", None), record("b", None), back("b"), record("b", None)];
        let (each, ids) = of(Agent::Gemini, &records);
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(each[1], Standing::Replaced);
        assert_eq!(of(Agent::Gemini, &[record("a", None), back("nobody")]).1, [""; 0]);
        assert_eq!(of(Agent::Copilot, &[record("a", None), back("nobody")]).1, ["a"]);
    }
}
