//! Headers and the files of tools: lines whose form says that a secret follows.

use super::bytes::{self, is_blank, is_quote, run, run_back, run_within};
use super::engine::Finding;

/// Secrets shorter than this are none.
const SHORTEST: usize = 6;

const SCHEMES: [&str; 7] = ["bearer", "basic", "token", "negotiate", "apikey", "digest", "aws4-hmac-sha256"];

/// `Authorization: Bearer …`, of which the scheme stays; `at` is at the header's name.
pub fn authorization(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let Some(start) = after_sign(text, at + "authorization".len(), b":=") else { return };
    let secret = SCHEMES.iter().find(|scheme| bytes::has_at(text, start, scheme)).and_then(|scheme| {
        let end = start + scheme.len();
        let secret = run(text, end, |byte| byte.is_ascii_whitespace());
        (secret > end).then_some(secret)
    });
    let from = secret.unwrap_or(start);
    let end = run(text, from, |byte| !byte.is_ascii_whitespace() && !b"\"',;\\".contains(&byte));
    let value = &text[from..end];
    // Without a scheme this is as often a field of a program as a header.
    let plain = secret.is_none() && !value.iter().any(u8::is_ascii_digit);
    if value.len() >= SHORTEST && !plain && !bytes::is_placeholder(value) {
        found.push(Finding::new("authorization", from..end));
    }
}

/// `Bearer …` wherever it stands.
pub fn bearer(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let blank = at + "bearer".len();
    let start = run(text, blank, |byte| byte.is_ascii_whitespace());
    let end = run(text, start, |byte| bytes::is_base64(byte) || b"._~-".contains(&byte));
    if bytes::starts_word(text, at) && start > blank && end - start >= 16 {
        let end = run(text, end, |byte| byte == b'=');
        found.push(Finding::new("authorization", start..end));
    }
}

const HEADERS: [&str; 10] = [
    "x-api-key",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
    "x-vault-token",
    "x-goog-api-key",
    "private-token",
    "job-token",
    "api-key",
    "cookie",
];

/// A header that carries nothing but a secret; `at` is inside of its name.
pub fn header(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let end = run_within(text, at, 16, |byte| byte.is_ascii_alphabetic() || byte == b'-');
    let start = run_back(text, at, 32, |byte| bytes::is_word(byte) || byte == b'-');
    let mut name = text[start..end].to_ascii_lowercase();
    if name.starts_with(b"set-") {
        name.drain(..4);
    }
    let Some(header) = HEADERS.iter().find(|header| header.as_bytes() == name) else { return };
    let Some(from) = after_sign(text, end, b":") else { return };
    let line = run_within(text, from, 8192, |byte| !is_quote(byte) && !b"\r\n\\".contains(&byte));
    let span = match *header {
        "cookie" => cookies(text, from, line),
        _ => word(text, from, line),
    };
    if let Some(end) = span.filter(|end| end - from >= SHORTEST && !bytes::is_placeholder(&text[from..*end]))
    {
        found.push(Finding::new("secret-header", from..end));
    }
}

/// The end of `name=value; name=value`, which goes whole.
fn cookies(text: &[u8], from: usize, line: usize) -> Option<usize> {
    let name = run_within(text, from, 128, |byte| bytes::is_word(byte) || b".%-".contains(&byte));
    let value = &text[(name + 1).min(line)..line];
    let first = run(value, 0, |byte| byte.is_ascii_graphic() && !b";(){}<>".contains(&byte));
    (name > from && text.get(name) == Some(&b'=') && first >= 4).then_some(line)
}

/// The end of one word: with a digit in it, or alone on its line.
fn word(text: &[u8], from: usize, line: usize) -> Option<usize> {
    let end = run(&text[..line], from, |byte| byte.is_ascii_graphic() && !b"<>(){}$,;".contains(&byte));
    let alone = run(text, end, is_blank) >= line;
    let secret = text[from..end].iter().any(u8::is_ascii_digit) || alone;
    (secret && bytes::find(&text[from..end], b"::").is_none()).then_some(end)
}

/// Returns where the value begins after a name's end, one of `signs` and perhaps quotes.
fn after_sign(text: &[u8], at: usize, signs: &[u8]) -> Option<usize> {
    let blank = |byte: u8| byte.is_ascii_whitespace();
    let sign = run(text, after_quote(text, at), blank);
    signs.contains(text.get(sign)?).then(|| after_quote(text, run(text, sign + 1, blank)))
}

fn after_quote(text: &[u8], at: usize) -> usize {
    let quote = run(text, at, |byte| byte == b'\\');
    if text.get(quote).is_some_and(|&byte| is_quote(byte)) { quote + 1 } else { at }
}

/// `machine HOST login NAME password …`, on one line or several.
pub fn netrc(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let mut words = Vec::with_capacity(6);
    let mut from = at;
    while words.len() < 6 {
        let end = run_within(text, from, 512, |byte| !byte.is_ascii_whitespace());
        words.push(from..end);
        from = run_within(text, end, 64, |byte| byte.is_ascii_whitespace());
    }
    let is = |n: usize, word: &str| text[words[n].clone()].eq_ignore_ascii_case(word.as_bytes());
    if is(0, "machine")
        && is(2, "login")
        && is(4, "password")
        && !bytes::is_placeholder(&text[words[5].clone()])
    {
        found.push(Finding::new("netrc", words[5].clone()));
    }
}

/// `//registry/:_authToken=…`; `at` is at the underscore.
pub fn npmrc(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let Some(name) =
        ["_authToken", "_auth", "_password"].iter().find(|name| text[at..].starts_with(name.as_bytes()))
    else {
        return;
    };
    // Inside of a longer name this is a variable of a program.
    if at > 0 && (bytes::is_word(text[at - 1]) || text[at - 1] == b'.') {
        return;
    }
    let sign = run(text, at + name.len(), is_blank);
    let start = run(text, sign + 1, |byte| is_blank(byte) || is_quote(byte));
    let end = run(text, start, |byte| !byte.is_ascii_whitespace() && !is_quote(byte));
    if text.get(sign) == Some(&b'=') && end - start >= 8 && !bytes::is_placeholder(&text[start..end]) {
        found.push(Finding::new("npmrc", start..end));
    }
}
