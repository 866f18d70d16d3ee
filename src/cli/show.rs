//! `trace show`

use anyhow::{Result, anyhow};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::git::store::Store;
use crate::model::change::Change;
use crate::model::event::Event;
use crate::model::selector;
use crate::recall::attribution::Windows;
use crate::recall::commands;
use crate::recall::select::Finder;
use crate::store::chain;
use crate::view::json;
use crate::view::show::{self as view, ShowView};
use crate::wire::event;

/// Show one checkpoint: what happened, what changed, and who changed it
#[derive(clap::Args)]
#[command(after_help = "Example: trace show @-1\n         trace show '@{10 minutes ago}' --json")]
pub struct Args {
    /// Which: an id or its beginning, @-N, @{WHEN}, cmd:ID, a session
    #[arg(default_value = "@-1", value_name = "SELECTOR")]
    selector: String,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let selector = selector::parse(&args.selector).map_err(|why| anyhow!(Misuse(why)))?;
    let store = Store::open(&home.place.store())?;
    let when = |text: &str| world.when(text).ok();
    let checkpoint = Finder { home: &home, store: &store, when: &when }.checkpoint(&selector)?;
    let lines = chain::events(&store, checkpoint.tree)?;
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let events: Vec<Event> = lines.iter().filter_map(|line| event::decode(line).ok()).collect();
    let changes = changes(&home, &store, &lines)?;
    match args.json {
        true => output::print(|out| json::write(out, &json::show(&checkpoint, &lines, &changes)))?,
        false => output::page(world, |out| {
            let shown = ShowView { checkpoint: &checkpoint, events: &events, changes: &changes };
            view::write(out, &shown, &world.look())
        })?,
    }
    Ok(Exit::Done)
}

/// The changes of a checkpoint with their authors, by all that is known by now.
fn changes(home: &crate::store::home::Home, store: &Store, lines: &[&[u8]]) -> Result<Vec<Change>> {
    let mut changes = chain::facts(&lines.join(&b'\n')).map(|facts| facts.changes).unwrap_or_default();
    if !changes.is_empty() {
        let (record, read) = commands::read(home, store);
        let top = home.place.top()?.as_os_str().as_encoded_bytes();
        Windows::new(&record.commands, record.others.iter(), top).attribute(&mut changes);
        if let Err(error) = read {
            output::say(&format!("trace: who changed what may be incomplete: {error:#}"));
        }
    }
    Ok(changes)
}
