//! Flushes that nobody waits for, and the guard, which somebody does, briefly.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};

use crate::disk::journal;
use crate::model::checkpoint::Kind;
use crate::store::flush::{self, Order, Outcome, Patience};
use crate::store::home::{Home, User};
use crate::store::{led, tip};

/// Events wait no longer than this before somebody starts a flush.
const AGE: Duration = Duration::from_secs(30);

/// A leader looks so often whether more came while it was at work.
const AGAIN: usize = 8;

/// Starts a flush of its own for this worktree and returns at once.
pub fn spawn(home: &Home, kind: Kind) -> Result<()> {
    let myself = std::env::current_exe().context("find our own program")?;
    let mut child = Command::new(myself);
    child.args(["hook", "flush", kind.word()]).current_dir(home.place.top()?);
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: the shell's hang-up and Ctrl-C are not for it.
    child.process_group(0);
    child.spawn().context("start a flush in the background").map(drop)
}

/// Starts one if nobody has led for a while.
pub fn spawn_if_old(home: &Home) -> Result<()> {
    let young = |at: SystemTime| at.elapsed().unwrap_or_default() < AGE;
    match led::left_at(home) {
        Some(at) if young(at) => Ok(()),
        _ => spawn(home, Kind::Auto),
    }
}

/// Flushes, and flushes again while others leave work to us because we hold the lock.
pub fn run(home: &Home, user: &User, kind: Kind) -> Result<()> {
    let (settings, excludes_file) = home.settings(user);
    for _ in 0..AGAIN {
        let order = Order {
            kind,
            paths: None,
            patience: Patience::Leave,
            budget: Some(Duration::from_secs(60)),
            settings: &settings,
            excludes_file: excludes_file.clone(),
        };
        let outcome = flush::flush(home, &order)?;
        if matches!(outcome, Outcome::Left) || !grew(home)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether the journals hold more than the newest checkpoint does.
fn grew(home: &Home) -> Result<bool> {
    let store = crate::git::store::Store::open(&home.place.store())?;
    let Some(tip) = tip::intact(home)? else { return Ok(false) };
    let cursor = crate::store::chain::checkpoint(&store, tip)?.header.cursor;
    let listing = journal::list(&home.journal())?;
    Ok(listing.found.iter().any(|found| cursor.0.get(&found.name).is_none_or(|at| at.offset < found.len)))
}

/// Takes a checkpoint before something destructive runs; returns within the limit the user set.
pub fn guard(home: &Home, user: &User) -> Result<()> {
    let (settings, excludes_file) = home.settings(user);
    let Some(limit) = settings.guard else { return Ok(()) };
    let order = Order {
        kind: Kind::Guard,
        paths: None,
        patience: Patience::Until(Instant::now() + limit),
        // The rest is for writing what was found.
        budget: Some(limit.mul_f32(0.8)),
        settings: &settings,
        excludes_file,
    };
    flush::flush(home, &order).map(drop)
}

/// The home of the worktree that `dir` lies in, if this user enabled it.
pub fn home_at(dir: &Path, user: &User, told: &crate::disk::place::Told) -> Result<Option<Home>> {
    let Some(state) = &user.state else { return Ok(None) };
    match crate::disk::place::Place::find(dir, told)? {
        Some(place) if place.work_tree.is_some() => Home::of(place, state),
        _ => Ok(None),
    }
}
