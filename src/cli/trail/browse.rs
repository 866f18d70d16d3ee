//! `trace trail -i`: the timeline of a branch on a whole screen.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cli::exit::{Exit, Misuse};
use crate::cli::terminal::Terminal;
use crate::cli::world::World;
use crate::model::text::Text;
use crate::view::browse::{Browse, Wish};
use crate::view::timeline::MomentView;

/// Refuses to begin where nobody sees a screen or presses a key.
pub fn may() -> Result<()> {
    match std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        true => Ok(()),
        false => bail!(Misuse("-i needs a terminal: `trace trail show` prints the same".to_owned())),
    }
}

/// Shows the moments until somebody leaves.
pub fn run(world: &World, title: &Text, moments: Vec<MomentView>) -> Result<Exit> {
    may()?;
    let mut browse = Browse::new(title, moments);
    let mut terminal = Terminal::enter()?;
    let look = world.look();
    loop {
        let size = terminal.size();
        terminal.show(browse.frame(size, &look))?;
        let Some(keys) = terminal.keys()? else { return Ok(Exit::Done) };
        for key in keys {
            match browse.press(key, size) {
                Wish::Stay => {}
                Wish::Leave => return Ok(Exit::Done),
                Wish::Changes(selector) => {
                    let text = ask(world, &["show", &selector, "-p"])?;
                    browse.open("what changed", &text);
                }
                Wish::Commit(id) => {
                    browse.open("what led to it", &ask(world, &["explain", &id.to_string()])?);
                }
                Wish::Plan(id) => {
                    let text = ask(world, &["restore", &id.to_string(), "--dry-run"])?;
                    browse.open("what a restore would do", &text);
                }
            }
        }
    }
}

/// What our own program says to these arguments, and what it says against them.
fn ask(world: &World, arguments: &[&str]) -> Result<String> {
    let myself = std::env::current_exe().context("find our own program")?;
    let mut child = Command::new(myself);
    child.args(["--color", "never", "--no-pager", "-C"]).arg(&world.cwd).args(arguments);
    let said = crate::git::run::output(child.stdin(Stdio::null()))
        .with_context(|| format!("run {}", arguments.join(" ")))?;
    Ok([said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}
