//! `trace attach`

use anyhow::{Context, Result, bail};

use super::exit::{Exit, Refusal};
use super::opencode::OpenCode;
use super::world::World;
use super::{import, output};
use crate::capture::export::Id;
use crate::capture::import::Mode;
use crate::capture::present;
use crate::git::store::Store;
use crate::model::agent::Agent;
use crate::model::session::{Edit, ParentKind};
use crate::recall::sessions;
use crate::store::record;
use crate::view::json;
use crate::wire::event;

/// Bind this shell or agent to a prior session, or take in a conversation that was never recorded
///
/// With a session it says that the shell, or the agent's conversation, in which this is typed goes on
/// with that one. With --agent it takes in one conversation that an agent held, named by its id or by the
/// file of its transcript, with the commands it ran and the files it touched. OpenCode, which keeps a
/// database, is asked for a conversation by `opencode export`.
#[derive(clap::Args)]
#[command(
    after_help = "Example: trace attach retry-work\n         trace attach --agent codex 019a6c1e-0000-7000-8000-00000000000b --dry-run\n         trace attach --agent opencode ses_6a1f5c2d3ffeKq8ZxYwVuTsRqP"
)]
pub struct Args {
    /// The prior session; with --agent a conversation's own id, or the path of its transcript
    #[arg(value_name = "SESSION|ID|PATH")]
    what: String,
    /// The agent that held the conversation
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only say what would be recorded
    #[arg(long)]
    dry_run: bool,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    match &args.agent {
        Some(name) => take_in(world, args, name),
        None => bind(world, args),
    }
}

fn take_in(world: &World, args: &Args, name: &str) -> Result<Exit> {
    let home = world.home()?;
    let agent = import::agent(name)?;
    let mode = if args.dry_run { Mode::Count } else { Mode::Record };
    let rows = match Id::parse(&args.what).filter(|_| agent == Agent::OpenCode) {
        Some(id) => OpenCode::of(world, &home).one(&id, mode)?,
        None => {
            let found = import::find(world, agent, &args.what)?;
            import::take_in(world, &home, vec![(found, home.clone())], mode)?
        }
    };
    import::show(world, &rows, mode, args.json)?;
    Ok(Exit::Done)
}

fn bind(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let (all, read) = sessions::read(&home, &Store::open(&home.place.store())?);
    let prior = sessions::named(&all, &args.what)?;
    read.context("some of the record could not be read")?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let present = present::doer(&variable).map(|doer| doer.session).context(Refusal(
        "this is no recorded shell and no agent that names its session: `trace session link-parent` says it of any two".to_owned(),
    ))?;
    let is_descendant = || {
        let itself = sessions::find(&all, &present).map(|one| &one.id) == Some(&prior.id);
        itself || sessions::ancestors(&all, prior).iter().any(|one| one.id == present)
    };
    if present == prior.id || is_descendant() {
        bail!(Refusal(format!("{} goes on with this very session", prior.id)));
    }
    let edit = Edit::ParentSet { parent: Some(prior.id.clone()), kind: Some(ParentKind::Resume) };
    let event = record::edit_of(&present, edit, world.now);
    if !args.dry_run {
        record::edits(&home, std::slice::from_ref(&event))?;
    }
    output::print(|out| match (args.json, args.dry_run) {
        (true, _) => json::write(out, &json::session::edited(&event::encode(&event), args.dry_run)),
        (false, true) => writeln!(out, "[dry-run] {present} would go on with {}", prior.id),
        (false, false) => writeln!(out, "ok: {present} goes on with {}", prior.id),
    })?;
    Ok(Exit::Done)
}
