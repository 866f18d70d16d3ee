//! A line of `trouble.jsonl`.

use serde::{Deserialize, Serialize};

use crate::model::time::Timestamp;

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub at: Timestamp,
    /// What was being done: `hook generic`, `flush`.
    pub doing: String,
    /// What went wrong, redacted.
    pub what: String,
}

/// The line, without its newline.
pub fn encode(trouble: &Trouble) -> Vec<u8> {
    // A struct of a number and two strings has no value that JSON lacks.
    serde_json::to_vec(trouble).unwrap_or_default()
}

/// Reads a line; `None` if it is none.
pub fn decode(line: &[u8]) -> Option<Trouble> {
    serde_json::from_slice(line).ok()
}
