//! Who changed what: derived when it is asked for, since a command's end may be told long after the
//! checkpoint that holds its changes.

use std::collections::HashMap;
use std::rc::Rc;

use crate::disk::clock;
use crate::model::change::{self, Author, Change, Made, Window};
use crate::model::command::Command;
use crate::model::event::{Event, Restored, Tool, What};
use crate::model::id::SessionId;
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
    /// When the look at the files before this one began.
    pub since: Timestamp,
    /// When this one began.
    pub began: Timestamp,
    /// When this was found.
    pub at: Timestamp,
    pub changes: Vec<Change>,
}

impl Found {
    /// When a change that was found was made, as far as that is known.
    pub fn moment(&self, change: &Change) -> Timestamp {
        change.mtime.filter(|at| (self.since..=self.at).contains(at)).unwrap_or(self.at)
    }
}

/// By when something was done that bears this time of the file system, and was found then: who began
/// within a tick after that time may have done it.
pub fn by_when(at: Timestamp, found: Timestamp) -> Timestamp {
    Timestamp(at.0.saturating_add(SLACK_US)).min(found)
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
    pub fn new(commands: &[Rc<Command>], events: &[Event], top: &[u8]) -> Self {
        let starts = Starts::of(events);
        let mut all: Vec<Window> = commands.iter().filter_map(|command| of_command(command)).collect();
        all.extend(events.iter().filter_map(|event| match &event.what {
            What::ToolFinished(tool) => Some(of_tool(event, tool, &starts, top)),
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
        let one = |change: &Change| self.attribute_one(change.clone(), found.since, found.at);
        found.changes.iter().map(one).collect()
    }

    /// Names the authors of one change, found at `at`; the look before that began at `since`.
    pub fn attribute_one(&self, mut change: Change, since: Timestamp, at: Timestamp) -> Change {
        let made = change.made(since, at, SLACK_US);
        let near: Vec<Window> = self.near(made, at).into_iter().map(|at| self.all[at].clone()).collect();
        change::attribute(&mut change, made, &near, SLACK_US);
        change
    }

    /// The windows that hold a change, by their place.
    pub fn holders(&self, change: &Change, found: &Found) -> Vec<usize> {
        self.holding(change, change.made(found.since, found.at, SLACK_US), found.at)
    }

    /// How many were at work when a path may have gone: its directory's time is only the last one of
    /// what happened there.
    pub fn rivals(&self, change: &Change, found: &Found) -> usize {
        let until = change.ctime.unwrap_or(found.at).min(found.at).max(found.since);
        self.holding(change, Made::Between(found.since, until), found.at).len()
    }

    fn holding(&self, change: &Change, made: Made, found: Timestamp) -> Vec<usize> {
        let near = self.near(made, found);
        let windows: Vec<Window> = near.iter().map(|at| self.all[*at].clone()).collect();
        change::holders(&change.path, made, &windows, SLACK_US).into_iter().map(|at| near[at]).collect()
    }

    /// The windows whose doing a change is, by their place. Those that hold its very time come before
    /// those that only hold it because clocks tick coarsely, and what `guarded` was guarded from was
    /// there before it.
    pub fn owners(&self, change: &Change, found: &Found, guarded: Option<usize>) -> Vec<usize> {
        let held = self.holders(change, found);
        let surely: Vec<usize> =
            held.iter().copied().filter(|at| self.holds_surely(*at, change, found)).collect();
        let mut owners = match surely.is_empty() {
            // Of several that began within a tick after it, the first was the nearest.
            true => held.into_iter().take(1).collect(),
            false => surely,
        };
        let is_moment = matches!(change.made(found.since, found.at, SLACK_US), Made::At(_));
        if let Some(guarded) = guarded
            && (owners.len() > 1 || !is_moment || !self.holds_surely(guarded, change, found))
        {
            owners.retain(|at| *at != guarded);
        }
        owners
    }

    fn holds_surely(&self, at: usize, change: &Change, found: &Found) -> bool {
        let made = change.made(found.since, found.at, SLACK_US);
        !change::holders(&change.path, made, &self.all[at..=at], 0).is_empty()
    }

    /// The last window that had begun when a checkpoint was made and was not over, if it had begun
    /// within `within_us`.
    pub fn begun_shortly_before(&self, at: Timestamp, within_us: i64) -> Option<usize> {
        let last = self.all.partition_point(|window| window.from <= at).checked_sub(1)?;
        let window = &self.all[last];
        (window.to >= at && at.0.saturating_sub(window.from.0) <= within_us).then_some(last)
    }

    /// The windows that could hold a change, by their place: those that begin after it cannot, nor those
    /// that begin within a tick of it but after it was found, nor can those that ended before.
    fn near(&self, made: Made, found: Timestamp) -> Vec<usize> {
        let Some((earliest, latest)) = made.bounds() else { return Vec::new() };
        let ends_in_time = |to: Timestamp| to.0.saturating_add(SLACK_US) >= earliest.0;
        let last = by_when(latest, found);
        let end = self.all.partition_point(|window| window.from <= last);
        let back = (0..end).rev().take_while(|at| ends_in_time(self.reach[*at]));
        let mut near: Vec<usize> = back.filter(|at| ends_in_time(self.all[*at].to)).collect();
        near.reverse();
        near
    }
}

/// From its start to its end, or to when it was over at the latest; of a command whose start nobody
/// told, its end alone.
pub fn of_command(command: &Command) -> Option<Window> {
    let from = command.started.or(command.finished)?;
    let to = command.finished.or(command.over_by).unwrap_or_else(clock::now);
    Some(Window {
        author: Author { session: command.session.clone(), command: Some(command.id.clone()), tool: None },
        from,
        to: to.max(from),
        paths: None,
    })
}

/// When tool calls began whose end does not say so itself.
pub struct Starts<'a>(HashMap<(&'a SessionId, &'a Text), Timestamp>);

impl<'a> Starts<'a> {
    pub fn of(events: &'a [Event]) -> Self {
        let start = |event: &'a Event| match &event.what {
            What::ToolStarted(tool) => Some((call_of(event, tool)?, tool.start?)),
            _ => None,
        };
        Self(events.iter().filter_map(start).collect())
    }
}

/// What names a tool call in its worktree.
fn call_of<'a>(event: &'a Event, tool: &'a Tool) -> Option<(&'a SessionId, &'a Text)> {
    Some((event.session.as_ref()?, tool.actor.as_ref()?.tool_use_id.as_ref()?))
}

/// From a tool call's start to its end.
pub fn of_tool(event: &Event, tool: &Tool, starts: &Starts<'_>, top: &[u8]) -> Window {
    let to = tool.end.unwrap_or(event.at);
    let told = tool.start.or_else(|| starts.0.get(&call_of(event, tool)?).copied());
    Window {
        author: Author { session: event.session.clone(), command: None, tool: Some(tool.name.clone()) },
        from: told.unwrap_or(Timestamp(to.0.saturating_sub(UNTOLD_US))).min(to),
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
        // Too many paths to name are not listed.
        paths: (restored.paths.len() as u64 == restored.changed).then(|| restored.paths.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::{Confidence, Status};

    #[test]
    fn who_began_within_a_tick_after_a_files_time_may_have_written_it_but_not_after_it_was_found() {
        for (bears, found, expected) in [
            (1_000_000, 5_000_000, 1_010_000),
            (1_000_000, 1_004_000, 1_004_000),
            (1_000_000, 900_000, 900_000),
            (i64::MAX, i64::MAX, i64::MAX),
        ] {
            assert_eq!(by_when(Timestamp(bears), Timestamp(found)), Timestamp(expected), "{bears} {found}");
        }
    }

    #[test]
    fn who_began_within_a_tick_but_after_it_was_found_is_no_author() {
        let window = |tool: &str, from: i64, to: i64| Window {
            author: Author { session: None, command: None, tool: Some(tool.to_owned()) },
            from: Timestamp(from),
            to: Timestamp(to),
            paths: Some(vec![Text::from("a")]),
        };
        let windows = Windows::sorted(vec![window("first", 1_000, 3_000), window("second", 6_000, 8_000)]);
        let time = Some(Timestamp(2_000));
        let change = Change {
            path: "a".into(),
            status: Status::Modified,
            old: None,
            new: None,
            mtime: time,
            ctime: time,
            by: Vec::new(),
            confidence: Confidence::Unknown,
        };
        for (found, authors) in [(5_000, &["first"][..]), (9_000, &["first", "second"])] {
            let attributed = windows.attribute_one(change.clone(), Timestamp(0), Timestamp(found));
            let by: Vec<_> = attributed.by.iter().filter_map(|author| author.tool.as_deref()).collect();
            assert_eq!(by, authors, "found at {found}");
            let found = Found {
                checkpoint: Oid::from_bytes(&[1; 20]).unwrap(),
                since: Timestamp(0),
                began: Timestamp(found),
                at: Timestamp(found),
                changes: vec![change.clone()],
            };
            assert_eq!(windows.holders(&change, &found).len(), authors.len());
        }
    }
}
