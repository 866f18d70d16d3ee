//! `trace import`, and the part of `trace attach` that takes in one conversation.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use super::exit::{Exit, Misuse};
use super::opencode::OpenCode;
use super::world::World;
use super::{flush, output};
use crate::capture::import::{self, Counts, Found, Mode};
use crate::disk::place::Place;
use crate::git::store::Store;
use crate::model::agent::Agent;
use crate::model::id::SessionId;
use crate::model::time::Timestamp;
use crate::recall::select::NotFound;
use crate::recall::sessions;
use crate::store::home::Home;
use crate::view::import::{self as view, ImportView};
use crate::view::json;
use crate::wire::sessionsdb;
use crate::wire::transcripts::place::Env;

/// Take in conversations that agents held here before anything was recorded
///
/// Finds the transcripts that an agent keeps of conversations held in any worktree of this repository,
/// and records their prompts, commands, edited files and words, without their secrets. What is recorded
/// already is not taken twice, and what was interrupted is completed by the next. No file is changed.
/// OpenCode, which keeps a database, is asked for its conversations by `opencode session list` and
/// `opencode export`.
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace import claude --dry-run\n         trace import all --since '2 weeks ago'"
)]
pub struct Args {
    /// Whose: an agent's name, `all`, or `sessions-db`
    #[arg(value_name = "AGENT")]
    agent: String,
    /// Where the log of sessions-db is, if it is not where that program looks for it
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// Only conversations that went on since then
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only say what would be taken in
    #[arg(long)]
    dry_run: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    if args.agent == "sessions-db" {
        return sessions_db(world, &home, args);
    }
    if args.path.is_some() {
        bail!(Misuse("a path goes with sessions-db; `trace attach --agent` takes in one file".to_owned()));
    }
    let agents = match args.agent.as_str() {
        "all" => Agent::ALL.to_vec(),
        name => vec![agent(name)?],
    };
    let said = args.since.as_ref().map(|text| world.when(text)).transpose()?;
    let since = said.and_then(|at| u64::try_from(at.0).ok());
    let since = since.map(|micros| SystemTime::UNIX_EPOCH + Duration::from_micros(micros));
    let mut progress = Progress::new();
    let mut here = Vec::new();
    let homes = homes(world, &home)?;
    for agent in agents.iter().copied() {
        for path in files(world, agent) {
            progress.step();
            let found = match import::look(agent, &path) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(error) => {
                    output::say(&format!("trace: {} was left out: {error}", path.display()));
                    continue;
                }
            };
            let home = found.cwd.as_ref().and_then(|cwd| homes.iter().find(|(top, _)| cwd.starts_with(top)));
            if let Some((_, home)) = home.filter(|_| since.is_none_or(|since| found.changed >= since)) {
                here.push((found, home.clone()));
            }
        }
    }
    progress.end();
    here.sort_by_key(|(found, _)| found.changed);
    let mode = if args.dry_run { Mode::Count } else { Mode::Record };
    let mut rows = if here.is_empty() { Vec::new() } else { take_in(world, &home, here, mode)? };
    let opencode = OpenCode::of(world, &home);
    // Who asks for all asks for what there is.
    let asked = match agents.contains(&Agent::OpenCode) && (agents.len() == 1 || opencode.is_there()) {
        true => opencode.all(&homes, said, mode).map(|more| rows.extend(more)),
        false => Ok(()),
    };
    if rows.is_empty() {
        asked?;
        let whose = if args.agent == "all" { "any agent" } else { &args.agent };
        return Err(NotFound(format!("no conversation of {whose} was held here")).into());
    }
    show(world, &rows, mode, args.json)?;
    asked.map(|()| Exit::Done)
}

fn sessions_db(world: &World, home: &Home, args: &Args) -> Result<Exit> {
    let log = log_of(world, args.path.as_deref())?;
    let mode = if args.dry_run { Mode::Count } else { Mode::Record };
    let read = import::sessions_db(home, &log, mode)?;
    if mode == Mode::Record {
        flush::all(world, home)?;
    }
    output::print(|out| match args.json {
        true => json::write(
            out,
            &json::session::imported_log(
                &log,
                (read.sessions, read.events),
                &read.bad,
                read.torn,
                args.dry_run,
            ),
        ),
        false => writeln!(out, "{}: {} sessions, {} events", log.display(), read.sessions, read.events),
    })?;
    if read.torn {
        output::say("trace: its last line was cut, and is left out");
    }
    for line in read.bad.iter().take(5) {
        output::say(&format!("trace: line {line} makes no sense, and is left out"));
    }
    Ok(if read.bad.is_empty() { Exit::Done } else { Exit::No })
}

/// Where sessions-db keeps its log: where it is told to, else in one of two directories here or above,
/// at most 12 levels (druumen/sessions-db, its README).
fn log_of(world: &World, told: Option<&Path>) -> Result<PathBuf> {
    let root = std::env::var_os("DRUUMEN_SESSIONS_DB_ROOT").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let dirs: Vec<PathBuf> = match (told, root) {
        (Some(path), _) if world.cwd.join(path).is_file() => return Ok(world.cwd.join(path)),
        (Some(path), _) => vec![world.cwd.join(path)],
        (None, Some(root)) => vec![root],
        (None, None) => {
            let above = world.cwd.ancestors().take(12);
            above.flat_map(|dir| [dir.join("tickets/_logs"), dir.join(".dru-code")]).collect()
        }
    };
    let found = dirs.into_iter().map(|dir| dir.join(sessionsdb::LOG)).find(|log| log.is_file());
    found.with_context(|| NotFound(format!("there is no {} here: say where it is", sessionsdb::LOG)))
}

/// The agent of this name.
pub fn agent(name: &str) -> Result<Agent> {
    let known = || Agent::ALL.map(Agent::name).join(", ");
    Agent::parse(name).with_context(|| Misuse(format!("no agent is called {name:?}: there are {}", known())))
}

/// The files in which an agent may keep transcripts.
pub fn files(world: &World, agent: Agent) -> Vec<PathBuf> {
    let var = |name: &str| std::env::var_os(name).map(|value| value.as_bytes().to_vec());
    let user_home = world.user.home.as_deref().map_or(OsStr::new(""), Path::as_os_str);
    import::files(agent, &Env { home: user_home.as_bytes(), var: &var })
}

/// The worktrees of this repository that this user records, each by its top.
fn homes(world: &World, home: &Home) -> Result<Vec<(PathBuf, Home)>> {
    let mut all = Vec::new();
    for place in Place::all_of(&home.place.common) {
        let Ok(top) = place.top().map(Path::to_owned) else { continue };
        if let Some(home) = Home::of(place, world.state()?)? {
            all.push((top, home));
        }
    }
    // Of two that lie in each other the inner one.
    all.sort_by_key(|(top, _)| std::cmp::Reverse(top.as_os_str().len()));
    Ok(all)
}

/// Records conversations, each in its worktree, and takes checkpoints of them.
pub fn take_in(world: &World, home: &Home, all: Vec<(Found, Home)>, mode: Mode) -> Result<Vec<ImportView>> {
    let known = known(home, &all.iter().map(|(found, _)| found.session()).collect())?;
    retold(world, &known, all, mode)
}

/// The same, where it is known which sessions said something already.
pub fn retold(
    world: &World,
    known: &HashSet<SessionId>,
    all: Vec<(Found, Home)>,
    mode: Mode,
) -> Result<Vec<ImportView>> {
    if mode == Mode::Count {
        return tell(known, &all, mode, &|_| {});
    }
    // Before anything is told of any: which is older than another is decided where both are there.
    for (found, home) in &all {
        if !known.contains(&found.session()) {
            found.begin_telling(home)?;
        }
        found.introduce(home)?;
    }
    let rows = flush::beside(world, |told| tell(known, &all, mode, told))?;
    all.iter().for_each(|(found, home)| found.end_telling(home));
    Ok(rows)
}

/// Up to when a session is to be told: all of it, if it said nothing yet. One that its hooks told of, or that
/// was taken in before, is not told again; but what its transcript holds is still read. Of one whose import
/// ended in the middle that is completed which was there when it began: later its hooks may have told.
fn untold(known: &HashSet<SessionId>, found: &Found, home: &Home) -> Option<Timestamp> {
    match known.contains(&found.session()) {
        true => found.half_told(home),
        false => Some(Timestamp(i64::MAX)),
    }
}

/// Tells them to the journals, and `told` each time which one got something.
fn tell(
    known: &HashSet<SessionId>,
    all: &[(Found, Home)],
    mode: Mode,
    told: &dyn Fn(&Home),
) -> Result<Vec<ImportView>> {
    let mut rows = Vec::new();
    let mut progress = Progress::new();
    for (found, home) in all {
        progress.step();
        let until = untold(known, found, home);
        let counts = match until {
            None => Counts::default(),
            Some(until) => found.retell(home, mode, until, &|| told(home))?,
        };
        told(home);
        rows.push(ImportView {
            session: found.session(),
            agent: found.agent.name(),
            external: found.external.clone(),
            path: found.path.clone(),
            bytes: found.bytes,
            about: found.title.clone(),
            known: until.is_none(),
            prompts: counts.prompts,
            commands: counts.commands,
            tools: counts.tools,
        });
    }
    progress.end();
    Ok(rows)
}

/// The sessions that said something already; none if nothing is told of any of those that are wanted.
pub fn known(home: &Home, wanted: &HashSet<SessionId>) -> Result<HashSet<SessionId>> {
    let store = Store::open(&home.place.store())?;
    let damaged = "some of the record could not be read";
    if !sessions::is_any_told(home, &store, wanted).context(damaged)? {
        return Ok(HashSet::new());
    }
    let (all, read) = sessions::read(home, &store);
    read.context(damaged)?;
    let told = all.into_iter().filter(|one| one.prompts + one.commands > 0);
    Ok(told.flat_map(|one| one.also.into_iter().chain([one.id])).collect())
}

/// Shows what was taken in, or would be.
pub fn show(world: &World, rows: &[ImportView], mode: Mode, as_json: bool) -> Result<()> {
    let dry_run = mode == Mode::Count;
    output::print(|out| match as_json {
        true => json::write(out, &json::session::imported(rows, dry_run)),
        false => view::write(out, rows, &world.look()),
    })?;
    if !as_json {
        output::say(&view::sum(rows, dry_run));
    }
    Ok(())
}

/// One conversation, by its file or by its id.
pub fn find(world: &World, agent: Agent, word: &str) -> Result<Found> {
    let path = Path::new(word);
    if path.is_file() {
        let path = world.cwd.join(path);
        let found = import::look(agent, &path).with_context(|| format!("read {}", path.display()))?;
        return found.with_context(|| {
            NotFound(format!("{} does not look like a transcript of {}", path.display(), agent.name()))
        });
    }
    if agent == Agent::OpenCode {
        bail!(Misuse(format!(
            "{word:?} is neither a file nor an id of opencode: that is ses_ and letters and digits"
        )));
    }
    for path in files(world, agent) {
        if let Ok(Some(found)) = import::look(agent, &path)
            && found.external.as_bytes() == word.as_bytes()
        {
            return Ok(found);
        }
    }
    bail!(NotFound(format!(
        "{} has no transcript of {word:?} that could be found: name the file",
        agent.name()
    )))
}

/// Says on a terminal how far it is.
struct Progress {
    shown: bool,
    done: usize,
}

impl Progress {
    fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal(), done: 0 }
    }

    fn step(&mut self) {
        self.done += 1;
        if self.shown && self.done.is_multiple_of(50) {
            // If nobody listens there, nothing can be done about it.
            let _ = write!(std::io::stderr(), "\r{} conversations", self.done);
        }
    }

    fn end(&self) {
        if self.shown && self.done >= 50 {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
