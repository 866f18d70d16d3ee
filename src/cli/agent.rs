//! The coding agents: setting them up to call us, taking that back, and how it stands.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;

use super::exit::{Exit, Misuse, Refusal};
use super::output;
use super::world::World;
use crate::capture::agents::{self, Agent, Plan, Roots, Scope};
use crate::capture::install::{self, Change, NotOurs};
use crate::disk::place::Place;
use crate::git::patch::{self, Hunk, Patch, Sign};
use crate::model::text::Text;
use crate::view::json;
use crate::view::safe::Safe;
use crate::view::status::AgentView;

#[derive(clap::Args)]
pub struct AgentArgs {
    /// The hooks of this coding agent; may be given several times
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Agent::ALL.map(Agent::name)))]
    agent: Vec<String>,
    /// In your own settings, for every repository (the default)
    #[arg(long, group = "scope", requires = "agent")]
    user: bool,
    /// In the settings of the project, which are committed
    #[arg(long, group = "scope", requires = "agent")]
    project: bool,
    /// In your own settings for this project
    #[arg(long, group = "scope", requires = "agent")]
    local: bool,
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

/// How much is done, and how it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Only told, as a difference.
    Told,
    /// Only told, as a document.
    ToldInJson,
    /// Done, and told in words.
    Done,
    /// Done, and told as a document.
    Json,
}

impl AgentArgs {
    /// Whether an agent is named at all.
    pub fn are_given(&self) -> bool {
        !self.agent.is_empty()
    }

    fn scope(&self) -> Scope {
        match (self.project, self.local) {
            (true, _) => Scope::Project,
            (_, true) => Scope::Local,
            _ => Scope::User,
        }
    }
}

/// Sets the agents up, or takes that back.
pub fn run(world: &World, args: &AgentArgs, way: Way, how: How) -> Result<Exit> {
    let (roots, scope) = (roots(world)?, args.scope());
    let mut views = Vec::new();
    for agent in args.agent.iter().filter_map(|name| Agent::parse(name)) {
        let plan = agents::plan(agent, scope, &roots).with_context(|| missing(agent, scope, &roots))?;
        let change = decide(world, &plan, scope, &roots, way)?;
        match how {
            How::Told => tell(&change.path, change.old.as_deref(), change.new.as_deref())?,
            How::ToldInJson => {}
            How::Done | How::Json => install::carry_out(&change, world.user.state.as_ref())?,
        }
        let view = view(agent, scope, &plan, &change, way);
        if how == How::Done {
            say(&view, way);
        }
        views.push(view);
    }
    if matches!(how, How::Json | How::ToldInJson) {
        output::print(|out| json::write(out, &json::agents(&views)))?;
    }
    Ok(Exit::Done)
}

fn decide(world: &World, plan: &Plan, scope: Scope, roots: &Roots, way: Way) -> Result<Change> {
    let within = roots.top.as_deref().filter(|_| scope != Scope::User);
    let state = world.user.state.as_ref();
    let change = match way {
        Way::In => install::install(plan, within, state),
        Way::Out => install::uninstall(plan, within, state),
    };
    change.map_err(|error| match error.downcast::<NotOurs>() {
        Ok(strange) => Refusal(strange.to_string()).into(),
        Err(other) => other,
    })
}

fn missing(agent: Agent, scope: Scope, roots: &Roots) -> Misuse {
    let (name, word) = (agent.name(), scope.word());
    Misuse(match &roots.top {
        None => format!("--{word} needs a repository, and this is none"),
        Some(_) => format!("{name} has no settings for --{word}: use --user or --project"),
    })
}

fn view(agent: Agent, scope: Scope, plan: &Plan, change: &Change, way: Way) -> AgentView {
    AgentView {
        agent: agent.name(),
        scope: scope.word(),
        path: Text::from(change.path.as_os_str().as_encoded_bytes()),
        installed: way == Way::In,
        changed: change.is_needed(),
        then: plan.then.filter(|_| way == Way::In),
    }
}

fn say(view: &AgentView, way: Way) {
    let path = Safe(view.path.as_bytes());
    let words = match (way, view.changed) {
        (Way::In, true) => format!("{} calls trace from now on: {path}", view.agent),
        (Way::In, false) => format!("{} was set up already: {path}", view.agent),
        (Way::Out, true) => format!("{} no longer calls trace: {path}", view.agent),
        (Way::Out, false) => format!("{} was not set up in {path}", view.agent),
    };
    output::say(&words);
    if let Some(then) = view.then {
        output::say(&format!("next: {then}"));
    }
}

/// Prints what would change in a file, as a patch.
pub fn tell(path: &Path, old: Option<&str>, new: Option<&str>) -> Result<()> {
    let text = |text: Option<&str>| text.unwrap_or_default().as_bytes().to_vec();
    let patch = patch::unified(&text(old), &text(new), 3);
    let Patch::Lines(hunks) = patch else { return Ok(()) };
    if hunks.is_empty() {
        return Ok(());
    }
    let path = Safe(path.as_os_str().as_encoded_bytes()).to_string();
    let name = |side: Option<&str>| side.map_or("/dev/null".to_owned(), |_| path.clone());
    output::print(|out| {
        writeln!(out, "--- {}\n+++ {}", name(old), name(new))?;
        hunks.iter().try_for_each(|hunk| tell_hunk(out, hunk))
    })
}

fn tell_hunk(out: &mut dyn Write, hunk: &Hunk) -> std::io::Result<()> {
    writeln!(out, "@@ -{},{} +{},{} @@", hunk.old_start, hunk.old_len, hunk.new_start, hunk.new_len)?;
    for (sign, line) in &hunk.lines {
        let sign = match sign {
            Sign::Context => ' ',
            Sign::Old => '-',
            Sign::New => '+',
        };
        match line.strip_suffix(b"\n") {
            Some(whole) => writeln!(out, "{sign}{}", Safe(whole))?,
            None => writeln!(out, "{sign}{}\n\\ No newline at end of file", Safe(line))?,
        }
    }
    Ok(())
}

/// Where an agent is set up.
pub struct Found {
    pub agent: Agent,
    pub path: PathBuf,
}

/// The agents that are set up for whoever works here.
pub fn installed(world: &World, place: &Place) -> Vec<Found> {
    let Ok(roots) = roots(world) else { return Vec::new() };
    let roots = Roots { top: place.work_tree.clone(), ..roots };
    let mut found = Vec::new();
    for agent in Agent::ALL {
        for scope in Scope::ALL {
            let plan = agents::plan(agent, scope, &roots).filter(install::is_installed);
            found.extend(plan.map(|plan| Found { agent, path: plan.path }));
        }
    }
    found
}

/// Whether codex still skips hooks of this file, since nobody approved them.
pub fn is_unapproved(world: &World, found: &Found) -> bool {
    let Ok(roots) = roots(world) else { return false };
    if found.agent != Agent::Codex {
        return false;
    }
    let home = roots.codex.unwrap_or_else(|| roots.home.join(".codex"));
    let config = std::fs::read_to_string(home.join("config.toml")).unwrap_or_default();
    !config.contains(&format!("hooks.state.\"{}:", found.path.display()))
}

/// Where the agents of this user keep their settings.
fn roots(world: &World) -> Result<Roots> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(absolute);
    let home = world.user.home.clone().filter(absolute);
    let top = Place::find(&world.cwd, &world.told).ok().flatten().and_then(|place| place.work_tree);
    Ok(Roots {
        home: home.context("HOME is not set, so there is no place for an agent's settings")?,
        top: top.map(|top| canonical(&top)),
        claude: path("CLAUDE_CONFIG_DIR"),
        codex: path("CODEX_HOME"),
        gemini: path("GEMINI_CLI_HOME"),
        copilot: path("COPILOT_HOME"),
        config: world.user.xdg_config.clone().filter(absolute),
    })
}

fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
