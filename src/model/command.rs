//! A command: its started and finished events joined by id.

use super::event::{Actor, ActorKind, CommandHalf, Event, Output, Process, What};
use super::id::{CommandId, EventId, SessionId};
use super::oid::Oid;
use super::text::Text;
use super::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// One command as it is shown: both halves joined, and the checkpoint that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub id: CommandId,
    pub session: Option<SessionId>,
    pub seq: Option<u64>,
    pub command: Text,
    pub cwd: Text,
    pub cwd_after: Option<Text>,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub duration_us: Option<u64>,
    pub exit: Option<i32>,
    pub pipestatus: Vec<i32>,
    pub flags: String,
    pub shell: Option<String>,
    pub actor: Actor,
    pub process: Option<Process>,
    pub output: Option<Output>,
    /// What is known of its end.
    pub end: End,
    /// When it was over at the latest, if its end was never told.
    pub over_by: Option<Timestamp>,
    /// The checkpoint that holds the half that stands for it; `None` while only in the journal.
    pub checkpoint: Option<Oid>,
}

/// The flag of an end that nobody told: what came after it shows that it is over.
pub const CLOSED: char = 'a';

/// What is known of a command's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// An end was recorded.
    Done,
    /// The actor stopped it; there is no exit code.
    Interrupted,
    /// Only its start is known. Whether it runs or is lost depends on its process.
    Open,
    /// Only its start is known, and its session went on to something else.
    Abandoned,
}

/// The state a reader is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Running,
    Done,
    Lost,
    Interrupted,
}

impl Command {
    /// Its state, given whether its process is still there.
    pub fn state(&self, process: Alive) -> State {
        match (self.end, process) {
            (End::Done, _) => State::Done,
            (End::Interrupted, _) => State::Interrupted,
            (End::Abandoned, _) | (End::Open, Alive::No) => State::Lost,
            (End::Open, Alive::Yes) => State::Running,
        }
    }

    /// The signal that ended it, where the exit code says so.
    pub fn signal(&self) -> Option<i32> {
        self.exit.filter(|exit| (129..=192).contains(exit)).map(|exit| exit - 128)
    }

    /// The moment it is sorted by.
    pub fn moment(&self) -> Timestamp {
        self.started.or(self.finished).unwrap_or_default()
    }
}

/// Whether a process is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alive {
    Yes,
    No,
}

/// Joins halves into commands, in whatever order they come.
#[derive(Debug, Default)]
pub struct Join {
    /// As they came: a list of many thousands is mostly in order already.
    commands: Vec<Rc<Command>>,
    /// Where each is.
    places: HashMap<CommandId, usize>,
    /// Those that had no end when they came, by session: all that the end of a turn looks at.
    open: HashMap<Option<SessionId>, Vec<usize>>,
    /// Ends that have ids of their own, since their start was only guessed (`capture/generic.rs`).
    own_ends: BTreeSet<EventId>,
    /// Those of them whose start had ended already: another start waits for each.
    surplus: Vec<Command>,
    /// Ends that came for a command that already had one: the first wins, these are counted.
    pub repeated_ends: u64,
}

impl Join {
    /// Takes one event of the checkpoint `held_by` (`None`: still in the journal), and gives back what is
    /// no half of a command.
    pub fn take(&mut self, event: Event, held_by: Option<Oid>) -> Option<Event> {
        let Event { id, at, session, seq, what } = event;
        let frame = Frame { id, session, seq, held_by };
        let what = match what {
            What::CommandStarted(half) => {
                self.start(Command::of(frame, *half, End::Open));
                return None;
            }
            What::CommandFinished(half) => {
                self.end(frame, *half);
                return None;
            }
            other => other,
        };
        let event = Event { id: frame.id, at, session: frame.session, seq, what };
        if let What::TurnEnded(_) | What::TurnFailed(_) | What::SessionEnded(_) | What::Prompt(_) = event.what
        {
            self.close_open(&event);
        }
        Some(event)
    }

    /// The commands, oldest first: by start (or end), session, sequence.
    pub fn finish(mut self) -> Vec<Rc<Command>> {
        for end in std::mem::take(&mut self.surplus) {
            self.settle(end);
        }
        self.commands.sort_by(|a, b| {
            (a.moment(), &a.session, a.seq, &a.id).cmp(&(b.moment(), &b.session, b.seq, &b.id))
        });
        self.commands
    }

    /// Gives a surplus end to the oldest call like its own that has none; else it stands alone.
    fn settle(&mut self, mut end: Command) {
        let like = |command: &&mut Rc<Command>| {
            !command.has_end()
                && command.started <= end.finished
                && command.session == end.session
                && command.actor.tool_use_id == end.actor.tool_use_id
        };
        let older =
            |a: &&mut Rc<Command>, b: &&mut Rc<Command>| (a.moment(), &a.id).cmp(&(b.moment(), &b.id));
        match self.commands.iter_mut().filter(like).min_by(older).map(Rc::make_mut) {
            Some(open) => {
                (end.id, end.started) = (open.id.clone(), open.started);
                end.duration_us = span(end.started, end.finished);
                open.complete(end);
            }
            None => match self.known(&end.id) {
                Some(known) => *known = end,
                None => self.add(end),
            },
        }
    }

    fn start(&mut self, new: Command) {
        match self.known(&new.id) {
            Some(known) => known.lend(new),
            None => {
                self.open.entry(new.session.clone()).or_default().push(self.commands.len());
                self.add(new);
            }
        }
    }

    fn end(&mut self, frame: Frame, half: CommandHalf) {
        let own = (!is_half_of(&frame.id, &half.command_id)).then(|| frame.id.clone());
        let end = if half.interrupted { End::Interrupted } else { End::Done };
        let new = Command::of(frame, half, end);
        if new.is_closed() {
            return self.close(new);
        }
        if own.as_ref().is_some_and(|own| !self.own_ends.insert(own.clone())) {
            self.repeated_ends += 1;
            return;
        }
        let Some(known) = self.known(&new.id) else { return self.add(new) };
        match (known.has_end(), own, &new.session) {
            (false, ..) => known.complete(new),
            (true, ..) if known.is_closed() => known.complete(new),
            (true, Some(own), Some(session)) => {
                let id = CommandId::of_tool(session, own.as_str().as_bytes());
                self.surplus.push(Command { id, ..new });
            }
            (true, ..) => self.repeated_ends += 1,
        }
    }

    fn known(&mut self, id: &CommandId) -> Option<&mut Command> {
        self.places.get(id).map(|at| Rc::make_mut(&mut self.commands[*at]))
    }

    fn add(&mut self, new: Command) {
        self.places.insert(new.id.clone(), self.commands.len());
        self.commands.push(Rc::new(new));
    }

    /// Ends what nobody has ended. A real end counts for more, whenever it comes.
    fn close(&mut self, new: Command) {
        match self.known(&new.id) {
            None => self.add(new),
            Some(known) if !known.has_end() => known.complete(new),
            Some(_) => {}
        }
    }

    /// An agent that went on without ending its commands has abandoned them.
    fn close_open(&mut self, event: &Event) {
        let Some(open) = self.open.get_mut(&event.session) else { return };
        open.retain(|at| {
            let command = &mut self.commands[*at];
            if command.end != End::Open {
                return false;
            }
            let is_over = command.actor.kind == ActorKind::Agent && command.moment() <= event.at;
            if is_over {
                let command = Rc::make_mut(command);
                command.end = End::Abandoned;
                command.over_by = Some(event.at);
            }
            !is_over
        });
    }
}

/// What surrounds the half of a command.
struct Frame {
    id: EventId,
    session: Option<SessionId>,
    seq: Option<u64>,
    held_by: Option<Oid>,
}

impl Command {
    /// What one half alone says.
    fn of(frame: Frame, half: CommandHalf, end: End) -> Self {
        Self {
            id: half.command_id,
            session: frame.session,
            seq: frame.seq,
            command: half.command,
            cwd: half.cwd,
            cwd_after: half.cwd_after,
            started: half.start,
            finished: half.end,
            duration_us: half.duration_us.or_else(|| span(half.start, half.end)),
            exit: half.exit,
            pipestatus: half.pipestatus,
            flags: half.flags,
            shell: half.shell,
            actor: half.actor.unwrap_or_default(),
            process: half.process,
            output: half.output,
            end,
            over_by: None,
            checkpoint: frame.held_by,
        }
    }

    /// Whether its end was only told by what came after it.
    fn is_closed(&self) -> bool {
        self.flags.contains(CLOSED)
    }

    fn has_end(&self) -> bool {
        matches!(self.end, End::Done | End::Interrupted)
    }

    /// Takes the end's word for everything, and the start's for what the end does not know.
    fn complete(&mut self, end: Self) {
        let start = std::mem::replace(self, end);
        self.lend(start);
    }

    fn lend(&mut self, start: Self) {
        if self.started.is_none() {
            self.started = start.started;
            self.duration_us = self.duration_us.or_else(|| span(self.started, self.finished));
        }
        if self.command.is_empty() {
            self.command = start.command;
        }
        if self.cwd.is_empty() {
            self.cwd = start.cwd;
        }
        self.shell = self.shell.take().or(start.shell);
        self.process = self.process.take().or(start.process);
        self.seq = self.seq.or(start.seq);
    }
}

/// Whether an event has the id that its command's end always has ([`EventId::of_half`]).
fn is_half_of(event: &EventId, command: &CommandId) -> bool {
    event.as_str().strip_prefix(command.as_str()) == Some("/e")
}

fn span(start: Option<Timestamp>, end: Option<Timestamp>) -> Option<u64> {
    u64::try_from(end?.since(start?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Half;

    fn half(id: &str, which: Half, exit: Option<i32>, at: i64) -> Event {
        let command_id = CommandId::parse(id).unwrap();
        let finished = which == Half::Finished;
        let body = Box::new(CommandHalf {
            command_id: command_id.clone(),
            command: "make".into(),
            cwd: "/w".into(),
            cwd_after: None,
            start: (!finished).then_some(Timestamp(at)),
            end: finished.then_some(Timestamp(at)),
            duration_us: None,
            exit,
            pipestatus: vec![],
            interrupted: false,
            flags: String::new(),
            shell: None,
            actor: None,
            process: None,
            output: None,
        });
        Event {
            id: EventId::of_half(&command_id, which),
            at: Timestamp(at),
            session: None,
            seq: None,
            what: if finished { What::CommandFinished(body) } else { What::CommandStarted(body) },
        }
    }

    fn joined(events: &[Event]) -> (Vec<Rc<Command>>, u64) {
        let mut join = Join::default();
        events.iter().for_each(|event| drop(join.take(event.clone(), None)));
        let repeated = join.repeated_ends;
        (join.finish(), repeated)
    }

    #[test]
    fn halves_join_in_any_order_and_the_first_end_wins() {
        let (start, end) = (half("s.1", Half::Started, None, 10), half("s.1", Half::Finished, Some(2), 30));
        let other = half("s.1", Half::Finished, Some(9), 40);
        for order in [[start.clone(), end.clone(), other.clone()], [end.clone(), start, other]] {
            let (all, repeated) = joined(&order);
            assert_eq!((all.len(), repeated), (1, 1));
            assert_eq!((all[0].exit, all[0].end, all[0].duration_us), (Some(2), End::Done, Some(20)));
        }
    }

    #[test]
    fn a_start_alone_runs_while_its_process_does() {
        let (all, _) = joined(&[half("s.1", Half::Started, None, 10)]);
        assert_eq!(all[0].state(Alive::Yes), State::Running);
        assert_eq!(all[0].state(Alive::No), State::Lost);
        assert_eq!(all[0].exit, None, "never a made-up code");
    }

    #[test]
    fn an_end_alone_is_a_whole_command_without_a_start_time() {
        let (all, _) = joined(&[half("s.1", Half::Finished, Some(0), 10)]);
        assert_eq!((all[0].started, all[0].duration_us, all[0].state(Alive::No)), (None, None, State::Done));
    }

    #[test]
    fn an_end_that_nobody_told_gives_way_to_one_that_somebody_did() {
        let start = half("s.1", Half::Started, None, 10);
        let mut closed = half("s.1", Half::Finished, None, 20);
        let What::CommandFinished(body) = &mut closed.what else { panic!("{closed:?}") };
        (body.interrupted, body.flags) = (true, CLOSED.into());
        closed.id = EventId::parse("evt_closed").unwrap();
        let (all, _) = joined(&[start.clone(), closed.clone()]);
        assert_eq!((all.len(), all[0].end, all[0].exit), (1, End::Interrupted, None));
        let told = half("s.1", Half::Finished, Some(0), 30);
        for order in [[&start, &closed, &told], [&told, &closed, &start], [&closed, &told, &start]] {
            let (all, repeated) = joined(&order.map(Clone::clone));
            assert_eq!((all.len(), repeated), (1, 0));
            assert_eq!((all[0].end, all[0].exit, all[0].duration_us), (End::Done, Some(0), Some(20)));
        }
    }

    #[test]
    fn no_two_commands_have_one_id() {
        let session = SessionId::of_key("claude", b"abc");
        let of_own_end = CommandId::of_tool(&session, b"own");
        let mut ends = [
            half(of_own_end.as_str(), Half::Finished, Some(1), 10),
            half("s.1", Half::Finished, Some(2), 20),
            half("s.1", Half::Finished, Some(3), 30),
        ];
        ends[2].id = EventId::parse("own").unwrap();
        ends.iter_mut().for_each(|end| end.session = Some(session.clone()));
        let (all, _) = joined(&ends);
        let told: Vec<_> = all.iter().map(|one| (one.id.as_str(), one.exit)).collect();
        assert_eq!(told, [("s.1", Some(2)), (of_own_end.as_str(), Some(3))]);
    }

    #[test]
    fn equal_times_never_collide() {
        let (all, _) =
            joined(&[half("s.1", Half::Finished, Some(0), 10), half("s.2", Half::Finished, Some(0), 10)]);
        assert_eq!(all.len(), 2);
    }
}
