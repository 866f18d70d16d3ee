//! In whose session a program was started, as its environment says.

use crate::model::event::{Actor, ActorKind, Event, SessionSeen, What};
use crate::model::id::{EventId, SessionId};
use crate::model::time::Timestamp;

/// Who started us.
#[derive(Clone, Debug, PartialEq)]
pub struct Doer {
    pub session: SessionId,
    /// Of an agent, its name, and how it names the session.
    agent: Option<(&'static str, String)>,
}

/// The variables by which agents name their session to what they start.
const AGENTS: [(&str, &str); 3] =
    [("CLAUDE_CODE_SESSION_ID", "claude"), ("CODEX_THREAD_ID", "codex"), ("GEMINI_SESSION_ID", "gemini")];

/// The session that we were started in: an agent's, else the shell's, else nobody knows.
pub fn doer(variable: &dyn Fn(&str) -> Option<String>) -> Option<Doer> {
    let agent = |(name, agent): &(&str, &'static str)| {
        let external = variable(name)?;
        let session = SessionId::of_key(agent, external.as_bytes());
        Some(Doer { session, agent: Some((*agent, external)) })
    };
    let shell = || {
        let session = SessionId::parse(&format!("sess_{}", variable("TRACE_SHELL_SESSION")?))?;
        Some(Doer { session, agent: None })
    };
    AGENTS.iter().find_map(agent).or_else(shell)
}

impl Doer {
    /// What an agent's session is, for where its own hooks tell nothing.
    pub fn introduction(&self, now: Timestamp) -> Option<Event> {
        let (agent, external) = self.agent.as_ref()?;
        let actor = Actor { kind: ActorKind::Agent, name: Some((*agent).to_owned()), ..Actor::default() };
        let seen = SessionSeen {
            agent: (*agent).to_owned(),
            external_id: external.as_str().into(),
            actor,
            ..SessionSeen::default()
        };
        let id = EventId::of_call(&[b"session_seen", b"git", agent.as_bytes(), external.as_bytes()]);
        let what = What::SessionSeen(Box::new(seen));
        Some(Event { id, at: now, session: Some(self.session.clone()), seq: None, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_s_session_counts_before_that_of_the_shell_it_was_started_in() {
        let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
        let shell = ("TRACE_SHELL_SESSION", uuid);
        let of = |all: &[(&str, &str)]| {
            let value = |name: &str| {
                all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            doer(&value).map(|doer| doer.session)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[shell]), SessionId::parse(&format!("sess_{uuid}")));
        assert_eq!(of(&[("TRACE_SHELL_SESSION", "nonsense")]), None);
        for (name, agent) in AGENTS {
            assert_eq!(of(&[shell, (name, "s 1")]), Some(SessionId::of_key(agent, b"s 1")));
        }
    }
}
