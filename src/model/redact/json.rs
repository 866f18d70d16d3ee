//! Walks one line of JSON: every string in it, keys included, at any depth, without recursion.
//!
//! Only what changes is encoded anew; every other byte stays. The walk is about where strings are
//! and which key stands before them; whether one is a secret is decided in `field.rs`.

use std::ops::Range;

use super::bytes;
use super::escape;
use super::field::{self, Place};
use super::words::Strength;

/// What became of a line.
pub enum Walk {
    /// It is not JSON.
    Foreign,
    /// There was nothing to take out.
    Clean,
    /// This is left of it.
    Changed(Vec<u8>),
}

/// Walks `text`, which is JSON that lies `depth` strings deep in other JSON.
pub fn walk(text: &[u8], depth: usize) -> Walk {
    let mut walker = Walker { text, at: 0, depth, copied: 0, out: Vec::new(), stack: Vec::new() };
    match walker.run() {
        None => Walk::Foreign,
        Some(()) if walker.copied == 0 => Walk::Clean,
        Some(()) => {
            walker.out.extend_from_slice(&text[walker.copied..]);
            Walk::Changed(walker.out)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
}

/// An object or array that is open.
struct Frame<'a> {
    kind: Kind,
    /// A value stands here and no comma after it yet.
    filled: bool,
    /// How many values it has so far.
    values: usize,
    /// What was said before the value that comes next.
    place: Place<'a>,
}

struct Walker<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    /// Up to where `text` is in `out`.
    copied: usize,
    out: Vec<u8>,
    stack: Vec<Frame<'a>>,
}

impl<'a> Walker<'a> {
    fn run(&mut self) -> Option<()> {
        self.value()?;
        while let Some(frame) = self.stack.last_mut() {
            let (kind, filled) = (frame.kind, frame.filled);
            match (kind, self.next_byte()?) {
                (Kind::Object, b'}') | (Kind::Array, b']') => {
                    self.at += 1;
                    self.stack.pop();
                }
                (_, b',') if filled => {
                    self.at += 1;
                    self.stack.last_mut()?.filled = false;
                }
                (Kind::Object, b'"') if !filled => self.member()?,
                (Kind::Array, _) if !filled => self.value()?,
                _ => return None,
            }
        }
        self.next_byte().is_none().then_some(())
    }

    /// The next byte that is no white space; stays in front of it.
    fn next_byte(&mut self) -> Option<u8> {
        self.at = bytes::run(self.text, self.at, |byte| byte.is_ascii_whitespace());
        self.text.get(self.at).copied()
    }

    fn member(&mut self) -> Option<()> {
        let token = self.string()?;
        let text: &'a [u8] = self.text;
        let key = escape::decode(&text[token.start + 1..token.end - 1])?;
        if let Some(new) = field::redact_plain(&key, self.depth) {
            self.replace(token, &new);
        }
        (self.next_byte()? == b':').then_some(())?;
        self.at += 1;
        self.stack.last_mut()?.place.enter(key);
        self.value()
    }

    fn value(&mut self) -> Option<()> {
        let first = self.next_byte()?;
        let kind = match first {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => return self.text_value(),
            _ => return self.scalar(),
        };
        // An array under a key is as secret as the key says; an object has keys of its own.
        let inherited =
            self.stack.last().filter(|_| kind == Kind::Array).and_then(|frame| frame.place.strength());
        self.fill();
        self.at += 1;
        self.stack.push(Frame { kind, filled: false, values: 0, place: Place::under(inherited) });
        Some(())
    }

    fn text_value(&mut self) -> Option<()> {
        let token = self.string()?;
        let raw = &self.text[token.start + 1..token.end - 1];
        let decoded = escape::decode(raw)?;
        let is_last = self.next_byte() == Some(b']');
        let alone = Place::default();
        let (place, values) = self.stack.last().map_or((&alone, 0), |frame| (&frame.place, frame.values));
        let pair = values == 1 && is_last;
        let new = field::redact(raw, &decoded, place, pair, self.depth);
        if let Some(frame) = self.stack.last_mut() {
            frame.place.leave(&decoded);
        }
        if let Some(new) = new {
            self.replace(token, &new);
        }
        self.fill();
        Some(())
    }

    fn scalar(&mut self) -> Option<()> {
        let end =
            bytes::run(self.text, self.at, |byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let token = self.at..end;
        let scalar = &self.text[token.clone()];
        let number = scalar.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
        if !number && ![&b"true"[..], b"false", b"null"].contains(&scalar) {
            return None;
        }
        self.at = end;
        let strength = self.stack.last().and_then(|frame| frame.place.strength());
        if number && strength == Some(Strength::Strong) {
            self.replace(token, &super::mark::of("key-value"));
        }
        self.fill();
        Some(())
    }

    /// Notes that the open object or array has one more value.
    fn fill(&mut self) {
        if let Some(frame) = self.stack.last_mut() {
            frame.filled = true;
            frame.values += 1;
        }
    }

    /// Steps over the string in front and returns where it is, quotes included.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let mut at = start + 1;
        loop {
            at += bytes::find_any(self.text.get(at..)?, *b"\"\\")?;
            if self.text[at] == b'"' {
                break;
            }
            at += 2;
        }
        self.at = at + 1;
        Some(start..self.at)
    }

    fn replace(&mut self, token: Range<usize>, decoded: &[u8]) {
        self.out.extend_from_slice(&self.text[self.copied..token.start]);
        escape::encode(decoded, &mut self.out);
        self.copied = token.end;
    }
}
