//! Dumps of the environment, and long numbers close to a word that announces a secret.

use std::ops::Range;

use super::bytes::{self, is_base64, is_quote, run, run_back};
use super::engine::Finding;
use super::words::Word;

const SECRET: [&str; 10] =
    ["PASS", "PASSWORD", "PASSWD", "PWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "CREDENTIALS", "AUTH"];

const HARMLESS: [&str; 10] = ["FILE", "PATH", "DIR", "ID", "NAME", "TYPE", "SOCK", "TTL", "COUNT", "ENABLED"];

/// Lines are read no further than this to either side.
const LINE: usize = 8192;

/// A variable whose name has a secret's segment at `at`, in a row of variables.
pub fn variable(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let line = line_around(text, at);
    let Some((name, value)) = assignment(text, line.clone()) else { return };
    let beside = line_before(text, &line).is_some_and(|line| assignment(text, line).is_some())
        || line_after(text, &line).is_some_and(|line| assignment(text, line).is_some());
    if beside && name.contains(&at) && is_secret_name(&text[name]) && is_value(&text[value.clone()]) {
        found.push(Finding::new("dotenv-dump", value));
    }
}

fn is_secret_name(name: &[u8]) -> bool {
    let is = |words: &[&str], segment: &[u8]| words.iter().any(|word| word.as_bytes() == segment);
    let mut segments = name.split(|&byte| byte == b'_');
    segments.clone().any(|segment| is(&SECRET, segment))
        && !segments.next_back().is_some_and(|last| is(&HARMLESS, last))
}

fn is_value(value: &[u8]) -> bool {
    let path = [&b"/"[..], b"~/", b"./", b"../"].iter().any(|start| value.starts_with(start));
    value.len() >= 6 && !path && !value.iter().all(u8::is_ascii_digit) && !bytes::is_placeholder(value)
}

/// Name and value of a line that assigns to a variable in capitals.
fn assignment(text: &[u8], line: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let here = &text[..line.end];
    let prefix =
        ["export ", "declare -x "].iter().find(|prefix| here[line.start..].starts_with(prefix.as_bytes()));
    let start = line.start + prefix.map_or(0, |prefix| prefix.len());
    let end = run(here, start, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !here.get(start)?.is_ascii_uppercase() || here.get(end) != Some(&b'=') {
        return None;
    }
    let value = end + 1..line.end - usize::from(here.ends_with(b"\r"));
    let quoted = value.len() >= 2 && is_quote(text[value.start]) && text[value.end - 1] == text[value.start];
    let quotes = usize::from(quoted);
    Some((start..end, value.start + quotes..value.end - quotes))
}

fn is_line(byte: u8) -> bool {
    byte != b'\n' && byte != 0
}

fn line_around(text: &[u8], at: usize) -> Range<usize> {
    run_back(text, at, LINE, is_line)..bytes::run_within(text, at, LINE, is_line)
}

fn line_before(text: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let end = line.start.checked_sub(1)?;
    Some(run_back(text, end, LINE, is_line)..end)
}

fn line_after(text: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    (line.end < text.len()).then(|| line.end + 1..bytes::run_within(text, line.end + 1, LINE, is_line))
}

/// How far from the word a number may begin.
const NEAR: usize = 40;

/// A long number in hex or base 64 that begins close to `word` in the same command or sentence.
pub fn number(text: &[u8], word: Word, found: &mut Vec<Finding>) {
    if text[word.start..word.end].eq_ignore_ascii_case(b"pwd")
        || text.get(word.end).is_some_and(u8::is_ascii_alphanumeric)
    {
        return;
    }
    let mut at = word.end;
    while at <= word.end + NEAR && at < text.len() && !b"\r\n;|&".contains(&text[at]) {
        let end = bytes::run_within(text, at, 8192, is_base64);
        let gap = &text[word.end..at];
        match kind(&text[at..end], gap) {
            Some(rule) => {
                let end = run(text, end, |byte| byte == b'=');
                return found.push(Finding::new(rule, at..end));
            }
            None => at = end + 1,
        }
    }
}

fn kind(run: &[u8], gap: &[u8]) -> Option<&'static str> {
    let known =
        [&b"@"[..], b"sha256-", b"sha384-", b"sha512-", b"sha256:", b"sha512:", b"sha1:", b"h1:", b"base64,"];
    if run.len() < 32 || known.iter().any(|before| gap.ends_with(before)) {
        return None;
    }
    if run.iter().all(u8::is_ascii_hexdigit) {
        // Words between make it a git id that a message speaks of.
        let git = matches!(run.len(), 40 | 64) && gap.iter().any(u8::is_ascii_alphanumeric);
        return (!git).then_some("hex");
    }
    let has = |class: fn(&u8) -> bool| run.iter().any(class);
    let slashes = run.iter().filter(|&&byte| byte == b'/').count();
    let random = has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && slashes <= 1 + run.len() / 16
        && bytes::entropy(run) >= 4.0;
    (run.len() >= 40 && random).then_some("base64")
}
