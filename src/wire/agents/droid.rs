//! Factory Droid, which speaks nearly as Claude does.
//!
//! It may leave out the session, whose id is then the name of the transcript's file, the names of
//! tools, and their ids.

use super::claude;
use super::hook::Hook;
use crate::wire::Bad;
use crate::wire::call::Call;

/// Reads a payload.
pub fn hear(hook: &mut Hook<'_>) -> Result<Vec<Call>, Bad> {
    if hook.object.get(&["session_id"]).is_none()
        && let Some(stem) = stem(hook)
    {
        hook.object.set("session_id", stem.into());
    }
    claude::hear(hook)
}

fn stem(hook: &Hook<'_>) -> Option<String> {
    let path = hook.object.get(&["transcript_path"])?.as_str()?;
    let name = path.rsplit('/').next()?;
    Some(name.strip_suffix(".jsonl").unwrap_or(name).to_owned()).filter(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::Agent;
    use super::super::tests::{check, told};

    #[test]
    fn what_it_leaves_out_is_found_elsewhere() {
        check(
            Agent::Droid,
            &[
                (
                    r#"{"hookEventName":"SessionStart","transcript_path":"/h/.factory/sessions/w/0d0d.jsonl","cwd":"/w"}"#,
                    &["session_seen droid 0d0d in /w transcript=/h/.factory/sessions/w/0d0d.jsonl"],
                ),
                (
                    r#"{"hookEventName":"UserPromptSubmit","session_id":"d","prompt":"go","model":"m"}"#,
                    &["session_seen droid d in /here model=m", "prompt go"],
                ),
                (
                    r#"{"hookEventName":"Stop","session_id":"d","cwd":"/w","model":"m"}"#,
                    &["session_seen droid d in /w model=m", "turn_ended"],
                ),
            ],
        );
    }

    #[test]
    fn a_tool_without_an_id_gets_one_from_its_input() {
        let json = r#"{"hookEventName":"PostToolUse","session_id":"d","cwd":"/w","tool_name":"ApplyPatch","tool_input":"*** Begin Patch\n*** Update File: a.rs\n@@\n-x\n+y\n*** End Patch","tool_response":"{\"success\":true}"}"#;
        let lines = told(Agent::Droid, json);
        assert!(
            lines[1].starts_with("tool_finished ApplyPatch /w/a.rs #h-") && lines[1].ends_with(" ok"),
            "{lines:?}"
        );
        let nameless = json.replace(r#""tool_name":"ApplyPatch","#, "");
        assert!(told(Agent::Droid, &nameless)[1].starts_with("tool_finished /w/a.rs #h-"));
        let failed = json.replace("true", "false");
        assert!(told(Agent::Droid, &failed)[1].ends_with(" failed"));
    }
}
