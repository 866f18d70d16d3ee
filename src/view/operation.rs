//! What was put back, one restore a line: `trace log --ops`.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, count, short, time};
use crate::model::event::RestoreAction;
use crate::model::id::EventId;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// What is said where there are none.
pub const EMPTY: &str = "nothing was put back here yet";

/// A restore, an undo or a redo.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationView {
    pub id: EventId,
    pub action: RestoreAction,
    pub label: Text,
    /// What was taken back, as a key.
    pub of: Option<String>,
    pub time: Timestamp,
    /// How many paths it changed.
    pub changed: u64,
    /// The checkpoint of everything as it was before.
    pub saved: Oid,
    /// It was itself taken back.
    pub undone: bool,
}

/// Writes one line per restore, in the order given. The id is that of the checkpoint to return to.
pub fn write(to: &mut dyn Write, operations: &[OperationView], look: &Look) -> io::Result<()> {
    let columns = [
        Column::text("BEFORE"),
        Column::text("TIME"),
        Column::text("WHAT"),
        Column::text("PATHS"),
        Column::flexible("OF", 16),
        Column::text(""),
    ];
    let mut table = Table::new(Headings::Shown, &columns);
    for one in operations {
        table.row(vec![
            Cell::new(Style::Id, short(one.saved)),
            Cell::new(Style::Text, time::relative(Some(one.time), look.now)),
            Cell::new(Style::Text, one.action.word()),
            Cell::new(Style::Text, count(one.changed, "path")),
            Cell::new(Style::Text, Safe(one.label.as_bytes())),
            Cell::new(Style::Dim, if one.undone { "taken back" } else { "" }),
        ]);
    }
    table.write(to, look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{ago, look, oid, screen};

    #[test]
    fn a_line_tells_what_was_put_back_and_what_to_return_to() {
        let one = OperationView {
            id: EventId::parse("evt_1").unwrap(),
            action: RestoreAction::Undo,
            label: "rm -rf \u{1b}[2J src".into(),
            of: None,
            time: ago(120),
            changed: 3,
            saved: oid(7),
            undone: true,
        };
        let shown = screen(|to| write(to, &[one], &look(None)));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], "0707070707  2m ago  undo  3 paths  rm -rf \\x1b[2J src  taken back");
    }
}
