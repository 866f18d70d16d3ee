//! Floor 2: the promises, and how each is kept.
//!
//! - **Acknowledged means kept, once.** An event is acknowledged when its one `write(2)` to the
//!   journal returned ([`record`]), synced if it asked for that. The cursor, up to where each journal
//!   is contained, is part of the checkpoint's commit, so it moves with the swap of the ref or not at
//!   all: a flush that died anywhere is simply done again ([`flush`]). What is delivered twice is
//!   dropped by id ([`seen`]); an id that now stands for something else is no repetition ([`reused`]).
//! - **A ref never names what is not there.** Objects go into one pack, synced and renamed before the
//!   ref moves ([`land`]); the ref moves by compare-and-swap under git's own `<ref>.lock` ([`swap`]).
//!   The swap keeps us right, the lock keeps us quick: with `trace.lock=off` nothing is lost either.
//!   A ref that is lost or damaged is followed from the longest whole chain ([`tip`]); what the system
//!   does not let us read for now is neither.
//! - **Nobody waits who did not ask to.** A background flush that finds the lock taken goes away, for
//!   its events are in the journal and the leader looks again before it stops. Who waits has a
//!   deadline, and is done as soon as any leader began after they came ([`led`]).
//! - **Nothing is deleted that no checkpoint holds.** A journal file goes when all of it is in the
//!   chain and nobody has it open ([`trim`]); packs are only ever merged ([`maintain`]); what is
//!   damaged is set aside in `quarantine/` and counted.
//! - **The user's history may move.** Checkpoints borrow objects of one base commit; when that is no
//!   longer part of HEAD's history, what they borrow is copied first ([`base`]).
//! - **A worktree may go.** Its chain gets one last checkpoint, which takes its waiting events, what was
//!   said in it and all that it borrowed into the store ([`orphans`]).
//! - **Anything can be put back.** The present state is saved first, the plan is on the device before
//!   the first path changes, and every path is at any moment as it was or as it is to be
//!   ([`restore`]); who is killed in it is finished by the next command.
//! - **A conversation outlives its agent's copy.** What a transcript gained since the checkpoint before
//!   goes into the next one, and with it up to where ([`transcripts`]).
//! - **No silence.** What failed is noted in `trouble.jsonl`, bounded ([`trouble`]).
//!
//! `cache/` and `index/` may be deleted at any time: [`seen`], [`ledger`], [`headers`] and [`trails`]
//! name the checkpoint they are right for and are caught up from the chain ([`models`]).

pub mod aside;
pub mod base;
pub mod chain;
pub mod checkout;
pub mod child;
pub mod compose;
pub mod draft;
pub mod flush;
pub mod fsck;
pub mod gain;
pub mod headers;
pub mod home;
pub mod land;
pub mod late;
pub mod led;
pub mod ledger;
pub mod lineage;
pub mod maintain;
pub mod models;
pub mod orphans;
pub mod pending;
pub mod record;
pub mod restore;
pub mod reused;
pub mod seen;
pub mod setup;
pub mod snapshot;
pub mod swap;
pub mod tip;
pub mod trails;
pub mod transcripts;
pub mod trim;
pub mod trouble;

/// Somebody else was at work for longer than the caller could wait. Nothing is lost: try again.
#[derive(Debug)]
pub struct Busy(pub String);

/// The store is damaged where this was needed.
#[derive(Debug)]
pub struct Damaged(pub String);

/// It is not done, for a reason that the words give. Nothing was changed.
#[derive(Debug)]
pub struct Refused(pub String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Busy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Busy {}
impl std::error::Error for Refused {}
impl std::error::Error for Damaged {}
