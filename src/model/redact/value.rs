//! The value after an operator: between quotes of any depth of escaping, or bare.

use std::ops::Range;

use super::bytes::{is_quote, run, run_within};

/// A value, without its quotes.
pub struct Value {
    /// Where it is; never empty.
    pub span: Range<usize>,
    /// True if quotes stand around it.
    pub quoted: bool,
}

/// Values are searched for their closing quote no further than this.
const LONGEST: usize = 8192;

/// True for what a value without quotes consists of.
pub fn is_bare(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"\"'`,;&|<>()[]{}\\".contains(&byte)
}

/// Returns the value that begins at `at`; `bare` says what one without quotes consists of.
pub fn at(text: &[u8], at: usize, bare: impl Fn(u8) -> bool) -> Option<Value> {
    let quote = run_within(text, at, 8, |byte| byte == b'\\');
    let value = match text.get(quote) {
        Some(&byte) if is_quote(byte) => {
            Value { span: quote + 1..closing(text, quote + 1, &text[at..=quote])?, quoted: true }
        }
        _ => Value { span: at..run(text, at, bare), quoted: false },
    };
    (!value.span.is_empty()).then_some(value)
}

/// Returns where the value that was opened by `quote` ends, on the same line.
///
/// A text that was cut inside of the quotes ends it too.
fn closing(text: &[u8], start: usize, quote: &[u8]) -> Option<usize> {
    let escaped = quote == b"\"";
    let mut at = start;
    while at < text.len() && at - start <= LONGEST {
        match text[at] {
            b'\r' | b'\n' => return None,
            b'\\' if escaped => at += 1,
            _ if text[at..].starts_with(quote) => return Some(at),
            _ => {}
        }
        at += 1;
    }
    (at >= text.len()).then_some(text.len())
}
