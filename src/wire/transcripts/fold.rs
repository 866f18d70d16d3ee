//! Record by record to a summary, with what has to be remembered on the way.

use std::collections::{HashMap, HashSet};

use super::standing::Standing;
use super::summary::{Call, Compaction, Summary, Turn};
use super::{Answer, Done, Meta, Record, Said, TitleBy, Tool, Usage};
use crate::model::agent::Agent;
use crate::model::session::ParentKind;
use crate::model::text::Text;
use crate::wire::tools;

/// A summary in the making.
pub(super) struct Fold {
    agent: Agent,
    so_far: Summary,
    /// What the lines of sub-agents say; it counts if no record is another's.
    side: Meta,
    own: bool,
    cwd: Option<String>,
    title: Option<TitleBy>,
    /// Tokens by answer, where an answer has an id.
    answers: HashMap<String, Usage>,
    seen_answers: HashSet<String>,
    seen_models: HashSet<String>,
    seen_others: HashSet<String>,
    /// What each call names already.
    seen_paths: HashSet<(usize, Text)>,
    /// Tokens of answers without an id.
    loose: Option<Usage>,
    /// Tokens of all, as the agent itself counts them.
    total: Option<Usage>,
    calls: HashMap<String, usize>,
    /// The turn that goes on.
    turn: Option<usize>,
}

impl Fold {
    pub(super) fn new(agent: Agent) -> Self {
        Self {
            agent,
            so_far: Summary::default(),
            side: Meta::default(),
            own: false,
            cwd: None,
            title: None,
            answers: HashMap::new(),
            seen_answers: HashSet::new(),
            seen_models: HashSet::new(),
            seen_others: HashSet::new(),
            seen_paths: HashSet::new(),
            loose: None,
            total: None,
            calls: HashMap::new(),
            turn: None,
        }
    }

    pub(super) fn take(&mut self, record: &Record, standing: Standing) {
        self.so_far.first = self.so_far.first.into_iter().chain(record.at).min();
        self.so_far.last = self.so_far.last.max(record.at);
        self.own |= record.id.is_some() && !record.side;
        for said in &record.says {
            match said {
                Said::Session(meta) => self.session(meta, record),
                Said::Now { cwd, model } => {
                    self.cwd = cwd.clone().or(self.cwd.take());
                    let model = model.iter().filter(|_| standing == Standing::Stands);
                    model.for_each(|model| self.runs(model));
                }
                Said::Prompt(text) if standing != Standing::Replaced => self.prompt(text, record, standing),
                Said::Answer(answer) if standing != Standing::Replaced => {
                    self.answer(answer, record, standing)
                }
                Said::Tool(tool) => self.call(tool, record),
                Said::Done(done) => self.done(done, record),
                Said::Total(usage) => self.total = Some(*usage),
                Said::Compacted { trigger, tokens } => self.so_far.compactions.push(Compaction {
                    at: record.at,
                    trigger: trigger.clone(),
                    tokens: *tokens,
                }),
                Said::Title { text, by } => self.entitle(text, *by),
                Said::Resumed => self.so_far.resumed += 1,
                Said::Prompt(_) | Said::Answer(_) | Said::Rewound(_) | Said::Cleared => {}
            }
        }
    }

    pub(super) fn finish(mut self) -> Summary {
        let each = self.answers.into_values().chain(self.loose).reduce(Usage::plus);
        let mut named = HashSet::new();
        let reads = |call: &Call| tools::reads_only(self.agent.name(), &call.tool.name);
        let written = self.so_far.calls.iter().filter(|call| call.ok != Some(false) && !reads(call));
        let files = written.flat_map(|call| &call.paths).filter(|path| named.insert(*path)).cloned();
        self.so_far.files = files.collect();
        if !self.own && self.side != Meta::default() {
            self.so_far.session.external_id = self.side.external_id.take();
            fill(&mut self.so_far.session, &self.side);
        }
        let own = &self.so_far.session.external_id;
        self.so_far.others.retain(|other| Some(other) != own.as_ref());
        Summary { usage: self.total.or(each), ..self.so_far }
    }

    /// Learns whose transcript it is.
    fn session(&mut self, meta: &Meta, record: &Record) {
        self.cwd = meta.cwd.clone().or(self.cwd.take());
        if record.side {
            return fill(&mut self.side, meta);
        }
        let known = self.so_far.session.external_id.clone();
        let other = meta.external_id.as_ref().filter(|id| known.as_ref().is_some_and(|known| known != *id));
        match (self.agent, other) {
            // Copied lines may keep the old id, so the last line says whose file it is, and the last
            // one that was copied says where it forked.
            (Agent::Claude, other) => {
                other.and(known).into_iter().for_each(|known| self.note_other(known));
                renew(&mut self.so_far.session, meta);
            }
            (_, Some(other)) => self.note_other(other.clone()),
            (_, None) => fill(&mut self.so_far.session, meta),
        }
    }

    fn note_other(&mut self, other: String) {
        if self.seen_others.insert(other.clone()) {
            self.so_far.others.push(other);
        }
    }

    fn entitle(&mut self, text: &str, by: TitleBy) {
        if self.title.is_none_or(|before| by >= before) {
            self.so_far.title = Some(text.to_owned());
            self.title = Some(by);
        }
    }

    fn runs(&mut self, model: &str) {
        if self.seen_models.insert(model.to_owned()) {
            self.so_far.models.push(model.to_owned());
        }
    }

    fn prompt(&mut self, text: &str, record: &Record, standing: Standing) {
        self.turn = Some(self.so_far.turns.len());
        self.so_far.turns.push(Turn {
            id: record.id.clone(),
            at: record.at,
            prompt: text.to_owned(),
            answer: None,
            dropped: standing == Standing::Dropped,
        });
    }

    fn answer(&mut self, answer: &Answer, record: &Record, standing: Standing) {
        let news = self.words(answer, record, standing);
        // Claude's tokens were used whether or not the branch stands; the others count what stands.
        if standing != Standing::Stands && self.agent != Agent::Claude {
            return;
        }
        answer.model.iter().for_each(|model| self.runs(model));
        let id = answer.message.as_ref().or(record.id.as_ref());
        let fresh = id.is_none_or(|id| self.seen_answers.insert(id.clone()));
        self.so_far.answers += usize::from(fresh && news);
        if let Some(usage) = answer.usage {
            self.spend(id.cloned(), usage);
        }
    }

    /// Gives the words to the turn that goes on; false if it has them: Codex tells an answer twice, as
    /// an event and as an item.
    fn words(&mut self, answer: &Answer, record: &Record, standing: Standing) -> bool {
        let dropped = standing == Standing::Dropped;
        let turn = self.turn.filter(|_| !record.side && !answer.text.is_empty());
        let turn = turn.and_then(|at| self.so_far.turns.get_mut(at)).filter(|turn| turn.dropped == dropped);
        let Some(turn) = turn else { return true };
        let before = turn.answer.replace(answer.text.clone());
        before.as_ref() != Some(&answer.text)
    }

    /// Counts an answer's tokens once, as its largest line tells them.
    fn spend(&mut self, id: Option<String>, usage: Usage) {
        match id {
            Some(id) => {
                let known = self.answers.entry(id).or_insert(usage);
                if usage.output > known.output {
                    *known = usage;
                }
            }
            None => self.loose = Some(self.loose.unwrap_or_default().plus(usage)),
        }
    }

    fn call(&mut self, tool: &Tool, record: &Record) {
        let paths = self.absolute(&tool.paths);
        let turn = self.turn.filter(|_| !record.side);
        let started = record.at;
        let at = self.place(tool.id.as_ref(), || Call { turn, started, ..Call::default() });
        self.name(at, paths);
        let call = &mut self.so_far.calls[at];
        if call.tool.name.is_empty() {
            call.tool = tool.clone();
        }
    }

    fn done(&mut self, done: &Done, record: &Record) {
        let Some(id) = done.id.as_ref() else { return };
        let paths = self.absolute(&done.paths);
        let turn = self.turn.filter(|_| !record.side);
        let at = self.place(Some(id), || Call {
            turn,
            tool: Tool { id: Some(id.clone()), ..Tool::default() },
            ..Call::default()
        });
        self.name(at, paths);
        let call = &mut self.so_far.calls[at];
        call.ok = done.ok.or(call.ok);
        call.exit = done.exit.or(call.exit);
        call.ended = record.at.or(call.ended);
    }

    /// Where the call of this id stands; a new one if nobody told of it yet.
    fn place(&mut self, id: Option<&String>, new: impl FnOnce() -> Call) -> usize {
        if let Some(at) = id.and_then(|id| self.calls.get(id)) {
            return *at;
        }
        let at = self.so_far.calls.len();
        self.so_far.calls.push(new());
        id.map(|id| self.calls.insert(id.clone(), at));
        at
    }

    /// Adds to the files of a call, each once.
    fn name(&mut self, at: usize, paths: Vec<Text>) {
        let fresh = paths.into_iter().filter(|path| self.seen_paths.insert((at, path.clone())));
        self.so_far.calls[at].paths.extend(fresh);
    }

    fn absolute(&self, paths: &[String]) -> Vec<Text> {
        let whole = |path: &String| match (path.starts_with('/'), self.cwd.as_deref()) {
            (false, None) => path.as_str().into(),
            (_, cwd) => tools::absolute(path, cwd.unwrap_or_default()),
        };
        paths.iter().map(whole).collect()
    }
}

/// Takes the identity and the parent of a later line for those of the whole.
fn renew(known: &mut Meta, later: &Meta) {
    known.external_id = later.external_id.clone().or(known.external_id.take());
    if later.parent.is_some() && known.parent_kind != Some(ParentKind::Subagent) {
        known.parent.clone_from(&later.parent);
        known.parent_kind = later.parent_kind;
        known.fork_at.clone_from(&later.fork_at);
    }
    fill(known, later);
}

/// Fills what is not known yet. A parent, its kind and where it forked come together or not at all.
fn fill(known: &mut Meta, more: &Meta) {
    let or = |known: &mut Option<String>, more: &Option<String>| {
        if known.is_none() {
            known.clone_from(more);
        }
    };
    if known.parent.is_none() {
        known.parent.clone_from(&more.parent);
        known.parent_kind = more.parent_kind;
        known.fork_at.clone_from(&more.fork_at);
    }
    or(&mut known.external_id, &more.external_id);
    or(&mut known.subagent, &more.subagent);
    or(&mut known.cwd, &more.cwd);
    or(&mut known.branch, &more.branch);
    or(&mut known.head, &more.head);
    or(&mut known.version, &more.version);
    known.background |= more.background;
}
