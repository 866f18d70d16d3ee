//! A transcript told again, call by call, as the agent's hooks would have told it.

use std::collections::HashMap;

use super::{Done, Meta, Record, Said, Tool};
use crate::model::agent::Agent;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::wire::call::{Call, Effect, Kind, Origin, ToolId, derived_id, effect};
use crate::wire::tools;

/// While so many calls have not ended no other is begun: that is no agent.
const OPEN: usize = 1024;

/// What a transcript is told of, until it is told otherwise.
pub struct Retelling {
    agent: Agent,
    session: Text,
    cwd: String,
    model: Option<String>,
    transcript: Text,
    last: Option<Timestamp>,
    open: HashMap<String, Call>,
}

/// A call, and when it was made.
pub type Told = (Call, Timestamp);

impl Retelling {
    /// Begins with what the path, or whoever asks, says.
    pub fn new(agent: Agent, session: Text, cwd: String, transcript: Text) -> Self {
        Self { agent, session, cwd, model: None, transcript, last: None, open: HashMap::new() }
    }

    /// The call by which the session begins, at `at`.
    pub fn start(&self, meta: &Meta, at: Timestamp) -> Told {
        let kind = meta.parent_kind.map(|kind| format!("{kind:?}").to_lowercase());
        let origin =
            Origin { parent: meta.parent.clone().map(Text::from), parent_kind: kind, ..Origin::default() };
        let branch = meta.branch.clone().map(Text::from);
        (Call { origin, branch, ..self.call(Kind::SessionStart) }, at)
    }

    /// What a record tells. Records without a time are as old as the one before.
    pub fn take(&mut self, record: &Record) -> Vec<Told> {
        self.last = record.at.or(self.last);
        let Some(at) = self.last else { return Vec::new() };
        let mut told = Vec::new();
        for said in &record.says {
            match said {
                Said::Session(meta) => self.cwd = meta.cwd.clone().unwrap_or(std::mem::take(&mut self.cwd)),
                Said::Now { cwd, model } => {
                    self.cwd = cwd.clone().unwrap_or(std::mem::take(&mut self.cwd));
                    self.model = model.clone().or(self.model.take());
                }
                Said::Prompt(text) if !record.side => {
                    let turn = record.id.clone().map(Text::from);
                    told.push((
                        Call { prompt: Some(text.as_str().into()), turn, ..self.call(Kind::TurnStart) },
                        at,
                    ));
                }
                Said::Tool(tool) => self.begin(tool, at),
                Said::Done(done) => told.extend(self.end(done, at)),
                _ => {}
            }
        }
        told
    }

    fn call(&self, event: Kind) -> Call {
        let cwd = self.cwd.as_str().into();
        Call {
            transcript: Some(self.transcript.clone()),
            model: self.model.clone(),
            ..Call::new(self.agent.name(), self.session.clone(), event, cwd)
        }
    }

    fn begin(&mut self, tool: &Tool, at: Timestamp) {
        let event = if tool.command.is_some() { Kind::ShellPost } else { Kind::ToolPost };
        let mut call = Call {
            tool: Some(tool.name.clone()),
            command: tool.command.as_deref().map(Text::from),
            paths: self.absolute(&tool.paths),
            start: Some(at),
            ..self.call(event)
        };
        let key = tool.id.clone().unwrap_or_else(|| format!("{}\0{}", tool.name, at.0));
        call.tool_id = Some(match &tool.id {
            Some(id) => ToolId::Given(id.as_str().into()),
            None => derived_id(&self.session, call.tool.as_deref(), key.as_bytes()),
        });
        if effect(&call) == Effect::MayWrite && self.open.len() < OPEN {
            self.open.insert(key, call);
        }
    }

    fn end(&mut self, done: &Done, at: Timestamp) -> Option<Told> {
        let mut call = self.open.remove(done.id.as_ref()?)?;
        for path in self.absolute(&done.paths) {
            if !call.paths.contains(&path) {
                call.paths.push(path);
            }
        }
        call.end = Some(at);
        call.exit = done.exit;
        call.ok = done.ok;
        Some((call, at))
    }

    fn absolute(&self, paths: &[String]) -> Vec<Text> {
        paths.iter().map(|path| tools::absolute(path, &self.cwd)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::What;
    use crate::wire::call;
    use crate::wire::transcripts::{read, split::split};

    const TALK: &str = r#"{"type":"user","uuid":"u1","cwd":"/w","timestamp":"2026-09-01T08:00:00.000Z","message":{"role":"user","content":"make it"}}
{"type":"assistant","uuid":"u2","parentUuid":"u1","cwd":"/w","timestamp":"2026-09-01T08:00:01.000Z","message":{"id":"m1","role":"assistant","model":"m","content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"make"}},{"type":"tool_use","id":"t2","name":"Read","input":{"file_path":"a.rs"}},{"type":"tool_use","id":"t3","name":"Edit","input":{"file_path":"a.rs"}}]}}
{"type":"user","uuid":"u3","parentUuid":"u2","cwd":"/w","timestamp":"2026-09-01T08:00:02.000Z","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"ok"},{"type":"tool_result","tool_use_id":"t2","content":"x"},{"type":"tool_result","tool_use_id":"t3","content":"done"}]}}
"#;

    fn retold() -> Vec<Told> {
        let mut retelling = Retelling::new(Agent::Claude, "s".into(), "/".into(), "/h/s.jsonl".into());
        let lines = split(Agent::Claude, TALK.as_bytes());
        lines.flat_map(|line| read(Agent::Claude, line.bytes)).flat_map(|one| retelling.take(&one)).collect()
    }

    #[test]
    fn prompts_commands_and_edits_are_told_and_what_only_reads_is_not() {
        let told = retold();
        let kinds: Vec<Kind> = told.iter().map(|(call, _)| call.event).collect();
        assert_eq!(kinds, [Kind::TurnStart, Kind::ShellPost, Kind::ToolPost]);
        assert_eq!(told[1].0.command, Some("make".into()));
        assert_eq!(told[2].0.paths, [Text::from("/w/a.rs")]);
        assert_eq!(told[1].0.end.unwrap().0 - told[1].0.start.unwrap().0, 1_000_000);
    }

    #[test]
    fn what_is_told_twice_has_the_same_ids() {
        let ids = || -> Vec<_> {
            retold().iter().flat_map(|(call, at)| call::events(call, *at)).map(|event| event.id).collect()
        };
        assert_eq!(ids(), ids());
        let prompt = retold()
            .iter()
            .flat_map(|(call, at)| call::events(call, *at))
            .find(|event| matches!(event.what, What::Prompt(_)));
        assert_eq!(prompt.unwrap().at.secs(), 1_788_249_600);
    }
}
