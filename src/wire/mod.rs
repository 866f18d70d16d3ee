//! Floor 1: bytes to model and back, versioned and pure. No file, no clock, no dice.
//!
//! # The journal, byte by byte
//!
//! A journal file is a run of frames. A frame is a NUL, a payload that holds no NUL, a NUL:
//!
//! ```text
//! 00 payload 00 00 payload 00 …
//! ```
//!
//! The NUL in front heals what a crash or a full disk left behind: a fragment ends where the next
//! frame begins, so nobody has to cut a file under its writer. [`frame`] reads it.
//!
//! A payload is one of three, told apart by its first bytes:
//!
//! | begins with | is | read by |
//! |---|---|---|
//! | `1 US C US` or `1 US S US` | the end or the start of a shell's command | [`shell`] |
//! | `1 US H US` | a header: what is constant for a shell's session | [`shell`] |
//! | `{` | one event as a line of JSON | [`event`] |
//!
//! `US` is the byte 1f. A command record has eleven fields, nothing is escaped, the text is last
//! and may hold anything but a NUL:
//!
//! | # | field | holds |
//! |---|---|---|
//! | 1 | version | `1` |
//! | 2 | half | `S` started, `C` finished |
//! | 3 | seq | decimal, from 1; both halves of a command share it; gaps are normal |
//! | 4, 5 | start, end | microseconds since the epoch; empty if unknown, never 0 |
//! | 6 | exit | decimal; empty in `S` |
//! | 7 | pipestatus | decimals with a space between two |
//! | 8 | flags | `r` repeat, `u` repeat or hidden, `s` whole seconds only, `t` text cut |
//! | 9, 10 | directory at the start, after | absolute; the second may be empty in `S` |
//! | 11 | text | as typed, to the closing NUL |
//!
//! A header's third field, to the closing NUL, is `{"at":<us>,"seen":{…}}`, where `seen` is a
//! [`SessionSeen`](crate::model::event::SessionSeen).
//!
//! # An event
//!
//! The same line stands in the journal and in a checkpoint's `events.jsonl`:
//!
//! ```text
//! {"v":1,"id":"…","at":<us>,"session":"sess_…","seq":17,"kind":"command_finished","body":{…}}
//! ```
//!
//! `session` and `seq` are left out where there is none; `kind` is the name of a
//! [`What`](crate::model::event::What) in snake case and `body` is what it holds. Bytes that are
//! not UTF-8 are `{"hex":"…"}` instead of a string. A kind or a version that this program does not
//! know is from a newer one: it is read as [`Unknown`](crate::model::event::What::Unknown), and
//! whoever carries it on carries the line as it was.
//!
//! # A restore
//!
//! [`op`] is the plan of a restore as it lies in `ops/`.
//!
//! # Transcripts
//!
//! [`kept`] is up to where each agent's transcript is kept, as it lies in a checkpoint.
//!
//! # From agents
//!
//! [`agents`] and [`generic`] read what an agent's hook sends, each with the names it has there;
//! [`call`] makes events of it. [`lenient`] reads the JSON, which is often not quite that, and
//! [`tools`] knows the names of the agents' tools. [`hookfile`] puts our entries into the file where
//! an agent keeps its hooks, which [`jsonc`] edits without touching another byte. [`transcripts`]
//! reads the conversations as the agents themselves keep them; [`sessionsdb`] another program's log.
//!
//! # In git's hooks
//!
//! [`githook`] is the text by which git calls us, as a file and as configuration; [`trailer`]
//! is what a commit's message may say of checkpoints and sessions.

pub mod agents;
pub mod call;
pub mod event;
pub mod fit;
pub mod frame;
pub mod generic;
pub mod githook;
pub mod hookfile;
pub mod jsonc;
pub mod kept;
pub mod lenient;
pub mod message;
pub mod op;
pub mod sessionsdb;
pub mod shell;
pub mod tools;
pub mod trail;
pub mod trailer;
pub mod transcripts;
pub mod trouble;

use std::fmt;

/// Why some bytes are not what they should be. Holds words of ours only: foreign text may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// Written by a version that we do not know.
    Version,
    /// The event has a name that is none of these.
    Event(String),
    /// A field is missing, or does not hold what it must.
    Field(&'static str),
    /// It is not JSON of the expected shape; the word of the parser, and the column.
    Json(&'static str, usize),
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => f.write_str("written in a version that is not known here"),
            Self::Event(known) => write!(f, "the field `event` is none of {known}"),
            Self::Field(name) => write!(f, "the field `{name}` is missing or does not hold what it must"),
            Self::Json(what, column) => write!(f, "the JSON is {what} at column {column}"),
        }
    }
}

impl std::error::Error for Bad {}

/// The parser's own message quotes what it read, so only its kind and place are kept.
impl From<serde_json::Error> for Bad {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        let what = match error.classify() {
            Category::Eof => "cut short",
            Category::Syntax => "broken",
            Category::Data => "not of the expected shape",
            Category::Io => "unreadable",
        };
        Self::Json(what, error.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_never_quotes_what_it_read() {
        let error = serde_json::from_str::<u64>("\"hunter2\"").unwrap_err();
        assert!(error.to_string().contains("hunter2"));
        assert!(!Bad::from(error).to_string().contains("hunter2"));
    }
}
