//! `trace resume`

use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::exit::{Exit, Refusal};
use super::world::World;
use super::{output, restore, selector};
use crate::capture::present;
use crate::disk::file::{self, Durability};
use crate::git::store::Store;
use crate::model::session::Session;
use crate::recall::resume::{self, Lost, Way, Whither};
use crate::recall::select::{Finder, NotFound};
use crate::recall::sessions;
use crate::store::home::Home;
use crate::view::resume as view;
use crate::view::{json, session as listing};
use crate::wire::transcripts::place::Env;

/// Go on with a prior session: print the command that does, or run it
///
/// For an agent it is the agent's own command, in the directory where the session worked; if the agent
/// has lost the transcript, what is kept of it, without its secrets, is put back in its place first.
/// For a shell it is a shell there, recorded as the continuation of the other. With --files the files
/// are put back, too, as the session left them.
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace resume last\n         eval \"$(trace resume retry-work)\"\n         trace resume topic --switch --files --run"
)]
pub struct Args {
    /// A session: its id or a part of it, its alias, its agent's own id, or `last`; a branch: the last
    /// session that worked on it; or a checkpoint: the session that it is of
    #[arg(value_name = "SESSION|CHECKPOINT|BRANCH")]
    session: Option<String>,
    /// Go on in this worktree, wherever the session worked
    #[arg(long)]
    here: bool,
    /// Switch to the branch that the session was on, first
    #[arg(long)]
    switch: bool,
    /// Put the files back as the session left them, first
    #[arg(long)]
    files: bool,
    /// Do not ask before putting files back
    #[arg(short, long)]
    yes: bool,
    /// Run the command
    #[arg(long, conflicts_with = "json")]
    run: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let (all, read) = sessions::read(&home, &store);
    let session = match &args.session {
        Some(word) => meant(world, (&home, &store), &all, word)?,
        None => pick(world, &all)?,
    };
    read.context("some of the record could not be read")?;
    let whither = if args.here { Whither::Here } else { Whither::Back };
    let Way { dir, mut command } = resume::way(&home, session, whither)?;
    let switch = if args.switch { Some(branch(session)?) } else { None };
    if args.files {
        let put = restore::to_session(world, &session.id, args.yes)?;
        if put != Exit::Done {
            return Ok(put);
        }
    }
    let back = put_back(world, (&home, &store), session, &dir)?;
    if args.run {
        if let Some(branch) = switch {
            switched(&dir, &branch)?;
        }
        let program = command.remove(0);
        let error = Command::new(&program).args(command).current_dir(&dir).exec();
        return Err(error).with_context(|| format!("run {program} in {}", dir.display()));
    }
    output::print(|out| match args.json {
        true => json::write(
            out,
            &json::session::resume(session, &dir, &command, back.as_ref().map(|lost| lost.at.as_path())),
        ),
        false => view::write(out, &dir, switch.as_deref(), &command),
    })?;
    Ok(Exit::Done)
}

/// The session that a word means: by its own names, as the last one of a branch, or as that of a
/// checkpoint.
fn meant<'a>(
    world: &World,
    (home, store): (&Home, &Store),
    all: &'a [Session],
    word: &str,
) -> Result<&'a Session> {
    let unknown = match sessions::named(all, word) {
        Ok(session) => return Ok(session),
        Err(error) => error,
    };
    let is_on = |session: &&Session| {
        session.branch.as_ref().is_some_and(|branch| branch.as_bytes() == word.as_bytes())
            && resume::is_possible(session)
    };
    if let Some(last) = all.iter().find(is_on) {
        return Ok(last);
    }
    let finder = Finder { home, store, when: &|text| world.when(text).ok() };
    let checkpoint = selector::parse(word).and_then(|selector| finder.checkpoint(&selector));
    let Ok(checkpoint) = checkpoint else { return Err(unknown) };
    // Whoever talked goes on with the conversation: shells are only meant where nobody did.
    let of = |id| sessions::find(all, id);
    let mut those = checkpoint.header.sessions.iter().rev().filter_map(of);
    let found = those.clone().find(|session| session.agent != "shell").or_else(|| those.next());
    found.with_context(|| NotFound(format!("checkpoint {} is of no session", checkpoint.id.short(12))))
}

/// Lets somebody at a terminal choose; anybody else gets the last one.
fn pick<'a>(world: &World, all: &'a [Session]) -> Result<&'a Session> {
    const SHOWN: usize = 15;
    // Nobody means to go on with what they are in.
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let present = present::doer(&variable).map(|doer| doer.session);
    let possible = all.iter().filter(|one| resume::is_possible(one));
    let others =
        possible.filter(|one| present.as_ref().is_none_or(|id| one.id != *id && !one.also.contains(id)));
    let shown: Vec<&Session> = others.take(SHOWN).collect();
    let Some(last) = shown.first() else {
        bail!(NotFound("there is no other session to go on with yet".to_owned()));
    };
    if shown.len() == 1 || !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(*last);
    }
    let mut table = Vec::new();
    listing::choice(&mut table, &shown, &world.look())?;
    let mut err = std::io::stderr();
    err.write_all(&table)?;
    write!(err, "Which one? [1-{}, Enter for 1, q to leave] ", shown.len())?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("read the answer")?;
    let chosen = match answer.trim() {
        "" if answer.ends_with('\n') => Some(0),
        word => word.parse::<usize>().ok().and_then(|n| n.checked_sub(1)),
    };
    chosen.and_then(|at| shown.get(at)).copied().context(Refusal("nothing was chosen".to_owned()))
}

fn branch(session: &Session) -> Result<String> {
    let branch = session.branch.as_ref().and_then(|branch| std::str::from_utf8(branch.as_bytes()).ok());
    let none = || NotFound(format!("it is not known which branch {} was on", session.id));
    branch.filter(|branch| !branch.starts_with('-')).map(str::to_owned).with_context(none)
}

fn switched(dir: &Path, branch: &str) -> Result<()> {
    let status = Command::new("git").args(["switch", branch]).current_dir(dir).status().context("run git")?;
    match status.success() {
        true => Ok(()),
        false => bail!(Refusal(format!("git did not switch to {branch}; nothing was run"))),
    }
}

/// Puts a transcript that the agent lost back in its place. What is there and shorter is kept beside it.
fn put_back<'s>(
    world: &World,
    (home, store): (&Home, &'s Store),
    session: &Session,
    dir: &Path,
) -> Result<Option<Lost<'s>>> {
    let var = |name: &str| std::env::var_os(name).map(|value| value.as_bytes().to_vec());
    let user_home = world.user.home.as_deref().map_or(OsStr::new(""), Path::as_os_str);
    let env = Env { home: user_home.as_bytes(), var: &var };
    let lost = match resume::lost(home, store, session, dir, &env) {
        Ok(Some(lost)) => lost,
        Ok(None) => return Ok(None),
        // The agent may know better where it is.
        Err(error) => {
            output::say(&format!("trace: {error:#}"));
            return Ok(None);
        }
    };
    let context = || format!("put the transcript back at {}", lost.at.display());
    if let Some(parent) = lost.at.parent() {
        std::fs::create_dir_all(parent).with_context(context)?;
    }
    if lost.present.is_some() {
        let aside = lost.at.with_extension("jsonl.before-trace");
        std::fs::rename(&lost.at, &aside).with_context(context)?;
        output::say(&format!("trace: the shorter transcript that was there is now {}", aside.display()));
    }
    file::create_of(&lost.at, lost.saved.stretches(), Durability::Synced).with_context(context)?;
    output::say(&format!("trace: the transcript is back at {}, {} records", lost.at.display(), lost.records));
    Ok(Some(lost))
}
