//! The document of `trace explain`.

use serde_json::{Value, json};

use super::search::who;
use super::why::deed;
use super::{Fields, command, id, of_checkpoint, time};
use crate::model::origin::Signed;
use crate::view::explain::{AfterView, AskedView, StoryView, Subject, TouchedView};

/// `trace explain`.
pub fn story(of: &StoryView) -> Value {
    let (kind, subject) = match &of.of {
        Subject::Checkpoint(made) => ("checkpoint", of_checkpoint(Fields::default(), made).end()),
        Subject::Session { who: one, outcome, reason } => {
            let fields = who(Fields::default(), one).with("outcome", *outcome);
            ("session", fields.with("reason", reason.as_deref()).end())
        }
        Subject::Commit(signed) => ("commit", commit(signed)),
    };
    Fields::document("explain")
        .with("kind", kind)
        .with(kind, subject)
        .with("from", time(of.span.map(|span| span.0)))
        .with("until", time(of.span.map(|span| span.1)))
        .list("sessions", of.sessions.iter().map(|one| who(Fields::default(), one).end()))
        .list("checkpoints", of.checkpoints.iter().map(|one| id(Some(*one))))
        .list("prompts", of.asked.iter().map(asked))
        .list("commands", of.commands.iter().map(command))
        .list("changes", of.touched.iter().map(touched))
        .list("after", of.after.iter().map(after))
        .end()
}

fn commit(of: &Signed) -> Value {
    Fields::default()
        .with("id", id(Some(of.id)))
        .text("author", Some(&of.author))
        .text("subject", Some(&of.subject))
        .end()
}

fn asked(of: &AskedView) -> Value {
    who(Fields::default(), &of.who)
        .with("turn", of.turn.as_str())
        .text("prompt", Some(&of.prompt))
        .with("started", time(Some(of.started)))
        .with("ended", time(of.ended))
        .with("end", of.end)
        .text("answer", of.answer.as_ref())
        .end()
}

fn touched(of: &TouchedView) -> Value {
    Fields::default()
        .text("path", Some(&of.path))
        .with("status", json!(of.status))
        .with("times", of.times)
        .list("by", of.by.iter().map(deed))
        .with("confidence", json!(of.confidence))
        .end()
}

fn after(of: &AfterView) -> Value {
    Fields::default()
        .with("action", of.action.word())
        .text("label", Some(&of.label))
        .with("time", time(Some(of.at)))
        .with("changed", of.changed)
        .with("undone", of.undone)
        .end()
}
