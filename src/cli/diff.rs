//! `trace diff`

use std::path::PathBuf;

use anyhow::Result;

use super::exit::Exit;
use super::world::World;
use super::{output, patch, selector};
use crate::git::store::Store;
use crate::model::selector::Selector;
use crate::recall::diff::Comparison;
use crate::recall::select::{Finder, Point};
use crate::store::snapshot::Camera;
use crate::view::json;
use crate::view::patch::{self as view, Form};

/// Show what differs between two states of the files
///
/// Without a selector: between the newest checkpoint and now. With one: between it and now.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = selector::help(EXAMPLES))]
pub struct Args {
    /// From, and to: @ (now), @-N, @{WHEN}, an id, cmd:ID, turn:S.N, a session, HEAD, a branch
    #[arg(value_name = "SELECTOR", num_args = 0..=2)]
    selectors: Vec<String>,
    /// Only these paths
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    form: patch::FormArgs,
    /// Exit with 1 if anything differs
    #[arg(long)]
    exit_code: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Example: trace diff '@{1 hour ago}' -- src/\n         trace diff @-2 @-1 --stat";

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let (settings, excludes_file) = home.settings(&world.user);
    let camera = Camera { home: &home, store: &store, settings: &settings, excludes_file, deadline: None };
    let when = |text: &str| world.when(text).ok();
    let finder = Finder { home: &home, store: &store, when: &when };
    let (old, new) = match args.selectors.as_slice() {
        [] => (finder.find(&Selector::Back(1))?, Point::Now),
        [old] => (finder.find(&selector::parse(old)?)?, Point::Now),
        [old, new, ..] => (finder.find(&selector::parse(old)?)?, finder.find(&selector::parse(new)?)?),
    };
    let comparison = Comparison::new(&home, &camera, &old, &new)?;
    let paths =
        args.paths.iter().map(|path| world.below_top(&home.place, path)).collect::<Result<Vec<_>>>()?;
    let form = args.form.form().unwrap_or(Form::Patch);
    let files = patch::shown(comparison.files(&paths, args.form.unified)?, form);
    if args.json {
        output::print(|out| json::write(out, &json::diff(id(&old), id(&new), &files)))?;
    } else if files.is_empty() {
        output::say(view::EMPTY);
    } else {
        output::page(world, |out| view::write(out, &files, form, &world.look()))?;
    }
    Ok(if args.exit_code && !files.is_empty() { Exit::No } else { Exit::Done })
}

fn id(point: &Point) -> Option<crate::model::oid::Oid> {
    match point {
        Point::Now => None,
        Point::Checkpoint(found) => Some(found.id),
        Point::Commit { id, .. } => Some(*id),
    }
}
