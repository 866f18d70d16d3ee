//! The checkpoints of a worktree, one a line: `trace log`.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, short, time};
use crate::model::checkpoint::{Checkpoint, Header, Snapshot};

/// What is said where there are none.
pub const EMPTY: &str = "no checkpoints yet: run `trace checkpoint`";

/// Writes one line per checkpoint, in the order given.
pub fn write(to: &mut dyn Write, checkpoints: &[Checkpoint], look: &Look) -> io::Result<()> {
    let columns = [
        Column::text("ID"),
        Column::text("TIME"),
        Column::text("KIND"),
        Column::flexible("BRANCH", 8).spare(),
        Column::number("COMMANDS").spare(),
        Column::text("FILES"),
        Column::flexible("SUBJECT", 16),
    ];
    let mut table = Table::new(Headings::Left, &columns);
    for checkpoint in checkpoints {
        let header = &checkpoint.header;
        table.row(vec![
            Cell::new(Style::Id, short(checkpoint.id)),
            Cell::new(Style::Text, time::relative(Some(header.time), look.now)),
            Cell::new(Style::Text, header.kind.word()),
            branch(header),
            commands(header.commands),
            files(header),
            Cell::new(Style::Text, Safe(header.subject.as_bytes())),
        ]);
    }
    table.write(to, look)
}

fn branch(header: &Header) -> Cell {
    match &header.branch {
        Some(branch) => Cell::new(Style::Text, Safe(branch.as_bytes())),
        None => Cell::new(Style::Dim, "detached"),
    }
}

fn commands(number: u64) -> Cell {
    match number {
        0 => Cell::new(Style::Dim, "0 cmds"),
        1 => Cell::new(Style::Text, "1 cmd"),
        _ => Cell::new(Style::Text, format!("{number} cmds")),
    }
}

/// The counts; a question mark where the search was cut short.
fn files(header: &Header) -> Cell {
    let files = header.files;
    let counts = format!("+{} ~{} -{}", files.added, files.modified, files.deleted);
    match header.snapshot {
        Snapshot::Skipped(_) => Cell::new(Style::Live, "no files"),
        Snapshot::Partial => Cell::new(Style::Live, format!("{counts}?")),
        Snapshot::Full | Snapshot::Known if files.total() == 0 => Cell::new(Style::Dim, counts),
        Snapshot::Full | Snapshot::Known => Cell::new(Style::Text, counts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checkpoint::{Excuse, Files, Kind};
    use crate::view::testing::{checkpoint, colour, fits, look, screen};

    fn chain() -> Vec<Checkpoint> {
        let mut turn = checkpoint(0x3f, 3, "fix the parser so that it survives an empty line at the end");
        turn.header.kind = Kind::Turn;
        turn.header.branch = Some("feature/empty-lines".into());
        let mut guard = checkpoint(0x4a, 7_200, "before rm -rf \u{1b}[2J src");
        guard.header.kind = Kind::Guard;
        (guard.header.commands, guard.header.files) = (1, Files { added: 10, modified: 0, deleted: 200 });
        guard.header.snapshot = Snapshot::Partial;
        let mut first = checkpoint(0x5b, 86_400, "first");
        (first.header.commands, first.header.branch) = (0, None);
        first.header.snapshot = Snapshot::Skipped(Excuse::Space);
        vec![turn, guard, first]
    }

    #[test]
    fn a_line_tells_a_checkpoint() {
        let wide = "\
3f3f3f3f3f  just now  turn   feature/empty-lines  3 cmds  +1 ~2 -0      fix the parser so that it survives an empty line at the end
4a4a4a4a4a  2h ago    guard  main                  1 cmd  +10 ~0 -200?  before rm -rf \\x1b[2J src
5b5b5b5b5b  1d ago    auto   detached             0 cmds  no files      first
";
        assert_eq!(screen(|to| write(to, &chain(), &look(None))), wide);
        assert_eq!(screen(|to| write(to, &chain(), &look(Some(200)))), wide);
    }

    #[test]
    fn branch_and_subject_give_way_at_80_columns() {
        let narrow = screen(|to| write(to, &chain(), &look(Some(80))));
        fits(&narrow, 80);
        assert_eq!(
            narrow,
            "\
3f3f3f3f3f  just now  turn   feature/e…  3 cmds  +1 ~2 -0      fix the parser s…
4a4a4a4a4a  2h ago    guard  main         1 cmd  +10 ~0 -200?  before rm -rf \\x…
5b5b5b5b5b  1d ago    auto   detached    0 cmds  no files      first
"
        );
    }

    #[test]
    fn colour_marks_the_id_and_what_is_not_whole() {
        let lines = screen(|to| write(to, &chain()[2..], &colour(80)));
        assert_eq!(
            lines,
            "\u{1b}[33m5b5b5b5b5b\u{1b}[0m  1d ago  auto  \u{1b}[2mdetached\u{1b}[0m  \u{1b}[2m0 cmds\u{1b}[0m  \
             \u{1b}[36mno files\u{1b}[0m  first\n"
        );
    }
}
