//! `trace trail`

mod args;
mod browse;
mod edit;

use anyhow::{Context, Result, bail};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::git::config::{Config, Places};
use crate::git::head;
use crate::model::text::Text;
use crate::model::trail::{Status, Trail};
use crate::recall::select::NotFound;
use crate::recall::trail;
use crate::store::home::Home;
use crate::view::json;
use crate::view::trail as view;
use args::{List, Show, Verb};

pub use args::Args;

/// What is said where a part of the record is damaged and the rest is shown.
const DAMAGE: &str = "some of the record could not be read";

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    match &args.verb {
        Some(Verb::Show(args)) if args.interactive => walk(world, &home, args.branch.as_deref()),
        Some(Verb::Show(args)) => show(world, &home, args),
        Some(Verb::Set(args)) => edit::set(world, &home, args),
        Some(Verb::Close(args)) => edit::close(world, &home, args),
        Some(Verb::Reopen(args)) => edit::reopen(world, &home, args),
        Some(Verb::List(args)) => list(world, &home, args),
        None => list(world, &home, &args.list),
    }
}

/// The timeline on a whole screen. What is damaged is said once that is left.
fn walk(world: &World, home: &Home, word: Option<&str>) -> Result<Exit> {
    browse::may()?;
    let (trail, story, read) = told(world, home, word)?;
    let exit = browse::run(world, &trail.title, story.moments)?;
    read.context(DAMAGE)?;
    Ok(exit)
}

fn list(world: &World, home: &Home, args: &List) -> Result<Exit> {
    if args.interactive {
        return walk(world, home, args.branch.as_deref());
    }
    let wanted = args.status.iter().map(|word| status(word)).collect::<Result<Vec<_>>>()?;
    let me = author(world, home);
    let (mut trails, read) = trail::all(home, me.as_deref(), world.now)?;
    let any = !trails.is_empty();
    let author = match args.author.as_deref() {
        Some("me") => me,
        other => other.map(str::to_owned),
    };
    trails.retain(|trail| {
        let status = match wanted.is_empty() {
            true => args.all || trail.status.is_live(),
            false => wanted.contains(&trail.status),
        };
        let same =
            |name: &String| trail.author.as_ref().is_some_and(|a| a.to_lowercase() == name.to_lowercase());
        status
            && author.as_ref().is_none_or(same)
            && args.branch.as_ref().is_none_or(|branch| trail.branch.0 == branch.as_bytes())
    });
    if args.limit > 0 {
        trails.truncate(args.limit);
    }
    if args.json {
        output::print(|out| json::write(out, &json::trail::trails(&trails)))?;
    } else if trails.is_empty() {
        output::say(if any { crate::view::NO_MATCH } else { view::EMPTY });
    } else {
        output::page(world, |out| view::write(out, &trails, &world.look()))?;
    }
    read.context(DAMAGE)?;
    Ok(Exit::Done)
}

fn show(world: &World, home: &Home, args: &Show) -> Result<Exit> {
    let (trail, mut story, read) = told(world, home, args.branch.as_deref())?;
    if args.limit > 0 {
        story.checkpoints.truncate(args.limit);
        story.moments.drain(..story.moments.len().saturating_sub(args.limit));
    }
    let trail::Story { checkpoints, moments } = &story;
    match args.json {
        true => output::print(|out| json::write(out, &json::trail::story(&trail, checkpoints, moments)))?,
        false => output::page(world, |out| view::write_story(out, &trail, moments, &world.look()))?,
    }
    read.context(DAMAGE)?;
    Ok(Exit::Done)
}

/// A trail and what happened on it; whether all of that could be read.
fn told(world: &World, home: &Home, word: Option<&str>) -> Result<(Trail, trail::Story, Result<()>)> {
    let (trails, read) = trail::all(home, author(world, home).as_deref(), world.now)?;
    let name = named(home, word)?;
    let Some(trail) = find(&trails, &name) else {
        read.context(DAMAGE)?;
        bail!(NotFound(format!("nothing was recorded on {}", name.lossy())));
    };
    let (story, whole) = trail::story(home, &trail.branch)?;
    Ok((trail.clone(), story, read.and(whole)))
}

/// The word that somebody typed, or the present branch.
fn named(home: &Home, word: Option<&str>) -> Result<Text> {
    match word {
        Some(word) => Ok(word.into()),
        None => {
            let present = head::read(&home.place.git_dir, &home.place.common)?.branch;
            present.map(Text).context(Misuse("HEAD is detached: say which branch".to_owned()))
        }
    }
}

fn find<'a>(trails: &'a [Trail], name: &Text) -> Option<&'a Trail> {
    trails.iter().find(|trail| trail.branch == *name || trail.id.as_bytes() == name.as_bytes())
}

/// The branch that a word names: one that is there, or one that has a trail.
fn branch(world: &World, home: &Home, word: Option<&str>) -> Result<Text> {
    let name = named(home, word)?;
    if trail::is_branch(home, &name)? {
        return Ok(name);
    }
    let (trails, read) = trail::all(home, None, world.now)?;
    match find(&trails, &name) {
        Some(trail) => Ok(trail.branch.clone()),
        None => {
            read.context(DAMAGE)?;
            let name = name.lossy();
            bail!(NotFound(format!("there is no branch {name:?} and no such trail: see `trace trail --all`")))
        }
    }
}

fn status(word: &str) -> Result<Status> {
    Status::parse(word).with_context(|| {
        let all: Vec<&str> = Status::ALL.iter().map(|status| status.word()).collect();
        Misuse(format!("{word:?} is no status: {}", all.join(", ")))
    })
}

/// The name this user signs commits with.
fn author(world: &World, home: &Home) -> Option<String> {
    let places = Places {
        home: world.user.home.as_deref(),
        xdg_config: world.user.xdg_config.as_deref(),
        git_dir: Some(&home.place.git_dir),
        common_dir: Some(&home.place.common),
    };
    Config::read(&places).ok()?.identity()
}
