//! Words that announce a secret, and what counts as announced: the value after an operator,
//! after a flag, in a connection string, or a long number close by.

use super::bytes::{self, is_blank, is_quote, run, run_back, run_within};
use super::engine::Finding;
use super::{dump, value};

/// How much a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// What follows is a secret if it looks random.
    Weak,
    /// What follows is a secret.
    Strong,
}

/// A word that announces a secret.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How much it says.
    pub strength: Strength,
    role: Role,
}

/// What a flag that ends in the word takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The secret itself.
    Secret,
    /// As often a file's name as the secret.
    Either,
}

/// Word, strength, role.
const WORDS: [(&str, Strength, Role); 7] = [
    ("password", Strength::Strong, Role::Secret),
    ("passwd", Strength::Strong, Role::Secret),
    ("passphrase", Strength::Strong, Role::Secret),
    ("pwd", Strength::Strong, Role::Either),
    ("secret", Strength::Strong, Role::Secret),
    ("token", Strength::Weak, Role::Secret),
    ("credential", Strength::Weak, Role::Either),
];

/// What makes a secret of a key.
const KEYS: [(&str, Strength, Role); 7] = [
    ("api", Strength::Weak, Role::Secret),
    ("access", Strength::Weak, Role::Secret),
    ("auth", Strength::Weak, Role::Secret),
    ("private", Strength::Weak, Role::Either),
    ("secret", Strength::Strong, Role::Secret),
    ("signing", Strength::Weak, Role::Either),
    ("encryption", Strength::Weak, Role::Either),
];

/// What may follow the word inside a name.
const SUFFIXES: [&str; 9] = ["prod", "dev", "test", "old", "new", "value", "b64", "base64", "hex"];

/// Looks at everything that the word at `at` may announce.
pub fn announced(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let Some(word) = word_at(text, at) else { return };
    key_value(text, word, found);
    flag(text, word, found);
    connection(text, word, found);
    dump::number(text, word, found);
}

fn word_at(text: &[u8], at: usize) -> Option<Word> {
    if !begins_a_word(*text.get(at)?) {
        return None;
    }
    let word = |start, end, strength, role| Some(Word { start, end, strength, role });
    if let Some((name, strength, role)) = WORDS.iter().find(|(name, ..)| bytes::has_at(text, at, name)) {
        let plural = *name == "credential" && matches!(text.get(at + name.len()), Some(b's' | b'S'));
        return word(at, at + name.len() + usize::from(plural), *strength, *role);
    }
    if !bytes::has_at(text, at, "key") {
        return None;
    }
    let joint = at - usize::from(at > 0 && matches!(text[at - 1], b'_' | b'-'));
    let (name, strength, role) = KEYS.iter().find(|(name, ..)| {
        joint.checked_sub(name.len()).is_some_and(|start| bytes::has_at(text, start, name))
    })?;
    word(joint - name.len(), at + "key".len(), *strength, *role)
}

/// Whether one of the words, or `key`, begins with this letter.
fn begins_a_word(letter: u8) -> bool {
    const BEGINNINGS: [bool; 256] = {
        let mut known = [false; 256];
        let mut at = 0;
        while at < WORDS.len() {
            let first = WORDS[at].0.as_bytes()[0];
            known[first as usize] = true;
            known[first.to_ascii_uppercase() as usize] = true;
            at += 1;
        }
        known[b'k' as usize] = true;
        known[b'K' as usize] = true;
        known
    };
    BEGINNINGS[usize::from(letter)]
}

/// How much the name of a field says of its value: what its last word says.
pub fn name_strength(name: &[u8]) -> Option<Strength> {
    let words = (0..name.len()).filter_map(|at| word_at(name, at));
    words.filter(|word| after_suffix(name, word.end) == name.len()).map(|word| word.strength).max()
}

/// How much a command line's flag says of the argument after it.
pub fn flag_strength(argument: &[u8]) -> Option<Strength> {
    let name = argument.strip_prefix(b"-")?;
    let plain = name.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let strength = plain.then(|| name_strength(name)).flatten()?;
    let either =
        [&b"pwd"[..], b"credential", b"credentials", b"private-key", b"signing-key", b"encryption-key"];
    (!either.iter().any(|end| name.to_ascii_lowercase().ends_with(end))).then_some(strength)
}

fn after_suffix(text: &[u8], at: usize) -> usize {
    let joint = at + usize::from(text.get(at) == Some(&b'_'));
    let digits = run_within(text, joint, 3, |byte| byte.is_ascii_digit());
    if digits > joint {
        return digits;
    }
    match SUFFIXES.iter().find(|suffix| bytes::has_at(text, joint, suffix)) {
        Some(suffix) => joint + suffix.len(),
        None => at,
    }
}

/// `name = value` in the writing of any language.
fn key_value(text: &[u8], word: Word, found: &mut Vec<Finding>) {
    let name = after_suffix(text, word.end);
    let quote = run(text, name, |byte| byte == b'\\');
    let name = if text.get(quote).is_some_and(|&byte| is_quote(byte)) { quote + 1 } else { name };
    let blank = run_within(text, name, 4, is_blank);
    let Some(operator) = ["=>", ":=", "=", ":"].iter().find(|sign| bytes::has_at(text, blank, sign)) else {
        return;
    };
    let after = blank + operator.len();
    let start = run_within(text, after, 4, is_blank);
    let Some(value) = value::at(text, start, value::is_bare) else { return };
    let folder = text[word.start..word.end].eq_ignore_ascii_case(b"pwd");
    if folder && matches!(text[value.span.start], b'/' | b'~' | b'.') {
        return;
    }
    let direct = *operator == "=" && start == after;
    if is_secret(&text[value.span.clone()], value.quoted, direct, word.strength) {
        found.push(Finding::new("key-value", value.span));
    }
}

fn is_secret(value: &[u8], quoted: bool, direct: bool, strength: Strength) -> bool {
    if bytes::is_placeholder(value) || !quoted && matches!(value[0], b':' | b'=') {
        return false;
    }
    let has = |wanted: &[u8]| value.iter().any(|byte| wanted.contains(byte));
    let by_word = match (strength, quoted) {
        (Strength::Weak, _) => false,
        (Strength::Strong, true) => value.len() >= 4 && !has(b" {"),
        (Strength::Strong, false) => {
            let name = |byte: &u8| byte.is_ascii_lowercase() || b"_.".contains(byte);
            direct && value.len() >= 4 && !has(b":") && !value.iter().all(name)
        }
    };
    by_word || bytes::looks_random(value) && (quoted || !bytes::is_path_of_names(value))
}

/// `--some-password value`.
fn flag(text: &[u8], word: Word, found: &mut Vec<Finding>) {
    let start = run_back(text, word.start, 42, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let free = start == 0 || text[start - 1].is_ascii_whitespace() || b"\"'`([,=".contains(&text[start - 1]);
    if word.role == Role::Either || text.get(start) != Some(&b'-') || !free {
        return;
    }
    let at = match text.get(word.end) {
        Some(b'=') => word.end + 1,
        Some(byte) if byte.is_ascii_whitespace() => run(text, word.end, |byte| byte.is_ascii_whitespace()),
        _ => return,
    };
    let bare = |byte: u8| !byte.is_ascii_whitespace() && !b"\"'`;&|<>".contains(&byte);
    let Some(value) = value::at(text, at, bare) else { return };
    let inside = &text[value.span.clone()];
    if !bytes::is_placeholder(inside) && !inside.starts_with(b"--") && !inside.starts_with(b"id=") {
        found.push(Finding::new("flag-value", value.span));
    }
}

/// `Server=…;Password=…;`: a field among fields.
fn connection(text: &[u8], word: Word, found: &mut Vec<Finding>) {
    let name = &text[word.start..word.end];
    if !name.eq_ignore_ascii_case(b"password") && !name.eq_ignore_ascii_case(b"pwd") {
        return;
    }
    let sign = run_within(text, word.end, 4, is_blank);
    if text.get(sign) != Some(&b'=') {
        return;
    }
    let start = run_within(text, sign + 1, 4, is_blank);
    let bare = |byte: u8| !byte.is_ascii_whitespace() && !b";\"'".contains(&byte);
    let Some(value) = value::at(text, start, bare) else { return };
    // A text that was cut inside of the quotes has no closing one.
    let after = text.len().min(value.span.end + usize::from(value.quoted));
    let start = run_back(text, word.start, 512, |byte| byte != b'\n');
    let line = &text[start..run_within(text, after, 512, |byte| byte != b'\n')];
    let ends = text.get(after) == Some(&b';');
    let follows = text[start..word.start].trim_ascii_end().ends_with(b";");
    if (ends || follows) && has_server(line) && !bytes::is_placeholder(&text[value.span.clone()]) {
        found.push(Finding::new("connection-string", value.span));
    }
}

const SERVER: [&str; 14] = [
    "server",
    "data source",
    "host",
    "hostname",
    "user",
    "user id",
    "username",
    "uid",
    "database",
    "dbname",
    "initial catalog",
    "driver",
    "dsn",
    "endpoint",
];

/// True for a line with a field that connection strings have and programs seldom assign to.
fn has_server(line: &[u8]) -> bool {
    line.iter().enumerate().filter(|(_, byte)| **byte == b'=').any(|(sign, _)| {
        let start = run_back(line, sign, 32, |byte| byte.is_ascii_alphabetic() || byte == b' ');
        let name = line[start..sign].trim_ascii();
        SERVER.iter().any(|server| name.eq_ignore_ascii_case(server.as_bytes()))
    })
}
