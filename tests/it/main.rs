//! The promises, each shown on a repository of its own. One binary: a list of mods.
#![allow(clippy::unwrap_used, clippy::disallowed_macros, reason = "a test says what is wrong by failing")]

mod agents;
mod base;
mod bisect;
mod crash;
mod exec;
mod faults;
mod floors;
mod hostile;
mod import;
mod install;
mod kinds;
mod mend;
mod names;
mod picture;
mod place;
mod power;
mod race;
mod recover;
mod restore;
mod restore_beside;
mod restore_hostile;
mod rim;
mod sandbox;
mod session;
mod shells;
mod storm;
mod story;
mod sweep;
mod there_and_back;
mod told;
mod transcripts;
mod trust;
mod undo;
mod untouched;
mod upkeep;
