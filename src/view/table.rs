//! Columns that line up, and fit if there is a width to fit into.
//!
//! The longest text belongs into the last column: where nothing is cut, it pads the others.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};
use std::iter::repeat_n;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Look;
use super::paint::{Paint, Style};

/// Between two columns.
const GAP: &str = "  ";

/// Rows under headings.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    headings: Headings,
    /// The texts of all cells, one behind the other: there may be many thousands.
    text: String,
    /// Row by row.
    fields: Vec<Field>,
}

/// A cell in its place.
#[derive(Clone, Copy, Debug)]
struct Field {
    /// Where its text ends in that of the table; it begins where that of the one before it ends.
    end: usize,
    width: usize,
    style: Style,
}

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headings {
    Shown,
    Left,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    heading: &'static str,
    align: Align,
    room: Room,
    /// Left out where the others would not fit beside it.
    is_spare: bool,
}

#[derive(Clone, Copy, Debug)]
enum Align {
    Left,
    Right,
}

/// What a column gives when there is too little room.
#[derive(Clone, Copy, Debug)]
enum Room {
    /// Nothing.
    Kept,
    /// The ends of its cells, down to so many columns.
    Tail(usize),
    /// The beginnings of its cells, down to so many columns.
    Front(usize),
}

impl Column {
    /// Text that is never cut.
    pub fn text(heading: &'static str) -> Self {
        Self { heading, align: Align::Left, room: Room::Kept, is_spare: false }
    }

    /// A number: right-aligned, never cut.
    pub fn number(heading: &'static str) -> Self {
        Self { heading, align: Align::Right, room: Room::Kept, is_spare: false }
    }

    /// Text that may lose its end, down to `least` columns.
    pub fn flexible(heading: &'static str, least: usize) -> Self {
        Self { heading, align: Align::Left, room: Room::Tail(least), is_spare: false }
    }

    /// A path, whose end matters: it may lose its beginning, down to `least` columns.
    pub fn path(heading: &'static str, least: usize) -> Self {
        Self { heading, align: Align::Left, room: Room::Front(least), is_spare: false }
    }

    /// The same column, left out where there is no room for all of them; the last such one goes first.
    pub fn spare(self) -> Self {
        Self { is_spare: true, ..self }
    }

    fn least(self) -> Option<usize> {
        match self.room {
            Room::Kept => None,
            Room::Tail(least) | Room::Front(least) => Some(least),
        }
    }
}

/// One field: text that is safe to print, and its style.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    /// In columns.
    width: usize,
    style: Style,
}

impl Cell {
    /// A field in a style. Foreign text comes here as [`super::safe::Safe`].
    pub fn new(style: Style, text: impl Display) -> Self {
        let text = text.to_string();
        Self { width: width(&text), text, style }
    }

    /// A field that is said, or `-`.
    pub fn maybe(style: Style, text: Option<impl Display>) -> Self {
        match text {
            Some(text) => Self::new(style, text),
            None => Self::new(Style::Dim, '-'),
        }
    }
}

impl Table {
    /// A table without rows.
    pub fn new(headings: Headings, columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), headings, text: String::new(), fields: Vec::new() }
    }

    /// Adds a row with as many cells as there are columns.
    pub fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        for cell in cells {
            self.text.push_str(&cell.text);
            self.fields.push(Field { end: self.text.len(), width: cell.width, style: cell.style });
        }
    }

    /// Writes the headings and the rows; nothing if there are no rows.
    pub fn write(self, to: &mut dyn Write, look: &Look) -> io::Result<()> {
        if self.fields.is_empty() {
            return Ok(());
        }
        let widths = self.widths(look.width);
        let mut line = String::new();
        if self.headings == Headings::Shown {
            let headings =
                self.columns.iter().map(|column| (column.heading, width(column.heading), Style::Dim));
            self.put(&mut line, headings, &widths, look.paint);
            to.write_all(line.as_bytes())?;
        }
        let mut begin = 0;
        for row in self.fields.chunks(self.columns.len()) {
            let cells = row.iter().map(|field| {
                let text = &self.text[std::mem::replace(&mut begin, field.end)..field.end];
                (text, field.width, field.style)
            });
            line.clear();
            self.put(&mut line, cells, &widths, look.paint);
            to.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    /// The width of each column; `None` for the spare ones that are left out until the others fit, if
    /// they ever do.
    fn widths(&self, limit: Option<usize>) -> Vec<Option<usize>> {
        let mut need: Vec<Option<usize>> =
            self.columns.iter().map(|column| Some(self.heading_width(column))).collect();
        for row in self.fields.chunks(self.columns.len()) {
            for (need, field) in need.iter_mut().zip(row) {
                *need = (*need).max(Some(field.width));
            }
        }
        loop {
            let widths = self.fitted(&need, limit);
            let spare = |at: &usize| widths[*at].is_some() && self.columns[*at].is_spare;
            match (0..widths.len()).rev().find(spare) {
                Some(at) if limit.is_some_and(|limit| total(&widths) > limit) => need[at] = None,
                _ => return widths,
            }
        }
    }

    /// What a column takes without any rows.
    fn heading_width(&self, column: &Column) -> usize {
        match self.headings {
            Headings::Shown => width(column.heading),
            Headings::Left => 0,
        }
    }

    /// What the columns need, and less if that is too much. Whichever has the most beyond its least gives
    /// first.
    fn fitted(&self, need: &[Option<usize>], limit: Option<usize>) -> Vec<Option<usize>> {
        let mut widths = need.to_vec();
        let total = total(&widths);
        for _ in 0..limit.map_or(0, |limit| total.saturating_sub(limit)) {
            let beyond = |at: &usize| {
                let width = widths[*at].unwrap_or(0);
                width.saturating_sub(self.columns[*at].least().unwrap_or(usize::MAX))
            };
            match (0..widths.len()).max_by_key(beyond) {
                Some(richest) if beyond(&richest) > 0 => {
                    widths[richest] = widths[richest].map(|width| width - 1);
                }
                _ => break,
            }
        }
        widths
    }

    /// Puts a row into a line; by hand, since there may be many thousands.
    fn put<'t>(
        &self,
        line: &mut String,
        row: impl Iterator<Item = (&'t str, usize, Style)>,
        widths: &[Option<usize>],
        paint: Paint,
    ) {
        // Spaces that are due before the next text: none are left at the end of a line.
        let mut due = 0;
        for (((text, needed, style), column), width) in row.zip(&self.columns).zip(widths) {
            let Some(width) = *width else { continue };
            let (text, taken) = match column.room {
                _ if needed <= width => (Cow::Borrowed(text), needed),
                Room::Front(_) => measured(cut_front(text, width)),
                _ => measured(cut(text, width)),
            };
            let pad = width.saturating_sub(taken);
            let (before, after) = match column.align {
                Align::Left => (0, pad),
                Align::Right => (pad, 0),
            };
            due += before;
            if !text.is_empty() {
                line.extend(repeat_n(' ', due));
                paint.push(line, style, &text);
                due = 0;
            }
            due += after + GAP.len();
        }
        line.push('\n');
    }
}

fn measured(text: String) -> (Cow<'static, str>, usize) {
    let width = width(&text);
    (Cow::Owned(text), width)
}

/// How wide a line is with columns of these widths.
fn total(widths: &[Option<usize>]) -> usize {
    let kept = widths.iter().flatten();
    kept.clone().sum::<usize>() + GAP.len() * kept.count().saturating_sub(1)
}

/// How many columns a text takes. Plain text, which nearly all is, takes one for each character.
fn width(text: &str) -> usize {
    match text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        true => text.len(),
        false => text.width(),
    }
}

/// The text, its end replaced by `…` if it is wider than `width` columns.
pub fn cut(text: &str, width: usize) -> String {
    if self::width(text) <= width {
        return text.to_owned();
    }
    let mut kept = fitting(text.chars(), width);
    kept.push_str(if width > 0 { "…" } else { "" });
    kept
}

/// The text, its beginning replaced by `…` if it is wider than `width` columns.
pub fn cut_front(text: &str, width: usize) -> String {
    if self::width(text) <= width {
        return text.to_owned();
    }
    let mut kept = fitting(text.chars().rev(), width);
    kept.push_str(if width > 0 { "…" } else { "" });
    kept.chars().rev().collect()
}

/// As many characters as leave room for the mark.
fn fitting(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut room = width.saturating_sub(1);
    let fits = |ch: &char| match room.checked_sub(ch.width().unwrap_or(0)) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    chars.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{look, screen};

    fn table() -> Table {
        let columns =
            [Column::text("ID"), Column::number("N"), Column::path("PATH", 6), Column::flexible("TITLE", 8)];
        let mut table = Table::new(Headings::Shown, &columns);
        for (id, number, path, title) in [
            ("a1", "7", "/home/ada/work", "a title that is long"),
            ("b22", "1234", "/tmp", "日本語のタイトル"),
            ("c", "5", "/", ""),
        ] {
            let cells = [id, number, path, title].map(|text| Cell::new(Style::Text, text));
            table.row(cells.to_vec());
        }
        table
    }

    #[test]
    fn nothing_is_cut_where_there_is_no_terminal() {
        let lines = screen(|to| table().write(to, &look(None)));
        assert_eq!(
            lines,
            "\
ID      N  PATH            TITLE
a1      7  /home/ada/work  a title that is long
b22  1234  /tmp            日本語のタイトル
c       5  /
"
        );
    }

    #[test]
    fn the_widest_columns_give_way_and_ids_never_do() {
        let lines = screen(|to| table().write(to, &look(Some(36))));
        assert_eq!(
            lines,
            "\
ID      N  PATH         TITLE
a1      7  …e/ada/work  a title tha…
b22  1234  /tmp         日本語のタ…
c       5  /
"
        );
        let lines = screen(|to| table().write(to, &look(Some(10))));
        assert_eq!(lines.lines().nth(1), Some("a1      7  …/work  a title…"), "as narrow as it gets");
    }

    #[test]
    fn spare_columns_are_left_out_where_there_is_no_room_for_them() {
        let columns = [
            Column::text("ID"),
            Column::text("STATE").spare(),
            Column::number("N").spare(),
            Column::flexible("TITLE", 8),
        ];
        let mut table = Table::new(Headings::Shown, &columns);
        table.row(["a1", "idle", "1234", "a title that is long"].map(|t| Cell::new(Style::Text, t)).to_vec());
        let at = |width| screen(|to| table.clone().write(to, &look(Some(width))));
        assert_eq!(at(25), "ID  STATE     N  TITLE\na1  idle   1234  a title…\n");
        assert_eq!(at(24), "ID  STATE  TITLE\na1  idle   a title that…\n");
        assert_eq!(at(18), "ID  TITLE\na1  a title that …\n");
        assert_eq!(at(5), "ID  TITLE\na1  a title…\n", "as narrow as it gets");
    }

    #[test]
    fn a_cell_may_be_wider_than_any_terminal() {
        let mut table = Table::new(Headings::Left, &[Column::text("A"), Column::text("B")]);
        let long = "x".repeat(100_000);
        for text in [&long, "y"] {
            table.row(vec![Cell::new(Style::Text, text), Cell::new(Style::Text, 'z')]);
        }
        let wanted = format!("{long}  z\ny{}  z\n", " ".repeat(99_999));
        assert!(screen(|to| table.write(to, &look(None))) == wanted);
    }

    #[test]
    fn a_cut_counts_columns_and_not_characters() {
        let cases = [
            ("abc", 3, "abc", "abc"),
            ("abcd", 3, "ab…", "…cd"),
            ("日本語", 4, "日…", "…語"),
            ("ab", 1, "…", "…"),
            ("ab", 0, "", ""),
        ];
        for (text, width, end, front) in cases {
            assert_eq!(
                (cut(text, width).as_str(), cut_front(text, width).as_str()),
                (end, front),
                "{text} {width}"
            );
        }
    }

    #[test]
    fn a_table_without_rows_says_nothing() {
        assert_eq!(
            screen(|to| Table::new(Headings::Shown, &[Column::text("ID")]).write(to, &look(None))),
            ""
        );
    }
}
