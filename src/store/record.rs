//! Acknowledges events: one write to the session's journal, redacted before it.
//!
//! On the prompt path. Opens no repository, reads no configuration, waits for no lock.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::home::Home;
use crate::disk::backoff::random;
use crate::disk::file::Durability;
use crate::disk::journal::{self, Stem};
use crate::model::digest;
use crate::model::event::{Event, Note, What};
use crate::model::id::EventId;
use crate::model::redact;
use crate::model::time::Timestamp;
use crate::wire::{event, frame};

/// The journal of an agent's session: its key is foreign text, so it is hashed.
pub fn stem(agent: &str, external: &[u8]) -> Stem {
    let name = format!("a-{}", digest::name(&[agent.as_bytes(), external]));
    Stem::parse(&name).unwrap_or_else(|| unreachable!("hex and a dash are a stem"))
}

/// Records the events in the journal `stem` of the directory `dir`, all in one write.
///
/// What introduces a session is left out where its journal is there already: it was said.
pub fn record(dir: &Path, stem: &Stem, events: &[Event], durability: Durability) -> Result<PathBuf> {
    let known = dir.join(stem.file(0)).exists();
    let mut frames = Vec::new();
    for event in events {
        let introduces = matches!(event.what, What::SessionSeen(_));
        if !(known && introduces && events.len() > 1) {
            frames.extend(frame::encode(redact::json_line(&event::encode(event)).get()));
        }
    }
    journal::append(dir, stem, &frames, durability).context("record the event")
}

/// Records that somebody asks for a checkpoint, and what for.
pub fn ask(home: &Home, words: &str, now: Timestamp) -> Result<()> {
    let id = EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random());
    let note = Note { text: words.into(), name: None };
    let event = Event { id, at: now, session: None, seq: None, what: What::CheckpointAsked(note) };
    record(&home.journal(), &stem("ask", b""), &[event], Durability::Synced).map(drop)
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
