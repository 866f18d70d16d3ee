//! `trace doctor`

use anyhow::Result;

use super::exit::Exit;
use super::output;
use super::world::World;
use crate::store::trouble;
use crate::view::safe::Safe;
use crate::view::time::relative;

/// Say what went wrong where nobody could be told
///
/// Hooks never fail their caller and never print; what failed in them is listed here, newest last.
#[derive(clap::Args)]
#[command(after_help = "Example: trace doctor")]
pub struct Args {}

/// Runs it.
pub fn run(world: &World, _: &Args) -> Result<Exit> {
    let home = world.home()?;
    let (settings, _) = home.settings(&world.user);
    let (found, unreadable) = trouble::all(&home.place.common);
    output::print(|out| {
        for refused in &settings.refused {
            writeln!(out, "ignored setting: {}", Safe(refused.as_bytes()))?;
        }
        for one in &found {
            let (when, doing) = (relative(Some(one.at), world.now), Safe(one.doing.as_bytes()));
            writeln!(out, "{when}  {doing}: {}", Safe(one.what.as_bytes()))?;
        }
        if unreadable > 0 {
            writeln!(out, "{unreadable} lines of the record itself could not be read")?;
        }
        Ok(())
    })?;
    match found.is_empty() && settings.refused.is_empty() && unreadable == 0 {
        true => {
            output::say("nothing went wrong");
            Ok(Exit::Done)
        }
        false => Ok(Exit::No),
    }
}
