//! One call of an agent's hook, whoever's, and the events it is made into.
//!
//! Everything here is a pure function of the call and the clock that was passed in. The same call may
//! be delivered twice: by two configurations of which each fires, or again after a crash. So an id is
//! made of what the agent itself says of the call and of nothing else: session, tool id, event, turn.
//!
//! Some calls have nothing that tells them from their like: a prompt of an agent that does not number
//! its turns, the end of a session. These are told apart by the second in which they come. Two
//! deliveries come within milliseconds, so they share it; a prompt that somebody types again does
//! not. Whoever has the session's journal at hand does better: it says what was told just now, and
//! names a turn by the one before it ([`Call::turn`]), so that no second's end comes between two
//! deliveries, and two turns within a second are two.

mod half;

use crate::model::digest;
use crate::model::event::{Actor, ActorKind, Event, Note, Prompt, SessionSeen, What};
use crate::model::id::{CommandId, EventId, Half, SessionId};
use crate::model::text::Text;
use crate::model::time::Timestamp;

pub use super::tools::{Effect, effect};

/// What happened, as an agent's hook names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    SessionStart,
    TurnStart,
    ToolPre,
    ToolPost,
    ToolBatch,
    ShellPre,
    ShellPost,
    SubagentStart,
    SubagentStop,
    Compact,
    TurnEnd,
    TurnFail,
    SessionEnd,
}

/// Where the id of a tool call comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolId {
    /// The agent gave it: it is unique in its session.
    Given(Text),
    /// `h-` and a digest of session, tool and input: two calls with one input share it, so the
    /// moment of the start is part of what tells them apart.
    Derived(String),
}

/// Whether a call that has no id of its own, and comes twice at once, is one call or two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Twin {
    /// Two: whoever calls the generic door calls it once for each.
    #[default]
    Another,
    /// One: agents run the hooks of all their configurations, and each other's.
    TheSame,
}

/// A sub-agent within a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subagent {
    pub id: Text,
    /// What sort of agent, in the words of whoever sent it.
    pub kind: Option<String>,
}

/// Where a session comes from, as far as its agent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// How it was begun: `startup`, `resume`, `clear`, `compact`, `fork`, …
    pub source: Option<String>,
    /// The session whose history it began with, as the agent names it.
    pub forked_from: Option<Text>,
    /// The session that started it, as the agent names it: an id, or the path of a transcript.
    pub parent: Option<Text>,
    /// What that parent is to it: `subagent`, `detached`, `fork`.
    pub parent_kind: Option<String>,
}

/// One call of a hook.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub agent: String,
    /// How the agent names the session; the path of its transcript where it does not.
    pub session: Text,
    pub event: Kind,
    /// Absolute.
    pub cwd: Text,
    pub tool: Option<String>,
    pub tool_id: Option<ToolId>,
    pub twin: Twin,
    pub command: Option<Text>,
    /// Absolute.
    pub paths: Vec<Text>,
    pub exit: Option<i32>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// How long the tool ran, in microseconds, where no start is told.
    pub took_us: Option<i64>,
    pub prompt: Option<Text>,
    /// The words of an event that is no prompt: a last message, a reason.
    pub text: Option<Text>,
    /// What the agent calls this turn, so that a turn told twice is one.
    pub turn: Option<Text>,
    /// When the agent made the payload, as it writes that: one more thing to tell two calls by.
    pub said: Option<Text>,
    pub transcript: Option<Text>,
    /// The branch it was on, where that is told after the fact.
    pub branch: Option<Text>,
    pub parent: Option<String>,
    pub origin: Origin,
    /// The sub-agent that the call is about, or that makes it.
    pub subagent: Option<Subagent>,
    pub model: Option<String>,
    pub ok: Option<bool>,
    pub interrupted: bool,
    /// What else was sent, as a JSON object.
    pub meta: Option<String>,
    /// A digest of the whole payload.
    pub payload: String,
    /// The command that this end belongs to, where somebody found its start.
    pub ends: Option<CommandId>,
    /// What tells this call without an id from one with the same input that is over already.
    pub instance: Option<Text>,
}

/// Returns what the call tells, the session first.
///
/// A call that ends a tool whose id is derived joins its start only if it carries the start's
/// moment or its command: whoever has the session's journal at hand fills them from the oldest open
/// one.
pub fn events(call: &Call, now: Timestamp) -> Vec<Event> {
    let session = call.session_id();
    let seen = call.seen(&session, now);
    let told = match call.event {
        Kind::SessionStart => None,
        Kind::TurnStart => Some(What::Prompt(Prompt {
            text: call.prompt.clone().unwrap_or_default(),
            model: call.model.clone(),
        })),
        Kind::ToolPre | Kind::ShellPre => return vec![seen, call.half(session, Half::Started, now)],
        Kind::ToolPost | Kind::ShellPost => return vec![seen, call.half(session, Half::Finished, now)],
        Kind::ToolBatch => Some(What::ToolBatch(call.note())),
        Kind::SubagentStart => Some(What::SubagentStarted(call.note())),
        Kind::SubagentStop => Some(What::SubagentStopped(call.note())),
        Kind::Compact => Some(What::Compacted(call.note())),
        Kind::TurnEnd => Some(What::TurnEnded(call.note())),
        Kind::TurnFail => Some(What::TurnFailed(call.note())),
        Kind::SessionEnd => Some(What::SessionEnded(call.note())),
    };
    let told = told.map(|what| Event {
        id: call.id_in(now.secs()),
        at: now,
        session: Some(session),
        seq: None,
        what,
    });
    std::iter::once(seen).chain(told).collect()
}

impl Kind {
    pub(super) const ALL: [(Self, &'static str); 13] = [
        (Self::SessionStart, "session_start"),
        (Self::TurnStart, "turn_start"),
        (Self::ToolPre, "tool_pre"),
        (Self::ToolPost, "tool_post"),
        (Self::ToolBatch, "tool_batch"),
        (Self::ShellPre, "shell_pre"),
        (Self::ShellPost, "shell_post"),
        (Self::SubagentStart, "subagent_start"),
        (Self::SubagentStop, "subagent_stop"),
        (Self::Compact, "compact"),
        (Self::TurnEnd, "turn_end"),
        (Self::TurnFail, "turn_fail"),
        (Self::SessionEnd, "session_end"),
    ];

    /// Reads a name, in snake case or in camel case.
    pub fn parse(name: &str) -> Option<Self> {
        let same = |known: &str| known == name || known.replace('_', "").eq_ignore_ascii_case(name);
        Self::ALL.iter().find(|(_, known)| same(known)).map(|(kind, _)| *kind)
    }

    /// All the names, for who used another.
    pub fn names() -> String {
        Self::ALL.map(|(_, name)| name).join(", ")
    }

    /// Its name, in snake case.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl Call {
    /// A call that tells nothing but what happened, and where.
    pub fn new(agent: &str, session: Text, event: Kind, cwd: Text) -> Self {
        Self {
            agent: agent.to_owned(),
            session,
            event,
            cwd,
            tool: None,
            tool_id: None,
            twin: Twin::Another,
            command: None,
            paths: Vec::new(),
            exit: None,
            start: None,
            end: None,
            took_us: None,
            prompt: None,
            text: None,
            turn: None,
            said: None,
            transcript: None,
            branch: None,
            parent: None,
            origin: Origin::default(),
            subagent: None,
            model: None,
            ok: None,
            interrupted: false,
            meta: None,
            payload: String::new(),
            ends: None,
            instance: None,
        }
    }

    /// The session it is about.
    pub fn session_id(&self) -> SessionId {
        SessionId::of_key(&self.agent, self.session.as_bytes())
    }

    /// The id of what the call tells besides tools, if it is told in this second of the epoch.
    pub fn id_in(&self, second: i64) -> EventId {
        let moment = self.turn.clone().unwrap_or_else(|| second.to_string().into());
        let words = [&self.prompt, &self.text].map(|text| text.clone().unwrap_or_default());
        let subagent = self.subagent.as_ref().map(|subagent| subagent.id.clone()).unwrap_or_default();
        let tool = self.tool.as_deref().unwrap_or_default();
        self.event_id(&[
            self.event.name().as_bytes(),
            moment.as_bytes(),
            words[0].as_bytes(),
            words[1].as_bytes(),
            subagent.as_bytes(),
            tool.as_bytes(),
        ])
    }

    /// The id of an end whose start was found by what it ran, if it is told in this second.
    ///
    /// It cannot be made of that start: two calls that end at once may both find the same one.
    pub fn end_in(&self, second: i64) -> EventId {
        let tool_id = self.tool_use_id().unwrap_or_default();
        let how = format!("{:?} {:?} {}", self.exit, self.ok, self.interrupted);
        self.event_id(&[b"end", tool_id.as_bytes(), how.as_bytes(), self.moment(second).as_bytes()])
    }

    /// The derived id of its tool, if the agent gave none.
    pub fn derived(&self) -> Option<&str> {
        match &self.tool_id {
            Some(ToolId::Derived(id)) => Some(id),
            _ => None,
        }
    }

    fn seen(&self, session: &SessionId, now: Timestamp) -> Event {
        let id = self.event_id(&self.facts(now).iter().map(|fact| fact.as_bytes()).collect::<Vec<_>>());
        let origin = self.origin.clone();
        let seen = SessionSeen {
            agent: self.agent.clone(),
            external_id: self.session.clone(),
            parent: self.parent.clone(),
            cwd: Some(self.cwd.clone()),
            branch: self.branch.clone(),
            model: self.model.clone(),
            transcript: self.transcript.clone(),
            actor: Actor { tool_use_id: None, ..self.actor() },
            source: origin.source,
            forked_from: origin.forked_from,
            parent_external: origin.parent,
            parent_kind: origin.parent_kind,
            subagent: self.subagent.as_ref().map(|subagent| subagent.id.clone()),
            subagent_kind: self.subagent.as_ref().and_then(|subagent| subagent.kind.clone()),
            ..SessionSeen::default()
        };
        let what = What::SessionSeen(Box::new(seen));
        Event { id, at: now, session: Some(session.clone()), seq: None, what }
    }

    /// What the call says of its session. What a later call adds is another fact, and so is every
    /// resumption; where the agent stands is not.
    fn facts(&self, now: Timestamp) -> Vec<Text> {
        let known = |text: &Option<Text>| text.clone().unwrap_or_default();
        let words = |text: &Option<String>| Text::from(text.as_deref().unwrap_or_default());
        let mut facts: Vec<Text> =
            vec!["session_seen".into(), words(&self.model), words(&self.parent), known(&self.transcript)];
        if self.origin != Origin::default() {
            facts.extend([words(&self.origin.source), known(&self.origin.forked_from)]);
            facts.extend([known(&self.origin.parent), now.secs().to_string().into()]);
        }
        facts.extend(self.subagent.as_ref().map(|subagent| subagent.id.clone()));
        facts
    }

    fn actor(&self) -> Actor {
        Actor {
            kind: ActorKind::Agent,
            name: Some(self.agent.clone()),
            tool_use_id: self.tool_use_id(),
            subagent: self.subagent.as_ref().map(|subagent| subagent.id.clone()),
        }
    }

    /// The id of its tool call, whoever made it.
    pub fn tool_use_id(&self) -> Option<Text> {
        match self.tool_id.as_ref()? {
            ToolId::Given(id) => Some(id.clone()),
            ToolId::Derived(id) => Some(id.as_str().into()),
        }
    }

    fn note(&self) -> Note {
        let subagent = self.subagent.as_ref();
        let kind = subagent.and_then(|subagent| subagent.kind.clone());
        let id = || subagent.map(|subagent| subagent.id.lossy().into_owned());
        let name = match self.event {
            Kind::SubagentStart | Kind::SubagentStop => kind.or_else(id).or_else(|| self.tool.clone()),
            _ => self.tool.clone(),
        };
        Note { text: self.text.clone().unwrap_or_default(), name }
    }

    /// An id that is this session's own, whoever tells the event.
    pub fn event_id(&self, parts: &[&[u8]]) -> EventId {
        let whose = [self.agent.as_bytes(), self.session.as_bytes()];
        EventId::of_call(&[&whose, parts].concat())
    }
}

/// The id of a tool call whose agent gives none.
pub fn derived_id(session: &Text, tool: Option<&str>, input: &[u8]) -> ToolId {
    let tool = tool.unwrap_or_default();
    let parts = [session.as_bytes(), tool.as_bytes(), input].join(&b'\n');
    ToolId::Derived(format!("h-{}", &digest::name(&[&parts])[..16]))
}
