//! Pi: a header, then entries that form a tree; the last entry is where the conversation stands.
//!
//! A fork is a file of its own whose entries keep their ids, and its header names the file it came
//! from.

use serde_json::Value;

use super::lens;
use super::place;
use super::{Answer, Done, Meta, Record, Said, TitleBy, Tool, Usage};
use crate::model::agent::Agent;
use crate::model::session::ParentKind;
use crate::wire::lenient::Object;

pub(super) fn read(mut line: Object) -> Record {
    let kind = line.text(&["type"]).unwrap_or_default();
    let at = lens::moment(line.take(&["timestamp"]));
    if kind == "session" {
        return Record { at, says: vec![Said::Session(Box::new(meta(line)))], ..Record::default() };
    }
    let id = line.text(&["id"]);
    let says = match kind.as_str() {
        "message" => line.nested(&["message"]).map(|message| says(message, &id)).unwrap_or_default(),
        "model_change" => vec![Said::Now { cwd: None, model: line.text(&["model_id"]) }],
        "compaction" => vec![Said::Compacted { trigger: None, tokens: line.count(&["tokens_before"]) }],
        "session_info" => {
            let title = line.text(&["name"]).map(|text| Said::Title { text, by: TitleBy::Person });
            title.into_iter().collect()
        }
        _ => Vec::new(),
    };
    Record { id, parent: line.text(&["parent_id"]), at, side: false, says }
}

fn meta(mut line: Object) -> Meta {
    let source = line.text(&["parent_session"]);
    let parent = source.map(|path| place::named(Agent::Pi, path.as_bytes()).external_id.unwrap_or(path));
    Meta {
        external_id: line.text(&["id"]),
        parent_kind: parent.is_some().then_some(ParentKind::Fork),
        parent,
        cwd: line.text(&["cwd"]),
        ..Meta::default()
    }
}

fn says(mut message: Object, id: &Option<String>) -> Vec<Said> {
    match message.text(&["role"]).unwrap_or_default().as_str() {
        "user" => {
            let text = lens::words(message.take(&["content"]));
            let typed = !text.trim().is_empty();
            typed.then_some(Said::Prompt(text)).into_iter().collect()
        }
        "assistant" => answered(message),
        "toolResult" => {
            let ok = message.flag(&["is_error"]).map(|error| !error);
            let id = message.text(&["tool_call_id"]);
            let named = message.text(&["tool_name"]).unwrap_or_default();
            let tool = Tool { id: id.clone(), name: named, ..Tool::default() };
            vec![Said::Tool(tool), Said::Done(Done { id, ok, ..Done::default() })]
        }
        "bashExecution" => typed_command(message, id),
        _ => Vec::new(),
    }
}

fn answered(mut message: Object) -> Vec<Said> {
    let mut texts = Vec::new();
    let mut calls = Vec::new();
    for mut block in message.objects(&["content"]) {
        match block.text(&["type"]).unwrap_or_default().as_str() {
            "text" => texts.extend(block.text(&["text"])),
            "toolCall" => {
                let name = block.text(&["name"]).unwrap_or_default();
                calls.push(Said::Tool(lens::tool(block.text(&["id"]), name, block.take(&["arguments"]))));
            }
            _ => {}
        }
    }
    let answer = Answer {
        message: None,
        model: message.text(&["model"]),
        text: texts.join("\n"),
        usage: usage(&mut message),
    };
    std::iter::once(Said::Answer(answer)).chain(calls).collect()
}

fn usage(message: &mut Object) -> Option<Usage> {
    lens::usage(message.nested(&["usage"]), ["input", "output", "cache_read", "cache_write"])
}

/// A command that the person ran from within the agent. Its entry is its id.
fn typed_command(mut message: Object, id: &Option<String>) -> Vec<Said> {
    let command = message.text(&["command"]);
    let stopped = message.flag(&["cancelled"]).unwrap_or(false);
    let code = message.take(&["exit_code"]).as_ref().and_then(Value::as_i64);
    let exit = code.and_then(|code| code.try_into().ok()).filter(|_| !stopped);
    let ok = if stopped { Some(false) } else { exit.map(|code: i32| code == 0) };
    let tool = Tool { id: id.clone(), name: "user_bash".to_owned(), paths: Vec::new(), command };
    vec![Said::Tool(tool), Said::Done(Done { id: id.clone(), ok, exit, paths: Vec::new() })]
}
