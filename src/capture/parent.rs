//! The session that a sub-agent works for, where its agent names it only by the tool call that started
//! it: whoever made that call.
//!
//! Nobody is guessed at. If the end of no journal tells of the call when the sub-agent makes its first,
//! what it does is recorded as nobody's.

use std::cmp::Reverse;
use std::path::Path;

use super::told::{self, Told};
use crate::disk::journal::{self, Stem};
use crate::model::event::{Event, SessionSeen, What};
use crate::model::id::SessionId;
use crate::model::text::Text;
use crate::store::home::Home;
use crate::store::trouble;
use crate::wire::agents;
use crate::wire::call::Call;

/// Only in the journals that were written to last: the call has not ended.
const MOST: usize = 16;

/// The call, as one of the session that it belongs to; and whether that is known. What the sub-agent's
/// own journal says already is said again.
pub fn named(home: &Home, own: &Stem, call: Call) -> (Call, bool) {
    if !agents::is_under_tool(&call) {
        return (call, true);
    }
    let dir = home.journal();
    let told = told::first(&dir, own);
    let session = match told.is_empty() {
        true => find(&dir, &call),
        false => told.iter().find_map(|event| name_of(event, event.session.as_ref()?, &call.agent)),
    };
    if session.is_none() && told.is_empty() {
        let what = format!("no session here is known for the call {}", call.session.lossy());
        trouble::note(&home.place.common, "find whose sub-agent this is", &what);
    }
    match session {
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
        let first = told::first(dir, &stem);
        first.iter().chain(&told.events).find_map(|event| name_of(event, by, &call.agent))
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
