//! `trace bisect`

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::process::Stdio;

use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;

use super::exec;
use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::disk::inherited::{self, Undisturbed};
use crate::git::store::Store;
use crate::model::checkpoint::Checkpoint;
use crate::model::selector::{self, Selector};
use crate::recall::bisect::{self, Outcome, State, Verdict};
use crate::recall::replay::{self, Ended};
use crate::recall::select::Finder;
use crate::store::checkout::Checkout;
use crate::store::home::Home;
use crate::view::bisect::{self as view, FoundView};
use crate::view::commands::CommandView;
use crate::view::json;
use crate::wire::event;

/// Find the checkpoint that broke something
#[derive(clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Example: trace bisect run --from '@{2 hours ago}' -- make test"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Run(RunArgs),
}

/// Find the first checkpoint in which a command fails, and who made it
///
/// The command runs in the files of one checkpoint after another, in a private temporary directory,
/// never in your worktree. Exit 0 says that they are good, 125 that they cannot be judged, 1 to 127
/// that they are bad; anything else ends the search. What the command leaves in the directory is there
/// at its next trial; files of the checkpoint that it changed are put right.
#[derive(clap::Args)]
#[command(after_help = "Example: trace bisect run --from '@{2 hours ago}' -- cargo test parser\n         \
                        trace bisect run --from 3f2a --to @-5 --json -- ./check.sh")]
struct RunArgs {
    /// A checkpoint that is good
    #[arg(long, value_name = "SELECTOR")]
    from: String,
    /// A later one that is bad; else the newest
    #[arg(long, value_name = "SELECTOR", default_value = "@-1")]
    to: String,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let Verb::Run(args) = &args.verb;
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let states = states(world, &home, &store, args)?;
    let _undisturbed = Undisturbed::begin();
    let mut trials = Trials {
        home: &home,
        states: &states,
        command: &args.command,
        below: exec::below(world, &home),
        checkout: Checkout::new(&exec::temporary(&home)?)?,
        tried: 0,
    };
    let outcome = bisect::search(states.len() - 1, &mut |at, more| trials.judge(at, more));
    let tried = trials.tried;
    if let Err(error) = trials.checkout.remove() {
        output::say(&format!("trace: {error:#}"));
    }
    let suspects = match outcome? {
        Outcome::First(at) => vec![at],
        Outcome::Suspects(all) => all,
        Outcome::WrongEnd { at, verdict } => bail!(wrong_end(&states, at, verdict)),
    };
    tell(world, &home, args, &suspects.iter().map(|at| &states[*at]).collect::<Vec<_>>(), tried)
}

/// The states between the two ends, both included.
fn states(world: &World, home: &Home, store: &Store, args: &RunArgs) -> Result<Vec<State>> {
    let (from, to) = (end(world, home, store, &args.from)?, end(world, home, store, &args.to)?);
    let states = bisect::states(store, &from, &to)?.with_context(|| {
        let (from, to) = (from.id.short(12), to.id.short(12));
        Misuse(format!("checkpoint {from} does not come before {to}: `trace log` lists the newest first"))
    })?;
    match states.len() {
        0 | 1 => bail!("no file differs between {} and {}", from.id.short(12), to.id.short(12)),
        _ => Ok(states),
    }
}

fn end(world: &World, home: &Home, store: &Store, text: &str) -> Result<Checkpoint> {
    let selector = selector::parse(text).map_err(|why| anyhow!(Misuse(why)))?;
    if selector == Selector::Now {
        bail!(exec::of_now(text));
    }
    let when = |text: &str| world.when(text).ok();
    Finder { home, store, when: &when }.checkpoint(&selector)
}

/// What one trial after the other needs.
struct Trials<'a> {
    home: &'a Home,
    states: &'a [State],
    command: &'a [OsString],
    below: Vec<u8>,
    checkout: Checkout,
    tried: u64,
}

impl Trials<'_> {
    fn judge(&mut self, at: usize, more: u32) -> Result<Verdict> {
        let State { checkpoint, tree, .. } = &self.states[at];
        let id = checkpoint.id.short(10);
        output::say(&format!("trying {id} (about {more} more)"));
        self.tried += 1;
        // Opened anew: the packs of long ago may have been merged since.
        self.checkout.turn_to(&Store::open(&self.home.place.store())?, *tree)?;
        let ended = self.run(checkpoint)?;
        inherited::go_on()?;
        let verdict = match ended {
            Ended::Exit(0) => Verdict::Good,
            Ended::Exit(125) => Verdict::Skip,
            Ended::Exit(1..=127) => Verdict::Bad,
            Ended::Exit(code) => bail!(
                "the command ended with {code} at {id}, which is no verdict: 0 is good, 125 neither, 1 to 127 \
                 bad"
            ),
            Ended::Signal(signal) => bail!("signal {signal} ended the command at {id}, which is no verdict"),
        };
        output::say(&format!("{id} is {}", word(verdict)));
        Ok(verdict)
    }

    /// What it prints is talk. It has no stdin: every trial would get another part of that.
    fn run(&self, checkpoint: &Checkpoint) -> Result<Ended> {
        let names = std::env::vars_os().map(|(name, _)| name);
        let mut command = replay::command(self.command, &self.checkout, &self.below, checkpoint.id, names)?;
        let stderr = std::io::stderr().as_fd().try_clone_to_owned().context("share stderr")?;
        let status = command.stdin(Stdio::null()).stdout(Stdio::from(stderr)).status();
        let status = status.with_context(|| format!("run {}", self.command[0].to_string_lossy()))?;
        Ok(Ended::of(status))
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Bad => "bad",
        Verdict::Skip => "skipped",
    }
}

fn wrong_end(states: &[State], at: usize, verdict: Verdict) -> anyhow::Error {
    let id = states[at].checkpoint.id.short(12);
    match (at, verdict) {
        (_, Verdict::Skip) => anyhow!("{id} cannot be judged, and both ends must be: choose another one"),
        (0, _) => anyhow!("{id} is bad already: choose an older checkpoint for --from"),
        _ => anyhow!("{id} is good: there is nothing to find, or --to must be a later checkpoint"),
    }
}

/// Prints the one that was found and what is known of it, or those that it may be.
fn tell(world: &World, home: &Home, args: &RunArgs, suspects: &[&State], tried: u64) -> Result<Exit> {
    let mut found = FoundView {
        suspects: suspects.iter().map(|state| state.checkpoint.clone()).collect(),
        commands: Vec::new(),
        events: Vec::new(),
        changes: Vec::new(),
        tried,
    };
    let mut prompts = Vec::new();
    let mut read = Ok(());
    if let [state] = suspects {
        let store = Store::open(&home.place.store())?;
        let culprit;
        (culprit, read) = bisect::culprit(home, &store, state)?;
        let shown = |told: crate::recall::commands::Told| CommandView {
            command: told.command,
            state: told.state,
            changes: told.changes,
        };
        found.commands = culprit.commands.into_iter().map(shown).collect();
        (found.events, found.changes) = (culprit.events, culprit.changes);
        prompts = culprit.prompts.iter().map(event::encode).collect();
    }
    match args.json {
        true => output::print(|out| json::write(out, &json::bisect(&found, &prompts)))?,
        false => output::page(world, |out| view::write(out, &found, &world.look()))?,
    }
    read.context("what is known of it may be incomplete")?;
    Ok(if found.suspects.len() == 1 { Exit::Done } else { Exit::No })
}
