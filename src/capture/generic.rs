//! The generic door: any agent or script, one JSON value per call.

use anyhow::{Context, Result};

use super::background;
use crate::disk::clock;
use crate::disk::place::Told;
use crate::model::checkpoint::Kind as Why;
use crate::model::redact;
use crate::store::home::{Home, User};
use crate::store::record;
use crate::wire::generic::{self, Call, Effect, Kind};

/// What remains to be done when the event is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing at once.
    Rest,
    /// A checkpoint before the tool writes, waited for.
    Guard,
    /// A checkpoint in the background.
    Flush(Why),
}

/// Takes one call: records it, and returns what is to follow.
///
/// `None`: this user records nothing there.
pub fn take(json: &[u8], user: &User, told: &Told) -> Result<Option<(Home, Next)>> {
    let call = generic::parse(json).context("read the hook's JSON")?;
    let cwd = call.cwd.clone();
    let dir = std::path::Path::new(std::ffi::OsStr::new(std::str::from_utf8(cwd.as_bytes()).unwrap_or("/")));
    let Some(home) = background::home_at(dir, user, told)? else { return Ok(None) };
    let events = generic::events(&call, clock::now());
    let stem = record::stem(&call.agent, call.session.as_bytes());
    record::record(&home.journal(), &stem, &events, record::durability(&events))?;
    let next = next(&call);
    Ok(Some((home, next)))
}

/// What follows a call.
pub fn next(call: &Call) -> Next {
    match call.event {
        Kind::ToolPre | Kind::ShellPre if generic::effect(call) == Effect::MayWrite => Next::Guard,
        Kind::TurnEnd | Kind::TurnFail | Kind::SessionEnd => Next::Flush(Why::Turn),
        Kind::ToolBatch => Next::Flush(Why::Auto),
        _ => Next::Rest,
    }
}

/// The words of a payload that could not be taken, fit to be noted: redacted and short.
pub fn excerpt(json: &[u8]) -> String {
    let clean = redact::text(&json[..json.len().min(200)]);
    String::from_utf8_lossy(clean.get()).into_owned()
}
