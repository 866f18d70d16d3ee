//! Acknowledges events: one write to the session's journal, redacted before it.
//!
//! On the prompt path. Opens no repository, reads no configuration, waits for no lock.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::home::Home;
use crate::disk::backoff::random;
use crate::disk::file::Durability;
use crate::disk::journal::{self, Stem};
use crate::model::both::each;
use crate::model::digest;
use crate::model::event::{Event, Looked, Note, What};
use crate::model::id::{EventId, SessionId};
use crate::model::oid::Oid;
use crate::model::redact;
use crate::model::session::Edit;
use crate::model::time::Timestamp;
use crate::model::trail::said::Said;
use crate::wire::{event, fit, frame};

/// To write so many lines is work for two; a hook has one or a few.
const MANY: usize = 128;

/// The journal of an agent's session: its key is foreign text, so it is hashed.
pub fn stem(agent: &str, external: &[u8]) -> Stem {
    let name = format!("a-{}", digest::name(&[agent.as_bytes(), external]));
    Stem::parse(&name).unwrap_or_else(|| unreachable!("hex and a dash are a stem"))
}

/// Records the events in the journal `stem` of the directory `dir`, all in one write.
///
/// What introduces a session is left out where its journal says the same already, but not at a prompt: a
/// leader that has lost sight of the session's transcript finds it again by that.
pub fn record(dir: &Path, stem: &Stem, events: &[Event], durability: Durability) -> Result<PathBuf> {
    let asks = events.iter().any(|event| matches!(event.what, What::Prompt(_)));
    let introduces = |event: &&Event| matches!(event.what, What::SessionSeen(_)) && events.len() > 1 && !asks;
    let is_new = |event: &&Event| !(introduces(event) && is_told(dir, stem, &event.id));
    let new: Vec<&Event> = events.iter().filter(is_new).collect();
    let mut frames = Vec::new();
    for line in each(&new, MANY, |event| line(event)) {
        frames.extend(frame::encode(&line?));
    }
    journal::append(dir, stem, &frames, durability).context("record the event")
}

/// One that is told twice is kept once, so to look at the ends of a long journal is enough.
fn is_told(dir: &Path, stem: &Stem, id: &EventId) -> bool {
    journal::mentions(dir, stem, format!("\"id\":\"{id}\"").as_bytes())
}

/// The event as a line without secrets that fits into a frame. What is cut is cut after the
/// redaction: half a secret is no longer known for one.
fn line(event: &Event) -> Result<Vec<u8>> {
    let clean = redact::json_line(&event::encode(event)).into_inner();
    let cut = fit::fit(&clean).context("make the event fit into a frame")?;
    let line = cut.map_or(clean, |cut| redact::json_line(&cut).into_inner());
    ensure!(line.len() <= frame::CAP, "an event of {} bytes fits into no frame", line.len());
    Ok(line)
}

/// Records that somebody asks for a checkpoint, and what for.
pub fn ask(home: &Home, words: &str, now: Timestamp) -> Result<()> {
    let id = EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random());
    let note = Note { text: words.into(), name: None };
    let event = Event { id, at: now, session: None, seq: None, what: What::CheckpointAsked(note) };
    record(&home.journal(), &stem("ask", b""), &[event], Durability::Synced).map(drop)
}

/// The event that tells of an edit of a session.
pub fn edit_of(session: &SessionId, edit: Edit, now: Timestamp) -> Event {
    let id = EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random());
    Event { id, at: now, session: Some(session.clone()), seq: None, what: What::SessionEdited(edit) }
}

/// Records edits of sessions, durably.
pub fn edits(home: &Home, edits: &[Event]) -> Result<()> {
    record(&home.journal(), &stem("edit", b""), edits, Durability::Synced).map(drop)
}

/// The journal of what is said of trails: whoever lists them need read no other.
pub fn trails_stem() -> Stem {
    stem("trail", b"")
}

/// The event that tells what was said of a trail.
pub fn said_of(said: Said, now: Timestamp) -> Event {
    let id = EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random());
    Event { id, at: now, session: None, seq: None, what: What::TrailEdited(Box::new(said)) }
}

/// Records what was said of trails, durably.
pub fn said(home: &Home, events: &[Event]) -> Result<()> {
    record(&home.journal(), &trails_stem(), events, Durability::Synced).map(drop)
}

/// Records that a guard looked at every file and found them as in the checkpoint `tip`.
pub fn looked(home: &Home, tip: Oid, now: Timestamp) -> Result<()> {
    let id = EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random());
    let event = Event { id, at: now, session: None, seq: None, what: What::Looked(Looked { tip }) };
    record(&home.journal(), &stem("guard", b""), &[event], Durability::Buffered).map(drop)
}

/// How durable an event must be to be acknowledged: prompts and turn ends are what people remember.
pub fn durability(events: &[Event]) -> Durability {
    let weighty = |event: &Event| {
        matches!(
            event.what,
            What::Prompt(_)
                | What::TurnEnded(_)
                | What::TurnFailed(_)
                | What::CheckpointAsked(_)
                | What::SessionEnded(_)
        )
    };
    match events.iter().any(weighty) {
        true => Durability::Synced,
        false => Durability::Buffered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::SessionSeen;

    fn told(dir: &Path) -> Vec<Event> {
        let mut found = journal::list(dir).map(|listing| listing.found).unwrap();
        let bytes: Vec<u8> =
            found.iter_mut().flat_map(|found| found.read_from(0, u64::MAX >> 1).unwrap()).collect();
        let pieces = frame::split(&bytes).pieces.into_iter();
        pieces
            .map(|piece| match piece {
                frame::Piece::Whole(payload) => event::decode(payload).unwrap(),
                frame::Piece::Torn(torn) => panic!("{} bytes are torn", torn.len()),
            })
            .collect()
    }

    fn event(id: &str, what: What) -> Event {
        Event { id: EventId::parse(id).unwrap(), at: Timestamp(1), session: None, seq: None, what }
    }

    fn temporary(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("trace-record-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn a_session_that_tells_more_of_itself_is_heard_and_repeats_nothing() {
        let dir = temporary("seen");
        let seen = |id: &str| event(id, What::SessionSeen(Box::<SessionSeen>::default()));
        let note = |id: &str| event(id, What::TurnEnded(Note::default()));
        let agent = stem("a", b"s");
        for events in [
            [seen("plain"), note("n1")],
            [seen("plain"), note("n2")],
            [seen("with-model"), note("n3")],
            [seen("plain"), note("n4")],
            [seen("with-model"), note("n5")],
        ] {
            record(&dir, &agent, &events, Durability::Buffered).unwrap();
        }
        let ids: Vec<String> = told(&dir).iter().map(|event| event.id.to_string()).collect();
        assert_eq!(ids, ["plain", "n1", "n2", "with-model", "n3", "n4", "n5"]);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn an_event_that_no_frame_could_hold_is_cut_and_not_lost() {
        let dir = temporary("long");
        let note = Note { text: "\u{1}".repeat(3 << 20).into(), name: None };
        record(&dir, &stem("a", b"s"), &[event("n", What::TurnEnded(note))], Durability::Buffered).unwrap();
        let [kept] = &told(&dir)[..] else { panic!("one event") };
        let What::TurnEnded(kept) = &kept.what else { panic!("{:?}", kept.id) };
        assert!(kept.text.lossy().ends_with(" bytes cut]"));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
