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
    /// So many digits tell the session's id from the others; 0 if they are not known.
    pub digits: usize,
}

/// The digits of a session's id that are shown at least.
const DIGITS: usize = 8;

/// Those that say when a shell was opened: fewer are the same for all that were opened within a minute.
const MOMENT: usize = 13;

impl Who {
    /// The beginning of the session's id, as long as it takes to be taken back. Of agents' ids, which
    /// are hashes, few digits do.
    pub fn short(&self) -> Option<&str> {
        let least = if self.agent == "shell" { MOMENT } else { DIGITS };
        self.session.as_ref().map(|session| session.short(self.digits.max(least)))
    }

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
    fn an_id_is_shown_as_long_as_it_takes_and_no_longer_than_it_is() {
        let session = SessionId::parse("sess_01987f00-1111-7000-8000-00000000000a");
        let who = |agent: &str, digits| Who {
            session: session.clone(),
            agent: agent.to_owned(),
            digits,
            ..Who::default()
        };
        for (agent, digits, short) in [
            ("claude", 0, "01987f00"),
            ("claude", 10, "01987f00-1"),
            ("shell", 10, "01987f00-1111"),
            ("shell", 36, "01987f00-1111-7000-8000-00000000000a"),
            ("shell", 99, "01987f00-1111-7000-8000-00000000000a"),
        ] {
            assert_eq!(who(agent, digits).short(), Some(short));
        }
        assert_eq!(Who::default().short(), None);
    }

    #[test]
    fn somebody_goes_by_the_agent_or_by_the_kind() {
        let who = |agent: &str| Who { agent: agent.to_owned(), ..Who::default() };
        assert!(who("claude").is_called("claude") && who("claude").is_called("Claude"));
        assert!(who("claude").is_called("agent") && !who("claude").is_called("human"));
        assert!(who("shell").is_called("human") && !who("shell").is_called("agent"));
        assert!(!who("").is_called("human") && !who("").is_called("agent"));
    }
}
