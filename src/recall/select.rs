//! Finds what a selector names. What could be several things is refused with the list.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};

use super::commands::{self, Record};
use super::sessions;
use super::turns::{self, Turn};
use crate::disk::clock;
use crate::git::head;
use crate::git::store::Store;
use crate::model::checkpoint::{Checkpoint, Kind};
use crate::model::command::Command;
use crate::model::event::What;
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::selector::{CommandName, Selector, Side, TurnName};
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::home::Home;
use crate::store::tip;
use crate::view::safe::Safe;
use crate::view::time;

/// A state of the files.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    /// As they are now.
    Now,
    /// As a checkpoint holds them.
    Checkpoint(Box<Checkpoint>),
    /// As a commit of the user's has them.
    Commit { id: Oid, tree: Oid },
}

/// Nothing has that name. Exit code 1.
#[derive(Debug)]
pub struct NotFound(pub String);

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotFound {}

fn not_found(what: impl Into<String>) -> anyhow::Error {
    NotFound(what.into()).into()
}

/// Where things are looked up.
pub struct Finder<'a> {
    pub home: &'a Home,
    pub store: &'a Store,
    /// Turns the text of `@{…}` into a moment.
    pub when: &'a dyn Fn(&str) -> Option<Timestamp>,
}

impl Finder<'_> {
    /// The state a selector names.
    pub fn find(&self, selector: &Selector) -> Result<Point> {
        match selector {
            Selector::Now => Ok(Point::Now),
            Selector::Back(steps) => self.back(*steps),
            Selector::At(when) => {
                let moment = (self.when)(&when.0);
                let moment =
                    moment.ok_or_else(|| anyhow!("{:?} is no time: try \"10 minutes ago\"", when.0))?;
                self.at_or_before(moment, &format!("there is no checkpoint as old as {:?}", when.0))
            }
            Selector::Head => {
                let head = head::read(&self.home.place.git_dir, &self.home.place.common)?.commit;
                self.commit(head.ok_or_else(|| not_found("HEAD has no commit yet"))?)
            }
            Selector::Command { id, side } => self.command(id, *side),
            Selector::Turn { name, side } => self.turn(name, *side),
            Selector::Session(session) => self.last_of(session),
            Selector::Word(word) => self.word(word),
        }
    }

    /// The checkpoint a selector names.
    pub fn checkpoint(&self, selector: &Selector) -> Result<Checkpoint> {
        match self.find(selector)? {
            Point::Checkpoint(found) => Ok(*found),
            Point::Now => match self.back(1)? {
                Point::Checkpoint(found) => Ok(*found),
                _ => bail!(not_found("there are no checkpoints yet")),
            },
            Point::Commit { id, .. } => {
                let (id, words) = (id.short(12), "is a commit of yours and no checkpoint");
                bail!(not_found(format!("{id} {words}: `trace explain {id}` tells what led to it")))
            }
        }
    }

    fn chain(&self) -> Result<impl Iterator<Item = Result<Checkpoint>> + '_> {
        Ok(chain::walk(self.store, tip::intact(self.home)?))
    }

    fn back(&self, steps: u64) -> Result<Point> {
        let index = usize::try_from(steps.saturating_sub(1)).unwrap_or(usize::MAX);
        match self.chain()?.nth(index) {
            Some(found) => Ok(Point::Checkpoint(Box::new(found?))),
            None => Err(not_found(format!("there are fewer than {steps} checkpoints"))),
        }
    }

    fn at_or_before(&self, moment: Timestamp, missing: &str) -> Result<Point> {
        for checkpoint in self.chain()? {
            let checkpoint = checkpoint?;
            if checkpoint.header.time <= moment {
                return Ok(Point::Checkpoint(Box::new(checkpoint)));
            }
        }
        Err(not_found(missing))
    }

    /// What a moment left behind: the oldest checkpoint made since, or the files as they are.
    fn at_or_after(&self, moment: Timestamp) -> Result<Point> {
        let mut oldest = None;
        for checkpoint in self.chain()? {
            let checkpoint = checkpoint?;
            if checkpoint.header.time < moment {
                break;
            }
            oldest = Some(checkpoint);
        }
        Ok(oldest.map_or(Point::Now, |found| Point::Checkpoint(Box::new(found))))
    }

    fn command(&self, name: &CommandName, side: Side) -> Result<Point> {
        let (record, read) = commands::read(self.home, self.store);
        let command = match command(&record, name) {
            Ok(command) => command,
            Err(error) => return read.and(Err(error)),
        };
        match side {
            Side::Before => self.before(command),
            Side::After => match command.checkpoint {
                Some(id) => Ok(Point::Checkpoint(Box::new(chain::checkpoint(self.store, id)?))),
                None => Ok(Point::Now),
            },
        }
    }

    /// The newest checkpoint from before a command. Its guard is made when the shell has named the
    /// start already, and the command waits for it.
    fn before(&self, command: &Command) -> Result<Point> {
        let start = command.started.or(command.finished).unwrap_or_default();
        let latest = start.0.saturating_add(GUARD_US).min(command.finished.map_or(i64::MAX, |at| at.0));
        let mut guard = None;
        for checkpoint in self.chain()? {
            let checkpoint = checkpoint?;
            let header = &checkpoint.header;
            if header.time <= start {
                return Ok(Point::Checkpoint(Box::new(guard.unwrap_or(checkpoint))));
            }
            if header.kind == Kind::Guard && header.time.0 <= latest {
                guard = Some(checkpoint);
            }
        }
        match guard {
            Some(guard) => Ok(Point::Checkpoint(Box::new(guard))),
            None => Err(not_found("there is no checkpoint from before that command")),
        }
    }

    fn turn(&self, name: &TurnName, side: Side) -> Result<Point> {
        let (record, read) = commands::read(self.home, self.store);
        let turn = match turn(self.home, self.store, &record, name) {
            Ok(turn) => turn,
            Err(error) => return read.and(Err(error)),
        };
        match (side, turn.ended) {
            (Side::Before, _) => {
                self.at_or_before(turn.started, "there is no checkpoint from before that turn")
            }
            (Side::After, Some(ended)) => self.at_or_after(ended),
            (Side::After, None) => Ok(Point::Now),
        }
    }

    fn last_of(&self, session: &SessionId) -> Result<Point> {
        for checkpoint in self.chain()? {
            let checkpoint = checkpoint?;
            if checkpoint.header.sessions.contains(session) {
                return Ok(Point::Checkpoint(Box::new(checkpoint)));
            }
        }
        Err(not_found(format!("no checkpoint here holds an event of {session}")))
    }

    fn word(&self, word: &str) -> Result<Point> {
        if let Some(id) = Oid::parse(word.as_bytes())
            && self.store.commit(id)?.is_some()
        {
            return self.commit(id);
        }
        let checkpoints = self.beginning_with(word)?;
        let branches = head::branches(&self.home.place.git_dir, &self.home.place.common).unwrap_or_default();
        let name = word.strip_prefix(BRANCHES).unwrap_or(word);
        let branch = branches.into_iter().find(|(branch, _)| branch == name.as_bytes());
        let (record, read) = commands::read(self.home, self.store);
        let sessions = called(&record, word);
        match (checkpoints.as_slice(), branch, sessions.as_slice()) {
            ([one], None, []) => Ok(Point::Checkpoint(Box::new(one.clone()))),
            ([], Some((_, tip)), []) => self.commit(tip),
            ([], None, [one]) => self.last_of(one.id),
            ([], None, []) => {
                read?;
                Err(not_found(format!("nothing here is called {word:?}: see `trace log`")))
            }
            (checkpoints, branch, sessions) => {
                let now = clock::now();
                let checkpoints = checkpoints.iter().map(|one| line(one, now));
                let branch = branch.map(|_| format!("{BRANCHES}{name}  branch"));
                Err(ambiguous(word, checkpoints.chain(branch).chain(sessions.iter().map(Known::line))))
            }
        }
    }

    fn beginning_with(&self, word: &str) -> Result<Vec<Checkpoint>> {
        if word.len() < SHORTEST || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let prefix = word.to_ascii_lowercase();
        let fits = |one: &Result<Checkpoint>| {
            one.as_ref().map_or(true, |one| one.id.to_string().starts_with(&prefix))
        };
        self.chain()?.filter(fits).collect()
    }

    fn commit(&self, id: Oid) -> Result<Point> {
        let raw = self
            .store
            .commit(id)?
            .ok_or_else(|| not_found(format!("the commit {} is missing", id.short(12))))?;
        match chain::checkpoint(self.store, id) {
            Ok(checkpoint) => Ok(Point::Checkpoint(Box::new(checkpoint))),
            Err(_) => Ok(Point::Commit { id, tree: raw.tree }),
        }
    }
}

/// The fewest digits that name a checkpoint or a session.
const SHORTEST: usize = 4;

/// A guard is made within so many microseconds of its command's start.
const GUARD_US: i64 = 2_500_000;

/// Before a branch's name this says that it is one.
const BRANCHES: &str = "refs/heads/";

/// How many things that a word could be are listed.
const MOST: usize = 20;

/// A session, and what its agent calls it.
struct Known<'a> {
    id: &'a SessionId,
    agent: &'a str,
    external: &'a [u8],
}

impl Known<'_> {
    fn line(&self) -> String {
        format!("{}  session  {}", self.id, Safe(self.agent.as_bytes()))
    }
}

/// The command a name means.
pub fn command<'a>(record: &'a Record, name: &CommandName) -> Result<&'a Command> {
    let found: Vec<_> = record.commands.iter().filter(|command| name.names(&command.id)).collect();
    match found.as_slice() {
        [] => Err(not_found(format!("there is no command {}", name.as_str()))),
        [one] => Ok(*one),
        several => Err(ambiguous(name.as_str(), several.iter().map(|command| format!("cmd:{}", command.id)))),
    }
}

/// The turn a name means.
pub fn turn(home: &Home, store: &Store, record: &Record, name: &TurnName) -> Result<Turn> {
    let session = session_in(home, store, record, &name.session)?;
    let turns = turns::of(record);
    match turns::find(&turns, &session, name.n) {
        Some(turn) => Ok(turn.clone()),
        None => {
            let last = turns::find(&turns, &session, None).map_or(0, |turn| turn.n);
            Err(not_found(format!("{session} has no such turn: so far it had {last}")))
        }
    }
}

/// The session a word names: its id, the beginning of that, or the agent's own id for it.
fn session(record: &Record, word: &str) -> Result<SessionId> {
    if let Some(id) = SessionId::parse(word) {
        return Ok(id);
    }
    match called(record, word).as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(not_found(format!(
            "no session here is called {word:?}: `trace session list` shows them; {SHORTEST} digits of an id, an alias, the agent's own id or `last` do"
        ))),
        several => Err(ambiguous(word, several.iter().map(Known::line))),
    }
}

/// The session a word names to the record of this worktree, else to all of the clone: by its alias, or as
/// the last one.
pub fn session_in(home: &Home, store: &Store, record: &Record, word: &str) -> Result<SessionId> {
    session(record, word).or_else(|error| {
        let (all, read) = sessions::read(home, store);
        match sessions::named(&all, word) {
            Ok(session) => Ok(session.id.clone()),
            Err(_) => read.and(Err(error)),
        }
    })
}

/// The same, where the record is not at hand; what is spelt out needs none.
pub fn session_of(home: &Home, word: &str) -> Result<SessionId> {
    if let Some(id) = SessionId::parse(word) {
        return Ok(id);
    }
    let store = Store::open(&home.place.store())?;
    let (record, read) = commands::read(home, &store);
    session_in(home, &store, &record, word).or_else(|error| read.and(Err(error)))
}

/// Every session that a word may mean.
fn called<'a>(record: &'a Record, word: &str) -> Vec<Known<'a>> {
    let mut all: BTreeMap<&SessionId, Known<'a>> = BTreeMap::new();
    let of_commands = record.commands.iter().filter_map(|command| command.session.as_ref());
    for id in of_commands.chain(record.others.iter().filter_map(|event| event.session.as_ref())) {
        all.entry(id).or_insert(Known { id, agent: "", external: b"" });
    }
    for event in &record.others {
        if let (What::SessionSeen(seen), Some(id)) = (&event.what, &event.session) {
            all.insert(id, Known { id, agent: &seen.agent, external: seen.external_id.as_bytes() });
        }
    }
    let digits = word.strip_prefix("sess_").unwrap_or(word).to_ascii_lowercase();
    let fits = |one: &Known| {
        let begins = digits.len() >= SHORTEST && one.id.uuid().starts_with(&digits);
        begins || one.external == word.as_bytes()
    };
    all.into_values().filter(fits).collect()
}

/// A checkpoint in a list of what a word could be.
fn line(checkpoint: &Checkpoint, now: Timestamp) -> String {
    let header = &checkpoint.header;
    let (age, subject) = (time::relative(Some(header.time), now), Safe(header.subject.as_bytes()));
    format!("{}  checkpoint  {age}  {subject}", checkpoint.id.short(16))
}

fn ambiguous(word: &str, could_be: impl Iterator<Item = String>) -> anyhow::Error {
    let mut list: Vec<String> = could_be.map(|name| format!("\n  {name}")).collect();
    let more = list.len().saturating_sub(MOST);
    list.truncate(MOST);
    if more > 0 {
        list.push(format!("\n  and {more} more"));
    }
    not_found(format!("{word:?} could be{}\nsay which: the first word of a line names it", list.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Event, SessionSeen};
    use crate::model::id::EventId;

    fn seen(agent: &str, external: &str) -> Event {
        let seen =
            SessionSeen { agent: agent.to_owned(), external_id: external.into(), ..SessionSeen::default() };
        Event {
            id: EventId::of_call(&[agent.as_bytes(), external.as_bytes()]),
            at: Timestamp(0),
            session: Some(SessionId::of_key(agent, external.as_bytes())),
            seq: None,
            what: What::SessionSeen(Box::new(seen)),
        }
    }

    fn record() -> Record {
        let mut record = Record::default();
        let shells = ["01987f00-1111-7000-8000-00000000000a", "01987f00-2222-7000-8000-00000000000a"];
        record.others = shells.map(|id| seen("shell", id)).into();
        record.others.extend([seen("claude", "talk"), seen("codex", "talk"), seen("codex", "tell")]);
        record
    }

    #[test]
    fn a_session_goes_by_the_beginning_of_its_id_or_by_its_agents_own() {
        let record = record();
        let full = "sess_01987f00-1111-7000-8000-00000000000a";
        for word in [full, "01987f00-1", "sess_01987f00-1", "01987F00-1111", &full[5..]] {
            assert_eq!(session(&record, word).unwrap().as_str(), full, "{word}");
        }
        assert_eq!(session(&record, "tell").unwrap(), SessionId::of_key("codex", b"tell"));
        let unheard = "sess_01987f00-9999-7000-8000-00000000000a";
        assert_eq!(session(&record, unheard).unwrap().as_str(), unheard);
        for word in ["", "sess_", "019", "sess_019", "tel", "Tell", "01987f00-3"] {
            let error = session(&record, word).unwrap_err();
            assert!(error.is::<NotFound>() && error.to_string().starts_with("no session"), "{word}: {error}");
        }
    }

    #[test]
    fn a_word_that_names_several_sessions_is_answered_with_all_of_them() {
        let record = record();
        let error = session(&record, "0198").unwrap_err().to_string();
        let both = "\
\"0198\" could be
  sess_01987f00-1111-7000-8000-00000000000a  session  shell
  sess_01987f00-2222-7000-8000-00000000000a  session  shell
say which: the first word of a line names it";
        assert_eq!(error, both);
        let error = session(&record, "talk").unwrap_err().to_string();
        assert!(error.contains("  session  claude\n") && error.contains("  session  codex\n"), "{error}");
        let many = ambiguous("x", (0..30).map(|n| n.to_string())).to_string();
        assert!(many.contains("\n  19\n  and 10 more\n"), "{many}");
    }
}
