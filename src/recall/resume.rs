//! How to go on with a session: where, and by which command.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::select::NotFound;
use crate::model::agent::Agent;
use crate::model::session::Session;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::wire::transcripts::place::resume_command;

/// What to do to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub dir: PathBuf,
    pub command: Vec<String>,
}

/// Finds out how to go on with a session.
///
/// # Errors
/// Its agent is none that we know, or its ids are none that a program could be given.
pub fn way(home: &Home, session: &Session) -> Result<Way> {
    Ok(Way { dir: directory(home, session)?, command: command(session)? })
}

fn command(session: &Session) -> Result<Vec<String>> {
    if session.agent == "shell" {
        let shell = session.shell.as_deref().filter(|shell| ["bash", "zsh", "fish"].contains(shell));
        return Ok(vec![shell.unwrap_or("sh").to_owned()]);
    }
    let unknown = || NotFound(format!("it is not known how {:?} goes on with a conversation", session.agent));
    let agent = Agent::parse(&session.agent).with_context(unknown)?;
    let newest = session.external_ids.last().map(|id| id.lossy().into_owned()).unwrap_or_default();
    resume_command(agent, &newest)
        .with_context(|| NotFound(format!("{} has no id that {} could be given", session.id, agent.name())))
}

/// Where the session worked; if its worktree was moved since, the same place in it. Else the top.
fn directory(home: &Home, session: &Session) -> Result<PathBuf> {
    let top = home.place.top()?;
    let path = |text: &Text| PathBuf::from(OsStr::from_bytes(text.as_bytes()));
    let cwd = session.cwd.as_ref().map(path);
    if let Some(cwd) = cwd.as_ref().filter(|cwd| cwd.is_dir()) {
        return Ok(cwd.clone());
    }
    let moved = |cwd: &Path| {
        let before = session.worktree_path.as_ref().map(path)?;
        let below = cwd.strip_prefix(before).ok()?;
        Some(top.join(below)).filter(|dir| dir.is_dir())
    };
    Ok(cwd.as_deref().and_then(moved).unwrap_or_else(|| top.to_owned()))
}
