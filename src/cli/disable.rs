//! `trace disable`

use std::path::PathBuf;

use anyhow::Result;

use super::agent::{self, AgentArgs, How, Way};
use super::exit::{Exit, Refusal};
use super::world::World;
use super::{githooks, output};
use crate::capture::githooks::Outside;
use crate::disk::place::Place;
use crate::store::{setup, trouble};

/// Stop recording this repository
///
/// Open shells stop at their next prompt. What was recorded stays, unless you ask for `--purge`. With
/// `--agent` only the hooks of that agent are taken out of its settings.
#[derive(clap::Args)]
#[command(after_help = "Example: trace disable --purge --yes")]
pub struct Args {
    /// Remove everything that was recorded here, for good
    #[arg(long, conflicts_with = "agent")]
    purge: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking; also take git's hooks out of a directory that other repositories use too
    #[arg(long, short)]
    yes: bool,
    /// Print a JSON document about the agents
    #[arg(long, requires = "agent")]
    json: bool,
    #[command(flatten)]
    agents: AgentArgs,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    if args.agents.are_given() {
        let how = match (args.dry_run, args.json) {
            (true, false) => How::Told,
            (true, true) => How::ToldInJson,
            (false, true) => How::Json,
            (false, false) => How::Done,
        };
        return agent::run(world, &args.agents, Way::Out, how);
    }
    let found = Found::at(world)?;
    let outside = if args.yes { Outside::Allowed } else { Outside::Refused };
    if args.dry_run {
        output::say(&found.would(args));
        githooks::uninstall(world, &found.place, outside, githooks::How::Told)?;
        return Ok(Exit::Done);
    }
    if args.purge && !args.yes {
        return Err(Refusal(found.refused()).into());
    }
    // First, while the hooks still record into something; without a worktree there is nothing to ask git.
    if found.place.work_tree.is_some() {
        githooks::uninstall(world, &found.place, outside, githooks::How::Done)?;
    }
    world.state()?.disable(&found.place)?;
    if args.purge {
        setup::purge(&found.place)?;
        trouble::forget(&found.place.common, world.state()?);
    }
    output::say(&found.done(args));
    Ok(Exit::Done)
}

/// What there was before, and the words for it.
struct Found {
    place: Place,
    consent: Consent,
    /// Our folder, if there is one.
    trace: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consent {
    Given,
    Missing,
}

impl Found {
    fn at(world: &World) -> Result<Self> {
        let place = world.place()?;
        let consent = match world.state()?.enabled(&place)? {
            Some(_) => Consent::Given,
            None => Consent::Missing,
        };
        let trace = Some(place.trace()).filter(|trace| trace.exists());
        Ok(Self { place, consent, trace })
    }

    fn would(&self, args: &Args) -> String {
        let consent = match self.consent {
            Consent::Given => format!("would take back your consent for {}", self.place.common.display()),
            Consent::Missing => self.not_enabled(),
        };
        match &self.trace {
            Some(trace) if args.purge => format!("{consent}\nwould remove {}", trace.display()),
            _ => consent,
        }
    }

    fn refused(&self) -> String {
        match &self.trace {
            Some(trace) => format!(
                "--purge removes every checkpoint in {} for good: say --yes to do it",
                trace.display()
            ),
            None => format!("{}: there is nothing to purge", self.not_enabled()),
        }
    }

    fn done(&self, args: &Args) -> String {
        let ended = match self.consent {
            Consent::Given => "stopped recording".to_owned(),
            Consent::Missing => self.not_enabled(),
        };
        match &self.trace {
            Some(_) if args.purge => format!("{ended}; removed everything that was recorded"),
            Some(trace) => format!("{ended}; what was recorded stays in {}", trace.display()),
            None => format!("{ended}: there is nothing to stop"),
        }
    }

    fn not_enabled(&self) -> String {
        let here = self.place.work_tree.as_ref().unwrap_or(&self.place.common);
        format!("trace was not enabled in {}", here.display())
    }
}
