//! The documents of what was put back, or is to be.

use serde_json::{Value, json};

use super::{Fields, id, time};
use crate::model::change::Side;
use crate::model::text::Text;
use crate::view::operation::OperationView;
use crate::view::plan::PlanView;

/// `trace restore`, `trace undo`, `trace redo`.
pub fn plan(view: &PlanView) -> Value {
    let side = |side: Option<Side>| match side {
        Some(side) => json!({"mode": format!("{:06o}", side.mode), "id": side.id.to_string()}),
        None => Value::Null,
    };
    let plan = view.items.iter().map(|item| {
        Fields::default()
            .text("path", Some(&item.step.path))
            .with("action", json!(item.step.action()))
            .with("from", side(item.step.from))
            .with("to", side(item.step.to))
            .with("conflict", json!(item.conflict))
            .end()
    });
    let done = view.done.as_ref();
    let stayed = done.iter().flat_map(|done| &done.stayed);
    let left_empty = done.iter().flat_map(|done| &done.hollow).map(|dir| dir.lossy().into_owned().into());
    let kept = done.iter().flat_map(|done| &done.kept).map(|(path, at)| {
        let at = Text::from(at.as_os_str().as_encoded_bytes());
        Fields::default().text("path", Some(path)).text("kept_in", Some(&at)).end()
    });
    Fields::document(view.command)
        .text("label", Some(&view.label))
        .with("of", view.of.clone())
        .with("exact", view.exact)
        .list("plan", plan)
        .with("applied", done.is_some())
        .with("saved", id(view.saved))
        .with("after", id(done.and_then(|done| done.after)))
        .with("operation", done.map(|done| done.op.to_string()))
        .list("stayed", stayed.map(|path| Fields::default().text("path", Some(path)).end()))
        .list("kept", kept)
        .list("left_empty", left_empty)
        .list("notes", view.notes.iter().map(|note| note.as_str().into()))
        .end()
}

/// `trace log --ops`.
pub fn operations(all: &[OperationView]) -> Value {
    let operations = all.iter().map(|one| {
        Fields::default()
            .with("id", one.id.as_str())
            .with("action", one.action.word())
            .text("label", Some(&one.label))
            .with("of", one.of.clone())
            .with("time", time(Some(one.time)))
            .with("changed", one.changed)
            .with("saved", id(Some(one.saved)))
            .with("undone", one.undone)
            .end()
    });
    Fields::document("log").list("operations", operations).end()
}
