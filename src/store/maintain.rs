//! Merges small packs, so that opening the store stays cheap. Drops no object.
//!
//! `git pack-objects` finds the deltas. It is given an explicit list, the union of what the old packs
//! hold, because its own ways of choosing leave out what the user's repository also has
//! (`--local`), or take in the user's whole history. The new pack is durable before an old one goes,
//! and an old one goes only if every one of its objects is in the new one.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::home::Home;
use super::orphans::{self, Finish};
use super::{chain, child, trim, trouble};
use crate::disk::backoff::random;
use crate::disk::file::{self, Durability};
use crate::disk::lock::{Attempt, RefLock};
use crate::disk::place::Place;
use crate::git::store::Store;
use crate::git::{ancestry, own, run};
use crate::model::digest;
use crate::model::oid::Oid;

/// So many packs are merged into one.
pub const DUE: usize = 32;

/// While a merge is at work, every so many packs are reason to try.
const AGAIN: usize = 8;

/// Where maintenance failed the next would too: it is left alone for so long. What was to become a pack,
/// ours or git's, and is older than this is nobody's.
const PAUSE: Duration = Duration::from_secs(3600);

/// More checkpoints than this do not come while a merge chooses its packs.
const MOST_NEWER: usize = 1_000;

/// What git compares an object with takes no more memory than this. Among pieces of long conversations
/// that is less than half of the time and a third of the memory, for packs that are a sixteenth larger;
/// of small objects it is more than git compares anyway.
const WINDOW: &str = "pack.windowMemory=16m";

/// How the names of folders begin in which a merge makes its pack; only the merger touches them.
const ROOM: &str = "merge-";

/// Starts maintenance in the background if it is due. Nobody waits for it. `packs`: how many there were,
/// and how many there are now.
pub fn if_due(home: &Home, packs: Range<usize>) {
    let due = is_due(&packs) || orphans::any(home);
    if !due || !is_rested(age(&stamp(home))) {
        return;
    }
    if let Err(error) = child::spawn(home, &["hook", "maintain"]) {
        trouble::note(&home.place.common, "start maintenance", &format!("{error:#}"));
    }
}

/// Every so many packs, which a checkpoint may pass by: it comes with more than one where the base moves.
fn is_due(packs: &Range<usize>) -> bool {
    packs.end >= DUE && packs.start / AGAIN < packs.end / AGAIN
}

fn is_rested(since_failure: Option<Duration>) -> bool {
    since_failure.is_none_or(|since| since > PAUSE)
}

/// Does all maintenance there is: finishes the chains of worktrees that are gone, and merges packs.
///
/// # Errors
/// Then nobody tries again for an hour, but who asks for it.
pub fn tend(home: &Home) -> Result<()> {
    let tended = match orphans::finish(home) {
        // They will merge too.
        Ok(Finish::Elsewhere) => return Ok(()),
        Ok(Finish::Done) => merge(home).map(drop),
        Err(error) => merge(home).and(Err(error)),
    };
    // A mark that cannot be made or removed costs a needless try, or an hour.
    let _ = match &tended {
        Ok(()) => fs::remove_file(stamp(home)).map_err(Into::into),
        Err(_) => file::replace(&stamp(home), b"", Durability::Buffered),
    };
    tended
}

/// What a merge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// So many packs became one.
    Done(usize),
    /// There was nothing to do, or somebody else is doing it.
    Nothing,
}

/// Merges the small packs, and each larger one that holds no more than twice what was taken so far.
///
/// A damaged pack stays as it is, for `fsck` to tell of, and the others are merged without it.
pub fn merge(home: &Home) -> Result<Merge> {
    let lock = RefLock::attempt(&home.place.lock("store"))?;
    let Attempt::Held(_lock) = lock else { return Ok(Merge::Nothing) };
    sweep(&home.place);
    merge_sound(home)
}

fn merge_sound(home: &Home) -> Result<Merge> {
    let dir = home.place.store();
    let store = Store::open(&dir)?;
    let readable = |pack: &PackFile| own::ids_of_index(&pack.idx, store.hash_kind()).is_ok();
    let (chosen, mut damaged): (Vec<_>, Vec<_>) = choose(packs(&dir)).into_iter().partition(readable);
    let mut merged = merge_chosen(home, &store, &chosen);
    if merged.is_err() {
        // Looking at every byte takes as long as merging does: only where that failed.
        let (sound, bad): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|pack| is_sound(&dir, pack));
        // If all are bad, something else is.
        if !sound.is_empty() && !bad.is_empty() {
            merged = merge_chosen(home, &store, &sound);
            damaged.extend(bad);
        }
    }
    for pack in damaged {
        let what = format!("{} is damaged and was left out; see `trace fsck`", pack.idx.display());
        trouble::note(&home.place.common, "merge packs", &what);
    }
    merged
}

/// Whether git can read every object of a pack.
fn is_sound(store: &Path, pack: &PackFile) -> bool {
    let mut git = run::command(Some(store));
    git.arg("verify-pack").arg(&pack.idx).stdout(Stdio::null()).stderr(Stdio::null());
    git.status().is_ok_and(|status| status.success())
}

fn merge_chosen(home: &Home, store: &Store, chosen: &[PackFile]) -> Result<Merge> {
    if chosen.len() < 2 {
        return Ok(Merge::Nothing);
    }
    let mut listed = HashSet::new();
    for pack in chosen {
        listed.extend(own::ids_of_index(&pack.idx, store.hash_kind())?);
    }
    let order = telling_order(store, &listed)?;
    let room = home.place.incoming().join(format!("{ROOM}{}", digest::hex(&random::<8>())));
    file::private_dir(&room)?;
    let merged =
        pack_into(store.dir(), &room, &order).and_then(|name| land(&room, &name, store, chosen, &listed));
    let _ = fs::remove_dir_all(&room);
    merged.map(|()| Merge::Done(chosen.len()))
}

/// Removes what mergers that died left behind, and the gits they had started; and what anybody left long
/// ago. Only under the store's lock.
fn sweep(place: &Place) {
    for entry in fs::read_dir(place.incoming()).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(ROOM) {
            let _ = fs::remove_dir_all(path);
        } else if age(&path).is_some_and(|age| age > PAUSE) {
            trim::remove(&path);
        }
    }
    let written = [place.cache(), place.indices(), place.store().join("refs/trace/shadow")];
    written.iter().for_each(|dir| trim::temporaries(dir));
    for entry in fs::read_dir(pack_dir(&place.store())).into_iter().flatten().flatten() {
        let temporary = entry.file_name().as_encoded_bytes().starts_with(b"tmp_");
        if temporary && age(&entry.path()).is_some_and(|age| age > PAUSE) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The file whose age says how long ago maintenance failed.
fn stamp(home: &Home) -> PathBuf {
    home.place.cache().join("maintenance-failed")
}

/// How long ago a file was written; `None` if there is none.
fn age(path: &Path) -> Option<Duration> {
    let written = fs::symlink_metadata(path).and_then(|meta| meta.modified()).ok()?;
    Some(written.elapsed().unwrap_or_default())
}

fn pack_dir(store: &Path) -> PathBuf {
    store.join("objects").join("pack")
}

#[derive(Clone, Debug)]
struct PackFile {
    idx: PathBuf,
    len: u64,
}

fn packs(store: &Path) -> Vec<PackFile> {
    let entries = fs::read_dir(pack_dir(store)).into_iter().flatten().flatten();
    let indices =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "idx"));
    indices
        .filter_map(|idx| {
            let len = fs::metadata(idx.with_extension("pack")).ok()?.len();
            Some(PackFile { idx, len })
        })
        .collect()
}

/// Smallest first; a pack is taken along while it is at most twice as large as all before it, so each
/// object is merged a logarithmic number of times.
fn choose(mut packs: Vec<PackFile>) -> Vec<PackFile> {
    packs.sort_by_key(|pack| pack.len);
    let mut taken: u64 = 0;
    let mut count = 0;
    for pack in &packs {
        if count >= DUE / 2 && pack.len > taken.saturating_mul(2) {
            break;
        }
        taken += pack.len;
        count += 1;
    }
    packs.truncate(count);
    packs
}

/// The objects with their paths, newest checkpoint first: what makes good deltas. Those that no
/// checkpoint reaches (the pack of a lost swap) follow; they are kept all the same.
fn telling_order(store: &Store, listed: &HashSet<Oid>) -> Result<Vec<u8>> {
    let mut git = run::command(Some(store.dir()));
    git.args(["rev-list", "--objects", "--in-commit-order", "--ignore-missing", "--glob=refs/trace/*"]);
    git.args(borders(store, listed)?);
    git.stdout(Stdio::piped()).stderr(Stdio::null());
    let output = run::output(&mut git).context("run git rev-list")?;
    let mut order = Vec::new();
    let mut told = HashSet::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        let hex = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        if let Some(id) = Oid::parse(hex).filter(|id| listed.contains(id))
            && told.insert(id)
        {
            order.extend_from_slice(line);
            order.push(b'\n');
        }
    }
    for id in listed.difference(&told) {
        order.extend_from_slice(format!("{id}\n").as_bytes());
    }
    Ok(order)
}

/// What need not be walked, as `^<id>`: where each chain leaves the packs to be merged, or each merge
/// would cost what the whole history does, and the trees that those checkpoints borrow from (naming the
/// user's commit would not do: git leaves out the trees of parents only).
///
/// git could name the user's refs itself (`--alternate-refs`), with a program that configuration names.
fn borders(store: &Store, listed: &HashSet<Oid>) -> Result<Vec<String>> {
    let mut git = run::command(Some(store.dir()));
    git.args(["for-each-ref", "--format=%(objectname)", "refs/trace/"]).stderr(Stdio::null());
    let tips = run::output(&mut git).context("run git for-each-ref")?.stdout;
    let parent = |id: Oid| store.commit(id).ok().flatten().and_then(|commit| commit.parent);
    let (mut borders, mut bases) = (HashSet::new(), HashSet::new());
    for tip in tips.split(|byte| *byte == b'\n').filter_map(Oid::parse) {
        // The newest may have come after the packs were counted.
        let newest = std::iter::successors(Some(tip), |id| parent(*id)).take(MOST_NEWER);
        let Some(inside) = newest.into_iter().find(|id| listed.contains(id)) else {
            borders.insert(tip);
            continue;
        };
        let mut next = Some(inside);
        while let Some(id) = next.filter(|id| listed.contains(id)) {
            let checkpoint = chain::checkpoint(store, id).ok();
            bases.extend(checkpoint.as_ref().and_then(|checkpoint| checkpoint.header.base));
            next = checkpoint.and_then(|checkpoint| checkpoint.parent);
        }
        borders.extend(next);
    }
    borders.extend(bases.into_iter().filter_map(|base| ancestry::tree_of(store, base).ok().flatten()));
    Ok(borders.into_iter().map(|id| format!("^{id}")).collect())
}

fn pack_into(store: &Path, room: &Path, order: &[u8]) -> Result<String> {
    let mut git = run::command(Some(store));
    git.args([
        "-c",
        "pack.threads=1",
        "-c",
        WINDOW,
        "-c",
        "core.fsync=pack,pack-metadata",
        "pack-objects",
        "-q",
        "--delta-base-offset",
    ]);
    git.arg(room.join("pack")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = git.spawn().context("run git pack-objects")?;
    let mut stdin = child.stdin.take().context("git pack-objects takes a list")?;
    let list = order.to_vec();
    let feeder = std::thread::Builder::new().spawn(move || stdin.write_all(&list));
    let output = run::finish(child).context("wait for git pack-objects")?;
    let fed = feeder
        .context("start a thread for the list")?
        .join()
        .map_err(|_| anyhow::anyhow!("feeding git pack-objects failed"))?;
    ensure!(output.status.success(), "git pack-objects: {}", String::from_utf8_lossy(&output.stderr).trim());
    fed.context("feed git pack-objects")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn land(room: &Path, name: &str, store: &Store, old: &[PackFile], listed: &HashSet<Oid>) -> Result<()> {
    let new = room.join(format!("pack-{name}.idx"));
    let held: HashSet<Oid> = own::ids_of_index(&new, store.hash_kind())?.into_iter().collect();
    ensure!(listed.is_subset(&held), "the merged pack lacks {} objects", listed.difference(&held).count());
    let packs = pack_dir(store.dir());
    for end in ["pack", "idx"] {
        let from = room.join(format!("pack-{name}.{end}"));
        let synced = fs::File::open(&from).and_then(|file| file.sync_all());
        synced
            .and_then(|()| fs::rename(&from, packs.join(format!("pack-{name}.{end}"))))
            .with_context(|| format!("move {}", from.display()))?;
    }
    file::sync_dir(&packs)?;
    for pack in old.iter().filter(|pack| !pack.idx.ends_with(format!("pack-{name}.idx"))) {
        // The index first: a pack without one does not exist, an index without its pack is an error.
        for path in [pack.idx.clone(), pack.idx.with_extension("pack")] {
            fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
        }
        for end in ["rev", "keep"] {
            let _ = fs::remove_file(pack.idx.with_extension(end));
        }
    }
    file::sync_dir(&packs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_every_few_packs_however_many_come_at_once_but_not_soon_after_it_failed() {
        for (packs, due) in
            [(0..1, false), (7..8, false), (30..31, false), (31..32, true), (32..33, false), (38..41, true)]
        {
            assert_eq!(is_due(&packs), due, "{packs:?} packs");
        }
        for (seconds, rested) in [(60, false), (3601, true)] {
            assert_eq!(is_rested(Some(Duration::from_secs(seconds))), rested, "after {seconds} s");
        }
        assert!(is_rested(None));
    }

    #[test]
    fn small_packs_are_merged_and_a_large_one_only_when_it_is_worth_it() {
        let sized = |sizes: &[u64]| {
            let packs = sizes
                .iter()
                .enumerate()
                .map(|(at, len)| PackFile { idx: format!("{at}.idx").into(), len: *len });
            choose(packs.collect()).len()
        };
        let mut many = vec![10; 31];
        many.push(500);
        assert_eq!(sized(&many), 32, "310 bytes take 500 along");
        many[31] = 1000;
        assert_eq!(sized(&many), 31, "but not 1000");
        assert_eq!(sized(&[1, 1]), 2);
    }
}
