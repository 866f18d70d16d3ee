//! Ids that an agent used twice: told apart by what they stand for.
//!
//! The same call delivered twice is one event; another call under an old id is another event. Some
//! agents count their tools from 1 and are resumed under the same session: dropping the second "1"
//! would lose it. Times are no part of the comparison, since a second delivery has others.

use super::seen::{self, Print};
use crate::model::digest;
use crate::model::event::{CommandHalf, Event, What};
use crate::model::id::{CommandId, EventId};
use crate::wire::event;

/// A label for an event and what it stands for.
///
/// Two events with one id are the same event if their labels are equal.
pub fn label(event: &Event) -> EventId {
    let id = event.id.as_str().as_bytes();
    EventId::of_call(&match &event.what {
        What::CommandStarted(half) => vec![id, b"start", half.command.as_bytes()],
        What::CommandFinished(half) => {
            let end = format!("{:?} {}", half.exit, half.interrupted).into_bytes();
            return EventId::of_call(&[id, b"end", half.command.as_bytes(), &end]);
        }
        What::ToolFinished(tool) | What::ToolStarted(tool) => {
            let paths: Vec<&[u8]> = tool.paths.iter().map(|path| path.as_bytes()).collect();
            return EventId::of_call(&[&[id, tool.name.as_bytes()], paths.as_slice()].concat());
        }
        _ => vec![id, event::kind(&event.what).as_bytes()],
    })
}

/// By what an event is known again: its own id, and its label.
pub fn prints(event: &Event) -> [Print; 2] {
    [seen::print(&event.id), seen::print(&label(event))]
}

/// The event under an id of its own, if it is of a kind whose ids agents give.
///
/// Both halves of a command move to the same new id, since it follows from the text they share.
pub fn renamed(event: &Event) -> Option<Event> {
    let mut new = event.clone();
    match &mut new.what {
        What::CommandStarted(half) | What::CommandFinished(half) => {
            let half: &mut CommandHalf = half;
            let tail = digest::name(&[half.command.as_bytes()]);
            half.command_id = CommandId::parse(&format!("{}.{}", half.command_id, &tail[..8]))?;
            let (_, which) = event.id.as_str().rsplit_once('/')?;
            new.id = EventId::parse(&format!("{}/{which}", half.command_id))?;
        }
        What::ToolStarted(_) | What::ToolFinished(_) => new.id = label(event),
        _ => return None,
    }
    Some(new)
}
