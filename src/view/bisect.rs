//! What a search for the checkpoint that broke something found: `trace bisect run`.

use std::io::{self, Write};

use super::commands::CommandView;
use super::show::{self, ShowView};
use super::{Look, count, log};
use crate::model::change::Change;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::Event;

/// What came out. If there is one suspect, it is the first bad one and the rest is about it.
#[derive(Clone, Debug)]
pub struct FoundView {
    /// Oldest first.
    pub suspects: Vec<Checkpoint>,
    pub commands: Vec<CommandView>,
    pub events: Vec<Event>,
    pub changes: Vec<Change>,
    /// How many states were tried.
    pub tried: u64,
}

/// Writes the first bad checkpoint in full, or the list of those that it may be.
pub fn write(to: &mut dyn Write, found: &FoundView, look: &Look) -> io::Result<()> {
    let trials = count(found.tried, "trial");
    match found.suspects.as_slice() {
        [checkpoint] => {
            writeln!(to, "The first bad checkpoint, after {trials}:\n")?;
            let (events, changes) = (&found.events, &found.changes);
            show::write(to, &ShowView { checkpoint, turns: &[], events, changes, commits: &[] }, look)
        }
        several => {
            writeln!(
                to,
                "One of these is the first bad checkpoint. {trials}; only skipped ones are left:\n"
            )?;
            log::write(to, several, look)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Status;
    use crate::view::testing::{change, checkpoint, look, screen};

    fn found(suspects: Vec<Checkpoint>) -> String {
        let changes = vec![change("src/parser.rs", Status::Modified)];
        let found = FoundView { suspects, commands: vec![], events: vec![], changes, tried: 9 };
        screen(|to| write(to, &found, &look(None)))
    }

    #[test]
    fn the_culprit_is_told_in_full() {
        let text = found(vec![checkpoint(0x3f, 50, "fix the parser")]);
        let head = format!(
            "The first bad checkpoint, after 9 trials:\n\ncheckpoint {}\nfix the parser\n",
            "3f".repeat(20)
        );
        assert!(text.starts_with(&head), "{text}");
        assert!(text.ends_with("\nChanges\nM  src/parser.rs\n"), "{text}");
    }

    #[test]
    fn several_suspects_are_a_list() {
        let text = found(vec![checkpoint(0x3f, 50, "one"), checkpoint(0x40, 40, "two")]);
        assert_eq!(
            text,
            "\
One of these is the first bad checkpoint. 9 trials; only skipped ones are left:

3f3f3f3f3f  50s ago  auto  main  3 cmds  +1 ~2 -0  one
4040404040  40s ago  auto  main  3 cmds  +1 ~2 -0  two
"
        );
    }
}
