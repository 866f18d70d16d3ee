//! `trace show`

use std::path::PathBuf;

use anyhow::Result;

use super::exit::Exit;
use super::world::World;
use super::{output, patch, selector};
use crate::git::store::Store;
use crate::model::change::Change;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::{Event, What};
use crate::model::link::Link;
use crate::model::oid::Oid;
use crate::recall::attribution::Windows;
use crate::recall::commands;
use crate::recall::diff::{Comparison, covers};
use crate::recall::links::{self, Ground, Of};
use crate::recall::select::Finder;
use crate::recall::turns::{self, Turn};
use crate::store::chain;
use crate::store::home::Home;
use crate::view::json;
use crate::view::patch::{FilePatch, Form};
use crate::view::show::{self as view, ShowView, TurnView};
use crate::wire::event;

/// Show one checkpoint: what happened, what changed, and who changed it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = selector::help(EXAMPLES))]
pub struct Args {
    /// Which: @-N, @{WHEN}, an id, cmd:ID, turn:S.N, a session
    #[arg(default_value = "@-1", value_name = "SELECTOR")]
    selector: String,
    /// Also what differs from the checkpoint before, as a patch
    #[arg(short, long, group = "form")]
    patch: bool,
    #[command(flatten)]
    form: patch::FormArgs,
    /// Of what changed, only this
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print a JSON document
    #[arg(long, conflicts_with = "form")]
    json: bool,
}

const EXAMPLES: &str = "\
Example: trace show @-1
         trace show '@{10 minutes ago}' --json
         trace show turn:S^ -p -- src/";

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
    let paths =
        args.paths.iter().map(|path| world.below_top(&home.place, path)).collect::<Result<Vec<_>>>()?;
    let mut told = told(&home, &store, &checkpoint, &lines, &events)?;
    told.changes.retain(|change| paths.is_empty() || paths.iter().any(|path| covers(path, &change.path.0)));
    let differs = differs(&store, &checkpoint, &paths, args)?;
    match args.json {
        true => output::print(|out| {
            json::write(out, &json::show(&checkpoint, &told.turns, &lines, &told.changes, &told.commits))
        })?,
        false => output::page(world, |out| {
            let Told { turns, changes, commits } = &told;
            let shown = ShowView { checkpoint: &checkpoint, turns, events: &events, changes, commits };
            view::write(out, &shown, &world.look())?;
            let Some((files, form)) = &differs else { return Ok(()) };
            writeln!(out)?;
            crate::view::patch::write(out, files, *form, &world.look())
        })?,
    }
    Ok(Exit::Done)
}

/// What differs from the snapshot before, if somebody asked and there is anything.
fn differs(
    store: &Store,
    of: &Checkpoint,
    paths: &[Vec<u8>],
    args: &Args,
) -> Result<Option<(Vec<FilePatch>, Form)>> {
    let Some(form) = args.form.form().or(args.patch.then_some(Form::Patch)) else { return Ok(None) };
    let Some(comparison) = Comparison::made_by(store, of)? else {
        output::say("trace: this is the first checkpoint: there is nothing that it differs from");
        return Ok(None);
    };
    let files = patch::shown(comparison.files(paths, args.form.unified)?, form);
    Ok((!files.is_empty()).then_some((files, form)))
}

/// What other checkpoints, and the journals, tell of one.
struct Told {
    turns: Vec<TurnView>,
    /// With their authors, by all that is known by now.
    changes: Vec<Change>,
    /// The commits that it led to, newest first.
    commits: Vec<Link<Oid>>,
}

fn told(home: &Home, store: &Store, of: &Checkpoint, lines: &[&[u8]], events: &[Event]) -> Result<Told> {
    let mut changes = chain::facts(&lines.join(&b'\n')).map(|facts| facts.changes).unwrap_or_default();
    let of_a_turn =
        |event: &Event| matches!(event.what, What::Prompt(_) | What::TurnEnded(_) | What::TurnFailed(_));
    if changes.is_empty() && !events.iter().any(of_a_turn) {
        return Ok(Told { turns: Vec::new(), changes, commits: commits(home, store, of)? });
    }
    let (record, read) = commands::read(home, store);
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let windows = Windows::new(&record.commands, &record.others, top);
    if let Some(found) = record.changes.iter().find(|found| found.checkpoint == of.id) {
        changes = windows.attribute(found);
    }
    if let Err(error) = read {
        output::say(&format!("trace: who changed what may be incomplete: {error:#}"));
    }
    let here = |turn: &Turn| events.iter().any(|event| turn.is_marked_by(event));
    let turns = turns::of(&record).into_iter().filter(here).map(shown).collect();
    Ok(Told { turns, changes, commits: commits(home, store, of)? })
}

fn commits(home: &Home, store: &Store, of: &Checkpoint) -> Result<Vec<Link<Oid>>> {
    // What is damaged is said where who changed what is told.
    let (ground, _) = Ground::read(home, store)?;
    links::commits_of(&ground, Of::Checkpoint(of.id))
}

fn shown(turn: Turn) -> TurnView {
    let name = turn.name();
    let Turn { session, n, prompt, started, ended, .. } = turn;
    TurnView { name, session, n, prompt, started, ended }
}
