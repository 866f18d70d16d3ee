//! Conversations that no hook told of: found where their agents keep them, and told again.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use bstr::ByteSlice;

use crate::disk::file::{self, Durability};
use crate::disk::transcript::Transcript;
use crate::model::agent::Agent;
use crate::model::event::{Event, What};
use crate::model::id::SessionId;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::record;
use crate::wire::call;
use crate::wire::sessionsdb;
use crate::wire::transcripts::place::{Env, named, shelves};
use crate::wire::transcripts::retell::{Retelling, Told};
use crate::wire::transcripts::{BLOCK, LONG, Meta, read, split, summary::Summary};

/// So much of a transcript says whose it is, bytes.
const HEAD: u64 = 256 << 10;

/// A longer document is refused, bytes: it must be read whole.
pub(super) const DOCUMENT: u64 = 64 << 20;

/// Agents do not nest their directories deeper.
const DEEPEST: usize = 8;

/// A journal is written to in pieces of so many events.
const BATCH: usize = 256;

/// A conversation in a file.
#[derive(Clone, Debug)]
pub struct Found {
    pub agent: Agent,
    pub path: PathBuf,
    pub bytes: u64,
    pub changed: SystemTime,
    pub external: Text,
    /// Where it was held, as it says.
    pub cwd: Option<PathBuf>,
    pub title: Option<String>,
    meta: Meta,
    first: Option<Timestamp>,
}

/// What was told of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub prompts: usize,
    pub commands: usize,
    pub tools: usize,
}

/// Whether it is only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Record,
    Count,
}

/// The files in which an agent may keep transcripts, in no order. What cannot be listed is left out.
pub fn files(agent: Agent, env: &Env<'_>) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for shelf in shelves(agent, env) {
        below(Path::new(OsStr::from_bytes(&shelf)), DEEPEST, &mut all);
    }
    all
}

fn below(dir: &Path, depth: usize, all: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        // No link is followed: what an agent links to is somewhere else's.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => below(&entry.path(), depth - 1, all),
            Ok(kind) if kind.is_file() && is_transcript(&entry.path()) => all.push(entry.path()),
            _ => {}
        }
    }
}

fn is_transcript(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "jsonl")
        || path.parent().is_some_and(|dir| dir.ends_with("chats"))
            && path.extension().is_some_and(|end| end == "json")
}

/// Looks whose conversation a file holds; `None` if it does not say.
///
/// # Errors
/// It cannot be read, or is no plain file of the user's own.
pub fn look(agent: Agent, path: &Path) -> io::Result<Option<Found>> {
    let file = Transcript::open(path)?;
    let head = if agent == Agent::OpenCode { file.whole(DOCUMENT)? } else { file.read(0, HEAD)? };
    let records: Vec<_> = split(agent, &head).flat_map(|line| read(agent, line.bytes)).collect();
    let told = Summary::of(agent, &records);
    let in_name = named(agent, path.as_os_str().as_bytes());
    let external = in_name.external_id.or_else(|| told.session.external_id.clone());
    let (Some(external), false) = (external, records.is_empty()) else { return Ok(None) };
    Ok(Some(Found {
        agent,
        path: path.to_owned(),
        bytes: file.length,
        changed: std::fs::metadata(path)?.modified()?,
        external: external.into(),
        cwd: told.session.cwd.as_ref().map(PathBuf::from),
        title: told.title.clone().or_else(|| told.prompts().next().map(str::to_owned)),
        first: told.first,
        meta: Meta { parent: told.session.parent.clone().or(in_name.parent), ..told.session },
    }))
}

impl Found {
    /// The session that it is.
    pub fn session(&self) -> SessionId {
        SessionId::of_key(self.agent.name(), self.external.as_bytes())
    }

    /// Marks that its telling has begun: until the mark is gone, what is known of it may be a part.
    ///
    /// # Errors
    /// The mark cannot be written.
    pub fn begin_telling(&self, home: &Home) -> Result<()> {
        file::private_dir(&home.place.importing())?;
        file::replace(&self.mark(home), b"", Durability::Buffered)
    }

    /// When a telling of it began that, for all that we know, did not end.
    pub fn half_told(&self, home: &Home) -> Option<Timestamp> {
        std::fs::metadata(self.mark(home)).and_then(|mark| mark.modified()).ok().map(stamp)
    }

    /// A checkpoint holds all of it. A mark that cannot be removed costs another telling, which adds nothing.
    pub fn end_telling(&self, home: &Home) {
        let _ = std::fs::remove_file(self.mark(home));
    }

    fn mark(&self, home: &Home) -> PathBuf {
        home.place.importing().join(self.session().as_str())
    }

    /// Tells only that there is such a session and where its transcript is: the next checkpoint reads it.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn introduce(&self, home: &Home) -> Result<()> {
        let (retelling, began) = self.begin(home)?;
        let mut writer =
            Writer { home, found: self, mode: Mode::Record, waiting: Vec::new(), counts: Counts::default() };
        writer.begin(retelling.start(&self.meta, began));
        writer.write()
    }

    fn begin(&self, home: &Home) -> Result<(Retelling, Timestamp)> {
        let path = Text::from(self.path.as_os_str().as_bytes());
        let cwd = self.cwd.clone().map_or_else(|| home.place.top().map(Path::to_owned), Ok)?;
        let cwd = cwd.to_string_lossy().into_owned();
        let retelling = Retelling::new(self.agent, self.external.clone(), cwd, path);
        Ok((retelling, self.first.unwrap_or_else(|| stamp(self.changed))))
    }

    /// How much of it is read at once: a document is of no use but whole.
    fn block(&self, file: &Transcript) -> u64 {
        if self.agent == Agent::OpenCode { file.length.min(DOCUMENT) } else { BLOCK }
    }

    /// Tells the journal of a worktree what was said and done `until` then, as hooks would have, once the
    /// conversation is [introduced](Self::introduce); and `told` of each block. Told twice it is there once.
    ///
    /// # Errors
    /// The transcript cannot be read, or the journal not be written; what was told by then is kept.
    pub fn retell(&self, home: &Home, mode: Mode, until: Timestamp, told: &dyn Fn()) -> Result<Counts> {
        let (mut retelling, _) = self.begin(home)?;
        let mut writer = Writer { home, found: self, mode, waiting: Vec::new(), counts: Counts::default() };
        let file = Transcript::open(&self.path).with_context(|| format!("read {}", self.path.display()))?;
        let (mut at, mut block) = (0, self.block(&file));
        while at < file.length {
            let bytes = file.read(at, block)?;
            let lines = split(self.agent, &bytes);
            let complete = lines.complete() as u64;
            for record in lines.flat_map(|line| read(self.agent, line.bytes)) {
                let mut calls = retelling.take(&record).into_iter().filter(|(_, at)| *at <= until);
                calls.try_for_each(|call| writer.take(call))?;
            }
            told();
            (at, block) = match complete {
                0 if block < LONG && at + block < file.length => (at, LONG),
                // A line that is too long says nothing here; it is kept as a stub.
                0 => match file.line_end(at + bytes.len() as u64)? {
                    Some(end) => (end, BLOCK),
                    None => break,
                },
                _ => (at + complete, BLOCK),
            };
        }
        writer.write()?;
        Ok(writer.counts)
    }
}

fn stamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// What a log of sessions-db came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub sessions: usize,
    pub events: usize,
    /// The numbers of the lines that make no sense.
    pub bad: Vec<usize>,
    /// Its last line was cut.
    pub torn: bool,
}

/// Takes in a log of sessions-db.
///
/// # Errors
/// It cannot be read, or the journal not be written.
pub fn sessions_db(home: &Home, path: &Path, mode: Mode) -> Result<Log> {
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let (mut read, mut told) = (Log::default(), Vec::new());
    let mut log = sessionsdb::Log::default();
    let whole = bytes.iter().filter(|byte| **byte == b'\n').count();
    for (at, line) in bytes.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match log.read(line) {
            Ok(events) => told.extend(events),
            Err(_) if at == whole => read.torn = true,
            Err(_) => read.bad.push(at + 1),
        }
    }
    read.events = told.len();
    read.sessions = told.iter().filter_map(|event| event.session.as_ref()).collect::<HashSet<_>>().len();
    for batch in told.chunks(BATCH).filter(|_| mode == Mode::Record) {
        record::record(&home.journal(), &record::stem("import", b""), batch, Durability::Buffered)?;
    }
    Ok(read)
}

/// Writes events in pieces.
struct Writer<'a> {
    home: &'a Home,
    found: &'a Found,
    mode: Mode,
    waiting: Vec<Event>,
    counts: Counts,
}

impl Writer<'_> {
    fn begin(&mut self, (call, at): Told) {
        self.waiting.extend(call::events(&call, at));
    }

    fn take(&mut self, (call, at): Told) -> Result<()> {
        for event in call::events(&call, at) {
            let count = match &event.what {
                // It was introduced once.
                What::SessionSeen(_) => continue,
                What::Prompt(_) => &mut self.counts.prompts,
                What::CommandFinished(_) => &mut self.counts.commands,
                _ => &mut self.counts.tools,
            };
            *count += 1;
            self.waiting.push(event);
        }
        if self.waiting.len() < BATCH { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<()> {
        let events = std::mem::take(&mut self.waiting);
        if self.mode == Mode::Count || events.is_empty() {
            return Ok(());
        }
        let stem = record::stem(self.found.agent.name(), self.found.external.as_bytes());
        record::record(&self.home.journal(), &stem, &events, Durability::Buffered).map(drop)
    }
}
