//! Flushes that nobody waits for, and the guard, which somebody does, briefly.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;

use crate::disk::journal;
use crate::disk::place::{Place, Told};
use crate::model::checkpoint::Kind;
use crate::store::flush::{self, Order, Outcome, Patience};
use crate::store::home::{Home, User};
use crate::store::{child, led, tip};

/// Events wait no longer than this before somebody starts a flush.
const AGE: Duration = Duration::from_secs(30);

/// A leader looks so often whether more came while it was at work.
const AGAIN: usize = 8;

/// Starts a flush of its own for this worktree and returns at once.
pub fn spawn(home: &Home, kind: Kind) -> Result<()> {
    child::spawn(home, &["hook", "flush", kind.word()])
}

/// Whether nobody has led for a while, so that somebody should start one.
pub fn is_due(home: &Home) -> bool {
    // A record from the future is one from before the clock was set back.
    let young = |at: SystemTime| at.elapsed().is_ok_and(|age| age < AGE);
    !led::left_at(home).is_some_and(young)
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

/// The home of the worktree that `dir` lies in, or that the environment names, if this user enabled it.
pub fn home_at(dir: &Path, user: &User, told: &Told) -> Result<Option<Home>> {
    home(Place::find(dir, told)?, user)
}

/// The same for a caller that says itself where it works: what the environment says counts only
/// where it does not speak of another repository.
///
/// A git hook of one repository may start an agent that works in another, and `GIT_DIR` stays set.
pub fn home_of_caller(dir: &Path, user: &User, told: &Told) -> Result<Option<Home>> {
    let upward = Place::find(dir, &Told::default());
    if told.git_dir.is_none() {
        return home(upward?, user);
    }
    let place = match (upward, Place::find(dir, told)) {
        (Ok(Some(found)), Ok(Some(named))) if named.git_dir == found.git_dir => Some(named),
        (Ok(Some(found)), _) => Some(found),
        (_, named) => named?,
    };
    home(place, user)
}

fn home(place: Option<Place>, user: &User) -> Result<Option<Home>> {
    match (place, &user.state) {
        (Some(place), Some(state)) if place.work_tree.is_some() => Home::of(place, state),
        _ => Ok(None),
    }
}
