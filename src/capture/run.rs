//! `trace run`: one command, with what it printed, a checkpoint before it and one after.
//!
//! Its output goes where it went without us, byte by byte as it comes; the head and the tail of it are
//! kept. Its exit code is ours.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::disk::backoff::random;
use crate::disk::inherited::Undisturbed;
use crate::disk::{clock, process};
use crate::model::digest;
use crate::model::event::{Actor, CommandHalf, Event, Note, Output, SessionSeen, What};
use crate::model::id::{CommandId, EventId, Half, SessionId};
use crate::model::quote;
use crate::model::redact;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::record;

/// So much of the beginning and of the end of the output is kept, bytes each.
const KEEP: usize = 32 << 10;

/// So long after the command's end its output is read on, if something else holds it open.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A command about to be run, and on whose account.
pub struct Run<'a> {
    pub home: &'a Home,
    pub command: &'a [OsString],
    /// The shell session it was typed in, else one of its own.
    pub shell_session: Option<SessionId>,
    pub actor: Actor,
}

impl Run<'_> {
    /// Runs the command and records it. What cannot be recorded is told to `warn`, and no reason
    /// not to run the command, or to hide how it ended.
    ///
    /// # Errors
    /// The command could not be started; that is recorded too, as exit 127.
    pub fn perform(&self, warn: &dyn Fn(Error)) -> Result<i32> {
        let own = digest::hex(&random::<16>());
        let session = self.shell_session.clone().unwrap_or_else(|| SessionId::of_key("run", own.as_bytes()));
        let id = CommandId::of_tool(&session, own.as_bytes());
        let start = clock::now();
        let began = clock::monotonic();
        // Ctrl-C is for the command. We stay to tell how it ended.
        let _undisturbed = Undisturbed::begin();
        self.record(&session, &own, self.half(&id, start), Half::Started).unwrap_or_else(warn);
        let tee = Mutex::new(Kept::default());
        let ended = spawn_and_copy(self.command, &tee);
        let exit = ended.as_ref().map_or(127, |status| code(*status));
        let mut half = self.half(&id, start);
        half.end = Some(clock::now());
        half.duration_us = Some(clock::monotonic().saturating_sub(began) / 1000);
        half.exit = Some(exit);
        half.output = Some(tee.into_inner().unwrap_or_default().finish());
        self.record(&session, &own, half, Half::Finished).unwrap_or_else(warn);
        ended.map(|_| exit)
    }

    fn half(&self, id: &CommandId, start: Timestamp) -> CommandHalf {
        let words: Vec<Vec<u8>> = self.command.iter().map(|word| quote::as_needed(word.as_bytes())).collect();
        let cwd = std::env::current_dir().unwrap_or_default();
        CommandHalf {
            command_id: id.clone(),
            command: Text(redact::text(&words.join(&b' ')).into_inner()),
            cwd: Text::from(cwd.as_os_str().as_bytes()),
            cwd_after: None,
            start: Some(start),
            end: None,
            duration_us: None,
            exit: None,
            pipestatus: Vec::new(),
            interrupted: false,
            flags: String::new(),
            shell: None,
            actor: Some(self.actor.clone()),
            process: Some(process::myself()),
            output: None,
        }
    }

    fn record(&self, session: &SessionId, own: &str, half: CommandHalf, which: Half) -> Result<()> {
        let id = EventId::of_half(&half.command_id, which);
        let at = half.end.or(half.start).unwrap_or_default();
        let own_session = self.shell_session.is_none().then(|| self.told_of(own, &half, which));
        let what = match which {
            Half::Started => What::CommandStarted(Box::new(half)),
            Half::Finished => What::CommandFinished(Box::new(half)),
        };
        let event = |id, what| Event { id, at, session: Some(session.clone()), seq: None, what };
        let mut events = vec![event(id, what)];
        let durability = record::durability(&events);
        let told =
            own_session.map(|(name, what)| event(EventId::of_call(&[name, b"run", own.as_bytes()]), what));
        events.extend(told);
        if which == Half::Started {
            events.reverse();
        }
        record::record(&self.home.journal(), &record::stem("run", own.as_bytes()), &events, durability)
            .map(drop)
    }

    /// A command that nobody's session is about is a session by itself, as long as it runs.
    fn told_of(&self, own: &str, half: &CommandHalf, which: Half) -> (&'static [u8], What) {
        let seen = SessionSeen {
            agent: "run".to_owned(),
            external_id: own.into(),
            cwd: Some(half.cwd.clone()),
            process: half.process.clone(),
            actor: self.actor.clone(),
            ..SessionSeen::default()
        };
        match which {
            Half::Started => (b"session_seen", What::SessionSeen(Box::new(seen))),
            Half::Finished => (b"session_ended", What::SessionEnded(Note::default())),
        }
    }
}

/// Returns when the command has ended, also where something it started still has its output open.
fn spawn_and_copy(command: &[OsString], kept: &Mutex<Kept>) -> Result<ExitStatus> {
    let (program, arguments) = command.split_first().context("there is no command to run")?;
    let (ended, running) = pipe_with(PipeFlags::CLOEXEC).context("make a pipe")?;
    let (ended, (tell_out, out), (tell_err, err)) = (&ended, channel(), channel());
    let mut child = Command::new(program);
    child.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    thread::scope(|scope| {
        // Whoever waits for these must not when there is no command.
        let (tell_out, tell_err) = (tell_out, tell_err);
        // Before the command: once it runs, somebody must take what it says.
        let copier = move || copy(out.recv().ok().flatten(), ended, &mut std::io::stdout(), kept);
        thread::Builder::new().spawn_scoped(scope, copier).context("start a thread for the output")?;
        let copier = move || copy(err.recv().ok().flatten(), ended, &mut std::io::stderr(), kept);
        thread::Builder::new().spawn_scoped(scope, copier).context("start a thread for the errors")?;
        let mut child = child.spawn().with_context(|| format!("run {}", program.to_string_lossy()))?;
        let _ = (tell_out.send(child.stdout.take()), tell_err.send(child.stderr.take()));
        let status = child.wait().context("wait for the command");
        // Both copiers wait for this beside their own pipe.
        drop(running);
        status
    })
}

/// Passes everything on at once, until nothing can come any more, or the command has `ended` and what
/// it left in the pipe is out. A reader that went away does not stop the recording.
fn copy<F: Read + AsFd>(from: Option<F>, ended: &OwnedFd, to: &mut impl Write, kept: &Mutex<Kept>) {
    let Some(mut from) = from else { return };
    let mut buffer = [0; 16 << 10];
    let mut last = None;
    while is_ready(&from, ended, &mut last) {
        let Ok(n @ 1..) = from.read(&mut buffer) else { return };
        if let Some(Rest { owed, .. }) = &mut last {
            *owed = owed.saturating_sub(n as u64);
        }
        let _ = to.write_all(&buffer[..n]).and_then(|()| to.flush());
        if let Ok(mut kept) = kept.lock() {
            kept.take(&buffer[..n]);
        }
    }
}

/// What is still to be read once the command has ended.
struct Rest {
    /// So much was in the pipe: it is the command's own, however slowly it goes out.
    owed: u64,
    /// Until then, what others still write is taken for its last words.
    until: Instant,
}

/// Waits until there is something to read; false if that was all.
fn is_ready(from: &impl AsFd, ended: &OwnedFd, last: &mut Option<Rest>) -> bool {
    while last.is_none() {
        let mut watched = [PollFd::new(from, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return false,
        }
        let [ours, theirs] = watched.map(|one| !one.revents().is_empty());
        if theirs {
            let owed = ioctl_fionread(from).unwrap_or(0);
            *last = Some(Rest { owed, until: Instant::now() + LAST_WORDS });
        } else if ours {
            return true;
        }
    }
    let Some(rest) = last else { return false };
    loop {
        let left = rest.until.saturating_duration_since(Instant::now());
        if rest.owed > 0 || left.is_zero() {
            return rest.owed > 0;
        }
        // A rest of less than a second always has this form.
        let limit = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&limit)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}

/// The head and the tail of a stream of any length.
#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: std::collections::VecDeque<u8>,
    observed: u64,
}

impl Kept {
    fn take(&mut self, bytes: &[u8]) {
        self.observed += bytes.len() as u64;
        let room = (KEEP - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.tail.extend(&bytes[room..]);
        let over = self.tail.len().saturating_sub(KEEP);
        self.tail.drain(..over);
    }

    fn finish(self) -> Output {
        let kept = self.head.len() + self.tail.len();
        let tail: Vec<u8> = self.tail.into();
        Output {
            head: Text(redact::text(&self.head).into_inner()),
            tail: Text(redact::text(&tail).into_inner()),
            observed_bytes: self.observed,
            truncated: self.observed > kept as u64,
        }
    }
}

/// The exit code a shell would show: 128 and the signal's number for a command that a signal ended.
fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_and_the_tail_of_a_long_output_are_kept() {
        let mut kept = Kept::default();
        for n in 0..100_000_u32 {
            kept.take(format!("{n}\n").as_bytes());
        }
        let output = kept.finish();
        assert!(output.truncated && output.observed_bytes > 500_000);
        assert!(
            output.head.as_bytes().starts_with(b"0\n1\n") && output.tail.as_bytes().ends_with(b"99999\n")
        );
        assert!(output.head.as_bytes().len() <= KEEP && output.tail.as_bytes().len() <= KEEP);
    }
}
