//! The document of `trace commands --stats`.

use serde_json::Value;

use super::Fields;
use crate::model::stats::{Stats, Sum};

/// `trace commands --stats`.
pub fn stats(of: &Stats) -> Value {
    let rows = |name: &'static str, rows: &[(crate::model::text::Text, Sum)]| -> Vec<Value> {
        rows.iter().map(|(text, one)| sum(Fields::default().text(name, Some(text)), *one).end()).collect()
    };
    sum(Fields::document("stats"), of.all)
        .list("directories", rows("cwd", &of.directories))
        .list("words", rows("word", &of.words))
        .end()
}

fn sum(fields: Fields, of: Sum) -> Fields {
    fields
        .with("commands", of.commands)
        .with("failed", of.failed)
        .with("open", of.open)
        .with("duration_us", of.took_us)
}
