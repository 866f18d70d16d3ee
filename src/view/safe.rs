//! The one way in which foreign text reaches a terminal.
//!
//! Commands, paths, branches, prompts and subjects come from repositories, agents and web pages.
//! Whatever could move the cursor, change the order of what is read, or hide, is made visible.
//! Nothing is left out and nothing is interpreted: a backslash stays a backslash.

use std::fmt::{self, Write};

/// Foreign bytes, shown on one line.
#[derive(Clone, Copy)]
pub struct Safe<'a>(pub &'a [u8]);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (true, Ok(plain)) =
            (self.0.iter().all(|byte| (b' '..=b'~').contains(byte)), str::from_utf8(self.0))
        {
            return f.write_str(plain);
        }
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|ch| show(f, ch))?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, ch: char) -> fmt::Result {
    match ch {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        _ if ch.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(ch)),
        _ if is_hidden(ch) => write!(f, "\\u{{{:x}}}", u32::from(ch)),
        _ => f.write_char(ch),
    }
}

/// True for what a terminal obeys, reorders by, or does not show.
pub fn is_hidden(ch: char) -> bool {
    ch.is_control()
        || matches!(ch,
            // Soft hyphen, joiners, fillers and separators without width.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}'
            // Direction, old and new, and the deprecated format characters.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Line and paragraph separators, interlinear notes, tags.
            | '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_made_visible() {
        let cases: [(&[u8], &str); 12] = [
            (b"cargo test", "cargo test"),
            ("größe 日本 🎉".as_bytes(), "größe 日本 🎉"),
            (b"a\nb\r\tc", "a\\nb\\r\\tc"),
            (b"\x1b[2J\x1b]52;c;AAAA\x07", "\\x1b[2J\\x1b]52;c;AAAA\\x07"),
            (b"nul\0del\x7f", "nul\\x00del\\x7f"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("exe\u{202e}gpj.a".as_bytes(), "exe\\u{202e}gpj.a"),
            ("a\u{2028}b\u{200b}c\u{feff}".as_bytes(), "a\\u{2028}b\\u{200b}c\\u{feff}"),
            ("\u{2066}x\u{2069}\u{61c}".as_bytes(), "\\u{2066}x\\u{2069}\\u{61c}"),
            (b"caf\xe9\xff", "caf\\xe9\\xff"),
            (b"\xed\xa0\x80 \xc0\xaf", "\\xed\\xa0\\x80 \\xc0\\xaf"),
            (b"C:\\new", "C:\\new"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(Safe(bytes).to_string(), shown);
        }
    }

    /// The ranges of the threat model, written out a second time on purpose.
    fn obeyed(ch: char) -> bool {
        matches!(u32::from(ch), 0..=0x1f | 0x7f..=0x9f | 0x200b..=0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff)
    }

    proptest! {
        #[test]
        fn no_bytes_reach_the_terminal_as_orders(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!Safe(&bytes).to_string().chars().any(obeyed));
        }

        #[test]
        fn no_text_reaches_the_terminal_as_orders(text in "[\\x00-\\x{a0}\\x{2000}-\\x{2070}\\x{feff}a-z]{0,60}") {
            prop_assert!(!Safe(text.as_bytes()).to_string().chars().any(obeyed));
        }
    }
}
