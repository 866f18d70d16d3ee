//! Floor 3: what happened becomes events. One file per way in: shells, agents, git, `trace run`.
//!
//! Whatever fails here must not fail or hold up its caller: the rim (`cli/hook.rs`) exits 0, prints
//! nothing, and notes the trouble.

pub mod agents;
pub mod background;
pub mod call;
pub mod export;
pub mod gitact;
pub mod githooks;
pub mod import;
pub mod init;
pub mod install;
mod parent;
pub mod present;
pub mod run;
pub mod shell;
pub mod specimen;
mod told;
pub mod trailer;
