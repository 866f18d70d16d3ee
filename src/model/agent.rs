//! The coding agents that we know by name.
//!
//! Any other agent may tell its story through the generic door; only these have a place of their own
//! for transcripts, and a command that goes on with a conversation.

/// A coding agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agent {
    Claude,
    Codex,
    Copilot,
    Cursor,
    Droid,
    Gemini,
    OpenCode,
    Pi,
}

impl Agent {
    /// All of them, in the order help lists them.
    pub const ALL: [Self; 8] = [
        Self::Claude,
        Self::Codex,
        Self::Copilot,
        Self::Cursor,
        Self::Droid,
        Self::Gemini,
        Self::OpenCode,
        Self::Pi,
    ];

    /// The word for it: in events, in keys of sessions, on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Copilot => "copilot",
            Self::Cursor => "cursor",
            Self::Droid => "droid",
            Self::Gemini => "gemini",
            Self::OpenCode => "opencode",
            Self::Pi => "pi",
        }
    }

    /// The agent of this name, or of another that people use for it.
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let other = match word.as_str() {
            "claude-code" | "claudecode" => Some(Self::Claude),
            "codex-cli" => Some(Self::Codex),
            "copilot-cli" | "github-copilot" => Some(Self::Copilot),
            "cursor-agent" | "cursor-cli" => Some(Self::Cursor),
            "factory" | "factory-droid" => Some(Self::Droid),
            "gemini-cli" => Some(Self::Gemini),
            "open-code" => Some(Self::OpenCode),
            "pi-coding-agent" => Some(Self::Pi),
            _ => None,
        };
        other.or_else(|| Self::ALL.into_iter().find(|agent| agent.name() == word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_found_by_its_name_and_by_what_people_call_it() {
        for agent in Agent::ALL {
            assert_eq!(Agent::parse(agent.name()), Some(agent));
        }
        assert_eq!(Agent::parse("Claude-Code"), Some(Agent::Claude));
        assert_eq!(Agent::parse("factory-droid"), Some(Agent::Droid));
        assert_eq!(Agent::parse("shell"), None);
        assert_eq!(Agent::parse(""), None);
    }
}
