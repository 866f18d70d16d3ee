//! The session that a sub-agent works for, where its agent names it only by the tool call that started
//! it: whoever made that call.
//!
//! Nobody is guessed at. If no journal here tells of the call, the sub-agent's belong to nobody.

use std::cmp::Reverse;
use std::fmt;
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

/// A tool call that no session here is known to have made.
#[derive(Debug)]
pub struct Orphan(Text);

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tool = self.0.lossy();
        write!(
            f,
            "no session here is known for the call {tool}: of what its sub-agent did only the files are kept"
        )
    }
}

/// The call, as one of the session that it belongs to.
pub fn named(dir: &Path, call: Call) -> Result<Call, Orphan> {
    if !agents::is_under_tool(&call) {
        return Ok(call);
    }
    match find(dir, &call) {
        Some(session) => Ok(Call { session, ..call }),
        None => Err(Orphan(call.session)),
    }
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
