//! One screen: is it on, what waits, what was last, what went wrong.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::Result;

use super::commands::{self, Record};
use crate::disk::process;
use crate::git::store::Store;
use crate::model::checkpoint::Checkpoint;
use crate::model::command::Alive;
use crate::model::event::{ActorKind, What};
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::{chain, tip, trouble};

/// An agent that said nothing for so long is not active.
const ACTIVE_US: i64 = 30 * 60 * 1_000_000;

/// How things stand in one worktree.
pub struct Standing {
    pub sessions_active: u64,
    pub pending_events: u64,
    pub last: Option<Checkpoint>,
    /// Things that went wrong since the last checkpoint but one day at most.
    pub trouble: u64,
    pub store_bytes: u64,
    /// A shell here has our functions.
    pub shell: bool,
    /// When each agent was last heard of, by name.
    pub agents: BTreeMap<String, Timestamp>,
}

/// Looks.
pub fn look(home: &Home, now: Timestamp) -> Result<Standing> {
    let store = Store::open(&home.place.store())?;
    let last = tip::intact(home)?.map(|id| chain::checkpoint(&store, id)).transpose()?;
    let (record, read) = commands::read(home, &store);
    read?;
    let mut active: HashSet<&SessionId> = HashSet::new();
    let mut shell = false;
    for event in &record.others {
        let Some(session) = &event.session else { continue };
        match &event.what {
            What::SessionSeen(seen) if seen.process.is_some() => {
                shell = true;
                if seen.process.as_ref().is_some_and(|process| process::alive(process) == Alive::Yes) {
                    active.insert(session);
                }
            }
            What::SessionEnded(_) => {
                active.remove(session);
            }
            _ if now.since(event.at) < ACTIVE_US => {
                active.insert(session);
            }
            _ => {}
        }
    }
    Ok(Standing {
        sessions_active: active.len() as u64,
        pending_events: record.pending,
        trouble: trouble::count_since(&home.place.common, Timestamp(now.0 - 86_400_000_000)),
        store_bytes: size(&home.place.trace()),
        shell,
        last,
        agents: heard_of(&record),
    })
}

/// When each agent last told us anything.
fn heard_of(record: &Record) -> BTreeMap<String, Timestamp> {
    let mut last: HashMap<&SessionId, Timestamp> = HashMap::new();
    let commands = record.commands.iter();
    let ends = commands.filter_map(|one| Some((one.session.as_ref()?, one.finished.unwrap_or(one.moment()))));
    let others = record.others.iter().filter_map(|event| Some((event.session.as_ref()?, event.at)));
    for (session, at) in ends.chain(others) {
        let known = last.entry(session).or_default();
        *known = at.max(*known);
    }
    let mut agents = BTreeMap::new();
    for event in &record.others {
        if let (What::SessionSeen(seen), Some(session)) = (&event.what, &event.session)
            && seen.actor.kind == ActorKind::Agent
        {
            let at = last.get(session).copied().unwrap_or(event.at);
            let known: &mut Timestamp = agents.entry(seen.agent.clone()).or_default();
            *known = at.max(*known);
        }
    }
    agents
}

/// Bytes of the files below `dir`, as they are listed.
fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
