//! `trace run`

use std::ffi::OsString;

use anyhow::Result;

use super::exit::Exit;
use super::world::World;
use super::{flush, output};
use crate::capture::run::Run;
use crate::model::checkpoint::Kind;
use crate::model::event::Actor;
use crate::model::id::SessionId;
use crate::store::home::Home;

/// Run one command and record it, with what it prints
///
/// Takes a checkpoint before and one after. The head and the tail of the output are kept, redacted.
/// The exit code is the command's own.
#[derive(clap::Args)]
#[command(after_help = "Example: trace run -- make test")]
pub struct Args {
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    checkpoint(world, &home);
    let shell = std::env::var("TRACE_SHELL_SESSION").ok();
    let run = Run {
        home: &home,
        command: &args.command,
        shell_session: shell.and_then(|uuid| SessionId::parse(&format!("sess_{uuid}"))),
        actor: Actor::default(),
    };
    let ended = run.perform(&|error| output::say(&format!("trace: it is not recorded: {error:#}")));
    checkpoint(world, &home);
    match ended {
        Ok(code) => Ok(Exit::Theirs(u8::try_from(code).unwrap_or(1))),
        Err(error) => {
            output::say(&format!("trace: {error:#}"));
            Ok(Exit::Theirs(127))
        }
    }
}

/// The command runs, and its exit code counts, whatever becomes of the checkpoints.
fn checkpoint(world: &World, home: &Home) {
    if let Err(error) = flush::now(world, home, Kind::Run, None) {
        output::say(&format!("trace: no checkpoint: {error:#}"));
    }
}
