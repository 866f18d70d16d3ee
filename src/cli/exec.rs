//! `trace exec`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::disk::inherited::Undisturbed;
use crate::git::store::Store;
use crate::model::oid::Oid;
use crate::model::selector;
use crate::recall::replay::{self, Ended};
use crate::recall::select::Finder;
use crate::store::checkout::Checkout;
use crate::store::home::Home;

/// Run a command in the files of a checkpoint, away from your worktree
///
/// The files are written to a private temporary directory, which is removed when the command ends,
/// with all that it made there. It runs in the subdirectory you are in, if there is one. Nothing of
/// it is recorded; TRACE_CHECKPOINT tells it where it is. The exit code is the command's own.
#[derive(clap::Args)]
#[command(after_help = "Example: trace exec '@{1 hour ago}' -- make test\n         trace exec @-3 -- sh")]
pub struct Args {
    /// Which: an id or its beginning, @-N, @{WHEN}, cmd:ID, a session, HEAD, a branch
    #[arg(value_name = "SELECTOR")]
    selector: String,
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let (checkpoint, tree) = files(world, &home, &store, &args.selector)?;
    // Ctrl-C is for the command. We stay to take its directory away.
    let _undisturbed = Undisturbed::begin();
    let mut checkout = Checkout::new(&temporary(&home)?)?;
    checkout.turn_to(&store, tree)?;
    let names = std::env::vars_os().map(|(name, _)| name);
    let mut command = replay::command(&args.command, &checkout, &below(world, &home), checkpoint, names)?;
    let ended = command.status().map(Ended::of);
    if let Err(error) = checkout.remove() {
        output::say(&format!("trace: {error:#}"));
    }
    match ended {
        Ok(ended) => Ok(Exit::Theirs(u8::try_from(ended.code()).unwrap_or(1))),
        Err(error) => {
            output::say(&format!("trace: run {}: {error}", args.command[0].to_string_lossy()));
            Ok(Exit::Theirs(127))
        }
    }
}

/// The id and the files that a selector names.
fn files(world: &World, home: &Home, store: &Store, text: &str) -> Result<(Oid, Oid)> {
    let selector = selector::parse(text).map_err(|why| anyhow!(Misuse(why)))?;
    let when = |text: &str| world.when(text).ok();
    let point = Finder { home, store, when: &when }.find(&selector)?;
    replay::files(store, &point)?.with_context(|| of_now(text))
}

/// The refusal of a selector that names no files but those of the worktree.
pub fn of_now(text: &str) -> Misuse {
    Misuse(format!("{text:?} is the files as they are now: `trace checkpoint` keeps them, then say @-1"))
}

/// Where we stand below the worktree's top; the top itself if we stand elsewhere.
pub fn below(world: &World, home: &Home) -> Vec<u8> {
    world.below_top(&home.place, Path::new("")).unwrap_or_default()
}

/// Where temporary files go; refused where that is the worktree itself.
pub fn temporary(home: &Home) -> Result<PathBuf> {
    let named = std::env::temp_dir();
    let temp = std::fs::canonicalize(&named);
    let temp = temp.with_context(|| format!("find the temporary directory {}", named.display()))?;
    let top = home.place.top()?;
    if temp.starts_with(top) {
        bail!(
            "the temporary directory {} lies in the worktree, which is not to be touched: set TMPDIR to \
             another one",
            temp.display()
        );
    }
    Ok(temp)
}
