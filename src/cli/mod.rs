//! Floor 4: the command line. One file per command; the one place that reads the environment, the
//! arguments and the terminal.
//!
//! Hooks are told apart by the first argument, before the parser of everything else exists: what
//! runs between Enter and the prompt must not pay for it. They have a program without it, [`git_trace`].

mod agent;
mod attach;
mod bisect;
mod call;
mod checkpoint;
mod commands;
mod completions;
mod conflicts;
mod diff;
mod disable;
mod doctor;
mod enable;
mod exec;
mod exit;
mod explain;
mod flush;
mod fsck;
pub mod git_trace;
mod githook;
mod githooks;
mod handoff;
mod hook;
mod import;
mod init;
mod log;
mod opencode;
mod output;
mod patch;
mod putting;
mod restore;
mod resume;
mod run;
mod search;
mod selector;
mod session;
mod show;
mod status;
mod stdin;
mod terminal;
mod trail;
mod undo;
mod why;
mod world;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use exit::Exit;
use world::World;

/// The flight recorder of a git worktree.
///
/// Every command and every turn of a coding agent, with the files as they were, kept as git objects
/// beside your repository and never in it.
#[derive(Parser)]
#[command(name = "trace", version, about, max_term_width = 100, subcommand_required = true)]
#[command(after_help = "Start with `trace enable` in a repository, then `trace log` and `trace commands`.")]
struct Cli<C: Subcommand> {
    /// Act as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    dir: Option<PathBuf>,
    /// Colour: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: Colour,
    /// Do not page long output
    #[arg(long, global = true)]
    no_pager: bool,
    #[command(subcommand)]
    command: C,
}

#[derive(Clone, Copy, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// What is called most, and is therefore parsed alone: to define what all the others take is as long as
/// the work of a small checkpoint.
#[derive(Subcommand)]
enum Taking {
    Checkpoint(checkpoint::Args),
}

/// What is called most after that.
#[derive(Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
enum Listing {
    Log(log::Args),
    #[command(visible_alias = "ls")]
    Commands(commands::Args),
}

#[derive(Subcommand)]
enum Command {
    Enable(enable::Args),
    Disable(disable::Args),
    Init(init::Args),
    Status(status::Args),
    Doctor(doctor::Args),
    Run(run::Args),
    #[command(flatten)]
    Taking(Taking),
    #[command(flatten)]
    Listing(Listing),
    Show(show::Args),
    Search(search::Args),
    Why(why::Args),
    Explain(explain::Args),
    Diff(diff::Args),
    Exec(exec::Args),
    Bisect(bisect::Args),
    Trail(trail::Args),
    Session(session::Args),
    Conflicts(conflicts::Args),
    Resume(resume::Args),
    Attach(attach::Args),
    Handoff(handoff::Args),
    Import(import::Args),
    Restore(restore::Args),
    Undo(undo::Args),
    Redo(undo::RedoArgs),
    Fsck(fsck::Args),
    Completions(completions::Args),
    Man(completions::ManArgs),
}

/// Parses, runs, prints the chain of errors, and says how it went.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if hook::main(arguments.get(1..).unwrap_or_default()) {
        return ExitCode::SUCCESS;
    }
    parsed(arguments).unwrap_or_else(|error| exit::report(&error)).into()
}

fn parsed(arguments: Vec<OsString>) -> anyhow::Result<Exit> {
    let word = arguments.get(1).and_then(|word| word.to_str());
    if word == Some("checkpoint")
        && let Some(args) = checkpoint::Args::plain(&arguments[2..])
    {
        return checkpoint::run(&World::read(None, Colour::Auto, false)?, &args);
    }
    match word {
        Some(word) if Taking::has_subcommand(word) => Cli::<Taking>::parse_from(arguments).run(Taking::run),
        Some(word) if Listing::has_subcommand(word) => {
            Cli::<Listing>::parse_from(arguments).run(Listing::run)
        }
        _ => Cli::<Command>::parse_from(arguments).run(Command::run),
    }
}

impl<C: Subcommand> Cli<C> {
    fn run(self, command: impl FnOnce(C, &World) -> anyhow::Result<Exit>) -> anyhow::Result<Exit> {
        let world = World::read(self.dir.as_deref(), self.color, self.no_pager)?;
        command(self.command, &world)
    }
}

impl Taking {
    fn run(self, world: &World) -> anyhow::Result<Exit> {
        let Self::Checkpoint(args) = self;
        checkpoint::run(world, &args)
    }
}

impl Listing {
    fn run(self, world: &World) -> anyhow::Result<Exit> {
        match self {
            Self::Log(args) => log::run(world, &args),
            Self::Commands(args) => commands::run(world, &args),
        }
    }
}

impl Command {
    fn run(self, world: &World) -> anyhow::Result<Exit> {
        match self {
            Self::Enable(args) => enable::run(world, &args),
            Self::Disable(args) => disable::run(world, &args),
            Self::Init(args) => init::run(world, &args),
            Self::Status(args) => status::run(world, &args),
            Self::Doctor(args) => doctor::run(world, &args),
            Self::Run(args) => run::run(world, &args),
            Self::Taking(taking) => taking.run(world),
            Self::Listing(listing) => listing.run(world),
            Self::Show(args) => show::run(world, &args),
            Self::Search(args) => search::run(world, &args),
            Self::Why(args) => why::run(world, &args),
            Self::Explain(args) => explain::run(world, &args),
            Self::Diff(args) => diff::run(world, &args),
            Self::Exec(args) => exec::run(world, &args),
            Self::Bisect(args) => bisect::run(world, &args),
            Self::Trail(args) => trail::run(world, &args),
            Self::Resume(args) => resume::run(world, &args),
            Self::Handoff(args) => handoff::run(world, &args),
            Self::Attach(args) => attach::run(world, &args),
            Self::Import(args) => import::run(world, &args),
            Self::Conflicts(args) => conflicts::run(world, &args),
            Self::Session(args) => session::run(world, &args),
            Self::Restore(args) => restore::run(world, &args),
            Self::Undo(args) => undo::run(world, &args),
            Self::Redo(args) => undo::redo(world, &args),
            Self::Fsck(args) => fsck::run(world, &args),
            Self::Completions(args) => completions::run(world, &args),
            Self::Man(args) => completions::man(world, &args),
        }
    }
}
