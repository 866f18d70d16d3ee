//! How to go on with a session: where, and by which command.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::conversation::{self, Saved};
use super::select::NotFound;
use crate::disk::transcript::Transcript;
use crate::git::store::Store;
use crate::model::agent::Agent;
use crate::model::session::Session;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::wire::transcripts::place::{Env, resume_command, return_to};

/// What to do to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub dir: PathBuf,
    pub command: Vec<String>,
}

/// Where one wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whither {
    /// Where the session worked, as long as that is there.
    Back,
    /// In the worktree where one is.
    Here,
}

/// Finds out how to go on with a session.
///
/// # Errors
/// Its agent is none that we know, or its ids are none that a program could be given.
pub fn way(home: &Home, session: &Session, whither: Whither) -> Result<Way> {
    Ok(Way { dir: directory(home, session, whither)?, command: command(session)? })
}

/// A transcript that the agent has lost.
pub struct Lost<'s> {
    /// Where the agent looks for it.
    pub at: PathBuf,
    /// What is kept of it.
    pub saved: Saved<'s>,
    pub records: usize,
    /// How many the agent has there; `None` if nothing is there.
    pub present: Option<usize>,
}

/// What of a session's transcript the agent lacks where it will look for it when it goes on in `dir`:
/// `None` if it has as much as is kept, or more.
///
/// # Errors
/// What is kept is damaged, or nobody but the agent knows where it looks.
pub fn lost<'s>(
    home: &Home,
    store: &'s Store,
    session: &Session,
    dir: &Path,
    env: &Env<'_>,
) -> Result<Option<Lost<'s>>> {
    let Some(agent) = Agent::parse(&session.agent) else { return Ok(None) };
    let Some(saved) = conversation::saved(home, store, session)?.into_iter().next() else { return Ok(None) };
    let id = session.external_ids.last().map(|id| id.lossy().into_owned()).unwrap_or_default();
    let (had, cwd) = (saved.path.as_bytes(), dir.as_os_str().as_bytes());
    let Some(at) = return_to(agent, env, had, cwd, &id, Some(session.started)) else {
        bail!(NotFound(format!(
            "only {} knows where it looks for a transcript: `trace session transcript {id}` prints what is kept",
            agent.name()
        )));
    };
    let (at, records) = (PathBuf::from(OsStr::from_bytes(&at)), saved.records()?);
    let present = match Transcript::open(&at).and_then(|file| file.lines()) {
        Ok(lines) => Some(lines),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("look at {}", at.display())),
    };
    let lost = Lost { at, saved, records, present };
    Ok(Some(lost).filter(|lost| lost.present.is_none_or(|present| present < records)))
}

/// Whether it is known how to go on with a session.
pub fn is_possible(session: &Session) -> bool {
    command(session).is_ok()
}

fn command(session: &Session) -> Result<Vec<String>> {
    if session.agent == "shell" {
        let shell = session.shell.as_deref().filter(|shell| ["bash", "zsh", "fish"].contains(shell));
        let id = session.id.uuid();
        // What a new shell takes for its parent, and that it goes on where that one was.
        return Ok(["env", &format!("TRACE_SHELL_SESSION={id}"), &format!("TRACE_RESUMED={id}")]
            .into_iter()
            .chain([shell.unwrap_or("sh")])
            .map(str::to_owned)
            .collect());
    }
    let unknown = || match session.agent.as_str() {
        "" | "run" => NotFound(format!("{} is no shell and no conversation to go on with", session.id)),
        agent => NotFound(format!(
            "it is not known how {agent:?} goes on with a conversation: `trace handoff {}` briefs another agent",
            session.id
        )),
    };
    let agent = Agent::parse(&session.agent).with_context(unknown)?;
    let newest = session.external_ids.last().map(|id| id.lossy().into_owned()).unwrap_or_default();
    resume_command(agent, &newest)
        .with_context(|| NotFound(format!("{} has no id that {} could be given", session.id, agent.name())))
}

/// Where the session worked; if its worktree was moved since, the same place in it. Else the top.
fn directory(home: &Home, session: &Session, whither: Whither) -> Result<PathBuf> {
    let top = home.place.top()?;
    let path = |text: &Text| PathBuf::from(OsStr::from_bytes(text.as_bytes()));
    let cwd = session.cwd.as_ref().map(path);
    if let Some(cwd) = cwd.as_ref().filter(|cwd| whither == Whither::Back && cwd.is_dir()) {
        return Ok(cwd.clone());
    }
    let moved = |cwd: &Path| {
        let before = session.worktree_path.as_ref().map(path)?;
        let below = cwd.strip_prefix(before).ok()?;
        let there = if below.as_os_str().is_empty() { top.to_owned() } else { top.join(below) };
        Some(there).filter(|dir| dir.is_dir())
    };
    Ok(cwd.as_deref().and_then(moved).unwrap_or_else(|| top.to_owned()))
}
