//! `trace enable`

use anyhow::Result;

use super::agent::{self, AgentArgs, How, Way};
use super::exit::{Exit, Refusal};
use super::world::World;
use super::{checkpoint, flush, githooks, output};
use crate::capture::githooks::Outside;
use crate::disk::place::Place;
use crate::model::checkpoint::Kind;
use crate::store::home::Home;
use crate::store::setup;
use crate::view::json;
use crate::view::safe::Safe;

/// Record this repository from now on
///
/// Makes a private store in the git directory, notes your consent in your own state directory, and
/// takes the first checkpoint. Doing it again changes nothing. Nothing of it shows in the repository.
/// git's hooks are set up to tell of commits, beside those that are there; `--dry-run` shows how.
/// With `git config trace.trailer true` commits name their checkpoint and session in a trailer, too.
///
/// With `--agent` a coding agent is set up to tell of its prompts, tools and answers: our entries are
/// put into its settings, beside whatever is there.
#[derive(clap::Args)]
#[command(after_help = "Example: trace enable && echo 'eval \"$(trace init bash)\"' >> ~/.bashrc")]
pub struct Args {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Print a JSON document about the first checkpoint
    #[arg(long)]
    json: bool,
    /// Also put git's hooks into a directory that other repositories use too
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    hooks: githooks::HookArgs,
    #[command(flatten)]
    agents: AgentArgs,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    if !args.agents.are_given() {
        return here(world, args);
    }
    let how = match (args.dry_run, args.json) {
        (true, false) => How::Told,
        (true, true) => How::ToldInJson,
        (false, true) => How::Json,
        (false, false) => How::Done,
    };
    let exit = agent::run(world, &args.agents, Way::In, how)?;
    // Hooks alone record nothing: that takes consent for the repository, which this is.
    match Place::find(&world.cwd, &world.told)?.filter(|place| place.work_tree.is_some()) {
        Some(place)
            if matches!(how, How::Done | How::Json) && Home::of(place.clone(), world.state()?)?.is_none() =>
        {
            let home = begin(world, &place)?;
            flush::now(world, &home, Kind::Auto, None)?;
            hooks(world, &place, args, githooks::How::Done)?;
            output::say(&format!("recording {}", Safe(place.top()?.as_os_str().as_encoded_bytes())));
        }
        _ => {}
    }
    Ok(exit)
}

fn begin(world: &World, place: &Place) -> Result<Home> {
    let enabled = setup::enable(place, world.state()?, world.user.home.as_deref());
    enabled.map_err(|error| match error.downcast::<setup::NotOurs>() {
        Ok(strange) => Refusal(strange.to_string()).into(),
        Err(other) => other,
    })
}

fn hooks(world: &World, place: &Place, args: &Args, how: githooks::How) -> Result<()> {
    let outside = if args.yes { Outside::Allowed } else { Outside::Refused };
    githooks::install(world, place, &args.hooks, outside, how)
}

fn here(world: &World, args: &Args) -> Result<Exit> {
    let place = world.place()?;
    let top = place.top()?.to_owned();
    let state = world.state()?;
    let was_enabled = Home::of(place.clone(), state)?.is_some();
    if args.dry_run {
        output::say(&match was_enabled {
            true => format!("already enabled: {}", top.display()),
            false => format!(
                "would make {} and note your consent in {}",
                place.trace().display(),
                state.0.display()
            ),
        });
        hooks(world, &place, args, githooks::How::Told)?;
        return Ok(Exit::Done);
    }
    let home = begin(world, &place)?;
    hooks(world, &place, args, githooks::How::Done)?;
    let outcome = flush::now(world, &home, Kind::Auto, None)?;
    let made = checkpoint::view(&home, outcome)?;
    if args.json {
        output::print(|out| json::write(out, &json::checkpoint_made(&made)))?;
        return Ok(Exit::Done);
    }
    let path = Safe(top.as_os_str().as_encoded_bytes());
    let first = made.id.map(|id| id.short(12)).unwrap_or_default();
    output::say(&match was_enabled {
        true => format!("already recording {path}; the newest checkpoint is {first}"),
        false => format!("recording {path}; the first checkpoint is {first}"),
    });
    if !was_enabled {
        if githooks::missing(world, &place).is_ok_and(|missing| missing.is_empty()) {
            output::say("git: its hooks tell of commits now; `trace disable` leaves them as they were");
        }
        for line in [
            "shells: at the end of your rc file  eval \"$(trace init bash)\"  (or zsh)",
            "        in fish                     trace init fish | source",
            "agents: trace enable --agent NAME   for claude, codex, cursor, gemini,",
            "                                    opencode, copilot, droid, pi",
        ] {
            output::say(line);
        }
    }
    Ok(Exit::Done)
}
