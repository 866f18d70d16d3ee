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
use crate::store::tip;
use crate::store::transcripts::{self as kept, Held};
use crate::wire::transcripts::keep::{Known, Together};
use crate::wire::transcripts::{self, droid_settings, split::split, summary::Summary};

/// A longer transcript is not read for a summary, bytes.
const LONGEST: u64 = 256 << 20;

/// A transcript as the checkpoints have it: redacted, without what the agent said twice.
pub struct Saved<'s> {
    store: &'s Store,
    pub agent: String,
    /// Where the agent had it.
    pub path: Text,
    /// Its pieces in order, each with which worktree holds it.
    pieces: Vec<(usize, Held)>,
}

impl Saved<'_> {
    /// Its lines, a record a line, a stretch of them at a time: it may be longer than memory.
    ///
    /// # Errors
    /// A piece of it is damaged.
    pub fn stretches(&self) -> impl Iterator<Item = Result<Vec<u8>>> {
        let mut reading = Reading::new(Agent::parse(&self.agent));
        self.pieces.iter().map(move |(worktree, held)| {
            reading.enter(*worktree);
            // What a store has read stays mapped: each piece has one of its own.
            let store = Store::open(self.store.dir())?;
            let lines = kept::piece(&store, held);
            store.close();
            lines.map(|lines| reading.take(&lines))
        })
    }

    /// All of it.
    ///
    /// # Errors
    /// A piece of it is damaged.
    pub fn whole(&self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        self.stretches().try_for_each(|lines| lines.map(|lines| all.extend(lines)))?;
        Ok(all)
    }

    /// How many records it has.
    ///
    /// # Errors
    /// A piece of it is damaged.
    pub fn records(&self) -> Result<usize> {
        self.stretches().map(|lines| Ok(lines?.iter().filter(|byte| **byte == b'\n').count())).sum()
    }
}

/// What was read so far of the pieces of a transcript.
struct Reading {
    agent: Option<Agent>,
    worktree: usize,
    together: Together,
    /// What is told, with how often.
    told: Known,
    /// What other worktrees told of it, and this one did not come to yet.
    theirs: Known,
}

impl Reading {
    fn new(agent: Option<Agent>) -> Self {
        let (told, theirs) = (Known::default(), Known::default());
        Self { agent, worktree: 0, together: Together::new(agent), told, theirs }
    }

    fn enter(&mut self, worktree: usize) {
        if worktree != self.worktree {
            self.worktree = worktree;
            self.together = Together::new(self.agent);
            self.theirs = self.told.clone();
        }
    }

    fn take(&mut self, lines: &[u8]) -> Vec<u8> {
        let lines = self.theirs.unmet(&self.together.fresh(lines));
        self.told.add(&lines);
        lines
    }
}

/// The transcripts of a session that checkpoints of any worktree hold, that of the session itself
/// before those of its sub-agents.
///
/// # Errors
/// A chain is damaged.
pub fn saved<'s>(home: &Home, store: &'s Store, session: &Session) -> Result<Vec<Saved<'s>>> {
    let mut all: Vec<Saved<'s>> = Vec::new();
    let of_it = |held: &Held| held.session == session.id || session.also.contains(&held.session);
    for (worktree, home) in home.worktrees()?.iter().enumerate() {
        for held in kept::pieces(home, store, tip::intact(home)?)?.into_iter().filter(of_it) {
            let mark = &held.kept.mark;
            match all.iter_mut().find(|one| one.path == mark.path) {
                Some(one) => one.pieces.push((worktree, held)),
                None => {
                    let (agent, path) = (mark.agent.clone(), mark.path.clone());
                    all.push(Saved { store, agent, path, pieces: vec![(worktree, held)] });
                }
            }
        }
    }
    all.sort_by_key(|one| session.transcript.as_ref() != Some(&one.path));
    Ok(all)
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
            (saved.ok_or(error).with_context(gone)?.whole()?, Source::Kept)
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
