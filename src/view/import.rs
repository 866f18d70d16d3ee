//! Conversations that were taken in, or would be.

use std::io::{self, Write};
use std::path::PathBuf;

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, count};
use crate::model::id::SessionId;
use crate::model::text::Text;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportView {
    pub session: SessionId,
    pub agent: &'static str,
    pub external: Text,
    pub path: PathBuf,
    pub bytes: u64,
    /// Its title, or the first that was asked.
    pub about: Option<String>,
    /// It was recorded already.
    pub known: bool,
    pub prompts: usize,
    pub commands: usize,
    pub tools: usize,
}

/// Writes one line per conversation.
pub fn write(to: &mut dyn Write, rows: &[ImportView], look: &Look) -> io::Result<()> {
    let columns = [
        Column::text("ID"),
        Column::text("AGENT"),
        Column::number("PROMPTS"),
        Column::number("COMMANDS"),
        Column::number("EDITS"),
        Column::flexible("ABOUT", 12),
    ];
    let mut table = Table::new(Headings::Shown, &columns);
    for row in rows {
        let number = |n: usize| match row.known {
            true => Cell::new(Style::Dim, "known"),
            false => Cell::new(Style::Text, n),
        };
        let about = row.about.as_ref().map_or(&b"-"[..], |about| about.as_bytes());
        table.row(vec![
            Cell::new(Style::Id, row.session.short(13)),
            Cell::new(Style::Text, row.agent),
            number(row.prompts),
            number(row.commands),
            number(row.tools),
            Cell::new(Style::Text, Safe(about)),
        ]);
    }
    table.write(to, look)
}

/// What it comes to.
pub fn sum(rows: &[ImportView], dry_run: bool) -> String {
    let known = rows.iter().filter(|row| row.known).count();
    let new = count((rows.len() - known) as u64, "conversation");
    let verb = if dry_run { "would be taken in" } else { "taken in" };
    match known {
        0 => format!("{new} {verb}"),
        _ => format!("{new} {verb}; of {known} more only what their transcripts gained"),
    }
}
