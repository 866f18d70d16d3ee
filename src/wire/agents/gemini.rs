//! Gemini CLI.
//!
//! Its tools have no ids, so starts and ends are paired in the order in which they come; each payload
//! carries the moment at which it was made.

use super::hook::Hook;
use super::outcome;
use crate::wire::Bad;
use crate::wire::call::Call;

/// Reads a payload.
pub fn hear(hook: &mut Hook<'_>) -> Result<Vec<Call>, Bad> {
    let Some(kind) = hook.kind()? else { return Ok(Vec::new()) };
    let session = hook.session();
    let mut call = hook.call(kind, session)?;
    // Not written yet: the agent says so with an empty path.
    call.transcript = call.transcript.filter(|path| !path.is_empty());
    Ok(vec![call])
}

/// The code behind the output of a shell tool. A command that was stopped has none.
pub fn exit_in(text: &str) -> Option<i32> {
    text.lines().rev().find_map(|line| outcome::number_after(line, "Exit Code:"))
}

#[cfg(test)]
mod tests {
    use super::super::Agent;
    use super::super::tests::{check, events};
    use crate::model::event::What;

    #[test]
    fn every_event_is_told() {
        let seen = "session_seen gemini g-1 in /w";
        check(
            Agent::Gemini,
            &[
                (
                    r#"{"session_id":"g-1","transcript_path":"","cwd":"/w","hook_event_name":"SessionStart","timestamp":"2026-08-20T10:00:00Z","source":"startup"}"#,
                    &["session_seen gemini g-1 in /w source=startup"],
                ),
                (
                    r#"{"session_id":"g-1","transcript_path":"","cwd":"/w","hook_event_name":"BeforeAgent","timestamp":"2026-08-20T10:00:00Z","prompt":"go"}"#,
                    &[seen, "prompt go"],
                ),
                (
                    r#"{"session_id":"g-1","transcript_path":"","cwd":"/w","hook_event_name":"AfterAgent","timestamp":"2026-08-20T10:00:00Z","prompt":"go","prompt_response":"done"}"#,
                    &[seen, "turn_ended done"],
                ),
                (
                    r#"{"session_id":"g-1","cwd":"/w","hook_event_name":"PreCompress","timestamp":"2026-08-20T10:00:00Z","trigger":"auto"}"#,
                    &[seen, "compacted auto"],
                ),
                (
                    r#"{"session_id":"g-1","cwd":"/w","hook_event_name":"SessionEnd","timestamp":"2026-08-20T10:00:00Z","reason":"exit"}"#,
                    &[seen, "session_ended exit"],
                ),
                (r#"{"session_id":"g-1","cwd":"/w","hook_event_name":"BeforeModel","llm_request":{}}"#, &[]),
            ],
        );
    }

    #[test]
    fn a_tool_is_known_by_what_it_was_given() {
        let pre = r#"{"session_id":"g-1","cwd":"/w","hook_event_name":"BeforeTool","timestamp":"T1","tool_name":"run_shell_command","tool_input":{"command":"make"}}"#;
        let post = r#"{"session_id":"g-1","cwd":"/w","hook_event_name":"AfterTool","timestamp":"T2","tool_name":"run_shell_command","tool_input":{"command":"make"},"tool_response":{"llmContent":"Output: Exit Code: 7\nExit Code: 2\nSignal: (none)","returnDisplay":""}}"#;
        let (start, end) = (events(Agent::Gemini, pre), events(Agent::Gemini, post));
        let (What::CommandStarted(start), What::CommandFinished(end)) = (&start[1].what, &end[1].what) else {
            panic!("{start:?} {end:?}")
        };
        assert_eq!(start.actor, end.actor, "whoever pairs them finds the one by the other");
        assert_eq!(end.exit, Some(2));
        let twin = events(Agent::Gemini, pre);
        assert_eq!(events(Agent::Gemini, pre), twin, "delivered twice");
        assert_ne!(events(Agent::Gemini, &pre.replace("T1", "T3"))[1].id, twin[1].id, "called twice at once");
    }
}
