//! `trace session …`

mod args;

use anyhow::{Context, Result, bail};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::git::store::Store;
use crate::model::event::Event;
use crate::model::session::{Activity, Edit, Outcome, Session, Thresholds};
use crate::model::text::Text;
use crate::recall::conversation::{self, Saved};
use crate::recall::select::NotFound;
use crate::recall::sessions;
use crate::store::home::Home;
use crate::store::record;
use crate::view::json;
use crate::view::session::{self as view, ConversationView};
use crate::wire::event;
use crate::wire::transcripts::Usage;
use crate::wire::transcripts::summary::Summary;
use args::{Alias, Find, Link, LinkParent, One, Rebuild, Sweep, Verb};

pub use args::{Args, How};

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let store = Store::open(&home.place.store())?;
    let (all, read) = sessions::read(&home, &store);
    let exit = match &args.verb {
        None => list(world, &all, &args.find)?,
        Some(Verb::List(find) | Verb::Find(find)) => list(world, &all, find)?,
        Some(Verb::Show(one)) => show(world, (&home, &store), &all, one, true)?,
        Some(Verb::Explain(one)) => show(world, (&home, &store), &all, one, false)?,
        Some(Verb::Tree(one)) => tree(world, &all, one)?,
        Some(Verb::Transcript(one)) => transcript((&home, &store), &all, one)?,
        Some(Verb::Rebuild(rebuild)) => return rebuilt(&all, rebuild, read),
        Some(verb) => edit(world, &home, &all, verb)?,
    };
    read.context("some of the record could not be read")?;
    Ok(exit)
}

fn list(world: &World, all: &[Session], find: &Find) -> Result<Exit> {
    let state = find.state.as_deref().map(state).transpose()?;
    let outcome = find.outcome.as_deref().map(outcome).transpose()?;
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

fn state(word: &str) -> Result<Activity> {
    let known = || Activity::ALL.map(Activity::word).join(", ");
    Activity::parse(word).with_context(|| Misuse(format!("{word:?} is no state: {}", known())))
}

fn outcome(word: &str) -> Result<Outcome> {
    let known = || Outcome::ALL.map(Outcome::word).join(", ");
    Outcome::parse(word).with_context(|| Misuse(format!("{word:?} is no outcome: {}", known())))
}

fn show(
    world: &World,
    (home, store): (&Home, &Store),
    all: &[Session],
    one: &One,
    whole: bool,
) -> Result<Exit> {
    let session = sessions::named(all, &one.session)?;
    let told = match conversation::of(home, store, session) {
        Ok(told) => told.map(shown),
        Err(error) => {
            output::say(&format!("trace: {error:#}"));
            None
        }
    };
    output::print(|out| match (one.json, whole) {
        (true, _) => json::write(out, &json::session::one(session, told.as_ref(), world.now)),
        (false, true) => view::show(out, session, told.as_ref(), &world.look()),
        (false, false) => view::explain(out, session, &world.look()),
    })?;
    Ok(Exit::Done)
}

fn transcript((home, store): (&Home, &Store), all: &[Session], one: &One) -> Result<Exit> {
    let session = sessions::named(all, &one.session)?;
    let saved = conversation::saved(home, store, session)?;
    if saved.is_empty() {
        return Err(
            NotFound(format!("no checkpoint holds anything of a transcript of {}", session.id)).into()
        );
    }
    if one.json {
        let lines = saved.iter().map(Saved::whole).collect::<Result<Vec<_>>>()?;
        let all =
            saved.iter().zip(&lines).map(|(one, lines)| (one.agent.as_str(), &one.path, lines.as_slice()));
        output::print(|out| json::write(out, &json::session::transcripts(session, all)))?;
        return Ok(Exit::Done);
    }
    for lines in saved.iter().flat_map(Saved::stretches) {
        let lines = lines?;
        output::print(|out| out.write_all(&lines))?;
    }
    Ok(Exit::Done)
}

fn shown((told, source): (Summary, conversation::Source)) -> ConversationView {
    ConversationView {
        kept_only: source == conversation::Source::Kept,
        prompts: told.prompts().count(),
        tokens: told.usage.as_ref().map(Usage::sum),
        title: told.title,
        answers: told.answers,
        models: told.models,
        files: told.files,
    }
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
            let outcome = outcome(&close.outcome)?;
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
    let Some(parent) = &link.parent else { return Ok(Edit::ParentSet { parent: None, kind: None }) };
    let (child, parent) = (sessions::named(all, &link.child)?, sessions::named(all, parent)?);
    if child.id == parent.id {
        bail!("a session cannot descend from itself");
    }
    if sessions::ancestors(all, parent).iter().any(|one| one.id == child.id) {
        bail!("{} descends from {} already: that would be a circle", parent.id, child.id);
    }
    Ok(Edit::ParentSet { parent: Some(parent.id.clone()), kind: None })
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
