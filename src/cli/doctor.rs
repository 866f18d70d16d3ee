//! `trace doctor`

use anyhow::Result;

use super::exit::Exit;
use super::world::World;
use super::{agent, githooks, output};
use crate::recall::status;
use crate::store::home::Home;
use crate::store::trouble;
use crate::view::json;
use crate::view::status::{self as view, HealthView};
use crate::view::time::relative;

/// Say what went wrong where nobody could be told
///
/// Hooks never fail their caller and never print; what failed in them is listed here, newest last.
/// So is each coding agent that calls us, with its last sign of life.
#[derive(clap::Args)]
#[command(after_help = "Example: trace doctor\n         trace doctor --json")]
pub struct Args {
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let health = look(world, &home);
    output::print(|out| match args.json {
        true => json::write(out, &json::doctor::doctor(&health)),
        false => view::health(out, &health, &world.look()),
    })?;
    if !health.is_well() {
        return Ok(Exit::No);
    }
    if !args.json {
        output::say("nothing went wrong");
    }
    Ok(Exit::Done)
}

fn look(world: &World, home: &Home) -> HealthView {
    let (settings, _) = home.settings(&world.user);
    let (found, unreadable) = trouble::all(&home.place.common, world.user.state.as_ref());
    let mut notes = vec![git(world, home)];
    notes.extend(agents(world, home));
    HealthView {
        refused: settings.refused,
        trouble: found.into_iter().map(|one| (one.at, one.doing, one.what)).collect(),
        notes,
        unreadable,
    }
}

/// Which of git's hooks do not call us, and what to do about it.
fn git(world: &World, home: &Home) -> String {
    match githooks::missing(world, &home.place) {
        Ok(missing) if missing.is_empty() => "git: its hooks call us".to_owned(),
        Ok(missing) => {
            let names: Vec<&str> = missing.iter().map(|hook| hook.name()).collect();
            format!(
                "git: {} not set up; `trace enable` does it, or says what is in the way",
                names.join(", ")
            )
        }
        Err(error) => format!("git: {error:#}"),
    }
}

/// A line for each place where an agent is set up, and for each agent that was heard of without one.
fn agents(world: &World, home: &Home) -> Vec<String> {
    // What is damaged is said by others; here it only means that nothing was heard.
    let heard = status::look(home, world.now).map(|standing| standing.agents).unwrap_or_default();
    let last = |name: &str| match heard.get(name) {
        Some(at) => format!("last event {}", relative(Some(*at), world.now)),
        None => "no event yet".to_owned(),
    };
    let set_up = agent::installed(world, &home.place);
    let mut lines: Vec<String> = set_up
        .iter()
        .map(|found| {
            let (name, path) = (found.agent.name(), found.path.display());
            let approval = match agent::is_unapproved(world, found) {
                true => "; not approved yet, so it is skipped: type /hooks in codex",
                false => "",
            };
            format!("{name}: hooks in {path}; {}{approval}", last(name))
        })
        .collect();
    let known = |name: &String| set_up.iter().any(|found| found.agent.name() == name);
    for name in heard.keys().filter(|name| !known(name)) {
        lines.push(format!("{name}: set up by other means; {}", last(name)));
    }
    lines
}
