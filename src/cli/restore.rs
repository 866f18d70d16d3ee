//! `trace restore`

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::exit::{Exit, Misuse};
use super::putting::{self, Asks, How, Proposal};
use super::world::World;
use crate::git::head;
use crate::git::store::Store;
use crate::model::event::RestoreAction;
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::selector::{self, Selector};
use crate::model::text::Text;
use crate::recall::select::{self, Finder, NotFound, Point};
use crate::recall::undo::{self, Actor, Before, Unit};
use crate::recall::{acts, commands};
use crate::store::chain;
use crate::store::home::Home;
use crate::store::restore::plan::{self, Surplus, Within};
use crate::store::restore::{Purpose, Saved, revert};
use crate::view::time;

/// Put files back as they were: all, or some paths; or take back what one actor did
///
/// With a selector, the files become as they were then: what was added since is deleted, ignored
/// files and files that no checkpoint holds are left alone. With --session, --command or --turn only
/// what that actor changed is taken back, and later changes by others stay. Everything as it is now
/// is kept in a checkpoint first. HEAD, the index, refs and the stash are not touched.
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace restore '@{10 minutes ago}' src/\n         trace restore cmd:0198.3 --dry-run -p\n         trace restore --session sess_0198 --yes"
)]
pub struct Args {
    /// A state: an id or its beginning, @-N, @{WHEN}, cmd:ID, turn:ID, HEAD, a branch; then paths.
    /// With --session, --command or --turn: paths only
    #[arg(value_name = "SELECTOR] [PATH")]
    words: Vec<String>,
    /// Take back what this session changed
    #[arg(long, value_name = "ID", conflicts_with_all = ["command", "turn"])]
    session: Option<String>,
    /// Take back what this command changed
    #[arg(long, value_name = "ID", conflicts_with = "turn")]
    command: Option<String>,
    /// Take back what was changed in this turn of an agent
    #[arg(long, value_name = "ID")]
    turn: Option<String>,
    #[command(flatten)]
    how: How,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let manner = args.how.manner(Asks::First);
    let is_scoped = args.session.is_some() || args.command.is_some() || args.turn.is_some();
    let (state, paths) = match (is_scoped, args.words.split_first()) {
        (true, _) => (None, args.words.as_slice()),
        (false, Some((state, paths))) => (Some(state), paths),
        (false, None) => bail!(Misuse(
            "restore what? Name a state (`trace restore @-1`), or use --session, --command or --turn"
                .to_owned()
        )),
    };
    let paths: Vec<Vec<u8>> =
        paths.iter().map(|path| world.below_top(&home.place, Path::new(path))).collect::<Result<_>>()?;
    let state = state.map(|state| State::read(world, &home, state)).transpose()?;
    putting::proceed(world, &home, &manner, &|store, saved| {
        let proposal = match &state {
            Some(state) => to_state(world, &home, store, saved, state, &paths),
            None => scoped(&home, store, saved, args, &paths),
        };
        proposal.map(Some)
    })
}

/// A state as it was typed.
struct State<'a> {
    text: &'a str,
    selector: Selector,
    /// What was meant by a distance: saving what is there now makes one checkpoint more.
    counted: Option<Point>,
}

impl<'a> State<'a> {
    fn read(world: &World, home: &Home, text: &'a str) -> Result<Self> {
        let selector = selector::parse(text).map_err(|why| anyhow!(Misuse(why)))?;
        let counted = match selector {
            Selector::Back(_) => {
                let store = Store::open(&home.place.store())?;
                let when = |text: &str| world.when(text).ok();
                Some(Finder { home, store: &store, when: &when }.find(&selector)?)
            }
            _ => None,
        };
        Ok(Self { text, selector, counted })
    }
}

/// Puts all files back as a session left them.
pub fn to_session(world: &World, session: &SessionId, yes: bool) -> Result<Exit> {
    let args = Args {
        words: vec![session.to_string()],
        session: None,
        command: None,
        turn: None,
        how: How::agreed(yes),
    };
    run(world, &args)
}

/// Everything, or some paths, as in another state.
fn to_state(
    world: &World,
    home: &Home,
    store: &Store,
    saved: Saved,
    state: &State<'_>,
    paths: &[Vec<u8>],
) -> Result<Proposal> {
    let when = |text: &str| world.when(text).ok();
    let point = match &state.counted {
        Some(point) => point.clone(),
        None => Finder { home, store, when: &when }.find(&state.selector)?,
    };
    let (wanted, surplus, commit) = match point {
        Point::Now => bail!(Misuse("@ is how the files are now: name an earlier state".to_owned())),
        Point::Checkpoint(found) => {
            (chain::newest_worktree(store, Some(&found))?, Surplus::Removed, found.header.head)
        }
        Point::Commit { id, tree } => {
            (Some(tree), Surplus::TrackedOnly { head: head_tree(home, store)? }, Some(id))
        }
    };
    for path in paths {
        let has = |tree: Option<Oid>| -> Result<bool> {
            Ok(path.is_empty() || tree.map(|tree| store.lookup(tree, path)).transpose()?.flatten().is_some())
        };
        if !has(wanted)? && !has(saved.tree)? {
            let path = String::from_utf8_lossy(path).into_owned();
            bail!(NotFound(format!("there is no {path:?}, neither now nor in {}", state.text)));
        }
    }
    let items = plan::whole(home, store, saved.tree, wanted, &Within(paths), surplus)?;
    let named = acts::sure_names(home, store, &items, commit, paths.to_vec())?;
    Ok(Proposal {
        items,
        purpose: Purpose { action: RestoreAction::Restore, label: Text::from(state.text), of: None, named },
        exact: None,
        notes: Vec::new(),
    })
}

fn head_tree(home: &Home, store: &Store) -> Result<Option<Oid>> {
    let commit = head::read(&home.place.git_dir, &home.place.common)?.commit;
    Ok(commit.map(|id| store.commit(id)).transpose()?.flatten().map(|commit| commit.tree))
}

/// Only what one actor changed.
fn scoped(home: &Home, store: &Store, saved: Saved, args: &Args, paths: &[Vec<u8>]) -> Result<Proposal> {
    let (record, read) = commands::read(home, store);
    read.context("read the record")?;
    let (actor, label) = match (&args.session, &args.command, &args.turn) {
        (Some(session), ..) => {
            let session = select::session_in(home, store, &record, session)?;
            let label = format!("session {session}");
            (Actor::Session(session), Text::from(label))
        }
        (_, Some(command), _) => {
            let Selector::Command { id, .. } = named("cmd:", command)? else { bail!(unnamed(command)) };
            let found = select::command(&record, &id)?;
            (Actor::Command(found.id.clone()), found.command.clone())
        }
        (_, _, Some(turn)) => {
            let Selector::Turn { name, .. } = named("turn:", turn)? else { bail!(unnamed(turn)) };
            let found = select::turn(home, store, &record, &name)?;
            let label = found.prompt.clone();
            (Actor::Turn(found), label)
        }
        _ => bail!(Misuse("whose changes?".to_owned())),
    };
    let acts = acts::of(home, store, &record)?;
    let mut unit = undo::of_actor(&acts, &actor);
    let within = Within(paths);
    unit.edits.retain(|path, _| within.holds(path));
    let before = unit.before(store, &record)?;
    let items = revert::plan(home, store, saved, &unit.edits, args.how.resolve())?;
    let named = acts::sure_names(home, store, &items, unit.head_before(store)?, paths.to_vec())?;
    Ok(Proposal {
        items,
        purpose: Purpose { action: RestoreAction::Restore, label, of: None, named },
        exact: Some(before == Before::Right),
        notes: notes(home, store, &unit, before)?,
    })
}

/// A name with its prefix, which may be left out where only one sort of name is asked for.
fn named(prefix: &str, name: &str) -> Result<Selector> {
    let name = name.strip_prefix(prefix).unwrap_or(name);
    selector::parse(&format!("{prefix}{name}")).map_err(|why| anyhow!(Misuse(why)))
}

fn unnamed(name: &str) -> Misuse {
    Misuse(format!("{name:?} names nothing here"))
}

/// What a person should know of the state before an act: how exact it is, and what is not undone.
pub fn notes(home: &Home, store: &Store, unit: &Unit, before: Before) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if let Before::Earlier(micros) = before {
        let micros = u64::try_from(micros).unwrap_or(0);
        notes.push(format!(
            "not exact: the files were last looked at {} before it; what changed between is taken back too",
            time::duration(micros)
        ));
    }
    if !unit.shared.is_empty() {
        let number = unit.shared.len();
        let paths = if number == 1 { "path" } else { "paths" };
        notes.push(format!("{number} {paths} may have been changed by something else at the same time"));
    }
    let then = unit.head_before(store)?;
    let now = head::read(&home.place.git_dir, &home.place.common)?.commit;
    if let (Some(then), Some(now)) = (then, now)
        && then != now
    {
        let then = then.short(10);
        notes.push(format!("HEAD was at {then} and is not moved: `git reset --soft {then}` would"));
    }
    Ok(notes)
}
