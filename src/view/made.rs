//! What became of a wish for a checkpoint: `trace checkpoint`.

use std::io::{self, Write};

use super::safe::Safe;
use super::{count, short};
use crate::model::change::{Reason, Skip};
use crate::model::id::WorktreeId;
use crate::model::oid::Oid;

/// The checkpoint that stands for now.
#[derive(Clone, Debug, PartialEq)]
pub struct MadeView {
    /// The new one, or the one that still stands; `None` if there is none at all.
    pub id: Option<Oid>,
    /// False if nothing had changed and no event waited.
    pub created: bool,
    pub worktree: WorktreeId,
    /// Commands in its batch.
    pub commands: u64,
    pub files_changed: u64,
    pub skipped: Vec<Skip>,
    /// How often the ref had moved under whoever made it.
    pub retries: u32,
}

/// Paths that are named one by one before the rest is counted.
const NAMED: usize = 5;

/// Writes the whole id and nothing else: a script keeps it.
pub fn write(to: &mut dyn Write, made: &MadeView) -> io::Result<()> {
    match made.id {
        Some(id) => writeln!(to, "{id}"),
        None => Ok(()),
    }
}

/// What is to be said beside it, on stderr.
pub fn remarks(made: &MadeView) -> Vec<String> {
    let (commands, files) = (count(made.commands, "command"), count(made.files_changed, "file"));
    let mut lines = vec![match (made.created, made.id) {
        (true, _) => format!("{commands}, {files} changed"),
        (false, Some(id)) => format!("nothing changed since {}", short(id)),
        (false, None) => "nothing to record".to_owned(),
    }];
    for skip in made.skipped.iter().take(NAMED) {
        lines.push(format!("left out: {} ({})", Safe(skip.path.as_bytes()), reason(skip.reason)));
    }
    if made.skipped.len() > NAMED {
        lines.push(format!("left out: {} more", made.skipped.len() - NAMED));
    }
    lines
}

/// Why a path was left out, for people.
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::TooLarge => "too large",
        Reason::CheckpointFull => "the checkpoint is full",
        Reason::SecretName => "named like a secret",
        Reason::SecretContent => "looks like it holds a secret",
        Reason::Special => "not a regular file",
        Reason::Unreadable => "cannot be read",
        Reason::BadName => "a name git refuses",
        Reason::NestedUnborn => "a nested repository without a commit",
        Reason::Other => "for a reason this version does not know",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{oid, screen};

    fn made(created: bool, skipped: usize) -> MadeView {
        let skip = |at| Skip { path: format!("big{at}\n").into(), reason: Reason::TooLarge };
        MadeView {
            id: Some(oid(0x3f)),
            created,
            worktree: WorktreeId::parse("0123456789abcdef").unwrap(),
            commands: 3,
            files_changed: 1,
            skipped: (0..skipped).map(skip).collect(),
            retries: 0,
        }
    }

    #[test]
    fn stdout_is_the_id_and_the_rest_is_talk() {
        let id = "3f".repeat(20);
        assert_eq!(screen(|to| write(to, &made(true, 1))), format!("{id}\n"));
        assert_eq!(remarks(&made(true, 1)), ["3 commands, 1 file changed", "left out: big0\\n (too large)"]);
        assert_eq!(remarks(&made(false, 0)), ["nothing changed since 3f3f3f3f3f"]);
        assert_eq!(remarks(&made(true, 7)).last().unwrap(), "left out: 2 more");
        let nothing = MadeView { id: None, ..made(false, 0) };
        assert_eq!(screen(|to| write(to, &nothing)), "");
        assert_eq!(remarks(&nothing), ["nothing to record"]);
    }
}
