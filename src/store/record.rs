//! Acknowledges events: one write to the session's journal, redacted before it.
//!
//! On the prompt path. Opens no repository, reads no configuration, waits for no lock.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::disk::file::Durability;
use crate::disk::journal::{self, Stem};
use crate::model::digest;
use crate::model::event::{Event, What};
use crate::model::redact;
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

/// How durable an event must be to be acknowledged: prompts and turn ends are what people remember.
pub fn durability(events: &[Event]) -> Durability {
    let weighty = |event: &Event| {
        matches!(
            event.what,
            What::Prompt(_) | What::TurnEnded(_) | What::TurnFailed(_) | What::CheckpointAsked(_) | What::SessionEnded(_)
        )
    };
    match events.iter().any(weighty) {
        true => Durability::Synced,
        false => Durability::Buffered,
    }
}
