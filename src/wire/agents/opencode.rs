//! OpenCode: a plugin of ours calls, with the generic object. What its shell tool returned stands in
//! what else the plugin passes on.

use super::outcome;
use crate::wire::call::{Call, Kind};
use crate::wire::lenient;

/// Adds what only this agent tells.
pub fn refine(call: &mut Call) {
    if call.event != Kind::ToolPost {
        return;
    }
    let meta = call.meta.as_deref().and_then(lenient::value);
    let went = meta.as_ref().map(outcome::of).unwrap_or_default();
    call.interrupted |= went.interrupted;
    call.exit = call.exit.or(went.exit).filter(|_| !call.interrupted);
    call.ok = call.ok.or(went.ok).or_else(|| call.exit.map(|exit| exit == 0));
}

#[cfg(test)]
mod tests {
    use super::super::Agent;
    use super::super::tests::check;

    #[test]
    fn what_the_plugin_sends_is_told() {
        let seen = "session_seen opencode ses_1 in /w";
        check(
            Agent::OpenCode,
            &[
                (
                    r#"{"v":1,"agent":"opencode","event":"session_start","cwd":"/w","session":"ses_1","model":null,"parent_session":"ses_0","parent_kind":"subagent"}"#,
                    &["session_seen opencode ses_1 in /w parent=ses_0 as=subagent"],
                ),
                (
                    r#"{"v":1,"agent":"opencode","event":"turn_start","cwd":"/w","session":"ses_1","prompt":"go","turn":"msg_1"}"#,
                    &[seen, "prompt go"],
                ),
                (
                    r#"{"v":1,"agent":"opencode","event":"tool_post","cwd":"/w","session":"ses_1","tool":"bash","tool_id":"c1","input":{"command":"make"},"meta":{"exit":2,"output":"x"}}"#,
                    &[seen, "command_finished make #c1 exit 2"],
                ),
                (
                    r#"{"v":1,"agent":"opencode","event":"tool_post","cwd":"/w","session":"ses_1","tool":"edit","tool_id":"c2","input":{"filePath":"/w/a.rs"},"meta":{}}"#,
                    &[seen, "tool_finished edit /w/a.rs #c2"],
                ),
                (
                    r#"{"v":1,"agent":"opencode","event":"tool_pre","cwd":"/w","session":"ses_1","tool":"read","tool_id":"c3","input":{"filePath":"/w/a.rs"}}"#,
                    &[],
                ),
            ],
        );
    }
}
