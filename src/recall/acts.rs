//! Acts: what may be taken back, each with the changes of the files that are its own.
//!
//! An act is a command, a tool call, or a restore. A change belongs to one act: of several that
//! were at work when it was made, to the one that began last.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};

use super::attribution::{self, Found, Starts, Windows};
use super::commands::{self, Record};
use super::turns::{self, Turn};
use crate::git::store::Store;
use crate::model::change::{Change, Status, Window};
use crate::model::checkpoint::Kind;
use crate::model::event::{RestoreAction, Restored, What};
use crate::model::id::{CommandId, EventId, SessionId};
use crate::model::oid::Oid;
use crate::model::restore::{Edit, Item, Step};
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::restore::revert::Edits;
use crate::store::{chain, restore, tip};

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
pub fn of(home: &Home, store: &Store, record: &Record) -> Result<Acts> {
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let mut all = unowned(record, top);
    all.sort_by_key(|(_, window)| window.from);
    let (mut acts, windows): (Vec<Act>, Vec<Window>) = all.into_iter().unzip();
    let windows = Windows::sorted(windows);
    for (place, found) in record.changes.iter().enumerate() {
        let guarded = guarded(store, &windows, found);
        for change in dated(found) {
            let owners = windows.owners(&change, found, guarded);
            let Some(owner) = owners.last() else { continue };
            let rivals = match change.status {
                Status::Deleted => windows.rivals(&change, found),
                Status::Added | Status::Modified => owners.len(),
            };
            let act = &mut acts[*owner];
            let edit = match change.status {
                Status::Added => Edit { old: None, new: change.new },
                Status::Deleted => Edit { old: change.old, new: None },
                Status::Modified => Edit { old: change.old, new: change.new },
            };
            act.edits.entry(change.path.0.clone()).or_default().push(edit);
            if rivals > 1 {
                act.shared.insert(change.path.0.clone());
            }
            act.first_in.get_or_insert(found.checkpoint);
            act.first_change = act.first_change.min(change.ctime.unwrap_or(act.to));
            act.last = act.last.max(Some((place, change.ctime.unwrap_or_default())));
        }
    }
    for event in &record.others {
        let What::Restored(restored) = &event.what else { continue };
        // What a restore changed stands in its plan, more surely than in what was found afterwards.
        // A plan that is gone or damaged leaves what was found.
        let Ok(Some(edits)) = edits_of(home, &event.id, restored) else { continue };
        let is_it = |act: &&mut Act| matches!(&act.what, Sort::Restore(id, _) if *id == event.id);
        acts.iter_mut().filter(is_it).for_each(|act| act.edits.clone_from(&edits));
    }
    Ok(Acts { all: acts, turns: turns::of(record) })
}

/// What a restore changed, as its plan has it; `None` if that is no longer kept.
pub fn edits_of(home: &Home, id: &EventId, restored: &Restored) -> Result<Option<Edits>> {
    let steps = restore::steps_of(home, id, restored)?;
    let edit = |step: Step| (step.path.0, vec![Edit { old: step.from, new: step.to }]);
    Ok(steps.map(|steps| steps.into_iter().map(edit).collect()))
}

/// The act whose guard found these changes: it had begun, and had done nothing yet.
fn guarded(store: &Store, windows: &Windows, found: &Found) -> Option<usize> {
    let begun = windows.begun_shortly_before(found.at, GUARD_US)?;
    let header = chain::checkpoint(store, found.checkpoint).ok()?.header;
    (header.kind == Kind::Guard).then_some(begun)
}

/// A guard is made within so many microseconds of its act's start.
const GUARD_US: i64 = 2_500_000;

/// The names that may be written although they are odd: those in `named`, and of a plan those that
/// the record, the oldest checkpoint, or a `commit` of the user's tells of. The tree that is put back
/// is no witness of itself.
pub fn sure_names(
    home: &Home,
    store: &Store,
    plan: &[Item],
    commit: Option<Oid>,
    named: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>> {
    let steps: Vec<Step> = plan.iter().map(|item| item.step.clone()).collect();
    // Only odd names need a witness, and to find one takes its time.
    if restore::plan::check_names(home, store, &steps, &named).is_ok() {
        return Ok(named);
    }
    let (record, read) = commands::read(home, store);
    read.context("read the record")?;
    let written = record.changes.iter().flat_map(|found| &found.changes);
    let told: HashSet<&Text> = written.filter(|one| one.new.is_some()).map(|one| &one.path).collect();
    let oldest = chain::walk(store, tip::intact(home)?).last().transpose()?;
    let mut trees = vec![chain::newest_worktree(store, oldest.as_ref())?];
    trees.push(commit.map(|id| store.commit(id)).transpose()?.flatten().map(|commit| commit.tree));
    let mut sure = named;
    for step in steps {
        let has = |tree: &Oid| store.lookup(*tree, step.path.as_bytes()).is_ok_and(|found| found.is_some());
        if told.contains(&step.path) || trees.iter().flatten().any(has) {
            sure.push(step.path.0);
        }
    }
    Ok(sure)
}

/// The changes that were found, each with the time at which it was made: a file that is moved keeps
/// its times, but the directory that it left does not.
fn dated(found: &Found) -> Vec<Change> {
    let mut left: HashMap<(u32, Oid), Timestamp> = HashMap::new();
    for change in found.changes.iter().filter(|change| change.status == Status::Deleted) {
        if let (Some(old), Some(ctime)) = (change.old, change.ctime) {
            let at = left.entry((old.mode, old.id)).or_insert(ctime);
            *at = ctime.max(*at);
        }
    }
    let mut changes = found.changes.clone();
    for change in changes.iter_mut().filter(|change| change.status == Status::Added) {
        let Some(new) = change.new else { continue };
        let is_old = change.mtime.max(change.ctime) <= Some(found.since);
        if let (true, Some(at)) = (is_old, left.get(&(new.mode, new.id))) {
            (change.mtime, change.ctime) = (None, Some(*at));
        }
    }
    changes
}

fn unowned(record: &Record, top: &[u8]) -> Vec<(Act, Window)> {
    let mut all: Vec<(Act, Window)> = Vec::new();
    for command in &record.commands {
        if let Some(window) = attribution::of_command(command) {
            let what = Sort::Command(command.id.clone());
            all.push((Act::new(what, command.command.clone(), &window), window));
        }
    }
    let starts = Starts::of(&record.others);
    for event in &record.others {
        let (what, label, window) = match &event.what {
            What::ToolFinished(tool) => {
                let paths = tool.paths.iter().map(|path| path.lossy().into_owned());
                let words: Vec<String> = std::iter::once(tool.name.clone()).chain(paths).collect();
                let window = attribution::of_tool(event, tool, &starts, top);
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
