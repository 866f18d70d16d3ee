//! Looks whether everything that was recorded is there and whole. Changes nothing.

use std::collections::HashSet;

use anyhow::Result;

use super::chain;
use super::home::Home;
use super::tip;
use crate::git::head;
use crate::git::store::Store;
use crate::git::{GITLINK, TREE};
use crate::model::checkpoint::Checkpoint;
use crate::model::oid::Oid;
use crate::wire::event;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Checkpoints looked at.
    pub checkpoints: u64,
    /// Objects of the store's own that were read and hashed again.
    pub objects: u64,
    pub problems: Vec<Problem>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The checkpoint it was found in, if any.
    pub checkpoint: Option<Oid>,
    /// A path in it, a ref, an object.
    pub place: String,
    pub what: String,
}

/// What it means that a file's object is nowhere.
///
/// What we wrote ourselves cannot hide behind a promise: it lies in one pack with its directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacking {
    Lost,
    /// The user's clone left it at its origin, and so do we.
    Promised,
}

/// Checks the chain of this worktree: each checkpoint, its events, every tree and file it names, and
/// that every object of the store's own hashes to its name. `step` is called once per checkpoint.
pub fn check(home: &Home, step: &mut dyn FnMut(u64)) -> Result<Report> {
    let mut report = Report::default();
    let store = Store::open(&home.place.store())?;
    let lacking = match head::is_promisor(&home.place.common) {
        true => Lacking::Promised,
        false => Lacking::Lost,
    };
    let tip = tip::read(home)?;
    if let Some(what) = tip::damage(home, &tip) {
        report.add(None, home.shadow(), &format!("the ref {what}"));
    }
    let mut seen = HashSet::new();
    for checkpoint in chain::walk(&store, tip.id()) {
        match checkpoint {
            Ok(checkpoint) => report.look(&store, lacking, &checkpoint, &mut seen),
            Err(error) => report.add(None, "chain".into(), &format!("{error:#}")),
        }
        report.checkpoints += 1;
        step(report.checkpoints);
    }
    report.rehash(&store)?;
    Ok(report)
}

impl Report {
    fn look(&mut self, store: &Store, lacking: Lacking, checkpoint: &Checkpoint, seen: &mut HashSet<Oid>) {
        match chain::events(store, checkpoint.tree) {
            Ok(lines) => {
                let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let bad = lines.filter(|line| event::decode(line).is_err()).count();
                if bad > 0 {
                    self.add(
                        Some(checkpoint.id),
                        "events.jsonl".into(),
                        &format!("{bad} lines are no events"),
                    );
                }
            }
            Err(error) => self.add(Some(checkpoint.id), "events.jsonl".into(), &format!("{error:#}")),
        }
        let mut todo = vec![(Vec::new(), checkpoint.tree)];
        while let Some((path, tree)) = todo.pop() {
            if !seen.insert(tree) {
                continue;
            }
            match store.tree(tree) {
                Ok(Some(entries)) => {
                    for entry in entries {
                        let path = [path.as_slice(), b"/", &entry.name].concat();
                        match entry.mode {
                            TREE => todo.push((path, entry.id)),
                            GITLINK => {}
                            _ if !seen.insert(entry.id) => {}
                            _ => self.file(store, lacking, checkpoint.id, (&path, entry.id)),
                        }
                    }
                }
                Ok(None) => self.add(Some(checkpoint.id), shown(&path), "the directory's object is missing"),
                Err(error) => self.add(Some(checkpoint.id), shown(&path), &format!("{error:#}")),
            }
        }
    }

    fn file(&mut self, store: &Store, lacking: Lacking, checkpoint: Oid, (path, id): (&[u8], Oid)) {
        match store.blob_size(id) {
            Ok(Some(_)) => {}
            Ok(None) if lacking == Lacking::Promised => {}
            Ok(None) => self.add(Some(checkpoint), shown(path), "the file's object is missing"),
            Err(error) => self.add(Some(checkpoint), shown(path), &format!("{error:#}")),
        }
    }

    fn rehash(&mut self, store: &Store) -> Result<()> {
        for id in store.own_ids()? {
            self.objects += 1;
            match store.is_intact(id) {
                Ok(true) => {}
                Ok(false) => self.add(None, id.to_string(), "the object does not hash to its name"),
                Err(error) => self.add(None, id.to_string(), &format!("{error:#}")),
            }
        }
        Ok(())
    }

    fn add(&mut self, checkpoint: Option<Oid>, place: String, what: &str) {
        self.problems.push(Problem { checkpoint, place, what: what.to_owned() });
    }
}

fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path.strip_prefix(b"/").unwrap_or(path)).into_owned()
}
