//! `git-trace hook …`: what shells, agents and git call. Silent, exit 0, within its deadline.
//!
//! Recording comes first and is a handful of system calls: no parser of arguments, no repository
//! opened, no configuration. Whatever else a hook starts is either in the background or bounded.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use anyhow::{Context, Error, Result, bail};

use super::call::Call;
use super::{githook, stdin, world};
use crate::capture::background;
use crate::capture::call::{self as capture, Next};
use crate::capture::shell::{self, Journal, Opening};
use crate::capture::specimen;
use crate::disk::place::Told;
use crate::disk::{clock, inherited};
use crate::model::checkpoint::Kind;
use crate::model::event::SessionSeen;
use crate::model::id::Half;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::{Home, User};
use crate::store::{aside, maintain};
use crate::wire::Bad;
use crate::wire::agents::{Agent, Around};
use crate::wire::githook::Hook;
use crate::wire::shell::Record;

/// Runs a hook, if that is what the arguments ask for. Never fails, never prints but the one answer
/// that shells ask for.
pub fn main(arguments: &[OsString]) -> bool {
    let Some((_, arguments)) = arguments.split_first().filter(|(word, _)| *word == "hook") else {
        return false;
    };
    let is_off = std::env::var_os("TRACE_OFF").is_some_and(|off| !off.is_empty());
    if !is_off && std::env::var_os("TRACE_ACTIVE").is_none() {
        attend(arguments);
    }
    true
}

fn attend(arguments: &[OsString]) {
    inherited::ignore_size_signal();
    let name = arguments.first().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let call = Call::begin(format!("hook {name}"));
    let trouble = call.trouble();
    std::panic::set_hook(Box::new(move |panic| {
        trouble.note(&panic.to_string());
        std::process::exit(0);
    }));
    if let Err(error) = run(&name, arguments.get(1..).unwrap_or_default(), &call) {
        call.trouble().note(&format!("{error:#}"));
    }
}

/// The home of the worktree we stand in.
pub fn home_here() -> Result<Option<Home>> {
    let cwd = std::env::current_dir().context("find the present directory")?;
    background::home_at(&cwd, &world::user(), &world::told())
}

fn run(name: &str, arguments: &[OsString], call: &Call) -> Result<()> {
    if let Some(named) = Agent::parse(name) {
        return agent(Some(around(named, arguments)), call);
    }
    if let Some(hook) = Hook::parse(name) {
        return githook::run(hook, arguments, call);
    }
    match name {
        "generic" => agent(None, call),
        "shell-open" => shell_open(arguments, call),
        "shell-event" => shell_event(arguments, call),
        "shell-guard" => shell_guard(arguments, call),
        "shell-flush" => shell_flush(arguments, call),
        "flush" => flush(arguments, call),
        "maintain" => maintain_here(call),
        _ => bail!("there is no hook {name:?}"),
    }
}

fn agent(door: Option<Around>, call: &Call) -> Result<()> {
    let json = stdin::read_value(call)?;
    if json.is_empty() {
        return Ok(());
    }
    let heard = capture::hear(&json, door.as_ref());
    if let Some(dir) = std::env::var_os("TRACE_HOOK_RECORD").filter(|dir| !dir.is_empty()) {
        let name = door.as_ref().map_or("generic", |door| door.named.name());
        call.watched();
        if let Err(error) = specimen::keep(&PathBuf::from(dir), name, &json) {
            call.trouble().note(&format!("{error:#}"));
        }
    }
    let heard = heard.or_else(|error| set_aside(&json, error, call))?;
    if let Some(answer) = heard.answer {
        // Whoever waits for it does so whatever becomes of the rest.
        super::output::print(|out| writeln!(out, "{answer}"))?;
    }
    let user = world::user();
    for (home, next) in capture::take(heard.calls, &user, &told_from_here(), &|| call.watched())? {
        call.is_about(&home.place.common);
        follow(&home, next, &user, call)?;
    }
    Ok(())
}

fn follow(home: &Home, next: Next, user: &User, call: &Call) -> Result<()> {
    match next {
        Next::Rest if !background::is_due(home) => return Ok(()),
        _ => call.watched(),
    }
    match next {
        Next::Rest => background::spawn(home, Kind::Auto),
        Next::Flush(kind) => background::spawn(home, kind),
        Next::Guard => background::guard(home, user),
    }
}

/// What is known of an agent's call before its payload is read.
fn around(named: Agent, arguments: &[OsString]) -> Around {
    const PROJECT: [&str; 4] =
        ["CLAUDE_PROJECT_DIR", "GEMINI_PROJECT_DIR", "GEMINI_CWD", "CURSOR_PROJECT_DIR"];
    let absolute = |dir: &String| dir.starts_with('/');
    let told = PROJECT.iter().find_map(|name| std::env::var(name).ok().filter(absolute));
    let here = || std::env::current_dir().ok()?.into_os_string().into_string().ok();
    let event = arguments.first().and_then(|event| event.to_str()).map(str::to_owned);
    Around { named, event, dir: told.or_else(here) }
}

/// What the environment says of the repository, from where we stand: the payload may name another
/// directory.
fn told_from_here() -> Told {
    let told = world::told();
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    Told { git_dir: told.git_dir.map(absolute), work_tree: told.work_tree.map(absolute) }
}

/// Keeps a payload that could not be read, before the error goes on its way.
fn set_aside<T>(json: &[u8], error: Error, call: &Call) -> Result<T> {
    let unread = error.is::<Bad>();
    let error = error.context(format!("it begins {:?}", capture::excerpt(json)));
    // The directory it would have named is not to be had; agents run their hooks where they work.
    let here = std::env::current_dir().unwrap_or_default();
    let home = background::home_of_caller(&here, &world::user(), &world::told());
    let Some(home) = home.ok().flatten().filter(|_| unread) else { return Err(error) };
    call.is_about(&home.place.common);
    call.watched();
    match aside::keep(&home, json) {
        Ok(Some(path)) => Err(error.context(format!("it is kept in {}", path.display()))),
        Ok(None) => Err(error),
        Err(also) => Err(error.context(format!("it could not be kept: {also:#}"))),
    }
}

fn shell_open(arguments: &[OsString], call: &Call) -> Result<()> {
    let [shell, pid, root, rest @ ..] = arguments else { bail!("shell-open SHELL PID ROOT [PARENT]") };
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let opening = Opening {
        shell: shell.to_string_lossy().into_owned(),
        pid: pid.to_str().and_then(|pid| pid.parse().ok()).context("the shell's pid is no number")?,
        root: root.into(),
        parent: rest.first().and_then(|parent| parent.to_str()).map(str::to_owned),
        session: text("TRACE_SHELL_SESSION").unwrap_or_default(),
        resumed: text("TRACE_RESUMED"),
        facts: facts(&text),
    };
    call.watched();
    if let Some(journal) = shell::open(&opening, &world::user())? {
        super::output::print(|out| writeln!(out, "{}", journal.display()))?;
    }
    Ok(())
}

/// What the environment says of a shell's session. Only names on this list are looked at.
fn facts(text: &dyn Fn(&str) -> Option<String>) -> SessionSeen {
    const KEPT: [&str; 7] =
        ["VIRTUAL_ENV", "CONDA_DEFAULT_ENV", "NODE_ENV", "IN_NIX_SHELL", "RUSTUP_TOOLCHAIN", "CI", "LANG"];
    let multiplexer = [("TMUX", "tmux"), ("STY", "screen"), ("ZELLIJ", "zellij")];
    SessionSeen {
        user: text("USER").or_else(|| text("LOGNAME")),
        ppid: None,
        tty: std::fs::read_link("/proc/self/fd/2")
            .ok()
            .filter(|tty| tty.starts_with("/dev"))
            .map(|tty| tty.display().to_string()),
        shlvl: text("SHLVL").and_then(|level| level.parse().ok()),
        terminal: text("TERM_PROGRAM").or_else(|| text("TERM")),
        multiplexer: multiplexer
            .iter()
            .find(|(name, _)| text(name).is_some())
            .map(|(_, word)| (*word).to_owned()),
        ssh: Some(text("SSH_CONNECTION").is_some()),
        tz: text("TZ"),
        env: KEPT.iter().filter_map(|name| Some(((*name).to_owned(), text(name)?))).collect(),
        ..SessionSeen::default()
    }
}

/// The journal a shell names, and everything that is left to do with it.
fn journal(arguments: &[OsString], call: &Call) -> Result<Option<Journal>> {
    let file = PathBuf::from(arguments.first().context("which journal?")?);
    let user = world::user();
    let state = user.state.context("there is no place for user state")?;
    let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let found = Journal::find(&file, &cwd, &state)?;
    if let Some(journal) = &found {
        call.is_about(&journal.home.place.common);
    }
    Ok(found)
}

fn shell_event(arguments: &[OsString], call: &Call) -> Result<()> {
    let Some(journal) = journal(arguments, call)? else { return Ok(()) };
    match arguments.len() {
        1 => journal.take(&stdin::read_all(call)?),
        _ => journal.append(fish_record(&arguments[1..])?),
    }
}

/// fish has no clock and no safe append: it sends fields, and the text by environment.
fn fish_record(arguments: &[OsString]) -> Result<Record> {
    let value = |flag: &str| {
        let at = arguments.iter().position(|word| word == flag)?;
        arguments.get(at + 1)
    };
    let number =
        |flag: &str| value(flag).and_then(|value| value.to_str()).and_then(|value| value.parse::<i64>().ok());
    let bytes = |value: &OsStr| Text::from(value.as_encoded_bytes());
    let end = clock::now();
    let millis = number("--dur-ms").filter(|millis| *millis >= 0);
    let text = std::env::var_os("TRACE_CMD").context("TRACE_CMD is not set")?;
    let pipestatus = value("--pipe").map(|list| list.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Record {
        half: Half::Finished,
        seq: number("--seq").and_then(|seq| seq.try_into().ok()).context("--seq is no number")?,
        start: millis.map(|millis| Timestamp(end.0 - millis * 1000)),
        end: Some(end),
        exit: number("--exit").and_then(|exit| exit.try_into().ok()),
        pipestatus: pipestatus.split_whitespace().filter_map(|code| code.parse().ok()).collect(),
        flags: value("--flags").map(|flags| flags.to_string_lossy().into_owned()).unwrap_or_default(),
        cwd: value("--cwd").map(|dir| bytes(dir)).context("--cwd is missing")?,
        cwd_after: value("--cwd-after").map(|dir| bytes(dir)),
        text: bytes(&text),
    })
}

fn shell_guard(arguments: &[OsString], call: &Call) -> Result<()> {
    let Some(journal) = journal(arguments, call)? else { return Ok(()) };
    call.watched();
    background::guard(&journal.home, &world::user())
}

fn shell_flush(arguments: &[OsString], call: &Call) -> Result<()> {
    let Some(journal) = journal(arguments, call)? else { return Ok(()) };
    call.watched();
    background::spawn(&journal.home, Kind::Auto)
}

/// The background flush itself: nobody waits for it, so it may take its time.
fn flush(arguments: &[OsString], call: &Call) -> Result<()> {
    // Without a terminal of its own it outlives the one it was started from.
    let _ = rustix::process::setsid();
    let word = arguments.first().and_then(|word| word.to_str()).unwrap_or("auto");
    let kind = Kind::parse(word).with_context(|| format!("{word:?} is no kind of checkpoint"))?;
    let Some(home) = home_here()? else { return Ok(()) };
    call.is_about(&home.place.common);
    background::run(&home, &world::user(), kind)
}

fn maintain_here(call: &Call) -> Result<()> {
    let _ = rustix::process::setsid();
    let _ = rustix::process::nice(19);
    let Some(home) = home_here()? else { return Ok(()) };
    call.is_about(&home.place.common);
    maintain::tend(&home)
}
