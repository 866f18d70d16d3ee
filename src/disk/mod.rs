//! Floor 1: files. Where they are, how they are written so that a crash leaves a prefix and never a
//! mixture, who holds a lock, and how long to wait.
//!
//! Knows nothing of git objects: what is written here are bytes that somebody else made.

pub mod backoff;
pub mod clock;
pub mod consent;
pub mod file;
pub mod inherited;
pub mod installed;
pub mod journal;
pub mod lease;
pub mod lock;
pub mod mark;
pub mod nameless;
pub mod order;
pub mod place;
pub mod process;
pub mod programs;
pub mod put;
pub mod scratch;
pub mod transcript;
