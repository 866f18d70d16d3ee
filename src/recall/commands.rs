//! Every recorded command of a worktree: those in checkpoints, and those still in the journals.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use anyhow::Result;
use bstr::ByteSlice;

use super::attribution::{Found, Windows};
use crate::disk::process;
use crate::git::store::Store;
use crate::model::change::Change;
use crate::model::command::{Alive, Command, End, Join, State};
use crate::model::event::{Event, Process, What};
use crate::model::id::{CommandId, EventId, Half, SessionId};
use crate::model::oid::Oid;
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::home::Home;
use crate::store::late::{Late, Open};
use crate::store::ledger::{Extent, Ledger};
use crate::store::models::{Chain, Reach};
use crate::store::seen::Seen;
use crate::store::{models, pending, tip};
use crate::wire::event;

/// Which commands are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// 0: all; else the newest so many.
    pub limit: usize,
    pub cwd: Option<Vec<u8>>,
    pub session: Option<SessionId>,
    pub exit: Option<Exit>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Text that the command contains.
    pub text: Option<Vec<u8>>,
    /// A path from the worktree's top that the command changed.
    pub file: Option<Vec<u8>>,
    pub state: Option<State>,
}

/// An exit code to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    /// Anything but 0.
    Failed,
}

/// A command, its state, and what it changed.
#[derive(Clone, Debug)]
pub struct Told {
    pub command: Rc<Command>,
    pub state: State,
    pub changes: Vec<Change>,
}

/// How many of the ledger's last bytes are tried before all of it.
const ENDS: [u64; 3] = [32 << 10, 256 << 10, 2 << 20];

/// The record of a worktree, read once.
#[derive(Default)]
pub struct Record {
    pub commands: Vec<Rc<Command>>,
    /// Tool calls and sessions: what besides commands says who was at work.
    pub others: Vec<Event>,
    /// Prompts, and the checkpoint that holds each.
    pub prompts: Vec<(Oid, Event)>,
    /// What git told, and the checkpoint that holds each; `None` as long as it waits.
    pub git: Vec<(Option<Oid>, Event)>,
    /// What each checkpoint found changed.
    pub changes: Vec<Found>,
    /// Checkpoints that found more changed than they list.
    pub cut: HashSet<Oid>,
    /// The oldest checkpoint that was read.
    pub oldest: Option<Oid>,
    /// The processes of shell sessions.
    processes: HashMap<SessionId, Process>,
    /// The commands whose start is here.
    starts: HashSet<CommandId>,
    /// Until when the first checkpoint with events has some.
    until: Option<(Oid, Timestamp)>,
    /// Events that no checkpoint holds yet.
    pub pending: u64,
    /// Pieces of the journals that no event could be made of, and journals that would not open.
    pub unreadable: Vec<String>,
}

/// Whether what checkpoints found changed is wanted too: it is most of what there is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    Wanted,
    Unwanted,
}

/// Reads everything of this worktree.
///
/// # Errors
/// Something is damaged; the record then holds all the rest.
pub fn read(home: &Home, store: &Store) -> (Record, Result<()>) {
    let (record, read) = read_from(home, &|| Ok(store), &Ledger::whole(home), Changes::Wanted);
    (record, read.map(drop))
}

/// Reads everything, or so much of the end that it tells the commands that `filter` asks for just as
/// everything would.
///
/// # Errors
/// As for [`read`].
pub fn read_for(home: &Home, filter: &Filter, changes: Changes) -> (Record, Result<()>) {
    let wide = changes == Changes::Wanted || filter.file.is_some();
    let changes = if wide { Changes::Wanted } else { Changes::Unwanted };
    let late = Late::new(home);
    let open = || late.store();
    if let (false, 1.., Ok(tip)) = (wide, filter.limit, tip::intact(home)) {
        let seen = models::known(home, tip);
        for bytes in ENDS {
            let ledger = Ledger::end(home, bytes);
            let (record, read) = read_from(home, &open, &ledger, changes);
            let met = matches!(read, Ok(Reach::Met));
            if ledger.extent() == Extent::Whole || met && record.suffices(filter, seen.as_ref()) {
                return (record, read.map(drop));
            }
        }
    }
    let (record, read) = read_from(home, &open, &Ledger::whole(home), changes);
    (record, read.map(drop))
}

fn read_from<'a>(
    home: &'a Home,
    open: Open<'a>,
    ledger: &Ledger,
    changes: Changes,
) -> (Record, Result<Reach>) {
    let mut join = Join::default();
    let mut record = Record::default();
    let tip = tip::intact(home);
    let mut take = |id, lines: &[u8]| {
        record.oldest.get_or_insert(id);
        let lines = lines.split_str("\n").filter(|line| !line.is_empty());
        let wanted =
            |line: &&[u8]| changes == Changes::Wanted || event::kind_of(line) != Some(b"snapshot".as_slice());
        let events = lines.filter(wanted).filter_map(|line| event::decode(line).ok());
        events.for_each(|event| record.take(&mut join, event, Some(id)));
    };
    // What a damaged chain cannot tell, the ledger still may; and nothing hides what waits.
    let read = match &tip {
        Ok(tip) => Chain { home, open, tip: *tip }.tell(ledger, &mut take),
        Err(_) => {
            models::tell_ledger(ledger, &mut take);
            Ok(Reach::Met)
        }
    };
    let newest = tip.as_ref().ok().and_then(|tip| Chain { home, open, tip: *tip }.walk().next()?.ok());
    let cursor = newest.map(|newest| newest.header.cursor).unwrap_or_default();
    let waiting = record.take_pending(home, &mut join, &cursor);
    let told = tip.and(read).and_then(|reach| waiting.map(|()| reach));
    // The checkpoint before it may have found nothing new to tell of, and looked all the same.
    if let (Changes::Wanted, Some(first)) = (changes, record.changes.first_mut()) {
        first.since =
            open().ok().and_then(|store| looked_before(store, first.checkpoint)).unwrap_or_default();
    }
    record.commands = join.finish();
    record.close_lost();
    (record, told)
}

fn looked_before(store: &Store, id: Oid) -> Option<Timestamp> {
    let parent = chain::checkpoint(store, id).ok()?.parent?;
    Some(chain::checkpoint(store, parent).ok()?.header.time)
}

impl Record {
    fn take(&mut self, join: &mut Join, event: Event, held_by: Option<Oid>) {
        if let Some(id) = held_by {
            let (first, until) = self.until.get_or_insert((id, event.at));
            if *first == id {
                *until = event.at.max(*until);
            }
        }
        if let What::CommandStarted(half) = &event.what {
            self.starts.insert(half.command_id.clone());
        }
        let Some(event) = join.take(event, held_by) else { return };
        match event.what {
            What::Snapshot(facts) => {
                if let Some(checkpoint) = held_by {
                    if facts.changed > facts.changes.len() as u64 {
                        self.cut.insert(checkpoint);
                    }
                    let since = self.changes.last().map_or(Timestamp(0), |before| before.began);
                    let (at, began) = (event.at, facts.began.unwrap_or(event.at));
                    self.changes.push(Found { checkpoint, since, began, at, changes: facts.changes });
                }
            }
            What::SessionSeen(ref seen) => {
                if let (Some(session), Some(process)) = (&event.session, &seen.process) {
                    self.processes.insert(session.clone(), process.clone());
                }
                self.others.push(event);
            }
            What::Prompt(_) => {
                if let Some(id) = held_by {
                    self.prompts.push((id, event.clone()));
                }
                self.others.push(event);
            }
            What::Committed(_) | What::Rewritten(_) | What::CheckedOut(_) | What::Merged(_) => {
                self.git.push((held_by, event.clone()));
                self.others.push(event);
            }
            _ => self.others.push(event),
        }
    }

    /// Whether older events would change nothing of what `filter` asks for.
    ///
    /// What is older was recorded before the first checkpoint here was made, so it can neither come
    /// between these commands nor add to them, but for the starts of commands and the processes of
    /// their sessions. `known` says which events there are at all.
    fn suffices(&self, filter: &Filter, known: Option<&Seen>) -> bool {
        let (Some(known), Some((_, until))) = (known, self.until) else { return false };
        let whole = |command: &Command| match command.end {
            End::Open => {
                let session = command.session.as_ref();
                command.process.is_some() || session.is_some_and(|id| self.processes.contains_key(id))
            }
            End::Abandoned => true,
            End::Done | End::Interrupted => {
                let start = EventId::of_half(&command.id, Half::Started);
                self.starts.contains(&command.id) || !known.holds(&start)
            }
        };
        let told = self.list(filter, b"", false);
        told.len() >= filter.limit
            && told.iter().all(|told| told.command.moment() > until && whole(&told.command))
    }

    fn take_pending(
        &mut self,
        home: &Home,
        join: &mut Join,
        cursor: &crate::model::cursor::Cursor,
    ) -> Result<()> {
        let pending = pending::everything(&home.journal(), cursor)?;
        self.unreadable = pending.unreadable;
        self.pending = pending.items.len() as u64;
        for item in pending.items {
            // What is shown is what would be stored: redacted.
            let event = event::decode(item.line.get()).unwrap_or(item.event);
            self.take(join, event, None);
        }
        Ok(())
    }

    /// A command that was killed with its shell was over when its session began another, or else when
    /// the files were next looked at: what is changed later is not its doing.
    fn close_lost(&mut self) {
        let is_lost = |command: &&Rc<Command>| command.end == End::Open && self.state(command) == State::Lost;
        let over = |lost: &Rc<Command>| {
            let next = self.commands.iter().find(|other| {
                other.session == lost.session && other.session.is_some() && other.moment() > lost.moment()
            });
            let looked = || self.changes.iter().map(|found| found.at).find(|at| *at > lost.moment());
            (lost.id.clone(), next.map(|next| next.moment()).or_else(looked))
        };
        let all: HashMap<CommandId, Option<Timestamp>> =
            self.commands.iter().filter(is_lost).map(over).collect();
        for command in &mut self.commands {
            if let Some(Some(over)) = all.get(&command.id) {
                Rc::make_mut(command).over_by = Some(*over);
            }
        }
    }

    /// The state of a command: one without an end runs while its process does.
    pub fn state(&self, command: &Command) -> State {
        if command.end != End::Open {
            // The system need not be asked.
            return command.state(Alive::No);
        }
        let shell = command.session.as_ref().and_then(|session| self.processes.get(session));
        let alive = match command.process.as_ref().or(shell) {
            Some(process) => process::alive(process),
            // An agent's command has no process we know of; it runs until its session says otherwise.
            None => Alive::Yes,
        };
        command.state(alive)
    }

    /// What each command changed.
    pub fn changes_of(&self, top: &[u8]) -> HashMap<CommandId, Vec<Change>> {
        let windows = Windows::new(&self.commands, &self.others, top);
        let mut by_command: HashMap<CommandId, Vec<Change>> = HashMap::new();
        for found in &self.changes {
            for change in windows.attribute(found) {
                for id in change.by.iter().filter_map(|author| author.command.as_ref()) {
                    by_command.entry(id.clone()).or_default().push(change.clone());
                }
            }
        }
        by_command
    }

    /// The commands that fit, oldest first.
    pub fn list(&self, filter: &Filter, top: &[u8], with_changes: bool) -> Vec<Told> {
        let mut changes = match with_changes || filter.file.is_some() {
            true => self.changes_of(top),
            false => HashMap::new(),
        };
        let mut told: Vec<Told> = Vec::new();
        let most = if filter.limit == 0 { usize::MAX } else { filter.limit };
        for command in self.commands.iter().rev().filter(|command| filter.fits(command)) {
            let state = self.state(command);
            let changed = changes.remove(&command.id).unwrap_or_default();
            let touches = |file: &Vec<u8>| changed.iter().any(|change| change.path.0 == *file);
            if filter.state.is_none_or(|wanted| wanted == state) && filter.file.as_ref().is_none_or(touches) {
                told.push(Told { command: Rc::clone(command), state, changes: changed });
            }
            if told.len() >= most {
                break;
            }
        }
        told.reverse();
        told
    }
}

impl Filter {
    fn fits(&self, command: &Command) -> bool {
        let below = |dir: &Vec<u8>| {
            let rest = command.cwd.as_bytes().strip_prefix(dir.as_slice());
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        let exit = |wanted: Exit| match wanted {
            Exit::Code(code) => command.exit == Some(code),
            Exit::Failed => command.exit.is_some_and(|exit| exit != 0),
        };
        let text =
            |text: &Vec<u8>| command.command.as_bytes().windows(text.len().max(1)).any(|part| part == text);
        self.cwd.as_ref().is_none_or(below)
            && self.session.as_ref().is_none_or(|session| command.session.as_ref() == Some(session))
            && self.exit.is_none_or(exit)
            && self.since.is_none_or(|since| command.moment() >= since)
            && self.until.is_none_or(|until| command.moment() <= until)
            && self.text.as_ref().is_none_or(text)
    }
}
