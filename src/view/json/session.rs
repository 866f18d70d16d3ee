//! The documents of `trace session`.

use std::path::Path;

use serde_json::{Value, json};

use super::{Fields, id, time};
use crate::model::session::{Session, Thresholds};
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::view::conflicts::ContestedView;
use crate::view::import::ImportView;
use crate::view::session::{ConversationView, children};

/// `trace session list` and `find`.
pub fn sessions(all: &[&Session], now: Timestamp) -> Value {
    Fields::document("session").list("sessions", all.iter().map(|one| session(one, now).end())).end()
}

/// `trace session show` and `explain`: a list of one, with what its transcript tells.
pub fn one(of: &Session, told: Option<&ConversationView>, now: Timestamp) -> Value {
    let told = told.map(|told| {
        json!({
            "kept_only": told.kept_only,
            "title": told.title,
            "prompts": told.prompts,
            "answers": told.answers,
            "models": told.models,
            "tokens": told.tokens,
            "files": told.files.iter().map(|file| file.lossy().into_owned()).collect::<Vec<_>>(),
        })
    });
    let session = session(of, now).with("conversation", told.unwrap_or_default()).end();
    Fields::document("session").list("sessions", [session]).end()
}

fn session(of: &Session, now: Timestamp) -> Fields {
    let candidates = of.candidates.iter().map(|one| {
        json!({
            "id": one.id.as_str(),
            "source": "fingerprint",
            "confidence": one.confidence,
            "strong": one.strong,
            "weak": one.weak,
        })
    });
    let shares = of.shared.as_ref().map(|shared| {
        json!({"with": shared.of.as_str(), "up_to": shared.at_message.lossy(), "whole": shared.whole})
    });
    let external = of.external_ids.iter().map(|id| id.lossy().into_owned().into());
    Fields::default()
        .with("id", of.id.as_str())
        .with("alias", of.alias.clone())
        .with("agent", Some(of.agent.clone()).filter(|agent| !agent.is_empty()))
        .list("external_ids", external)
        .with("state", json!(of.activity(now, Thresholds::default())))
        .with("outcome", of.outcome.word())
        .with("closed_at", time(of.closed_at))
        .with("closed_reason", of.closed_reason.clone())
        .with("parent", of.parent.as_ref().map(ToString::to_string))
        .with("parent_kind", json!(of.parent_kind))
        .with("shares", shares.unwrap_or_default())
        .list("candidates", candidates)
        .with("candidates_omitted", of.candidates_omitted)
        .text("branch", of.branch.as_ref())
        .text("branch_at_start", of.branch_at_start.as_ref())
        .with("head", id(of.head))
        .with("head_at_start", id(of.head_at_start))
        .text("cwd", of.cwd.as_ref())
        .with("worktree", of.worktree.as_ref().map(ToString::to_string))
        .text("worktree_path", of.worktree_path.as_ref())
        .with("started", time(Some(of.started)))
        .with("last_activity", time(Some(of.last_activity)))
        .with("last_progress", time(Some(of.last_progress)))
        .with("ended", of.ended)
        .with("prompts", of.prompts)
        .with("commands", of.commands)
        .with("checkpoints", of.checkpoints)
        .with("events", of.events)
        .with("model", of.model.clone())
        .with("shell", of.shell.clone())
        .text("transcript", of.transcript.as_ref())
        .with("transcript_kept", of.kept)
        .with("first_prompt", of.first_prompt.clone())
        .with("tasks", json!(of.tasks))
        .with("projects", json!(of.projects))
        .with("identity", json!(of.identity))
}

/// `trace session tree`: each session with its children in it.
pub fn tree(all: &[Session], root: &Session, now: Timestamp) -> Value {
    let mut seen = Vec::new();
    Fields::document("session").with("tree", node(all, root, &mut seen, now)).end()
}

const DEEPEST: usize = 32;

fn node<'a>(all: &'a [Session], of: &'a Session, seen: &mut Vec<&'a str>, now: Timestamp) -> Value {
    let cut = match () {
        () if seen.contains(&of.id.as_str()) => Some("circular"),
        () if seen.len() >= DEEPEST => Some("max-depth"),
        () => None,
    };
    if let Some(cut) = cut {
        return json!({"id": of.id.as_str(), "truncated": cut});
    }
    seen.push(of.id.as_str());
    let below: Vec<Value> = children(all, of).into_iter().map(|child| node(all, child, seen, now)).collect();
    seen.pop();
    session(of, now).list("children", below).end()
}

/// An edit that was written, or would be: the line of its event.
pub fn edited(line: &[u8], dry_run: bool) -> Value {
    let event: Value = serde_json::from_slice(line).unwrap_or_default();
    Fields::document("session")
        .with("ok", true)
        .with("dry_run", dry_run)
        .with("op", event["body"]["op"].clone())
        .with("session", event["session"].clone())
        .with("event_id", event["id"].clone())
        .with("payload", event["body"].clone())
        .end()
}

/// `trace session sweep`.
pub fn swept(transitions: &[(&Session, i64)], dry_run: bool) -> Value {
    let rows = transitions
        .iter()
        .map(|(session, days)| json!({"id": session.id.as_str(), "to_state": "archived", "age_days": days}));
    Fields::document("session").with("dry_run", dry_run).list("transitions", rows).end()
}

/// `trace session rebuild`.
pub fn rebuilt(sessions: usize, events: u64) -> Value {
    Fields::document("session")
        .with("ok", true)
        .with("session_count", sessions)
        .with("event_count", events)
        .end()
}

/// `trace conflicts`.
pub fn conflicts(all: &[ContestedView]) -> Value {
    let files = all.iter().map(|file| {
        let by = file.by.iter().map(|(session, last)| {
            json!({"session": session.id.as_str(), "agent": session.agent, "last": time(Some(*last))})
        });
        Fields::default().text("path", Some(&file.path)).list("by", by).end()
    });
    Fields::document("conflicts").list("conflicts", files).end()
}

/// `trace session transcript`: each with its agent, where that had it, and its lines.
pub fn transcripts<'a>(of: &Session, all: impl Iterator<Item = (&'a str, &'a Text, &'a [u8])>) -> Value {
    let rows = all.map(|(agent, path, lines)| {
        let text = String::from_utf8_lossy(lines);
        let lines: Vec<Value> = text.lines().map(Value::from).collect();
        Fields::default().with("agent", agent).text("path", Some(path)).list("lines", lines).end()
    });
    Fields::document("session").with("session", of.id.as_str()).list("transcripts", rows).end()
}

/// `trace import` and `trace attach --agent`.
pub fn imported(all: &[ImportView], dry_run: bool) -> Value {
    let rows = all.iter().map(|one| {
        Fields::default()
            .with("id", one.session.as_str())
            .with("agent", one.agent)
            .text("external_id", Some(&one.external))
            .text("path", Some(&Text::from(one.path.as_os_str().as_encoded_bytes())))
            .with("bytes", one.bytes)
            .with("about", one.about.clone())
            .with("known", one.known)
            .with("prompts", one.prompts)
            .with("commands", one.commands)
            .with("edits", one.tools)
            .end()
    });
    Fields::document("import").with("dry_run", dry_run).list("sessions", rows).end()
}

/// `trace import sessions-db`.
pub fn imported_log(
    log: &Path,
    (sessions, events): (usize, usize),
    bad: &[usize],
    torn: bool,
    dry_run: bool,
) -> Value {
    Fields::document("import")
        .with("dry_run", dry_run)
        .text("log", Some(&Text::from(log.as_os_str().as_encoded_bytes())))
        .with("session_count", sessions)
        .with("event_count", events)
        .with("torn", torn)
        .list("bad_lines", bad.iter().map(|line| Value::from(*line)))
        .end()
}

/// `trace handoff`: the page as one string.
pub fn handoff(of: &Session, to: Option<&str>, page: &[u8]) -> Value {
    Fields::document("handoff")
        .with("session", of.id.as_str())
        .with("to", to)
        .with("markdown", String::from_utf8_lossy(page).into_owned())
        .end()
}

/// `trace resume`.
pub fn resume(session: &Session, dir: &Path, command: &[String], transcript: Option<&Path>) -> Value {
    let text = |path: &Path| Text::from(path.as_os_str().as_encoded_bytes());
    Fields::document("resume")
        .with("session", session.id.as_str())
        .with("agent", session.agent.as_str())
        .text("directory", Some(&text(dir)))
        .with("command", json!(command))
        .text("transcript_put_back", transcript.map(text).as_ref())
        .end()
}
