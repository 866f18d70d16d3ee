//! Finds what a selector names. What could be several things is refused with the list.

use anyhow::{Result, anyhow, bail};

use super::commands;
use crate::git::head;
use crate::git::store::Store;
use crate::model::checkpoint::Checkpoint;
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::selector::{Selector, Side};
use crate::model::time::Timestamp;
use crate::store::chain;
use crate::store::home::Home;
use crate::store::tip;

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
                bail!(not_found(format!("{} is a commit of yours and no checkpoint", id.short(12))))
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

    fn command(&self, name: &crate::model::selector::CommandName, side: Side) -> Result<Point> {
        let (record, read) = commands::read(self.home, self.store);
        let found: Vec<_> = record.commands.iter().filter(|command| name.names(&command.id)).collect();
        let command = match found.as_slice() {
            [] => {
                read?;
                bail!(not_found(format!("there is no command {}", name.as_str())));
            }
            [one] => *one,
            several => bail!(ambiguous(name.as_str(), several.iter().map(|command| command.id.to_string()))),
        };
        match side {
            Side::Before => {
                let start = command.started.or(command.finished).unwrap_or_default();
                self.at_or_before(start, "there is no checkpoint from before that command")
            }
            Side::After => match command.checkpoint {
                Some(id) => Ok(Point::Checkpoint(Box::new(chain::checkpoint(self.store, id)?))),
                None => Ok(Point::Now),
            },
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
        let mut found: Vec<Checkpoint> = Vec::new();
        if word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let prefix = word.to_ascii_lowercase();
            for checkpoint in self.chain()? {
                let checkpoint = checkpoint?;
                if checkpoint.id.to_string().starts_with(&prefix) {
                    found.push(checkpoint);
                }
            }
        }
        let branches = head::branches(&self.home.place.git_dir, &self.home.place.common).unwrap_or_default();
        let branch = branches.into_iter().find(|(name, _)| name == word.as_bytes());
        match (found.len(), branch) {
            (0, Some((_, tip))) => self.commit(tip),
            (1, None) => Ok(Point::Checkpoint(Box::new(found.remove(0)))),
            (0, None) => match Oid::parse(word.as_bytes()) {
                Some(id) if self.store.commit(id)?.is_some() => self.commit(id),
                _ => Err(not_found(format!("nothing here is called {word:?}: see `trace log`"))),
            },
            (_, branch) => {
                let branch = branch.map(|_| format!("branch {word}"));
                bail!(ambiguous(word, found.iter().map(|found| found.id.short(16)).chain(branch)))
            }
        }
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

fn ambiguous(word: &str, could_be: impl Iterator<Item = String>) -> anyhow::Error {
    let list: Vec<String> = could_be.take(10).map(|name| format!("\n  {name}")).collect();
    not_found(format!("{word:?} could be{}", list.concat()))
}
