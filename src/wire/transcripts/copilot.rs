//! Copilot: a run of events. `parentId` is the event before in time, so it makes no tree.
//!
//! What a conversation used stands in its `session.shutdown` alone.

use serde_json::Value;

use super::lens;
use super::{Answer, Done, Meta, Record, Said, TitleBy, Usage};
use crate::model::session::ParentKind;
use crate::wire::lenient::Object;

pub(super) fn read(mut line: Object) -> Record {
    let kind = line.text(&["type"]).unwrap_or_default();
    let data = line.nested(&["data"]).unwrap_or_default();
    // Events of a sub-agent carry its id; nobody typed its prompts.
    let side = line.text(&["agent_id"]).is_some();
    Record {
        id: line.text(&["id"]),
        parent: None,
        at: lens::moment(line.take(&["timestamp"])),
        side,
        says: says(&kind, data, side),
    }
}

fn says(kind: &str, mut data: Object, side: bool) -> Vec<Said> {
    let one = match kind {
        "session.start" => return started(data),
        "session.resume" => Some(Said::Resumed),
        "session.title_changed" => data.text(&["title"]).map(|text| Said::Title { text, by: TitleBy::Agent }),
        "session.model_change" => Some(Said::Now { cwd: None, model: data.text(&["new_model", "model"]) }),
        "session.context_changed" => Some(Said::Now { cwd: data.text(&["cwd"]), model: None }),
        "session.snapshot_rewind" => data.text(&["up_to_event_id"]).map(Said::Rewound),
        "session.compaction_complete" => {
            Some(Said::Compacted { trigger: None, tokens: data.count(&["pre_compaction_tokens"]) })
        }
        "session.shutdown" => data.nested(&["model_metrics"]).map(|all| Said::Total(total(all))),
        "user.message" => {
            let typed = !side && data.text(&["source"]).is_none_or(|source| source == "user");
            data.text(&["content"]).filter(|_| typed).map(Said::Prompt)
        }
        "tool.execution_start" => Some(Said::Tool(lens::tool(
            data.text(&["tool_call_id"]),
            data.text(&["tool_name"]).unwrap_or_default(),
            data.take(&["arguments"]),
        ))),
        "tool.execution_complete" => Some(Said::Done(done(data))),
        "assistant.message" => return message(data),
        _ => None,
    };
    one.into_iter().collect()
}

fn started(mut data: Object) -> Vec<Said> {
    let model = data.text(&["selected_model"]);
    let now = model.map(|model| Said::Now { cwd: None, model: Some(model) });
    std::iter::once(Said::Session(Box::new(meta(data)))).chain(now).collect()
}

fn meta(mut data: Object) -> Meta {
    let mut context = data.nested(&["context"]).unwrap_or_default();
    let parent = data.text(&["detached_from_spawning_parent_session_id"]);
    Meta {
        external_id: data.text(&["session_id"]),
        parent_kind: parent.is_some().then_some(ParentKind::Subagent),
        subagent: parent.is_some().then(String::new),
        parent,
        cwd: context.text(&["cwd"]),
        branch: context.text(&["branch"]),
        head: context.text(&["head_commit"]),
        version: data.text(&["copilot_version"]),
        ..Meta::default()
    }
}

fn message(mut data: Object) -> Vec<Said> {
    let answer = Answer {
        message: data.text(&["message_id"]),
        model: data.text(&["model"]),
        text: lens::words(data.take(&["content"])),
        usage: None,
    };
    let calls = data.objects(&["tool_requests"]).into_iter().map(|mut call| {
        Said::Tool(lens::tool(
            call.text(&["tool_call_id"]),
            call.text(&["name"]).unwrap_or_default(),
            call.take(&["arguments"]),
        ))
    });
    std::iter::once(Said::Answer(answer)).chain(calls).collect()
}

/// The end of a tool call. Its files are a JSON list inside a text.
fn done(mut data: Object) -> Done {
    let telemetry = data.nested(&["tool_telemetry"]).unwrap_or_default().nested(&["properties"]);
    let files = telemetry.and_then(|mut properties| properties.take(&["file_paths"]));
    let files: Vec<String> = match files {
        Some(Value::String(json)) => serde_json::from_str(&json).unwrap_or_default(),
        Some(list) => serde_json::from_value(list).unwrap_or_default(),
        None => Vec::new(),
    };
    Done { id: data.text(&["tool_call_id"]), ok: data.flag(&["success"]), exit: None, paths: files }
}

/// What all models used together.
fn total(mut metrics: Object) -> Usage {
    let names = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"];
    let each = metrics.values().into_iter().filter_map(|mut one| {
        let inner = one.nested(&["usage"]);
        lens::usage(Some(inner.unwrap_or(one)), names)
    });
    each.fold(Usage::default(), Usage::plus)
}
