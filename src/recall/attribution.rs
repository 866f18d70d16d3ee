//! Who changed what: derived when it is asked for, since a command's end may be told long after the
//! checkpoint that holds its changes.

use crate::disk::clock;
use crate::model::change::{self, Author, Change, Window};
use crate::model::command::Command;
use crate::model::event::{Event, Tool, What};
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// File systems stamp with the kernel's tick (at most 10 ms, `CONFIG_HZ=100`), shells with a finer
/// clock: a change can look as much older than the command that made it.
const SLACK_US: i64 = 10_000;

/// The stretches of time in which commands and tools were at work, by their start.
#[derive(Debug, Default)]
pub struct Windows(Vec<Window>);

impl Windows {
    /// From the joined commands, and the tool calls among the events. `top` is the worktree's top.
    pub fn new<'a>(commands: &[Command], events: impl Iterator<Item = &'a Event>, top: &[u8]) -> Self {
        let mut all: Vec<Window> = commands.iter().filter_map(of_command).collect();
        all.extend(events.filter_map(|event| of_tool(event, top)));
        all.sort_by_key(|window| window.from);
        Self(all)
    }

    /// Names the authors of the changes.
    pub fn attribute(&self, changes: &mut [Change]) {
        for change in changes {
            let times = [change.mtime, change.ctime];
            let earliest = times.iter().flatten().min().copied().unwrap_or_default();
            let latest = times.iter().flatten().max().copied().unwrap_or_default();
            // Windows begin in order; those that begin after the change cannot hold it.
            let end = self.0.partition_point(|window| window.from.0 <= latest.0.saturating_add(SLACK_US));
            let near: Vec<Window> = self.0[..end]
                .iter()
                .filter(|window| window.to.0.saturating_add(SLACK_US) >= earliest.0)
                .cloned()
                .collect();
            change::attribute(change, &near, SLACK_US);
        }
    }
}

/// From its start to its end; of a command whose start nobody told, its end alone.
fn of_command(command: &Command) -> Option<Window> {
    let from = command.started.or(command.finished)?;
    let to = command.finished.unwrap_or_else(clock::now);
    Some(Window {
        author: Author { session: command.session.clone(), command: Some(command.id.clone()), tool: None },
        from,
        to: to.max(from),
        paths: None,
    })
}

fn of_tool(event: &Event, top: &[u8]) -> Option<Window> {
    let What::ToolFinished(tool) = &event.what else { return None };
    let to = tool.end.unwrap_or(event.at);
    Some(Window {
        author: Author { session: event.session.clone(), command: None, tool: Some(tool.name.clone()) },
        from: tool.start.unwrap_or(Timestamp(to.0.saturating_sub(UNTOLD_US))),
        to,
        paths: named(tool, top),
    })
}

/// A tool whose start nobody told began at most so long before its end.
const UNTOLD_US: i64 = 2_000_000;

fn named(tool: &Tool, top: &[u8]) -> Option<Vec<Text>> {
    let below = |path: &Text| crate::store::compose::below(top, path.as_bytes()).map(Text);
    match tool.paths.is_empty() {
        true => None,
        false => Some(tool.paths.iter().filter_map(below).collect()),
    }
}
