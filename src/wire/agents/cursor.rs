//! Cursor, the editor and the command line.
//!
//! A session is a conversation; a turn is a generation. There is no directory but the workspace's
//! roots. Permission events wait for an answer. The user's mail address is dropped with all else
//! that has no use here.

use serde_json::Value;

use super::hook::Hook;
use crate::model::text::Text;
use crate::wire::Bad;
use crate::wire::call::{Call, Kind};

/// Reads a payload.
pub fn hear(hook: &mut Hook<'_>) -> Result<Vec<Call>, Bad> {
    let Some(kind) = hook.kind()? else { return Ok(Vec::new()) };
    let session = hook.object.text(&["conversation_id"]).or_else(|| hook.session());
    if hook.object.get(&["cwd"]).is_none()
        && let Some(root) = root(hook)
    {
        hook.object.set("cwd", root.into());
    }
    let status = hook.object.text(&["status", "final_status"]);
    let mut call = hook.call(kind, session)?;
    call.paths = call.paths.iter().map(unix).collect();
    match (kind, status.as_deref()) {
        (Kind::TurnEnd, Some("aborted" | "error")) => {
            call.event = Kind::TurnFail;
            call.text = status.map(Text::from);
        }
        (Kind::ToolPost, _) if hook.failed() => {
            let kind = hook.object.text(&["failure_type"]);
            call.interrupted |= kind.as_deref() == Some("permission_denied");
        }
        _ => {}
    }
    Ok(vec![call])
}

/// What an event that asks for permission must be answered, so that the agent goes on.
pub fn answer(name: &str) -> Option<&'static str> {
    (name.starts_with("before") || name == "pretooluse").then_some("{}")
}

fn root(hook: &mut Hook<'_>) -> Option<String> {
    let roots = hook.object.take(&["workspace_roots"])?;
    let root = roots.as_array()?.iter().find_map(Value::as_str)?.to_owned();
    Some(unix(&root.into()).lossy().into_owned())
}

/// On Windows a path may come as `/c:/Users/…`: it is left as it is but for the doubled start.
fn unix(path: &Text) -> Text {
    let bytes = path.as_bytes();
    match bytes.strip_prefix(b"//") {
        Some(rest) => [b"/", rest].concat().into(),
        None => path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Agent;
    use super::super::tests::{check, heard};

    const COMMON: &str = r#""conversation_id":"c","generation_id":"g","model":"m","cursor_version":"3.2.0","workspace_roots":["/w"],"user_email":"a@b.c","transcript_path":null"#;

    #[test]
    fn every_event_is_told() {
        let seen = "session_seen cursor c in /w model=m";
        let table: &[(&str, &[&str])] = &[
            (r#""hook_event_name":"sessionStart","session_id":"other","is_background_agent":false"#, &[seen]),
            (
                r#""hook_event_name":"beforeSubmitPrompt","prompt":"go","attachments":[]"#,
                &[seen, "prompt go"],
            ),
            (
                r#""hook_event_name":"preToolUse","tool_name":"Shell","tool_use_id":"t\n1","tool_input":{"command":"make"}"#,
                &[seen, "command_started make #t\n1"],
            ),
            (
                r#""hook_event_name":"postToolUse","tool_name":"Shell","tool_use_id":"t\n1","tool_input":{"command":"make"},"tool_output":"{\"exitCode\":2,\"stdout\":\"\"}","duration":12.5"#,
                &[seen, "command_finished make #t\n1 exit 2 12500us"],
            ),
            (
                r#""hook_event_name":"postToolUse","tool_name":"StrReplace","tool_use_id":"2","tool_input":{"path":"a.rs"},"tool_output":"{}""#,
                &[seen, "tool_finished StrReplace /w/a.rs #2 ok"],
            ),
            (
                r#""hook_event_name":"postToolUseFailure","tool_name":"Shell","tool_use_id":"3","tool_input":{"command":"make"},"error_message":"no","failure_type":"permission_denied""#,
                &[seen, "command_finished make #3 interrupted"],
            ),
            (
                r#""hook_event_name":"subagentStop","subagent_id":"s1","subagent_type":"explore","status":"completed","summary":"found","agent_transcript_path":"/t/s1.jsonl""#,
                &[
                    "session_seen cursor c in /w model=m subagent=s1 transcript=/t/s1.jsonl",
                    "subagent_stopped explore found",
                ],
            ),
            (r#""hook_event_name":"preCompact","trigger":"manual""#, &[seen, "compacted manual"]),
            (r#""hook_event_name":"stop","status":"completed","loop_count":0"#, &[seen, "turn_ended"]),
            (r#""hook_event_name":"stop","status":"aborted""#, &[seen, "turn_failed aborted"]),
            (r#""hook_event_name":"sessionEnd","reason":"completed""#, &[seen, "session_ended completed"]),
            (r#""hook_event_name":"afterAgentThought","text":"hm""#, &[]),
        ];
        for (fields, expected) in table {
            check(Agent::Cursor, &[(&format!("{{{COMMON},{fields}}}"), expected)]);
        }
    }

    #[test]
    fn permission_events_are_answered_whatever_else_they_lack() {
        for (name, answer) in [
            ("preToolUse", Some("{}")),
            ("beforeShellExecution", Some("{}")),
            ("beforeSubmitPrompt", Some("{}")),
            ("postToolUse", None),
            ("stop", None),
        ] {
            let json =
                format!(r#"{{"cursor_version":"3","hook_event_name":"{name}","conversation_id":"c"}}"#);
            assert_eq!(heard(Agent::Cursor, &json).answer, answer, "{name}");
        }
        let bare = r#"{"cursor_version":"3","hook_event_name":"preToolUse"}"#;
        assert_eq!(heard(Agent::Claude, bare).answer, Some("{}"));
    }
}
