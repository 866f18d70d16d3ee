//! A command once more, in the files of a checkpoint and out of everybody's way.
//!
//! It runs in a checkout, never in the worktree, and is told nothing of the user's repository, so that
//! no git it calls finds its way back. Nothing of it is recorded.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};

use super::select::Point;
use crate::git::store::Store;
use crate::model::checkpoint::{Checkpoint, Snapshot};
use crate::model::oid::Oid;
use crate::store::chain;
use crate::store::checkout::Checkout;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl Ended {
    /// What the system says of it, in words that cannot mean two things.
    pub fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }

    /// The exit code a shell would show.
    pub fn code(self) -> i32 {
        match self {
            Self::Exit(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// The id and the files of a point; `None` for now, which no checkout holds.
pub fn files(store: &Store, point: &Point) -> Result<Option<(Oid, Oid)>> {
    match point {
        Point::Now => Ok(None),
        Point::Commit { id, tree } => Ok(Some((*id, *tree))),
        Point::Checkpoint(found) => match snapshot(store, found)? {
            Some(tree) => Ok(Some((found.id, tree))),
            None => bail!("checkpoint {} has no snapshot: choose one beside it", found.id.short(12)),
        },
    }
}

/// The files of a checkpoint; `None` if it was made without looking at them.
pub fn snapshot(store: &Store, of: &Checkpoint) -> Result<Option<Oid>> {
    match (chain::worktree(store, of.tree)?, of.header.snapshot) {
        (None, Snapshot::Skipped(_)) => Ok(None),
        // A worktree without a file has no tree either.
        (tree, _) => Ok(Some(tree.unwrap_or_else(|| store.hash_kind().empty_tree()))),
    }
}

/// Prepares the command `words` to run in the directory `below` of the
/// checkout, or in its top. `names` are those of the variables that it would inherit.
pub fn command(
    words: &[OsString],
    checkout: &Checkout,
    below: &[u8],
    checkpoint: Oid,
    names: impl Iterator<Item = OsString>,
) -> Result<Command> {
    let (program, arguments) = words.split_first().context("there is no command to run")?;
    let dir = checkout.dir_at(below);
    let mut command = Command::new(program);
    for name in names.filter(|name| name.as_encoded_bytes().starts_with(b"GIT_")) {
        command.env_remove(name);
    }
    // Where temporary files are kept inside of a repository, git must not take that one for ours.
    command.env("GIT_CEILING_DIRECTORIES", checkout.outer());
    command.env("TRACE_OFF", "1").env("TRACE_CHECKPOINT", checkpoint.to_string()).env("PWD", &dir);
    command.args(arguments).current_dir(dir);
    Ok(command)
}
