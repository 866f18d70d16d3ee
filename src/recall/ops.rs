//! The restores of a worktree: what was put back, and what of that was taken back.

use std::collections::HashSet;

use super::commands::Record;
use crate::model::event::{RestoreAction, Restored, What};
use crate::model::id::EventId;

/// A restore that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub id: EventId,
    pub restored: Restored,
    /// It was taken back, and not put forward again.
    pub undone: bool,
}

/// Every restore, oldest first.
pub fn list(record: &Record) -> Vec<Operation> {
    let mut all: Vec<Operation> = Vec::new();
    for event in &record.others {
        if let What::Restored(restored) = &event.what {
            all.push(Operation { id: event.id.clone(), restored: (**restored).clone(), undone: false });
        }
    }
    let undone = undone(&all);
    for one in &mut all {
        one.undone = undone.contains(&key(&one.id));
    }
    all
}

/// The undos that stand: those that no redo put forward again. The last one is redone first.
pub fn standing(all: &[Operation]) -> Vec<&Operation> {
    let mut stack: Vec<&Operation> = Vec::new();
    for one in all {
        match one.restored.action {
            RestoreAction::Undo => stack.push(one),
            RestoreAction::Redo => stack.retain(|undo| one.restored.of.as_deref() != Some(&*key(&undo.id))),
            RestoreAction::Restore => {}
        }
    }
    stack
}

/// The key that names an operation for ever.
pub fn key(id: &EventId) -> String {
    format!("op:{id}")
}

/// What is taken back for now: by an undo that stands; an undo, by its redo.
fn undone(all: &[Operation]) -> HashSet<String> {
    let taken = standing(all).into_iter().filter_map(|one| one.restored.of.clone());
    let redone = all.iter().filter(|one| one.restored.action == RestoreAction::Redo);
    taken.chain(redone.filter_map(|one| one.restored.of.clone())).collect()
}
