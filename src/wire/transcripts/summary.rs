//! A whole conversation, from the records of its transcript.
//!
//! Prompts and tokens that were taken back are told apart; tool calls and files are not, because what
//! they did to the files was done. What a transcript does not say stays `None` or empty.

use super::fold::Fold;
use super::standing;
use super::{Meta, Record, Tool, Usage};
use crate::model::agent::Agent;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// A conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub session: Meta,
    /// Other sessions that its records name as theirs: history was copied from them.
    pub others: Vec<String>,
    pub title: Option<String>,
    pub turns: Vec<Turn>,
    /// Answers of the model, each once however many lines it has.
    pub answers: usize,
    /// In the order of their first answer.
    pub models: Vec<String>,
    /// By the agent's own counting; none if the transcript does not tell.
    pub usage: Option<Usage>,
    pub calls: Vec<Call>,
    /// Files named by calls that may write and did not fail, each once; absolute where the directory
    /// is known.
    pub files: Vec<Text>,
    /// Every record id, once, in the order of the file: forks share a prefix of it.
    pub ids: Vec<String>,
    /// The ids of the records that stand, the oldest first.
    pub chain: Vec<String>,
    pub compactions: Vec<Compaction>,
    /// How often it was taken up again, where the agent says so.
    pub resumed: usize,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

/// From a prompt to the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// The record of the prompt.
    pub id: Option<String>,
    pub at: Option<Timestamp>,
    pub prompt: String,
    /// The last words of the agent.
    pub answer: Option<String>,
    /// It was taken back.
    pub dropped: bool,
}

/// A tool call and how it ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// Which of the turns it belongs to; none before the first prompt and in a sub-agent.
    pub turn: Option<usize>,
    pub tool: Tool,
    /// The files it names, absolute where the directory is known.
    pub paths: Vec<Text>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub ok: Option<bool>,
    pub exit: Option<i32>,
}

/// The older part of the conversation was replaced by a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    pub at: Option<Timestamp>,
    pub trigger: Option<String>,
    /// How long the conversation was, in tokens.
    pub tokens: Option<u64>,
}

impl Summary {
    /// Reads the records of one transcript, in the order of the file.
    pub fn of(agent: Agent, records: &[Record]) -> Self {
        let (standing, chain) = standing::of(agent, records);
        let mut fold = Fold::new(agent);
        for (record, standing) in records.iter().zip(standing) {
            fold.take(record, standing);
        }
        Self { ids: standing::ids(records), chain, ..fold.finish() }
    }

    /// What was asked and not taken back.
    pub fn prompts(&self) -> impl Iterator<Item = &str> {
        self.turns.iter().filter(|turn| !turn.dropped).map(|turn| turn.prompt.as_str())
    }
}
