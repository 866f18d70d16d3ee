//! Sessions, as their events tell them: who, where, from when to when, and what people said of them.
//!
//! Pure: the view is a fold of events in their order, so the live one and a rebuilt one are the same.

mod candidates;
mod fold;
mod lineage;

pub use fold::Fold;
pub use lineage::{Shared, Voice, id_in};

use serde::{Deserialize, Serialize};

use super::id::{SessionId, WorktreeId};
use super::oid::Oid;
use super::text::Text;
use super::time::Timestamp;

const DAY_US: i64 = 86_400_000_000;

/// Days without activity after which a session is idle, and archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    pub idle: u32,
    pub archived: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { idle: 14, archived: 30 }
    }
}

/// Whether a session is in use. Computed when it is read, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    Active,
    Idle,
    Archived,
}

impl Activity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Idle, Self::Archived];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Archived => "archived",
        }
    }

    /// The state with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What became of a session, as somebody said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    #[default]
    Open,
    Done,
    Blocked,
    Abandoned,
    Merged,
    Superseded,
}

impl Outcome {
    /// All of them, in the order help lists them.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Done, Self::Blocked, Self::Abandoned, Self::Merged, Self::Superseded];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Blocked => "blocked",
            Self::Abandoned => "abandoned",
            Self::Merged => "merged",
            Self::Superseded => "superseded",
        }
    }

    /// The outcome with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// How a session descends from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParentKind {
    /// A shell in a shell.
    Nested,
    Fork,
    Subagent,
    Resume,
    /// Somebody said so.
    Manual,
}

/// What somebody said of a session: an event, so that it is kept and merged like any other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Edit {
    /// Another name; none clears it.
    AliasSet { alias: Option<String> },
    /// It belongs to these.
    SessionLink {
        #[serde(default)]
        tasks: Vec<String>,
        #[serde(default)]
        projects: Vec<String>,
    },
    /// It does not.
    SessionUnlink {
        #[serde(default)]
        tasks: Vec<String>,
        #[serde(default)]
        projects: Vec<String>,
    },
    /// It descends from that one; none: from none.
    ParentSet {
        #[serde(rename = "parent_session_id")]
        parent: Option<SessionId>,
        /// What it is to it; [`ParentKind::Manual`] if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<ParentKind>,
    },
    /// What became of it.
    Close { outcome: Outcome, closed_reason: Option<String> },
    /// It was found archived. The state itself is computed at reading.
    Sweep { activity_state: String, effective_last_progress: Timestamp },
    /// One of its external ids is a session of its own.
    Split { external_id: Text },
    /// Its transcript begins with records of another session's.
    LineageFound {
        of: SessionId,
        /// The last record that both have.
        at_message: Text,
        /// How many both have.
        shared: u64,
        /// The other has no more than these.
        whole: bool,
        /// What the other is to it, if the transcript itself says that it comes from there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        named: Option<ParentKind>,
    },
}

/// Why two sessions are thought to belong together, or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// What it was known by: `external_id`, `lineage`, `manual`.
    pub source: &'static str,
    pub confidence: &'static str,
    pub matched: Option<String>,
}

/// Another session that may be the same conversation. Never taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub id: SessionId,
    pub confidence: &'static str,
    /// How many strong and weak circumstances agree.
    pub strong: usize,
    pub weak: usize,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub alias: Option<String>,
    /// `shell`, or the agent's name; empty if it was never introduced.
    pub agent: String,
    pub external_ids: Vec<Text>,
    pub model: Option<String>,
    pub shell: Option<String>,
    pub transcript: Option<Text>,
    pub outcome: Outcome,
    pub closed_at: Option<Timestamp>,
    pub closed_reason: Option<String>,
    pub parent: Option<SessionId>,
    pub parent_kind: Option<ParentKind>,
    pub candidates: Vec<Candidate>,
    pub candidates_omitted: usize,
    pub tasks: Vec<String>,
    pub projects: Vec<String>,
    pub cwd: Option<Text>,
    pub worktree: Option<WorktreeId>,
    pub worktree_path: Option<Text>,
    pub branch_at_start: Option<Text>,
    pub branch: Option<Text>,
    pub head_at_start: Option<Oid>,
    pub head: Option<Oid>,
    pub started: Timestamp,
    /// Any event, edits too.
    pub last_progress: Timestamp,
    /// Only what the session did itself.
    pub last_activity: Timestamp,
    pub ended: bool,
    /// That it is archived was recorded, and it did nothing since.
    pub swept: bool,
    pub prompts: u64,
    pub commands: u64,
    pub checkpoints: u64,
    pub first_prompt: Option<String>,
    pub identity: Identity,
    pub events: u64,
    /// How many lines of its transcripts are kept.
    pub kept: u64,
    /// Ids of sessions that turned out to be this one.
    pub also: Vec<SessionId>,
    /// Its agent said that it went on with a conversation.
    pub resumed: bool,
    /// What its transcript shares with an older session's.
    pub shared: Option<Shared>,
    /// Who said which its parent is.
    pub voice: Voice,
    /// External ids that somebody took away from it.
    pub split: Vec<Text>,
}

/// Where and when a batch of events was kept.
#[derive(Clone, Debug)]
pub struct Setting {
    /// When the checkpoint was made.
    pub at: Timestamp,
    pub worktree: WorktreeId,
    pub worktree_path: Text,
    pub branch: Option<Text>,
    pub head: Option<Oid>,
}

impl Session {
    fn new(id: SessionId, at: Timestamp) -> Self {
        Self {
            id,
            alias: None,
            agent: String::new(),
            external_ids: Vec::new(),
            model: None,
            shell: None,
            transcript: None,
            outcome: Outcome::Open,
            closed_at: None,
            closed_reason: None,
            parent: None,
            parent_kind: None,
            candidates: Vec::new(),
            candidates_omitted: 0,
            tasks: Vec::new(),
            projects: Vec::new(),
            cwd: None,
            worktree: None,
            worktree_path: None,
            branch_at_start: None,
            branch: None,
            head_at_start: None,
            head: None,
            started: at,
            last_progress: at,
            last_activity: at,
            ended: false,
            swept: false,
            prompts: 0,
            commands: 0,
            checkpoints: 0,
            first_prompt: None,
            identity: Identity { source: "minted", confidence: "minted", matched: None },
            events: 0,
            kept: 0,
            also: Vec::new(),
            resumed: false,
            shared: None,
            voice: Voice::Nobody,
            split: Vec::new(),
        }
    }

    /// Whether it is in use at `now`.
    pub fn activity(&self, now: Timestamp, thresholds: Thresholds) -> Activity {
        match self.age_days(now) {
            days if days >= i64::from(thresholds.archived) => Activity::Archived,
            days if days >= i64::from(thresholds.idle) => Activity::Idle,
            _ => Activity::Active,
        }
    }

    /// Whole days since it last did anything.
    pub fn age_days(&self, now: Timestamp) -> i64 {
        now.0.saturating_sub(self.last_activity.0).max(0) / DAY_US
    }
}
