//! `trace resume`

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use super::exit::Exit;
use super::world::World;
use super::{output, restore};
use crate::git::store::Store;
use crate::recall::{resume, sessions};
use crate::view::json;
use crate::view::resume as view;

/// Go on with a prior session: print the command that does, or run it
///
/// For an agent it is the agent's own command, in the directory where the session worked; for a shell,
/// a shell there. With --files the files are first put back as the session left them.
#[derive(clap::Args)]
#[command(after_help = "Example: trace resume last\n         eval \"$(trace resume retry-work)\"")]
pub struct Args {
    /// Its id or a part of it, its alias, its agent's own id, or `last`
    #[arg(value_name = "SESSION", default_value = "last")]
    session: String,
    /// Put the files back as the session left them, first
    #[arg(long)]
    files: bool,
    /// Do not ask before putting files back
    #[arg(short, long)]
    yes: bool,
    /// Run the command
    #[arg(long, conflicts_with = "json")]
    run: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let (all, read) = sessions::read(&home, &Store::open(&home.place.store())?);
    let session = sessions::named(&all, &args.session)?;
    read.context("some of the record could not be read")?;
    let way = resume::way(&home, session)?;
    if args.files {
        let put = restore::to_session(world, &session.id, args.yes)?;
        if put != Exit::Done {
            return Ok(put);
        }
    }
    if args.run {
        let (program, rest) = way.command.split_first().context("there is no command")?;
        let error = Command::new(program).args(rest).current_dir(&way.dir).exec();
        return Err(error).with_context(|| format!("run {program} in {}", way.dir.display()));
    }
    output::print(|out| match args.json {
        true => json::write(out, &json::session::resume(session, &way.dir, &way.command)),
        false => view::write(out, &way.dir, &way.command),
    })?;
    Ok(Exit::Done)
}
