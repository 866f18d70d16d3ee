//! Codex: one JSONL per thread, `{timestamp, type, payload}`, in the order of time.
//!
//! The first `session_meta` says whose file it is; later ones came along with copied history. The
//! user's messages also hold what was injected, so prompts are taken from the events alone.

use serde_json::Value;

use super::lens;
use super::{Answer, Done, Meta, Record, Said, Tool, Usage};
use crate::model::session::ParentKind;
use crate::wire::lenient::Object;

pub(super) fn read(mut line: Object) -> Record {
    let at = lens::moment(line.take(&["timestamp"]));
    let mut payload = line.nested(&["payload"]).unwrap_or_default();
    let (id, says) = match line.text(&["type"]).unwrap_or_default().as_str() {
        "session_meta" => (None, Some(Said::Session(Box::new(meta(payload))))),
        "turn_context" => {
            (None, Some(Said::Now { cwd: payload.text(&["cwd"]), model: payload.text(&["model"]) }))
        }
        "compacted" => (None, Some(Said::Compacted { trigger: None, tokens: None })),
        "event_msg" => (None, event(payload)),
        "response_item" => (payload.text(&["id"]), item(payload)),
        _ => (None, None),
    };
    Record { id, at, says: says.into_iter().collect(), ..Record::default() }
}

fn meta(mut payload: Object) -> Meta {
    let mut git = payload.nested(&["git"]).unwrap_or_default();
    let spawned = payload
        .nested(&["source"])
        .and_then(|mut source| source.nested(&["subagent"]))
        .and_then(|mut subagent| subagent.nested(&["thread_spawn"]))
        .and_then(|mut spawn| spawn.text(&["parent_thread_id"]));
    let thread = payload.text(&["parent_thread_id"]).or(spawned);
    let forked = payload.text(&["forked_from_id"]);
    let subagent =
        thread.is_some() || payload.text(&["thread_source"]).is_some_and(|from| from == "subagent");
    let name = payload.text(&["agent_nickname", "agent_role"]).unwrap_or_default();
    let parent = thread.or(forked);
    Meta {
        external_id: payload.text(&["id"]),
        parent_kind: parent.is_some().then_some(if subagent {
            ParentKind::Subagent
        } else {
            ParentKind::Fork
        }),
        parent,
        subagent: subagent.then_some(name),
        cwd: payload.text(&["cwd"]),
        branch: git.text(&["branch"]),
        head: git.text(&["commit_hash"]),
        version: payload.text(&["cli_version"]),
        ..Meta::default()
    }
}

fn event(mut payload: Object) -> Option<Said> {
    match payload.text(&["type"])?.as_str() {
        "user_message" => {
            let typed = payload.text(&["kind"]).is_none_or(|kind| kind == "plain");
            payload.text(&["message"]).filter(|_| typed).map(Said::Prompt)
        }
        "agent_message" => {
            Some(Said::Answer(Answer { text: payload.text(&["message"])?, ..Answer::default() }))
        }
        "token_count" => total(payload.nested(&["info"])?.nested(&["total_token_usage"])).map(Said::Total),
        "context_compacted" => Some(Said::Compacted { trigger: None, tokens: None }),
        "exec_command_end" => {
            let exit = payload.take(&["exit_code"]).and_then(|code| code.as_i64()?.try_into().ok());
            Some(Said::Done(done(&mut payload, exit.map(|code| code == 0), exit)))
        }
        "patch_apply_end" => {
            let ok = payload.flag(&["success"]);
            Some(Said::Done(done(&mut payload, ok, None)))
        }
        _ => None,
    }
}

fn total(usage: Option<Object>) -> Option<Usage> {
    lens::usage(usage, ["input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens"])
}

fn item(mut payload: Object) -> Option<Said> {
    match payload.text(&["type"])?.as_str() {
        "message" if payload.text(&["role"]).as_deref() == Some("assistant") => {
            let text = lens::words(payload.take(&["content"]));
            Some(Said::Answer(Answer { text, ..Answer::default() }))
        }
        "function_call" => Some(call(&mut payload, None, &["arguments"])),
        "custom_tool_call" => Some(call(&mut payload, None, &["input"])),
        "local_shell_call" => Some(call(&mut payload, Some("shell"), &["action"])),
        "function_call_output" | "custom_tool_call_output" => {
            let (ok, exit) = outcome(payload.take(&["output"]));
            Some(Said::Done(done(&mut payload, ok, exit)))
        }
        _ => None,
    }
}

fn call(payload: &mut Object, name: Option<&str>, input: &[&str]) -> Said {
    let name = name.map(str::to_owned).or_else(|| payload.text(&["name"])).unwrap_or_default();
    let call: Tool = lens::tool(payload.text(&["call_id", "id"]), name, payload.take(input));
    Said::Tool(call)
}

fn done(payload: &mut Object, ok: Option<bool>, exit: Option<i32>) -> Done {
    Done { id: payload.text(&["call_id"]), ok, exit, paths: Vec::new() }
}

/// How a call ended: by its own words, by the code beside them, or by the code within them.
fn outcome(output: Option<Value>) -> (Option<bool>, Option<i32>) {
    let said = output.as_ref().and_then(Value::as_str).and_then(lens::exit_in);
    let mut inner = lens::packed(output).unwrap_or_default();
    let code = inner.nested(&["metadata"]).and_then(|mut meta| meta.take(&["exit_code"])?.as_i64());
    let content = inner.text(&["content"]);
    let exit = code
        .and_then(|code| code.try_into().ok())
        .or(said)
        .or_else(|| content.as_deref().and_then(lens::exit_in));
    (inner.flag(&["success"]).or(exit.map(|code: i32| code == 0)), exit)
}
