//! Private keys in armour, with line ends that are real or written as `\n`.

use bstr::ByteSlice;

use super::bytes::{Needle, find, is_base64, run};
use super::engine::Finding;

const BEGIN: &[u8] = b"-----BEGIN ";
/// Keys are shorter than this; a longer one counts as one whose end is missing.
const LONGEST: usize = 32 * 1024;
/// Fewer letters in a row are prose about keys, not a key.
const BODY_RUN: usize = 20;

/// A private key from its first line, which `at` is at, to its last; or as far as it reaches.
pub fn key(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let Some(body) = after_label(text, at + BEGIN.len()) else { return };
    let near = &text[body..text.len().min(body + LONGEST)];
    let end = find(near, b"-----END ").and_then(|end| Some((body + end, after_label(text, body + end + 9)?)));
    match end {
        Some((end, after)) if has_body(&text[body..end]) => found.push(Finding::new("pem", at..after)),
        _ => {
            let end = run(text, body, is_armour);
            if has_body(&text[body..end]) {
                found.push(Finding::new("pem", at..end));
            }
        }
    }
}

/// The end of a private key whose beginning is out of sight: the lines before it that are armour.
pub fn tail(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let Some(after) = after_label(text, at + "-----END ".len()) else { return };
    let far = at.saturating_sub(LONGEST);
    let start = text[far..at].iter().rposition(|&byte| !is_armour(byte)).map_or(far, |last| far + last + 1);
    // The body begins at the first long run: what stands before it may be prose.
    let mut from = start;
    while from < at {
        let end = run(&text[..at], from, is_base64);
        if end - from >= BODY_RUN {
            return found.push(Finding::new("pem", from..after));
        }
        from = end + 1;
    }
}

/// A PuTTY key: from its first line, which `at` is at, to the end of its last.
pub fn putty(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    let near = &text[at..text.len().min(at + LONGEST)];
    let Some(mac) = find(near, b"Private-MAC:").or_else(|| find(near, b"Private-Lines:")) else { return };
    let end = at + mac + "Private-MAC:".len();
    let end = run(text, end, |byte| is_armour(byte) && byte != b'\r' && byte != b'\n' && byte != b'\\');
    found.push(Finding::new("pem", at..end));
}

/// True if a text opens a private key that it does not close: more of it follows elsewhere.
pub fn opens(text: &[u8]) -> bool {
    // Hardly any text has one, and this is the quickest way to know that.
    static BEGINS: Needle = Needle::new(BEGIN);
    BEGINS
        .find(text)
        .and_then(|_| text.rfind(BEGIN))
        .and_then(|at| after_label(text, at + BEGIN.len()))
        .is_some_and(|body| find(&text[body..], b"-----END ").is_none())
}

/// True if a text has the last line of an armour.
pub fn closes(text: &[u8]) -> bool {
    find(text, b"-----END ").is_some()
}

/// True for what may be a line of a key: armour without a gap.
///
/// The last line is none: it says where the key is over, also to whoever redacts again.
pub fn is_inside(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.iter().all(|&byte| is_armour(byte) && !super::bytes::is_blank(byte))
}

/// Returns where the line with `RSA PRIVATE KEY-----` at `at` ends.
fn after_label(text: &[u8], at: usize) -> Option<usize> {
    let end = run(text, at, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
    let label = &text[at..end];
    let private = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    (private && label.len() <= 80 && text[end..].starts_with(b"-----")).then_some(end + 5)
}

fn has_body(text: &[u8]) -> bool {
    text.split(|&byte| !is_base64(byte)).any(|run| run.len() >= BODY_RUN)
}

fn is_armour(byte: u8) -> bool {
    is_base64(byte) || byte == b'=' || byte == b'\\' || byte.is_ascii_whitespace()
}
