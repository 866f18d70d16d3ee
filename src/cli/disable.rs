//! `trace disable`

use anyhow::Result;

use super::agent::{self, AgentArgs, How, Way};
use super::exit::{Exit, Refusal};
use super::world::World;
use super::{githooks, output};
use crate::capture::githooks::Outside;
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
    let place = world.place()?;
    let trace = place.trace();
    let outside = if args.yes { Outside::Allowed } else { Outside::Refused };
    if args.dry_run {
        output::say(&format!("would take back your consent for {}", place.common.display()));
        githooks::uninstall(world, &place, outside, githooks::How::Told)?;
        if args.purge {
            output::say(&format!("would remove {}", trace.display()));
        }
        return Ok(Exit::Done);
    }
    if args.purge && !args.yes {
        let what =
            format!("--purge removes every checkpoint in {} for good: say --yes to do it", trace.display());
        return Err(Refusal(what).into());
    }
    // First, while the hooks still record into something; without a worktree there is nothing to ask git.
    if place.work_tree.is_some() {
        githooks::uninstall(world, &place, outside, githooks::How::Done)?;
    }
    world.state()?.disable(&place)?;
    if args.purge {
        setup::purge(&place)?;
        trouble::forget(&place.common, world.state()?);
        output::say("stopped recording, and removed everything that was recorded");
    } else {
        output::say(&format!("stopped recording; what was recorded stays in {}", trace.display()));
    }
    Ok(Exit::Done)
}
