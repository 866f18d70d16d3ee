//! What sessions go by: their agents, and what people called them.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use crate::model::event::{Event, What};
use crate::model::id::SessionId;
use crate::model::session::Edit;
use crate::model::who::Who;

/// The names of sessions, as far as events told them.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<SessionId, Who>);

impl Names {
    /// From the events that tell of sessions; others say nothing of names.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut names = Self::default();
        events.into_iter().for_each(|event| names.take(event));
        names
    }

    /// Takes one event more. The last alias holds, and the first agent.
    pub fn take(&mut self, event: &Event) {
        let Some(session) = &event.session else { return };
        let known = || Who { session: Some(session.clone()), ..Who::default() };
        match &event.what {
            What::SessionSeen(seen) => {
                let who = self.0.entry(session.clone()).or_insert_with(known);
                if who.agent.is_empty() {
                    who.agent.clone_from(&seen.agent);
                }
            }
            What::SessionEdited(Edit::AliasSet { alias }) => {
                let who = self.0.entry(session.clone()).or_insert_with(known);
                who.alias = alias.clone().filter(|alias| !alias.is_empty());
            }
            _ => {}
        }
    }

    /// Who a session is; of one that nobody introduced only its id is known.
    pub fn who(&self, session: Option<&SessionId>) -> Who {
        let Some(id) = session else { return Who::default() };
        let unknown = || Who { session: Some(id.clone()), ..Who::default() };
        Who { digits: self.digits(id), ..self.0.get(id).cloned().unwrap_or_else(unknown) }
    }

    /// So many digits tell an id from the one before it and the one behind it, and so from every other.
    fn digits(&self, id: &SessionId) -> usize {
        let before = self.0.range(..id).next_back();
        let behind = self.0.range((Excluded(id), Unbounded)).next();
        before.into_iter().chain(behind).map(|(other, _)| id.apart(other)).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::SessionSeen;
    use crate::model::id::EventId;
    use crate::model::time::Timestamp;

    fn event(session: &SessionId, what: What) -> Event {
        let (id, at) = (EventId::parse("e").unwrap(), Timestamp(1));
        Event { id, at, session: Some(session.clone()), seq: None, what }
    }

    #[test]
    fn the_last_alias_holds_and_the_first_agent() {
        let session = SessionId::of_key("claude", b"a");
        let seen = |agent: &str| {
            let seen = SessionSeen { agent: agent.to_owned(), ..SessionSeen::default() };
            event(&session, What::SessionSeen(Box::new(seen)))
        };
        let called = |alias: &str| {
            event(&session, What::SessionEdited(Edit::AliasSet { alias: Some(alias.to_owned()) }))
        };
        let mut events = vec![seen("claude"), called("one"), seen("codex"), called("two")];
        let who = Names::of(&events).who(Some(&session));
        assert_eq!((who.agent.as_str(), who.alias.as_deref()), ("claude", Some("two")));
        events.push(called(""));
        assert_eq!(Names::of(&events).who(Some(&session)).alias, None);
        let other = SessionId::of_key("claude", b"b");
        let unheard = Names::of(&events).who(Some(&other));
        assert_eq!((unheard.session, unheard.agent, unheard.alias), (Some(other), String::new(), None));
        assert_eq!(Names::of(&events).who(None), Who::default());
    }

    #[test]
    fn shells_that_were_opened_together_are_told_apart() {
        let tails =
            ["1111-7000-8000-00000000000a", "1112-7000-8000-00000000000a", "1112-7000-8000-00000000000b"];
        let ids = tails.map(|tail| SessionId::parse(&format!("sess_01987f00-{tail}")).unwrap());
        let seen = || SessionSeen { agent: "shell".to_owned(), ..SessionSeen::default() };
        let names = Names::of(&ids.clone().map(|id| event(&id, What::SessionSeen(Box::new(seen())))));
        let all = ids.each_ref().map(|id| names.who(Some(id)));
        assert_eq!(all[0].short(), Some("01987f00-1111"));
        for (at, one) in all.iter().enumerate() {
            let short = one.short().unwrap();
            let named = ids.each_ref().map(|id| id.uuid().starts_with(short));
            assert_eq!(named, [at == 0, at == 1, at == 2], "{short}");
        }
    }
}
