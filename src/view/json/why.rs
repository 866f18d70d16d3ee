//! The document of `trace why FILE`.

use serde_json::{Value, json};

use super::search::who;
use super::{Fields, id, time};
use crate::model::origin::{Deed, Source, Stretch};
use crate::model::text::Text;

/// `trace why`: stretches of lines, both ends included, each with what brought it.
pub fn lines(path: &Text, all: &[Stretch]) -> Value {
    Fields::document("why").text("path", Some(path)).list("lines", all.iter().map(stretch)).end()
}

fn stretch(of: &Stretch) -> Value {
    let origin = &of.origin;
    let (source, checkpoint, commit) = match &origin.source {
        Source::Now => ("now", None, None),
        Source::Checkpoint(id) => ("checkpoint", Some(*id), None),
        Source::Before(id) => ("before", Some(*id), None),
        Source::Commit(commit) => ("commit", None, Some(commit)),
    };
    Fields::default()
        .with("first", of.first)
        .with("last", of.last)
        .with("source", source)
        .with("checkpoint", id(checkpoint))
        .with("commit", id(commit.map(|commit| commit.id)))
        .text("author", commit.map(|commit| &commit.author))
        .text("subject", commit.map(|commit| &commit.subject))
        .with("time", time(origin.at))
        .text("path", Some(&origin.path))
        .list("by", origin.deeds.iter().map(deed))
        .with("confidence", json!(origin.confidence))
        .end()
}

/// What somebody did, and what for.
pub(super) fn deed(of: &Deed) -> Value {
    let command = of.command.as_ref();
    let prompt = of.prompt.as_ref();
    who(Fields::default(), &of.who)
        .with("command", command.map(|(id, _)| id.to_string()))
        .text("text", command.map(|(_, text)| text))
        .with("tool", of.tool.as_deref())
        .with("turn", prompt.map(|prompt| prompt.turn.as_str()))
        .text("prompt", prompt.map(|prompt| &prompt.text))
        .end()
}
