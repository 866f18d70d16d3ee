//! Pi: an extension of ours calls, with the generic object.
//!
//! Where it knows no session, the name of the session's file does: `<time>_<id>.jsonl`. That is known
//! before the file is there, so nothing is opened.

use super::outcome;
use crate::wire::call::{Call, Kind};
use crate::wire::lenient;

/// Adds what only this agent tells.
pub fn refine(call: &mut Call) {
    if call.transcript.as_ref() == Some(&call.session) {
        let path = call.session.lossy();
        let name = path.rsplit('/').next().unwrap_or_default();
        let stem = name.strip_suffix(".jsonl").unwrap_or(name);
        let id = stem.rsplit('_').next().unwrap_or_default().to_owned();
        if !id.is_empty() {
            call.session = id.into();
        }
    }
    if call.origin.parent.is_some() && call.origin.parent_kind.is_none() {
        call.origin.parent_kind = Some("fork".to_owned());
    }
    if call.event == Kind::ToolPost {
        take_outcome(call);
    }
}

/// Any code but 0 is told as an error, with the code in its last words.
fn take_outcome(call: &mut Call) {
    let meta = call.meta.as_deref().and_then(lenient::value);
    let text = meta.as_ref().map(outcome::words).unwrap_or_default();
    let code = text.lines().rev().find_map(|line| outcome::number_after(line, "Command exited with code"));
    call.interrupted |= text.lines().next_back() == Some("Command aborted");
    let went_well = call.ok.filter(|ok| *ok).map(|_| 0);
    call.exit = call.exit.or(code).or(went_well).filter(|_| !call.interrupted);
}

#[cfg(test)]
mod tests {
    use super::super::Agent;
    use super::super::tests::check;

    #[test]
    fn what_the_extension_sends_is_told() {
        let file = "/h/.pi/agent/sessions/--w--/2026-08-20_0e0e.jsonl";
        let seen = format!("session_seen pi 0e0e in /w transcript={file}");
        let table = [
            (r#""event":"session_start""#, vec![seen.as_str()]),
            (r#""event":"turn_start","prompt":"go""#, vec![&seen, "prompt go"]),
            (
                r#""event":"tool_post","tool":"bash","tool_id":"1","input":{"command":"make"},"ok":true"#,
                vec![&seen, "command_finished make #1 exit 0"],
            ),
            (
                r#""event":"tool_post","tool":"bash","tool_id":"2","input":{"command":"make"},"ok":false,"meta":{"text":"x\n\nCommand exited with code 2"}"#,
                vec![&seen, "command_finished make #2 exit 2"],
            ),
            (
                r#""event":"tool_post","tool":"bash","tool_id":"3","input":{"command":"make"},"ok":false,"meta":{"text":"x\nCommand aborted"}"#,
                vec![&seen, "command_finished make #3 interrupted"],
            ),
        ];
        for (fields, expected) in table {
            let json = format!(r#"{{"v":1,"agent":"pi","cwd":"/w","transcript":"{file}",{fields}}}"#);
            check(Agent::Pi, &[(&json, &expected)]);
        }
        check(
            Agent::Pi,
            &[(
                r#"{"v":1,"agent":"pi","event":"session_start","cwd":"/w","session":"0f","parent_session":"/s/x_0e.jsonl"}"#,
                &["session_seen pi 0f in /w parent=/s/x_0e.jsonl as=fork"],
            )],
        );
    }
}
