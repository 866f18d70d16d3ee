//! What was said in a session: in the agent's own transcript as long as there is one, and in what the
//! checkpoints kept of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::disk::transcript;
use crate::git::store::Store;
use crate::model::agent::Agent;
use crate::model::session::Session;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::store::{tip, transcripts as kept};
use crate::wire::transcripts::keep::{Known, together};
use crate::wire::transcripts::{self, droid_settings, split::split, summary::Summary};

/// A longer transcript is not read for a summary, bytes.
const LONGEST: u64 = 256 << 20;

/// A transcript as the checkpoints have it: redacted, without what the agent said twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub agent: String,
    /// Where the agent had it.
    pub path: Text,
    /// A record a line.
    pub lines: Vec<u8>,
}

impl Saved {
    /// How many records it has.
    pub fn records(&self) -> usize {
        self.lines.iter().filter(|byte| **byte == b'\n').count()
    }
}

/// The transcripts of a session that checkpoints of any worktree hold, that of the session itself
/// before those of its sub-agents.
///
/// # Errors
/// A piece of one of them is damaged.
pub fn saved(home: &Home, store: &Store, session: &Session) -> Result<Vec<Saved>> {
    let mut all: Vec<Saved> = Vec::new();
    for home in home.worktrees()? {
        for one in saved_in(&home, store, session)? {
            match all.iter_mut().find(|known| known.path == one.path) {
                Some(known) => {
                    let mut met = Known::default();
                    met.add(&known.lines);
                    known.lines.extend(met.unmet(&one.lines));
                }
                None => all.push(one),
            }
        }
    }
    all.sort_by_key(|one| session.transcript.as_ref() != Some(&one.path));
    Ok(all)
}

fn saved_in(home: &Home, store: &Store, session: &Session) -> Result<Vec<Saved>> {
    let mut found: Vec<(String, Text, Vec<Vec<u8>>)> = Vec::new();
    let of_it = |held: &kept::Held| held.session == session.id || session.also.contains(&held.session);
    for held in kept::pieces(home, store, tip::intact(home)?)?.into_iter().filter(of_it) {
        let lines = kept::piece(store, &held)?;
        let mark = held.kept.mark;
        match found.iter_mut().find(|(_, path, _)| *path == mark.path) {
            Some((_, _, pieces)) => pieces.push(lines),
            None => found.push((mark.agent, mark.path, vec![lines])),
        }
    }
    let whole = |(agent, path, pieces): (String, Text, Vec<Vec<u8>>)| {
        let lines = together(Agent::parse(&agent), pieces.iter().map(Vec::as_slice));
        Saved { agent, path, lines }
    };
    Ok(found.into_iter().map(whole).collect())
}

/// What the transcript of a session comes to, and whether only what was kept of it is left; `None` if
/// no agent that we know has told of one.
///
/// # Errors
/// It is gone, too long, or not a plain file of the user's own, and no checkpoint has any of it.
pub fn of(home: &Home, store: &Store, session: &Session) -> Result<Option<(Summary, Source)>> {
    let (Some(agent), Some(path)) = (Agent::parse(&session.agent), &session.transcript) else {
        return Ok(None);
    };
    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
    let (bytes, source) = match transcript::read(path, LONGEST) {
        Ok(bytes) => (bytes, Source::Agent),
        Err(error) => {
            let saved = saved(home, store, session)?.into_iter().next();
            let gone = || format!("read the transcript {}", path.display());
            (saved.ok_or(error).with_context(gone)?.lines, Source::Kept)
        }
    };
    let mut records: Vec<_> =
        split(agent, &bytes).flat_map(|line| transcripts::read(agent, line.bytes)).collect();
    // Droid counts beside its transcript; without that file the tokens are not known.
    if agent == Agent::Droid
        && let Ok(settings) = transcript::read(&path.with_extension("settings.json"), LONGEST)
    {
        records.push(droid_settings(&settings));
    }
    Ok(Some((Summary::of(agent, &records), source)))
}

/// Where a conversation was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The agent's own transcript.
    Agent,
    /// What the checkpoints have of it: the agent's own is gone.
    Kept,
}
