//! Floor 0: what things are and what follows from them.
//!
//! No file, no clock, no dice, no gix. Everything here can be tested with values alone.

pub mod agent;
pub mod both;
pub mod change;
pub mod checkpoint;
pub mod command;
pub mod cursor;
pub mod digest;
pub mod event;
pub mod gitact;
pub mod hit;
pub mod id;
pub mod link;
pub mod oid;
pub mod origin;
pub mod query;
pub mod quote;
pub mod redact;
pub mod restore;
pub mod sanitise;
pub mod selector;
pub mod session;
pub mod settings;
pub mod stats;
pub mod text;
pub mod time;
pub mod trail;
pub mod transcript;
pub mod who;
