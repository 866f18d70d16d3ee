//! Who changed what: derived when it is asked for, since a command's end may be told long after the
//! checkpoint that holds its changes.

use crate::disk::clock;
use crate::model::change::{self, Author, Change, Made, Window};
use crate::model::command::Command;
use crate::model::event::{Event, Restored, Tool, What};
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// File systems stamp with the kernel's tick (at most 10 ms, `CONFIG_HZ=100`), shells with a finer
/// clock: a change can look as much older than the command that made it.
const SLACK_US: i64 = 10_000;

/// What a checkpoint found changed.
#[derive(Clone, Debug)]
pub struct Found {
    pub checkpoint: Oid,
    /// When the files were looked at before.
    pub since: Timestamp,
    /// When this was found.
    pub at: Timestamp,
    pub changes: Vec<Change>,
}

/// The stretches of time in which commands and tools were at work, by their start.
#[derive(Debug, Default)]
pub struct Windows {
    all: Vec<Window>,
    /// The latest end of each and of all before it.
    reach: Vec<Timestamp>,
}

impl Windows {
    /// From the joined commands, and the tool calls and restores among the events. `top` is the
    /// worktree's top.
    pub fn new<'a>(commands: &[Command], events: impl Iterator<Item = &'a Event>, top: &[u8]) -> Self {
        let mut all: Vec<Window> = commands.iter().filter_map(of_command).collect();
        all.extend(events.filter_map(|event| match &event.what {
            What::ToolFinished(tool) => Some(of_tool(event, tool, top)),
            What::Restored(restored) => Some(of_restore(restored)),
            _ => None,
        }));
        all.sort_by_key(|window| window.from);
        Self::sorted(all)
    }

    /// From windows that are in order of their start.
    pub fn sorted(all: Vec<Window>) -> Self {
        let reach = all.iter().scan(Timestamp(i64::MIN), |latest, window| {
            *latest = window.to.max(*latest);
            Some(*latest)
        });
        Self { reach: reach.collect(), all }
    }

    /// Names the authors of the changes that a checkpoint found.
    pub fn attribute(&self, found: &Found) -> Vec<Change> {
        let mut changes = found.changes.clone();
        for change in &mut changes {
            let made = change.made(found.since, found.at, SLACK_US);
            let near: Vec<Window> = self.near(made).into_iter().map(|at| self.all[at].clone()).collect();
            change::attribute(change, made, &near, SLACK_US);
        }
        changes
    }

    /// The windows that hold a change, by their place.
    pub fn holders(&self, change: &Change, found: &Found) -> Vec<usize> {
        let made = change.made(found.since, found.at, SLACK_US);
        let near = self.near(made);
        let windows: Vec<Window> = near.iter().map(|at| self.all[*at].clone()).collect();
        change::holders(&change.path, made, &windows, SLACK_US).into_iter().map(|at| near[at]).collect()
    }

    /// The windows that could hold a change, by their place: those that begin after it cannot, nor can
    /// those that ended before.
    fn near(&self, made: Made) -> Vec<usize> {
        let Some((earliest, latest)) = made.bounds() else { return Vec::new() };
        let ends_in_time = |to: Timestamp| to.0.saturating_add(SLACK_US) >= earliest.0;
        let end = self.all.partition_point(|window| window.from.0 <= latest.0.saturating_add(SLACK_US));
        let back = (0..end).rev().take_while(|at| ends_in_time(self.reach[*at]));
        let mut near: Vec<usize> = back.filter(|at| ends_in_time(self.all[*at].to)).collect();
        near.reverse();
        near
    }
}

/// From its start to its end; of a command whose start nobody told, its end alone.
pub fn of_command(command: &Command) -> Option<Window> {
    let from = command.started.or(command.finished)?;
    let to = command.finished.unwrap_or_else(clock::now);
    Some(Window {
        author: Author { session: command.session.clone(), command: Some(command.id.clone()), tool: None },
        from,
        to: to.max(from),
        paths: None,
    })
}

/// From a tool call's start to its end.
pub fn of_tool(event: &Event, tool: &Tool, top: &[u8]) -> Window {
    let to = tool.end.unwrap_or(event.at);
    Window {
        author: Author { session: event.session.clone(), command: None, tool: Some(tool.name.clone()) },
        from: tool.start.unwrap_or(Timestamp(to.0.saturating_sub(UNTOLD_US))),
        to,
        paths: named(tool, top),
    }
}

/// What was put back is nobody's command's doing, not even that of the one that put it back.
pub fn of_restore(restored: &Restored) -> Window {
    let tool = format!("trace {}", restored.action.word());
    Window {
        author: Author { session: None, command: None, tool: Some(tool) },
        from: restored.start,
        to: restored.end,
        paths: Some(restored.paths.clone()).filter(|paths| !paths.is_empty()),
    }
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
