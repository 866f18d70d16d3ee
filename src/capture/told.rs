//! What the journal of a session says of it already, and what follows for a call that comes now: a
//! call that was told before is not told again, an end without an id finds its start, and what the
//! agent left open is closed.
//!
//! Only the end of the journal is looked at. What stands before it is long over, and whatever is told
//! twice in spite of all this has one id and is kept once.

use std::collections::HashSet;
use std::path::Path;

use crate::disk::journal::{self, Stem};
use crate::model::command::CLOSED;
use crate::model::event::{CommandHalf, Event, Note, Prompt, Tool, What};
use crate::model::id::{CommandId, EventId};
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::wire::call::{self, Call, Kind, Twin};
use crate::wire::{event, frame};

/// How far back a session's journal is read, bytes.
const FAR: u64 = 256 << 10;

/// How much of its beginning is read where only that matters, bytes.
const FEW: u64 = 16 << 10;

/// Two deliveries of one call are not further apart, microseconds.
const AT_ONCE_US: i64 = 2_000_000;

/// Agents that tell of no end where a tool fails: how it went is not known.
const SILENT: [&str; 2] = ["codex", "pi"];

/// Agents that tell neither prompts nor answers where nobody sits in front of them.
const HEADLESS: [&str; 2] = ["cursor", "droid"];

/// Part of the ids of what is told in their place.
const HEADLESS_ID: &[u8] = b"headless";

/// The last events of a session.
#[derive(Debug, Default)]
pub struct Told {
    pub events: Vec<Event>,
    /// Whether these are all that the journal ever held.
    pub whole: bool,
}

/// A start without an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    pub id: EventId,
    pub start: Option<Timestamp>,
    body: Body,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Command(Box<CommandHalf>),
    Tool(Box<Tool>),
}

impl Told {
    /// Reads the end of the journal `stem`; nothing if it cannot be read.
    pub fn read(dir: &Path, stem: &Stem) -> Self {
        let Ok(mut journal) = journal::last(dir, stem) else {
            return Self { events: Vec::new(), whole: true };
        };
        let bytes = journal.read_from(journal.len.saturating_sub(FAR), FAR).unwrap_or_default();
        Self { events: events_in(&bytes), whole: journal.len <= FAR && journal.name == stem.file(0) }
    }

    /// Whether a call may be the first sign of a turn that nobody tells.
    pub fn may_open_a_turn(call: &Call) -> bool {
        call.event == Kind::ToolPre && HEADLESS.contains(&call.agent.as_str())
    }

    /// The events of a call; none if it has been told. `pid` tells apart two callers that end at once.
    pub fn events(&self, mut call: Call, now: Timestamp, pid: u32) -> Vec<Event> {
        if self.has(&call, now) {
            return Vec::new();
        }
        if is_mark(&call) && call.turn.is_none() {
            call.turn = after(self.marks(&call).last().copied());
        }
        let ends = matches!(call.event, Kind::ToolPost | Kind::ShellPost);
        let key = call.derived().map(str::to_owned);
        let open = key.filter(|_| ends).and_then(|key| self.open_like(key.as_bytes()));
        let guessed = call.derived().is_some() && ends && call.start.is_none();
        if let Some(open) = open.filter(|_| guessed) {
            call.join(&open);
        } else if call.derived().is_some() && self.is_over(&call, now) {
            call.instance = Some(now.0.to_string().into());
        }
        let mut events = call::events(&call, now);
        if let (true, Some(end)) = (guessed, events.last_mut()) {
            match (call.twin, &call.said) {
                (Twin::Another, _) => end.id = own_end(&call, now, pid),
                (Twin::TheSame, Some(_)) => end.id = call.end_in(now.secs()),
                (Twin::TheSame, None) => {}
            }
        }
        let also = self.closed_by(&call, now).into_iter().chain(self.turn_of(&call, now));
        let at = events.len().min(1);
        events.splice(at..at, also.collect::<Vec<_>>());
        events
    }

    /// Whether the same call was delivered already.
    fn has(&self, call: &Call, now: Timestamp) -> bool {
        let before = Timestamp(now.0 - 1_000_000);
        let ids: Vec<EventId> = [now, before]
            .iter()
            .filter_map(|at| call::events(call, *at).pop().map(|event| event.id))
            .collect();
        match (call.event, call.derived(), call.twin) {
            (Kind::ToolPre | Kind::ShellPre, Some(_), Twin::TheSame) => {
                self.opens().iter().any(|open| ids.contains(&open.id))
            }
            (Kind::ToolPost | Kind::ShellPost, Some(key), Twin::TheSame) => match &call.said {
                Some(_) => self.holds(&call.end_in(now.secs())),
                None => self.open_like(key.as_bytes()).is_none() && self.ended_alike(call, key, now),
            },
            (Kind::ToolPre | Kind::ToolPost | Kind::ShellPre | Kind::ShellPost, Some(_), Twin::Another) => {
                false
            }
            _ if is_mark(call) && call.turn.is_none() => self.was_just_marked(call, &ids, now),
            _ => ids.iter().any(|id| self.holds(id)),
        }
    }

    /// Whether this prompt, answer or end was the last thing told of the turns, and just now.
    ///
    /// With another between the two it is another: an agent may answer twice in a second, but not
    /// without a prompt.
    fn was_just_marked(&self, call: &Call, ids: &[EventId], now: Timestamp) -> bool {
        let marks = self.marks(call);
        let (last, before) = match marks.as_slice() {
            [] => return false,
            [last] => (last, None),
            [.., before, last] => (last, Some(*before)),
        };
        let again = Call { turn: after(before), ..call.clone() };
        let same = match before {
            Some(_) => again.id_in(now.secs()) == last.id,
            None => ids.contains(&last.id),
        };
        same && now.since(last.at) < AT_ONCE_US
    }

    /// What was told of the turns of the session, as far as it matters to a call: by whom it can be
    /// told from the same call made again later.
    fn marks(&self, call: &Call) -> Vec<&Event> {
        let own = |what: &What| call.event_id(&[HEADLESS_ID, event::kind(what).as_bytes()]);
        let counts = |event: &&Event| match event.what {
            What::Prompt(_) | What::TurnEnded(_) | What::TurnFailed(_) => event.id != own(&event.what),
            What::SessionEnded(_) => call.event == Kind::SessionEnd,
            _ => false,
        };
        self.events.iter().filter(counts).collect()
    }

    fn holds(&self, id: &EventId) -> bool {
        self.events.iter().any(|event| event.id == *id)
    }

    /// Whether a call with this key ended just now, and in the same way.
    fn ended_alike(&self, call: &Call, key: &str, now: Timestamp) -> bool {
        self.events.iter().rev().take_while(|event| now.since(event.at) < AT_ONCE_US).any(|event| {
            let (actor, how) = match &event.what {
                What::CommandFinished(half) => (&half.actor, half.exit == call.exit),
                What::ToolFinished(tool) => (&tool.actor, tool.ok == call.ok),
                _ => return false,
            };
            let id = actor.as_ref().and_then(|actor| actor.tool_use_id.as_ref());
            how && id.is_some_and(|id| id.as_bytes() == key.as_bytes())
        })
    }

    /// Whether the id that this start would get belongs to a call that has ended.
    fn is_over(&self, call: &Call, now: Timestamp) -> bool {
        let start = call::events(call, now).pop();
        call.event == Kind::ToolPre && start.is_some_and(|start| self.holds(&start.id))
    }

    /// The oldest start without an end among those that share a derived id.
    ///
    /// An agent that gives its calls no ids is answered in the order in which it asked.
    pub fn open_like(&self, key: &[u8]) -> Option<Open> {
        self.opens().into_iter().find(|open| open.tool_use_id().is_some_and(|id| id.as_bytes() == key))
    }

    /// The starts without an end, oldest first.
    ///
    /// An end whose start has ended already, because two ended at once, stands for the next one like
    /// it.
    pub fn opens(&self) -> Vec<Open> {
        let mut open: Vec<Open> = Vec::new();
        let mut told = HashSet::new();
        for event in self.events.iter().filter(|event| told.insert(&event.id)) {
            let (body, ends) = match &event.what {
                What::CommandStarted(half) => (Body::Command(half.clone()), false),
                What::CommandFinished(half) => (Body::Command(half.clone()), true),
                What::ToolStarted(tool) => (Body::Tool(tool.clone()), false),
                What::ToolFinished(tool) => (Body::Tool(tool.clone()), true),
                _ => continue,
            };
            let this = Open { id: event.id.clone(), start: body.start(), body };
            if !ends {
                open.push(this);
            } else if let Some(at) = position(&open, &this) {
                open.remove(at);
            }
        }
        open
    }

    /// The ends of what a call shows to be over: nobody else will tell them.
    fn closed_by(&self, call: &Call, now: Timestamp) -> Vec<Event> {
        let subagent = call.subagent.as_ref().map(|subagent| &subagent.id);
        let goes_on = call.origin.source.as_deref() == Some("compact");
        let over = |open: &Open| match call.event {
            Kind::SessionEnd => true,
            // What sub-agents do in the background goes on after a turn.
            Kind::TurnStart | Kind::TurnEnd | Kind::TurnFail => open.subagent().is_none(),
            Kind::SessionStart => !goes_on && open.subagent().is_none(),
            Kind::SubagentStop => subagent.is_some() && open.subagent() == subagent,
            _ => false,
        };
        let unknown = SILENT.contains(&call.agent.as_str()) && call.event != Kind::TurnFail;
        self.opens().iter().filter(|open| over(open)).map(|open| open.closed(call, now, !unknown)).collect()
    }

    /// The prompt or the answer that an agent without a person in front of it does not tell.
    fn turn_of(&self, call: &Call, now: Timestamp) -> Option<Event> {
        if !self.whole || !HEADLESS.contains(&call.agent.as_str()) {
            return None;
        }
        let marks = self.events.iter().rev().find_map(|event| match event.what {
            What::Prompt(_) => Some(true),
            What::TurnEnded(_) | What::TurnFailed(_) => Some(false),
            _ => None,
        });
        let failed =
            call.text.as_ref().is_some_and(|text| [&b"error"[..], b"aborted"].contains(&text.as_bytes()));
        let what = match (call.event, marks) {
            (Kind::ToolPre, None) => {
                What::Prompt(Prompt { text: Text::default(), model: call.model.clone() })
            }
            (Kind::SessionEnd, Some(true)) if failed => What::TurnFailed(Note::default()),
            (Kind::SessionEnd, Some(true)) => What::TurnEnded(Note::default()),
            _ => return None,
        };
        let id = call.event_id(&[HEADLESS_ID, event::kind(&what).as_bytes()]);
        Some(Event { id, at: now, session: Some(call.session_id()), seq: None, what })
    }
}

/// Reads the first events of the journal `stem`; none if it cannot be read.
pub fn first(dir: &Path, stem: &Stem) -> Vec<Event> {
    let journals = journal::list_of(dir, stem).map(|all| all.found).unwrap_or_default();
    let first = journals.into_iter().next();
    let bytes = first.and_then(|mut journal| journal.read_from(0, FEW).ok()).unwrap_or_default();
    events_in(&bytes)
}

fn events_in(bytes: &[u8]) -> Vec<Event> {
    let pieces = frame::split(bytes).pieces.into_iter();
    let events = pieces.filter_map(|piece| match piece {
        frame::Piece::Whole(payload) => event::decode(payload).ok(),
        frame::Piece::Torn(_) => None,
    });
    events.collect()
}

/// Whether a call tells of the turns of its session.
fn is_mark(call: &Call) -> bool {
    matches!(call.event, Kind::TurnStart | Kind::TurnEnd | Kind::TurnFail | Kind::SessionEnd)
}

/// What a turn without a name of its own is known by: what was told before it.
fn after(mark: Option<&Event>) -> Option<Text> {
    mark.map(|mark| format!("after {}", mark.id).into())
}

/// Which of the open ones an end belongs to: its own start, else the first one like it.
fn position(open: &[Open], end: &Open) -> Option<usize> {
    let own = |one: &Open| match (&one.body, &end.body) {
        (Body::Command(one), Body::Command(end)) => one.command_id == end.command_id,
        (Body::Tool(one), Body::Tool(end)) => {
            one.tool_use_id == end.tool_use_id && one.start.is_some() && one.start == end.start
        }
        _ => false,
    };
    let alike = |one: &Open| end.tool_use_id().is_some() && one.tool_use_id() == end.tool_use_id();
    open.iter().position(own).or_else(|| open.iter().position(alike))
}

impl Body {
    fn start(&self) -> Option<Timestamp> {
        match self {
            Self::Command(half) => half.start,
            Self::Tool(tool) => tool.start,
        }
    }
}

impl Open {
    fn tool_use_id(&self) -> Option<&Text> {
        match &self.body {
            Body::Command(half) => half.actor.as_ref()?.tool_use_id.as_ref(),
            Body::Tool(tool) => tool.tool_use_id.as_ref(),
        }
    }

    fn subagent(&self) -> Option<&Text> {
        match &self.body {
            Body::Command(half) => half.actor.as_ref()?.subagent.as_ref(),
            Body::Tool(tool) => tool.actor.as_ref()?.subagent.as_ref(),
        }
    }

    /// The command it is the start of.
    pub fn command(&self) -> Option<CommandId> {
        match &self.body {
            Body::Command(half) => Some(half.command_id.clone()),
            Body::Tool(_) => None,
        }
    }

    /// Its end, told by a later call of the session. There is no code.
    fn closed(&self, by: &Call, now: Timestamp, interrupted: bool) -> Event {
        let end = Some(now.max(self.start.unwrap_or(now)));
        let (id, what) = match &self.body {
            Body::Command(half) => {
                let flags = format!("{}{CLOSED}", half.flags);
                let half = CommandHalf { end, exit: None, interrupted, flags, ..(**half).clone() };
                // An id of its own: the real end may come yet.
                let id = by.event_id(&[b"closed", half.command_id.as_str().as_bytes()]);
                (id, What::CommandFinished(Box::new(half)))
            }
            Body::Tool(tool) => {
                let id = by.end_of_tool(tool.tool_use_id.as_ref(), self.start);
                let tool = Tool { end, interrupted, ..(**tool).clone() };
                (id, What::ToolFinished(Box::new(tool)))
            }
        };
        Event { id, at: now, session: Some(by.session_id()), seq: None, what }
    }
}

impl Call {
    /// Makes it the end of what is open.
    fn join(&mut self, open: &Open) {
        self.start = open.start;
        self.ends = open.command();
        self.instance = open.start.map(|start| start.0.to_string().into());
    }
}

/// The id of an end whose start was only guessed.
///
/// Two calls that end at once may both find the same start open. An id made from that start would be
/// the same too, and one of two ends would be taken for the other told again.
fn own_end(call: &Call, now: Timestamp, pid: u32) -> EventId {
    call.event_id(&[b"end", call.payload.as_bytes(), &now.0.to_be_bytes(), &pid.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::command::{End, Join};
    use crate::wire::agents::{self, Agent, Around};
    use crate::wire::generic;

    /// A session in which everything is told a second and a half after what came before.
    #[derive(Default)]
    struct Session {
        told: Told,
        now: i64,
    }

    impl Session {
        fn new() -> Self {
            Self { told: Told { events: Vec::new(), whole: true }, now: 1_000_000_000_000 }
        }

        fn take(&mut self, call: Call) -> usize {
            self.now += 1_500_000;
            let events = self.told.events(call, Timestamp(self.now), 7);
            self.told.events.extend(events.clone());
            events.len()
        }

        fn generic(&mut self, json: &str) -> usize {
            self.take(generic::parse(json.as_bytes()).unwrap())
        }

        fn hear(&mut self, agent: Agent, fields: &str) -> usize {
            self.take(heard(agent, fields))
        }

        /// The text of each command, its code, and how it ended.
        fn commands(&self) -> Vec<(String, Option<i32>, End)> {
            let mut join = Join::default();
            self.told.events.iter().for_each(|event| drop(join.take(event.clone(), None)));
            let all = join.finish().into_iter();
            all.map(|command| (command.command.lossy().into_owned(), command.exit, command.end)).collect()
        }

        fn kinds(&self, wanted: &str) -> usize {
            self.told.events.iter().filter(|event| event::kind(&event.what) == wanted).count()
        }
    }

    fn heard(agent: Agent, fields: &str) -> Call {
        let json = format!(r#"{{"session_id":"s","cwd":"/w",{fields}}}"#);
        let around = Around { named: agent, event: None, dir: None };
        agents::hear(json.as_bytes(), &around).unwrap().calls.remove(0)
    }

    const PRE: &str =
        r#"{"v":1,"agent":"a","session":"s","event":"tool_pre","cwd":"/w","tool":"shell","command":"make"}"#;
    const START: &str =
        r#""hook_event_name":"PreToolUse","tool_name":"Execute","tool_input":{"command":"make"}"#;
    const END: &str = r#""hook_event_name":"PostToolUse","tool_name":"Execute","tool_input":{"command":"make"},"tool_response":{"exitCode":0}"#;

    #[test]
    fn calls_without_ids_end_in_the_order_in_which_they_began() {
        let mut session = Session::new();
        let (other, post) = (PRE.replace("make", "ls"), PRE.replace("tool_pre", "tool_post"));
        for json in [PRE, &other, PRE] {
            session.generic(json);
        }
        let key = generic::parse(PRE.as_bytes()).unwrap().derived().unwrap().to_owned();
        let open = |session: &Session| session.told.open_like(key.as_bytes()).and_then(|open| open.start);
        let starts: Vec<_> = session.told.opens().iter().map(|open| open.start).collect();
        assert_eq!(open(&session), starts[0]);
        session.generic(&post);
        assert_eq!(open(&session), starts[2], "the first one is over");
        session.generic(&post);
        assert_eq!((open(&session), session.told.opens().len()), (None, 1));
        assert_eq!(session.told.open_like(b"h-unknown"), None);
    }

    #[test]
    fn calls_without_ids_that_end_at_once_are_two_commands() {
        let mut session = Session::new();
        session.generic(PRE);
        session.generic(PRE);
        let post = PRE.replace("tool_pre", "tool_post");
        // Both have read the journal before either of them wrote to it.
        let ends: Vec<Event> = [(0, 7), (1, 8)]
            .iter()
            .flat_map(|(exit, pid)| {
                let json = post.replace('}', &format!(r#","exit":{exit}}}"#));
                let call = generic::parse(json.as_bytes()).unwrap();
                session.told.events(call, Timestamp(session.now + 1_000_000), *pid)
            })
            .collect();
        let mut join = Join::default();
        let all = session.told.events.iter().chain(&ends).chain(&ends);
        all.for_each(|event| drop(join.take(event.clone(), None)));
        assert_eq!(join.repeated_ends, 2, "what is told twice is one all the same");
        let mut codes: Vec<_> = join.finish().iter().map(|command| command.exit).collect();
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(1)]);
    }

    #[test]
    fn a_call_without_an_id_that_two_configurations_deliver_is_one() {
        let mut session = Session::new();
        for _ in 0..2 {
            for json in [START, END] {
                assert_ne!(session.hear(Agent::Droid, json), 0, "{json}");
                // The other one comes a little later, and has read what the first one wrote.
                let again =
                    session.told.events(heard(Agent::Droid, json), Timestamp(session.now + 900_000), 8);
                assert_eq!(again, [], "{json}");
            }
        }
        let make = ("make".to_owned(), Some(0), End::Done);
        assert_eq!(session.commands(), [make.clone(), make], "and run again it is another");
    }

    #[test]
    fn a_call_without_an_id_that_comes_from_two_at_once_is_one() {
        let mut session = Session::new();
        for json in [START, END] {
            session.now += 1_000_000;
            let [one, other] =
                [1, 2].map(|pid| session.told.events(heard(Agent::Droid, json), Timestamp(session.now), pid));
            assert_eq!(one, other, "{json}");
            session.told.events.extend(one);
        }
        assert_eq!(session.commands(), [("make".to_owned(), Some(0), End::Done)]);
    }

    #[test]
    fn a_short_command_run_twice_within_a_second_is_two() {
        let mut session = Session::new();
        for _ in 0..2 {
            for json in [START, END] {
                session.now += 100;
                let events = session.told.events(heard(Agent::Droid, json), Timestamp(session.now), 7);
                session.told.events.extend(events);
            }
        }
        assert_eq!(session.commands().len(), 2);
    }

    #[test]
    fn a_prompt_delivered_twice_is_one_and_typed_twice_is_two() {
        let prompt = r#""hook_event_name":"UserPromptSubmit","prompt":"go on""#;
        let mut session = Session::new();
        session.hear(Agent::Claude, prompt);
        let again = session.told.events(heard(Agent::Claude, prompt), Timestamp(session.now + 900_000), 8);
        assert_eq!(again, []);
        session.now += 60_000_000;
        session.hear(Agent::Claude, prompt);
        assert_eq!(session.kinds("prompt"), 2);
        // Both have read the journal before either of them wrote to it, on both sides of a second's end.
        session.now += 60_000_000;
        let [one, other] = [999_999, 1_000_001].map(|us| {
            let now = Timestamp(session.now - session.now % 1_000_000 + us);
            session.told.events(heard(Agent::Claude, prompt), now, 7).pop().map(|event| event.id)
        });
        assert_eq!(one, other);
    }

    #[test]
    fn turns_that_take_no_time_are_as_many_as_are_told() {
        let mut session = Session::new();
        for _ in 0..3 {
            for json in
                [r#""hook_event_name":"UserPromptSubmit","prompt":"go on""#, r#""hook_event_name":"Stop""#]
            {
                session.now += 1000;
                for _ in 0..2 {
                    let events = session.told.events(heard(Agent::Claude, json), Timestamp(session.now), 7);
                    session.told.events.extend(events);
                }
            }
        }
        let ids: HashSet<_> = session.told.events.iter().map(|event| &event.id).collect();
        assert_eq!((session.kinds("prompt"), session.kinds("turn_ended")), (3, 3));
        assert_eq!(ids.len(), 6 + 1, "each has an id of its own, and the session is one");
    }

    #[test]
    fn what_is_left_open_is_closed_by_what_follows_and_has_no_code() {
        let tool = |id: u32, name: &str| {
            format!(
                r#""hook_event_name":"PreToolUse","tool_use_id":"{id}","tool_name":"{name}","tool_input":{{"command":"make","file_path":"a"}}"#
            )
        };
        let within = |fields: &str| format!(r#""agent_id":"a1",{fields}"#);
        for (agent, follows, end) in [
            (Agent::Claude, r#""hook_event_name":"UserPromptSubmit","prompt":"no""#, End::Interrupted),
            (Agent::Claude, r#""hook_event_name":"SessionStart","source":"resume""#, End::Interrupted),
            (Agent::Claude, r#""hook_event_name":"SessionStart","source":"compact""#, End::Open),
            (Agent::Claude, r#""hook_event_name":"SubagentStop","agent_id":"a2""#, End::Open),
            (Agent::Codex, r#""hook_event_name":"Stop""#, End::Done),
            (Agent::Codex, r#""hook_event_name":"Interrupt""#, End::Interrupted),
        ] {
            let mut session = Session::new();
            session.hear(agent, &tool(1, "Bash"));
            session.hear(agent, &tool(2, "Edit"));
            session.hear(agent, &within(&tool(3, "Bash")));
            session.hear(agent, follows);
            let closed = end != End::Open;
            assert_eq!(session.commands()[0], ("make".to_owned(), None, end), "{follows}");
            assert_eq!(session.kinds("tool_finished"), usize::from(closed), "{follows}");
            assert_eq!(session.told.opens().len(), if closed { 1 } else { 3 }, "the sub-agent goes on");
            session.hear(agent, &within(r#""hook_event_name":"SubagentStop""#));
            session.hear(agent, r#""hook_event_name":"SessionEnd""#);
            assert_eq!(session.told.opens(), [], "{follows}");
        }
    }

    #[test]
    fn an_end_that_comes_after_all_is_the_one_that_counts() {
        let mut session = Session::new();
        let tool = r#""tool_use_id":"1","tool_name":"Bash","tool_input":{"command":"make"},"tool_response":{"stdout":""}"#;
        session.hear(Agent::Claude, &format!(r#""hook_event_name":"PreToolUse",{tool}"#));
        session.hear(Agent::Claude, r#""hook_event_name":"UserPromptSubmit","prompt":"well?""#);
        assert_eq!(session.commands(), [("make".to_owned(), None, End::Interrupted)]);
        session.hear(Agent::Claude, &format!(r#""hook_event_name":"PostToolUse",{tool}"#));
        assert_eq!(session.commands(), [("make".to_owned(), Some(0), End::Done)]);
    }

    #[test]
    fn an_end_that_is_told_closes_nothing_else_and_only_once() {
        let mut session = Session::new();
        let call = |name: &str, id: u32| {
            format!(
                r#""hook_event_name":"{name}","tool_use_id":"{id}","tool_name":"Bash","tool_input":{{"command":"make"}}"#
            )
        };
        // The end of the second comes before its start.
        for json in
            [call("PreToolUse", 1), call("PostToolUse", 2), call("PreToolUse", 2), call("PostToolUse", 1)]
        {
            session.take(heard(Agent::Claude, &json));
        }
        session.hear(Agent::Claude, r#""hook_event_name":"Stop""#);
        let done = ("make".to_owned(), None, End::Done);
        assert_eq!(session.commands(), [done.clone(), done]);
    }

    #[test]
    fn a_turn_that_nobody_tells_is_opened_by_a_tool_and_closed_with_the_session() {
        let tool = r#""hook_event_name":"PreToolUse","tool_use_id":"1","tool_name":"Create","tool_input":{"path":"a"}"#;
        let mut session = Session::new();
        session.hear(Agent::Droid, tool);
        session.hear(Agent::Droid, &tool.replace("\"1\"", "\"2\""));
        session.hear(Agent::Droid, r#""hook_event_name":"SessionEnd","reason":"other""#);
        assert_eq!((session.kinds("prompt"), session.kinds("turn_ended")), (1, 1));
        let mut asked = Session::new();
        asked.hear(Agent::Droid, r#""hook_event_name":"UserPromptSubmit","prompt":"go""#);
        asked.hear(Agent::Droid, tool);
        asked.hear(Agent::Droid, r#""hook_event_name":"Stop""#);
        asked.hear(Agent::Droid, r#""hook_event_name":"SessionEnd""#);
        assert_eq!((asked.kinds("prompt"), asked.kinds("turn_ended")), (1, 1));
    }
}
