//! How an agent's payload is told in a line per event, and what holds for all agents.

use super::*;
use crate::model::event::{Event, SessionSeen, What};
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::wire::{call, event};
use proptest::prelude::*;

pub const NOW: Timestamp = Timestamp(1_795_218_000_500_000);

pub fn around(named: Agent) -> Around {
    Around { named, event: None, dir: Some("/here".to_owned()) }
}

pub fn heard(named: Agent, json: &str) -> Heard {
    hear(json.as_bytes(), &around(named)).unwrap_or_else(|bad| panic!("{bad}: {json}"))
}

pub fn events(named: Agent, json: &str) -> Vec<Event> {
    heard(named, json).calls.iter().flat_map(|call| call::events(call, NOW)).collect()
}

/// A line per event; what is not told is not in it. The session comes first, each only once.
pub fn told(named: Agent, json: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for event in events(named, json) {
        assert_eq!(event::decode(&event::encode(&event)), Ok(event.clone()), "{json}");
        let line = line(&event.what);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn line(what: &What) -> String {
    let mut words = vec![event::kind(what).to_owned()];
    let list = |paths: &[Text]| paths.iter().map(|path| path.lossy().into_owned()).collect::<Vec<_>>();
    let stopped = |interrupted: &bool| interrupted.then(|| "interrupted".to_owned());
    let id = |id: Option<&Text>| id.map(|id| format!("#{}", id.lossy()));
    match what {
        What::SessionSeen(seen) => words.extend(session(seen)),
        What::Prompt(prompt) => words.push(prompt.text.lossy().into_owned()),
        What::CommandStarted(half) | What::CommandFinished(half) => {
            words.push(half.command.lossy().into_owned());
            words.extend(id(half.actor.as_ref().and_then(|actor| actor.tool_use_id.as_ref())));
            words.extend(half.exit.map(|exit| format!("exit {exit}")));
            words.extend(half.duration_us.map(|us| format!("{us}us")));
            words.extend(stopped(&half.interrupted));
            words.extend(
                half.actor
                    .iter()
                    .filter_map(|actor| Some(format!("by {}", actor.subagent.as_ref()?.lossy()))),
            );
        }
        What::ToolStarted(tool) | What::ToolFinished(tool) => {
            words.push(tool.name.clone());
            words.extend(list(&tool.paths));
            words.extend(id(tool.tool_use_id.as_ref()));
            words.extend(tool.ok.map(|ok| if ok { "ok" } else { "failed" }.to_owned()));
            words.extend(stopped(&tool.interrupted));
            words.extend(
                tool.actor
                    .iter()
                    .filter_map(|actor| Some(format!("by {}", actor.subagent.as_ref()?.lossy()))),
            );
        }
        What::SessionEnded(note)
        | What::TurnEnded(note)
        | What::TurnFailed(note)
        | What::ToolBatch(note)
        | What::SubagentStarted(note)
        | What::SubagentStopped(note)
        | What::Compacted(note) => {
            words.extend(note.name.clone());
            words.push(note.text.lossy().into_owned());
        }
        other => panic!("{other:?}"),
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

fn session(seen: &SessionSeen) -> Vec<String> {
    let named = |name: &str, value: Option<String>| value.map(|value| format!("{name}={value}"));
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.lossy().into_owned());
    let optional = [
        named("model", seen.model.clone()),
        named("source", seen.source.clone()),
        named("forked", text(&seen.forked_from)),
        named("parent", text(&seen.parent_external)),
        named("as", seen.parent_kind.clone()),
        named("subagent", text(&seen.subagent)),
        named("transcript", text(&seen.transcript)),
    ];
    let own =
        format!("{} {} in {}", seen.agent, seen.external_id.lossy(), text(&seen.cwd).unwrap_or_default());
    std::iter::once(own).chain(optional.into_iter().flatten()).collect()
}

/// Fails unless every payload is told as the lines beside it say.
pub fn check(named: Agent, table: &[(&str, &[&str])]) {
    for (json, expected) in table {
        assert_eq!(told(named, json), *expected, "{json}");
    }
}

#[test]
fn who_really_called_is_read_from_the_payload() {
    for (named, json, agent) in [
        (Agent::Claude, r#"{"cursor_version":"3"}"#, Agent::Cursor),
        (Agent::Claude, r#"{"conversation_id":"c","generation_id":"g"}"#, Agent::Cursor),
        (Agent::Claude, r#"{"conversation_id":"c"}"#, Agent::Claude),
        (Agent::Claude, r#"{"transcript_path":"/h/.factory/sessions/w/1.jsonl"}"#, Agent::Droid),
        (Agent::Claude, r#"{"transcriptPath":"/h/.copilot/session-state/1/events.jsonl"}"#, Agent::Copilot),
        (Agent::Claude, r#"{"transcript_path":"/h/Code/github.copilot-chat/t.json"}"#, Agent::Copilot),
        (Agent::Claude, r#"{"transcript_path":"/h/.codex/sessions/2026/x.jsonl"}"#, Agent::Codex),
        (Agent::Claude, r#"{"sessionId":"s","timestamp":1787220000000.0}"#, Agent::Copilot),
        (Agent::Gemini, r#"{"session_id":"s","timestamp":1,"hook_event_name":"x"}"#, Agent::Gemini),
        (Agent::Droid, r#"{"session_id":"s"}"#, Agent::Droid),
        (Agent::Pi, r#"{"cursor_version":"3"}"#, Agent::Pi),
    ] {
        assert_eq!(caller(&lenient::object(json.as_bytes()).unwrap(), named), agent, "{json}");
    }
}

#[test]
fn one_call_that_two_configurations_deliver_is_one_under_the_right_agent() {
    let payload = r#"{"conversation_id":"c","generation_id":"g","cursor_version":"3","workspace_roots":["/w"],
        "hook_event_name":"NAME","tool_name":"Shell","tool_use_id":"t\n1","tool_input":{"command":"make"}}"#;
    let own = events(Agent::Cursor, &payload.replace("NAME", "preToolUse"));
    let other = events(Agent::Claude, &payload.replace("NAME", "PreToolUse"));
    assert_eq!(own, other);
    assert_eq!(own.len(), 2);
}

#[test]
fn a_prompt_typed_again_is_another_turn_and_one_delivered_again_is_not() {
    let json = r#"{"session_id":"s","cwd":"/w","hook_event_name":"UserPromptSubmit","prompt":"go on"}"#;
    let id = |json: &str, at: i64| {
        let call = heard(Agent::Claude, json).calls.remove(0);
        call::events(&call, Timestamp(at)).remove(1).id
    };
    assert_eq!(id(json, 10_000_001), id(json, 10_700_000));
    assert_ne!(id(json, 10_000_001), id(json, 130_000_001));
    let numbered = json.replace("\"prompt\"", "\"prompt_id\":\"p\",\"prompt\"");
    assert_eq!(id(&numbered, 10_000_001), id(&numbered, 130_000_001), "told again after a crash");
    assert_ne!(id(&numbered, 1), id(&numbered.replace("go on", "stop"), 1));
}

#[test]
fn what_is_missed_is_named_and_what_is_of_no_use_is_no_error() {
    for (json, bad) in [
        (r#"{"session_id":"s"}"#, Bad::Field("hook_event_name")),
        (r#"{"hook_event_name":"Stop"}"#, Bad::Field("session_id")),
    ] {
        assert_eq!(hear(json.as_bytes(), &around(Agent::Claude)), Err(bad), "{json}");
    }
    let nowhere = Around { dir: None, ..around(Agent::Claude) };
    let json = br#"{"session_id":"s","hook_event_name":"Stop","cwd":"relative"}"#;
    assert_eq!(hear(json, &nowhere), Err(Bad::Field("cwd")));
    check(
        Agent::Claude,
        &[
            (r#"{"session_id":"s","hook_event_name":"Notification"}"#, &[]),
            (r#"{"session_id":"s","hook_event_name":"CwdChanged","old_cwd":"/a"}"#, &[]),
            (r#"{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"Grep","tool_input":{}}"#, &[]),
        ],
    );
}

proptest! {
    #[test]
    fn no_payload_makes_an_adapter_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        key in "(tool_(name|input|response|use_id)|source|cwd|transcript_path|status|duration|[a-z_]{1,9})",
        text in ".{0,20}", number in any::<f64>(), at in 0..8_usize, name in 0..13_usize,
    ) {
        let agent = Agent::ALL[at];
        let _ = hear(&bytes, &around(agent));
        let event = Kind::ALL[name].1;
        for value in [serde_json::json!(text), serde_json::json!(number), serde_json::json!([{"a": text}])] {
            let mut object = serde_json::json!({"session_id":"s","event":event,"hook_event_name":event,"cwd":"/w",
                "tool_name":"Bash","tool_input":{"command":text},"tool_calls":[value]});
            object[&key] = value;
            if let Ok(heard) = hear(object.to_string().as_bytes(), &around(agent)) {
                for call in heard.calls {
                    for event in call::events(&call, NOW) {
                        prop_assert_eq!(event::decode(&event::encode(&event)), Ok(event));
                    }
                }
            }
        }
    }
}
