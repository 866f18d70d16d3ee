//! `trace handoff`

use anyhow::{Context, Result};

use super::exit::Exit;
use super::world::World;
use super::{explain, import, output};
use crate::git::store::Store;
use crate::recall::{conversation, sessions};
use crate::view::handoff::{self as view, BriefingView};
use crate::view::json;

/// Write a briefing from which another agent can go on: goal, state, open ends, changed files
///
/// It is Markdown on stdout, made from the record alone, without the secrets that were redacted in it.
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace handoff last --to codex > BRIEFING.md\n         codex \"$(trace handoff retry-work)\""
)]
pub struct Args {
    /// Which session: its id or a part of it, its alias, its agent's own id, or `last`
    #[arg(value_name = "SESSION", default_value = "last")]
    session: String,
    /// The agent that is to go on
    #[arg(long, value_name = "AGENT")]
    to: Option<String>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let to = args.to.as_deref().map(import::agent).transpose()?;
    let (all, read) = sessions::read(&home, &store);
    let session = sessions::named(&all, &args.session)?;
    read.context("some of the record could not be read")?;
    let story = explain::of_session(&home, &store, session)?;
    // Without its transcript a conversation has no title; all else is in the record.
    let told = conversation::of(&home, &store, session).ok().flatten();
    let title = told.as_ref().and_then(|(told, _)| told.title.as_deref());
    let mut page = Vec::new();
    let to = to.map(crate::model::agent::Agent::name);
    view::write(&mut page, &BriefingView { session, story: &story, title, to })?;
    output::print(|out| match args.json {
        true => json::write(out, &json::session::handoff(session, to, &page)),
        false => out.write_all(&page),
    })?;
    Ok(Exit::Done)
}
