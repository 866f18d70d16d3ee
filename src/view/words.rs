//! A hunk word by word: `[-what went-]{+what came+}`, in colour where there is some.
//!
//! It is for people only, so all of it goes through [`super::safe`], off a terminal too.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::Look;
use super::paint::Style;
use super::patch::{Sign, visible};
use crate::model::text::Text;

/// A stretch of text that went, came or stayed, with the newlines in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub sign: Sign,
    pub text: Text,
}

/// Writes the pieces; a newline ends the line, on whichever side it is.
pub(super) fn write(to: &mut dyn Write, pieces: &[Piece], look: &Look) -> io::Result<()> {
    let mut column = 0;
    let mut ended = true;
    for piece in pieces {
        for part in piece.text.as_bytes().split_inclusive(|byte| *byte == b'\n') {
            let (text, newline) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let (style, open, close) = match piece.sign {
                Sign::Same => (Style::Text, "", ""),
                Sign::Removed => (Style::Bad, "[-", "-]"),
                Sign::Added => (Style::Ok, "{+", "+}"),
            };
            if !text.is_empty() {
                let shown = visible(column + open.len(), text);
                column += open.len() + shown.width() + close.len();
                write!(to, "{}", look.paint.on(style, format_args!("{open}{shown}{close}")))?;
            }
            if newline {
                writeln!(to)?;
                column = 0;
            }
            ended = newline;
        }
    }
    if ended { Ok(()) } else { writeln!(to) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{colour, look, screen};

    fn piece(sign: Sign, text: &str) -> Piece {
        Piece { sign, text: text.into() }
    }

    #[test]
    fn words_that_went_and_came_are_in_brackets_on_the_line_they_changed() {
        let pieces = [
            piece(Sign::Same, "let "),
            piece(Sign::Removed, "x"),
            piece(Sign::Added, "y"),
            piece(Sign::Same, " = 1;\n"),
            piece(Sign::Removed, "gone\n\nlong gone\n"),
            piece(Sign::Same, "}"),
        ];
        assert_eq!(
            screen(|to| write(to, &pieces, &look(None))),
            "let [-x-]{+y+} = 1;\n[-gone-]\n\n[-long gone-]\n}\n"
        );
        assert!(
            screen(|to| write(to, &pieces, &colour(80)))
                .starts_with("let \u{1b}[31m[-x-]\u{1b}[0m\u{1b}[32m{+y+}\u{1b}[0m = 1;\n")
        );
    }

    #[test]
    fn nothing_in_a_word_is_obeyed_and_tabs_keep_their_stops() {
        let pieces = [
            piece(Sign::Same, "a\t"),
            piece(Sign::Removed, "\u{1b}[2J\r"),
            piece(Sign::Added, "\t\u{202e}x"),
            piece(Sign::Same, "\n"),
        ];
        assert_eq!(screen(|to| write(to, &pieces, &look(None))), "a       [-\\x1b[2J\\r-]{+ \\u{202e}x+}\n");
    }
}
