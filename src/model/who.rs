//! Whose doing something is, as people name it.

use super::id::SessionId;

/// A session and what it goes by. All of it may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    pub session: Option<SessionId>,
    /// `shell`, or the agent's name; empty if the session was never introduced.
    pub agent: String,
    /// What somebody called it.
    pub alias: Option<String>,
}

impl Who {
    /// True if this name means it: its agent, or `human` and `agent` for every one of the kind.
    pub fn is_called(&self, name: &str) -> bool {
        let kind = match self.agent.as_str() {
            "" => None,
            "shell" => Some("human"),
            _ => Some("agent"),
        };
        self.agent.eq_ignore_ascii_case(name) || kind == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_goes_by_the_agent_or_by_the_kind() {
        let who = |agent: &str| Who { agent: agent.to_owned(), ..Who::default() };
        assert!(who("claude").is_called("claude") && who("claude").is_called("Claude"));
        assert!(who("claude").is_called("agent") && !who("claude").is_called("human"));
        assert!(who("shell").is_called("human") && !who("shell").is_called("agent"));
        assert!(!who("").is_called("human") && !who("").is_called("agent"));
    }
}
