//! What differs between two states of the files: `trace diff`.
//!
//! Off a terminal and without colour a patch is exact, byte by byte, so that `git apply` takes it.
//! Elsewhere a person reads it: tabs become spaces, and the rest goes through [`Safe`]. Names are
//! quoted as git quotes them, so they are harmless in both.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::paint::{Paint, Style};
use super::safe::{Safe, is_hidden};
use super::table::{Cell, Column, Headings, Table};
use super::words::{self, Piece};
use super::{Look, count};
use crate::model::change::{Side, Status};
use crate::model::text::Text;

/// What is said where nothing differs.
pub const EMPTY: &str = "no differences";

/// One file that differs. A file that became a link, or the other way round, makes two: git takes
/// no other patch for that.
#[derive(Clone, Debug, PartialEq)]
pub struct FilePatch {
    pub path: Text,
    /// `None` if there was none.
    pub old: Option<Side>,
    /// `None` if there is none any more.
    pub new: Option<Side>,
    pub body: Body,
}

/// How its content differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Not text, or too much of it.
    Binary,
    /// Nothing where only the mode differs.
    Lines(Vec<Hunk>),
}

/// Lines that differ, and a few around them. Numbers are as in a patch: from 1, 0 if empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Hunk {
    pub old_start: u64,
    pub old_len: u64,
    pub new_start: u64,
    pub new_len: u64,
    pub lines: Vec<Line>,
    /// The same lines word by word; empty unless [`Form::Words`] is asked for.
    pub words: Vec<Piece>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub sign: Sign,
    /// Without its newline.
    pub text: Text,
    pub end: LineEnd,
}

/// On which side a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Same,
    Added,
    Removed,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    Newline,
    /// The file ends without one.
    File,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Stat,
    NameStatus,
    Patch,
    /// A patch for people: lines that changed are told word by word.
    Words,
}

/// A tab stop.
const TAB: usize = 8;

impl FilePatch {
    /// What happened to the path.
    pub fn status(&self) -> Status {
        match (self.old, self.new) {
            (None, _) => Status::Added,
            (_, None) => Status::Deleted,
            _ => Status::Modified,
        }
    }

    /// Lines added and removed; `None` where there are no lines.
    pub fn counts(&self) -> Option<(u64, u64)> {
        let Body::Lines(hunks) = &self.body else { return None };
        let of =
            |sign| hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.sign == sign).count() as u64;
        Some((of(Sign::Added), of(Sign::Removed)))
    }
}

/// Writes what differs; nothing if nothing does.
pub fn write(to: &mut dyn Write, files: &[FilePatch], form: Form, look: &Look) -> io::Result<()> {
    match form {
        Form::Stat => stat(to, files, look),
        Form::NameStatus => name_status(to, files, look),
        Form::Patch | Form::Words => files.iter().try_for_each(|file| patch(to, file, form, look)),
    }
}

/// The letter for a status, as git writes it, and its style.
pub(super) fn letter(status: Status) -> (Style, char) {
    match status {
        Status::Added => (Style::Ok, 'A'),
        Status::Modified => (Style::Live, 'M'),
        Status::Deleted => (Style::Bad, 'D'),
    }
}

fn name_status(to: &mut dyn Write, files: &[FilePatch], look: &Look) -> io::Result<()> {
    for file in files {
        let (style, letter) = letter(file.status());
        writeln!(to, "{}  {}", look.paint.on(style, letter), Safe(file.path.as_bytes()))?;
    }
    Ok(())
}

fn stat(to: &mut dyn Write, files: &[FilePatch], look: &Look) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let columns = [Column::path("PATH", 16), Column::number("ADDED"), Column::number("REMOVED")];
    let mut table = Table::new(Headings::Left, &columns);
    let (mut added, mut removed) = (0, 0);
    for file in files {
        let path = Cell::new(Style::Text, Safe(file.path.as_bytes()));
        let Some((plus, minus)) = file.counts() else {
            table.row(vec![path, Cell::new(Style::Dim, "binary"), Cell::new(Style::Text, "")]);
            continue;
        };
        (added, removed) = (added + plus, removed + minus);
        let tell = |style, sign: char, number: u64| match number {
            0 => Cell::new(Style::Dim, '0'),
            _ => Cell::new(style, format_args!("{sign}{number}")),
        };
        table.row(vec![path, tell(Style::Ok, '+', plus), tell(Style::Bad, '-', minus)]);
    }
    table.write(to, look)?;
    let files = count(files.len() as u64, "file");
    writeln!(to, "{files} changed, {} added, {} removed", count(added, "line"), count(removed, "line"))
}

fn patch(to: &mut dyn Write, file: &FilePatch, form: Form, look: &Look) -> io::Result<()> {
    let head = |text: String| look.paint.on(Style::Head, text);
    let (before, after) = (quoted("a/", &file.path), quoted("b/", &file.path));
    writeln!(to, "{}", head(format!("diff --git {before} {after}")))?;
    match (file.old, file.new) {
        (Some(old), Some(new)) if old.mode != new.mode => {
            writeln!(to, "{}", head(format!("old mode {:06o}", old.mode)))?;
            writeln!(to, "{}", head(format!("new mode {:06o}", new.mode)))?;
        }
        (None, Some(new)) => writeln!(to, "{}", head(format!("new file mode {:06o}", new.mode)))?,
        (Some(old), None) => writeln!(to, "{}", head(format!("deleted file mode {:06o}", old.mode)))?,
        _ => {}
    }
    let id = |side: Option<Side>| side.map_or_else(|| "0".repeat(DIGITS), |side| side.id.short(DIGITS));
    if file.old.map(|side| side.id) != file.new.map(|side| side.id) {
        writeln!(to, "{}", head(format!("index {}..{}", id(file.old), id(file.new))))?;
    }
    let name = |side: Option<Side>, name: &String| match side {
        Some(_) => name.clone(),
        None => "/dev/null".to_owned(),
    };
    let (before, after) = (name(file.old, &before), name(file.new, &after));
    match &file.body {
        Body::Binary => writeln!(to, "Binary files {before} and {after} differ"),
        Body::Lines(hunks) if hunks.is_empty() => Ok(()),
        Body::Lines(hunks) => {
            writeln!(to, "{}\n{}", head(format!("--- {before}")), head(format!("+++ {after}")))?;
            hunks.iter().try_for_each(|hunk| write_hunk(to, hunk, form, look))
        }
    }
}

/// The digits of a blob's id in a patch.
const DIGITS: usize = 10;

/// Said after the last line of a file that ends without a newline.
const NO_NEWLINE: &str = "\\ No newline at end of file";

fn write_hunk(to: &mut dyn Write, hunk: &Hunk, form: Form, look: &Look) -> io::Result<()> {
    let range = |start: u64, len: u64| match len {
        1 => start.to_string(),
        _ => format!("{start},{len}"),
    };
    let (old, new) = (range(hunk.old_start, hunk.old_len), range(hunk.new_start, hunk.new_len));
    writeln!(to, "{}", look.paint.on(Style::Live, format_args!("@@ -{old} +{new} @@")))?;
    if form == Form::Words {
        words::write(to, &hunk.words, look)?;
        return match hunk.lines.iter().any(|line| line.end == LineEnd::File) {
            true => writeln!(to, "{NO_NEWLINE}"),
            false => Ok(()),
        };
    }
    for line in &hunk.lines {
        write_line(to, line, look)?;
        if line.end == LineEnd::File {
            writeln!(to, "{NO_NEWLINE}")?;
        }
    }
    Ok(())
}

fn write_line(to: &mut dyn Write, line: &Line, look: &Look) -> io::Result<()> {
    let (style, sign) = match line.sign {
        Sign::Same => (Style::Text, ' '),
        Sign::Added => (Style::Ok, '+'),
        Sign::Removed => (Style::Bad, '-'),
    };
    if look.paint == Paint::Plain && look.width.is_none() {
        write!(to, "{sign}")?;
        to.write_all(line.text.as_bytes())?;
        return writeln!(to);
    }
    writeln!(to, "{}", look.paint.on(style, format_args!("{sign}{}", visible(0, line.text.as_bytes()))))
}

/// A line, or what of it begins at `column`, for people: tabs as spaces, the rest safe.
pub(super) fn visible(column: usize, line: &[u8]) -> String {
    let mut shown = String::new();
    for (at, part) in line.split(|byte| *byte == b'\t').enumerate() {
        if at > 0 {
            let width = column + shown.width();
            shown.extend(std::iter::repeat_n(' ', TAB - width % TAB));
        }
        shown.push_str(&Safe(part).to_string());
    }
    shown
}

/// A name as git quotes it: bare, or in quotes with octal escapes for what is not harmless.
fn quoted(prefix: &str, path: &Text) -> String {
    let mut bare = true;
    let mut name = String::new();
    for chunk in path.as_bytes().utf8_chunks() {
        for ch in chunk.valid().chars() {
            match ch {
                '"' | '\\' => name.extend(['\\', ch]),
                _ if is_hidden(ch) => octal(&mut name, ch.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => name.push(ch),
            }
            bare &= !matches!(ch, '"' | '\\') && !is_hidden(ch);
        }
        octal(&mut name, chunk.invalid());
        bare &= chunk.invalid().is_empty();
    }
    match bare {
        true => format!("{prefix}{name}"),
        false => format!("\"{prefix}{name}\""),
    }
}

fn octal(name: &mut String, bytes: &[u8]) {
    for byte in bytes {
        name.push_str(&format!("\\{byte:03o}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{colour, fits, look, oid, screen};

    fn side(mode: u32, id: u8) -> Option<Side> {
        Some(Side { mode, id: oid(id) })
    }

    fn line(sign: Sign, text: &str) -> Line {
        Line { sign, text: text.into(), end: LineEnd::Newline }
    }

    fn files() -> Vec<FilePatch> {
        let lines = vec![
            line(Sign::Same, "fn main() {"),
            line(Sign::Removed, "\told(\u{1b}[2J);"),
            line(Sign::Added, "a\tnew();\r"),
            Line { end: LineEnd::File, ..line(Sign::Same, "}") },
        ];
        let hunk = Hunk { old_start: 1, old_len: 3, new_start: 1, new_len: 3, lines, words: vec![] };
        let many = (0..300).map(|_| line(Sign::Added, "x")).collect();
        let new = Hunk { old_start: 0, old_len: 0, new_start: 1, new_len: 300, lines: many, words: vec![] };
        let file = |path: &str, old, new, body| FilePatch { path: path.into(), old, new, body };
        vec![
            file("src/main.rs", side(0o100644, 1), side(0o100755, 2), Body::Lines(vec![hunk])),
            file(
                "tests/a rather deep/and long/path to/new.txt",
                None,
                side(0o100644, 3),
                Body::Lines(vec![new]),
            ),
            file("logo \"1\"\n.png", side(0o100644, 4), None, Body::Binary),
        ]
    }

    #[test]
    fn a_stat_counts_the_lines_of_each_file() {
        let narrow = screen(|to| write(to, &files(), Form::Stat, &look(Some(80))));
        fits(&narrow, 80);
        assert_eq!(
            narrow,
            "\
src/main.rs                                       +1  -1
tests/a rather deep/and long/path to/new.txt    +300   0
logo \"1\"\\n.png                                binary
3 files changed, 301 lines added, 1 line removed
"
        );
        assert_eq!(screen(|to| write(to, &[], Form::Stat, &look(None))), "");
    }

    #[test]
    fn names_have_their_status_before_them() {
        assert_eq!(
            screen(|to| write(to, &files(), Form::NameStatus, &look(None))),
            "\
M  src/main.rs
A  tests/a rather deep/and long/path to/new.txt
D  logo \"1\"\\n.png
"
        );
    }

    #[test]
    fn off_a_terminal_a_patch_is_exact() {
        assert_eq!(
            screen(|to| write(to, &files()[..1], Form::Patch, &look(None))),
            "\
diff --git a/src/main.rs b/src/main.rs
old mode 100644
new mode 100755
index 0101010101..0202020202
--- a/src/main.rs
+++ b/src/main.rs
@@ -1,3 +1,3 @@
 fn main() {
-\told(\u{1b}[2J);
+a\tnew();\r
 }
\\ No newline at end of file
"
        );
    }

    #[test]
    fn a_patch_of_words_has_the_heads_of_a_patch_and_says_where_a_newline_is_missing() {
        let mut file = files().remove(0);
        if let Body::Lines(hunks) = &mut file.body {
            hunks[0].words = vec![Piece { sign: Sign::Added, text: "new\u{1b}".into() }];
        }
        let lines = screen(|to| write(to, &[file], Form::Words, &look(None)));
        let end = "+++ b/src/main.rs\n@@ -1,3 +1,3 @@\n{+new\\x1b+}\n\\ No newline at end of file\n";
        assert!(lines.starts_with("diff --git a/src/main.rs") && lines.ends_with(end), "{lines}");
    }

    #[test]
    fn on_a_terminal_nothing_in_a_patch_is_obeyed() {
        let lines = screen(|to| write(to, &files()[..1], Form::Patch, &look(Some(80))));
        assert!(lines.contains("\n-        old(\\x1b[2J);\n+a       new();\\r\n }\n"), "{lines}");
        let lines = screen(|to| write(to, &files()[..1], Form::Patch, &Look { width: None, ..colour(80) }));
        assert!(lines.contains("\u{1b}[31m-        old(\\x1b[2J);\u{1b}[0m\n"), "{lines}");
    }

    #[test]
    fn a_file_that_is_gone_has_no_name_on_the_new_side() {
        assert_eq!(
            screen(|to| write(to, &files()[2..], Form::Patch, &look(None))),
            "\
diff --git \"a/logo \\\"1\\\"\\012.png\" \"b/logo \\\"1\\\"\\012.png\"
deleted file mode 100644
index 0404040404..0000000000
Binary files \"a/logo \\\"1\\\"\\012.png\" and /dev/null differ
"
        );
        assert_eq!(quoted("a/", &b"caf\xe9".as_slice().into()), "\"a/caf\\351\"");
        assert_eq!(quoted("a/", &"größe".into()), "a/größe");
    }
}
