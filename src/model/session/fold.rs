//! Sessions out of their events.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::{Edit, Identity, Outcome, ParentKind, Session, Setting, Shared, Voice, candidates, lineage};
use crate::model::event::{Event, SessionSeen, What};
use crate::model::id::SessionId;
use crate::model::sanitise;
use crate::model::time::Timestamp;

/// An event that is kept so much later was told after the fact.
const LATE_US: i64 = 86_400_000_000;

impl Session {
    fn takes(&mut self, event: &Event) {
        self.events += 1;
        // When we came to read it says nothing of when it was said.
        if let What::TranscriptKept(kept) = &event.what {
            self.kept += kept.records;
            return;
        }
        self.last_progress = self.last_progress.max(event.at);
        self.started = self.started.min(event.at);
        match &event.what {
            What::SessionEdited(edit) => return self.edit(edit, event.at),
            // Nobody can say that it is something that the session did.
            What::Unknown(_) => return,
            What::SessionSeen(seen) => self.seen(seen),
            What::SessionEnded(_) => self.ended = true,
            What::Prompt(prompt) => {
                self.prompts += 1;
                if self.first_prompt.is_none() {
                    let text = sanitise::prompt(&prompt.text.lossy());
                    self.first_prompt = Some(text).filter(|text| !text.is_empty());
                }
            }
            What::CommandFinished(_) => self.commands += 1,
            _ => {}
        }
        if !matches!(event.what, What::SessionEnded(_)) {
            self.ended = false;
        }
        self.swept = false;
        self.last_activity = self.last_activity.max(event.at);
    }

    fn seen(&mut self, seen: &SessionSeen) {
        if self.agent.is_empty() {
            self.agent.clone_from(&seen.agent);
        }
        if !seen.external_id.is_empty() && !self.external_ids.contains(&seen.external_id) {
            self.external_ids.push(seen.external_id.clone());
            let matched = Some(seen.external_id.lossy().into_owned());
            self.identity = Identity { source: "external_id", confidence: "exact", matched };
        }
        first(&mut self.cwd, seen.cwd.as_ref());
        first(&mut self.branch_at_start, seen.branch.as_ref());
        last(&mut self.branch, seen.branch.as_ref());
        last(&mut self.model, seen.model.as_ref());
        last(&mut self.shell, seen.shell.as_ref());
        // A sub-agent's is its own.
        last(&mut self.transcript, seen.transcript.as_ref().filter(|_| seen.subagent.is_none()));
        self.resumed |= seen.source.as_deref() == Some("resume");
        if let Some(parent) = lineage::named(seen) {
            self.descend(Voice::Agent, Some(parent));
        }
    }

    fn edit(&mut self, edit: &Edit, at: Timestamp) {
        match edit {
            Edit::AliasSet { alias } => self.alias = alias.clone().filter(|alias| !alias.is_empty()),
            Edit::SessionLink { tasks, projects } => {
                add(&mut self.tasks, tasks);
                add(&mut self.projects, projects);
            }
            Edit::SessionUnlink { tasks, projects } => {
                self.tasks.retain(|task| !tasks.contains(task));
                self.projects.retain(|project| !projects.contains(project));
            }
            Edit::ParentSet { parent, kind } => {
                let kind = kind.unwrap_or(ParentKind::Manual);
                self.descend(Voice::Person, parent.clone().map(|parent| (parent, kind)));
            }
            Edit::Close { outcome: Outcome::Open, .. } => {
                (self.outcome, self.closed_at, self.closed_reason) = (Outcome::Open, None, None);
            }
            Edit::Close { outcome, closed_reason } => {
                (self.outcome, self.closed_at) = (*outcome, Some(at));
                self.closed_reason.clone_from(closed_reason);
            }
            Edit::Split { external_id } => {
                self.external_ids.retain(|id| id != external_id);
                self.split.push(external_id.clone());
            }
            Edit::LineageFound { of, named: Some(kind), .. } => {
                self.descend(Voice::Agent, Some((of.clone(), *kind)));
            }
            Edit::LineageFound { of, at_message, whole, named: None, .. } => {
                self.shared = Some(Shared { of: of.clone(), at_message: at_message.clone(), whole: *whole });
            }
            Edit::Sweep { .. } => self.swept = true,
        }
    }

    /// What was told long after the fact says nothing of the branch that was checked out then.
    fn is_in(&mut self, setting: &Setting, at: Timestamp) {
        self.worktree = Some(setting.worktree.clone());
        self.worktree_path = Some(setting.worktree_path.clone());
        if setting.at.0.saturating_sub(at.0) > LATE_US {
            return;
        }
        first(&mut self.branch_at_start, setting.branch.as_ref());
        last(&mut self.branch, setting.branch.as_ref());
        first(&mut self.head_at_start, setting.head.as_ref());
        last(&mut self.head, setting.head.as_ref());
    }
}

fn first<T: Clone>(slot: &mut Option<T>, value: Option<&T>) {
    if slot.is_none() {
        *slot = value.cloned();
    }
}

fn last<T: Clone>(slot: &mut Option<T>, value: Option<&T>) {
    if let Some(value) = value {
        *slot = Some(value.clone());
    }
}

pub(super) fn add(all: &mut Vec<String>, more: &[String]) {
    for one in more.iter().filter(|one| !one.is_empty()) {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

/// Sessions in the making.
#[derive(Debug, Default)]
pub struct Fold(BTreeMap<SessionId, Session>);

impl Fold {
    /// Folds what any number of worktrees and clones hold, each event with where it was kept. An event
    /// that several hold counts once, and it does not matter in which order they were gathered.
    pub fn of(mut told: Vec<(Event, Option<Rc<Setting>>)>) -> Self {
        told.sort_by(order);
        let (mut fold, mut known) = (Self::default(), HashSet::new());
        for (event, setting) in told.iter().filter(|(event, _)| known.insert(&event.id)) {
            fold.take(event, setting.as_deref());
        }
        fold
    }

    fn take(&mut self, event: &Event, setting: Option<&Setting>) {
        let Some(id) = &event.session else { return };
        let session = self.0.entry(id.clone()).or_insert_with(|| Session::new(id.clone(), event.at));
        session.takes(event);
        if let Some(setting) = setting {
            session.is_in(setting, event.at);
        }
        if let What::SessionSeen(seen) = &event.what {
            self.subagent(id, seen, event.at);
        }
    }

    /// A sub-agent is a session of its own, below the one that it works for.
    fn subagent(&mut self, of: &SessionId, seen: &SessionSeen, at: Timestamp) {
        let Some(subagent) = &seen.subagent else { return };
        let key = [seen.external_id.as_bytes(), b"\0", subagent.as_bytes()].concat();
        let id = SessionId::of_key(&seen.agent, &key);
        let session = self.0.entry(id.clone()).or_insert_with(|| Session::new(id, at));
        session.seen(&SessionSeen { external_id: subagent.clone(), subagent: None, ..seen.clone() });
        session.descend(Voice::Person, Some((of.clone(), ParentKind::Subagent)));
        session.last_activity = session.last_activity.max(at);
        session.last_progress = session.last_progress.max(at);
    }

    /// Counts a checkpoint that holds events of these sessions.
    pub fn count(&mut self, sessions: &[SessionId]) {
        for id in sessions {
            if let Some(session) = self.0.get_mut(id) {
                session.checkpoints += 1;
            }
        }
    }

    /// The sessions, the one that did something last first.
    pub fn finish(mut self) -> Vec<Session> {
        lineage::settle(&mut self.0);
        let mut all: Vec<Session> = self.0.into_values().collect();
        candidates::propose(&mut all);
        all.sort_by(|a, b| b.last_activity.cmp(&a.last_activity).then_with(|| a.id.cmp(&b.id)));
        all
    }
}

/// By the clock; what one call tells at once in the order in which it is told; what is left by id. Of
/// one event that was kept twice the earlier comes first, and what waits is behind what is kept.
fn order((a, kept_a): &(Event, Option<Rc<Setting>>), (b, kept_b): &(Event, Option<Rc<Setting>>)) -> Ordering {
    let rank = |event: &Event| match event.what {
        What::SessionSeen(_) => 0,
        What::SessionEnded(_) => 2,
        _ => 1,
    };
    let kept = |setting: &Option<Rc<Setting>>| {
        let place = setting.as_ref().map(|kept| (kept.at, kept.worktree.as_str().to_owned()));
        (place.is_none(), place)
    };
    (a.at, rank(a), &a.id).cmp(&(b.at, rank(b), &b.id)).then_with(|| kept(kept_a).cmp(&kept(kept_b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Note, Prompt};
    use crate::model::id::EventId;
    use crate::model::session::{Activity, Thresholds};
    use crate::model::text::Text;

    const DAY: i64 = 86_400_000_000;

    fn id(n: u8) -> SessionId {
        SessionId::of_key("claude", &[n])
    }

    fn event(session: u8, at: i64, what: What) -> Event {
        Event {
            id: EventId::of_call(&[&[session], &at.to_be_bytes()]),
            at: Timestamp(at),
            session: Some(id(session)),
            seq: None,
            what,
        }
    }

    fn seen(n: u8, cwd: &str) -> What {
        What::SessionSeen(Box::new(SessionSeen {
            agent: "claude".into(),
            external_id: Text(vec![b'a' + n]),
            cwd: Some(cwd.into()),
            ..SessionSeen::default()
        }))
    }

    fn prompt(text: &str) -> What {
        What::Prompt(Prompt { text: text.into(), model: None })
    }

    fn folded(events: &[Event]) -> Vec<Session> {
        Fold::of(events.iter().map(|event| (event.clone(), None)).collect()).finish()
    }

    #[test]
    fn closing_and_reopening_leaves_nothing_behind() {
        let close = |outcome| What::SessionEdited(Edit::Close { outcome, closed_reason: Some("why".into()) });
        let events = [event(1, 10, seen(1, "/w")), event(1, 20, close(Outcome::Blocked))];
        let closed = &folded(&events)[0];
        assert_eq!((closed.outcome, closed.closed_at), (Outcome::Blocked, Some(Timestamp(20))));
        assert_eq!((closed.last_activity, closed.last_progress), (Timestamp(10), Timestamp(20)));
        let reopened = [&events[..], &[event(1, 30, close(Outcome::Open))]].concat();
        let open = &folded(&reopened)[0];
        assert_eq!((open.outcome, open.closed_at, &open.closed_reason), (Outcome::Open, None, &None));
    }

    #[test]
    fn what_was_archived_is_active_again_when_it_does_something() {
        let old = event(1, 1, seen(1, "/w"));
        let state = |events: &[Event], days: i64| {
            folded(events)[0].activity(Timestamp(1 + days * DAY), Thresholds::default())
        };
        let cases =
            [(0, Activity::Active), (13, Activity::Active), (14, Activity::Idle), (30, Activity::Archived)];
        for (days, expected) in cases {
            assert_eq!(state(std::slice::from_ref(&old), days), expected, "after {days} days");
        }
        let again = [old, event(1, 40 * DAY, prompt("go on"))];
        assert_eq!(state(&again, 41), Activity::Active);
    }

    #[test]
    fn the_same_words_make_a_candidate_and_never_the_same_session() {
        let events = [
            event(1, 1000, seen(1, "/w")),
            event(1, 1001, prompt("continue")),
            event(2, 2000, seen(2, "/w")),
            event(2, 2001, prompt("<system-reminder>x</system-reminder>continue")),
            event(3, 100 * DAY, seen(3, "/w")),
            event(3, 100 * DAY + 1, prompt("continue")),
        ];
        let all = folded(&events);
        assert_eq!(all.len(), 3);
        let second = all.iter().find(|one| one.id == id(2)).unwrap();
        assert_eq!(second.candidates.len(), 1);
        assert_eq!((&second.candidates[0].id, second.candidates[0].confidence), (&id(1), "weak"));
        assert_eq!(second.candidates[0].strong, 1);
        assert!(all.iter().find(|one| one.id == id(3)).unwrap().candidates.is_empty(), "too long ago");
    }

    #[test]
    fn links_are_sets_and_an_edit_is_no_activity() {
        let link = |tasks: &[&str]| Edit::SessionLink {
            tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
            projects: Vec::new(),
        };
        let unlink = Edit::SessionUnlink { tasks: vec!["a".into()], projects: Vec::new() };
        let edits = [link(&["a", "b", ""]), link(&["b", "c"]), unlink];
        let mut events = vec![event(1, 1, What::SessionEnded(Note::default()))];
        events.extend(edits.into_iter().zip(2..).map(|(edit, at)| event(1, at, What::SessionEdited(edit))));
        let session = &folded(&events)[0];
        assert_eq!(session.tasks, ["b", "c"]);
        assert_eq!(session.last_activity, Timestamp(1));
        assert!(session.ended);
    }

    #[test]
    fn the_order_in_which_events_are_gathered_changes_nothing() {
        let edit = |alias: &str| What::SessionEdited(Edit::AliasSet { alias: Some(alias.to_owned()) });
        let mut events: Vec<Event> = [
            (1, seen(1, "/a")),
            (1, prompt("one")),
            (5, edit("first")),
            (5, edit("second")),
            (5, seen(1, "/b")),
            (9, prompt("two")),
            (9, What::SessionEnded(Note::default())),
            (9, seen(1, "/a")),
        ]
        .into_iter()
        .zip(0_u8..)
        .map(|((at, what), n)| Event { id: EventId::of_call(&[&[n]]), ..event(1, at, what) })
        .collect();
        let one = folded(&events);
        assert!(one[0].ended, "its end is the last that is told");
        assert_eq!((one[0].prompts, one[0].events), (2, 8));
        for _ in 0..events.len() {
            events.rotate_left(1);
            let twice = [&events[..], &events[..3]].concat();
            for mut all in [events.clone(), twice] {
                assert_eq!(format!("{:?}", folded(&all)), format!("{one:?}"));
                all.reverse();
                assert_eq!(format!("{:?}", folded(&all)), format!("{one:?}"));
            }
        }
    }
}
