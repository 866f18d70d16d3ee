//! The same content for programs: the documents of `--json`. The only user of `serde_json` here.
//!
//! Every document is `{"schema": "trace/v1/<command>", …}`. Field names are a contract: fields
//! may be added, none is renamed or left out, and what is absent is `null`. Times are RFC 3339 in
//! UTC with microseconds. A path or a command is a string; where its bytes are not UTF-8 there is
//! `<field>_b64` beside it with the exact ones.

pub mod doctor;
pub mod explain;
pub mod restore;
pub mod search;
pub mod session;
pub mod stats;
pub mod trail;
pub mod why;

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::bisect::FoundView;
use super::commands::CommandView;
use super::fsck::FsckView;
use super::made::MadeView;
use super::patch::FilePatch;
use super::safe::is_hidden;
use super::show::TurnView;
use super::status::{AgentView, StatusView};
use super::time::rfc3339;
use crate::model::change::{Change, Side};
use crate::model::checkpoint::Checkpoint;
use crate::model::event::Output;
use crate::model::link::Link;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// Writes a document and a newline. What a terminal would obey is escaped in it.
pub fn write(to: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut Harmless(to), document)?;
    writeln!(to)
}

/// Escapes JSON that comes in pieces. Outside of strings it has nothing that a terminal would obey but
/// the newlines of its layout, and no piece ends within a character.
struct Harmless<'w>(&'w mut dyn Write);

impl Write for Harmless<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
            self.0.write_all(piece)?;
            return Ok(piece.len());
        }
        let text = str::from_utf8(piece).map_err(io::Error::other)?;
        let mut from = 0;
        for (at, ch) in text.char_indices().filter(|(_, ch)| *ch != '\n' && is_hidden(*ch)) {
            self.0.write_all(&piece[from..at])?;
            for unit in ch.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            from = at + ch.len_utf8();
        }
        self.0.write_all(&piece[from..])?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A document that is one list. There may be many thousands of items, so each is made when it is written.
pub struct Listing<'a, T> {
    command: &'static str,
    name: &'static str,
    items: &'a [T],
    item: fn(&T) -> Value,
}

impl<T> Serialize for Listing<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut document = to.serialize_map(Some(2))?;
        document.serialize_entry("schema", &schema(self.command))?;
        document.serialize_entry(self.name, &Items(self.items, self.item))?;
        document.end()
    }
}

struct Items<'a, T>(&'a [T], fn(&T) -> Value);

impl<T> Serialize for Items<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(self.1))
    }
}

fn schema(command: &str) -> String {
    format!("trace/v1/{command}")
}

/// `trace checkpoint`.
pub fn checkpoint_made(made: &MadeView) -> Value {
    let skipped = made.skipped.iter().map(|skip| {
        Fields::default().text("path", Some(&skip.path)).with("reason", json!(skip.reason)).end()
    });
    Fields::document("checkpoint")
        .with("id", id(made.id))
        .with("created", made.created)
        .with("worktree", made.worktree.as_str())
        .with("commands", made.commands)
        .with("files_changed", made.files_changed)
        .with("retries", made.retries)
        .list("skipped", skipped)
        .end()
}

/// `trace log`.
pub fn log(checkpoints: &[Checkpoint]) -> Listing<'_, Checkpoint> {
    Listing { command: "log", name: "checkpoints", items: checkpoints, item: checkpoint }
}

/// `trace show`; the events are the lines of the checkpoint's `events.jsonl`.
pub fn show(
    of: &Checkpoint,
    turns: &[TurnView],
    events: &[&[u8]],
    changes: &[Change],
    commits: &[Link<Oid>],
) -> Value {
    let commits = commits.iter().map(|one| json!({"id": one.what.to_string(), "how": one.how.word()}));
    of_checkpoint(Fields::document("show"), of)
        .list("turns", turns.iter().map(turn))
        .list("events", events.iter().map(|line| event(line)))
        .list("changes", changes.iter().map(change))
        .list("commits", commits)
        .end()
}

/// `trace commands`.
pub fn commands(commands: &[CommandView]) -> Listing<'_, CommandView> {
    Listing { command: "commands", name: "commands", items: commands, item: command }
}

/// `trace status`.
pub fn status(status: &StatusView) -> Value {
    let last = status.last_checkpoint.as_ref();
    let hooks = &status.hooks;
    Fields::document("status")
        .with("enabled", status.enabled)
        .with("worktree", status.worktree.as_ref().map(ToString::to_string))
        .text("worktree_path", Some(&status.worktree_path))
        .with("sessions_active", status.sessions_active)
        .with("pending_events", status.pending_events)
        .with("last_checkpoint", id(last.map(|last| last.id)))
        .with("last_checkpoint_time", time(last.map(|last| last.time)))
        .with("hooks", json!({"git": hooks.git, "shell": hooks.shell, "agents": hooks.agents}))
        .with("trouble", status.trouble)
        .with("store_bytes", status.store_bytes)
        .end()
}

/// `trace enable --agent` and `trace disable --agent`.
pub fn agents(agents: &[AgentView]) -> Value {
    let agents = agents.iter().map(|agent| {
        Fields::default()
            .with("agent", agent.agent)
            .with("scope", agent.scope)
            .text("path", Some(&agent.path))
            .with("installed", agent.installed)
            .with("changed", agent.changed)
            .with("then", agent.then)
            .end()
    });
    Fields::document("agents").list("agents", agents).end()
}

/// `trace fsck`.
pub fn fsck(report: &FsckView) -> Value {
    let problems = report.problems.iter().map(|problem| {
        Fields::default()
            .with("kind", problem.kind.as_str())
            .text("at", Some(&problem.at))
            .with("detail", problem.detail.as_str())
            .end()
    });
    Fields::document("fsck")
        .with("ok", report.ok())
        .with("checked", report.checked)
        .list("problems", problems)
        .end()
}

/// `trace diff`, between two checkpoints; `None` is now.
pub fn diff(from: Option<Oid>, to: Option<Oid>, files: &[FilePatch]) -> Value {
    let changes = files.iter().map(|file| {
        let counts = file.counts();
        of_sides(Fields::default().text("path", Some(&file.path)), file.old, file.new)
            .with("status", json!(file.status()))
            .with("binary", counts.is_none())
            .with("lines_added", counts.map(|counts| counts.0))
            .with("lines_removed", counts.map(|counts| counts.1))
            .end()
    });
    Fields::document("diff").with("from", id(from)).with("to", id(to)).list("changes", changes).end()
}

/// `trace bisect run`. One of the suspects, oldest first, is the first bad checkpoint. All else is told
/// only if there is one; each prompt is the line of its event.
pub fn bisect(found: &FoundView, prompts: &[Vec<u8>]) -> Value {
    let first_bad = found.suspects.first().filter(|_| found.suspects.len() == 1);
    Fields::document("bisect")
        .with("first_bad", first_bad.map(checkpoint))
        .list("suspects", found.suspects.iter().map(|one| id(Some(one.id))))
        .list("commands", found.commands.iter().map(command))
        .list("prompts", prompts.iter().map(|line| event(line)))
        .list("changes", found.changes.iter().map(change))
        .with("tried", found.tried)
        .end()
}

fn checkpoint(of: &Checkpoint) -> Value {
    of_checkpoint(Fields::default(), of).end()
}

fn of_checkpoint(fields: Fields, of: &Checkpoint) -> Fields {
    let header = &of.header;
    let files = header.files;
    fields
        .with("id", id(Some(of.id)))
        .with("parent", id(of.parent))
        .with("worktree", header.worktree.as_str())
        .text("worktree_path", Some(&header.worktree_path))
        .with("time", time(Some(header.time)))
        .with("kind", header.kind.word())
        .with("subject", header.subject.as_str())
        .with("head", id(header.head))
        .text("branch", header.branch.as_ref())
        .list("sessions", header.sessions.iter().map(|session| session.as_str().into()))
        .with("commands", header.commands)
        .with("files", json!({"added": files.added, "modified": files.modified, "deleted": files.deleted}))
        .with("snapshot", header.snapshot.word())
        .with("skipped", header.skipped)
        .with("set_aside", header.set_aside)
        .with("continues", id(header.continues))
}

fn turn(of: &TurnView) -> Value {
    Fields::default()
        .with("name", of.name.as_str())
        .with("session", of.session.as_str())
        .with("n", of.n)
        .text("prompt", Some(&of.prompt))
        .with("started", time(Some(of.started)))
        .with("ended", time(of.ended))
        .end()
}

fn change(of: &Change) -> Value {
    let by = of.by.iter().map(|author| {
        Fields::default()
            .with("session", author.session.as_ref().map(ToString::to_string))
            .with("command", author.command.as_ref().map(ToString::to_string))
            .with("tool", author.tool.clone())
            .end()
    });
    of_sides(Fields::default().text("path", Some(&of.path)).with("status", json!(of.status)), of.old, of.new)
        .list("by", by)
        .with("confidence", json!(of.confidence))
        .end()
}

/// The mode that counts is the new one; of a file that is gone, the last one.
fn of_sides(fields: Fields, old: Option<Side>, new: Option<Side>) -> Fields {
    let mode = |side: Option<Side>| side.map(|side| format!("{:06o}", side.mode));
    fields
        .with("mode", mode(new.or(old)))
        .with("old_mode", mode(old))
        .with("old", id(old.map(|side| side.id)))
        .with("new", id(new.map(|side| side.id)))
}

fn command(view: &CommandView) -> Value {
    let command = &view.command;
    Fields::default()
        .with("id", command.id.as_str())
        .with("session", command.session.as_ref().map(ToString::to_string))
        .with("seq", command.seq)
        .text("command", Some(&command.command))
        .text("cwd", Some(&command.cwd))
        .text("cwd_after", command.cwd_after.as_ref())
        .with("started", time(command.started))
        .with("finished", time(command.finished))
        .with("duration_us", command.duration_us)
        .with("exit", command.exit)
        .with("signal", command.signal())
        .with("pipestatus", json!(command.pipestatus))
        .with("state", json!(view.state))
        .with("actor", json!({"kind": command.actor.kind, "name": command.actor.name}))
        .with("shell", command.shell.clone())
        .with("checkpoint", id(command.checkpoint))
        .with("output", command.output.as_ref().map(output))
        .list("changes", view.changes.iter().map(change))
        .end()
}

fn output(of: &Output) -> Value {
    Fields::default()
        .text("head", Some(&of.head))
        .text("tail", Some(&of.tail))
        .with("observed_bytes", of.observed_bytes)
        .with("truncated", of.truncated)
        .end()
}

/// An event as it is recorded, but with times as everywhere in these documents. A line that is no
/// JSON is given as what it is.
fn event(line: &[u8]) -> Value {
    let Ok(mut event) = serde_json::from_slice::<Value>(line) else {
        return Fields::default().with("kind", Value::Null).text("line", Some(&line.into())).end();
    };
    times(&mut event, &["at"]);
    if let Some(body) = event.get_mut("body") {
        times(body, &["start", "end", "began"]);
        let changes = body.get_mut("changes").and_then(Value::as_array_mut);
        changes.into_iter().flatten().for_each(|change| times(change, &["mtime", "ctime"]));
    }
    event
}

/// Makes dates of microseconds.
fn times(object: &mut Value, fields: &[&str]) {
    for field in fields {
        if let Some(value) = object.get_mut(field)
            && let Some(micros) = value.as_i64()
        {
            *value = time(Some(Timestamp(micros)));
        }
    }
}

fn id(of: Option<Oid>) -> Value {
    of.map(|id| id.to_string()).into()
}

fn time(of: Option<Timestamp>) -> Value {
    of.map(rfc3339).into()
}

/// The fields of an object, in the order they are read.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn document(command: &str) -> Self {
        Self::default().with("schema", schema(command))
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn list(self, name: &str, values: impl IntoIterator<Item = Value>) -> Self {
        self.with(name, Value::from_iter(values))
    }

    fn text(self, name: &str, text: Option<&Text>) -> Self {
        let Some(text) = text else { return self.with(name, Value::Null) };
        let fields = self.with(name, text.lossy());
        match std::str::from_utf8(text.as_bytes()) {
            Ok(_) => fields,
            Err(_) => fields.with(&format!("{name}_b64"), super::base64::encode(text.as_bytes())),
        }
    }

    fn end(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::{Author, Confidence, Reason, Skip, Status};
    use crate::model::command::State;
    use crate::model::id::{CommandId, WorktreeId};
    use crate::view::fsck::Problem;
    use crate::view::patch::Body;
    use crate::view::status::{Hooks, Last};
    use crate::view::testing::{
        NOW, ago, change as changed, checkpoint as made, command as ran, oid, screen, shell,
    };

    /// Asserts that an object has these fields, and is of this schema.
    fn has(value: &Value, schema: Option<&str>, fields: &str) {
        if let Some(schema) = schema {
            assert_eq!(value["schema"], schema);
        }
        for field in fields.split(' ') {
            assert!(value.get(field).is_some(), "{field} is missing in {value:#}");
        }
    }

    const CHECKPOINT: &str =
        "id parent worktree worktree_path time kind subject head branch sessions commands files";
    const CHANGE: &str = "path status mode old new by confidence";

    #[test]
    fn a_log_keeps_the_contract_with_nothing_known() {
        let mut bare = made(0x3f, 0, "s");
        (bare.parent, bare.header.head, bare.header.branch) = (None, None, None);
        let document = json!(log(&[bare, made(0x3f, 0, "s")]));
        has(&document, Some("trace/v1/log"), "checkpoints");
        for checkpoint in document["checkpoints"].as_array().unwrap() {
            has(checkpoint, None, CHECKPOINT);
        }
        let [bare, full] = [&document["checkpoints"][0], &document["checkpoints"][1]];
        assert_eq!(
            (&bare["parent"], &bare["head"], &bare["branch"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        assert_eq!(full["time"], "2026-11-21T10:00:00.000000Z");
        assert_eq!(full["files"], json!({"added": 1, "modified": 2, "deleted": 0}));
        assert_eq!(full["sessions"], json!([shell().as_str()]));
        assert_eq!(json!(log(&[])), json!({"schema": "trace/v1/log", "checkpoints": []}));
    }

    #[test]
    fn a_show_has_the_events_as_recorded_but_for_their_times() {
        let lines: [&[u8]; 3] = [
            br#"{"v":1,"id":"e","at":1795255200000000,"kind":"command_finished","body":{"start":0,"process":{"start":7}}}"#,
            br#"{"at":1,"kind":"quantum_leap","body":5}"#,
            b"\xfftorn",
        ];
        let by = Author { session: Some(shell()), command: CommandId::parse("c.1"), tool: None };
        let change = Change { by: vec![by], confidence: Confidence::Exact, ..changed("a", Status::Added) };
        let turn = TurnView {
            name: "turn:x.3".to_owned(),
            session: shell(),
            n: 3,
            prompt: "do it".into(),
            started: ago(9),
            ended: None,
        };
        let document = show(&made(0x3f, 0, "s"), &[turn], &lines, &[change], &[]);
        has(&document, Some("trace/v1/show"), &format!("{CHECKPOINT} turns events changes"));
        has(&document["turns"][0], None, "name session n prompt started ended");
        let events = &document["events"];
        assert_eq!(events[0]["at"], "2026-11-21T10:00:00.000000Z");
        assert_eq!(events[0]["body"]["start"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(events[0]["body"]["process"]["start"], 7, "clock ticks are no date");
        assert_eq!(events[1]["body"], 5);
        assert_eq!(events[2], json!({"kind": null, "line": "\u{fffd}torn", "line_b64": "/3Rvcm4="}));
        let change = &document["changes"][0];
        has(change, None, CHANGE);
        assert_eq!(
            (&change["status"], &change["mode"], &change["old"]),
            (&json!("added"), &json!("100644"), &Value::Null)
        );
        assert_eq!(change["by"][0], json!({"session": shell().as_str(), "command": "c.1", "tool": null}));
        assert_eq!(change["confidence"], "exact");
    }

    #[test]
    fn a_command_keeps_the_contract_and_its_exact_bytes() {
        let mut lost = ran(3, "x", 0);
        (lost.exit, lost.finished, lost.duration_us, lost.checkpoint) = (None, None, None, None);
        lost.command = b"cat caf\xe9"[..].into();
        let views = [
            CommandView {
                command: ran(2, "make", 137).into(),
                state: State::Done,
                changes: vec![changed("a", Status::Deleted)],
            },
            CommandView { command: lost.into(), state: State::Lost, changes: vec![] },
        ];
        let document = json!(commands(&views));
        has(&document, Some("trace/v1/commands"), "commands");
        let [done, lost] = [&document["commands"][0], &document["commands"][1]];
        for command in [done, lost] {
            has(
                command,
                None,
                "id session seq command cwd started finished duration_us exit signal state actor shell checkpoint changes",
            );
        }
        assert_eq!(
            (&done["signal"], &done["state"], &done["command"]),
            (&json!(9), &json!("done"), &json!("make"))
        );
        assert_eq!(done["actor"], json!({"kind": "human", "name": null}));
        assert_eq!(done.get("command_b64"), None);
        assert_eq!(
            (&lost["exit"], &lost["finished"], &lost["checkpoint"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        assert_eq!(lost["command_b64"], "Y2F0IGNhZuk=");
    }

    #[test]
    fn the_other_documents_keep_the_contract() {
        let skip = Skip { path: "id_rsa".into(), reason: Reason::SecretName };
        let worktree = WorktreeId::parse("0123456789abcdef").unwrap();
        let document = checkpoint_made(&MadeView {
            id: None,
            created: false,
            worktree: worktree.clone(),
            commands: 0,
            files_changed: 0,
            skipped: vec![skip],
            retries: 0,
        });
        let fields = "id created worktree commands files_changed skipped retries";
        has(&document, Some("trace/v1/checkpoint"), fields);
        assert_eq!(document["skipped"], json!([{"path": "id_rsa", "reason": "secret-name"}]));

        let status = status(&StatusView {
            enabled: true,
            worktree: Some(worktree),
            worktree_path: "/w".into(),
            sessions_active: 1,
            pending_events: 2,
            last_checkpoint: Some(Last { id: oid(1), time: NOW, subject: String::new() }),
            hooks: Hooks { git: true, shell: false, agents: vec!["codex".to_owned()] },
            trouble: 0,
            store_bytes: None,
        });
        let fields =
            "enabled worktree sessions_active pending_events last_checkpoint hooks trouble store_bytes";
        has(&status, Some("trace/v1/status"), fields);
        assert_eq!(status["hooks"], json!({"git": true, "shell": false, "agents": ["codex"]}));
        assert_eq!(
            (&status["last_checkpoint"], &status["store_bytes"]),
            (&json!("01".repeat(20)), &Value::Null)
        );
    }

    #[test]
    fn a_check_and_a_diff_keep_the_contract() {
        let problem = Problem { kind: "bad object".into(), at: "x".into(), detail: "d".into() };
        let fsck = fsck(&FsckView { checked: 3, problems: vec![problem] });
        has(&fsck, Some("trace/v1/fsck"), "ok checked problems");
        assert_eq!((&fsck["ok"], &fsck["checked"]), (&json!(false), &json!(3)));

        let file = FilePatch { path: "a".into(), old: None, new: None, body: Body::Binary };
        let diff = diff(Some(oid(1)), None, &[file]);
        has(&diff, Some("trace/v1/diff"), "from to changes");
        has(&diff["changes"][0], None, "path status mode old new binary lines_added lines_removed");
    }

    #[test]
    fn a_search_keeps_the_contract() {
        let fields = "first_bad suspects commands prompts changes tried";
        let prompt: &[u8] = br#"{"v":1,"at":1795255200000000,"kind":"prompt","body":{"text":"do it"}}"#;
        let mut found = FoundView {
            suspects: vec![made(0x3f, 0, "s")],
            commands: vec![CommandView {
                command: ran(2, "make", 0).into(),
                state: State::Done,
                changes: vec![],
            }],
            events: vec![],
            changes: vec![changed("a", Status::Modified)],
            tried: 9,
        };
        let document = bisect(&found, &[prompt.to_vec()]);
        has(&document, Some("trace/v1/bisect"), fields);
        has(&document["first_bad"], None, CHECKPOINT);
        has(&document["changes"][0], None, CHANGE);
        assert_eq!(document["suspects"], json!(["3f".repeat(20)]));
        assert_eq!((&document["commands"][0]["command"], &document["tried"]), (&json!("make"), &json!(9)));
        assert_eq!(document["prompts"][0]["body"]["text"], "do it");
        found.suspects.push(made(0x40, 0, "s"));
        let document = bisect(&found, &[]);
        has(&document, None, fields);
        assert_eq!(
            (&document["first_bad"], &document["suspects"][1]),
            (&Value::Null, &json!("40".repeat(20)))
        );
    }

    #[test]
    fn a_document_is_harmless_on_a_terminal_and_reads_back_the_same() {
        let value = json!({"schema": "trace/v1/x", "path": "\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{e0041}é\n"});
        let text = screen(|to| write(to, &value));
        assert_eq!(
            text,
            "{\n  \"schema\": \"trace/v1/x\",\n  \
             \"path\": \"\\u001b[2J\\u007f\\u009b\\u202e\\udb40\\udc41é\\n\"\n}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
