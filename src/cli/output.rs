//! Words on their way out. stdout is data, stderr is talk; a reader that went away ends us quietly.

use std::io::{self, BufWriter, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::world::{Pager, World};
use crate::git::config::{Config, Places};

/// Says something on stderr. If nobody listens there, nothing can be done about it.
pub fn say(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Writes data to stdout.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).context("write to stdout")
}

/// Writes data through the user's pager if stdout is a terminal, else to stdout.
pub fn page(world: &World, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let Some(mut pager) = start(world) else { return print(write) };
    let Some(stdin) = pager.stdin.take() else { return print(write) };
    let mut out = BufWriter::new(stdin);
    let written = write(&mut out).and_then(|()| out.flush());
    drop(out);
    pager.wait().context("wait for the pager")?;
    match written {
        // Whoever leaves the pager early has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write to the pager"),
    }
}

/// `$TRACE_PAGER`, the user's own `core.pager`, `$PAGER`, `less`. Never what a repository names.
fn start(world: &World) -> Option<Child> {
    if world.pager == Pager::Never {
        return None;
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let places = Places {
        home: world.user.home.as_deref(),
        xdg_config: world.user.xdg_config.as_deref(),
        ..Places::default()
    };
    let configured = || Config::read(&places).ok().and_then(|config| config.pager());
    let chosen = variable("TRACE_PAGER").or_else(configured).or_else(|| variable("PAGER"));
    let chosen = chosen.unwrap_or_else(|| "less".to_owned());
    if chosen == "cat" {
        return None;
    }
    let mut pager = Command::new("sh");
    pager.args(["-c", &chosen]).stdin(Stdio::piped());
    // What we print is UTF-8, whatever the locale is: less would show its bytes in hex.
    for (name, value) in [("LESS", "FRX"), ("LESSCHARSET", "utf-8")] {
        if std::env::var_os(name).is_none() {
            pager.env(name, value);
        }
    }
    pager.spawn().ok()
}
