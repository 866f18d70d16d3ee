//! `trace show`

use anyhow::Result;

use super::exit::Exit;
use super::world::World;
use super::{output, selector};
use crate::git::store::Store;
use crate::model::change::Change;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::{Event, What};
use crate::recall::attribution::Windows;
use crate::recall::commands;
use crate::recall::select::Finder;
use crate::recall::turns::{self, Turn};
use crate::store::chain;
use crate::store::home::Home;
use crate::view::json;
use crate::view::show::{self as view, ShowView, TurnView};
use crate::wire::event;

/// Show one checkpoint: what happened, what changed, and who changed it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = selector::help(EXAMPLES))]
pub struct Args {
    /// Which: @-N, @{WHEN}, an id, cmd:ID, turn:S.N, a session
    #[arg(default_value = "@-1", value_name = "SELECTOR")]
    selector: String,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Example: trace show @-1\n         trace show '@{10 minutes ago}' --json";

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let selector = selector::parse(&args.selector)?;
    let store = Store::open(&home.place.store())?;
    let when = |text: &str| world.when(text).ok();
    let checkpoint = Finder { home: &home, store: &store, when: &when }.checkpoint(&selector)?;
    let lines = chain::events(&store, checkpoint.tree)?;
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let events: Vec<Event> = lines.iter().filter_map(|line| event::decode(line).ok()).collect();
    let told = told(&home, &store, &checkpoint, &lines, &events)?;
    match args.json {
        true => output::print(|out| {
            json::write(out, &json::show(&checkpoint, &told.turns, &lines, &told.changes))
        })?,
        false => output::page(world, |out| {
            let Told { turns, changes } = &told;
            let shown = ShowView { checkpoint: &checkpoint, turns, events: &events, changes };
            view::write(out, &shown, &world.look())
        })?,
    }
    Ok(Exit::Done)
}

/// What other checkpoints, and the journals, tell of one.
struct Told {
    turns: Vec<TurnView>,
    /// With their authors, by all that is known by now.
    changes: Vec<Change>,
}

fn told(home: &Home, store: &Store, of: &Checkpoint, lines: &[&[u8]], events: &[Event]) -> Result<Told> {
    let mut changes = chain::facts(&lines.join(&b'\n')).map(|facts| facts.changes).unwrap_or_default();
    let of_a_turn =
        |event: &Event| matches!(event.what, What::Prompt(_) | What::TurnEnded(_) | What::TurnFailed(_));
    if changes.is_empty() && !events.iter().any(of_a_turn) {
        return Ok(Told { turns: Vec::new(), changes });
    }
    let (record, read) = commands::read(home, store);
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let windows = Windows::new(&record.commands, record.others.iter(), top);
    if let Some(found) = record.changes.iter().find(|found| found.checkpoint == of.id) {
        changes = windows.attribute(found);
    }
    if let Err(error) = read {
        output::say(&format!("trace: who changed what may be incomplete: {error:#}"));
    }
    let here = |turn: &Turn| events.iter().any(|event| turn.is_marked_by(event));
    let turns = turns::of(&record).into_iter().filter(here).map(shown).collect();
    Ok(Told { turns, changes })
}

fn shown(turn: Turn) -> TurnView {
    let name = turn.name();
    let Turn { session, n, prompt, started, ended, .. } = turn;
    TurnView { name, session, n, prompt, started, ended }
}
