//! What `restore`, `undo` and `redo` have in common: propose, show, ask, do, tell.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::exit::{Exit, Refusal};
use super::output;
use super::patch::shown as shown_patch;
use super::world::World;
use crate::git::patch as git;
use crate::git::store::Store;
use crate::model::restore::{Conflict, Item, Resolve};
use crate::recall::diff::Differs;
use crate::store::home::Home;
use crate::store::restore::heal::{self, Mended};
use crate::store::restore::{self, Healed, Purpose, Saved, Turn};
use crate::view::patch::Form;
use crate::view::plan::{self as view, DoneView, PlanView};
use crate::view::safe::Safe;
use crate::view::{json, patch};

/// A person waits so long for others before they are told to try again.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the command line says of how it is to be done.
#[derive(clap::Args, Default)]
pub struct How {
    /// Where the same place was changed since: keep that (ours), or take it back all the same
    /// (theirs), or write both (markers)
    #[arg(long, value_name = "WHO")]
    conflict: Option<Resolution>,
    /// Only show what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Show the differences too
    #[arg(short, long)]
    patch: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Who wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Resolution {
    Ours,
    Theirs,
    Markers,
}

/// Whether a plan is shown and agreed to before anything is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    First,
    /// What was done is easily taken back.
    Never,
}

impl How {
    /// As if nothing was said but that it need not be asked.
    pub fn agreed(yes: bool) -> Self {
        Self { yes, ..Self::default() }
    }

    /// What becomes of conflicts.
    pub fn resolve(&self) -> Resolve {
        match self.conflict {
            None => Resolve::Refuse,
            Some(Resolution::Ours) => Resolve::Ours,
            Some(Resolution::Theirs) => Resolve::Theirs,
            Some(Resolution::Markers) => Resolve::Markers,
        }
    }

    /// How it is to be done, in all.
    pub fn manner(&self, asks: Asks) -> Manner {
        Manner {
            asks: asks == Asks::First && !self.yes,
            dry_run: self.dry_run,
            json: self.json,
            patch: self.patch,
            keeps_conflicts: self.conflict == Some(Resolution::Ours),
        }
    }
}

/// How it is to be done.
pub struct Manner {
    /// A plan is shown and agreed to before anything is changed.
    asks: bool,
    dry_run: bool,
    json: bool,
    patch: bool,
    /// Paths in conflict are left alone, and that is all right.
    keeps_conflicts: bool,
}

/// What is to be done.
pub struct Proposal {
    pub items: Vec<Item>,
    pub purpose: Purpose,
    pub exact: Option<bool>,
    pub notes: Vec<String>,
}

/// Finds out what is to be done, from everything as it is; `None`: there is nothing.
pub type Propose<'a> = &'a dyn Fn(&Store, Saved) -> Result<Option<Proposal>>;

/// Does it.
pub fn proceed(world: &World, home: &Home, manner: &Manner, propose: Propose<'_>) -> Result<Exit> {
    let mut agreed = None;
    if manner.dry_run || manner.asks {
        let saved = restore::look(home, &world.user, PATIENCE)?;
        let store = Store::open(&home.place.store())?;
        let Some(proposal) = propose(&store, saved)? else { return nothing(manner) };
        let shown = shown(&proposal, saved);
        if manner.dry_run || shown.clear() == 0 {
            show(world, &store, manner, &shown)?;
            return Ok(verdict(manner, &shown));
        }
        if manner.json || !is_a_talk() {
            bail!(Refusal(format!("{}; --yes does it, --dry-run shows it", view::remarks(&shown)[0])));
        }
        show(world, &store, manner, &shown)?;
        refuse_conflicts(manner, &shown)?;
        if !is_agreed(world, &store, &shown)? {
            output::say("nothing was changed");
            return Ok(Exit::No);
        }
        agreed = Some(proposal.items);
    }
    let turn = Turn::take(home, &world.user, PATIENCE)?;
    let healed = turn.heal(&Store::open(&home.place.store())?)?;
    healed.iter().for_each(tell);
    if healed.iter().any(|healed| matches!(healed.outcome, Mended::Stuck(_))) {
        bail!(Refusal(
            "nothing more is put back before that is done: mend its cause, and try again".to_owned()
        ));
    }
    let saved = turn.save()?;
    let store = Store::open(&home.place.store())?;
    let Some(proposal) = propose(&store, saved)? else { return nothing(manner) };
    if agreed.is_some_and(|agreed| agreed != proposal.items) {
        bail!(Refusal(
            "the files have changed since you saw the plan: nothing was changed; look again".to_owned()
        ));
    }
    let mut shown = shown(&proposal, saved);
    if shown.clear() == 0 || (has_conflicts(&shown) && !manner.keeps_conflicts) {
        show(world, &store, manner, &shown)?;
        return Ok(verdict(manner, &shown));
    }
    // Merged files came into the store after it was opened.
    let store = Store::open(&home.place.store())?;
    let applied = turn.apply(&store, saved, &proposal.items, &proposal.purpose)?;
    let restore::Applied { op, after, stayed, kept, hollow } = applied;
    let is_whole = stayed.is_empty() && kept.is_empty();
    shown.done = Some(DoneView { op, after, stayed, kept, hollow });
    show(world, &store, manner, &shown)?;
    Ok(if is_whole { Exit::Done } else { Exit::Refused })
}

fn shown(proposal: &Proposal, saved: Saved) -> PlanView {
    PlanView {
        command: proposal.purpose.action.word(),
        label: proposal.purpose.label.clone(),
        of: proposal.purpose.of.clone(),
        items: proposal.items.clone(),
        exact: proposal.exact,
        notes: proposal.notes.iter().cloned().chain(unread(saved)).collect(),
        saved: Some(saved.id),
        done: None,
    }
}

/// What stands where nobody could look is in no plan.
fn unread(saved: Saved) -> Option<String> {
    (saved.unread > 0).then(|| match saved.unread {
        1 => "1 path could not be read: what is there is left alone".to_owned(),
        more => format!("{more} paths could not be read: what is there is left alone"),
    })
}

fn nothing(manner: &Manner) -> Result<Exit> {
    if manner.json {
        output::print(|out| {
            json::write(out, &json::restore::plan(&PlanView { command: "undo", ..PlanView::default() }))
        })?;
    }
    output::say("nothing that was recorded here is left to take back");
    Ok(Exit::No)
}

/// What must be solved before anything is done. A nested repository, or what is not checked out, is
/// merely left alone.
fn has_conflicts(shown: &PlanView) -> bool {
    shown.items.iter().any(|item| matches!(item.conflict, Some(Conflict::Edited | Conflict::InTheWay)))
}

fn refuse_conflicts(manner: &Manner, shown: &PlanView) -> Result<()> {
    match has_conflicts(shown) && !manner.keeps_conflicts {
        true => bail!(Refusal(CONFLICT.to_owned())),
        false => Ok(()),
    }
}

const CONFLICT: &str =
    "nothing was changed: solve the conflicts, name other paths, or say --conflict=ours, theirs or markers";

fn verdict(manner: &Manner, shown: &PlanView) -> Exit {
    match has_conflicts(shown) && !manner.keeps_conflicts {
        true if !manner.dry_run => {
            output::say(CONFLICT);
            Exit::Refused
        }
        _ => Exit::Done,
    }
}

fn show(world: &World, store: &Store, manner: &Manner, shown: &PlanView) -> Result<()> {
    if manner.json {
        return output::print(|out| json::write(out, &json::restore::plan(shown)));
    }
    output::print(|out| view::write(out, shown, &world.look()))?;
    if manner.patch {
        patches(world, store, shown)?;
    }
    view::remarks(shown).iter().for_each(|line| output::say(line));
    Ok(())
}

fn patches(world: &World, store: &Store, shown: &PlanView) -> Result<()> {
    let mut files = Vec::new();
    for item in shown.items.iter().filter(|item| item.conflict.is_none()) {
        let read = |side: Option<crate::model::change::Side>| match side {
            Some(side) => store.blob(side.id).map(Option::unwrap_or_default),
            None => Ok(Vec::new()),
        };
        let (old, new) = (read(item.step.from)?, read(item.step.to)?);
        files.push(Differs {
            path: item.step.path.clone(),
            old: item.step.from,
            new: item.step.to,
            patch: git::unified(&old, &new, 3),
        });
    }
    let files = shown_patch(files, Form::Patch);
    output::page(world, |out| patch::write(out, &files, Form::Patch, &world.look()))
}

/// Whether there is somebody to ask.
fn is_a_talk() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn is_agreed(world: &World, store: &Store, shown: &PlanView) -> Result<bool> {
    loop {
        let mut out = std::io::stderr().lock();
        write!(out, "put this back? [y]es, [n]o, show the [d]ifference: ").and_then(|()| out.flush())?;
        drop(out);
        let mut answer = String::new();
        if std::io::stdin().read_line(&mut answer).context("read the answer")? == 0 {
            return Ok(false);
        }
        match answer.trim() {
            "y" | "yes" => return Ok(true),
            "d" | "diff" => patches(world, store, shown)?,
            _ => return Ok(false),
        }
    }
}

/// Finishes what somebody was killed in, before anything else is done here.
pub fn heal(world: &World, home: &Home) {
    if !heal::is_needed(home) {
        return;
    }
    // Whoever has the turn is at work on it, or will look after it.
    let Ok(turn) = Turn::take(home, &world.user, Duration::ZERO) else { return };
    let healed = Store::open(&home.place.store()).and_then(|store| turn.heal(&store));
    match healed {
        Ok(healed) => healed.iter().for_each(tell),
        Err(error) => {
            output::say(&format!("trace: a restore was interrupted and could not be finished: {error:#}"))
        }
    }
}

fn tell(healed: &Healed) {
    let what = format!("trace: `{}` had been interrupted", Safe(healed.what.as_bytes()));
    let left = |stayed: usize| match stayed {
        0 => String::new(),
        _ => format!(", but for {stayed} paths that were changed since"),
    };
    match &healed.outcome {
        Mended::Swept => {}
        Mended::Finished { stayed } => output::say(&format!("{what}: it is finished now{}", left(*stayed))),
        Mended::TakenBack { stayed } => output::say(&format!("{what}: it was taken back{}", left(*stayed))),
        Mended::Stuck(why) => {
            output::say(&format!("{what}, and can neither be finished nor taken back yet: {why}"));
        }
        Mended::Unreadable(plan) => output::say(&format!(
            "{what}, and its plan cannot be read: the files are left as they are; `trace log` has the checkpoint from before it ({})",
            plan.display()
        )),
    }
    healed.kept.iter().for_each(|(path, at)| output::say(&format!("trace: {}", view::kept(path, at))));
}
