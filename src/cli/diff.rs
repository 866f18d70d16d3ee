//! `trace diff`

use std::path::PathBuf;

use anyhow::Result;

use super::exit::Exit;
use super::world::World;
use super::{output, selector};
use crate::git::patch as git;
use crate::git::store::Store;
use crate::model::selector::Selector;
use crate::model::text::Text;
use crate::recall::diff::{Comparison, Differs};
use crate::recall::select::{Finder, Point};
use crate::store::snapshot::Camera;
use crate::view::json;
use crate::view::patch::{self as view, Body, FilePatch, Form, Hunk, Line, LineEnd, Sign};

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
    /// Count lines per file
    #[arg(long, conflicts_with = "name_status")]
    stat: bool,
    /// Only name the files
    #[arg(long)]
    name_status: bool,
    /// Lines around each change
    #[arg(short = 'U', long, value_name = "N", default_value_t = 3)]
    unified: usize,
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
    let files: Vec<FilePatch> = comparison.files(&paths, args.unified)?.into_iter().flat_map(shown).collect();
    let form = match (args.stat, args.name_status) {
        (true, _) => Form::Stat,
        (_, true) => Form::NameStatus,
        _ => Form::Patch,
    };
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

/// As the view wants it; a path that changed its type is taken away and put there anew, as git tells it.
fn shown(file: Differs) -> Vec<FilePatch> {
    let Differs { path, old, new, patch } = file;
    let body = match patch {
        git::Patch::Binary => Body::Binary,
        git::Patch::Lines(hunks) => Body::Lines(hunks.into_iter().map(hunk).collect()),
    };
    match (old, new) {
        (Some(old), Some(new)) if old.mode & 0o170_000 != new.mode & 0o170_000 => {
            let half = |sign: Sign, body: &Body| match body {
                Body::Binary => Body::Binary,
                Body::Lines(hunks) => {
                    Body::Lines(hunks.iter().filter_map(|hunk| one_sided(hunk, sign)).collect())
                }
            };
            let gone =
                FilePatch { path: path.clone(), old: Some(old), new: None, body: half(Sign::Removed, &body) };
            vec![gone, FilePatch { path, old: None, new: Some(new), body: half(Sign::Added, &body) }]
        }
        _ => vec![FilePatch { path, old, new, body }],
    }
}

/// The lines of one side of a hunk, all of them gone or all of them new.
fn one_sided(hunk: &Hunk, sign: Sign) -> Option<Hunk> {
    let lines: Vec<Line> = hunk
        .lines
        .iter()
        .filter(|line| line.sign == sign || line.sign == Sign::Same)
        .map(|line| Line { sign, ..line.clone() })
        .collect();
    let count = lines.len() as u64;
    let (old_start, old_len, new_start, new_len) = match sign {
        Sign::Removed => (hunk.old_start, count, 0, 0),
        _ => (0, 0, hunk.new_start, count),
    };
    (count > 0).then_some(Hunk { old_start, old_len, new_start, new_len, lines })
}

/// A hunk as the view wants it.
pub fn hunk(hunk: git::Hunk) -> Hunk {
    let lines = hunk.lines.into_iter().map(|(sign, mut text)| {
        let end = match text.last() {
            Some(b'\n') => {
                text.pop();
                LineEnd::Newline
            }
            _ => LineEnd::File,
        };
        let sign = match sign {
            git::Sign::Context => Sign::Same,
            git::Sign::Old => Sign::Removed,
            git::Sign::New => Sign::Added,
        };
        Line { sign, text: Text(text), end }
    });
    Hunk {
        old_start: hunk.old_start.into(),
        old_len: hunk.old_len.into(),
        new_start: hunk.new_start.into(),
        new_len: hunk.new_len.into(),
        lines: lines.collect(),
    }
}
