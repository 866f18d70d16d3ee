//! What a check of the store found: `trace fsck`.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, count};
use crate::model::text::Text;

/// What a check of the store found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FsckView {
    /// Objects, refs and journal files that were looked at.
    pub checked: u64,
    pub problems: Vec<Problem>,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// A word or two: `bad object`, `torn journal`.
    pub kind: String,
    /// The object, ref or file.
    pub at: Text,
    /// What is wrong with it, and what was done or can be done.
    pub detail: String,
}

impl FsckView {
    /// True if everything is as it must be.
    pub fn ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Writes a line per problem, then the verdict.
pub fn write(to: &mut dyn Write, report: &FsckView, look: &Look) -> io::Result<()> {
    let columns = [Column::text("PROBLEM"), Column::path("AT", 12), Column::text("DETAIL")];
    let mut table = Table::new(Headings::Left, &columns);
    for problem in &report.problems {
        table.row(vec![
            Cell::new(Style::Bad, Safe(problem.kind.as_bytes())),
            Cell::new(Style::Text, Safe(problem.at.as_bytes())),
            Cell::new(Style::Text, Safe(problem.detail.as_bytes())),
        ]);
    }
    table.write(to, look)?;
    let checked = report.checked;
    match report.problems.len() as u64 {
        0 => writeln!(to, "{}: {checked} checked", look.paint.on(Style::Ok, "ok")),
        found => writeln!(to, "{} in {checked} checked", look.paint.on(Style::Bad, count(found, "problem"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{look, screen};

    #[test]
    fn problems_come_first_and_the_verdict_last() {
        let mut report = FsckView { checked: 120, problems: vec![] };
        assert!(report.ok());
        assert_eq!(screen(|to| write(to, &report, &look(None))), "ok: 120 checked\n");
        for (kind, at) in [("bad object", "3f3f3f3f3f"), ("torn journal", "journal/0123456789abcdef/a\n.0")] {
            report.problems.push(Problem { kind: kind.into(), at: at.into(), detail: "set aside".into() });
        }
        assert_eq!(
            screen(|to| write(to, &report, &look(Some(50)))),
            "\
bad object    3f3f3f3f3f                 set aside
torn journal  …l/0123456789abcdef/a\\n.0  set aside
2 problems in 120 checked
"
        );
    }
}
