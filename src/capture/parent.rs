//! The session that a sub-agent works for, where its agent names it only by the tool call that started
//! it: whoever made that call.
//!
//! Nobody is guessed at. If no journal here tells of the call, what the sub-agent does is recorded as
//! nobody's.

use std::cmp::Reverse;
use std::path::Path;

use super::told::Told;
use crate::disk::journal::{self, Stem};
use crate::model::event::{Event, SessionSeen, What};
use crate::model::id::SessionId;
use crate::model::text::Text;
use crate::wire::agents;
use crate::wire::call::Call;

/// Only in the journals that were written to last: the call has not ended.
const MOST: usize = 16;

/// The call, as one of the session that it belongs to; and whether that is known.
pub fn named(dir: &Path, call: Call) -> (Call, bool) {
    if !agents::is_under_tool(&call) {
        return (call, true);
    }
    match find(dir, &call) {
        Some(session) => (Call { session, ..call }, true),
        None => (call, false),
    }
}

/// The events of a call, as those of no session.
pub fn of_nobody(events: Vec<Event>) -> Vec<Event> {
    let events = events.into_iter().filter(|event| !matches!(event.what, What::SessionSeen(_)));
    events.map(|event| Event { session: None, ..event }).collect()
}

fn find(dir: &Path, call: &Call) -> Option<Text> {
    let mut journals = journal::list(dir).ok()?.found;
    journals.sort_by_key(|found| Reverse(found.written));
    let mut stems =
        journals.iter().take(MOST).filter_map(|found| Stem::parse(journal::parts(&found.name)?.0));
    stems.find_map(|stem| {
        let told = Told::read(dir, &stem);
        let by = told.events.iter().find(|event| tool_of(event) == Some(&call.session))?.session.as_ref()?;
        // Who is at it stands at the very beginning.
        let first = Told::first(dir, &stem);
        first.events.iter().chain(&told.events).find_map(|event| name_of(event, by, &call.agent))
    })
}

/// The id of the tool call that an event is about.
fn tool_of(event: &Event) -> Option<&Text> {
    let actor = match &event.what {
        What::CommandStarted(half) | What::CommandFinished(half) => half.actor.as_ref(),
        What::ToolStarted(tool) | What::ToolFinished(tool) => tool.actor.as_ref(),
        _ => None,
    };
    actor?.tool_use_id.as_ref()
}

/// What `agent` calls the session `id`, if the event says so.
fn name_of(event: &Event, id: &SessionId, agent: &str) -> Option<Text> {
    match &event.what {
        What::SessionSeen(seen) if event.session.as_ref() == Some(id) => {
            let SessionSeen { agent: of, external_id, .. } = &**seen;
            (of == agent).then(|| external_id.clone())
        }
        _ => None,
    }
}
