//! Something in the record that answers a question.

use super::command::Command;
use super::oid::Oid;
use super::query::{Match, Rank};
use super::text::Text;
use super::time::Timestamp;
use super::who::Who;

/// What kind of thing answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Command,
    Prompt,
    /// A path that changed.
    Path,
    /// What somebody said a checkpoint is for.
    Checkpoint,
    /// What somebody called a session, or said of it.
    Session,
    /// What an agent answered, as its transcript has it.
    Answer,
}

impl Kind {
    /// Every kind, in the order help lists them.
    pub const ALL: [Self; 6] =
        [Self::Command, Self::Prompt, Self::Path, Self::Checkpoint, Self::Session, Self::Answer];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Prompt => "prompt",
            Self::Path => "path",
            Self::Checkpoint => "checkpoint",
            Self::Session => "session",
            Self::Answer => "answer",
        }
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Hit {
    pub kind: Kind,
    /// When it happened; of a path, when it was last found changed.
    pub at: Timestamp,
    /// The text that answers.
    pub text: Text,
    pub found: Match,
    pub who: Who,
    /// The checkpoint that holds it, of a path the last that found it changed; `None` while it waits
    /// in the journal.
    pub checkpoint: Option<Oid>,
    /// The command that it is.
    pub command: Option<Box<Command>>,
    /// How many checkpoints found the path changed; 1 of all else.
    pub times: u64,
}

impl Hit {
    /// What the better answer has more of: a phrase counts for more than words, then the newer one for
    /// more than the older.
    pub fn worth(&self) -> (Rank, Timestamp) {
        (self.found.rank, self.at)
    }
}
