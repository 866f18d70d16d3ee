//! The turns of every session: from a prompt to the agent's answer.
//!
//! Pure: derived from the record each time, since an answer may be told long after the checkpoint
//! that holds its prompt. Tools and commands within a turn are not looked at.

use std::collections::{HashMap, HashSet};

use super::commands::Record;
use crate::model::event::{Event, What};
use crate::model::id::SessionId;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub session: SessionId,
    /// Its place among the prompts of its session, from 1.
    pub n: u64,
    pub prompt: Text,
    pub started: Timestamp,
    /// `None` as long as nothing was heard after the prompt.
    pub ended: Option<Timestamp>,
    pub end: End,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Answered,
    Failed,
    /// The next prompt, or the end of the session, came instead of an answer.
    Interrupted,
    /// Not yet.
    Open,
}

impl Turn {
    /// The selector that names it.
    pub fn name(&self) -> String {
        format!("turn:{}.{}", self.session.uuid(), self.n)
    }

    /// True if the event is its prompt or its answer.
    pub fn is_marked_by(&self, event: &Event) -> bool {
        let at = match event.what {
            What::Prompt(_) => Some(self.started),
            What::TurnEnded(_) | What::TurnFailed(_) => self.ended,
            _ => None,
        };
        event.session.as_ref() == Some(&self.session) && at == Some(event.at)
    }
}

/// The turns of a record, in the order in which their prompts were told.
pub fn of(record: &Record) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut newest: HashMap<&SessionId, usize> = HashMap::new();
    // What waits in a journal may be told twice, or be in a checkpoint already.
    let mut told = HashSet::new();
    for event in &record.others {
        let Some(session) = &event.session else { continue };
        if !told.insert(&event.id) {
            continue;
        }
        let before = newest.get(session).copied();
        if let Some(turn) = before.map(|at| &mut turns[at]) {
            turn.hear(event);
        }
        if let What::Prompt(prompt) = &event.what {
            newest.insert(session, turns.len());
            turns.push(Turn {
                session: session.clone(),
                n: before.map_or(1, |at| turns[at].n + 1),
                prompt: prompt.text.clone(),
                started: event.at,
                ended: None,
                end: End::Open,
            });
        }
    }
    turns
}

/// The `n`-th turn of a session, or its last.
pub fn find<'a>(turns: &'a [Turn], session: &SessionId, n: Option<u64>) -> Option<&'a Turn> {
    let mut own = turns.iter().filter(|turn| turn.session == *session);
    match n {
        Some(n) => own.find(|turn| turn.n == n),
        None => own.next_back(),
    }
}

impl Turn {
    /// Takes what was told in its session after its prompt. An agent that was sent back to work
    /// answers again: the last answer counts.
    fn hear(&mut self, event: &Event) {
        let end = match (&event.what, self.end) {
            (What::TurnEnded(_), _) => End::Answered,
            (What::TurnFailed(_), _) => End::Failed,
            (What::Prompt(_) | What::SessionEnded(_), End::Open) => End::Interrupted,
            _ => return,
        };
        (self.end, self.ended) = (end, Some(event.at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Note, Prompt};
    use crate::model::id::EventId;

    /// Events as `a?10`: session `a`, a prompt (`?`), an answer (`.`), a failure (`!`), the end of the
    /// session (`x`) or anything else (`-`), and when.
    fn record(events: &[&str]) -> Record {
        let mut record = Record::default();
        record.others = events.iter().map(|text| event(text)).collect();
        record
    }

    fn event(text: &str) -> Event {
        let note = Note::default();
        let what = match &text[1..2] {
            "?" => What::Prompt(Prompt { text: text.into(), model: None }),
            "." => What::TurnEnded(note),
            "!" => What::TurnFailed(note),
            "x" => What::SessionEnded(note),
            _ => What::ToolBatch(note),
        };
        Event {
            id: EventId::of_call(&[text.as_bytes()]),
            at: Timestamp(text[2..].parse().unwrap()),
            session: Some(session(&text[..1])),
            seq: None,
            what,
        }
    }

    fn session(name: &str) -> SessionId {
        SessionId::of_key("tester", name.as_bytes())
    }

    /// `a1 10-20 Answered`.
    fn told(events: &[&str]) -> Vec<String> {
        let name = |id: &SessionId| ["a", "b"].into_iter().find(|name| session(name) == *id).unwrap();
        let line = |turn: Turn| {
            let ended = turn.ended.map(|at| at.0.to_string()).unwrap_or_default();
            format!("{}{} {}-{ended} {:?}", name(&turn.session), turn.n, turn.started.0, turn.end)
        };
        of(&record(events)).into_iter().map(line).collect()
    }

    #[test]
    fn a_turn_goes_from_a_prompt_to_what_ends_it() {
        let cases: [(&[&str], &[&str]); 9] = [
            (&[], &[]),
            (&["a.5", "a-6", "ax7"], &[]),
            (&["a?10"], &["a1 10- Open"]),
            (&["a?10", "a-15", "a.20"], &["a1 10-20 Answered"]),
            (&["a?10", "a!20", "a?30", "a.40"], &["a1 10-20 Failed", "a2 30-40 Answered"]),
            // The next prompt ends what nobody answered; so does the end of the session.
            (&["a?10", "a?30", "ax40"], &["a1 10-30 Interrupted", "a2 30-40 Interrupted"]),
            // Sent back to work; then its session is closed.
            (&["a?10", "a.20", "a.25", "ax40"], &["a1 10-25 Answered"]),
            // The same prompt, delivered twice.
            (&["a?10", "a?10", "a.20"], &["a1 10-20 Answered"]),
            // Two agents at once.
            (
                &["a?10", "b?11", "b.12", "a.13", "b?14", "a?15", "b!16"],
                &["a1 10-13 Answered", "b1 11-12 Answered", "b2 14-16 Failed", "a2 15- Open"],
            ),
        ];
        for (events, turns) in cases {
            assert_eq!(told(events), turns, "{events:?}");
        }
    }

    #[test]
    fn a_turn_is_found_by_its_number_or_as_the_last() {
        let turns = of(&record(&["a?10", "b?11", "a?12", "b.13"]));
        let found = |name: &str, n| find(&turns, &session(name), n).map(|turn| turn.started.0);
        assert_eq!(found("a", Some(1)), Some(10));
        assert_eq!(found("a", None), Some(12));
        assert_eq!(found("b", None), Some(11));
        assert_eq!((found("a", Some(3)), found("c", None)), (None, None));
        assert_eq!(turns[2].name(), format!("turn:{}.2", session("a").uuid()));
        let marked =
            |text: &str| turns.iter().map(|turn| turn.is_marked_by(&event(text))).collect::<Vec<_>>();
        assert_eq!(marked("a?12"), [false, false, true]);
        assert_eq!(marked("b.13"), [false, true, false]);
        assert_eq!(marked("b-11"), [false, false, false]);
    }
}
