//! The chains of worktrees that are gone: each gets one last checkpoint.
//!
//! Nobody flushes there any more. What waits in their journals would wait for ever, and what their
//! checkpoints borrow would go with the branch they had. The last checkpoint takes the events, what was
//! said and all that is borrowed into the store: its chain has no base from then on. Nothing is deleted
//! but caches, and a worktree that was taken for gone and is not goes on from there.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::home::{self, Home};
use super::models::News;
use super::pending::{self, Pending};
use super::swap::{self, Swap};
use super::tip::{self, Standing};
use super::transcripts::Gains;
use super::{compose, flush, land, models, trim, trouble};
use crate::disk::backoff::random;
use crate::disk::file::{self, Durability};
use crate::disk::lock::{Attempt, RefLock};
use crate::disk::place::{self, Place};
use crate::disk::{clock, consent};
use crate::git::pack::Pack;
use crate::git::store::Store;
use crate::git::{ObjectKind, absorb, ancestry, commit, tree};
use crate::model::checkpoint::{Checkpoint, Excuse, FORMAT, Files, Header, Kind, Snapshot};
use crate::model::id::WorktreeId;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::wire::message;

/// Nobody beats us to a ref that nobody uses; a batch takes what memory allows. So many are plenty.
const ATTEMPTS: usize = 1_000;

/// More than the list of those seen to takes.
const LIST_CAP: u64 = 16 << 20;

/// What became of the chains of worktrees that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Each has its last checkpoint.
    Done,
    /// Somebody else is seeing to one.
    Elsewhere,
}

/// Whether a worktree is gone and was not seen to. A listing of two directories, as long as there is
/// only one worktree; doubt is a no.
pub fn any(home: &Home) -> bool {
    let Ok(mut known) = home::recorded(&home.place) else { return false };
    known.remove(&home.worktree);
    if known.is_empty() {
        return false;
    }
    let done = finished(&home.place);
    known.retain(|id| !done.contains(id));
    !known.is_empty() && living(home).is_ok_and(|living| !known.is_subset(&living))
}

/// Gives the chain of each worktree that is gone its last checkpoint.
///
/// # Errors
/// That of the last one that could not be finished; the others were.
pub fn finish(home: &Home) -> Result<Finish> {
    // In this order: a worktree that comes meanwhile is not taken for one that is gone.
    let recorded = home::recorded(&home.place)?;
    let living = living(home)?;
    let done = finished(&home.place);
    let mut outcome = Ok(Finish::Done);
    for id in recorded.difference(&living) {
        let gone = absent(home, id);
        if done.contains(id) && !gone.journal().exists() {
            continue;
        }
        match close(&gone).with_context(|| format!("finish the chain of the worktree {id}, which is gone")) {
            Ok(Finish::Done) if done.contains(id) => {}
            Ok(Finish::Done) => file::append(&list(&home.place), format!("{id}\n").as_bytes())?,
            Ok(Finish::Elsewhere) => outcome = outcome.and(Ok(Finish::Elsewhere)),
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

/// The home of a worktree that is gone: of its place, only what all worktrees share is left.
fn absent(home: &Home, id: &WorktreeId) -> Home {
    let common = home.place.common.clone();
    let place = Place { work_tree: None, git_dir: common.clone(), common };
    Home { place, worktree: id.clone(), clone: home.clone.clone() }
}

/// The worktrees that are there.
fn living(home: &Home) -> Result<BTreeSet<WorktreeId>> {
    let mut ids = BTreeSet::from([home.worktree.clone()]);
    for git_dir in place::git_dirs(&home.place.common)? {
        ids.extend(consent::worktree_at(&git_dir)?);
    }
    Ok(ids)
}

/// Those that were seen to. A cache: without it each is looked at once more.
fn finished(place: &Place) -> HashSet<WorktreeId> {
    let bytes = file::read(&list(place), LIST_CAP).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().filter_map(WorktreeId::parse).collect()
}

fn list(place: &Place) -> PathBuf {
    place.cache().join("gone")
}

fn close(gone: &Home) -> Result<Finish> {
    let lock = match RefLock::attempt(&gone.place.lock(&gone.shadow()))? {
        Attempt::Held(lock) => Some(lock),
        Attempt::Busy => return Ok(Finish::Elsewhere),
        Attempt::Unsupported => None,
    };
    if let Some(lock) = &lock {
        swap::heal(gone, lock)?;
    }
    for _ in 0..ATTEMPTS {
        if step(gone, lock.as_ref())? == Step::Nothing {
            for cache in [gone.place.index(&gone.worktree), gone.place.index_log(&gone.worktree)] {
                // Not there, or in the way of nobody.
                let _ = fs::remove_file(cache);
            }
            // Goes only when it is empty.
            let _ = fs::remove_dir(gone.journal());
            return Ok(Finish::Done);
        }
    }
    bail!("there was more to do after {ATTEMPTS} attempts")
}

/// What one attempt found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A checkpoint was made, or the ref moved: look again.
    Again,
    /// No event waits, no conversation gained anything, and nothing is borrowed.
    Nothing,
}

fn step(gone: &Home, lock: Option<&RefLock>) -> Result<Step> {
    let seen = tip::read(gone)?;
    let store = Store::open(&gone.place.store())?;
    let (before, standing) = tip::followed(gone, &store, &seen)?;
    let mut known = models::catch_up(gone, &store, before.as_ref().map(|before| before.id))?;
    let cursor = before.as_ref().map(|before| before.header.cursor.clone()).unwrap_or_default();
    let mut pending = pending::gather(&gone.journal(), &cursor)?;
    let base = before.as_ref().and_then(|before| before.header.base);
    pending.drop_known(&known);
    let gains = flush::gains(gone, &store, Kind::Auto, before.as_ref(), &pending);
    let is_told = pending.consumed == 0 && gains.pieces.is_empty();
    if is_told && base.is_none() && standing == Standing::Named {
        if let Some(unreadable) = pending.unreadable.first() {
            bail!("a journal cannot be read: {unreadable}");
        }
        trim::journals(gone, &cursor);
        return Ok(Step::Nothing);
    }
    flush::set_aside(gone, &pending)?;
    take_along(gone, &store, base)?;
    let mut pack = Pack::new(store.hash_kind());
    let header = header(gone, before.as_ref(), &pending, &gains);
    let lines = [pending.lines(), gains.lines(header.time)].concat();
    let transcripts = gains.tree(&store, &mut pack)?;
    let tree = tree(&mut pack, &lines, transcripts)?;
    let before = before.map(|before| before.id);
    let id = commit::write(&mut pack, tree, before, &message::encode(&header), header.time.secs())?;
    let packed = pack.finish()?;
    land::land(gone, &packed, Durability::Synced).context("write the last checkpoint")?;
    match swap::swap(gone, &seen, id, lock, Durability::Synced)? {
        Swap::Done => {
            let (pack, header, lines, prints) = (&packed.name, &header, &lines, &pending.prints);
            let made = News { id, before, tree, pack, header, lines, prints };
            models::follow(gone, &mut known, &made)?;
        }
        Swap::Moved => {}
    }
    Ok(Step::Again)
}

/// Brings all that the chain borrows from its base into the store.
fn take_along(gone: &Home, store: &Store, base: Option<Oid>) -> Result<()> {
    let Some(base) = base else { return Ok(()) };
    let mut land = |packed| land::land(gone, &packed, Durability::Synced).context("keep borrowed objects");
    let missing = match ancestry::tree_of(store, base)? {
        Some(tree) => absorb::absorb(store, tree, None, &mut land)?.missing,
        None => vec![base],
    };
    if !missing.is_empty() {
        let what = format!("{} objects that checkpoints borrowed are gone already", missing.len());
        trouble::note(&gone.place.common, "keep borrowed objects", &what);
    }
    Ok(())
}

fn tree(pack: &mut Pack, lines: &[u8], transcripts: Option<Oid>) -> Result<Oid> {
    let events = match lines.is_empty() {
        true => None,
        false => Some(pack.add(ObjectKind::Blob, lines)?),
    };
    tree::checkpoint(pack, events, transcripts, None)
}

fn header(gone: &Home, before: Option<&Checkpoint>, pending: &Pending, gains: &Gains) -> Header {
    let last = before.map(|before| &before.header);
    Header {
        subject: match pending.items.is_empty() {
            true => "the worktree is gone".to_owned(),
            false => compose::subject(&pending.items, gains, Files::default()),
        },
        kind: compose::kind(Kind::Auto, &pending.items),
        time: clock::now(),
        worktree: gone.worktree.clone(),
        worktree_path: last.map_or(Text::default(), |last| last.worktree_path.clone()),
        // Where it stood when it was last seen.
        head: last.and_then(|last| last.head),
        branch: last.and_then(|last| last.branch.clone()),
        base: None,
        sessions: compose::sessions(&pending.items, gains),
        commands: compose::commands(pending.events()),
        files: Files::default(),
        snapshot: Snapshot::Skipped(Excuse::Gone),
        skipped: 0,
        set_aside: pending.set_aside.len() as u64,
        continues: None,
        cursor: pending.cursor.clone(),
        unique: random(),
        format: FORMAT,
    }
}
