//! `trace why`

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::exit::{Exit, Misuse};
use super::explain::{self, Form};
use super::world::World;
use super::{output, selector};
use crate::git::store::Store;
use crate::git::{blame, patch};
use crate::model::text::Text;
use crate::recall::select::{Finder, NotFound, Point};
use crate::recall::why;
use crate::store::home::Home;
use crate::view::{json, why as view};

/// Tell which command, turn or commit brought each line of a file
///
/// Lines are followed from the file as it is now through the checkpoints of this worktree, and what is
/// older through your commits. What git only brought here, as a merge, a pull or a stash does, is followed
/// to where it was written, in any worktree. Of a commit, what led to it is told.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// A file, a line of it, lines from A to B; or a commit
    #[arg(value_name = "FILE[:LINE|:A-B]|COMMIT")]
    what: PathBuf,
}

const EXAMPLES: &str = "\
Example: trace why src/main.rs
         trace why src/main.rs:42
         trace why --json src/main.rs:10-20
         trace why HEAD";

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    match (Asked::read(world, &args.what)?, args.what.to_str()) {
        (Some(asked), _) => of_file(world, &home, args, &asked),
        (None, Some(word)) if is_commit(&home, word)? => {
            explain::tell(world, &home, word, Form::of(args.json))
        }
        _ => bail!(NotFound(format!(
            "there is no file {} now, and no such commit: `trace search --kind path` tells when there was one",
            args.what.display()
        ))),
    }
}

fn of_file(world: &World, home: &Home, args: &Args, asked: &Asked) -> Result<Exit> {
    let path = world.below_top(&home.place, &asked.path)?;
    let bytes =
        fs::read(world.cwd.join(&asked.path)).with_context(|| format!("read {}", asked.path.display()))?;
    if patch::is_binary(&bytes) {
        bail!(NotFound(format!(
            "{} is not text: `trace log {0}` lists what changed it",
            asked.path.display()
        )));
    }
    let range = asked.range(blame::count(&bytes))?;
    let store = Store::open(&home.place.store())?;
    let now = why::Now { path: &path, bytes: &bytes, meta: &asked.meta, at: world.now };
    let (lines, read) = why::lines(home, &store, &now, range)?;
    let path = Text(path);
    match args.json {
        true => output::print(|out| json::write(out, &json::why::lines(&path, &lines)))?,
        false => output::page(world, |out| view::write(out, &path, &bytes, &lines, &world.look()))?,
    }
    read.context("who did it may be incomplete")?;
    Ok(Exit::Done)
}

/// Whether a word names a commit of the user's.
fn is_commit(home: &Home, word: &str) -> Result<bool> {
    let store = Store::open(&home.place.store())?;
    let found =
        selector::parse(word).and_then(|word| Finder { home, store: &store, when: &|_| None }.find(&word));
    Ok(matches!(found, Ok(Point::Commit { .. })))
}

/// A file, and which of its lines.
struct Asked {
    path: PathBuf,
    meta: Metadata,
    lines: Option<(u32, u32)>,
}

impl Asked {
    /// A file whose name ends like lines is that file; `None` if there is none.
    fn read(world: &World, what: &Path) -> Result<Option<Self>> {
        if let Some(meta) = plain(world, what)? {
            return Ok(Some(Self { path: what.to_owned(), meta, lines: None }));
        }
        if let Some((path, lines)) = what.to_str().and_then(|what| what.rsplit_once(':'))
            && !path.is_empty()
            && let Some(meta) = plain(world, Path::new(path))?
        {
            return Ok(Some(Self { path: path.into(), meta, lines: Some(range(lines).map_err(Misuse)?) }));
        }
        Ok(None)
    }

    /// The lines of a file that has so many.
    fn range(&self, count: u32) -> Result<(u32, u32)> {
        let range = self.lines.unwrap_or((1, count));
        match range.0 {
            _ if count == 0 => bail!(NotFound(format!("{} is empty", self.path.display()))),
            first if first > count || range.1 > count => {
                bail!(NotFound(format!("{} has only {count} lines", self.path.display())))
            }
            _ => Ok(range),
        }
    }
}

/// What the system says of a plain file; `None` if there is nothing.
fn plain(world: &World, path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(world.cwd.join(path)) {
        Ok(meta) if meta.is_file() => Ok(Some(meta)),
        Ok(_) => bail!(Misuse(format!("{} is no plain file", path.display()))),
        Err(_) => Ok(None),
    }
}

/// The lines that `LINE` or `A-B` names; the error says what is wrong with it.
fn range(lines: &str) -> Result<(u32, u32), String> {
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    match (first.parse(), last.parse()) {
        (Ok(0), Ok(_)) | (Ok(_), Ok(0)) => {
            Err(format!("there is no line 0 in {lines:?}: the first line is 1"))
        }
        (Ok(first), Ok(last)) if first > last => {
            Err(format!("{lines:?} ends before it begins: say {last}-{first}"))
        }
        (Ok(first), Ok(last)) => Ok((first, last)),
        _ => Err(format!("{lines:?} names no lines: after the last colon comes LINE or A-B, counted from 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_1_and_told_from_the_first_to_the_last() {
        assert_eq!((range("7"), range("7-9"), range("1-1")), (Ok((7, 7)), Ok((7, 9)), Ok((1, 1))));
        for (wrong, words) in [
            ("0", "the first line is 1"),
            ("0-3", "the first line is 1"),
            ("3-0", "the first line is 1"),
            ("9-7", "say 7-9"),
            ("-7", "names no lines"),
            ("", "names no lines"),
            ("x", "names no lines"),
            ("99999999999", "names no lines"),
        ] {
            let error = range(wrong).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
