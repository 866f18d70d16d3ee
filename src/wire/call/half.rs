//! The two halves of a tool call, as events.

use super::{Call, Kind, ToolId, Twin};
use crate::model::event::{CommandHalf, Event, Tool, What};
use crate::model::id::{CommandId, EventId, Half, SessionId};
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::wire::tools;

impl Call {
    /// Says whether the call is about a command, rather than another tool.
    fn is_command(&self) -> bool {
        let shell = matches!(self.event, Kind::ShellPre | Kind::ShellPost)
            || self.tool.as_deref().is_some_and(tools::is_shell);
        // An end may leave out the text if its id finds the start, which has it.
        shell && (self.command.is_some() || matches!(self.tool_id, Some(ToolId::Given(_))))
    }

    /// What tells this tool call from every other of its session.
    fn key(&self, start: Option<Timestamp>, now: Timestamp) -> Text {
        match (&self.tool_id, self.twin) {
            (Some(ToolId::Given(id)), _) => id.clone(),
            (Some(ToolId::Derived(id)), Twin::Another) => format!("{id}@{}", start.unwrap_or(now).0).into(),
            (Some(ToolId::Derived(id)), Twin::TheSame) => {
                format!("{id}@{}", self.moment(now.secs()).lossy()).into()
            }
            (None, _) => format!("{}@{}", self.payload, now.0).into(),
        }
    }

    /// What tells this call from a later one with the same input, if it comes in this second.
    pub(super) fn moment(&self, second: i64) -> Text {
        self.said.clone().or_else(|| self.instance.clone()).unwrap_or_else(|| second.to_string().into())
    }

    pub(super) fn half(&self, session: SessionId, half: Half, now: Timestamp) -> Event {
        let (start, end) = match half {
            Half::Started => (self.start.or(Some(now)), None),
            Half::Finished => {
                let end = self.end.unwrap_or(now);
                let began = self.took_us.map(|took| Timestamp(end.0.saturating_sub(took).max(1)));
                (self.start.or(began), Some(end))
            }
        };
        let key = self.key(start, now);
        let at = end.or(start).unwrap_or(now);
        if self.is_command() {
            let command_id =
                self.ends.clone().unwrap_or_else(|| CommandId::of_tool(&session, key.as_bytes()));
            let id = EventId::of_half(&command_id, half);
            let body = Box::new(self.command_half(command_id, half, start, end));
            let what = match half {
                Half::Started => What::CommandStarted(body),
                Half::Finished => What::CommandFinished(body),
            };
            return Event { id, at, session: Some(session), seq: None, what };
        }
        let body = Box::new(self.tool(half, start, end));
        let (name, what) = match half {
            Half::Started => ("tool_started", What::ToolStarted(body)),
            Half::Finished => ("tool_finished", What::ToolFinished(body)),
        };
        let id = self.event_id(&[name.as_bytes(), key.as_bytes()]);
        Event { id, at, session: Some(session), seq: None, what }
    }

    fn command_half(
        &self,
        command_id: CommandId,
        half: Half,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
    ) -> CommandHalf {
        let exit = self.exit.filter(|_| half == Half::Finished);
        let span = start.zip(end).map(|(start, end)| end.since(start));
        CommandHalf {
            command_id,
            command: self.command.clone().unwrap_or_default(),
            cwd: self.cwd.clone(),
            cwd_after: None,
            start,
            end,
            duration_us: span.and_then(|span| u64::try_from(span).ok()),
            exit,
            pipestatus: Vec::new(),
            // A code that was told is the truth, whoever stopped it.
            interrupted: half == Half::Finished && self.interrupted && exit.is_none(),
            flags: String::new(),
            shell: None,
            actor: Some(self.actor()),
            process: None,
            output: None,
        }
    }

    fn tool(&self, half: Half, start: Option<Timestamp>, end: Option<Timestamp>) -> Tool {
        Tool {
            name: self.tool.clone().unwrap_or_default(),
            tool_use_id: self.tool_use_id(),
            paths: self.paths.clone(),
            ok: self.ok.filter(|_| half == Half::Finished),
            start,
            end,
            interrupted: half == Half::Finished && self.interrupted,
            actor: Some(self.actor()),
        }
    }
    /// The id that the end of a tool of this session has.
    pub fn end_of_tool(&self, tool_use_id: Option<&Text>, start: Option<Timestamp>) -> EventId {
        let id = tool_use_id.cloned().unwrap_or_default();
        let key = match (id.as_bytes().starts_with(b"h-"), start) {
            (true, Some(start)) => format!("{}@{}", id.lossy(), start.0).into(),
            _ => id,
        };
        self.event_id(&[b"tool_finished", key.as_bytes()])
    }
}
