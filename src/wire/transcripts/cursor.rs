//! Cursor: thin lines of roles and words. No id, no time, no directory: those stay unknown.

use super::lens::{self, Block};
use super::{Answer, Record, Said};
use crate::wire::lenient::Object;

pub(super) fn read(mut line: Object) -> Record {
    let role = line.text(&["role"]).unwrap_or_default();
    let content = line.nested(&["message"]).and_then(|mut message| message.take(&["content"]));
    let mut texts = Vec::new();
    let mut says = Vec::new();
    for block in lens::blocks(content) {
        match block {
            Block::Text(text) => texts.push(text),
            Block::Tool(tool) => says.push(Said::Tool(tool)),
            Block::Done(done, _) => says.push(Said::Done(done)),
            Block::Other => {}
        }
    }
    let text = texts.join("\n");
    match role.as_str() {
        "user" => says.extend(typed(&text).map(Said::Prompt)),
        "assistant" => says.insert(0, Said::Answer(Answer { text, ..Answer::default() })),
        _ => {}
    }
    Record { says, ..Record::default() }
}

/// The query within what was sent along with it; all of it where nothing marks one.
fn typed(text: &str) -> Option<String> {
    let query = text.split_once("<user_query>").map_or(text, |(_, query)| query);
    let query = query.rsplit_once("</user_query>").map_or(query, |(query, _)| query).trim();
    (!query.is_empty()).then(|| query.to_owned())
}
