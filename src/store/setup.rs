//! Makes the store of a clone, and takes everything of ours away again.
//!
//! A repository may come from strangers, our folder in it included. So what is found there is
//! believed only as far as its objects go: no link is followed, and what git would obey is made anew.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Busy;
use super::home::Home;
use crate::disk::backoff::{Backoff, dice, random};
use crate::disk::consent::UserState;
use crate::disk::file::{self, Durability};
use crate::disk::lock::{Attempt, RefLock};
use crate::disk::place::{self, Place};
use crate::git::config::{Config, Places};
use crate::git::{head, store};
use crate::model::digest;

/// All that we make in the store, level by level. git would obey much else: hooks, attributes,
/// another common directory, replacements, a commit graph.
const OURS: [(&str, &[&str]); 5] = [
    ("", &["HEAD", "config", "objects", "refs", "incoming", "quarantine"]),
    ("objects", &["info", "pack"]),
    ("objects/info", &["alternates"]),
    ("objects/pack", &[]),
    ("refs", &["heads", "trace"]),
];

/// How the files in `objects/pack` end that we make, or that git makes for us.
const PACKS: [&str; 4] = ["pack", "idx", "rev", "keep"];

/// Our folder in this repository holds what we would not have made.
#[derive(Debug)]
pub struct NotOurs(String);

impl std::fmt::Display for NotOurs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotOurs {}

/// Enables recording at `place` and makes the store if there is none. Doing it again changes nothing.
///
/// # Errors
/// [`NotOurs`] if what lies in our folder's place is not to be touched.
pub fn enable(place: &Place, state: &UserState, user_home: Option<&Path>) -> Result<Home> {
    refuse_everything(place, user_home)?;
    let known = state.enabled(place)?.is_some();
    if !known {
        inspect(&place.trace())?;
        inspect(&place.git_dir.join("trace"))?;
    }
    for dir in ["journal", "index", "cache", "locks", "ops"] {
        file::private_dir(&place.trace().join(dir))?;
    }
    // Two that enable at once would each mint an id for the clone.
    let _alone = wait_for_lock(place)?;
    make_directories(&place.store())?;
    if !known {
        set_strangers_aside(place)?;
    }
    make_store(place)?;
    state.enable(place)?;
    Home::of(place.clone(), state)?.context("the repository was enabled just now")
}

/// Waits its turn; where the file system has no locks there are no turns.
fn wait_for_lock(place: &Place) -> Result<Option<RefLock>> {
    let deadline = Instant::now() + Duration::from_secs(30);
    for pause in Backoff::new(dice(), Duration::from_millis(1), Duration::from_millis(20)) {
        match RefLock::attempt(&place.lock("store"))? {
            Attempt::Held(lock) => return Ok(Some(lock)),
            Attempt::Unsupported => return Ok(None),
            Attempt::Busy if Instant::now() > deadline => break,
            Attempt::Busy => thread::sleep(pause),
        }
    }
    bail!(Busy(format!("another trace has been at work in {} for long", place.trace().display())))
}

/// A snapshot of a home directory or of a whole machine helps nobody.
fn refuse_everything(place: &Place, user_home: Option<&Path>) -> Result<()> {
    let top = place.top()?;
    let home = user_home.and_then(|home| fs::canonicalize(home).ok());
    if top.parent().is_none() || home.as_deref() == Some(top) {
        bail!("{} is a home directory or a root: trace records projects, not machines", top.display());
    }
    Ok(())
}

/// Refuses a folder in which something is no plain file or directory of this user's.
///
/// We would follow a link out of it, wait for a pipe, or trust what another may change.
fn inspect(top: &Path) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    let mut todo = vec![top.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("look at {}", path.display())),
        };
        let what = match () {
            () if meta.uid() != me => "belongs to somebody else",
            () if meta.is_dir() => {
                todo.extend(names(&path)?.into_iter().map(|name| path.join(name)));
                continue;
            }
            () if meta.is_file() && path != top => continue,
            () => "is no plain file or directory",
        };
        let advice = format!("{} {what}, so trace did not make it: move {}", path.display(), top.display());
        bail!(NotOurs(advice + " away, and enable again"));
    }
    Ok(())
}

fn make_directories(store: &Path) -> Result<()> {
    let all = ["objects/info", "objects/pack", "refs/heads", "refs/trace/shadow", "incoming", "quarantine"];
    all.iter().try_for_each(|inner| file::private_dir(&store.join(inner)))
}

fn make_store(place: &Place) -> Result<()> {
    let dir = place.store();
    let kind = head::hash_kind(&place.common)?;
    let promisor = head::is_promisor(&place.common);
    // What a newer version made stays as it is: opening it says what to do.
    if !is_newer(&dir) {
        for (name, bytes) in store::layout(kind, promisor) {
            let path = dir.join(name);
            if file::read(&path, 1 << 20).ok().flatten().as_ref() != Some(&bytes) {
                file::replace(&path, &bytes, Durability::Synced)?;
            }
        }
    }
    store::Store::open(&dir).map(drop).with_context(|| format!("open the store {}", dir.display()))
}

/// Whether the store's configuration says that a newer version made it.
fn is_newer(store: &Path) -> bool {
    let config = Config::read(&Places { common_dir: Some(store), ..Places::default() });
    let settings = config.map(|config| config.settings()).unwrap_or_default();
    let format = settings.iter().rev().find(|setting| setting.key == "format");
    format.and_then(|format| format.value.parse().ok()).is_some_and(|format: i64| format > store::LAYOUT)
}

/// Moves what is not [`OURS`] out of git's sight. Nothing is deleted: it may be somebody's.
fn set_strangers_aside(place: &Place) -> Result<()> {
    let store = place.store();
    let room = place.quarantine().join(format!("foreign-{}", digest::hex(&random::<8>())));
    for (level, ours) in OURS {
        for name in names(&store.join(level))? {
            let known = name.to_str().is_some_and(|name| ours.contains(&name) || is_object_file(level, name));
            if !known {
                let aside = room.join(level);
                file::private_dir(&aside)?;
                let path = store.join(level).join(&name);
                fs::rename(&path, aside.join(&name))
                    .with_context(|| format!("set {} aside", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Whether it is a file of objects, or a directory of loose ones.
fn is_object_file(level: &str, name: &str) -> bool {
    match level {
        "objects" => name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "objects/pack" => name.rsplit_once('.').is_some_and(|(_, end)| PACKS.contains(&end)),
        _ => false,
    }
}

fn names(dir: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("list {}", dir.display());
    let entries = fs::read_dir(dir).with_context(context)?;
    entries.map(|entry| Ok(PathBuf::from(entry.with_context(context)?.file_name()))).collect()
}

/// Removes everything recorded here, for good.
pub fn purge(place: &Place) -> Result<()> {
    let git_dirs = place::git_dirs(&place.common)?;
    let all = git_dirs.iter().chain([&place.git_dir]).map(|dir| dir.join("trace"));
    for dir in all {
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("remove {}", dir.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
