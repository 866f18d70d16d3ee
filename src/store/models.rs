//! Keeps the read models in step with the chain, whoever died when.

use std::cell::OnceCell;

use anyhow::Result;

use super::headers::{self, Headers, Kept};
use super::home::Home;
use super::late::Open;
use super::ledger::{Extent, Ledger};
use super::seen::{Print, Seen};
use super::trails::{self, Trails};
use super::{chain, ledger, reused};
use crate::git::store::Store;
use crate::model::both::each;
use crate::model::checkpoint::{Checkpoint, Header};
use crate::model::event::Event;
use crate::model::oid::Oid;
use crate::wire::event;

/// To read so many events is work for two.
const MANY: usize = 512;

/// A table of another process may be ahead of us by so many checkpoints before it counts as foreign.
const AHEAD: usize = 256;

/// Opens the set of known events, right for `tip`, and brings the ledger there too.
///
/// Costs nothing if the last leader finished; else the events of the checkpoints in between are read.
/// Where the cache cannot be written, the whole chain is read into memory: recording goes on.
pub fn catch_up(home: &Home, store: &Store, tip: Option<Oid>) -> Result<Seen> {
    match cached(home, store, tip) {
        Ok(seen) => Ok(seen),
        Err(error) => {
            super::trouble::note(&home.place.common, "keep the read models", &format!("{error:#}"));
            let mut all = Vec::new();
            for checkpoint in chain::walk(store, tip).map_while(Result::ok) {
                all.extend(prints(&chain::events(store, checkpoint.tree).unwrap_or_default()));
            }
            Ok(Seen::in_memory(all.into_iter()))
        }
    }
}

fn cached(home: &Home, store: &Store, tip: Option<Oid>) -> Result<Seen> {
    crate::disk::file::private_dir(&home.place.cache())?;
    let mut seen = Seen::open(&home.place.cache().join(format!("seen-{}", home.worktree)));
    let last = ledger::last(home);
    let in_step = seen.tip == tip && last == tip && headers::last(home) == tip && trails::last(home) == tip;
    if in_step || is_ahead(store, seen.tip, tip) {
        return Ok(seen);
    }
    let mut told = trails::read(home);
    let missing = Missing::find(store, tip, [seen.tip, last, headers::last(home), told.tip]);
    let [for_seen, for_ledger, for_headers, for_trails] = missing.lacks;
    if for_seen.is_none() {
        seen.clear()?;
    }
    if for_ledger.is_none() {
        ledger::clear(home)?;
    }
    if for_trails.is_none() {
        told = Trails::default();
    }
    for (at, step) in missing.steps.iter().enumerate().rev() {
        let is_lacked = |newest: Option<usize>| newest.is_none_or(|newest| at < newest);
        let lines = chain::events(store, step.tree)?;
        if is_lacked(for_ledger) {
            ledger::append(home, step.id, &lines)?;
        }
        if is_lacked(for_seen) {
            seen.note(&prints(&lines), step.id)?;
        }
        if is_lacked(for_trails) {
            told.add(step.id, &step.header, &lines);
        }
    }
    if for_headers != Some(0) {
        let kept = if for_headers.is_some() { Kept::All } else { Kept::Nothing };
        let lacked = for_headers.unwrap_or(missing.steps.len());
        headers::replace(home, kept, missing.steps[..lacked].iter().rev())?;
    }
    if told.tip != trails::last(home) {
        trails::replace(home, &told)?;
    }
    Ok(seen)
}

/// Whether a table knows more than we do, of the same chain: then our swap will lose, and what the
/// table holds beyond our tip is dropped by nobody who wins.
fn is_ahead(store: &Store, table: Option<Oid>, tip: Option<Oid>) -> bool {
    let (Some(table), Some(tip)) = (table, tip) else { return false };
    table != tip
        && chain::walk(store, Some(table)).take(AHEAD).map_while(Result::ok).any(|newer| newer.id == tip)
}

/// The set of known events, if it is right for `tip`. Changes nothing.
pub fn known(home: &Home, tip: Option<Oid>) -> Option<Seen> {
    let seen = Seen::open(&home.place.cache().join(format!("seen-{}", home.worktree)));
    (tip.is_some() && seen.tip == tip).then_some(seen)
}

/// The same, made anew from the events of the chain where there is none.
pub fn known_of<'e>(home: &Home, tip: Option<Oid>, events: impl Iterator<Item = &'e Event>) -> Seen {
    known(home, tip).unwrap_or_else(|| Seen::in_memory(events.flat_map(reused::prints)))
}

/// Adds a checkpoint that was just made.
pub fn follow(home: &Home, seen: &mut Seen, made: &News<'_>) -> Result<()> {
    seen.note(made.prints, made.id)?;
    ledger::append(home, made.id, made.lines)?;
    headers::append(home, made)?;
    trails::append(home, made)
}

/// A checkpoint that was just made.
pub struct News<'a> {
    pub id: Oid,
    /// The one that it follows.
    pub before: Option<Oid>,
    pub tree: Oid,
    /// The name of the pack that holds it.
    pub pack: &'a str,
    pub header: &'a Header,
    /// Its events, as they lie in it.
    pub lines: &'a [u8],
    /// By what these are known if they come again.
    pub prints: &'a [Print],
}

/// The chain of a worktree as the read models tell it, and its objects where they do not.
pub struct Chain<'a> {
    pub home: &'a Home,
    /// Opens the store.
    pub open: Open<'a>,
    pub tip: Option<Oid>,
}

impl<'a> Chain<'a> {
    /// Its checkpoints, newest first, into older segments too. Ends at the first error; that the newest
    /// one is in the store is made sure of.
    pub fn walk(&self) -> impl Iterator<Item = Result<Checkpoint>> + use<'a> {
        let known = Headers::open(self.home);
        let mut is_sure = known.newest_is_stored(self.home);
        let mut known = known.peekable();
        let (mut next, open) = (self.tip, self.open);
        std::iter::from_fn(move || {
            let id = next.take()?;
            let found = match known.next_if(|one| one.id == id) {
                Some(found) if is_sure => Ok(found),
                _ => open().and_then(|store| chain::checkpoint(store, id)),
            };
            is_sure = true;
            if let Ok(checkpoint) = &found {
                next = checkpoint.parent.or(checkpoint.header.continues);
            }
            Some(found)
        })
    }

    /// What it says of each branch.
    ///
    /// # Errors
    /// A checkpoint that the read model lacks is damaged.
    pub fn trails(&self) -> Result<Trails> {
        let known = trails::read(self.home);
        if known.tip == self.tip {
            return Ok(known);
        }
        let (mut told, mut newer) = (Trails::default(), Vec::new());
        for checkpoint in self.walk() {
            let checkpoint = checkpoint?;
            if known.tip == Some(checkpoint.id) {
                told = known;
                break;
            }
            newer.push(checkpoint);
        }
        for step in newer.iter().rev() {
            told.add(step.id, &step.header, &chain::events((self.open)()?, step.tree)?);
        }
        Ok(told)
    }

    /// Its events, oldest checkpoint first: those of a ledger that was read, or of its end, and what is
    /// newer.
    ///
    /// # Errors
    /// Damage hides nothing but itself: everything readable was taken before the error is returned.
    pub fn tell(&self, ledger: &Ledger, take: &mut dyn FnMut(Oid, &[u8])) -> Result<Reach> {
        // Most often the newest is all that must be known.
        let (newest, all) = (ledger.newest(), OnceCell::new());
        let has = |id: Oid| newest == Some(id) || all.get_or_init(|| ledger.checkpoints()).contains(&id);
        let mut newer = Vec::new();
        let mut known = None;
        let mut damage = Ok(());
        let patience = match ledger.extent() {
            Extent::Whole => usize::MAX,
            Extent::End => AHEAD,
        };
        for checkpoint in self.walk().take(patience) {
            let found = match checkpoint {
                Ok(found) => found,
                Err(error) => {
                    damage = Err(error);
                    break;
                }
            };
            if has(found.id) {
                known = Some(found.id);
                break;
            }
            match (self.open)().and_then(|store| chain::events(store, found.tree)) {
                Ok(lines) => newer.push((found.id, lines)),
                Err(error) => damage = Err(error),
            }
        }
        if known.is_none() && ledger.extent() == Extent::End {
            return damage.map(|()| Reach::Missed);
        }
        // If the chain cannot be walked back to anything that the ledger has, all of that is shown.
        if known.is_some() || damage.is_err() {
            ledger.sections(known, take);
        }
        newer.iter().rev().for_each(|(id, lines)| take(*id, lines));
        damage.map(|()| Reach::Met)
    }
}

/// Whether an end of the ledger led up to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything that it holds was told, and what is newer.
    Met,
    /// It is not of this chain, or too far behind it: nothing was told.
    Missed,
}

/// The events that the ledger has, for when no ref says which chain they are of.
pub fn tell_ledger(ledger: &Ledger, take: &mut dyn FnMut(Oid, &[u8])) {
    ledger.sections(None, take);
}

/// What read models lack of a chain.
struct Missing<const N: usize> {
    /// Newest first.
    steps: Vec<Checkpoint>,
    /// How many of the newest steps each model lacks; `None` if it is not of this chain.
    lacks: [Option<usize>; N],
}

impl<const N: usize> Missing<N> {
    /// `lasts`: up to which checkpoint each model is right.
    fn find(store: &Store, tip: Option<Oid>, lasts: [Option<Oid>; N]) -> Self {
        let mut missing = Self { steps: Vec::new(), lacks: [None; N] };
        // What lies behind a damaged checkpoint is out of reach, and no reason to stop recording.
        for checkpoint in chain::walk(store, tip).map_while(Result::ok) {
            for (lacks, last) in missing.lacks.iter_mut().zip(&lasts) {
                if *last == Some(checkpoint.id) {
                    *lacks = Some(missing.steps.len());
                }
            }
            if missing.lacks.iter().all(Option::is_some) {
                break;
            }
            missing.steps.push(checkpoint);
        }
        missing
    }
}

/// By what these events are known again.
fn prints(lines: &[u8]) -> Vec<Print> {
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let of = |line: &&[u8]| event::decode(line).ok().map(|event| reused::prints(&event));
    each(&lines, MANY, of).into_iter().flatten().flatten().collect()
}
