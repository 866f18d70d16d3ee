//! Claude Code, and whoever speaks as it does.
//!
//! A cancelled tool is told by nobody, and neither is the end of a turn that the user interrupts:
//! whoever has the session's journal closes what is left open when the next prompt comes.

use serde_json::Value;

use super::hook::{Hook, fill_tool};
use super::{is_worth_telling, outcome};
use crate::model::digest;
use crate::model::text::Text;
use crate::wire::Bad;
use crate::wire::call::{Call, Kind};
use crate::wire::lenient::Object;

/// Reads a payload.
pub fn hear(hook: &mut Hook<'_>) -> Result<Vec<Call>, Bad> {
    let Some(kind) = hook.kind()? else { return Ok(Vec::new()) };
    let session = hook.session();
    let call = hook.call(kind, session)?;
    match kind {
        Kind::ToolBatch => Ok(batch(hook, call)),
        _ => Ok(vec![call]),
    }
}

/// The ends of the tools of a batch, and the batch. Each tool has told its own end already, so these
/// are for ends that never came.
fn batch(hook: &mut Hook<'_>, of: Call) -> Vec<Call> {
    let tools = match hook.object.take(&["tool_calls"]) {
        Some(Value::Array(tools)) => tools,
        _ => Vec::new(),
    };
    let mut calls: Vec<Call> =
        tools.into_iter().filter_map(|tool| one(Object::of(tool)?, &of)).filter(is_worth_telling).collect();
    if calls.is_empty() {
        // All of them read, so nothing changed.
        return calls;
    }
    let ids: Vec<Text> = calls.iter().filter_map(Call::tool_use_id).collect();
    let ids: Vec<&[u8]> = ids.iter().map(Text::as_bytes).collect();
    calls.push(Call { turn: Some(digest::name(&ids).into()), ..of });
    calls
}

fn one(mut tool: Object, of: &Call) -> Option<Call> {
    let mut call = Call { event: Kind::ToolPost, ..of.clone() };
    let name = tool.text(&["tool_name"])?;
    let input = tool.take(&["tool_input"]);
    let id = tool.text(&["tool_use_id"]);
    fill_tool(&mut call, Some(name), input, id);
    let response = tool.take(&["tool_response"]);
    let went = response.as_ref().map(outcome::of).unwrap_or_default();
    let text = response.as_ref().map(outcome::words).unwrap_or_default();
    (call.ok, call.interrupted) = (went.ok, went.interrupted);
    call.exit = went.exit.or_else(|| exit_in(&text, true, None)).filter(|_| !went.interrupted);
    Some(call)
}

/// The code of a shell tool: in the first line of a failure; and 0 where the tool ended well, since
/// any other code is a failure, but for those that the agent explains away.
pub fn exit_in(text: &str, failed: bool, response: Option<&Value>) -> Option<i32> {
    if failed {
        let first = text.trim_start().lines().next().unwrap_or_default();
        return outcome::number_after(first.trim_start_matches("Error: "), "Exit code");
    }
    let response = response?.as_object().filter(|response| response.contains_key("stdout"))?;
    let unsure = ["returnCodeInterpretation", "backgroundTaskId", "backgroundedByUser"];
    let set = |key: &&str| response.get(*key).is_some_and(|value| !value.is_null() && value != false);
    (!unsure.iter().any(set)).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::super::Agent;
    use super::super::tests::{check, told};

    #[test]
    fn every_event_is_told() {
        let seen = "session_seen claude s in /w";
        check(
            Agent::Claude,
            &[
                (
                    r#"{"session_id":"s","transcript_path":"/t/s.jsonl","cwd":"/w","hook_event_name":"SessionStart","source":"resume","model":"m"}"#,
                    &["session_seen claude s in /w model=m source=resume transcript=/t/s.jsonl"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"UserPromptSubmit","prompt":"add a parser","prompt_id":"p"}"#,
                    &[seen, "prompt add a parser"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"rm -rf src","description":"x"},"tool_use_id":"toolu_1"}"#,
                    &[seen, "command_started rm -rf src #toolu_1"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"make"},"tool_use_id":"toolu_1","tool_response":{"stdout":"","stderr":"","interrupted":false},"duration_ms":450}"#,
                    &[seen, "command_finished make #toolu_1 exit 0 450000us"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"PostToolUseFailure","tool_name":"Bash","tool_input":{"command":"make"},"tool_use_id":"toolu_1","error":"Exit code 2\nno rule","duration_ms":1}"#,
                    &[seen, "command_finished make #toolu_1 exit 2 1000us"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"PostToolUseFailure","tool_name":"Bash","tool_input":{"command":"make"},"tool_use_id":"toolu_1","error":"Exit code 137\nkilled","is_interrupt":true}"#,
                    &[seen, "command_finished make #toolu_1 interrupted"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"PostToolUse","tool_name":"NotebookEdit","tool_input":{"notebook_path":"n.ipynb"},"tool_use_id":"toolu_2","tool_response":{"error":""}}"#,
                    &[seen, "tool_finished NotebookEdit /w/n.ipynb #toolu_2 ok"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"PreCompact","trigger":"auto","custom_instructions":""}"#,
                    &[seen, "compacted auto"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"Stop","stop_hook_active":false,"last_assistant_message":"done"}"#,
                    &[seen, "turn_ended done"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"StopFailure","error":"rate_limit"}"#,
                    &[seen, "turn_failed rate_limit"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","hook_event_name":"SessionEnd","reason":"logout"}"#,
                    &[seen, "session_ended logout"],
                ),
            ],
        );
    }

    #[test]
    fn a_sub_agent_has_a_name_and_a_transcript_of_its_own() {
        check(
            Agent::Claude,
            &[
                (
                    r#"{"session_id":"s","cwd":"/w","transcript_path":"/t/s.jsonl","hook_event_name":"PreToolUse","agent_id":"a1","agent_type":"Explore","tool_name":"Write","tool_input":{"file_path":"/w/a"},"tool_use_id":"t"}"#,
                    &["session_seen claude s in /w subagent=a1", "tool_started Write /w/a #t by a1"],
                ),
                (
                    r#"{"session_id":"s","cwd":"/w","transcript_path":"/t/s.jsonl","hook_event_name":"SubagentStop","agent_id":"a1","agent_type":"Explore","agent_transcript_path":"/t/a1.jsonl","last_assistant_message":"found"}"#,
                    &[
                        "session_seen claude s in /w subagent=a1 transcript=/t/a1.jsonl",
                        "subagent_stopped Explore found",
                    ],
                ),
            ],
        );
    }

    #[test]
    fn a_batch_tells_the_ends_of_its_tools_but_not_of_those_that_read() {
        let batch = r#"{"session_id":"s","cwd":"/w","hook_event_name":"PostToolBatch","tool_calls":[
            {"tool_name":"Write","tool_input":{"file_path":"/w/a.rs","content":"fn a(){}"},"tool_use_id":"toolu_2","tool_response":"ok"},
            {"tool_name":"Bash","tool_input":{"command":"false"},"tool_use_id":"toolu_3","tool_response":"Error: Exit code 1"},
            {"tool_name":"Read","tool_input":{"file_path":"/w/b"},"tool_use_id":"toolu_4","tool_response":"x"}]}"#;
        assert_eq!(
            told(Agent::Claude, batch),
            [
                "session_seen claude s in /w",
                "tool_finished Write /w/a.rs #toolu_2",
                "command_finished false #toolu_3 exit 1",
                "tool_batch",
            ]
        );
        let read = r#"{"session_id":"s","cwd":"/w","hook_event_name":"PostToolBatch","tool_calls":[{"tool_name":"Read","tool_input":{},"tool_use_id":"1"}]}"#;
        assert_eq!(told(Agent::Claude, read), [""; 0]);
    }

    #[test]
    fn a_code_that_the_agent_explains_away_or_does_not_know_is_not_made_up() {
        for extra in [r#""returnCodeInterpretation":"No matches found""#, r#""backgroundTaskId":"b1""#] {
            let json = format!(
                r#"{{"session_id":"s","cwd":"/w","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{{"command":"grep x"}},"tool_use_id":"1","tool_response":{{"stdout":"",{extra}}}}}"#
            );
            assert_eq!(told(Agent::Claude, &json)[1], "command_finished grep x #1");
        }
    }
}
