//! A batch and a snapshot, as one commit: what its message says.

use super::cursor::Cursor;
use super::id::{SessionId, WorktreeId};
use super::oid::Oid;
use super::text::Text;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a list needs to know of a checkpoint without opening a blob.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// One line a person can read, redacted.
    pub subject: String,
    pub kind: Kind,
    pub time: Timestamp,
    pub worktree: WorktreeId,
    /// The worktree's top when this was made.
    pub worktree_path: Text,
    /// HEAD's commit; `None` while unborn.
    pub head: Option<Oid>,
    /// HEAD's branch, without `refs/heads/`; `None` if detached.
    pub branch: Option<Text>,
    /// The commit whose objects this chain may borrow from the user's repository.
    pub base: Option<Oid>,
    /// Sessions with an event in the batch.
    pub sessions: Vec<SessionId>,
    /// Commands that finished in the batch.
    pub commands: u64,
    pub files: Files,
    pub snapshot: Snapshot,
    /// How many paths were left out.
    pub skipped: u64,
    /// How many journal pieces were set aside as torn or foreign.
    pub set_aside: u64,
    /// The last checkpoint of the segment before, if this is the first of a new one.
    pub continues: Option<Oid>,
    pub cursor: Cursor,
    /// 128 random bits: no two checkpoints are the same object.
    pub unique: [u8; 16],
    /// Format version; readers refuse a major one they do not know.
    pub format: u32,
}

/// The format this program writes.
pub const FORMAT: u32 = 1;

/// A checkpoint as it is read from the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub id: Oid,
    pub parent: Option<Oid>,
    pub tree: Oid,
    pub header: Header,
}

/// Why a checkpoint was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Count, age, or the end of a shell.
    Auto,
    /// Somebody asked.
    Manual,
    /// An agent's turn ended.
    Turn,
    /// Something destructive was about to run.
    Guard,
    /// Around `trace run`.
    Run,
    /// Before a restore.
    Restore,
}

impl Kind {
    /// Every kind, in the order help lists them.
    pub const ALL: [Self; 6] = [Self::Auto, Self::Manual, Self::Turn, Self::Guard, Self::Run, Self::Restore];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::Turn => "turn",
            Self::Guard => "guard",
            Self::Run => "run",
            Self::Restore => "restore",
        }
    }

    /// The kind with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// How many files differ from the checkpoint before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    pub added: u64,
    pub modified: u64,
    pub deleted: u64,
}

impl Files {
    /// All of them.
    pub fn total(self) -> u64 {
        self.added + self.modified + self.deleted
    }
}

/// What the snapshot of a checkpoint stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// Every path was looked at.
    Full,
    /// Only the paths that hooks named; the others are as in the checkpoint before.
    Known,
    /// A time limit cut the search: what was found by then.
    Partial,
    /// No snapshot, for the reason given. The tree has no `worktree/`.
    Skipped(Excuse),
}

/// Why there is no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// The time budget ran out.
    Timeout,
    /// The files could not be read.
    Failed,
    /// There is no room for one.
    Space,
    /// The repository has no files of its own here.
    Bare,
    /// The worktree is gone.
    Gone,
}

impl Snapshot {
    /// The words for it, as in the message.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Known => "known",
            Self::Partial => "partial",
            Self::Skipped(Excuse::Timeout) => "skipped:timeout",
            Self::Skipped(Excuse::Failed) => "skipped:failed",
            Self::Skipped(Excuse::Space) => "skipped:space",
            Self::Skipped(Excuse::Bare) => "skipped:bare",
            Self::Skipped(Excuse::Gone) => "skipped:gone",
        }
    }

    /// What the words of a message mean.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Full,
            Self::Known,
            Self::Partial,
            Self::Skipped(Excuse::Timeout),
            Self::Skipped(Excuse::Failed),
            Self::Skipped(Excuse::Space),
            Self::Skipped(Excuse::Bare),
            Self::Skipped(Excuse::Gone),
        ];
        all.into_iter().find(|snapshot| snapshot.word() == word)
    }
}
