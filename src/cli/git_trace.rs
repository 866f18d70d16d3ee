//! The program that hooks call. It holds what hooks need and nothing else: most of what a hook takes is
//! the start of a process, which grows with the program. Every other word it hands to `trace`, which
//! lies beside it, so that `git trace …` is the whole command line.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};

use anyhow::{Context, Error};

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
    let trace = match std::env::current_exe().context("find our own program") {
        Ok(own) => own.with_file_name("trace"),
        Err(error) => return error,
    };
    let error = Command::new(&trace).args(arguments).exec();
    let missing = error.kind() == ErrorKind::NotFound;
    let error = Error::new(error).context(format!("start {}", trace.display()));
    if missing { error.context("`git-trace` is what hooks call; install `trace` beside it") } else { error }
}
