//! Codex CLI.
//!
//! A failed tool is told by nobody: the next event of its turn ends it. The transcript may be null.

use super::hook::Hook;
use super::outcome;
use crate::wire::Bad;
use crate::wire::call::Call;

/// Reads a payload.
pub fn hear(hook: &mut Hook<'_>) -> Result<Vec<Call>, Bad> {
    let Some(kind) = hook.kind()? else { return Ok(Vec::new()) };
    let session = hook.session();
    let mut call = hook.call(kind, session)?;
    if hook.name == "interrupt" {
        call.text = call.text.or_else(|| Some("interrupted".into()));
    }
    call.tool = call.tool.map(|tool| tool.strip_prefix("functions.").unwrap_or(&tool).to_owned());
    Ok(vec![call])
}

/// The code in what a shell tool answers: above the output, which may say anything.
pub fn exit_in(text: &str) -> Option<i32> {
    let head = text.lines().take_while(|line| line.trim() != "Output:").take(8);
    let marks = ["Exit code:", "Process exited with code"];
    head.flat_map(|line| marks.map(|mark| outcome::number_after(line, mark))).flatten().next()
}

#[cfg(test)]
mod tests {
    use super::super::Agent;
    use super::super::tests::check;
    use super::exit_in;

    #[test]
    fn every_event_is_told() {
        let seen = "session_seen codex t-1 in /w model=m";
        check(
            Agent::Codex,
            &[
                (
                    r#"{"session_id":"t-1","transcript_path":null,"cwd":"/w","hook_event_name":"SessionStart","model":"m","source":"startup"}"#,
                    &["session_seen codex t-1 in /w model=m source=startup"],
                ),
                (
                    r#"{"session_id":"t-1","turn_id":"u-1","transcript_path":null,"cwd":"/w","hook_event_name":"UserPromptSubmit","model":"m","prompt":"go"}"#,
                    &[seen, "prompt go"],
                ),
                (
                    r#"{"session_id":"t-1","turn_id":"u-1","transcript_path":null,"cwd":"/w","hook_event_name":"PostToolUse","model":"m","permission_mode":"default","tool_name":"functions.apply_patch","tool_use_id":"c-1","tool_input":{"command":"*** Begin Patch\n*** Update File: src/a.rs\n*** Move to: src/b.rs\n@@\n-x\n+y\n*** End Patch"},"tool_response":"Success"}"#,
                    &[seen, "tool_finished apply_patch /w/src/a.rs /w/src/b.rs #c-1 ok"],
                ),
                (
                    r#"{"session_id":"t-1","turn_id":"u-1","cwd":"/w","hook_event_name":"PostToolUse","model":"m","tool_name":"exec_command","tool_use_id":"c-2","tool_input":{"cmd":"make"},"tool_response":"Wall time: 1 s\nProcess exited with code 2\nOutput:\nExit code: 0"}"#,
                    &[seen, "command_finished make #c-2 exit 2"],
                ),
                (
                    r#"{"session_id":"t-1","turn_id":"u-1","cwd":"/w","hook_event_name":"Interrupt","model":"m"}"#,
                    &[seen, "turn_failed interrupted"],
                ),
                (
                    r#"{"session_id":"t-1","turn_id":"u-1","cwd":"/w","hook_event_name":"Stop","model":"m","last_assistant_message":null}"#,
                    &[seen, "turn_ended"],
                ),
                (r#"{"session_id":"t-1","cwd":"/w","hook_event_name":"PermissionRequest","model":"m"}"#, &[]),
            ],
        );
    }

    #[test]
    fn forks_and_spawned_threads_name_where_they_come_from() {
        check(
            Agent::Codex,
            &[
                (
                    r#"{"session_id":"b","cwd":"/w","hook_event_name":"SessionStart","forked_from_id":"a","source":"resume"}"#,
                    &["session_seen codex b in /w source=resume forked=a"],
                ),
                (
                    r#"{"session_id":"b","cwd":"/w","hook_event_name":"SessionStart","parent_thread_id":"a"}"#,
                    &["session_seen codex b in /w parent=a as=subagent"],
                ),
                (
                    r#"{"session_id":"b","cwd":"/w","hook_event_name":"SessionStart","source":{"subagent":{"thread_spawn":{"parent_thread_id":"a","depth":1}}}}"#,
                    &["session_seen codex b in /w source=subagent parent=a as=subagent"],
                ),
            ],
        );
    }

    #[test]
    fn output_is_not_taken_for_a_code() {
        for (text, code) in [
            ("Exit code: 0\nWall time: 1 seconds\nOutput:\n", Some(0)),
            ("Output:\nExit code: 7", None),
            ("Process running with session ID 7", None),
        ] {
            assert_eq!(exit_in(text), code, "{text:?}");
        }
    }
}
