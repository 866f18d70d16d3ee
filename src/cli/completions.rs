//! `trace completions` and `trace man`

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;

use super::exit::Exit;
use super::output;
use super::world::World;

/// Print completions for a shell
#[derive(clap::Args)]
#[command(after_help = "Example: trace completions bash > ~/.local/share/bash-completion/completions/trace")]
pub struct Args {
    shell: Shell,
}

/// Print the man page
#[derive(clap::Args)]
#[command(after_help = "Example: trace man > ~/.local/share/man/man1/git-trace.1")]
pub struct ManArgs {}

/// Prints completions.
pub fn run(_: &World, args: &Args) -> Result<Exit> {
    let mut script = Vec::new();
    for name in ["trace", "git-trace"] {
        clap_complete::generate(args.shell, &mut super::Cli::<super::Command>::command(), name, &mut script);
    }
    output::print(|out| out.write_all(&script))?;
    Ok(Exit::Done)
}

/// Prints the man page.
pub fn man(_: &World, _: &ManArgs) -> Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(super::Cli::<super::Command>::command())
        .render(&mut page)
        .context("make the man page")?;
    output::print(|out| out.write_all(&page))?;
    Ok(Exit::Done)
}
