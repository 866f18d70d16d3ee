//! Files that several sessions changed: `trace conflicts`.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, session, time};
use crate::model::session::Session;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// What is said where there are none.
pub const EMPTY: &str = "no two sessions at work changed the same file";

/// A file, and who changed it when.
#[derive(Clone, Debug)]
pub struct ContestedView {
    pub path: Text,
    pub by: Vec<(Session, Timestamp)>,
}

/// Writes one line per file and session.
pub fn write(to: &mut dyn Write, files: &[ContestedView], look: &Look) -> io::Result<()> {
    let columns = [
        Column::flexible("PATH", 16),
        Column::text("SESSION"),
        Column::text("AGENT"),
        Column::text("CHANGED"),
        Column::flexible("ABOUT", 12),
    ];
    let mut table = Table::new(Headings::Shown, &columns);
    let all = files.iter().flat_map(|file| &file.by);
    let digits = session::shortest(all.map(|(session, _)| &session.id));
    for file in files {
        for (at, (session, last)) in file.by.iter().enumerate() {
            let path = if at == 0 { Safe(file.path.as_bytes()).to_string() } else { String::new() };
            let about = session.first_prompt.as_deref().unwrap_or_default();
            table.row(vec![
                Cell::new(Style::Text, path),
                Cell::new(Style::Id, session.id.short(digits)),
                Cell::new(Style::Text, Safe(session.agent.as_bytes())),
                Cell::new(Style::Text, time::relative(Some(*last), look.now)),
                Cell::new(Style::Dim, Safe(about.as_bytes())),
            ]);
        }
    }
    table.write(to, look)
}
