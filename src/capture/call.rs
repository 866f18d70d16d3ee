//! One call of an agent's hook: where it belongs, what of it is recorded, and what is to follow.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::told::Told as Before;
use super::{background, parent};
use crate::disk::clock;
use crate::disk::file::Durability;
use crate::disk::place::Told;
use crate::model::checkpoint::Kind as Why;
use crate::model::redact;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::{Home, User};
use crate::store::record;
use crate::wire::agents::{self, Around, Heard};
use crate::wire::call::{self, Call, Effect, Kind};
use crate::wire::generic;

/// What remains to be done when the event is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing at once.
    Rest,
    /// A checkpoint in the background.
    Flush(Why),
    /// A checkpoint before the tool writes, waited for.
    Guard,
}

impl Next {
    /// What does for both.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Guard, _) | (_, Self::Guard) => Self::Guard,
            (Self::Rest, other) => other,
            (one, _) => one,
        }
    }
}

/// Reads what a hook was sent: through the generic door, or as the agent that is named around it.
pub fn hear(json: &[u8], around: Option<&Around>) -> Result<Heard> {
    let heard = match around {
        Some(around) => agents::hear(json, around),
        None => generic::parse(json).map(|call| Heard { calls: vec![agents::refined(call)], answer: None }),
    };
    heard.context("read the hook's JSON")
}

/// Records the calls of one payload, and returns what is to follow in each worktree that they are
/// about: none where this user records nothing. `slowly` is called before anything that may block.
pub fn take(calls: Vec<Call>, user: &User, told: &Told, slowly: &dyn Fn()) -> Result<Vec<(Home, Next)>> {
    let now = clock::now();
    let batch = calls.len() > 1;
    let mut taken: Vec<(Home, Next)> = Vec::new();
    for call in calls {
        let Some(home) = home_of(&call, user, told)? else { continue };
        let next = record_in(&home, call, now, batch, slowly)?;
        match taken.iter_mut().find(|(known, _)| known.place.git_dir == home.place.git_dir) {
            Some((_, before)) => *before = before.and(next),
            None => taken.push((home, next)),
        }
    }
    Ok(taken)
}

/// Records one call. What came before in its session is read only where that can matter: not for a
/// tool that has an id, which most calls are about.
fn record_in(home: &Home, call: Call, now: Timestamp, batch: bool, slowly: &dyn Fn()) -> Result<Next> {
    let (next, journal) = (next(&call), home.journal());
    let stem = record::stem(&call.agent, call.session.as_bytes());
    let (call, known) = parent::named(home, &stem, call);
    let plain = matches!(call.event, Kind::ToolPre | Kind::ToolPost | Kind::ShellPre | Kind::ShellPost)
        && call.derived().is_none()
        && !batch
        && !Before::may_open_a_turn(&call);
    let events = match plain {
        true => call::events(&call, now),
        false => Before::read(&journal, &stem).events(call, now, std::process::id()),
    };
    let events = if known { events } else { parent::of_nobody(events) };
    if events.is_empty() {
        return Ok(Next::Rest);
    }
    let durability = record::durability(&events);
    if durability == Durability::Synced {
        slowly();
    }
    record::record(&journal, &stem, &events, durability)?;
    Ok(next)
}

/// Where a call belongs: a tool that names its files works where the first of them is, whatever the
/// directory of its session; everything else belongs to that directory.
fn home_of(call: &Call, user: &User, told: &Told) -> Result<Option<Home>> {
    let path = |text: &Text| PathBuf::from(OsStr::from_bytes(text.as_bytes()));
    let cwd = path(&call.cwd);
    if let Some(dir) = call.paths.first().map(path).and_then(|file| directory(&file))
        && dir != cwd
        && let Ok(Some(home)) = background::home_of_caller(&dir, user, told)
    {
        return Ok(Some(home));
    }
    background::home_of_caller(&cwd, user, told)
}

/// The nearest directory above a file that may not be there yet.
fn directory(file: &Path) -> Option<PathBuf> {
    file.ancestors().skip(1).find(|dir| dir.is_dir()).map(Path::to_owned)
}

/// What follows a call.
pub fn next(call: &Call) -> Next {
    match call.event {
        Kind::ToolPre | Kind::ShellPre if call::effect(call) == Effect::MayWrite => Next::Guard,
        Kind::TurnEnd | Kind::TurnFail | Kind::SessionEnd => Next::Flush(Why::Turn),
        Kind::ToolBatch | Kind::SubagentStop => Next::Flush(Why::Auto),
        _ => Next::Rest,
    }
}

/// The words of a payload that could not be taken, fit to be noted: redacted and short.
pub fn excerpt(json: &[u8]) -> String {
    let clean = redact::text(&json[..json.len().min(200)]);
    String::from_utf8_lossy(clean.get()).into_owned()
}
