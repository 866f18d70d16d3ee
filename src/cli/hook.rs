//! `trace hook …`: what shells, agents and git call. Silent, exit 0, within its deadline.
//!
//! Recording comes first and is a handful of system calls: no parser of arguments, no repository
//! opened, no configuration. Whatever else a hook starts is either in the background or bounded.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::world;
use crate::capture::background;
use crate::capture::generic::{self, Next};
use crate::capture::shell::{self, Journal, Opening};
use crate::disk::clock;
use crate::model::checkpoint::Kind;
use crate::model::event::SessionSeen;
use crate::model::id::Half;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::{maintain, trouble};
use crate::wire::shell::Record;

/// The largest payload that is read.
const CAP: u64 = 16 << 20;

/// How much is read at first.
const FIRST: usize = 4 << 10;

/// A caller that sends nothing is not waited for any longer.
const SILENCE: Duration = Duration::from_secs(1);

/// After this a hook ends, whatever it is doing; everything it writes can be interrupted anywhere.
const HARD_STOP: Duration = Duration::from_secs(2);

/// Runs a hook. Never fails, never prints but the one answer that shells ask for.
pub fn main(arguments: &[OsString]) {
    if std::env::var_os("TRACE_OFF").is_some_and(|off| !off.is_empty())
        || std::env::var_os("TRACE_ACTIVE").is_some()
    {
        return;
    }
    let name = arguments.first().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let doing = format!("hook {name}");
    std::panic::set_hook(Box::new(move |panic| {
        note(None, &doing, &panic.to_string());
        std::process::exit(0);
    }));
    let mut common = None;
    if let Err(error) = run(&name, arguments.get(1..).unwrap_or_default(), &mut common) {
        note(common.as_deref(), &format!("hook {name}"), &format!("{error:#}"));
    }
}

/// Notes trouble in the repository it belongs to, else in the one we stand in, else nowhere.
fn note(common: Option<&Path>, doing: &str, what: &str) {
    if std::env::var_os("TRACE_HOOK_DEBUG").is_some() {
        super::output::say(&format!("{doing}: {what}"));
    }
    let here = || home_here().ok().flatten().map(|home| home.place.common);
    if let Some(common) = common.map(Path::to_owned).or_else(here) {
        trouble::note(&common, doing, what);
    }
}

fn home_here() -> Result<Option<Home>> {
    let cwd = std::env::current_dir().context("find the present directory")?;
    background::home_at(&cwd, &world::user(), &world::told())
}

fn run(name: &str, arguments: &[OsString], common: &mut Option<PathBuf>) -> Result<()> {
    match name {
        "generic" => agent(common),
        "shell-open" => shell_open(arguments),
        "shell-event" => shell_event(arguments, common),
        "shell-guard" => shell_guard(arguments, common),
        "shell-flush" => shell_flush(arguments, common),
        "flush" => flush(arguments, common),
        "maintain" => maintain_here(common),
        _ => bail!("there is no hook {name:?}"),
    }
}

fn agent(common: &mut Option<PathBuf>) -> Result<()> {
    let json = read_value()?;
    if json.is_empty() {
        return Ok(());
    }
    let user = world::user();
    let taken = generic::take(&json, &user, &world::told());
    let Some((home, next)) = taken.with_context(|| format!("it begins {:?}", generic::excerpt(&json)))?
    else {
        return Ok(());
    };
    *common = Some(home.place.common.clone());
    match next {
        Next::Rest => background::spawn_if_old(&home),
        Next::Flush(kind) => background::spawn(&home, kind),
        Next::Guard => {
            stop_in_time(&home);
            background::guard(&home, &user)
        }
    }
}

fn shell_open(arguments: &[OsString]) -> Result<()> {
    let [shell, pid, root, rest @ ..] = arguments else { bail!("shell-open SHELL PID ROOT [PARENT]") };
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let opening = Opening {
        shell: shell.to_string_lossy().into_owned(),
        pid: pid.to_str().and_then(|pid| pid.parse().ok()).context("the shell's pid is no number")?,
        root: root.into(),
        parent: rest.first().and_then(|parent| parent.to_str()).map(str::to_owned),
        session: text("TRACE_SHELL_SESSION").unwrap_or_default(),
        facts: facts(&text),
    };
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
fn journal(arguments: &[OsString], common: &mut Option<PathBuf>) -> Result<Option<Journal>> {
    let file = PathBuf::from(arguments.first().context("which journal?")?);
    let user = world::user();
    let state = user.state.context("there is no place for user state")?;
    let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let found = Journal::find(&file, &cwd, &state)?;
    *common = found.as_ref().map(|journal| journal.home.place.common.clone());
    Ok(found)
}

fn shell_event(arguments: &[OsString], common: &mut Option<PathBuf>) -> Result<()> {
    let Some(journal) = journal(arguments, common)? else { return Ok(()) };
    match arguments.len() {
        1 => journal.take(&read_all()?),
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

fn shell_guard(arguments: &[OsString], common: &mut Option<PathBuf>) -> Result<()> {
    let Some(journal) = journal(arguments, common)? else { return Ok(()) };
    stop_in_time(&journal.home);
    background::guard(&journal.home, &world::user())
}

fn shell_flush(arguments: &[OsString], common: &mut Option<PathBuf>) -> Result<()> {
    let Some(journal) = journal(arguments, common)? else { return Ok(()) };
    background::spawn(&journal.home, Kind::Auto)
}

/// The background flush itself: nobody waits for it, so it may take its time.
fn flush(arguments: &[OsString], common: &mut Option<PathBuf>) -> Result<()> {
    // Without a terminal of its own it outlives the one it was started from.
    let _ = rustix::process::setsid();
    let word = arguments.first().and_then(|word| word.to_str()).unwrap_or("auto");
    let kind = Kind::parse(word).with_context(|| format!("{word:?} is no kind of checkpoint"))?;
    let Some(home) = home_here()? else { return Ok(()) };
    *common = Some(home.place.common.clone());
    background::run(&home, &world::user(), kind)
}

fn maintain_here(common: &mut Option<PathBuf>) -> Result<()> {
    let _ = rustix::process::setsid();
    let _ = rustix::process::nice(10);
    let Some(home) = home_here()? else { return Ok(()) };
    *common = Some(home.place.common.clone());
    maintain::merge(&home).map(drop)
}

/// Ends the process when it has taken too long: its caller waits.
fn stop_in_time(home: &Home) {
    let common = home.place.common.clone();
    std::thread::spawn(move || {
        std::thread::sleep(HARD_STOP);
        trouble::note(&common, "hook", "it took too long and was ended");
        std::process::exit(0);
    });
}

/// Everything on stdin, for as long as it comes.
fn read_all() -> Result<Vec<u8>> {
    let mut input = Input::new();
    while input.more()? {}
    Ok(input.bytes)
}

/// One JSON value from stdin, without waiting for the end of the input: some callers never close it.
fn read_value() -> Result<Vec<u8>> {
    let mut input = Input::new();
    while !crate::wire::lenient::is_whole(&input.bytes) {
        if !input.more()? {
            break;
        }
    }
    Ok(input.bytes)
}

struct Input {
    bytes: Vec<u8>,
    deadline: Instant,
}

impl Input {
    fn new() -> Self {
        Self { bytes: Vec::new(), deadline: Instant::now() + SILENCE }
    }

    /// Reads what is there; false at the end, or when nothing more came in time.
    fn more(&mut self) -> Result<bool> {
        let mut stdin = std::io::stdin();
        if stdin.is_terminal() || !wait(&stdin, self.deadline)? {
            return Ok(false);
        }
        // Most payloads are short, and untouched memory costs nothing.
        let (have, room) = (self.bytes.len(), self.bytes.len().clamp(FIRST, 64 << 10));
        self.bytes.resize(have + room, 0);
        let n = stdin.read(&mut self.bytes[have..]).context("read stdin")?;
        self.bytes.truncate(have + n);
        ensure!(self.bytes.len() as u64 <= CAP, "more than {CAP} bytes came in");
        Ok(n > 0)
    }
}

fn wait(stdin: &impl AsFd, deadline: Instant) -> Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: left.as_secs().try_into()?, tv_nsec: left.subsec_nanos().into() };
    let mut watched = [PollFd::new(stdin, PollFlags::IN)];
    match poll(&mut watched, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error).context("wait for stdin"),
    }
}
