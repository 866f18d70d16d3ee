//! Everything in the record of a worktree that answers a question: in checkpoints, and still in the
//! journals.
//!
//! The events of a chain are one file; its bytes are sifted first, and only lines that may answer are
//! decoded. So it is with the transcripts, the newest first.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Result;
use bstr::ByteSlice;

use super::commands::Exit;
use super::diff::covers;
use super::names::Names;
use crate::model::agent::Agent;
use crate::model::change::Change;
use crate::model::command::{Command, Join};
use crate::model::event::{Event, What};
use crate::model::hit::{Hit, Kind};
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::query::{Form, Query};
use crate::model::session::Edit;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::who::Who;
use crate::store::home::Home;
use crate::store::late::{Late, Open};
use crate::store::ledger::Ledger;
use crate::store::models::{self, Chain};
use crate::store::transcripts::{self, Held};
use crate::store::{pending, tip};
use crate::wire::event;
use crate::wire::transcripts::{self as wire, Said};

/// What answers are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// 0: all; else the best so many.
    pub limit: usize,
    pub kind: Option<Kind>,
    pub session: Option<SessionId>,
    /// Commands that ended so; nothing else has an exit code.
    pub exit: Option<Exit>,
    /// An agent's name, `human` or `agent`.
    pub actor: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only what lies in a checkpoint that found this path, or one below it, changed.
    pub file: Option<Vec<u8>>,
}

/// The answers, the best first, and how many there are in all.
#[derive(Debug, Default)]
pub struct Answers {
    pub hits: Vec<Hit>,
    pub total: usize,
}

/// Looks for it.
///
/// # Errors
/// Something is damaged; the answers are those of all the rest.
pub fn search(home: &Home, query: &Query, filter: &Filter) -> (Answers, Result<()>) {
    let late = Late::new(home);
    let open = || late.store();
    let mut search = Search::new(query, filter);
    let read = match tip::intact(home) {
        Ok(tip) => {
            let chain = Chain { home, open: &open, tip };
            search.chain(&chain).and_then(|()| search.journals(&chain)).and_then(|()| search.talk(&open))
        }
        // What no ref leads to, the read model still may tell.
        Err(error) => {
            let take = &mut |id, lines: &[u8]| search.section(Some(id), lines);
            models::tell_ledger(&Ledger::whole(home), take);
            Err(error)
        }
    };
    (search.finish(), read)
}

/// The beginning of the lines that tell of sessions, but for their envelope.
const OF_SESSIONS: &[u8] = br#""kind":"session_"#;

/// The same of those that tell of transcripts.
const OF_TALK: &[u8] = br#""kind":"transcript_kept""#;

/// So much of the newest transcripts is looked through, bytes; all of them if only answers are wanted.
const TALK: u64 = 64 << 20;

struct Search<'a> {
    query: &'a Query,
    filter: &'a Filter,
    /// What lines a checkpoint that changed the wanted file has.
    file: Option<Query>,
    names: Names,
    /// Halves that answer, joined at the end.
    join: Join,
    /// Paths that answer, each with its last change.
    paths: HashMap<Text, Hit>,
    /// Where the transcripts are.
    talk: Vec<(Held, Timestamp)>,
    hits: Vec<Hit>,
}

impl<'a> Search<'a> {
    fn new(query: &'a Query, filter: &'a Filter) -> Self {
        let name =
            |path: &Vec<u8>| Query::new(&[String::from_utf8_lossy(path).into_owned()], Form::Words).ok();
        Self {
            query,
            filter,
            file: filter.file.as_ref().and_then(name),
            names: Names::default(),
            join: Join::default(),
            paths: HashMap::new(),
            talk: Vec::new(),
            hits: Vec::new(),
        }
    }

    fn chain(&mut self, chain: &Chain<'_>) -> Result<()> {
        chain.tell(&Ledger::whole(chain.home), &mut |id, lines| self.section(Some(id), lines)).map(drop)
    }

    fn journals(&mut self, chain: &Chain<'_>) -> Result<()> {
        let newest = chain.walk().next().transpose()?;
        let cursor = newest.map(|newest| newest.header.cursor).unwrap_or_default();
        let pending = pending::everything(&chain.home.journal(), &cursor)?;
        let lines: Vec<&[u8]> = pending.items.iter().map(|item| &item.line.get()[..]).collect();
        self.section(None, &lines.join(&b'\n'));
        Ok(())
    }

    /// The events of one checkpoint, or those that wait.
    fn section(&mut self, held_by: Option<Oid>, lines: &[u8]) {
        for at in lines.find_iter(OF_SESSIONS) {
            if let Some(event) = self::line(lines, at) {
                self.names.take(&event);
            }
        }
        if !self.touches_file(lines) {
            return;
        }
        if let Some(checkpoint) = held_by.filter(|_| self.wants(Kind::Answer)) {
            self.talk
                .extend(lines.find_iter(OF_TALK).filter_map(|at| held(self::line(lines, at)?, checkpoint)));
        }
        let query = self.query;
        for line in query.lines(lines) {
            if self.is_wanted(line)
                && self.may_answer(line)
                && let Ok(event) = event::decode(line)
            {
                self.take(event, held_by);
            }
        }
    }

    /// Whether the checkpoint with these events found the wanted file changed.
    fn touches_file(&self, lines: &[u8]) -> bool {
        let Some(file) = &self.filter.file else { return true };
        let changes = |line: &[u8]| match event::decode(line).ok()?.what {
            What::Snapshot(facts) => Some(facts.changes),
            _ => None,
        };
        let may = |line: &&[u8]| event::kind_of(line) == Some(b"snapshot");
        let sifted: Box<dyn Iterator<Item = &[u8]>> = match &self.file {
            Some(name) => Box::new(name.lines(lines)),
            // The top of the worktree has no name to look for.
            None => Box::new(lines.split_str("\n")),
        };
        sifted.filter(may).filter_map(changes).flatten().any(|change| covers(file, change.path.as_bytes()))
    }

    /// Whether a line can be of the wanted kind.
    fn is_wanted(&self, line: &[u8]) -> bool {
        let kind = match event::kind_of(line) {
            Some(b"command_started" | b"command_finished") => Kind::Command,
            Some(b"prompt") => Kind::Prompt,
            Some(b"snapshot") => Kind::Path,
            Some(b"checkpoint_asked") => Kind::Checkpoint,
            Some(b"session_edited") => Kind::Session,
            _ => return false,
        };
        self.wants(kind)
    }

    /// False of a command that is seen not to, without decoding it.
    fn may_answer(&self, line: &[u8]) -> bool {
        event::plain_command(line).is_none_or(|text| self.query.is_answered(text))
    }

    fn wants(&self, kind: Kind) -> bool {
        let exit = self.filter.exit.is_none() || kind == Kind::Command;
        exit && self.filter.kind.is_none_or(|wanted| wanted == kind)
    }

    /// What agents answered, in the newest transcripts.
    fn talk(&mut self, open: Open<'_>) -> Result<()> {
        let mut left = if self.filter.kind == Some(Kind::Answer) { u64::MAX } else { TALK };
        for (held, at) in std::mem::take(&mut self.talk).into_iter().rev() {
            let Some(agent) = Agent::parse(&held.kept.mark.agent) else { continue };
            if held.kept.bytes > left {
                break;
            }
            left -= held.kept.bytes;
            let lines = transcripts::piece(open()?, &held)?;
            for record in self.query.lines(&lines).flat_map(|line| wire::read(agent, line)) {
                let at = record.at.unwrap_or(at);
                for said in record.says {
                    if let Said::Answer(answer) = said {
                        self.answer(&held, at, &answer.text.into());
                    }
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, held: &Held, at: Timestamp, text: &Text) {
        let Some(found) = self.query.judge(text.as_bytes()) else { return };
        let who = Who { session: Some(held.session.clone()), ..Who::default() };
        let (text, checkpoint) = (text.clone(), Some(held.checkpoint));
        self.hits.push(Hit { kind: Kind::Answer, at, text, found, who, checkpoint, command: None, times: 1 });
    }

    fn take(&mut self, event: Event, held_by: Option<Oid>) {
        match event.what {
            What::CommandStarted(ref half) | What::CommandFinished(ref half)
                if self.query.judge(half.command.as_bytes()).is_some() =>
            {
                self.join.take(event, held_by);
            }
            What::Prompt(ref prompt) => self.offer(Kind::Prompt, &event, &prompt.text, held_by),
            What::CheckpointAsked(ref note) => self.offer(Kind::Checkpoint, &event, &note.text, held_by),
            What::SessionEdited(ref edit) => {
                said(edit).iter().for_each(|words| self.offer(Kind::Session, &event, words, held_by));
            }
            What::Snapshot(ref facts) => {
                facts.changes.iter().for_each(|change| self.path(&event, change, held_by));
            }
            _ => {}
        }
    }

    /// Keeps a text of an event if it answers.
    fn offer(&mut self, kind: Kind, event: &Event, text: &Text, held_by: Option<Oid>) {
        self.hits.extend(self.hit(kind, event, text, held_by));
    }

    fn hit(&self, kind: Kind, event: &Event, text: &Text, held_by: Option<Oid>) -> Option<Hit> {
        let found = self.query.judge(text.as_bytes())?;
        let who = Who { session: event.session.clone(), ..Who::default() };
        let text = text.clone();
        Some(Hit { kind, at: event.at, text, found, who, checkpoint: held_by, command: None, times: 1 })
    }

    /// A path is told once, however often it changed.
    fn path(&mut self, event: &Event, change: &Change, held_by: Option<Oid>) {
        if self.filter.file.as_ref().is_some_and(|file| !covers(file, change.path.as_bytes()))
            || !self.is_in_time(event.at)
        {
            return;
        }
        match self.paths.get_mut(&change.path) {
            Some(known) => (known.at, known.checkpoint, known.times) = (event.at, held_by, known.times + 1),
            None => {
                let hit = self.hit(Kind::Path, event, &change.path, held_by);
                self.paths.extend(hit.map(|hit| (change.path.clone(), hit)));
            }
        }
    }

    fn is_in_time(&self, at: Timestamp) -> bool {
        self.filter.since.is_none_or(|since| at >= since) && self.filter.until.is_none_or(|until| at <= until)
    }

    fn finish(mut self) -> Answers {
        let commands = std::mem::take(&mut self.join).finish();
        let commands =
            commands.into_iter().filter_map(|command| of_command(self.query, Rc::unwrap_or_clone(command)));
        let paths = std::mem::take(&mut self.paths).into_values();
        let found = std::mem::take(&mut self.hits).into_iter().chain(commands).chain(paths);
        let named = found.map(|hit| Hit { who: self.names.who(hit.who.session.as_ref()), ..hit });
        let mut hits: Vec<Hit> = named.filter(|hit| self.fits(hit)).collect();
        hits.sort_by(|a, b| Reverse(a.worth()).cmp(&Reverse(b.worth())).then_with(|| a.text.cmp(&b.text)));
        let total = hits.len();
        hits.truncate(if self.filter.limit == 0 { usize::MAX } else { self.filter.limit });
        Answers { hits, total }
    }

    fn fits(&self, hit: &Hit) -> bool {
        let exit = |wanted: Exit| {
            let exit = hit.command.as_ref().and_then(|command| command.exit);
            match wanted {
                Exit::Code(code) => exit == Some(code),
                Exit::Failed => exit.is_some_and(|exit| exit != 0),
            }
        };
        let actor = |name: &String| {
            let own = hit.command.as_ref().and_then(|command| command.actor.name.as_ref());
            own.is_some_and(|own| own.eq_ignore_ascii_case(name)) || hit.who.is_called(name)
        };
        self.is_in_time(hit.at)
            && self.filter.session.as_ref().is_none_or(|session| hit.who.session.as_ref() == Some(session))
            && self.filter.exit.is_none_or(exit)
            && self.filter.actor.as_ref().is_none_or(actor)
    }
}

/// Where a piece of a transcript is, by the event that tells of it.
fn held(event: Event, checkpoint: Oid) -> Option<(Held, Timestamp)> {
    match (event.session, event.what) {
        (Some(session), What::TranscriptKept(kept)) => {
            Some((Held { checkpoint, session, kept: *kept }, event.at))
        }
        _ => None,
    }
}

/// The event on whose line the byte `at` is.
fn line(lines: &[u8], at: usize) -> Option<Event> {
    let begin = lines[..at].rfind_byte(b'\n').map_or(0, |newline| newline + 1);
    let end = lines[at..].find_byte(b'\n').map_or(lines.len(), |len| at + len);
    event::decode(&lines[begin..end]).ok()
}

fn of_command(query: &Query, command: Command) -> Option<Hit> {
    Some(Hit {
        kind: Kind::Command,
        at: command.moment(),
        text: command.command.clone(),
        found: query.judge(command.command.as_bytes())?,
        who: Who { session: command.session.clone(), ..Who::default() },
        checkpoint: command.checkpoint,
        command: Some(Box::new(command)),
        times: 1,
    })
}

/// What somebody said of a session, in words of their own.
fn said(edit: &Edit) -> Vec<Text> {
    let words = match edit {
        Edit::AliasSet { alias } => alias.iter().cloned().collect(),
        Edit::SessionLink { tasks, projects } => [tasks.as_slice(), projects].concat(),
        Edit::Close { closed_reason, .. } => closed_reason.iter().cloned().collect(),
        _ => Vec::new(),
    };
    words.into_iter().map(Text::from).collect()
}
