//! What takes a secret's place: `⟦trace:redacted RULE HASH8⟧`.
//!
//! The eight digits will tell equal secrets from others once a store has a key of its own.
//! Without one a digest could be guessed back to the secret, so they are zeros.

use std::ops::Range;

use super::bytes::Needle;

const OPEN: &[u8] = "⟦trace:redacted ".as_bytes();
static OPENS: Needle = Needle::new(OPEN);
const CLOSE: &[u8] = "⟧".as_bytes();
const HASH: &[u8] = b"00000000";
/// Longer than any rule's name, too short for a secret to hide in.
const NAME_MAX: usize = 24;

/// Appends the mark of `rule`.
pub fn push(rule: &str, out: &mut Vec<u8>) {
    for part in [OPEN, rule.as_bytes(), b" ", HASH, CLOSE] {
        out.extend_from_slice(part);
    }
}

/// The mark of `rule`.
pub fn of(rule: &str) -> Vec<u8> {
    let mut mark = Vec::new();
    push(rule, &mut mark);
    mark
}

/// Returns where the first mark at or after `from` is.
pub fn next(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut from = from;
    loop {
        let at = from + OPENS.find(&text[from..])?;
        if let Some(len) = length(&text[at..]) {
            return Some(at..at + len);
        }
        from = at + 1;
    }
}

/// The length of the mark that `text` begins with.
fn length(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(OPEN)?;
    let name = rest.iter().take(NAME_MAX + 1).position(|&byte| byte == b' ')?;
    let valid = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    if name == 0 || !rest[..name].iter().all(valid) {
        return None;
    }
    let hash = rest.get(name + 1..name + 1 + HASH.len())?;
    let tail = &rest[name + 1 + HASH.len()..];
    (hash.iter().all(u8::is_ascii_hexdigit) && tail.starts_with(CLOSE))
        .then_some(OPEN.len() + name + 1 + HASH.len() + CLOSE.len())
}

/// True if `text` is one mark and nothing else.
pub fn is_mark(text: &[u8]) -> bool {
    length(text) == Some(text.len())
}

/// The stretches of text between the marks, the empty ones left out.
pub fn pieces(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = Some(0);
    let pieces = std::iter::from_fn(move || {
        let start = from?;
        let mark = next(text, start);
        from = mark.as_ref().map(|mark| mark.end);
        Some(start..mark.map_or(text.len(), |mark| mark.start))
    });
    pieces.filter(|piece| !piece.is_empty())
}

/// How many marks a text holds.
pub fn count(text: &[u8]) -> u64 {
    let (mut from, mut count) = (0, 0);
    while let Some(mark) = next(text, from) {
        from = mark.end;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted_and_what_only_looks_like_one_is_not() {
        let mark = String::from_utf8(of("github")).unwrap();
        assert_eq!(mark, "⟦trace:redacted github 00000000⟧");
        for (text, wanted) in [
            (String::new(), 0),
            (mark.clone(), 1),
            (format!("a {mark}{mark} b ⟦{mark}"), 3),
            ("⟦trace:redacted github 0000⟧".into(), 0),
            (format!("⟦trace:redacted {} 00000000⟧", "a".repeat(25)), 0),
            ("⟦trace:redacted GITHUB 00000000⟧".into(), 0),
            ("⟦trace:redacted ".into(), 0),
        ] {
            assert_eq!(count(text.as_bytes()), wanted, "{text}");
        }
    }

    #[test]
    fn pieces_are_what_lies_between_marks() {
        let text = [b"ab".to_vec(), of("jwt"), of("jwt"), b"c".to_vec()].concat();
        let pieces: Vec<&[u8]> = pieces(&text).map(|piece| &text[piece]).collect();
        assert_eq!(pieces, [&b"ab"[..], b"c"]);
    }
}
