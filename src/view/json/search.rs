//! The document of `trace search`.

use serde_json::{Value, json};

use super::{Fields, id, time};
use crate::model::hit::Hit;
use crate::model::who::Who;

/// `trace search`. A match is a stretch of bytes of `text`, its first byte and the one behind its last.
pub fn hits(hits: &[Hit], total: usize) -> Value {
    Fields::document("search").with("total", total).list("hits", hits.iter().map(hit)).end()
}

fn hit(of: &Hit) -> Value {
    let command = of.command.as_ref();
    let fields = Fields::default()
        .with("kind", of.kind.word())
        .with("rank", of.found.rank.word())
        .with("time", time(Some(of.at)))
        .text("text", Some(&of.text))
        .list("matches", of.found.spans.iter().map(|span| json!([span.start, span.end])));
    who(fields, &of.who)
        .with("checkpoint", id(of.checkpoint))
        .with("command", command.map(|command| command.id.to_string()))
        .with("exit", command.and_then(|command| command.exit))
        .with("times", of.times)
        .end()
}

/// Who it was: what `trace session` knows of the session.
pub(super) fn who(fields: Fields, who: &Who) -> Fields {
    fields
        .with("session", who.session.as_ref().map(ToString::to_string))
        .with("agent", Some(who.agent.as_str()).filter(|agent| !agent.is_empty()))
        .with("alias", who.alias.as_deref())
}
