//! A flush that its caller waits for, as the commands that need one order it.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::world::World;
use crate::model::both::both;
use crate::model::checkpoint::Kind;
use crate::model::settings::Settings;
use crate::store::flush::{self, Order, Outcome, Patience};
use crate::store::home::Home;

/// A person waits so long for others before they are told to try again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a checkpoint now, and waits for it.
pub fn now(world: &World, home: &Home, kind: Kind, paths: Option<Vec<Vec<u8>>>) -> Result<Outcome> {
    let known = home.settings(&world.user);
    warn(&known.0);
    by(home, kind, paths, known)
}

/// Takes checkpoints until one holds the last of what was told.
pub fn all(world: &World, home: &Home) -> Result<()> {
    warn(&home.settings(&world.user).0);
    rest(world, home)
}

/// Takes checkpoints of what is told to journals, while it is told: `tell` says each time whose got
/// something.
pub fn beside<T>(world: &World, tell: impl FnOnce(&dyn Fn(&Home)) -> Result<T>) -> Result<T> {
    let (told, due) = mpsc::channel();
    let due = Mutex::new(due);
    let tell = move || {
        // Who takes them lives as long as we do.
        tell(&|home| told.send(home.clone()).unwrap_or_default())
    };
    let (done, kept) = both(tell, || keep(world, &due));
    let done = done?;
    kept.map(|()| done)
}

/// Until nobody tells anything any more. Where it fails it is tried again when more is told: somebody may
/// have been in the way.
fn keep(world: &World, due: &Mutex<Receiver<Home>>) -> Result<()> {
    let due = due.lock().map_err(|_| anyhow!("a thread came to an end"))?;
    let (mut met, mut failed): (Vec<Home>, Vec<Home>) = (Vec::new(), Vec::new());
    let mut kept = Ok(());
    while let Ok(first) = due.recv() {
        let mut homes = std::mem::take(&mut failed);
        for home in std::iter::once(first).chain(due.try_iter()) {
            if !is_among(&homes, &home) {
                homes.push(home);
            }
        }
        kept = Ok(());
        for home in homes {
            if !is_among(&met, &home) {
                warn(&home.settings(&world.user).0);
                met.push(home.clone());
            }
            if let Err(error) = rest(world, &home) {
                kept = Err(error);
                failed.push(home);
            }
        }
    }
    kept
}

fn is_among(homes: &[Home], home: &Home) -> bool {
    homes.iter().any(|one| one.worktree == home.worktree)
}

fn rest(world: &World, home: &Home) -> Result<()> {
    while let Outcome::Made(made) = by(home, Kind::Manual, None, home.settings(&world.user))? {
        if !made.more {
            break;
        }
    }
    Ok(())
}

fn warn(settings: &Settings) {
    for refused in &settings.refused {
        super::output::say(&format!("trace: ignored setting: {refused}"));
    }
}

fn by(
    home: &Home,
    kind: Kind,
    paths: Option<Vec<Vec<u8>>>,
    (settings, excludes_file): (Settings, Option<PathBuf>),
) -> Result<Outcome> {
    let patience = Patience::Until(Instant::now() + PATIENCE);
    let order = Order { kind, paths, patience, budget: None, settings: &settings, excludes_file };
    flush::flush(home, &order)
}
