//! `trace explain`, and `trace why` of a commit

use std::collections::HashSet;

use anyhow::{Context, Result, bail};

use super::exit::Exit;
use super::world::World;
use super::{output, selector};
use crate::git::signed;
use crate::git::store::Store;
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::selector::Selector;
use crate::model::session::Session;
use crate::model::who::Who;
use crate::recall::explain::{self, Scope};
use crate::recall::links::{self, Ground};
use crate::recall::select::{Finder, NotFound, Point};
use crate::recall::{commands, sessions};
use crate::store::chain;
use crate::store::home::Home;
use crate::store::tip;
use crate::view::explain::{self as view, StoryView, Subject};
use crate::view::json;

/// Explain a checkpoint, a session or a commit: what was asked, done and changed, and what came of it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = selector::help(EXAMPLES))]
pub struct Args {
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// Which: a checkpoint, a session by its id or alias, or a commit of yours
    #[arg(default_value = "@-1", value_name = "SELECTOR")]
    selector: String,
}

const EXAMPLES: &str = "\
Example: trace explain @-1
         trace explain sess_01987f00
         trace explain HEAD --json";

/// Whether the document for programs is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Page,
    Json,
}

impl Form {
    /// As the flag says.
    pub fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Page }
    }
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    tell(world, &home, &args.selector, Form::of(args.json))
}

/// Tells the story of what a word names.
pub fn tell(world: &World, home: &Home, word: &str, form: Form) -> Result<Exit> {
    let store = Store::open(&home.place.store())?;
    let (of, scope) = subject(world, home, &store, word)?;
    let (record, read) = commands::read(home, &store);
    let story = explain::tell(home, &record, of, &scope)?;
    match form {
        Form::Json => output::print(|out| json::write(out, &json::explain::story(&story)))?,
        Form::Page => output::page(world, |out| view::write(out, &story, &world.look()))?,
    }
    read.context("the story may be incomplete")?;
    Ok(Exit::Done)
}

/// A session goes by its own names first: what else its word could mean is the last of its checkpoints.
fn subject(world: &World, home: &Home, store: &Store, word: &str) -> Result<(Subject, Scope)> {
    let selector = selector::parse(word)?;
    if let Selector::Session(_) | Selector::Word(_) = &selector {
        let (all, read) = sessions::read(home, store);
        match sessions::named(&all, word) {
            Ok(session) => return Ok((about(session), Scope::Session(session.id.clone()))),
            Err(error) if matches!(selector, Selector::Session(_)) => return read.and(Err(error)),
            Err(_) => {}
        }
    }
    let when = |text: &str| world.when(text).ok();
    match (Finder { home, store, when: &when }).find(&selector)? {
        Point::Checkpoint(found) => Ok(of_checkpoint(*found)),
        Point::Now => {
            let newest =
                tip::intact(home)?.context("there are no checkpoints yet: `trace checkpoint` makes one")?;
            Ok(of_checkpoint(chain::checkpoint(store, newest)?))
        }
        Point::Commit { id, .. } => of_commit(home, store, id),
    }
}

fn of_checkpoint(found: crate::model::checkpoint::Checkpoint) -> (Subject, Scope) {
    let scope = Scope::Checkpoints(HashSet::from([found.id]));
    (Subject::Checkpoint(Box::new(found)), scope)
}

/// The story of a session.
pub fn of_session(home: &Home, store: &Store, session: &Session) -> Result<StoryView> {
    let (record, read) = commands::read(home, store);
    let story = explain::tell(home, &record, about(session), &Scope::Session(session.id.clone()))?;
    read.context("the story may be incomplete").map(|()| story)
}

fn about(session: &Session) -> Subject {
    let Session { id, alias, agent, .. } = session;
    let id: Option<SessionId> = Some(id.clone());
    Subject::Session {
        who: Who { session: id, agent: agent.clone(), alias: alias.clone(), digits: 0 },
        outcome: session.outcome.word(),
        reason: session.closed_reason.clone(),
    }
}

/// What led to a commit: the checkpoints whose changes went into it.
fn of_commit(home: &Home, store: &Store, id: Oid) -> Result<(Subject, Scope)> {
    let (signed, _) = signed::read(store, id)?;
    let (ground, troubles) = Ground::read(home, store)?;
    troubles.iter().for_each(|trouble| output::say(&format!("trace: {trouble}")));
    let found = links::of_commit(&ground, id)?.checkpoints;
    if found.is_empty() {
        bail!(NotFound(format!(
            "nothing that was recorded led to {}: it was made elsewhere, or before recording began",
            id.short(12)
        )));
    }
    Ok((Subject::Commit(signed), Scope::Checkpoints(found.into_iter().map(|link| link.what).collect())))
}
