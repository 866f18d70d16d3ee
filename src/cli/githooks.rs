//! git's hooks: setting them up to call us, and taking that back.

use anyhow::Result;

use super::world::World;
use super::{agent, output};
use crate::capture::githooks::{self, Outside, Plan, Wish};
use crate::disk::place::Place;
use crate::store::home::Home;
use crate::view::safe::Safe;
use crate::wire::githook::{Hook, Program};

#[derive(clap::Args)]
pub struct HookArgs {
    /// Leave git's hooks alone: commits are then found by looking at the history
    #[arg(long)]
    no_git_hooks: bool,
    /// Let git's hooks name our program by its path, for git clients that know no PATH
    #[arg(long, conflicts_with = "no_git_hooks")]
    absolute: bool,
}

/// Whether it is done or only shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Told,
    Done,
}

/// Sets git's hooks up. That recording goes on without them is no failure: it is said.
pub fn install(world: &World, place: &Place, args: &HookArgs, outside: Outside, how: How) -> Result<()> {
    if args.no_git_hooks {
        return Ok(());
    }
    let wish = Wish { hooks: wanted(world, place), program: program(args), outside };
    done(world, githooks::install(place, &wish), how)
}

/// Takes git's hooks away again.
pub fn uninstall(world: &World, place: &Place, outside: Outside, how: How) -> Result<()> {
    done(world, githooks::uninstall(place, outside, world.user.state.as_ref()), how)
}

fn done(world: &World, plan: Result<Plan>, how: How) -> Result<()> {
    let outcome = plan.and_then(|plan| {
        for note in &plan.notes {
            output::say(&format!("git hooks: {}", Lines(note)));
        }
        match how {
            How::Told => plan
                .steps
                .iter()
                .try_for_each(|step| agent::tell(&step.path, step.old.as_deref(), step.new.as_deref())),
            How::Done => plan.carry_out(world.user.state.as_ref()),
        }
    });
    if let Err(error) = outcome {
        output::say(&format!("git hooks are as they were: {}", Lines(&format!("{error:#}"))));
    }
    Ok(())
}

/// Words of ours with names of theirs in them, several lines long.
struct Lines<'a>(&'a str);

impl std::fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, line) in self.0.lines().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{}", Safe(line.as_bytes()))?;
        }
        Ok(())
    }
}

/// The hooks that are of use here: the one that edits messages only where somebody wants that.
fn wanted(world: &World, place: &Place) -> Vec<Hook> {
    let home = world.user.state.as_ref().and_then(|state| Home::of(place.clone(), state).ok().flatten());
    let trailer = home.is_some_and(|home| home.settings(&world.user).0.trailer);
    let is_wanted = |hook: &Hook| *hook != Hook::PrepareCommitMsg || trailer;
    Hook::ALL.into_iter().filter(is_wanted).collect()
}

/// The program that hooks call, beside the one that runs.
fn program(args: &HookArgs) -> Program {
    let own = std::env::current_exe().ok().map(|own| own.with_file_name("git-trace"));
    match own.filter(|own| args.absolute && own.is_file()) {
        Some(own) => Program::at(&own).unwrap_or_default(),
        None => Program::OnPath,
    }
}

/// The hooks that are expected here and do not call us; an error if git does not say where they are.
pub fn missing(world: &World, place: &Place) -> Result<Vec<Hook>> {
    let found = githooks::standing(place)?;
    Ok(wanted(world, place).into_iter().filter(|hook| !found.contains(hook)).collect())
}
