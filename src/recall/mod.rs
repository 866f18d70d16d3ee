//! Floor 3: brings the past back. Reading only: nothing here writes, and reading never deletes.
//! What is run once more is run in a directory that nobody works in ([`replay`]).

pub mod acts;
pub mod attribution;
pub mod bisect;
pub mod commands;
pub mod conflicts;
pub mod conversation;
pub mod deeds;
pub mod diff;
pub mod explain;
pub mod links;
pub mod log;
pub mod names;
pub mod ops;
pub mod replay;
pub mod resume;
pub mod search;
pub mod select;
pub mod sessions;
pub mod status;
pub mod trail;
pub mod turns;
pub mod undo;
pub mod versions;
pub mod why;
