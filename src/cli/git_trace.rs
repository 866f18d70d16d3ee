//! The program that hooks call. It holds what hooks need and nothing else: most of what a hook takes is
//! the start of a process, which grows with the program. Every other word it hands to `trace`, which
//! lies beside it, so that `git trace …` is the whole command line.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command};

use anyhow::{Context, Error, Result};

use super::exit::{self, Exit};
use super::hook;
use crate::disk::inherited;

/// Runs a hook, or becomes `trace`.
pub fn main(arguments: &[OsString]) -> ! {
    inherited::settle();
    let done = match hook::main(arguments) {
        true => Exit::Done,
        false => exit::report(&become_trace(arguments)),
    };
    process::exit(done.code().into())
}

/// Returns only if it could not.
fn become_trace(arguments: &[OsString]) -> Error {
    match beside() {
        Ok(trace) => {
            let error = Command::new(&trace).args(arguments).exec();
            Error::new(error).context(format!("start {}", trace.display()))
        }
        Err(error) => error.context("`git-trace` is what hooks call; install `trace` beside it"),
    }
}

/// The `trace` in the directory of this program. Another name of this program is none: to become that
/// would never end.
fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe().context("find our own program")?;
    let trace = own.with_file_name("trace");
    let place = |path: &PathBuf| path.metadata().map(|meta| (meta.dev(), meta.ino()));
    let there = place(&trace).with_context(|| format!("find {}", trace.display()))?;
    anyhow::ensure!(!place(&own).is_ok_and(|own| own == there), "{} is `git-trace`", trace.display());
    Ok(trace)
}
