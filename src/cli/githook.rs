//! `git-trace hook git-…`: what git calls. It waits for us, so one event is written and that is all.

use std::ffi::OsString;

use anyhow::Result;

use super::call::Call;
use super::{hook, stdin};
use crate::capture::{background, gitact, present, trailer};
use crate::disk::clock;
use crate::model::checkpoint::Kind;
use crate::wire::githook::Hook;

/// Records what the hook tells, and starts a flush of its own if one is due.
///
/// What git says of the repository by environment is read here, once: everything below reads files by
/// name, and what is started in the background inherits none of it.
pub fn run(hook: Hook, arguments: &[OsString], call: &Call) -> Result<()> {
    // What is received now may be thrown away again, and nothing may be written beside it.
    if std::env::var_os("GIT_QUARANTINE_PATH").is_some() {
        return Ok(());
    }
    call.watched();
    let Some(home) = hook::home_here()? else { return Ok(()) };
    call.is_about(&home.place.common);
    let arguments: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let stdin = if hook == Hook::PostRewrite { stdin::read_all(call)? } else { Vec::new() };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let doer = present::doer(&variable);
    if hook == Hook::PrepareCommitMsg {
        return trailer::add(&home, &arguments, doer.as_ref().map(|doer| &doer.session));
    }
    let told = gitact::Call { hook, arguments: &arguments, stdin: &stdin, doer };
    gitact::take(&home, &told, clock::now())?;
    match background::is_due(&home) {
        true => background::spawn(&home, Kind::Auto),
        false => Ok(()),
    }
}
