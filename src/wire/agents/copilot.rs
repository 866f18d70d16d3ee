//! GitHub Copilot CLI, and the agent of VS Code, which speaks one of its two dialects.
//!
//! One dialect is Claude's; the other is in camel case and names neither its event nor its tools'
//! ids. The first prompt may come before the session's start. Sub-agents tell of themselves under
//! the id of the tool that started them: that is no session.

use super::hook::Hook;
use super::outcome;
use crate::wire::Bad;
use crate::wire::call::{Call, Kind};

/// Reads a payload.
pub fn hear(hook: &mut Hook<'_>) -> Result<Vec<Call>, Bad> {
    let Some(kind) = hook.kind()? else { return Ok(Vec::new()) };
    let session = hook.session();
    if session.as_ref().is_some_and(|id| is_tool(id.as_bytes()))
        && !matches!(kind, Kind::ToolPre | Kind::ToolPost)
    {
        return Ok(Vec::new());
    }
    let stop = hook.object.text(&["stop_reason"]);
    let reason = hook.object.get(&["reason"]).and_then(|reason| reason.as_str()).map(str::to_owned);
    let mut call = hook.call(kind, session)?;
    match (kind, reason.as_deref()) {
        // Without a terminal every turn that is over is told as the end of the session.
        (Kind::SessionEnd, Some("complete")) => call.event = Kind::TurnEnd,
        (Kind::SessionEnd, Some("error")) => call.event = Kind::TurnFail,
        (Kind::TurnEnd, why) => {
            let over = why.is_some() || stop.as_deref().is_some_and(|stop| stop != "end_turn");
            let end = Call {
                event: Kind::SessionEnd,
                text: why.or(stop.as_deref()).map(Into::into),
                ..call.clone()
            };
            return Ok(std::iter::once(call).chain(over.then_some(end)).collect());
        }
        _ => {}
    }
    Ok(vec![call])
}

/// Whether what stands for a session's id is that of a tool call.
pub fn is_tool(id: &[u8]) -> bool {
    id.starts_with(b"toolu_")
}

/// The code behind the output of a shell tool.
pub fn exit_in(text: &str) -> Option<i32> {
    text.lines().rev().find_map(|line| outcome::number_after(line, "<exited with exit code"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{around, check};
    use super::super::{Agent, Around, hear};
    use crate::wire::call::{self, Kind};

    #[test]
    fn the_dialect_of_claude_is_read() {
        let seen = "session_seen copilot s in /w";
        check(
            Agent::Copilot,
            &[
                (
                    r#"{"hook_event_name":"SessionStart","session_id":"s","timestamp":"2026-08-20T10:00:00Z","cwd":"/w","source":"new","detachedFromSpawningParentSessionId":"p"}"#,
                    &["session_seen copilot s in /w source=new parent=p as=detached"],
                ),
                (
                    r#"{"hook_event_name":"UserPromptSubmit","session_id":"s","cwd":"/w","prompt":"go"}"#,
                    &[seen, "prompt go"],
                ),
                (
                    r#"{"hook_event_name":"PostToolUse","session_id":"s","cwd":"/w","tool_name":"Edit","tool_use_id":"1","tool_input":"*** Begin Patch\n*** Update File: a.rs\n@@\n-x\n+y\n*** End Patch"}"#,
                    &[seen, "tool_finished Edit /w/a.rs #1 ok"],
                ),
                (
                    r#"{"hook_event_name":"Stop","session_id":"s","cwd":"/w","stop_reason":"end_turn"}"#,
                    &[seen, "turn_ended"],
                ),
                (
                    r#"{"hook_event_name":"Stop","session_id":"s","cwd":"/w","reason":"user_exit"}"#,
                    &[seen, "turn_ended", "session_ended user_exit"],
                ),
                (
                    r#"{"hook_event_name":"SessionEnd","session_id":"s","cwd":"/w","reason":"complete"}"#,
                    &[seen, "turn_ended complete"],
                ),
                (
                    r#"{"hook_event_name":"SessionEnd","session_id":"s","cwd":"/w","reason":"user_exit"}"#,
                    &[seen, "session_ended user_exit"],
                ),
                (r#"{"hook_event_name":"SessionStart","session_id":"toolu_1","cwd":"/w"}"#, &[]),
            ],
        );
    }

    #[test]
    fn the_dialect_in_camel_case_takes_its_event_from_the_command_line() {
        for (event, json, kind, command, exit, ok) in [
            (
                "preToolUse",
                r#"{"sessionId":"s","timestamp":1787220000000.0,"cwd":"/w","toolName":"bash","toolArgs":"{\"command\":\"make\"}"}"#,
                Kind::ToolPre,
                Some("make"),
                None,
                None,
            ),
            (
                "postToolUse",
                r#"{"sessionId":"s","timestamp":1787220000000,"cwd":"/w","toolName":"bash","toolArgs":{"command":"make"},"toolResult":{"resultType":"success","textResultForLlm":"x\n<exited with exit code 2>"}}"#,
                Kind::ToolPost,
                Some("make"),
                Some(2),
                Some(false),
            ),
            (
                "postToolUse",
                r#"{"sessionId":"s","timestamp":1787220000000,"cwd":"/w","toolName":"bash","toolArgs":{"command":"make"},"toolResult":{"resultType":"rejected","textResultForLlm":""}}"#,
                Kind::ToolPost,
                Some("make"),
                None,
                Some(false),
            ),
            (
                "userPromptSubmitted",
                r#"{"sessionId":"s","timestamp":1787220000000,"cwd":"/w","prompt":"go"}"#,
                Kind::TurnStart,
                None,
                None,
                None,
            ),
        ] {
            let around = Around { event: Some(event.to_owned()), ..around(Agent::Claude) };
            let call = hear(json.as_bytes(), &around).unwrap().calls.remove(0);
            assert_eq!((call.agent.as_str(), call.event), ("copilot", kind));
            assert_eq!(call.command.as_ref().map(|text| text.lossy()).as_deref(), command);
            assert_eq!((call.exit, call.ok), (exit, ok), "{json}");
            assert_eq!(call::events(&call, super::super::tests::NOW).len(), 2);
        }
    }
}
