//! `trace checkpoint`

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit::Exit;
use super::world::World;
use super::{flush, output};
use crate::git::store::Store;
use crate::model::change::Skip;
use crate::model::checkpoint::Kind;
use crate::model::oid::Oid;
use crate::store::flush::Outcome;
use crate::store::home::Home;
use crate::store::{chain, record, tip};
use crate::view::json;
use crate::view::made::{self, MadeView};

/// Take a checkpoint now, wait for it, and print its id
///
/// It holds everything recorded and every file as it was when this was called. If nothing has
/// changed since the newest one, that one's id is printed.
#[derive(clap::Args, Debug, PartialEq)]
#[command(after_help = "Example: trace checkpoint -m 'before the big refactoring'")]
pub struct Args {
    /// What it is for, in your words
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// Look only at these paths; all others are taken to be as they were
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Args {
    /// What the parser makes of these words, if there are nothing but paths: so it is called most, and to
    /// define and to ask the parser is one part in twenty-five of the work of a small checkpoint.
    pub fn plain(words: &[OsString]) -> Option<Self> {
        let is_path = |word: &OsString| !word.is_empty() && !word.as_encoded_bytes().starts_with(b"-");
        let paths = words.iter().all(is_path).then(|| words.iter().map(PathBuf::from).collect())?;
        Some(Self { message: None, json: false, paths })
    }
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let paths =
        args.paths.iter().map(|path| world.below_top(&home.place, path)).collect::<Result<Vec<_>>>()?;
    let paths = if paths.is_empty() { None } else { Some(paths) };
    // The words wait in the journal like any event: whoever leads next takes them along.
    if let Some(words) = &args.message {
        record::ask(&home, words, world.now)?;
    }
    let outcome = flush::now(world, &home, Kind::Manual, paths)?;
    let made = view(&home, outcome)?;
    output::print(|out| match args.json {
        true => json::write(out, &json::checkpoint_made(&made)),
        false => made::write(out, &made),
    })?;
    if !args.json {
        made::remarks(&made).iter().for_each(|remark| output::say(remark));
    }
    Ok(Exit::Done)
}

/// What became of a flush, to be shown.
pub fn view(home: &Home, outcome: Outcome) -> Result<MadeView> {
    match outcome {
        Outcome::Made(made) => Ok(MadeView {
            id: Some(made.id),
            created: true,
            worktree: home.worktree.clone(),
            commands: made.header.commands,
            files_changed: made.header.files.total(),
            skipped: made.facts.skipped,
            retries: made.retries,
        }),
        Outcome::Covered { tip, made } => of_tip(home, tip, made),
        Outcome::Nothing { tip, skipped, .. } => Ok(MadeView { skipped, ..unread(home, tip) }),
        Outcome::Left => of_tip(home, tip::intact(home)?, false),
    }
}

/// A checkpoint that was there already, of which nobody asks what it holds.
fn unread(home: &Home, id: Option<Oid>) -> MadeView {
    MadeView {
        id,
        created: false,
        worktree: home.worktree.clone(),
        commands: 0,
        files_changed: 0,
        skipped: Vec::<Skip>::new(),
        retries: 0,
    }
}

fn of_tip(home: &Home, id: Option<Oid>, created: bool) -> Result<MadeView> {
    let mut view = MadeView { created, ..unread(home, id) };
    if let Some(id) = id {
        let store = Store::open(&home.place.store())?;
        let found = chain::checkpoint(&store, id)?;
        let events = chain::events(&store, found.tree).context("read what the checkpoint left out")?;
        view.skipped = chain::facts(&events).map(|facts| facts.skipped).unwrap_or_default();
        if created {
            (view.commands, view.files_changed) = (found.header.commands, found.header.files.total());
        }
    }
    Ok(view)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Taking};

    #[test]
    fn plain_words_are_what_the_parser_makes_of_them() {
        let plain: [&[&str]; 4] = [&[], &["a"], &["src/a b", ".", "caf\u{e9}"], &["checkpoint", "help"]];
        for words in plain {
            let all = ["trace", "checkpoint"].iter().chain(words);
            let Taking::Checkpoint(parsed) = Cli::<Taking>::parse_from(all).command;
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(Args::plain(&words), Some(parsed));
        }
        for words in [&["-m"][..], &["a", "--json"], &["--", "-a"], &[""], &["-"], &["a", "-C", "b"]] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(Args::plain(&words), None, "{words:?}");
        }
    }
}
