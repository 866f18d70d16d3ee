//! Programs that take a password as an argument whose name does not say so.

use std::ops::Range;

use super::bytes::{self, run};
use super::engine::Finding;

/// Command lines are read no further than this.
const LONGEST: usize = 4096;

/// Looks at the arguments of the program whose name begins at `at`.
pub fn argument(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    if at > 0 && (bytes::is_word(text[at - 1]) || text[at - 1] == b'-') {
        return;
    }
    let end = run(text, at, |byte| bytes::is_word(byte) || byte == b'-');
    let words = words(text, end);
    match &text[at..end] {
        b"curl" => each(text, &words, curl, found),
        b"sshpass" => each(text, &words, |word| flag(word, b"-p"), found),
        b"redis-cli" => each(text, &words, |word| flag(word, b"-a"), found),
        b"docker" | b"podman" if words.first().is_some_and(|word| &text[word.clone()] == b"login") => {
            each(text, &words, |word| flag(word, b"-p"), found);
        }
        name if name.starts_with(b"mysql") || name.starts_with(b"mariadb") => {
            each(text, &words, |word| flag(word, b"-p").filter(|place| *place != Place::Next), found);
        }
        _ => {}
    }
}

/// Where a flag has its password.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// From this byte of the same word on.
    From(usize),
    /// The next word.
    Next,
    /// After the colon of the rest of the same word.
    PairFrom(usize),
    /// After the colon of the next word.
    PairNext,
}

fn flag(word: &[u8], name: &[u8]) -> Option<Place> {
    let rest = word.strip_prefix(name)?;
    Some(if rest.is_empty() { Place::Next } else { Place::From(name.len()) })
}

fn curl(word: &[u8]) -> Option<Place> {
    for long in [&b"--user"[..], b"--proxy-user"] {
        match word.strip_prefix(long) {
            Some(b"") => return Some(Place::PairNext),
            Some([b'=', ..]) => return Some(Place::PairFrom(long.len() + 1)),
            _ => {}
        }
    }
    // Short flags may be joined, as in `-su`.
    let letters = word.strip_prefix(b"-").filter(|rest| !rest.starts_with(b"-"))?;
    let user = letters.iter().take(8).position(|byte| matches!(byte, b'u' | b'U'))?;
    let joined = letters[..user].iter().all(|byte| b"sSkLfvigGIjnNOqRa0123456".contains(byte));
    let place = if user + 1 == letters.len() { Place::PairNext } else { Place::PairFrom(user + 2) };
    joined.then_some(place)
}

fn each(
    text: &[u8],
    words: &[Range<usize>],
    place: impl Fn(&[u8]) -> Option<Place>,
    found: &mut Vec<Finding>,
) {
    for (n, word) in words.iter().enumerate() {
        let next = || words.get(n + 1).cloned();
        let secret = match place(&text[word.clone()]) {
            Some(Place::From(at)) => Some(unquoted(text, word.start + at..word.end)),
            Some(Place::Next) => next(),
            Some(Place::PairFrom(at)) => after_colon(text, word.start + at..word.end),
            Some(Place::PairNext) => next().and_then(|next| after_colon(text, next)),
            None => None,
        };
        if let Some(secret) = secret.filter(|secret| !bytes::is_placeholder(&text[secret.clone()])) {
            found.push(Finding::new("tool-flag", secret));
        }
    }
}

fn after_colon(text: &[u8], pair: Range<usize>) -> Option<Range<usize>> {
    let pair = unquoted(text, pair);
    let colon = text[pair.clone()].iter().position(|&byte| byte == b':')?;
    Some(pair.start + colon + 1..pair.end)
}

/// The words after a program's name, up to the end of its command, without the quotes around them.
fn words(text: &[u8], from: usize) -> Vec<Range<usize>> {
    let text = &text[..text.len().min(from + LONGEST)];
    let mut words = Vec::new();
    let mut at = from;
    loop {
        at = after_blank(text, at);
        let end = word_end(text, at);
        if end == at {
            return words;
        }
        words.push(unquoted(text, at..end));
        at = end;
    }
}

fn after_blank(text: &[u8], at: usize) -> usize {
    let at = run(text, at, bytes::is_blank);
    let line = [&b"\\\n"[..], b"\\\r\n"].into_iter().find(|line| text[at..].starts_with(line));
    match line {
        Some(line) => after_blank(text, at + line.len()),
        None => at,
    }
}

fn word_end(text: &[u8], from: usize) -> usize {
    let (mut at, mut quote) = (from, None);
    while let Some(&byte) = text.get(at) {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') if text.get(at + 1) == Some(&b'\n') => return at,
            (_, b'\\') => at += 1,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b';' | b'|' | b'&' | b'`' | b')' | b'\r' | b'\n' | b' ' | b'\t') => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

fn unquoted(text: &[u8], word: Range<usize>) -> Range<usize> {
    let inside = &text[word.clone()];
    match (inside.first(), inside.last()) {
        (Some(open), Some(close)) if inside.len() >= 2 && open == close && bytes::is_quote(*open) => {
            word.start + 1..word.end - 1
        }
        _ => word,
    }
}
