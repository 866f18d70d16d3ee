//! What counts as a secret, and what takes its place.
//!
//! One pure engine: bytes in, bytes out, the same for all who ask. It stands before the journal,
//! before every object and before everything that shows the journal's text. Redacting twice
//! changes nothing.
//!
//! A pass over the bytes (`prefilter.rs`) finds the letters that secrets are known by. Only where
//! they stand does a rule look: a provider's expression (`rules.rs`, `provider.rs`), a shape
//! (`shapes.rs`, `pem.rs`) or a context (`words.rs`, `contexts.rs`, `tools.rs`, `dump.rs`).
//! `engine.rs` puts the marks (`mark.rs`); `json.rs` and `field.rs` do the same inside of JSON
//! without breaking it. Ordinary text compiles no expression.
//!
//! Absent on purpose: any memory of secrets met before, and any way for a repository to switch a
//! rule off.

mod bytes;
mod contexts;
mod dump;
mod engine;
mod escape;
mod field;
mod json;
mod mark;
mod names;
mod pem;
mod prefilter;
mod provider;
mod rules;
mod shapes;
#[cfg(test)]
mod tests;
mod tools;
mod value;
mod words;

pub use names::secret_name;

/// True if a mark stands in the text: something was taken out of it.
pub fn is_marked(text: &[u8]) -> bool {
    mark::next(text, 0).is_some()
}

/// Text that went through the rules: the only text the object writer takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// The text.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The text.
    pub fn get(&self) -> &T {
        &self.0
    }
}

impl Redacted<Vec<u8>> {
    /// Nothing yet, with room for so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Puts another behind it. Each is whole: where one ends, its last line does.
    pub fn append(&mut self, more: &Self) {
        self.0.extend_from_slice(&more.0);
    }

    /// Of its lines, those that `wanted` says yes to.
    pub fn retain(&self, mut wanted: impl FnMut(&[u8]) -> bool) -> Self {
        let lines = self.0.split_inclusive(|byte| *byte == b'\n').filter(|line| wanted(line));
        Self(lines.collect::<Vec<_>>().concat())
    }

    /// Puts a line of JSON behind it, without its secrets and with a newline. A newline within it, which
    /// means nothing in JSON, becomes a space.
    pub fn add_line(&mut self, line: &[u8]) {
        let start = self.0.len();
        match without_secrets(line) {
            Some(changed) => self.0.extend_from_slice(&changed),
            None => self.0.extend_from_slice(line),
        }
        self.0[start..].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        self.0.push(b'\n');
    }

    /// The text with every invalid sequence as U+FFFD.
    pub fn to_string_lossy(self) -> Redacted<String> {
        let text = String::from_utf8(self.0);
        Redacted(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

/// Redacts plain text, such as a command or a subject line.
pub fn text(bytes: &[u8]) -> Redacted<Vec<u8>> {
    Redacted(engine::redact(bytes).unwrap_or_else(|| bytes.to_vec()))
}

/// Lines that need more rounds than this are made to deceive, and go whole.
const ROUNDS: usize = 16;

/// Redacts one line of JSON: every string in it, keys included; it stays valid JSON.
///
/// A line that is not JSON is redacted as text.
pub fn json_line(line: &[u8]) -> Redacted<Vec<u8>> {
    Redacted(without_secrets(line).unwrap_or_else(|| line.to_vec()))
}

/// The same; `None` if there was nothing to take out.
fn without_secrets(line: &[u8]) -> Option<Vec<u8>> {
    let mut changed: Option<Vec<u8>> = None;
    for _ in 0..ROUNDS {
        let line = changed.as_deref().unwrap_or(line);
        match json::walk(line, 0) {
            json::Walk::Clean => return changed,
            json::Walk::Changed(next) => changed = Some(next),
            json::Walk::Foreign => return Some(foreign(line).0),
        }
    }
    let mut whole = Vec::new();
    escape::encode(&mark::of("engine"), &mut whole);
    Some(whole)
}

/// A line that should have been JSON: searched as it is and with its escapes undone.
fn foreign(line: &[u8]) -> Redacted<Vec<u8>> {
    let Redacted(raw) = text(line);
    let undone = escape::decode_leniently(&raw);
    match engine::findings(&undone, engine::Rules::Shapes).first() {
        Some(finding) => Redacted(mark::of(finding.rule)),
        None => Redacted(raw),
    }
}

/// How many marks a text holds.
pub fn count(bytes: &[u8]) -> u64 {
    mark::count(bytes)
}

/// True if the first mebibyte of an untracked file holds a provider's token, a private key or
/// a password in a URL.
pub fn secret_content(first_mebibyte: &[u8]) -> bool {
    !engine::findings(first_mebibyte, engine::Rules::Files).is_empty()
}
