//! The flight recorder of a git worktree.
//!
//! Everything that happens is an event; events wait in a journal; a batch of events and a
//! snapshot of the files become one commit on the worktree's shadow ref.
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
