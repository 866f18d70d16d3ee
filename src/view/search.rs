//! What answers a question, the best first, each with the matching part in sight: `trace search`.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table, cut, cut_front};
use super::{Look, count, short, time, who};
use crate::model::hit::{Hit, Kind};

/// Before the text of a hit.
const INDENT: &str = "    ";

/// Columns below which there is no room for whole sentences.
const WIDE: usize = 80;

/// Writes two lines per hit: what, when, whose and where; and the text.
pub fn write(to: &mut dyn Write, hits: &[Hit], look: &Look) -> io::Result<()> {
    hits.iter().try_for_each(|hit| {
        head(to, hit, look)?;
        write!(to, "{INDENT}")?;
        text(to, hit, look)
    })
}

fn head(to: &mut dyn Write, hit: &Hit, look: &Look) -> io::Result<()> {
    let mut columns = vec![Column::text("WHAT"), Column::text("CHECKPOINT"), Column::text("TIME")];
    let mut cells = vec![
        Cell::new(Style::Text, format_args!("{:<10}", hit.kind.word())),
        place(hit, look),
        Cell::new(Style::Text, time::relative(Some(hit.at), look.now)),
    ];
    // A path has no owner here: who was at work when it changed, `trace show` and `trace why` tell.
    if hit.who.session.is_some() {
        let least = who::room(std::iter::once(&hit.who)).max(8);
        columns.push(Column::flexible("BY", least).spare());
        cells.push(Cell::new(Style::Text, who::word(&hit.who)));
    }
    if let Some(outcome) = outcome(hit) {
        columns.push(Column::text("OUTCOME"));
        cells.push(outcome);
    }
    let mut line = Table::new(Headings::Left, &columns);
    line.row(cells);
    line.write(to, look)
}

fn place(hit: &Hit, look: &Look) -> Cell {
    match hit.checkpoint {
        Some(id) => Cell::new(Style::Id, short(id)),
        None if look.width.is_some_and(|width| width < WIDE) => Cell::new(Style::Live, "waiting"),
        None => Cell::new(Style::Live, "not yet in a checkpoint"),
    }
}

/// How a command ended, and how often a path changed.
fn outcome(hit: &Hit) -> Option<Cell> {
    let exit = hit.command.as_ref().map(|command| command.exit);
    match (hit.kind, exit) {
        (Kind::Path, _) => {
            let times = count(hit.times, "checkpoint");
            Some(Cell::new(Style::Text, format_args!("changed in {times}")))
        }
        (_, Some(Some(0))) => Some(Cell::new(Style::Ok, "exit 0")),
        (_, Some(Some(exit))) => Some(Cell::new(Style::Bad, format_args!("exit {exit}"))),
        (_, Some(None)) => Some(Cell::new(Style::Dim, "no exit code")),
        (_, None) => None,
    }
}

/// The text on one line: all of it where there is room, else so much that the first match is seen.
fn text(to: &mut dyn Write, hit: &Hit, look: &Look) -> io::Result<()> {
    let pieces = pieces(hit);
    let Some(room) = look.width.map(|width| width.saturating_sub(INDENT.len()).max(16)) else {
        return line(to, &pieces, look);
    };
    line(to, &fit(pieces, room), look)
}

/// A part of the text, safe to print, and whether it matches.
type Piece = (bool, String);

fn pieces(hit: &Hit) -> Vec<Piece> {
    let text = hit.text.as_bytes();
    let safe = |bytes: &[u8]| Safe(bytes).to_string();
    let mut pieces = Vec::new();
    let mut at = 0;
    for span in &hit.found.spans {
        pieces.extend([(false, safe(&text[at..span.start])), (true, safe(&text[span.clone()]))]);
        at = span.end;
    }
    pieces.push((false, safe(&text[at..])));
    pieces
}

/// Cuts what goes before the first match to a third of the room, and then the end, as far as needed.
fn fit(mut pieces: Vec<Piece>, room: usize) -> Vec<Piece> {
    let all: usize = pieces.iter().map(|(_, text)| text.width()).sum();
    if all <= room {
        return pieces;
    }
    if let Some((false, before)) = pieces.first_mut() {
        let spare = room.saturating_sub(all - before.width());
        *before = cut_front(before, spare.max(room / 3));
    }
    let mut left = room;
    let mut shown = Vec::new();
    for (hit, text) in pieces {
        let cut = cut(&text, left);
        let ends = cut != text;
        left = left.saturating_sub(cut.width());
        shown.push((hit, cut));
        if ends {
            break;
        }
    }
    shown
}

fn line(to: &mut dyn Write, pieces: &[Piece], look: &Look) -> io::Result<()> {
    for (hit, text) in pieces.iter().filter(|(_, text)| !text.is_empty()) {
        let style = if *hit { Style::Match } else { Style::Text };
        write!(to, "{}", look.paint.on(style, text))?;
    }
    writeln!(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::query::{Form, Query};
    use crate::model::time::Timestamp;
    use crate::model::who::Who;
    use crate::view::testing::{ago, colour, command, fits, look, oid, screen, shell};

    fn hit(kind: Kind, words: &str, text: &str) -> Hit {
        let query = Query::new(&[words.to_owned()], Form::Words).unwrap();
        let ran = command(7, text, 101);
        Hit {
            kind,
            at: ago(180),
            text: text.into(),
            found: query.judge(text.as_bytes()).unwrap(),
            who: match kind {
                Kind::Path => Who::default(),
                _ => Who { session: Some(shell()), agent: "shell".to_owned(), ..Who::default() },
            },
            checkpoint: Some(oid(0x3f)),
            command: (kind == Kind::Command).then(|| Box::new(ran)),
            times: 3,
        }
    }

    const LONG: &str =
        "cargo test --workspace --all-targets -- --nocapture the_parser_survives_an_empty_line_at_the_end";

    #[test]
    fn a_hit_says_what_when_whose_and_where_and_then_its_text() {
        let mut waiting = hit(Kind::Prompt, "parser", "make the parser\nsurvive \u{1b}[2J");
        waiting.checkpoint = None;
        let hits = [hit(Kind::Command, "parser", LONG), waiting, hit(Kind::Path, "parser", "src/parser.rs")];
        assert_eq!(
            screen(|to| write(to, &hits, &look(None))),
            format!(
                "\
command     3f3f3f3f3f  3m ago  shell 01987f00-1111  exit 101
    {LONG}
prompt      not yet in a checkpoint  3m ago  shell 01987f00-1111
    make the parser\\nsurvive \\x1b[2J
path        3f3f3f3f3f  3m ago  changed in 3 checkpoints
    src/parser.rs
"
            )
        );
    }

    #[test]
    fn where_there_is_little_room_the_match_is_still_seen() {
        for (words, shown) in [
            ("parser", "    …e --all-targets -- --nocapture the_parser_survives_an_empty_line_at_the_end\n"),
            ("cargo", "    cargo test --workspace --all-targets -- --nocapture the_parser_survives_an_…\n"),
            ("end", "…"),
        ] {
            let lines = screen(|to| write(to, &[hit(Kind::Command, words, LONG)], &look(Some(80))));
            fits(&lines, 80);
            assert!(lines.contains(words) && lines.contains(shown), "{lines}");
        }
        for width in 0..120 {
            let lines = screen(|to| {
                write(to, &[hit(Kind::Prompt, "本", "日本語日本語日本語日本語日本語")], &look(Some(width)))
            });
            assert!(lines.contains('本'), "{lines}");
        }
    }

    #[test]
    fn what_is_said_of_a_hit_fits_and_keeps_the_ids_and_the_outcome() {
        let mut waiting = hit(Kind::Command, "cargo", LONG);
        waiting.checkpoint = None;
        let mut named = hit(Kind::Command, "cargo", LONG);
        named.who.alias = Some("the one that mends what the other one broke".to_owned());
        let mut endless = hit(Kind::Command, "cargo", LONG);
        (endless.checkpoint, endless.at) = (None, ago(0));
        if let Some(command) = &mut endless.command {
            command.exit = None;
        }
        let hits = [waiting, named, endless, hit(Kind::Path, "src", "src/parser.rs")];
        let lines = screen(|to| write(to, &hits, &look(Some(64))));
        fits(&lines, 64);
        let heads: Vec<&str> = lines.lines().step_by(2).collect();
        assert_eq!(
            heads,
            [
                "command     waiting  3m ago  shell 01987f00-1111  exit 101",
                "command     3f3f3f3f3f  3m ago  the one that mends wh…  exit 101",
                "command     waiting  just now  shell 01987f00-1111  no exit code",
                "path        3f3f3f3f3f  3m ago  changed in 3 checkpoints",
            ]
        );
    }

    #[test]
    fn every_match_is_coloured_and_nothing_else_of_the_text() {
        let mut hit = hit(Kind::Path, "b", "a/b/b.rs");
        hit.at = Timestamp(0);
        let lines = screen(|to| write(to, &[hit], &colour(80)));
        assert!(lines.ends_with("    a/\u{1b}[1;31mb\u{1b}[0m/\u{1b}[1;31mb\u{1b}[0m.rs\n"), "{lines:?}");
    }
}
