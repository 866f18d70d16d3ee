//! What a restore is to do, path by path, and what stands in its way. Pure.

use serde::{Deserialize, Serialize};

use super::change::Side;
use super::text::Text;

/// git's mode of a symbolic link.
const LINK: u32 = 0o120000;
/// git's mode of a nested repository's commit.
const GITLINK: u32 = 0o160000;

/// One path that is to become something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From the worktree's top.
    pub path: Text,
    /// What stands there when the plan is made, as a checkpoint holds it; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Side>,
    /// What is to stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Side>,
}

/// What happens to a path, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Add,
    Change,
    Mode,
    Link,
    Delete,
}

impl Step {
    /// What happens to the path.
    pub fn action(&self) -> Action {
        match (self.from, self.to) {
            (None, Some(_)) => Action::Add,
            (_, None) => Action::Delete,
            (Some(from), Some(to)) if from.mode == LINK || to.mode == LINK => Action::Link,
            (Some(from), Some(to)) if from.id == to.id => Action::Mode,
            _ => Action::Change,
        }
    }

    /// The same the other way round.
    pub fn back(&self) -> Self {
        Self { path: self.path.clone(), from: self.to, to: self.from }
    }

    /// True if one of its sides is a nested repository, whose files are its own.
    pub fn is_nested(&self) -> bool {
        [self.from, self.to].iter().flatten().any(|side| side.mode == GITLINK)
    }
}

/// Why a path cannot be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// It was changed since, at the same place.
    Edited,
    /// Something stands there that no checkpoint holds.
    InTheWay,
    /// It is not checked out here, or was removed a moment ago.
    NotThere,
    /// It is a nested repository.
    Nested,
}

/// A step, and what hinders it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub step: Step,
    pub conflict: Option<Conflict>,
}

/// What to do where a change is to be taken back and somebody changed the same place since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolve {
    /// Refuse.
    #[default]
    Refuse,
    /// Keep what stands there now.
    Ours,
    /// Put back what was there before the change.
    Theirs,
    /// Write both, with git's conflict markers.
    Markers,
}

/// One change of a path that is to be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    pub old: Option<Side>,
    pub new: Option<Side>,
}

/// What taking back a change means, given what stands there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Keep,
    /// This is to stand there.
    Put(Option<Side>),
    /// Three texts differ; the result has this mode.
    Merge { base: Side, ours: Side, theirs: Side, mode: u32 },
    /// Somebody made something else of it.
    Clash,
}

/// Judges how to take `edit` back where `now` stands.
pub fn take_back(edit: Edit, now: Option<Side>) -> Verdict {
    if now == edit.old {
        return Verdict::Keep;
    }
    if now == edit.new {
        return Verdict::Put(edit.old);
    }
    let (Some(old), Some(new), Some(now)) = (edit.old, edit.new, now) else { return Verdict::Clash };
    if [old, new, now].iter().any(|side| !is_file(*side)) {
        return Verdict::Clash;
    }
    // Of the executable bit and of the bytes, each on its own: whoever changed it last keeps it.
    let mode = if now.mode == new.mode { old.mode } else { now.mode };
    if now.id == new.id || old.id == new.id || now.id == old.id {
        let id = if now.id == new.id { old.id } else { now.id };
        let put = Side { mode, id };
        return if put == now { Verdict::Keep } else { Verdict::Put(Some(put)) };
    }
    Verdict::Merge { base: new, ours: now, theirs: old, mode }
}

fn is_file(side: Side) -> bool {
    side.mode & 0o170_000 == 0o100_000
}

/// Joins changes that follow on each other, oldest first: what one left is what the next one found.
pub fn coalesce(edits: &[Edit]) -> Vec<Edit> {
    let mut joined: Vec<Edit> = Vec::new();
    for edit in edits {
        match joined.last_mut() {
            Some(last) if last.new == edit.old => last.new = edit.new,
            _ => joined.push(*edit),
        }
    }
    joined.retain(|edit| edit.old != edit.new);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::oid::Oid;

    fn file(id: u8) -> Option<Side> {
        Some(Side { mode: 0o100_644, id: Oid::from_bytes(&[id; 20]).unwrap() })
    }

    fn program(id: u8) -> Option<Side> {
        file(id).map(|side| Side { mode: 0o100_755, ..side })
    }

    fn link(id: u8) -> Option<Side> {
        file(id).map(|side| Side { mode: LINK, ..side })
    }

    #[test]
    fn a_change_is_taken_back_and_what_others_did_since_stays() {
        let merge = |mode| Verdict::Merge {
            base: file(2).unwrap(),
            ours: file(3).unwrap(),
            theirs: file(1).unwrap(),
            mode,
        };
        let cases = [
            // Nobody touched it since.
            (file(1), file(2), file(2), Verdict::Put(file(1))),
            (None, file(2), file(2), Verdict::Put(None)),
            (file(1), None, None, Verdict::Put(file(1))),
            (link(1), file(2), file(2), Verdict::Put(link(1))),
            // It is back already.
            (file(1), file(2), file(1), Verdict::Keep),
            (None, file(2), None, Verdict::Keep),
            // Others changed the other half.
            (file(1), file(2), program(2), Verdict::Put(program(1))),
            (file(1), program(1), program(3), Verdict::Put(file(3))),
            (file(1), program(2), program(1), Verdict::Put(file(1))),
            (file(1), program(1), file(3), Verdict::Keep),
            // Others changed the same bytes.
            (file(1), file(2), file(3), merge(0o100_644)),
            // Others made something else of it.
            (file(1), file(2), None, Verdict::Clash),
            (file(1), file(2), link(3), Verdict::Clash),
            (None, file(2), file(3), Verdict::Clash),
            (file(1), None, file(3), Verdict::Clash),
        ];
        for (at, (old, new, now, expected)) in cases.into_iter().enumerate() {
            assert_eq!(take_back(Edit { old, new }, now), expected, "case {at}");
        }
    }

    #[test]
    fn changes_in_a_row_are_one_and_those_with_a_gap_are_not() {
        let edit = |old, new| Edit { old: file(old), new: file(new) };
        assert_eq!(coalesce(&[edit(1, 2), edit(2, 3)]), [edit(1, 3)]);
        assert_eq!(coalesce(&[edit(1, 2), edit(2, 1)]), []);
        assert_eq!(coalesce(&[edit(1, 2), edit(3, 4)]), [edit(1, 2), edit(3, 4)]);
    }

    #[test]
    fn a_step_says_what_happens() {
        let step = |from, to| Step { path: "a".into(), from, to };
        let cases = [
            (None, file(1), Action::Add),
            (file(1), None, Action::Delete),
            (file(1), file(2), Action::Change),
            (file(1), program(1), Action::Mode),
            (file(1), link(1), Action::Link),
            (link(1), link(2), Action::Link),
        ];
        for (from, to, action) in cases {
            assert_eq!(step(from, to).action(), action);
        }
    }
}
