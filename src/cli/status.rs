//! `trace status`

use anyhow::Result;

use super::exit::Exit;
use super::world::World;
use super::{agent, githooks, output};
use crate::model::text::Text;
use crate::recall::status;
use crate::store::home::Home;
use crate::view::json;
use crate::view::status::{self as view, Hooks, Last, StatusView};

/// Say what is recorded here, what waits, and what went wrong
#[derive(clap::Args)]
#[command(after_help = "Example: trace status --json")]
pub struct Args {
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let place = world.place()?;
    let top = place.top()?;
    let path = Text::from(top.as_os_str().as_encoded_bytes());
    let home = Home::of(place.clone(), world.state()?)?;
    let shown = match &home {
        Some(home) => {
            super::putting::heal(world, home);
            enabled(world, home, path)?
        }
        None => StatusView {
            enabled: false,
            worktree: None,
            worktree_path: path,
            sessions_active: 0,
            pending_events: 0,
            last_checkpoint: None,
            hooks: Hooks::default(),
            trouble: 0,
            store_bytes: None,
        },
    };
    output::print(|out| match args.json {
        true => json::write(out, &json::status(&shown)),
        false => view::write(out, &shown, &world.look()),
    })?;
    Ok(Exit::Done)
}

fn enabled(world: &World, home: &Home, worktree_path: Text) -> Result<StatusView> {
    let standing = status::look(home, world.now)?;
    let mut agents: Vec<String> =
        agent::installed(world, &home.place).into_iter().map(|found| found.agent.name().to_owned()).collect();
    agents.dedup();
    // Where git does not say where its hooks are, none of them is known to call us.
    let git = githooks::missing(world, &home.place).is_ok_and(|missing| missing.is_empty());
    let (settings, _) = home.settings(&world.user);
    settings.refused.iter().for_each(|refused| output::say(&format!("trace: ignored setting: {refused}")));
    Ok(StatusView {
        enabled: true,
        worktree: Some(home.worktree.clone()),
        worktree_path,
        sessions_active: standing.sessions_active,
        pending_events: standing.pending_events,
        last_checkpoint: standing.last.map(|last| Last {
            id: last.id,
            time: last.header.time,
            subject: last.header.subject,
        }),
        hooks: Hooks { git, shell: standing.shell, agents },
        trouble: standing.trouble,
        store_bytes: Some(standing.store_bytes),
    })
}
