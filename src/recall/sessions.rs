//! The sessions of a clone, of all its worktrees: found by folding their events, each time anew, so
//! that there is nothing which could differ from the record.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use anyhow::{Result, bail};

use super::select::NotFound;
use crate::git::store::Store;
use crate::model::checkpoint::Header;
use crate::model::event::Event;
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::session::{Fold, Session, Setting};
use crate::store::home::Home;
use crate::store::ledger::Ledger;
use crate::store::models::{self, Chain};
use crate::store::{pending, tip};
use crate::wire::event;

/// The fewest digits that name a session.
const SHORTEST: usize = 4;

/// Reads every session, the one that did something last first.
///
/// # Errors
/// Something is damaged; the sessions are those of all the rest.
pub fn read(home: &Home, store: &Store) -> (Vec<Session>, Result<()>) {
    let mut told = Vec::new();
    let mut result = Ok(());
    let mut counts: Vec<Header> = Vec::new();
    let homes = match home.worktrees() {
        Ok(homes) => homes,
        Err(error) => {
            result = Err(error);
            vec![home.clone()]
        }
    };
    for home in &homes {
        if let Err(error) = gather(home, store, &mut told, &mut counts) {
            result = Err(error);
        }
    }
    let mut fold = Fold::of(told);
    counts.iter().for_each(|header| fold.count(&header.sessions));
    (fold.finish(), result)
}

/// Whether there is anything of these sessions, in a checkpoint or waiting. Reads no event of the chain,
/// which may be long.
///
/// # Errors
/// Something is damaged.
pub fn is_any_told(home: &Home, store: &Store, sessions: &HashSet<SessionId>) -> Result<bool> {
    let open = || Ok(store);
    for home in &home.worktrees()? {
        let mut cursor = None;
        let chain = Chain { home, open: &open, tip: tip::intact(home)? };
        for checkpoint in chain.walk() {
            let header = checkpoint?.header;
            if header.sessions.iter().any(|id| sessions.contains(id)) {
                return Ok(true);
            }
            cursor.get_or_insert(header.cursor);
        }
        let waiting = pending::everything(&home.journal(), &cursor.unwrap_or_default())?;
        if waiting.events().filter_map(|event| event.session.as_ref()).any(|id| sessions.contains(id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn gather(
    home: &Home,
    store: &Store,
    told: &mut Vec<(Event, Option<Rc<Setting>>)>,
    counts: &mut Vec<Header>,
) -> Result<()> {
    let open = || Ok(store);
    let tip = tip::intact(home)?;
    let chain = Chain { home, open: &open, tip };
    let mut headers: HashMap<Oid, Header> = HashMap::new();
    let mut cursor = None;
    for checkpoint in chain.walk() {
        let checkpoint = checkpoint?;
        cursor.get_or_insert_with(|| checkpoint.header.cursor.clone());
        headers.insert(checkpoint.id, checkpoint.header);
    }
    let first = told.len();
    let mut take = |id: Oid, lines: &[u8]| {
        let setting = headers.get(&id).map(setting).map(Rc::new);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if event::kind_of(line) != Some(b"snapshot".as_slice())
                && let Ok(event) = event::decode(line)
            {
                told.push((event, setting.clone()));
            }
        }
    };
    chain.tell(&Ledger::whole(home), &mut take)?;
    let mut pending = pending::everything(&home.journal(), &cursor.unwrap_or_default())?;
    // What the next checkpoint will drop does not count now either.
    pending.drop_known(&models::known_of(home, tip, told[first..].iter().map(|(event, _)| event)));
    for item in pending.items {
        let event = event::decode(item.line.get()).unwrap_or(item.event);
        told.push((event, None));
    }
    counts.extend(headers.into_values());
    Ok(())
}

fn setting(header: &Header) -> Setting {
    Setting {
        at: header.time,
        worktree: header.worktree.clone(),
        worktree_path: header.worktree_path.clone(),
        branch: header.branch.clone(),
        head: header.head,
    }
}

/// The session a word names: its id or the beginning of that, its alias, its agent's own id for it,
/// or `last`.
pub fn named<'a>(all: &'a [Session], word: &str) -> Result<&'a Session> {
    if word == "last"
        && let Some(first) = all.first()
    {
        return Ok(first);
    }
    let digits = word.strip_prefix("sess_").unwrap_or(word).to_ascii_lowercase();
    let fits = |session: &&Session| {
        let mut ids = session.also.iter().chain([&session.id]);
        let begins = digits.len() >= SHORTEST && ids.any(|id| id.uuid().starts_with(&digits));
        let external = session.external_ids.iter().any(|id| id.as_bytes() == word.as_bytes());
        begins || external || session.alias.as_deref() == Some(word)
    };
    let found: Vec<&Session> = all.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => bail!(NotFound(format!(
            "no session is called {word:?}: `trace session list` shows them; {SHORTEST} digits of an id, an alias or the agent's own id do"
        ))),
        several => {
            let list: Vec<String> = several.iter().map(|one| format!("\n  {}", line(one))).collect();
            bail!(NotFound(format!("{word:?} could be{}", list.concat())))
        }
    }
}

fn line(session: &Session) -> String {
    let alias = session.alias.as_ref().map(|alias| format!("  {alias:?}")).unwrap_or_default();
    format!("{}  {}{alias}", session.id, session.agent.escape_debug())
}

/// The ancestors of a session, the nearest first; a circle, and too long a line, ends it.
pub fn ancestors<'a>(all: &'a [Session], of: &'a Session) -> Vec<&'a Session> {
    let mut line: Vec<&Session> = Vec::new();
    let mut here = of;
    while let Some(parent) = here.parent.as_ref().and_then(|id| find(all, id)) {
        if parent.id == of.id || line.iter().any(|one| one.id == parent.id) || line.len() >= DEEPEST {
            break;
        }
        line.push(parent);
        here = parent;
    }
    line
}

/// So many generations are followed.
pub const DEEPEST: usize = 50;

/// The session with this id.
pub fn find<'a>(all: &'a [Session], id: &SessionId) -> Option<&'a Session> {
    all.iter().find(|one| one.id == *id || one.also.contains(id))
}
