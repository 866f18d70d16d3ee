//! Gemini: a JSONL that is played rather than read: a message of a known id replaces the older one,
//! `$rewindTo` drops, `$set` patches. Older versions wrote one document with all messages.

use super::lens;
use super::{Answer, Done, Meta, Record, Said, TitleBy};
use crate::model::session::ParentKind;
use crate::wire::lenient::Object;

pub(super) fn read(mut line: Object) -> Vec<Record> {
    if let Some(id) = line.text(&["$rewindTo"]) {
        return vec![said(vec![Said::Rewound(id)])];
    }
    if let Some(patch) = line.nested(&["$set"]) {
        return patched(patch);
    }
    match line.text(&["session_id"]) {
        Some(id) => started(id, line),
        None => vec![message(line)],
    }
}

fn said(says: Vec<Said>) -> Record {
    Record { says, ..Record::default() }
}

/// A patch of the metadata; one of the messages replaces all of them.
fn patched(mut patch: Object) -> Vec<Record> {
    let title = patch.text(&["summary"]).map(|text| Said::Title { text, by: TitleBy::Agent });
    let replaces = patch.has("messages");
    let cleared = replaces.then_some(Said::Cleared);
    let first = said(title.into_iter().chain(cleared).collect());
    let messages = patch.objects(&["messages"]).into_iter().map(message);
    std::iter::once(first).chain(messages).collect()
}

fn started(id: String, mut line: Object) -> Vec<Record> {
    let subagent = line.text(&["kind"]).is_some_and(|kind| kind == "subagent");
    let meta = Meta {
        external_id: Some(id),
        parent_kind: subagent.then_some(ParentKind::Subagent),
        subagent: subagent.then(String::new),
        ..Meta::default()
    };
    let title = line.text(&["summary"]).map(|text| Said::Title { text, by: TitleBy::Agent });
    let says = std::iter::once(Said::Session(Box::new(meta))).chain(title).collect();
    let at = lens::moment(line.take(&["start_time"]));
    let messages = line.objects(&["messages"]).into_iter().map(message);
    std::iter::once(Record { at, ..said(says) }).chain(messages).collect()
}

fn message(mut line: Object) -> Record {
    let record =
        Record { id: line.text(&["id"]), at: lens::moment(line.take(&["timestamp"])), ..Record::default() };
    let says = match line.text(&["type"]).unwrap_or_default().as_str() {
        "user" => typed(&mut line).into_iter().collect(),
        "gemini" => answered(&mut line),
        _ => Vec::new(),
    };
    Record { says, ..record }
}

/// What was typed: as it was shown, before files were put into it.
fn typed(line: &mut Object) -> Option<Said> {
    let content = [line.take(&["display_content"]), line.take(&["content"])];
    content.into_iter().map(lens::words).find(|text| !text.trim().is_empty()).map(Said::Prompt)
}

fn answered(line: &mut Object) -> Vec<Said> {
    let answer = Answer {
        message: None,
        model: line.text(&["model"]),
        text: lens::words(line.take(&["content"])),
        usage: lens::usage(line.nested(&["tokens"]), ["input", "output", "cached", "cache_write"]),
    };
    let calls = line.objects(&["tool_calls"]).into_iter().flat_map(called);
    std::iter::once(Said::Answer(answer)).chain(calls).collect()
}

/// A call, and its end if it says how that was.
fn called(mut call: Object) -> Vec<Said> {
    let id = call.text(&["id"]);
    let ok = match call.text(&["status"]).unwrap_or_default().as_str() {
        "success" => Some(true),
        "error" | "cancelled" => Some(false),
        _ => None,
    };
    let mut tool = lens::tool(id.clone(), call.text(&["name"]).unwrap_or_default(), call.take(&["args"]));
    // The agent's own notes are none of the project's files.
    tool.paths.retain(|path| !path.contains("/.gemini/tmp/"));
    let done = ok.map(|ok| Said::Done(Done { id, ok: Some(ok), ..Done::default() }));
    std::iter::once(Said::Tool(tool)).chain(done).collect()
}
