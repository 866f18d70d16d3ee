//! The flight recorder of a git worktree.
//!
//! Everything that happens is an event; events wait in a journal; a batch of events and a snapshot of
//! the files become one commit, a checkpoint, on the shadow ref of their worktree, in a private store
//! beside the user's repository. It promises that nothing acknowledged is lost, that it can be read
//! back with plain git, and that nobody waits for it. [`store`] holds the promises and how each is
//! kept, [`wire`] the formats byte by byte.
//!
//! # The map
//!
//! Data goes down when it is written and comes up when it is read. A module uses the floors below its
//! own, never its neighbours, never those above; `tests/it/floors.rs` holds us to it.
//!
//! | floor | module | holds | absent on purpose |
//! |---|---|---|---|
//! | 4 | [`cli`] | the command line, hooks, environment, terminal | decisions |
//! | 3 | [`capture`] | shells, agents, git, their hooks, `trace run`: what happened, as events | reading back |
//! | 3 | [`recall`] | listings, search, selectors, differences, who changed what, why a line is there, what led to a commit, sessions, what undo takes back | writing |
//! | 2 | [`store`] | record, flush, swap, transcripts, restore, read models, merging, checking | the terminal |
//! | 1 | [`wire`] | bytes to model and back, pure | files |
//! | 1 | [`disk`] | files, locks, journals, consent, clocks, dice | git objects |
//! | 1 | [`git`] | objects, packs, trees, blame, the scan of the worktree; the only user of gix | writing files |
//! | 1 | [`view`] | words, tables, a screen of keys and lines, JSON, pure | reading anything |
//! | 0 | [`model`] | what things are and what follows, pure | files, clock, dice, gix |
//!
//! # Reading order
//!
//! [`model::event`], [`model::checkpoint`] and [`model::cursor`] for the nouns; [`store::record`] for
//! what happens between Enter and the prompt; [`store::flush`] for the story of a checkpoint, and from
//! there [`store::pending`], [`store::draft`], [`store::land`] and [`store::swap`]; [`git::scan`] for
//! what a look at the files costs; [`store::restore`] for how they come back; [`cli::main`] for the way in, and
//! [`cli::git_trace`] for that of hooks.
//!
//! # Invariants
//!
//! - The prompt path ([`store::record`]) opens no repository, reads no configuration, and takes no
//!   lock that can block.
//! - No text reaches an object or the journal of an agent but as [`model::redact::Redacted`].
//! - A ref of the store is changed by [`store::swap`] alone.
//! - No id from outside is part of a path or a ref name: it is hashed or mapped first.
//! - `cache/` and `index/` may be deleted at any time.
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod capture;
pub mod cli;
pub mod disk;
pub mod git;
pub mod model;
pub mod recall;
pub mod store;
pub mod view;
pub mod wire;

/// A static program has musl's memory, which asks the system for each few kilobytes and gives them back at
/// once: a hook of it takes an eighth less with this, a checkpoint a seventh.
#[cfg(target_env = "musl")]
#[global_allocator]
static MEMORY: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
