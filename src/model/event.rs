//! One fact, immutable, with an id. Its JSON is the format (see `wire/mod.rs`).

use serde::{Deserialize, Serialize};

use super::change::{Change, Skip};
use super::gitact::{CheckedOut, Committed, Merged, Rewritten};
use super::id::{CommandId, EventId, SessionId};
use super::oid::Oid;
use super::session;
use super::text::Text;
use super::time::Timestamp;
use super::trail::said::Said;
use super::transcript::Kept;

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id: the unit of de-duplication.
    pub id: EventId,
    /// When it happened, by the clock of whoever told it.
    pub at: Timestamp,
    /// Whose it is; none for facts about the worktree itself.
    pub session: Option<SessionId>,
    /// Its place in its session, where the session counts.
    pub seq: Option<u64>,
    /// What happened.
    pub what: What,
}

/// What happened. The JSON has the name as `kind` and the rest as `body`.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A session was opened, or told us more of itself.
    SessionSeen(Box<SessionSeen>),
    /// A session said it is over. A hint: sessions are closed lazily.
    SessionEnded(Note),
    /// A prompt began a turn.
    Prompt(Prompt),
    /// The agent answered.
    TurnEnded(Note),
    /// The turn failed.
    TurnFailed(Note),
    /// A command began.
    CommandStarted(Box<CommandHalf>),
    /// A command ended; stands alone without its start.
    CommandFinished(Box<CommandHalf>),
    /// A tool that is not a shell is about to run.
    ToolStarted(Box<Tool>),
    /// It ran.
    ToolFinished(Box<Tool>),
    /// A group of parallel tools is done.
    ToolBatch(Note),
    /// A sub-agent began.
    SubagentStarted(Note),
    /// A sub-agent ended.
    SubagentStopped(Note),
    /// The conversation was compacted.
    Compacted(Note),
    /// Somebody asked for a checkpoint, in these words.
    CheckpointAsked(Note),
    /// What the leader found in the files; one per checkpoint that has a snapshot.
    Snapshot(Box<SnapshotFacts>),
    /// Somebody said something of a session.
    SessionEdited(session::Edit),
    /// Somebody said something of a trail.
    TrailEdited(Box<Said>),
    /// Files were put back.
    Restored(Box<Restored>),
    /// A guard looked at every file and found nothing changed.
    Looked(Looked),
    /// What the agent's transcript had gained is in this checkpoint.
    TranscriptKept(Box<Kept>),
    /// git made a commit.
    Committed(Committed),
    /// git made commits anew.
    Rewritten(Rewritten),
    /// git moved HEAD.
    CheckedOut(CheckedOut),
    /// git merged.
    Merged(Merged),
    /// From a newer version: kept, shown as unknown, carried on.
    Unknown(String),
}

/// A session as its first event tells it. Everything is optional: readers degrade.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionSeen {
    /// `shell`, or the agent's name.
    pub agent: String,
    /// How the agent names this session.
    pub external_id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ppid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shlvl: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiplexer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<Text>,
    /// The branch it was on, where that is told after the fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Text>,
    /// How the agent says it was begun: `startup`, `resume`, `clear`, `compact`, `fork`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The session whose history it began with, as the agent names that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<Text>,
    /// The session that started it, as the agent names that: an id, or the path of a transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_external: Option<Text>,
    /// What that parent is to it: `subagent`, `detached`, `fork`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_kind: Option<String>,
    /// The sub-agent within it that this was told of; the transcript is then the sub-agent's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent_kind: Option<String>,
    /// Who acts in this session.
    pub actor: Actor,
    /// Allow-listed environment, redacted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(String, String)>,
}

/// A process that can be told from a later one with the same number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// Field 22 of `/proc/<pid>/stat`: clock ticks since boot.
    pub start: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
}

/// Who did it; told by the hook, never guessed from names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Actor {
    pub kind: ActorKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<Text>,
    /// Which of the session's sub-agents, as the agent names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent: Option<Text>,
}

/// A person or a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    #[default]
    Human,
    Agent,
}

/// One half of a command: a start, or an end that carries all it needs to stand alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandHalf {
    pub command_id: CommandId,
    /// As typed, redacted.
    pub command: Text,
    pub cwd: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd_after: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipestatus: Vec<i32>,
    /// The actor stopped it and there is no exit code.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interrupted: bool,
    /// `r` repeat, `u` repeat or hidden, `s` whole seconds only, `t` text cut, `a` an end that nobody
    /// told: what came after it shows that it is over.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub flags: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// What it printed, where somebody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
}

/// What a command printed: its head and its tail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub head: Text,
    pub tail: Text,
    /// Bytes seen in all.
    pub observed_bytes: u64,
    pub truncated: bool,
}

/// A tool call of an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tool {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<Text>,
    /// Files it names, as it named them made absolute.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_false")]
    pub interrupted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
}

/// A prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prompt {
    pub text: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A few words, and what else the caller sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub text: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A guard looked at every file and found nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The checkpoint that holds them as they were then.
    pub tip: Oid,
}

/// Files were put back. The event's id names the operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    pub action: RestoreAction,
    /// What was taken back or gone back to, in words.
    #[serde(default)]
    pub label: Text,
    /// What was taken back, as a key that names it for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The checkpoint that holds everything as it was before.
    pub saved: Oid,
    pub start: Timestamp,
    pub end: Timestamp,
    /// How many paths were written or taken away.
    #[serde(default)]
    pub changed: u64,
    /// Those paths; none if there were too many to list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Text>,
}

/// How files came to be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestoreAction {
    /// Somebody named the state, or whose changes were to go.
    Restore,
    /// The last change was taken back.
    Undo,
    /// An undo was taken back.
    Redo,
}

impl RestoreAction {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Undo => "undo",
            Self::Redo => "redo",
        }
    }
}

/// What the leader found in the files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotFacts {
    /// What differs from the checkpoint before, with who did it; absent for the first of a segment.
    pub changes: Vec<Change>,
    /// How many changes there are, also where `changes` was cut.
    pub changed: u64,
    /// What could not or must not be taken in.
    pub skipped: Vec<Skip>,
    /// Paths that changed while they were read.
    pub unstable: Vec<Text>,
    /// When the look at the files began: what was changed since may not have been seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<Timestamp>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}
