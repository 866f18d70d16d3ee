//! Where lines of a file come from: which state brought them, and who was at work.

use super::change::Confidence;
use super::id::CommandId;
use super::oid::Oid;
use super::text::Text;
use super::time::Timestamp;
use super::who::Who;

/// Lines next to each other that came together, numbered from 1, both ends included.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    pub first: u32,
    pub last: u32,
    pub origin: Origin,
}

/// What brought some lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub source: Source,
    /// When they came, as far as that is known.
    pub at: Option<Timestamp>,
    /// What the file was called there, from the worktree's top.
    pub path: Text,
    /// Who may have brought them: one, unless the confidence says otherwise. Of a commit, whose command
    /// brought that here, if it is known.
    pub deeds: Vec<Deed>,
    pub confidence: Confidence,
}

/// The state that has them first.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The file as it is; no checkpoint has them yet.
    Now,
    Checkpoint(Oid),
    /// The first checkpoint found them, and no commit has them: they are older than the record.
    Before(Oid),
    /// A commit of the user's.
    Commit(Signed),
}

/// A commit, and what it says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    pub id: Oid,
    pub author: Text,
    pub subject: Text,
}

/// What somebody did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deed {
    pub who: Who,
    pub command: Option<(CommandId, Text)>,
    /// A tool's name, where it was no command.
    pub tool: Option<String>,
    /// What it was done for.
    pub prompt: Option<Asked>,
}

/// A prompt, and the selector that names its turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub turn: String,
    pub text: Text,
}
