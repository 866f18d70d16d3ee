//! The document of `trace doctor`.

use serde_json::Value;

use super::{Fields, time};
use crate::view::status::HealthView;

/// `trace doctor`. It is `ok` where nothing went wrong; the notes are sentences for people.
pub fn doctor(health: &HealthView) -> Value {
    let trouble = health.trouble.iter().map(|(at, doing, what)| {
        Fields::default().with("time", time(Some(*at))).with("doing", &**doing).with("what", &**what).end()
    });
    Fields::document("doctor")
        .with("ok", health.is_well())
        .list("trouble", trouble)
        .list("ignored_settings", health.refused.iter().map(|refused| refused.as_str().into()))
        .with("unreadable", health.unreadable)
        .list("notes", health.notes.iter().map(|note| note.as_str().into()))
        .end()
}
