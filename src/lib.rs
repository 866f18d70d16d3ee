//! The flight recorder of a git worktree.
//!
//! Everything that happens is an event; events wait in a journal; a batch of events and a
//! snapshot of the files become one commit on the worktree's shadow ref.
#![forbid(unsafe_op_in_unsafe_fn)]

pub mod disk;
pub mod model;
