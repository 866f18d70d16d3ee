//! What people say of a trail: a title, a status, labels, who is to do it, notes.
//!
//! Every edit is an event, so it is kept and merged like any other. The document follows from the set
//! of edits, in the order of their times and ids; so it is the same wherever they came together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Status;
use crate::model::event::{Event, What};
use crate::model::id::EventId;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// Something that was said of the trail of a branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Said {
    pub branch: Text,
    /// The name of who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(flatten)]
    pub edit: Edit,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Edit {
    /// What it is called; none: as its first words say.
    TitleSet {
        title: Option<Text>,
    },
    /// How far it has come; none: as the branch says.
    StatusSet {
        status: Option<Status>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Text>,
    },
    /// Who is to do it; none: nobody.
    AssigneeSet {
        assignee: Option<String>,
    },
    LabelsAdded {
        labels: Vec<String>,
    },
    LabelsRemoved {
        labels: Vec<String>,
    },
    NoteAdded {
        note: Text,
    },
}

/// A note on a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub at: Timestamp,
    pub by: Option<String>,
    pub text: Text,
}

/// All that was said of one trail, as it holds now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub title: Option<Text>,
    pub status: Option<Status>,
    /// Why it has this status.
    pub reason: Option<Text>,
    pub assignee: Option<String>,
    pub labels: BTreeSet<String>,
    /// Oldest first.
    pub notes: Vec<Remark>,
    /// When the first and the last thing was said, and who said the first.
    pub span: Option<(Timestamp, Timestamp)>,
    pub by: Option<String>,
}

impl Document {
    fn take(&mut self, at: Timestamp, said: &Said) {
        match self.span {
            Some((first, _)) => self.span = Some((first, at)),
            None => (self.span, self.by) = (Some((at, at)), said.by.clone()),
        }
        match said.edit.clone() {
            Edit::TitleSet { title } => self.title = title,
            Edit::StatusSet { status, reason } => (self.status, self.reason) = (status, reason),
            Edit::AssigneeSet { assignee } => self.assignee = assignee,
            Edit::LabelsAdded { labels } => self.labels.extend(labels),
            Edit::LabelsRemoved { labels } => self.labels.retain(|label| !labels.contains(label)),
            Edit::NoteAdded { note } => {
                self.notes.push(Remark { at, by: said.by.clone(), text: note });
            }
        }
    }
}

/// Edits of trails, each once, in the order in which they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(BTreeSet<(Timestamp, EventId, Said)>);

impl Edits {
    /// Takes an event that is an edit, and no other.
    pub fn take(&mut self, event: Event) {
        if let What::TrailEdited(said) = event.what {
            self.0.insert((event.at, event.id, *said));
        }
    }

    /// Takes all that others know.
    pub fn merge(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The edits as events, in their order.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.0.iter().cloned().map(|(at, id, said)| Event {
            id,
            at,
            session: None,
            seq: None,
            what: What::TrailEdited(Box::new(said)),
        })
    }

    /// What holds now, by branch.
    pub fn documents(&self) -> BTreeMap<Text, Document> {
        let mut all: BTreeMap<Text, Document> = BTreeMap::new();
        for (at, _, said) in &self.0 {
            all.entry(said.branch.clone()).or_default().take(*at, said);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(at: i64, id: u8, branch: &str, edit: Edit) -> Event {
        let said = Said { branch: branch.into(), by: Some("Ada".to_owned()), edit };
        let what = What::TrailEdited(Box::new(said));
        Event { id: EventId::of_call(&[&[id]]), at: Timestamp(at), session: None, seq: None, what }
    }

    fn of(events: impl IntoIterator<Item = Event>) -> Edits {
        let mut edits = Edits::default();
        events.into_iter().for_each(|event| edits.take(event));
        edits
    }

    fn labels(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_last_word_counts_whenever_it_is_heard() {
        let closed = Edit::StatusSet { status: Some(Status::Closed), reason: Some("given up".into()) };
        let told = of([
            event(6, 6, "b", Edit::LabelsRemoved { labels: labels(&["slow"]) }),
            event(5, 5, "b", Edit::StatusSet { status: Some(Status::Open), reason: None }),
            event(1, 1, "b", Edit::TitleSet { title: Some("first".into()) }),
            event(4, 4, "b", closed),
            event(3, 3, "b", Edit::LabelsAdded { labels: labels(&["slow", "parser"]) }),
            event(2, 2, "b", Edit::TitleSet { title: Some("second".into()) }),
            event(7, 7, "b", Edit::NoteAdded { note: "ask Bob".into() }),
            event(9, 9, "other", Edit::AssigneeSet { assignee: Some("Bob".to_owned()) }),
        ]);
        let documents = told.documents();
        let b = &documents[&"b".into()];
        assert_eq!((b.title.clone(), b.status), (Some("second".into()), Some(Status::Open)));
        assert_eq!((b.reason.clone(), b.assignee.clone()), (None, None));
        assert_eq!(b.labels, labels(&["parser"]).into_iter().collect());
        assert_eq!(b.notes[0].text, "ask Bob".into());
        assert_eq!(b.span, Some((Timestamp(1), Timestamp(7))));
        assert_eq!(documents[&"other".into()].assignee.as_deref(), Some("Bob"));
        let cleared = event(8, 8, "b", Edit::TitleSet { title: None });
        assert_eq!(of(told.events().chain([cleared])).documents()[&"b".into()].title, None);
    }

    fn edits() -> impl Strategy<Value = Edit> {
        let word = || "[abc]";
        let some = || proptest::collection::vec(word(), 0..3);
        let status = proptest::option::of(proptest::sample::select(Status::ALL.to_vec()));
        prop_oneof![
            proptest::option::of(word()).prop_map(|title| Edit::TitleSet { title: title.map(Text::from) }),
            status.prop_map(|status| Edit::StatusSet { status, reason: None }),
            proptest::option::of(word()).prop_map(|assignee| Edit::AssigneeSet { assignee }),
            some().prop_map(|labels| Edit::LabelsAdded { labels }),
            some().prop_map(|labels| Edit::LabelsRemoved { labels }),
            word().prop_map(|note| Edit::NoteAdded { note: note.into() }),
        ]
    }

    /// Few times and ids, so that many events share them.
    fn events() -> impl Strategy<Value = Vec<Event>> {
        let one = (0..4_i64, 0..6_u8, "[xy]", edits());
        let event = one.prop_map(|(at, id, branch, edit)| event(at, id, &branch, edit));
        proptest::collection::vec(event, 0..12)
    }

    proptest! {
        /// Two clones that met, in whatever order, with whatever both knew before, agree.
        #[test]
        fn two_clones_that_heard_the_same_edits_tell_the_same_documents(
            (all, shuffled) in events().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            to_first in proptest::collection::vec(0..3_u8, 12),
        ) {
            let whole = of(all.clone());
            let side = |wanted: u8| {
                let heard = shuffled.iter().zip(&to_first);
                of(heard.filter(|(_, to)| **to == wanted || **to == 2).map(|(event, _)| event.clone()))
            };
            let (mut first, mut second) = (side(0), side(1));
            first.merge(side(1));
            second.merge(side(0));
            prop_assert_eq!(first.documents(), second.documents());
            prop_assert_eq!(first.documents(), whole.documents());
            prop_assert_eq!(of(first.events()), whole);
        }
    }
}
