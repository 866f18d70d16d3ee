//! What the hooks of the coding agents send, each in words of its own, made into the calls that the
//! generic door knows too. Pure: bytes and what is known around them in, calls out.
//!
//! One file per agent holds what only that agent does; [`hook`] holds what they share, [`outcome`]
//! how a tool went. One configuration may fire in several agents, so who really called is read from
//! the payload ([`caller`]), and the name on the command line counts only where it says nothing.
//! What an agent may send and we have no use for makes no call, and is no error.

mod claude;
mod codex;
mod copilot;
mod cursor;
mod droid;
mod gemini;
mod hook;
mod opencode;
mod outcome;
mod pi;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::call::{Call, Kind};
use super::lenient::{self, Object};
use super::{Bad, generic, tools};
pub use crate::model::agent::Agent;
use hook::Hook;

/// What is known of a hook's call beside its payload.
#[derive(Clone, Debug)]
pub struct Around {
    /// The agent on the command line.
    pub named: Agent,
    /// The event on the command line: some payloads do not name theirs.
    pub event: Option<String>,
    /// Where the agent works, if the payload does not say: absolute.
    pub dir: Option<String>,
}

/// What a payload says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    pub calls: Vec<Call>,
    /// What the agent must read on stdout, so that it goes on.
    pub answer: Option<&'static str>,
}

/// Reads one payload.
pub fn hear(json: &[u8], around: &Around) -> Result<Heard, Bad> {
    let object = lenient::object(json)?;
    let agent = caller(&object, around.named);
    let mut hook = Hook::new(agent, object, json, around);
    let calls = match agent {
        Agent::OpenCode | Agent::Pi => generic::parse_of(agent.name(), json).map(|call| vec![refined(call)]),
        Agent::Claude => claude::hear(&mut hook),
        Agent::Codex => codex::hear(&mut hook),
        Agent::Cursor => cursor::hear(&mut hook),
        Agent::Gemini => gemini::hear(&mut hook),
        Agent::Copilot => copilot::hear(&mut hook),
        Agent::Droid => droid::hear(&mut hook),
    };
    let answer = if agent == Agent::Cursor { cursor::answer(&hook.name) } else { None };
    match calls {
        Ok(calls) => Ok(Heard { calls: calls.into_iter().filter(is_worth_telling).collect(), answer }),
        // An agent that waits for an answer gets it whatever else its payload lacks.
        Err(_) if answer.is_some() => Ok(Heard { calls: Vec::new(), answer }),
        Err(bad) => Err(bad),
    }
}

/// Whether a call names no session, but the tool call of one that started the sub-agent that makes it.
pub fn is_under_tool(call: &Call) -> bool {
    Agent::parse(&call.agent) == Some(Agent::Copilot) && copilot::is_tool(call.session.as_bytes())
}

/// Adds to a call through the generic door what only its agent tells.
pub fn refined(mut call: Call) -> Call {
    match Agent::parse(&call.agent) {
        Some(Agent::OpenCode) => opencode::refine(&mut call),
        Some(Agent::Pi) => pi::refine(&mut call),
        _ => {}
    }
    call
}

/// Who really called: the first sign that is there, else the agent on the command line.
fn caller(object: &Object, named: Agent) -> Agent {
    let has = |name: &str| object.get(&[name]).is_some();
    if matches!(named, Agent::OpenCode | Agent::Pi) {
        // These call through a template of ours, which says who it is.
        return named;
    }
    if has("cursor_version") || (has("conversation_id") && has("generation_id")) {
        return Agent::Cursor;
    }
    let transcript = object.get(&["transcript_path"]).and_then(Value::as_str).unwrap_or_default();
    for (sign, agent) in [
        ("/.factory/sessions/", Agent::Droid),
        ("/.copilot/session-state/", Agent::Copilot),
        ("github.copilot", Agent::Copilot),
        ("/.codex/sessions/", Agent::Codex),
    ] {
        if transcript.contains(sign) {
            return agent;
        }
    }
    let numeric = object.get(&["timestamp"]).is_some_and(Value::is_number);
    match has("session_id") && numeric && !has("hook_event_name") {
        true => Agent::Copilot,
        false => named,
    }
}

/// A tool that is known to read only is not told of.
fn is_worth_telling(call: &Call) -> bool {
    let tool = matches!(call.event, Kind::ToolPre | Kind::ToolPost);
    !tool || tools::effect(call) == tools::Effect::MayWrite
}
