//! `trace init`

use anyhow::Result;
use clap::ValueEnum;

use super::exit::Exit;
use super::output;
use super::world::World;
use crate::capture::init::{self, Guard, Shell};

/// Print the shell integration
///
/// The script is the same for everybody and every repository; it records nothing outside enabled
/// repositories.
#[derive(clap::Args)]
#[command(after_help = "Example: eval \"$(trace init bash)\"      in fish: trace init fish | source")]
pub struct Args {
    shell: Name,
    /// Leave out the checkpoint before destructive commands
    #[arg(long)]
    no_guard: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Bash,
    Zsh,
    Fish,
}

/// Runs it.
pub fn run(_: &World, args: &Args) -> Result<Exit> {
    let shell = match args.shell {
        Name::Bash => Shell::Bash,
        Name::Zsh => Shell::Zsh,
        Name::Fish => Shell::Fish,
    };
    let guard = if args.no_guard { Guard::Off } else { Guard::On };
    output::print(|out| out.write_all(init::script(shell, guard).as_bytes()))?;
    Ok(Exit::Done)
}
