//! Claude Code: one JSONL per session, a tree along `parentUuid`.
//!
//! One content block per line; the lines of an answer share `message.id`. Copied history keeps its
//! uuids, so an id here says nothing about whose file it is.

use super::lens::{self, Block};
use super::{Answer, Done, Meta, Record, Said, TitleBy};
use crate::model::session::ParentKind;
use crate::wire::lenient::Object;

/// What a user's line begins with that no person typed.
const ECHOES: [&str; 7] = [
    "<command-name>",
    "<command-message>",
    "<local-command-stdout>",
    "<local-command-stderr>",
    "<bash-stdout>",
    "<bash-stderr>",
    "[Request interrupted by user",
];

pub(super) fn read(mut line: Object) -> Record {
    let kind = line.text(&["type"]).unwrap_or_default();
    let side = line.flag(&["is_sidechain"]).unwrap_or(false);
    let mut record = Record {
        id: line.text(&["uuid"]),
        parent: line.text(&["parent_uuid"]).or_else(|| line.text(&["logical_parent_uuid"])),
        at: lens::moment(line.take(&["timestamp"])),
        side,
        says: meta(&mut line, side).map(|meta| Said::Session(Box::new(meta))).into_iter().collect(),
    };
    match kind.as_str() {
        "user" => user(&mut line, side, &mut record.says),
        "assistant" => assistant(&mut line, &mut record.says),
        "system" => system(&mut line, &mut record.says),
        _ => record.says.extend(aside(&kind, &mut line)),
    }
    record
}

/// What every line tells of its session.
fn meta(line: &mut Object, side: bool) -> Option<Meta> {
    let session = line.text(&["session_id"]);
    let forked = line.nested(&["forked_from"]);
    let mut meta = Meta {
        external_id: session.clone(),
        subagent: line.text(&["agent_id"]),
        background: line.text(&["session_kind"]).is_some_and(|kind| kind == "bg"),
        cwd: line.text(&["cwd"]),
        branch: line.text(&["git_branch"]),
        version: line.text(&["version"]),
        ..Meta::default()
    };
    if let Some(mut from) = forked {
        meta.parent = from.text(&["session_id"]);
        meta.fork_at = from.text(&["message_uuid"]);
        meta.parent_kind = Some(ParentKind::Fork);
    }
    if side {
        meta.external_id.clone_from(&meta.subagent);
        meta.subagent.get_or_insert_default();
        meta.parent = session;
        meta.parent_kind = Some(ParentKind::Subagent);
    }
    (meta != Meta::default()).then_some(meta)
}

fn user(line: &mut Object, side: bool, says: &mut Vec<Said>) {
    let no_person = ["is_meta", "is_compact_summary", "is_visible_in_transcript_only"];
    let typed = !side && !no_person.iter().any(|mark| line.flag(&[mark]) == Some(true));
    let result = line.nested(&["tool_use_result"]);
    let stopped = result.and_then(|mut result| result.flag(&["interrupted"])).unwrap_or(false);
    let Some(mut message) = line.nested(&["message"]) else { return };
    let mut texts = Vec::new();
    for block in lens::blocks(message.take(&["content"])) {
        match block {
            Block::Text(text) => texts.push(text),
            Block::Done(done, words) => says.push(Said::Done(ended(done, &words, stopped))),
            Block::Tool(_) | Block::Other => {}
        }
    }
    let prompt = texts.join("\n");
    let echo = ECHOES.iter().any(|echo| prompt.trim_start().starts_with(echo));
    if typed && !echo && !prompt.trim().is_empty() {
        says.push(Said::Prompt(prompt));
    }
}

/// A result without a mark of failure is none; only a failure tells its code.
fn ended(done: Done, words: &str, stopped: bool) -> Done {
    let ok = done.ok.unwrap_or(true) && !stopped;
    let exit = lens::exit_in(words).filter(|_| !ok && !stopped && words.starts_with("Exit code"));
    Done { ok: Some(ok), exit, ..done }
}

fn assistant(line: &mut Object, says: &mut Vec<Said>) {
    let Some(mut message) = line.nested(&["message"]) else { return };
    let mut answer = Answer {
        message: message.text(&["id"]),
        // The program speaks itself where it reports an error.
        model: message.text(&["model"]).filter(|model| model != "<synthetic>"),
        usage: lens::usage(message.nested(&["usage"]), USAGE),
        ..Answer::default()
    };
    let mut texts = Vec::new();
    let mut calls = Vec::new();
    for block in lens::blocks(message.take(&["content"])) {
        match block {
            Block::Text(text) => texts.push(text),
            Block::Tool(tool) => calls.push(Said::Tool(tool)),
            Block::Done(..) | Block::Other => {}
        }
    }
    answer.text = texts.join("\n");
    says.push(Said::Answer(answer));
    says.extend(calls);
}

/// What tokens are called here.
pub(super) const USAGE: [&str; 4] =
    ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];

fn system(line: &mut Object, says: &mut Vec<Said>) {
    if line.text(&["subtype"]).as_deref() == Some("compact_boundary") {
        let mut compact = line.nested(&["compact_metadata"]).unwrap_or_default();
        says.push(Said::Compacted {
            trigger: compact.text(&["trigger"]),
            tokens: compact.count(&["pre_tokens"]),
        });
    }
}

/// The lines that stand beside the conversation.
fn aside(kind: &str, line: &mut Object) -> Option<Said> {
    let title = |text: Option<String>, by| Some(Said::Title { text: text?, by });
    match kind {
        "summary" => title(line.text(&["summary"]), TitleBy::Digest),
        "ai-title" => title(line.text(&["ai_title"]), TitleBy::Agent),
        "custom-title" => title(line.text(&["custom_title", "title"]), TitleBy::Person),
        "relocated" => Some(Said::Now { cwd: Some(line.text(&["relocated_cwd"])?), model: None }),
        "fork-context-ref" => Some(Said::Session(Box::new(Meta {
            parent: Some(line.text(&["parent_session_id"])?),
            parent_kind: Some(ParentKind::Subagent),
            fork_at: line.text(&["parent_last_uuid"]),
            ..Meta::default()
        }))),
        _ => None,
    }
}
