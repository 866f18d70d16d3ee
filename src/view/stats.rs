//! Commands in numbers: `trace commands --stats`.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, count, time};
use crate::model::stats::{Stats, Sum};
use crate::model::text::Text;

/// Writes the sum, then directories and words.
pub fn write(to: &mut dyn Write, stats: &Stats, look: &Look) -> io::Result<()> {
    let all = stats.all;
    let mut words = vec![count(all.commands, "command"), format!("{} failed", all.failed)];
    if all.open > 0 {
        words.push(format!("{} without an end", all.open));
    }
    words.push(format!("{} in all", time::duration(all.took_us)));
    writeln!(to, "{}", words.join(", "))?;
    block(to, "Directories", "DIRECTORY", &stats.directories, look)?;
    block(to, "Commands", "COMMAND", &stats.words, look)
}

fn block(
    to: &mut dyn Write,
    name: &str,
    last: &'static str,
    rows: &[(Text, Sum)],
    look: &Look,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    look.heading(to, name)?;
    let columns =
        [Column::number("COUNT"), Column::number("FAILED"), Column::number("TOOK"), Column::path(last, 20)];
    let mut table = Table::new(Headings::Shown, &columns);
    for (text, sum) in rows {
        let failed = if sum.failed > 0 { Style::Bad } else { Style::Dim };
        table.row(vec![
            Cell::new(Style::Text, sum.commands),
            Cell::new(failed, sum.failed),
            Cell::new(Style::Text, time::duration(sum.took_us)),
            Cell::new(Style::Text, Safe(text.as_bytes())),
        ]);
    }
    table.write(to, look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::command::State;
    use crate::view::testing::{command, fits, look, screen};

    #[test]
    fn the_most_frequent_come_first_and_failures_are_counted() {
        let mut commands: Vec<_> = [("make a", 0), ("cargo test", 101), ("cargo test", 0), ("vi", 0)]
            .map(|(text, exit)| (command(1, text, exit), State::Done))
            .into();
        commands[3].1 = State::Running;
        commands[0].0.cwd =
            "/home/ada/a/very/long/way/down/into/the/deepest/of/all/the/directories/there".into();
        let stats = Stats::of(commands.iter().map(|(command, state)| (command, *state)), 2);
        let narrow = screen(|to| write(to, &stats, &look(Some(80))));
        fits(&narrow, 80);
        assert_eq!(
            narrow,
            "\
4 commands, 1 failed, 1 without an end, 5.0s in all

Directories
COUNT  FAILED  TOOK  DIRECTORY
    3       1  3.7s  /home/ada/work
    1       0  1.2s  …ong/way/down/into/the/deepest/of/all/the/directories/there

Commands
COUNT  FAILED  TOOK  COMMAND
    2       1  2.5s  cargo
    1       0  1.2s  make
"
        );
        assert_eq!(
            screen(|to| write(to, &Stats::default(), &look(None))),
            "0 commands, 0 failed, 0ms in all\n"
        );
    }
}
