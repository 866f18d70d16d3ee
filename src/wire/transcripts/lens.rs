//! What the agents' formats have in common: content in blocks, moments, tokens, tool calls.

use serde_json::{Value, json};

use super::{Done, Tool, Usage};
use crate::model::time::Timestamp;
use crate::wire::lenient::{self, Object};
use crate::wire::tools;

/// The last moment that is a date at all; what is later was no time in milliseconds.
const MAX_MILLIS: i64 = 253_402_300_799_999;

/// One block of a message.
pub(super) enum Block {
    Text(String),
    Tool(Tool),
    /// The end of a tool call, and its words.
    Done(Done, String),
    Other,
}

/// The blocks of a message; a plain text is one block.
pub(super) fn blocks(content: Option<Value>) -> Vec<Block> {
    objects(content).into_iter().map(block).collect()
}

fn block(mut block: Object) -> Block {
    match block.text(&["type"]).as_deref() {
        Some("text") => block.text(&["text"]).map_or(Block::Other, Block::Text),
        Some("tool_use") => Block::Tool(tool(
            block.text(&["id"]),
            block.text(&["name"]).unwrap_or_default(),
            block.take(&["input"]),
        )),
        Some("tool_result") => {
            let words = words(block.take(&["content"]));
            let ok = block.flag(&["is_error"]).map(|error| !error);
            let id = block.text(&["tool_use_id"]);
            Block::Done(Done { id, ok, ..Done::default() }, words)
        }
        _ => Block::Other,
    }
}

/// The texts of a message, a newline between two; blocks of other kinds are left out.
pub(super) fn words(content: Option<Value>) -> String {
    let texts = objects(content).into_iter().filter_map(|mut block| block.text(&["text"]));
    texts.collect::<Vec<_>>().join("\n")
}

fn objects(content: Option<Value>) -> Vec<Object> {
    match content {
        Some(Value::String(text)) => Object::of(json!({"type": "text", "text": text})).into_iter().collect(),
        Some(Value::Array(all)) => all.into_iter().filter_map(Object::of).collect(),
        Some(one) => Object::of(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A tool call, from its input: an object, the same as a text, or a patch.
pub(super) fn tool(id: Option<String>, name: String, input: Option<Value>) -> Tool {
    let input = input.map(unpacked);
    let mut paths: Vec<_> = tools::written_paths(None, input.as_ref()).map(str::to_owned).collect();
    let command = tools::command_in(Some(&name), input.as_ref());
    // A patch may come through a shell, as words of a command.
    let listed = input.as_ref().and_then(|input| input.get("command")).is_some_and(Value::is_array);
    let patch = command.as_deref().filter(|_| listed).unwrap_or_default();
    paths.extend(tools::patched_paths(patch).map(str::to_owned));
    Tool { id, name, paths, command }
}

/// The object that a text holds; any other value as it is.
pub(super) fn unpacked(value: Value) -> Value {
    match &value {
        Value::String(text) if text.trim_start().starts_with('{') => {
            serde_json::from_str(text).unwrap_or(value)
        }
        _ => value,
    }
}

/// The object that is there, or that a text holds.
pub(super) fn packed(value: Option<Value>) -> Option<Object> {
    match value? {
        Value::String(text) => lenient::object(text.as_bytes()).ok(),
        other => Object::of(other),
    }
}

/// A moment: a date as RFC 3339 has it, or milliseconds since the epoch. 0 is none.
pub(super) fn moment(value: Option<Value>) -> Option<Timestamp> {
    match value? {
        Value::String(text) => Some(Timestamp(text.parse::<jiff::Timestamp>().ok()?.as_microsecond())),
        number => {
            let whole = number.as_i64().or_else(|| Some(number.as_f64()? as i64))?;
            (1..=MAX_MILLIS).contains(&whole).then(|| Timestamp::from_millis(whole))
        }
    }
}

/// Tokens under the names that an agent has for them: input, output, read from and written to a cache.
pub(super) fn usage(from: Option<Object>, names: [&str; 4]) -> Option<Usage> {
    let mut from = from?;
    let counts = names.map(|name| from.count(&[name]));
    let total = from.count(&["total", "total_tokens"]);
    counts.iter().any(Option::is_some).then(|| {
        let [input, output, cache_read, cache_write] = counts.map(Option::unwrap_or_default);
        Usage { input, output, cache_read, cache_write, total }
    })
}

/// The exit code in the first lines of what a shell tool answered.
pub(super) fn exit_in(words: &str) -> Option<i32> {
    const MARKS: [&str; 3] = ["Exit code: ", "Exit code ", "Process exited with code "];
    let lines = words.lines().take(8).take_while(|line| !line.starts_with("Output:"));
    lines.filter_map(|line| MARKS.iter().find_map(|mark| line.strip_prefix(mark))).next()?.trim().parse().ok()
}
