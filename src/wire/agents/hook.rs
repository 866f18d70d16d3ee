//! What the payloads of all agents have in common: who, where, which event, which tool.

use serde_json::Value;

use super::outcome::{self, Outcome};
use super::{Agent, Around};
use crate::model::digest;
use crate::model::text::Text;
use crate::wire::call::{Call, Kind, Origin, Subagent, ToolId, Twin, derived_id};
use crate::wire::lenient::Object;
use crate::wire::{Bad, lenient, tools};

/// The events, as letters only: agents write them in snake, camel and Pascal case.
const EVENTS: [(&str, Kind); 23] = [
    ("sessionstart", Kind::SessionStart),
    ("userpromptsubmit", Kind::TurnStart),
    ("userpromptsubmitted", Kind::TurnStart),
    ("beforesubmitprompt", Kind::TurnStart),
    ("beforeagent", Kind::TurnStart),
    ("pretooluse", Kind::ToolPre),
    ("beforetool", Kind::ToolPre),
    ("posttooluse", Kind::ToolPost),
    ("posttoolusefailure", Kind::ToolPost),
    ("aftertool", Kind::ToolPost),
    ("posttoolbatch", Kind::ToolBatch),
    ("subagentstart", Kind::SubagentStart),
    ("subagentstop", Kind::SubagentStop),
    ("precompact", Kind::Compact),
    ("precompress", Kind::Compact),
    ("stop", Kind::TurnEnd),
    ("agentstop", Kind::TurnEnd),
    ("afteragent", Kind::TurnEnd),
    ("stopfailure", Kind::TurnFail),
    ("interrupt", Kind::TurnFail),
    ("sessionend", Kind::SessionEnd),
    ("sessionstop", Kind::SessionEnd),
    ("sessionshutdown", Kind::SessionEnd),
];

/// One payload that is being read.
pub struct Hook<'a> {
    pub agent: Agent,
    pub object: Object,
    /// The event's name, as letters only.
    pub name: String,
    json: &'a [u8],
    around: &'a Around,
}

impl<'a> Hook<'a> {
    pub fn new(agent: Agent, mut object: Object, json: &'a [u8], around: &'a Around) -> Self {
        let named = object.text(&["hook_event_name"]).or_else(|| around.event.clone());
        let letters = |name: String| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let name = named.map(letters).unwrap_or_default().to_ascii_lowercase();
        Self { agent, object, name, json, around }
    }

    /// What happened; `None` if it is nothing to us.
    pub fn kind(&self) -> Result<Option<Kind>, Bad> {
        match self.name.is_empty() {
            true => Err(Bad::Field("hook_event_name")),
            false => Ok(EVENTS.iter().find(|(name, _)| *name == self.name).map(|(_, kind)| *kind)),
        }
    }

    /// Whether a tool's end is told as a failure.
    pub fn failed(&self) -> bool {
        self.name.ends_with("failure")
    }

    /// The call, with everything that agents spell alike.
    pub fn call(&mut self, kind: Kind, session: Option<String>) -> Result<Call, Bad> {
        let transcript = self.object.text(&["transcript_path"]);
        let session: Text = session.ok_or(Bad::Field("session_id"))?.into();
        let cwd: Text = self.dir().ok_or(Bad::Field("cwd"))?.into();
        let origin = self.origin(session.as_bytes());
        let subagent = self.subagent();
        let own = self.object.text(&["agent_transcript_path"]);
        let mut call = Call {
            prompt: self.object.text(&["prompt"]).map(Text::from),
            turn: self.object.text(&["prompt_id", "turn_id", "generation_id"]).map(Text::from),
            said: self.object.text(&["timestamp"]).map(Text::from),
            model: self.object.text(&["model"]),
            // What a sub-agent does stands in a transcript of its own.
            transcript: if subagent.is_some() { own } else { transcript }.map(Text::from),
            twin: Twin::TheSame,
            payload: digest::name(&[self.json]),
            origin,
            subagent,
            ..Call::new(self.agent.name(), session, kind, cwd)
        };
        call.text = self.words(kind);
        if !matches!(kind, Kind::TurnStart) {
            // An answer repeats the question in some agents; it is no second prompt.
            call.prompt = None;
        }
        if matches!(kind, Kind::ToolPre | Kind::ToolPost) {
            self.take_tool(&mut call);
        }
        Ok(call)
    }

    /// How the agent names the session.
    pub fn session(&mut self) -> Option<String> {
        self.object.text(&["session_id"])
    }

    /// Fills the tool, and how it went.
    fn take_tool(&mut self, call: &mut Call) {
        let name = self.object.text(&["tool_name"]);
        let input = self.object.take(&["tool_input", "tool_args"]);
        let id = self.object.text(&["tool_use_id", "tool_call_id"]);
        fill_tool(call, name, input, id);
        if call.event == Kind::ToolPost {
            let took = self.object.take(&["duration_ms", "duration"]);
            call.took_us = took.and_then(|took| outcome::micros(&took));
            self.take_outcome(call);
        }
    }

    fn take_outcome(&mut self, call: &mut Call) {
        let failed = self.failed();
        let response = self.object.take(&["tool_response", "tool_output", "tool_result", "error"]);
        let Outcome { exit, ok, interrupted } = response.as_ref().map(outcome::of).unwrap_or_default();
        call.interrupted = interrupted || self.object.flag(&["is_interrupt"]).unwrap_or(false);
        call.ok = if failed || call.interrupted { Some(false) } else { ok.or(Some(true)) };
        let text = response.as_ref().map(outcome::words).unwrap_or_default();
        call.exit = exit.or_else(|| match self.agent {
            Agent::Claude | Agent::Droid => super::claude::exit_in(&text, failed, response.as_ref()),
            Agent::Codex => super::codex::exit_in(&text),
            Agent::Gemini => super::gemini::exit_in(&text),
            Agent::Copilot => super::copilot::exit_in(&text),
            _ => None,
        });
        if call.interrupted {
            // Whatever number comes with it is a made-up one.
            call.exit = None;
        }
        if call.exit.is_some_and(|exit| exit != 0) {
            call.ok = Some(false);
        }
    }

    fn dir(&mut self) -> Option<String> {
        let absolute = |dir: &String| dir.starts_with('/');
        self.object.text(&["cwd"]).filter(absolute).or_else(|| self.around.dir.clone()).filter(absolute)
    }

    fn subagent(&mut self) -> Option<Subagent> {
        let id = self.object.text(&["agent_id", "subagent_id"])?;
        Some(Subagent { id: id.into(), kind: self.object.text(&["agent_type", "subagent_type"]) })
    }

    /// The words of an event that is no prompt.
    fn words(&mut self, kind: Kind) -> Option<Text> {
        let keys: &[&str] = match kind {
            Kind::TurnEnd => &["last_assistant_message", "prompt_response"],
            Kind::TurnFail => &["error", "reason"],
            Kind::SessionEnd => &["reason"],
            Kind::Compact => &["trigger"],
            Kind::SubagentStart => &["task"],
            Kind::SubagentStop => &["last_assistant_message", "summary"],
            _ => return None,
        };
        self.object.text(keys).map(Text::from)
    }

    /// Where the session says it comes from.
    fn origin(&mut self, own: &[u8]) -> Origin {
        let mut origin = Origin { source: None, ..Origin::default() };
        let source = self.object.take(&["source"]);
        let spawned = source.as_ref().and_then(|source| source.get("subagent")?.get("thread_spawn"));
        let spawned = spawned.and_then(|spawn| spawn.get("parent_thread_id")?.as_str()).map(str::to_owned);
        origin.source = match source {
            Some(Value::String(source)) => Some(source),
            Some(_) if spawned.is_some() => Some("subagent".to_owned()),
            _ => None,
        };
        let parents = [
            ("parent_thread_id", "subagent"),
            ("parent_conversation_id", "subagent"),
            ("parent_session_id", "subagent"),
            ("detached_from_spawning_parent_session_id", "detached"),
        ];
        let named = |(key, kind): &(&str, &'static str)| Some((self.object.text(&[key])?, *kind));
        let named = parents.iter().filter_map(named).collect::<Vec<_>>().into_iter().next();
        let parent = spawned.map(|parent| (parent, "subagent")).or(named);
        if let Some((parent, kind)) = parent.filter(|(parent, _)| parent.as_bytes() != own) {
            (origin.parent, origin.parent_kind) = (Some(parent.into()), Some(kind.to_owned()));
        }
        origin.forked_from = match self.object.take(&["forked_from_id", "forked_from"]) {
            Some(Value::String(id)) => Some(id),
            Some(Value::Object(of)) => of.get("sessionId").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        }
        .map(Text::from);
        origin
    }
}

/// Fills what is known of a tool by its name and its input.
pub fn fill_tool(call: &mut Call, name: Option<String>, input: Option<Value>, id: Option<String>) {
    // Some send the input as the text of a JSON object.
    let input = match input {
        Some(Value::String(text)) => Some(lenient::value(&text).unwrap_or(Value::String(text))),
        other => other,
    };
    let cwd = call.cwd.lossy().into_owned();
    call.paths = tools::paths_in(None, input.as_ref(), &cwd);
    call.command = tools::command_in(name.as_deref(), input.as_ref()).map(Text::from);
    call.tool_id = Some(match id {
        Some(id) => ToolId::Given(id.into()),
        None => {
            let input = input.map(|input| input.to_string()).unwrap_or_default();
            derived_id(&call.session, name.as_deref(), input.as_bytes())
        }
    });
    call.tool = name;
}
