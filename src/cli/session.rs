//! `trace session …`

use anyhow::{Context, Result, bail};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::git::store::Store;
use crate::model::event::Event;
use crate::model::session::{Activity, Edit, Outcome, Session, Thresholds};
use crate::model::text::Text;
use crate::recall::select::NotFound;
use crate::recall::sessions;
use crate::store::home::Home;
use crate::store::record;
use crate::view::json;
use crate::view::session as view;
use crate::wire::event;

/// Find sessions, name them, say what became of them
///
/// A session is one sitting of one actor: a shell, or one conversation of an agent. It is called by
/// its id or a part of it, its alias, its agent's own id, or `last`.
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace session list\n         trace session alias 0198 retry-work\n         trace session tree last"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// List sessions, newest activity first
    List(Find),
    /// The same
    Find(Find),
    /// Everything that is known of one
    Show(One),
    /// What it was known by, and what else it might have been
    Explain(One),
    /// A session and all that descend from it
    Tree(One),
    /// Give it a name, or take it away
    Alias(Alias),
    /// Note tasks and projects it belongs to
    Link(Link),
    /// Note which session it descends from
    LinkParent(LinkParent),
    /// Say what became of it
    Close(Close),
    /// Take one of its external ids for a session of its own
    Split(Split),
    /// Record which sessions are archived
    Sweep(Sweep),
    /// Read everything anew and count it
    Rebuild(Rebuild),
}

#[derive(clap::Args, Default)]
struct Find {
    /// Belongs to this task
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// Belongs to this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Has this alias
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Was, or is, on this branch
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Works in a directory whose path contains this
    #[arg(long, value_name = "TEXT")]
    cwd: Option<String>,
    /// Of this agent, or of shells: `shell`
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// active, idle or archived
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// open, done, blocked, abandoned, merged or superseded
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// At most N; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct One {
    /// Which session
    #[arg(value_name = "SESSION")]
    session: String,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// What every edit takes.
#[derive(clap::Args)]
struct How {
    /// Only show what would be written
    #[arg(long)]
    dry_run: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Alias {
    #[arg(value_name = "SESSION")]
    session: String,
    #[arg(value_name = "ALIAS", required_unless_present = "clear", conflicts_with = "clear")]
    alias: Option<String>,
    /// Take the alias away
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct Link {
    #[arg(value_name = "SESSION")]
    session: String,
    /// A task; may be given again
    #[arg(long, value_name = "NAME", required_unless_present = "project")]
    task: Vec<String>,
    /// A project; may be given again
    #[arg(long, value_name = "NAME")]
    project: Vec<String>,
    /// Take these away
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct LinkParent {
    #[arg(value_name = "CHILD")]
    child: String,
    #[arg(value_name = "PARENT", required_unless_present = "remove", conflicts_with = "remove")]
    parent: Option<String>,
    /// It descends from none
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct Close {
    #[arg(value_name = "SESSION")]
    session: String,
    /// open, done, blocked, abandoned, merged or superseded
    #[arg(long, value_name = "OUTCOME")]
    outcome: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct Split {
    #[arg(value_name = "SESSION")]
    session: String,
    /// The agent's own id
    #[arg(value_name = "EXTERNAL_ID")]
    external: String,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct Sweep {
    /// Days after which a session is idle
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().idle)]
    idle_threshold_days: u32,
    /// Days after which it is archived
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().archived)]
    archive_threshold_days: u32,
    #[command(flatten)]
    how: How,
}

#[derive(clap::Args)]
struct Rebuild {
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let (all, read) = sessions::read(&home, &store);
    let exit = match &args.verb {
        None => list(world, &all, &Find { limit: 50, ..Find::default() })?,
        Some(Verb::List(find) | Verb::Find(find)) => list(world, &all, find)?,
        Some(Verb::Show(one)) => show(world, &all, one, true)?,
        Some(Verb::Explain(one)) => show(world, &all, one, false)?,
        Some(Verb::Tree(one)) => tree(world, &all, one)?,
        Some(Verb::Rebuild(rebuild)) => return rebuilt(&all, rebuild, read),
        Some(verb) => edit(world, &home, &all, verb)?,
    };
    read.context("some of the record could not be read")?;
    Ok(exit)
}

fn list(world: &World, all: &[Session], find: &Find) -> Result<Exit> {
    let state = find.state.as_deref().map(|word| parsed(word, Activity::parse, "state")).transpose()?;
    let outcome = find.outcome.as_deref().map(|word| parsed(word, Outcome::parse, "outcome")).transpose()?;
    let has = |text: &Option<Text>, part: &str| text.as_ref().is_some_and(|text| text.lossy().contains(part));
    let is = |text: &Option<Text>, name: &str| {
        text.as_ref().is_some_and(|text| text.as_bytes() == name.as_bytes())
    };
    let fits = |one: &&Session| {
        find.task.as_ref().is_none_or(|task| one.tasks.contains(task))
            && find.project.as_ref().is_none_or(|project| one.projects.contains(project))
            && find.alias.is_none_or_eq(&one.alias)
            && find.agent.as_ref().is_none_or(|agent| one.agent == *agent)
            && find.branch.as_ref().is_none_or(|name| is(&one.branch, name) || is(&one.branch_at_start, name))
            && find.cwd.as_ref().is_none_or(|part| has(&one.cwd, part) || has(&one.worktree_path, part))
            && state.is_none_or(|state| one.activity(world.now, Thresholds::default()) == state)
            && outcome.is_none_or(|outcome| one.outcome == outcome)
    };
    let most = if find.limit == 0 { usize::MAX } else { find.limit };
    let found: Vec<&Session> = all.iter().filter(fits).take(most).collect();
    match (find.json, found.is_empty()) {
        (true, _) => output::print(|out| json::write(out, &json::session::sessions(&found, world.now)))?,
        (false, true) => output::say(view::EMPTY),
        (false, false) => output::page(world, |out| view::write(out, &found, &world.look()))?,
    }
    Ok(Exit::Done)
}

/// Whether a wish, if there is one, is met.
trait Wish {
    fn is_none_or_eq(&self, other: &Self) -> bool;
}

impl Wish for Option<String> {
    fn is_none_or_eq(&self, other: &Self) -> bool {
        self.is_none() || self == other
    }
}

fn parsed<T>(word: &str, parse: impl Fn(&str) -> Option<T>, what: &str) -> Result<T> {
    parse(word).with_context(|| Misuse(format!("{word:?} is no {what}")))
}

fn show(world: &World, all: &[Session], one: &One, whole: bool) -> Result<Exit> {
    let session = sessions::named(all, &one.session)?;
    output::print(|out| match (one.json, whole) {
        (true, _) => json::write(out, &json::session::one(session, world.now)),
        (false, true) => view::show(out, session, &world.look()),
        (false, false) => view::explain(out, session),
    })?;
    Ok(Exit::Done)
}

fn tree(world: &World, all: &[Session], one: &One) -> Result<Exit> {
    let root = sessions::named(all, &one.session)?;
    output::print(|out| match one.json {
        true => json::write(out, &json::session::tree(all, root, world.now)),
        false => view::tree(out, all, root, world.now),
    })?;
    Ok(Exit::Done)
}

fn rebuilt(all: &[Session], rebuild: &Rebuild, read: Result<()>) -> Result<Exit> {
    let events = all.iter().map(|one| one.events).sum();
    output::print(|out| match rebuild.json {
        true => json::write(out, &json::session::rebuilt(all.len(), events)),
        false => writeln!(out, "ok: {} sessions, {events} events", all.len()),
    })?;
    read.context("some of the record could not be read")?;
    Ok(Exit::Done)
}

fn edit(world: &World, home: &Home, all: &[Session], verb: &Verb) -> Result<Exit> {
    let named = |word: &str| sessions::named(all, word);
    let (session, edit, how) = match verb {
        Verb::Alias(alias) => (named(&alias.session)?, of_alias(all, alias)?, &alias.how),
        Verb::Link(link) => (named(&link.session)?, of_link(link), &link.how),
        Verb::LinkParent(link) => (named(&link.child)?, of_parent(all, link)?, &link.how),
        Verb::Close(close) => {
            let outcome = parsed(&close.outcome, Outcome::parse, "outcome")?;
            let edit = Edit::Close { outcome, closed_reason: close.reason.clone() };
            (named(&close.session)?, edit, &close.how)
        }
        Verb::Split(split) => {
            let session = named(&split.session)?;
            let external_id = Text::from(split.external.as_str());
            if !session.external_ids.contains(&external_id) {
                bail!(NotFound(format!("{} does not go by {:?}", session.id, split.external)));
            }
            (session, Edit::Split { external_id }, &split.how)
        }
        Verb::Sweep(sweep) => return swept(world, home, all, sweep),
        _ => bail!(Misuse("this verb edits nothing".to_owned())),
    };
    let event = record::edit_of(&session.id, edit, world.now);
    if !how.dry_run {
        record::edits(home, std::slice::from_ref(&event))?;
    }
    tell(&event, how)?;
    Ok(Exit::Done)
}

/// Says what was written, or would be.
fn tell(written: &Event, how: &How) -> Result<()> {
    let line = event::encode(written);
    output::print(|out| {
        if how.json {
            return json::write(out, &json::session::edited(&line, how.dry_run));
        }
        let session = written.session.as_ref().map(ToString::to_string).unwrap_or_default();
        match how.dry_run {
            true => writeln!(out, "[dry-run] would be written for {session}"),
            false => writeln!(out, "ok: written for {session} (event_id={})", written.id),
        }
    })
}

fn of_alias(all: &[Session], alias: &Alias) -> Result<Edit> {
    let mine = &sessions::named(all, &alias.session)?.id;
    if let Some(name) = &alias.alias {
        if name.is_empty() || name.chars().any(char::is_control) || name == "last" {
            bail!(Misuse(format!("{name:?} cannot be an alias")));
        }
        if let Some(other) = all.iter().find(|one| one.alias.as_ref() == Some(name) && one.id != *mine) {
            bail!("{name:?} is the alias of {} already", other.id);
        }
    }
    Ok(Edit::AliasSet { alias: alias.alias.clone() })
}

fn of_link(link: &Link) -> Edit {
    let (tasks, projects) = (link.task.clone(), link.project.clone());
    match link.remove {
        true => Edit::SessionUnlink { tasks, projects },
        false => Edit::SessionLink { tasks, projects },
    }
}

fn of_parent(all: &[Session], link: &LinkParent) -> Result<Edit> {
    let Some(parent) = &link.parent else { return Ok(Edit::ParentSet { parent: None }) };
    let (child, parent) = (sessions::named(all, &link.child)?, sessions::named(all, parent)?);
    if child.id == parent.id {
        bail!("a session cannot descend from itself");
    }
    if sessions::ancestors(all, parent).iter().any(|one| one.id == child.id) {
        bail!("{} descends from {} already: that would be a circle", parent.id, child.id);
    }
    Ok(Edit::ParentSet { parent: Some(parent.id.clone()) })
}

fn swept(world: &World, home: &Home, all: &[Session], sweep: &Sweep) -> Result<Exit> {
    let limits = Thresholds { idle: sweep.idle_threshold_days, archived: sweep.archive_threshold_days };
    if limits.idle == 0 || limits.archived < limits.idle {
        bail!(Misuse(
            "the days must be more than 0, and those to be archived not fewer than those to be idle"
                .to_owned()
        ));
    }
    let due = |one: &&Session| one.activity(world.now, limits) == Activity::Archived && !one.swept;
    let due: Vec<(&Session, i64)> =
        all.iter().filter(due).map(|one| (one, one.age_days(world.now))).collect();
    if !sweep.how.dry_run && !due.is_empty() {
        let edits = due.iter().map(|(one, _)| {
            let edit = Edit::Sweep {
                activity_state: Activity::Archived.word().to_owned(),
                effective_last_progress: one.last_activity,
            };
            record::edit_of(&one.id, edit, world.now)
        });
        record::edits(home, &edits.collect::<Vec<_>>())?;
    }
    output::print(|out| {
        if sweep.how.json {
            return json::write(out, &json::session::swept(&due, sweep.how.dry_run));
        }
        for (one, days) in &due {
            writeln!(out, "{}  archived (age {days}d)", one.id)?;
        }
        match due.is_empty() {
            true => writeln!(out, "ok: no transitions needed"),
            false => Ok(()),
        }
    })?;
    Ok(Exit::Done)
}
