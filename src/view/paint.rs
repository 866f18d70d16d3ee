//! The few colours there are. Without colour there is no escape at all.

use std::fmt;

/// Whether to paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colour,
}

/// What a piece of text is, for the eye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    #[default]
    Text,
    /// Headings of columns, and what matters less.
    Dim,
    /// Ids that can be typed back.
    Id,
    /// It went well; lines that were added.
    Ok,
    /// It did not; lines that were removed.
    Bad,
    /// It is not over, or it wants attention.
    Live,
    /// Headings of blocks.
    Head,
    /// What was looked for.
    Match,
}

impl Paint {
    /// The thing in its style. It must be safe to print already.
    pub fn on<T: fmt::Display>(self, style: Style, thing: T) -> Painted<T> {
        Painted { code: self.code(style), thing }
    }

    /// Puts a text in its style behind others.
    pub fn push(self, to: &mut String, style: Style, text: &str) {
        match self.code(style) {
            Some(code) => ["\x1b[", code, "m", text, "\x1b[0m"].iter().for_each(|part| to.push_str(part)),
            None => to.push_str(text),
        }
    }

    fn code(self, style: Style) -> Option<&'static str> {
        match (self, style) {
            (Self::Plain, _) | (_, Style::Text) => None,
            (_, Style::Dim) => Some("2"),
            (_, Style::Id) => Some("33"),
            (_, Style::Ok) => Some("32"),
            (_, Style::Bad) => Some("31"),
            (_, Style::Live) => Some("36"),
            (_, Style::Head) => Some("1"),
            (_, Style::Match) => Some("1;31"),
        }
    }
}

/// A thing between the escapes of its style, or bare.
pub struct Painted<T> {
    code: Option<&'static str>,
    thing: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\x1b[{code}m{}\x1b[0m", self.thing),
            None => self.thing.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_escape_in_any_style() {
        for style in [
            Style::Text,
            Style::Dim,
            Style::Id,
            Style::Ok,
            Style::Bad,
            Style::Live,
            Style::Head,
            Style::Match,
        ] {
            assert_eq!(Paint::Plain.on(style, "x").to_string(), "x");
        }
        assert_eq!(Paint::Colour.on(Style::Text, "x").to_string(), "x");
        assert_eq!(Paint::Colour.on(Style::Bad, "x").to_string(), "\x1b[31mx\x1b[0m");
    }
}
