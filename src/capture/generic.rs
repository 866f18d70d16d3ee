//! The generic door: any agent or script, one JSON value per call.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::background;
use crate::disk::clock;
use crate::disk::file::Durability;
use crate::disk::journal::{self, Stem};
use crate::disk::place::Told;
use crate::model::checkpoint::Kind as Why;
use crate::model::event::{Event, What};
use crate::model::id::EventId;
use crate::model::redact;
use crate::model::time::Timestamp;
use crate::store::home::{Home, User};
use crate::store::record;
use crate::wire::generic::{self, Call, Effect, Kind, ToolId};
use crate::wire::{event, frame};

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
/// `None`: this user records nothing there. `slowly` is called before anything that may block.
pub fn take(json: &[u8], user: &User, told: &Told, slowly: &dyn Fn()) -> Result<Option<(Home, Next)>> {
    let mut call = generic::parse(json).context("read the hook's JSON")?;
    let cwd = call.cwd.clone();
    let dir = Path::new(OsStr::from_bytes(cwd.as_bytes()));
    let Some(home) = background::home_of_caller(dir, user, told)? else { return Ok(None) };
    let stem = record::stem(&call.agent, call.session.as_bytes());
    let now = clock::now();
    let key = match (call.event, &call.tool_id, call.start) {
        (Kind::ToolPost | Kind::ShellPost, Some(ToolId::Derived(key)), None) => Some(key.clone()),
        _ => None,
    };
    if let Some(key) = &key {
        call.start = oldest_open(&told_so_far(&home.journal(), &stem), key.as_bytes());
    }
    let mut events = generic::events(&call, now);
    if let (Some(_), Some(end)) = (key, events.last_mut()) {
        end.id = own_end(&call, now, std::process::id());
    }
    let durability = record::durability(&events);
    if durability == Durability::Synced {
        slowly();
    }
    record::record(&home.journal(), &stem, &events, durability)?;
    let next = next(&call);
    Ok(Some((home, next)))
}

/// How far back in a session's journal the start of a call is looked for, bytes.
const FAR: u64 = 256 << 10;

/// The last events of a session that are still in its journal; none if it cannot be read.
fn told_so_far(dir: &Path, stem: &Stem) -> Vec<Event> {
    let Ok(mut journal) = journal::last(dir, stem) else { return Vec::new() };
    let bytes = journal.read_from(journal.len.saturating_sub(FAR), FAR).unwrap_or_default();
    let pieces = frame::split(&bytes).pieces.into_iter();
    pieces
        .filter_map(|piece| match piece {
            frame::Piece::Whole(payload) => event::decode(payload).ok(),
            frame::Piece::Torn(_) => None,
        })
        .collect()
}

/// The id of an end whose start was only guessed.
///
/// Two calls that end at once may both find the same start open. An id made from that start would be
/// the same too, and one of two ends would be taken for the other told again.
fn own_end(call: &Call, now: Timestamp, pid: u32) -> EventId {
    let whose = [call.agent.as_bytes(), call.session.as_bytes(), b"end", call.payload.as_bytes()];
    EventId::of_call(&[&whose[..], &[&now.0.to_be_bytes(), &pid.to_be_bytes()]].concat())
}

/// When the oldest call without an end began, among those that share the derived id `key`.
///
/// An agent that gives its calls no ids is answered in the order in which it asked. An end whose
/// start has ended already, because two ended at once, stands for the next.
pub fn oldest_open(told: &[Event], key: &[u8]) -> Option<Timestamp> {
    let mut open = VecDeque::new();
    for event in told {
        let (actor, start, ends) = match &event.what {
            What::CommandStarted(half) => (&half.actor, half.start, false),
            What::CommandFinished(half) => (&half.actor, half.start, true),
            What::ToolStarted(tool) => (&tool.actor, tool.start, false),
            What::ToolFinished(tool) => (&tool.actor, tool.start, true),
            _ => continue,
        };
        let id = actor.as_ref().and_then(|actor| actor.tool_use_id.as_ref());
        match (id.is_some_and(|id| id.as_bytes() == key), ends) {
            (true, false) => open.extend(start),
            (true, true) => match open.iter().position(|began| Some(*began) == start) {
                Some(at) => drop(open.remove(at)),
                None => drop(open.pop_front()),
            },
            (false, _) => {}
        }
    }
    open.pop_front()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(calls: &[&str]) -> Vec<Event> {
        let now = |at: usize| Timestamp(1_000_000 + at as i64);
        let call = |json: &str| generic::parse(json.as_bytes()).unwrap();
        calls.iter().enumerate().flat_map(|(at, json)| generic::events(&call(json), now(at))).collect()
    }

    #[test]
    fn calls_without_ids_end_in_the_order_in_which_they_began() {
        let pre = r#"{"v":1,"agent":"a","session":"s","event":"tool_pre","cwd":"/w","tool":"shell","command":"make"}"#;
        let other = pre.replace("make", "ls");
        let started = told(&[pre, &other, pre]);
        let What::CommandStarted(first) = &started[1].what else { panic!("{:?}", started[1]) };
        let key = first.actor.as_ref().and_then(|actor| actor.tool_use_id.clone()).unwrap();
        assert_eq!(oldest_open(&started, key.as_bytes()), Some(Timestamp(1_000_000)));
        let post = pre.replace("tool_pre", "tool_post").replace("}", r#","start_ms":1000}"#);
        let mut ended = started;
        ended.extend(told(&[&post]));
        assert_eq!(oldest_open(&ended, key.as_bytes()), Some(Timestamp(1_000_002)), "the first one is over");
        assert_eq!(oldest_open(&ended, b"h-unknown"), None);
        ended.extend(told(&[&post]));
        assert_eq!(oldest_open(&ended, key.as_bytes()), None, "two ended at once, so both are over");
    }

    #[test]
    fn calls_without_ids_that_end_at_once_are_two_commands() {
        let pre = r#"{"v":1,"agent":"a","session":"s","event":"tool_pre","cwd":"/w","tool":"shell","command":"make"}"#;
        let mut events = told(&[pre, pre]);
        let post = pre.replace("tool_pre", "tool_post");
        // Both have read the journal before either of them wrote to it.
        for (exit, pid) in [(0, 7), (1, 8)] {
            let mut call =
                generic::parse(post.replace("}", &format!(r#","exit":{exit}}}"#)).as_bytes()).unwrap();
            call.start = Some(Timestamp(1_000_000));
            let now = Timestamp(2_000_000);
            let mut end = generic::events(&call, now).pop().unwrap();
            end.id = own_end(&call, now, pid);
            events.push(end);
        }
        let ids: std::collections::BTreeSet<_> = events[4..].iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), 2, "neither is taken for the other told again");
        let mut join = crate::model::command::Join::default();
        events.iter().chain(&events[4..]).for_each(|event| join.take(event, None));
        assert_eq!(join.repeated_ends, 2, "what is told twice is one all the same");
        let told: Vec<_> =
            join.finish().iter().map(|command| (command.started.map(|at| at.0), command.exit)).collect();
        assert_eq!(told, [(Some(1_000_000), Some(0)), (Some(1_000_001), Some(1))]);
    }
}
