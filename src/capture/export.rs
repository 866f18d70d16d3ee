//! The conversations of OpenCode, which keeps a database: what `opencode session list` and `opencode
//! export ID` say of them.
//!
//! The program is run only because somebody asked for its conversations, never by a hook, and neither it
//! nor what it starts is looked for in a worktree of the repository. It must write to a file: to a pipe it
//! writes half. That file has no name, so that its words are gone when we are; what is put where it can be
//! read is without secrets.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::import::DOCUMENT;
use crate::disk::consent::UserState;
use crate::disk::file::{self, Durability};
use crate::disk::inherited::{Undisturbed, go_on};
use crate::disk::lock::{Attempt, RefLock};
use crate::disk::nameless::nameless;
use crate::disk::programs::Programs;
use crate::git::run::ACTIVE;
use crate::model::agent::Agent;
use crate::model::id::SessionId;
use crate::model::redact::{self, Redacted};
use crate::store::Busy;
use crate::view::safe::is_hidden;
use crate::wire::transcripts::keep::{Known, keep};
use crate::wire::transcripts::{Listed, listed};

/// How often we look whether it is done.
const LOOK: Duration = Duration::from_millis(5);

/// So much of what it said at last is read when it fails, bytes: more than is shown, so that no secret is
/// cut in two and not known.
const SAID: u64 = 64 << 10;

/// So much of that is shown, characters.
const SHOWN: usize = 400;

/// So many conversations are listed at most; without a word it lists a hundred.
const MANY: &str = "10000";

/// A longer list is refused, bytes.
const LIST: u64 = 4 << 20;

/// Longer ids are none of OpenCode's.
const LONGEST_ID: usize = 64;

/// That nothing of the worktree is run: OpenCode starts the plugins that a project names. Three switches,
/// by the versions that know them; and it is not the moment to fetch a new one.
const TAMED: [&str; 4] = [
    "OPENCODE_DISABLE_PROJECT_CONFIG",
    "OPENCODE_CONFIG_PROJECT_DISABLE",
    "OPENCODE_PURE",
    "OPENCODE_DISABLE_AUTOUPDATE",
];

/// The id of a conversation: `ses_` and ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(String);

impl Id {
    /// Reads one as somebody typed it.
    pub fn parse(word: &str) -> Option<Self> {
        let rest = word.strip_prefix("ses_")?;
        let is_plain = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_plain && word.len() <= LONGEST_ID).then(|| Self(word.to_owned()))
    }

    /// The session that it is.
    pub fn session(&self) -> SessionId {
        SessionId::of_key(Agent::OpenCode.name(), self.0.as_bytes())
    }

    /// It, as a word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a program is run, and how long it may take.
pub struct Run<'a> {
    /// The user's `PATH`.
    pub path: &'a OsStr,
    /// Where it is run: the top of a worktree.
    pub top: &'a Path,
    /// The tops of all worktrees of the repository.
    pub tops: &'a [PathBuf],
    /// Where temporary files go.
    pub temp: &'a Path,
    pub most: Duration,
}

/// Asks OpenCode for a conversation: the lines of it that are kept.
///
/// # Errors
/// There is no `opencode`, it fails, it takes too long, or what it says is no whole conversation.
pub fn export(id: &Id, run: &Run<'_>) -> Result<Redacted<Vec<u8>>> {
    let said = ask(&["export", id.as_str()], run, DOCUMENT)?;
    let kept = keep(Some(Agent::OpenCode), &said.bytes, &mut Known::default());
    if kept.records == 0 {
        bail!("`opencode export {id}` printed no whole conversation{}", last_words(&said.errors)?);
    }
    Ok(kept.lines)
}

/// Asks it which conversations were held in this repository, without those of sub-agents
/// (anomalyco/opencode, `packages/opencode/src/cli/cmd/session.ts`).
///
/// # Errors
/// As for [`export`].
pub fn list(run: &Run<'_>) -> Result<Vec<Listed>> {
    let said = ask(&["session", "list", "--format", "json", "--max-count", MANY], run, LIST)?;
    match listed(&said.bytes) {
        Some(all) => Ok(all),
        None => bail!("`opencode session list` printed no list{}", last_words(&said.errors)?),
    }
}

/// Whether there is an OpenCode that may be asked.
pub fn is_there(tops: &[PathBuf], path: &OsStr) -> bool {
    Programs::outside(tops, path).find("opencode").is_some()
}

/// What it printed.
struct Printed {
    bytes: Vec<u8>,
    errors: File,
}

fn ask(words: &[&str], run: &Run<'_>, room: u64) -> Result<Printed> {
    let (out, errors) = (nameless(run.temp)?, nameless(run.temp)?);
    let status = {
        let _ours = Undisturbed::until_asked_to_end();
        ended(start(words, run, (&out, &errors))?, (&out, room), run.most)?
    };
    if !status.success() {
        bail!("`opencode {}` failed ({status}){}", words.join(" "), last_words(&errors)?);
    }
    let length = out.metadata()?.len().min(room);
    let bytes = read(&out, 0, length).context("read what opencode printed")?;
    Ok(Printed { bytes, errors })
}

fn start(words: &[&str], run: &Run<'_>, (out, errors): (&File, &File)) -> Result<Child> {
    let programs = Programs::outside(run.tops, run.path);
    let program = programs.find("opencode").with_context(|| {
        let id = if let ["export", id] = words { id } else { "ID" };
        format!(
            "there is no program opencode on PATH outside the worktree: where there is one, `opencode export \
             {id} >{id}.json`, and then here `trace attach --agent opencode {id}.json`"
        )
    })?;
    let mut child = Command::new(&program);
    child.args(words).current_dir(run.top).env("PWD", run.top);
    child.env("PATH", programs.path()).env(ACTIVE, "1").envs(TAMED.map(|name| (name, "1")));
    child.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(errors.try_clone()?);
    // A group of its own: what it starts ends with it.
    child.process_group(0);
    child.spawn().with_context(|| format!("start {}", program.display()))
}

/// Waits for its end, and brings it about where it takes too long, says too much, or nobody wants it.
fn ended(mut child: Child, out: (&File, u64), most: Duration) -> Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("wait for opencode")? {
            return Ok(status);
        }
        if let Err(why) = may_go_on(began, out, most) {
            end(&mut child);
            return Err(why);
        }
        thread::sleep(LOOK);
    }
}

fn may_go_on(began: Instant, (out, room): (&File, u64), most: Duration) -> Result<()> {
    go_on()?;
    if began.elapsed() >= most {
        bail!("opencode did not finish within {} s, and was stopped", most.as_secs_f32());
    }
    if out.metadata()?.len() > room {
        bail!("what opencode printed is longer than {} MiB", room >> 20);
    }
    Ok(())
}

/// Kills it and what it started. What cannot be killed is gone.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    let _ = child.kill();
    let _ = child.wait();
}

/// What it said at last, without secrets and fit for a terminal; empty if it said nothing.
fn last_words(errors: &File) -> Result<String> {
    let length = errors.metadata()?.len();
    let from = length.saturating_sub(SAID);
    let said = redact::text(&read(errors, from, length - from)?).to_string_lossy().into_inner();
    let words = said.split(|c: char| c.is_whitespace() || is_hidden(c)).filter(|word| !word.is_empty());
    let words = words.collect::<Vec<_>>().join(" ");
    let more = words.chars().count().saturating_sub(SHOWN);
    let shown: String = words.chars().skip(more).collect();
    Ok(if shown.is_empty() { shown } else { format!(": {shown}") })
}

fn read(file: &File, from: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length)?];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

/// What was exported, where a checkpoint finds it. It goes with its value.
///
/// The place hangs on the conversation alone, so that what was kept of it is known again, wherever the
/// repository is by then. Later checkpoints find nothing there, as where an agent has deleted its own.
pub struct Laid {
    pub path: PathBuf,
    _lock: Option<RefLock>,
}

impl Laid {
    /// Puts it there, one at a time, after taking away what somebody left who was killed.
    ///
    /// # Errors
    /// Somebody else is at it ([`Busy`]), or it cannot be written.
    pub fn put(state: &UserState, id: &Id, lines: &Redacted<Vec<u8>>) -> Result<Self> {
        let dir = state.0.join("exports");
        file::private_dir(&dir)?;
        let lock = match RefLock::attempt(&state.0.join("exports.lock"))? {
            Attempt::Held(lock) => Some(lock),
            Attempt::Unsupported => None,
            Attempt::Busy => {
                bail!(Busy("another trace takes in what opencode exported: try again".to_owned()))
            }
        };
        let left = std::fs::read_dir(&dir)?.collect::<Result<Vec<_>, _>>()?;
        left.iter().try_for_each(|left| std::fs::remove_file(left.path()))?;
        let laid = Self { path: dir.join(format!("{}.jsonl", id.session())), _lock: lock };
        let written = file::write_new(&laid.path, lines.get(), Durability::Buffered);
        written.with_context(|| format!("write {}", laid.path.display()))?;
        Ok(laid)
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        // What stays is without secrets, and goes before the next is put there.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_letters_and_digits_behind_its_mark() {
        assert!(Id::parse("ses_01").is_some() && Id::parse("ses_6a1f5c2d3ffeKq8ZxYwVuTsRqPo").is_some());
        let long = format!("ses_{}", "a".repeat(LONGEST_ID));
        for word in ["", "ses_", "01", "../ses_1", "ses_$(x)", "ses_a b", "ses_a/b", "-ses_1", "ses_é", &long]
        {
            assert_eq!(Id::parse(word), None, "{word:?}");
        }
    }
}
