//! OpenCode: what `opencode export` writes, `{info, messages: [{info, parts}]}`.
//!
//! [`split`](super::split) cuts it into its messages, so that a line here is the session's `info` or
//! one message; the whole of it is read too.

use serde_json::value::RawValue;

use super::lens;
use super::{Answer, Done, Meta, Record, Said, TitleBy, Usage};
use crate::model::session::ParentKind;
use crate::model::time::Timestamp;
use crate::wire::lenient::{self, Object};

/// A conversation in what `opencode session list --format json` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// Where it was held.
    pub directory: String,
    /// When it went on last.
    pub updated: Option<Timestamp>,
}

/// Reads such a list, which is nothing at all where there is none; `None` if it is no list. What has no id
/// or no directory is left out.
pub fn listed(bytes: &[u8]) -> Option<Vec<Listed>> {
    if bytes.trim_ascii().is_empty() {
        return Some(Vec::new());
    }
    let all: Vec<&RawValue> = serde_json::from_slice(bytes).ok()?;
    let one = |value: &RawValue| {
        let mut one = lenient::object(value.get().as_bytes()).ok()?;
        let updated = lens::moment(one.take(&["updated"]));
        Some(Listed { id: one.text(&["id"])?, directory: one.text(&["directory"])?, updated })
    };
    Some(all.into_iter().filter_map(one).collect())
}

pub(super) fn read(mut line: Object) -> Vec<Record> {
    let whole = line.has("messages");
    match line.nested(&["info"]) {
        Some(info) if !whole => vec![message(info, line.objects(&["parts"]))],
        Some(info) => {
            let messages = line.objects(&["messages"]).into_iter();
            let messages = messages
                .map(|mut one| message(one.nested(&["info"]).unwrap_or_default(), one.objects(&["parts"])));
            std::iter::once(session(info)).chain(messages).collect()
        }
        None => vec![session(line)],
    }
}

fn session(mut info: Object) -> Record {
    let parent = info.text(&["parentID", "parent_id"]);
    let at = lens::moment(info.nested(&["time"]).and_then(|mut time| time.take(&["created"])));
    let title = info.text(&["title"]).map(|text| Said::Title { text, by: TitleBy::Agent });
    let meta = Meta {
        external_id: info.text(&["id"]),
        parent_kind: parent.is_some().then_some(ParentKind::Subagent),
        subagent: parent.is_some().then(String::new),
        parent,
        cwd: info.text(&["directory"]),
        version: info.text(&["version"]),
        ..Meta::default()
    };
    let says = std::iter::once(Said::Session(Box::new(meta))).chain(title).collect();
    Record { at, says, ..Record::default() }
}

fn message(mut info: Object, parts: Vec<Object>) -> Record {
    let id = info.text(&["id"]);
    let at = lens::moment(info.nested(&["time"]).and_then(|mut time| time.take(&["created"])));
    let user = info.text(&["role"]).is_some_and(|role| role == "user");
    let mut texts = Vec::new();
    let mut says = Vec::new();
    for mut part in parts {
        match part.text(&["type"]).unwrap_or_default().as_str() {
            "text" if part.flag(&["synthetic"]) != Some(true) => texts.extend(part.text(&["text"])),
            "tool" => says.extend(called(part)),
            "compaction" => says.push(Said::Compacted { trigger: None, tokens: None }),
            _ => {}
        }
    }
    let text = texts.join("\n");
    if !user {
        let (model, usage) = (info.text(&["modelID", "model_id"]), usage(info.nested(&["tokens"])));
        says.insert(0, Said::Answer(Answer { message: None, model, text, usage }));
    } else if !text.trim().is_empty() {
        says.insert(0, Said::Prompt(text));
    }
    Record { id, at, says, ..Record::default() }
}

fn usage(tokens: Option<Object>) -> Option<Usage> {
    let mut tokens = tokens?;
    let mut cache = tokens.nested(&["cache"]).unwrap_or_default();
    let (cache_read, cache_write) = (cache.count(&["read"]), cache.count(&["write"]));
    let plain = lens::usage(Some(tokens), ["input", "output", "cache_read", "cache_write"])?;
    let (cache_read, cache_write) = (cache_read.unwrap_or_default(), cache_write.unwrap_or_default());
    Some(Usage { cache_read, cache_write, ..plain })
}

/// A call, and its end once it has one.
fn called(mut part: Object) -> Vec<Said> {
    let id = part.text(&["callID", "call_id"]);
    let mut state = part.nested(&["state"]).unwrap_or_default();
    let ok = match state.text(&["status"]).unwrap_or_default().as_str() {
        "completed" => Some(true),
        "error" => Some(false),
        _ => None,
    };
    let exit =
        state.nested(&["metadata"]).and_then(|mut meta| meta.take(&["exit"])?.as_i64()?.try_into().ok());
    let tool = lens::tool(id.clone(), part.text(&["tool"]).unwrap_or_default(), state.take(&["input"]));
    let done = ok.map(|ok| Said::Done(Done { id, ok: Some(ok), exit, ..Done::default() }));
    std::iter::once(Said::Tool(tool)).chain(done).collect()
}
