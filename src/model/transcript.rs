//! What is kept of the agents' own transcripts: up to where each was read, and what a checkpoint got
//! of it.

use serde::{Deserialize, Serialize};

use super::digest;
use super::text::Text;

/// So many bytes at the start of a transcript, and before the end of what was read, are proof that it
/// is still the same.
pub const WINDOW: u64 = 64 << 10;

/// Up to where a transcript was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The agent's name, as its session has it.
    pub agent: String,
    /// Where the agent keeps it.
    pub path: Text,
    /// In bytes; a line begins there.
    pub offset: u64,
    /// [`proof`] of what lies before it; empty at the start.
    pub proof: String,
    /// When the file was last written as it was read then, microseconds since 1970.
    #[serde(default)]
    pub written: i64,
}

impl Mark {
    /// Nothing was read yet.
    pub fn start(agent: &str, path: &Text) -> Self {
        Self { agent: agent.to_owned(), path: path.clone(), offset: 0, proof: String::new(), written: 0 }
    }
}

/// A piece of a transcript in a checkpoint: the lines of `transcripts/<session>/<piece>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Up to where the transcript is kept with it.
    #[serde(flatten)]
    pub mark: Mark,
    /// The name of the file that holds it, below the session's directory of this checkpoint.
    pub piece: u32,
    /// How many lines it has.
    pub records: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// The transcript was not what it had been, and was read from its start: so many lines were known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub known: u64,
    /// The id of its first record, if this is the first piece: a copy of a conversation begins with
    /// the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Text>,
}

/// What shows that a transcript is the same up to an offset: SHA-256, in hex, of its first bytes and
/// of those before the offset, at most [`WINDOW`] of each.
///
/// Agents append. One that shortens or rewrites its file moves what lies before the offset, so that
/// the whole need not be read again at every turn.
pub fn proof(first: &[u8], before: &[u8]) -> String {
    digest::hex(&digest::sha256(&[first, before]))
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
