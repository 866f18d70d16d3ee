//! Puts files back: exactly, reversibly, beside others, and killed at any moment.
//!
//! - **Nothing is overwritten that no checkpoint holds.** The present state is saved first; a path
//!   whose content is in no checkpoint is a conflict ([`plan`]). Between the plan and the deed others
//!   may write: so the new file changes places with what stands there, and what stood there is
//!   looked at before it goes ([`apply`]). What it should not have been stays, and is told.
//! - **Before or after, not between.** All new bytes lie ready and synced before the first path
//!   changes; the plan is on the device before that ([`crate::wire::op`]). An error takes everything
//!   back. Whoever is killed is finished by the next command ([`heal`]).
//! - **Only what the actor did.** Taking back a session's, a command's or a turn's changes is a
//!   three-way merge against now ([`revert`]).
//! - HEAD, the index, refs and the stash are never touched.

pub mod apply;
pub mod heal;
pub mod plan;
pub mod revert;

mod ground;
mod hollow;
mod ops;
mod placing;
mod room;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::flush::{self, Order, Outcome, Patience};
use super::home::{Home, User};
use super::{Busy, Refused, chain, record, tip};
use crate::disk::backoff::{Backoff, dice, random};
use crate::disk::file::{self, Durability};
use crate::disk::lock::{Attempt, RefLock};
use crate::disk::{clock, process};
use crate::git::store::Store;
use crate::model::change::Reason;
use crate::model::checkpoint::{Kind, Snapshot};
use crate::model::event::{Event, RestoreAction, Restored, What};
use crate::model::id::EventId;
use crate::model::oid::Oid;
use crate::model::restore::{Item, Step};
use crate::model::settings::{Locking, Settings};
use crate::model::text::Text;
use crate::wire::op::Op;

pub use heal::Healed;
pub use ops::steps_of;

/// More paths than this are counted in the event and not listed.
const MOST_LISTED: usize = 20_000;

/// The right to put files back in one worktree. Its owner is the only one.
pub struct Turn<'a> {
    home: &'a Home,
    settings: Settings,
    excludes_file: Option<std::path::PathBuf>,
    deadline: Instant,
    lock: Option<RefLock>,
}

/// Everything as it is, in a checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct Saved {
    pub id: Oid,
    /// The files; `None`: there are none.
    pub tree: Option<Oid>,
    /// How many paths could not be read, so that nothing is known of them.
    pub unread: u64,
}

/// What a restore is called.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub action: RestoreAction,
    /// What it takes back or goes back to, in words.
    pub label: Text,
    /// What it takes back, as a key.
    pub of: Option<String>,
    /// Paths whose names are all right, odd or not: somebody asked for them, or the record tells of them.
    pub named: Vec<Vec<u8>>,
}

/// What a restore did.
#[derive(Clone, Debug)]
pub struct Applied {
    pub op: EventId,
    /// The checkpoint of the files as they are now, if one could be made.
    pub after: Option<Oid>,
    /// Paths that somebody changed meanwhile: they are as that somebody left them.
    pub stayed: Vec<Text>,
    /// Files that others wrote to while they were replaced, and where those bytes are.
    pub kept: Vec<(Text, std::path::PathBuf)>,
    /// Directories that hold nothing any more, and could not be taken away.
    pub hollow: Vec<Text>,
}

impl<'a> Turn<'a> {
    /// Waits until nobody else puts files back here.
    ///
    /// # Errors
    /// [`Busy`] at the deadline.
    pub fn take(home: &'a Home, user: &User, patience: Duration) -> Result<Self> {
        let (settings, excludes_file) = home.settings(user);
        let deadline = Instant::now() + patience;
        let path = home.place.lock(&ops::lock_name(&home.worktree));
        file::private_dir(&home.place.trace().join("locks"))?;
        let mut pauses = Backoff::new(dice(), Duration::from_millis(1), Duration::from_millis(16));
        let lock = loop {
            let attempt = match settings.lock {
                Locking::Auto => RefLock::attempt(&path)?,
                Locking::Off => Attempt::Unsupported,
            };
            match attempt {
                Attempt::Held(lock) => break Some(lock),
                Attempt::Unsupported => break None,
                Attempt::Busy if Instant::now() >= deadline => {
                    bail!(Busy("another trace is putting files back here; try again".to_owned()))
                }
                Attempt::Busy => thread::sleep(pauses.next().unwrap_or_default()),
            }
        };
        Ok(Self { home, settings, excludes_file, deadline, lock })
    }

    /// Finishes or takes back what another one left half done.
    pub fn heal(&self, store: &Store) -> Result<Vec<Healed>> {
        heal::heal(self.home, store, self.lock.is_some())
    }

    /// Makes a checkpoint of everything as it is.
    pub fn save(&self) -> Result<Saved> {
        save(self.home, &self.settings, self.excludes_file.clone(), self.deadline)
    }

    /// Carries a plan out. Its conflicts are left alone.
    ///
    /// # Errors
    /// Nothing was changed, or everything was taken back; the words say which.
    pub fn apply(&self, store: &Store, saved: Saved, items: &[Item], purpose: &Purpose) -> Result<Applied> {
        let start = clock::now();
        let all: Vec<Step> = items.iter().map(|item| item.step.clone()).collect();
        plan::check_names(self.home, store, &all, &purpose.named)?;
        let clear = items.iter().filter(|item| item.conflict.is_none());
        let steps: Vec<Step> = clear.map(|item| item.step.clone()).collect();
        let op = Op {
            id: EventId::mint(u64::try_from(start.0 / 1000).unwrap_or(0), random()),
            at: start,
            action: purpose.action,
            label: purpose.label.clone(),
            of: purpose.of.clone(),
            saved: saved.id,
            process: process::myself(),
            steps: Vec::new(),
            locked: Vec::new(),
        };
        let done = apply::carry_out(self.home, store, op, steps)?;
        let after = self.after(&done.changed);
        Ok(Applied { op: done.op, after, stayed: done.stayed, kept: done.kept, hollow: done.hollow })
    }

    /// Records what is there now. The restore itself is done: failing here must not look otherwise.
    fn after(&self, changed: &[Text]) -> Option<Oid> {
        let order = Order {
            kind: Kind::Restore,
            paths: Some(changed.iter().map(|path| path.0.clone()).collect()),
            patience: Patience::Until(self.deadline.max(Instant::now() + Duration::from_secs(2))),
            budget: None,
            settings: &self.settings,
            excludes_file: self.excludes_file.clone(),
        };
        match flush::flush(self.home, &order) {
            Ok(outcome) => tip_of(self.home, &outcome),
            Err(error) => {
                super::trouble::note(&self.home.place.common, "after a restore", &format!("{error:#}"));
                None
            }
        }
    }
}

/// Makes a checkpoint of everything as it is.
fn save(
    home: &Home,
    settings: &Settings,
    excludes_file: Option<std::path::PathBuf>,
    deadline: Instant,
) -> Result<Saved> {
    let order = Order {
        kind: Kind::Restore,
        paths: None,
        patience: Patience::Until(deadline),
        budget: None,
        settings,
        excludes_file,
    };
    let outcome = flush::flush(home, &order)?;
    // Whoever was covered by another leader knows that it looked at every file.
    let is_full = match &outcome {
        Outcome::Made(made) => made.header.snapshot == Snapshot::Full,
        Outcome::Nothing { full, .. } => *full,
        Outcome::Covered { .. } => true,
        Outcome::Left => false,
    };
    if !is_full {
        bail!(Refused(
            "the files could not all be looked at: nothing was changed; see `trace doctor`".to_owned()
        ));
    }
    let Some(id) = tip_of(home, &outcome) else { bail!("there is no checkpoint to return to") };
    let store = Store::open(&home.place.store())?;
    let saved = chain::checkpoint(&store, id)?;
    let tree = chain::newest_worktree(&store, Some(&saved))?;
    let skipped = match outcome {
        Outcome::Made(made) => made.facts.skipped,
        Outcome::Nothing { skipped, .. } => skipped,
        Outcome::Covered { .. } | Outcome::Left => {
            chain::facts(&chain::events(&store, saved.tree)?).map(|facts| facts.skipped).unwrap_or_default()
        }
    };
    let unread = skipped.iter().filter(|skip| skip.reason == Reason::Unreadable).count() as u64;
    Ok(Saved { id, tree, unread })
}

/// Makes a checkpoint of everything as it is, to plan by; nobody is kept from putting files back
/// meanwhile.
pub fn look(home: &Home, user: &User, patience: Duration) -> Result<Saved> {
    let (settings, excludes_file) = home.settings(user);
    save(home, &settings, excludes_file, Instant::now() + patience)
}

fn tip_of(home: &Home, outcome: &Outcome) -> Option<Oid> {
    match outcome {
        Outcome::Made(made) => Some(made.id),
        Outcome::Covered { tip, .. } | Outcome::Nothing { tip, .. } => *tip,
        Outcome::Left => tip::intact(home).ok().flatten(),
    }
}

/// Tells of a restore. The event has the operation's id, so telling it twice is telling it once.
fn tell(home: &Home, op: &Op, changed: &[Text]) -> Result<()> {
    let restored = Restored {
        action: op.action,
        label: op.label.clone(),
        of: op.of.clone(),
        saved: op.saved,
        start: op.at,
        end: clock::now(),
        changed: changed.len() as u64,
        paths: if changed.len() > MOST_LISTED { Vec::new() } else { changed.to_vec() },
    };
    let event = Event {
        id: op.id.clone(),
        at: op.at,
        session: None,
        seq: None,
        what: What::Restored(Box::new(restored)),
    };
    record::record(&home.journal(), &record::stem("restore", b""), &[event], Durability::Synced).map(drop)
}
