//! In whose session a program was started, as its environment says.

use crate::model::id::SessionId;

/// The variables by which agents name their session to what they start.
///
/// Source: the environment of a tool call as each agent documents it, or as it was seen there.
const AGENTS: [(&str, &str); 3] =
    [("CLAUDE_CODE_SESSION_ID", "claude"), ("CODEX_THREAD_ID", "codex"), ("GEMINI_SESSION_ID", "gemini")];

/// The session that we are in: an agent's, else the shell's, else nobody knows.
pub fn session(variable: &dyn Fn(&str) -> Option<String>) -> Option<SessionId> {
    let agent = |(name, agent): &(&str, &str)| Some(SessionId::of_key(agent, variable(name)?.as_bytes()));
    let shell = || SessionId::parse(&format!("sess_{}", variable("TRACE_SHELL_SESSION")?));
    AGENTS.iter().find_map(agent).or_else(shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_in_a_shell_is_the_agent() {
        const SHELL: &str = "01987f00-1111-7000-8000-00000000000a";
        let of = |set: &[(&str, &str)]| {
            session(&|name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), None);
        let shell = ("TRACE_SHELL_SESSION", SHELL);
        assert_eq!(of(&[shell]).unwrap().uuid(), SHELL);
        let claude = SessionId::of_key("claude", b"c-1");
        assert_eq!(of(&[shell, ("CLAUDE_CODE_SESSION_ID", "c-1")]), Some(claude));
        assert_eq!(of(&[("TRACE_SHELL_SESSION", "../x")]), None);
    }
}
