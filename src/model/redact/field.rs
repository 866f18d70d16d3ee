//! Decides what becomes of one string of JSON, by what stands before it and by what it says.

use std::borrow::Cow;

use super::engine::{self, Rules, Search};
use super::json::{self, Walk};
use super::words::{self, Strength};
use super::{bytes, escape, mark, pem, prefilter};

/// Strings in strings are followed no deeper than this.
const DEEPEST: usize = 4;

/// What was said before a value.
#[derive(Default)]
pub struct Place<'a> {
    key: Cow<'a, [u8]>,
    /// What the key says, or the key above an array.
    strength: Option<Strength>,
    /// What a neighbour says: `"name": "DB_PASSWORD"` of the `"value"` after it, a flag of its argument.
    said: Option<Strength>,
    /// The neighbour was a flag, so what comes next is its argument.
    flag: bool,
    /// A private key was opened in this array and not closed yet.
    in_pem: bool,
    /// The object calls itself a `thinking` block.
    thinking: bool,
}

impl<'a> Place<'a> {
    /// Inside of an array under a key that says `strength`.
    pub fn under(strength: Option<Strength>) -> Self {
        Self { strength, ..Self::default() }
    }

    /// What is said of the next value.
    pub fn strength(&self) -> Option<Strength> {
        self.strength
    }

    /// Goes to the value of `key`.
    pub fn enter(&mut self, key: Cow<'a, [u8]>) {
        self.strength = words::name_strength(&key);
        if self.strength.is_none() && *key == *b"value" {
            self.strength = self.said;
        }
        self.key = key;
    }

    /// Remembers of the string that stood here what matters to its neighbours.
    pub fn leave(&mut self, value: &[u8]) {
        self.thinking |= *self.key == *b"type" && value == b"thinking";
        // The lines of a key come in an array.
        self.in_pem = self.is_array() && (pem::opens(value) || self.in_pem && !pem::closes(value));
        let flag = words::flag_strength(value);
        self.flag = flag.is_some();
        let named = self.is_array() || *self.key == *b"name" || *self.key == *b"key";
        match flag {
            Some(_) => self.said = Some(Strength::Strong),
            // A pair in an array is one only if its name is a variable of the environment.
            None if self.is_array() && value.iter().any(u8::is_ascii_lowercase) => self.said = None,
            None if named => self.said = variable_strength(value),
            None => {}
        }
    }

    fn is_array(&self) -> bool {
        self.key.is_empty()
    }
}

fn variable_strength(value: &[u8]) -> Option<Strength> {
    let plain = value.len() <= 64 && value.iter().all(|&byte| bytes::is_word(byte) || byte == b'-');
    plain.then(|| words::name_strength(value)).flatten()
}

/// Returns what is to stand in place of a string, none if it may stay.
///
/// `pair` says that it is the second of two in an array, as in `["DB_PASSWORD", "…"]`.
pub fn redact(raw: &[u8], value: &[u8], place: &Place<'_>, pair: bool, depth: usize) -> Option<Vec<u8>> {
    if value.is_empty() || mark::is_mark(value) || is_id(place, value) {
        return None;
    }
    if place.in_pem && pem::is_inside(value) {
        return Some(mark::of("pem"));
    }
    let argument = place.is_array() && (place.flag && !value.starts_with(b"-") || pair && !place.flag);
    let said = if argument { place.said } else { None };
    let secret = match place.strength.or(said) {
        Some(Strength::Strong) => true,
        Some(Strength::Weak) => bytes::looks_random(value) && !bytes::is_placeholder(value),
        None => false,
    };
    if secret {
        return Some(mark::of("key-value"));
    }
    if *place.key == *b"hex" {
        return hex(value);
    }
    match plain(value, depth) {
        Search::Changed(new) => Some(new),
        _ if raw == value => None,
        Search::Clean => as_written(raw),
        Search::Quiet if prefilter::begins_in_escape(raw) => as_written(raw),
        Search::Quiet => None,
    }
}

/// What was written in escapes may be a secret as it is written: what ends a word there need not end the
/// word that is meant. What it begins with stands in both, unless an escape is a part of it.
fn as_written(raw: &[u8]) -> Option<Vec<u8>> {
    engine::findings(raw, Rules::Shapes).first().map(|finding| mark::of(finding.rule))
}

/// Returns what is to stand in place of a string of which nothing is known.
pub fn redact_plain(value: &[u8], depth: usize) -> Option<Vec<u8>> {
    match plain(value, depth) {
        Search::Changed(new) => Some(new),
        Search::Quiet | Search::Clean => None,
    }
}

fn plain(value: &[u8], depth: usize) -> Search {
    let nested = depth < DEEPEST && matches!(value.trim_ascii_start().first(), Some(b'{' | b'['));
    match if nested { json::walk(value, depth + 1) } else { Walk::Foreign } {
        Walk::Changed(new) => Search::Changed(new),
        Walk::Clean => Search::Clean,
        Walk::Foreign => engine::search(value),
    }
}

/// Text that is no UTF-8 is hex in our own events.
fn hex(value: &[u8]) -> Option<Vec<u8>> {
    let bytes = escape::unhex(value)?;
    engine::redact(&bytes).map(|new| crate::model::digest::hex(&new).into_bytes())
}

const ID_KEYS: [&str; 14] = [
    "id",
    "uuid",
    "parentUuid",
    "sessionId",
    "session",
    "session_id",
    "command_id",
    "checkpoint",
    "commit",
    "parent",
    "head",
    "base",
    "worktree",
    "clone",
];

/// True for an id where an id belongs, and for the signature of a `thinking` block.
fn is_id(place: &Place<'_>, value: &[u8]) -> bool {
    if place.thinking && *place.key == *b"signature" {
        return value.iter().all(|&byte| bytes::is_base64(byte) || byte == b'=');
    }
    ID_KEYS.iter().any(|key| *key.as_bytes() == *place.key) && has_id_shape(value)
}

fn has_id_shape(value: &[u8]) -> bool {
    let bare = value.strip_prefix(b"sess_").or_else(|| value.strip_prefix(b"evt_")).unwrap_or(value);
    // A command's id is its session's and a number; its halves end in a letter.
    let end = bytes::run(bare, 0, |byte| byte.is_ascii_hexdigit() || byte == b'-');
    let (id, tail) = bare.split_at(end);
    let is_tail = tail.is_empty()
        || tail.len() <= 24
            && tail[0] == b'.'
            && tail[1..].iter().all(|&byte| bytes::is_word(byte) || byte == b'/');
    let uuid = id.len() == 36 && [8, 13, 18, 23].iter().all(|&at| id[at] == b'-');
    let hex = matches!(id.len(), 16 | 32 | 40 | 64) && !id.contains(&b'-');
    let ulid =
        value.len() == 26 && value.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (uuid || hex) && is_tail || ulid
}
