//! Acts: what may be taken back, each with the changes of the files that are its own.
//!
//! An act is a command, a tool call, or a restore. A change belongs to one act: of several that
//! were at work when it was made, to the one that began last.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::attribution::{self, Windows};
use super::commands::Record;
use super::turns::{self, Turn};
use crate::model::change::{Status, Window};
use crate::model::event::{RestoreAction, What};
use crate::model::id::{CommandId, EventId, SessionId};
use crate::model::oid::Oid;
use crate::model::restore::Edit;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::restore;

/// One act, and what it changed.
#[derive(Clone, Debug)]
pub struct Act {
    pub what: Sort,
    /// In words: the command, the tool and its files, what was put back.
    pub label: Text,
    pub session: Option<SessionId>,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Path by path, oldest first.
    pub edits: BTreeMap<Vec<u8>, Vec<Edit>>,
    /// Paths that another act may have changed as well.
    pub shared: BTreeSet<Vec<u8>>,
    /// The first checkpoint that holds a change of it.
    pub first_in: Option<Oid>,
    /// When the first of them was made, at the latest.
    pub first_change: Timestamp,
    /// The place and the time of its last change.
    pub last: Option<(usize, Timestamp)>,
}

/// What sort of act it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sort {
    Command(CommandId),
    /// The event that tells of its end.
    Tool(EventId),
    Restore(EventId, RestoreAction),
}

impl Act {
    /// The key that names it for ever.
    pub fn key(&self) -> String {
        match &self.what {
            Sort::Command(id) => format!("cmd:{id}"),
            Sort::Tool(id) => format!("tool:{id}"),
            Sort::Restore(id, _) => format!("op:{id}"),
        }
    }

    fn new(what: Sort, label: Text, window: &Window) -> Self {
        Self {
            what,
            label,
            session: window.author.session.clone(),
            from: window.from,
            to: window.to,
            edits: BTreeMap::new(),
            shared: BTreeSet::new(),
            first_in: None,
            first_change: window.to,
            last: None,
        }
    }
}

/// Everything that was done in a worktree, by its start, and the turns it was done in.
pub struct Acts {
    pub all: Vec<Act>,
    pub turns: Vec<Turn>,
}

/// Finds the acts of a record and what each changed.
pub fn of(home: &Home, record: &Record) -> Result<Acts> {
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let mut all = unowned(record, top);
    all.sort_by_key(|(_, window)| window.from);
    let (mut acts, windows): (Vec<Act>, Vec<Window>) = all.into_iter().unzip();
    let windows = Windows::sorted(windows);
    for (place, found) in record.changes.iter().enumerate() {
        for change in &found.changes {
            let holders = windows.holders(change, found);
            let Some(owner) = holders.last() else { continue };
            let act = &mut acts[*owner];
            let edit = match change.status {
                Status::Added => Edit { old: None, new: change.new },
                Status::Deleted => Edit { old: change.old, new: None },
                Status::Modified => Edit { old: change.old, new: change.new },
            };
            act.edits.entry(change.path.0.clone()).or_default().push(edit);
            if holders.len() > 1 {
                act.shared.insert(change.path.0.clone());
            }
            act.first_in.get_or_insert(found.checkpoint);
            act.first_change = act.first_change.min(change.ctime.unwrap_or(act.to));
            act.last = act.last.max(Some((place, change.ctime.unwrap_or_default())));
        }
    }
    for act in &mut acts {
        planned(home, act)?;
    }
    Ok(Acts { all: acts, turns: turns::of(record) })
}

/// What a restore changed stands in its plan, more surely than in what was found afterwards.
fn planned(home: &Home, act: &mut Act) -> Result<()> {
    let Sort::Restore(id, _) = &act.what else { return Ok(()) };
    let Some(steps) = restore::steps_of(home, id)? else { return Ok(()) };
    act.edits =
        steps.into_iter().map(|step| (step.path.0, vec![Edit { old: step.from, new: step.to }])).collect();
    Ok(())
}

fn unowned(record: &Record, top: &[u8]) -> Vec<(Act, Window)> {
    let mut all: Vec<(Act, Window)> = Vec::new();
    for command in &record.commands {
        if let Some(window) = attribution::of_command(command) {
            let what = Sort::Command(command.id.clone());
            all.push((Act::new(what, command.command.clone(), &window), window));
        }
    }
    for event in &record.others {
        let (what, label, window) = match &event.what {
            What::ToolFinished(tool) => {
                let paths = tool.paths.iter().map(|path| path.lossy().into_owned());
                let words: Vec<String> = std::iter::once(tool.name.clone()).chain(paths).collect();
                let window = attribution::of_tool(event, tool, top);
                (Sort::Tool(event.id.clone()), Text::from(words.join(" ")), window)
            }
            What::Restored(restored) => {
                let label = format!("{} {}", restored.action.word(), restored.label.lossy());
                let what = Sort::Restore(event.id.clone(), restored.action);
                (what, label.into(), attribution::of_restore(restored))
            }
            _ => continue,
        };
        all.push((Act::new(what, label, &window), window));
    }
    all
}
