//! The agents' own transcripts, made into records that mean the same for all of them.
//!
//! [`split`] cuts bytes into the lines of a transcript, [`keep`] redacts what is to be stored, [`read`] says what one of them tells, one
//! file per agent, and [`Summary`] makes a conversation of them. [`place`] knows where an agent keeps
//! a transcript and how it goes on with one. The formats belong to others and change without notice:
//! what is not known is left out, nothing is refused, nothing is guessed. Nothing here is redacted:
//! a transcript holds secrets, and whoever stores any of it redacts first.
//!
//! SQLite stores are not read.

mod claude;
mod codex;
mod copilot;
mod cursor;
mod droid;
mod fold;
mod gemini;
pub mod keep;
mod lens;
mod opencode;
mod pi;
pub mod place;
pub mod retell;
pub mod split;
mod standing;
pub mod summary;

pub use droid::settings as droid_settings;
pub use opencode::{Listed, listed};
pub use split::{BLOCK, LONG, Line, Lines, MAX_LINE, State, split};
pub use summary::Summary;

use super::lenient;
use crate::model::agent::Agent;
use crate::model::session::ParentKind;
use crate::model::time::Timestamp;

/// One record of a transcript. Its words are foreign text, its ids are opaque.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Its own id. A fork copies ids, so they are not unique across files.
    pub id: Option<String>,
    /// The record that it follows, where the agent keeps a tree.
    pub parent: Option<String>,
    pub at: Option<Timestamp>,
    /// A sub-agent said it, inside the transcript of another conversation.
    pub side: bool,
    /// What it tells, in its order; nothing if it means nothing to us.
    pub says: Vec<Said>,
}

/// One thing that a record tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Which conversation this is.
    Session(Box<Meta>),
    /// Where and by which model the next turns run.
    Now { cwd: Option<String>, model: Option<String> },
    /// What a person asked for, as typed.
    Prompt(String),
    /// What the agent answered.
    Answer(Answer),
    /// The agent called a tool.
    Tool(Tool),
    /// A tool call ended.
    Done(Done),
    /// What the whole conversation used so far; the last one counts.
    Total(Usage),
    /// The older part of the conversation was replaced by a digest of it.
    Compacted { trigger: Option<String>, tokens: Option<u64> },
    /// What the conversation is called.
    Title { text: String, by: TitleBy },
    /// The conversation was taken up again.
    Resumed,
    /// The record of this id and what follows it are taken back.
    Rewound(String),
    /// All records so far are taken back; those that stand come again.
    Cleared,
}

/// Which conversation a transcript holds, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// How the agent names it.
    pub external_id: Option<String>,
    /// How the agent names the conversation it came from.
    pub parent: Option<String>,
    pub parent_kind: Option<ParentKind>,
    /// The last record of the parent that this one shares.
    pub fork_at: Option<String>,
    /// What the agent calls the sub-agent that speaks; empty if it only says that it is one.
    pub subagent: Option<String>,
    /// It ran without a person in front of it.
    pub background: bool,
    pub cwd: Option<String>,
    pub branch: Option<String>,
    /// The commit that was checked out, as the agent spells it.
    pub head: Option<String>,
    /// The version of the agent.
    pub version: Option<String>,
}

/// An answer of the model, or a piece of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Shared by the pieces of one answer.
    pub message: Option<String>,
    pub model: Option<String>,
    /// Empty if the piece holds no words.
    pub text: String,
    pub usage: Option<Usage>,
}

/// Tokens, as the agent counts them: whether `input` contains what came from a cache differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    /// The agent's own sum, if it has one.
    pub total: Option<u64>,
}

/// A tool call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tool {
    pub id: Option<String>,
    pub name: String,
    /// The files it names, as it spells them.
    pub paths: Vec<String>,
    /// What it runs, if it is a shell.
    pub command: Option<String>,
}

/// The end of a tool call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// The id of the call.
    pub id: Option<String>,
    pub ok: Option<bool>,
    /// The exit code, only where the transcript tells it.
    pub exit: Option<i32>,
    /// Files that only the result names, as it spells them.
    pub paths: Vec<String>,
}

/// Who named a conversation. Later ones win over earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TitleBy {
    /// A digest of old, which may be another conversation's.
    Digest,
    Agent,
    Person,
}

/// Says what one line of a transcript tells.
///
/// Nothing for what is no JSON, is over [`MAX_LINE`], or is nested too deeply. A line is one record,
/// but for those that hold a whole conversation.
pub fn read(agent: Agent, line: &[u8]) -> Vec<Record> {
    if line.len() > MAX_LINE {
        return Vec::new();
    }
    let read = match std::str::from_utf8(line) {
        Ok(_) => lenient::object(line),
        Err(_) => lenient::object(String::from_utf8_lossy(line).as_bytes()),
    };
    let Ok(object) = read else { return Vec::new() };
    match agent {
        Agent::Claude => vec![claude::read(object)],
        Agent::Codex => vec![codex::read(object)],
        Agent::Copilot => vec![copilot::read(object)],
        Agent::Cursor => vec![cursor::read(object)],
        Agent::Droid => vec![droid::read(object)],
        Agent::Gemini => gemini::read(object),
        Agent::OpenCode => opencode::read(object),
        Agent::Pi => vec![pi::read(object)],
    }
}

impl Usage {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        let total = match (self.total, other.total) {
            (None, None) => None,
            _ => Some(self.sum().saturating_add(other.sum())),
        };
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            total,
        }
    }

    /// All tokens: the agent's own sum, else ours.
    pub fn sum(&self) -> u64 {
        let ours = [self.output, self.cache_read, self.cache_write];
        self.total.unwrap_or_else(|| ours.into_iter().fold(self.input, u64::saturating_add))
    }
}

#[cfg(test)]
mod tests;
