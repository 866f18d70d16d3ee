//! Secrets that are known by their own shape and have no provider's letters.

use super::bytes;
use super::bytes::{is_url64, run, run_back, run_within, starts_word};
use super::engine::Finding;

/// A token of three parts whose first two are JSON in base 64; `at` is at the first.
pub fn jwt(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    if !starts_word(text, at) {
        return;
    }
    let Some(second) = jwt_part(text, at).filter(|&next| text[next..].starts_with(b"ey")) else { return };
    let begins_json = matches!(text.get(second + 2), Some(b'I' | b'J'));
    if let Some(third) = jwt_part(text, second).filter(|_| begins_json) {
        found.push(Finding::new("jwt", at..run(text, third, is_url64)));
    }
}

/// Returns where the part after the one at `at` begins.
fn jwt_part(text: &[u8], at: usize) -> Option<usize> {
    const SHORTEST: usize = "eyJ".len() + 8;
    const LONGEST: usize = 16_384;
    let end = run_within(text, at, LONGEST, is_url64);
    (end - at >= SHORTEST && text.get(end) == Some(&b'.')).then_some(end + 1)
}

/// The password before the `@` of a URL, or a token that stands alone there; `at` is at `://`.
pub fn url(text: &[u8], at: usize, found: &mut Vec<Finding>) {
    if !has_scheme(text, at) {
        return;
    }
    let start = at + "://".len();
    let end =
        run_within(text, start, 1100, |byte| !byte.is_ascii_whitespace() && !b"/?#\"'<>\\`".contains(&byte));
    let authority = &text[start..end];
    let Some(host) = authority.iter().rposition(|&byte| byte == b'@') else { return };
    if host + 1 == authority.len() {
        return;
    }
    let user = &authority[..host];
    match user.iter().position(|&byte| byte == b':') {
        Some(colon) if !bytes::is_placeholder(&user[colon + 1..]) => {
            found.push(Finding::new("url-userinfo", start + colon + 1..start + host));
        }
        None if user.len() >= 20 && user.iter().all(|&byte| is_url64(byte)) => {
            found.push(Finding::new("url-userinfo", start..start + host));
        }
        _ => {}
    }
}

fn has_scheme(text: &[u8], at: usize) -> bool {
    let start = run_back(text, at, 21, |byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    at - start >= 2 && text[start..at].iter().any(u8::is_ascii_alphabetic)
}

/// Tokens of Discord's bots, in a text that speaks of bots: `M….x6.x27`.
pub fn discord(text: &[u8], found: &mut Vec<Finding>) {
    for (dot, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'.') {
        let middle = dot + 1;
        if run_within(text, middle, 7, is_url64) != middle + 6 || text.get(middle + 6) != Some(&b'.') {
            continue;
        }
        let start = run_back(text, dot, 29, is_url64);
        let end = run_within(text, middle + 7, 40, is_url64);
        let first = (dot.saturating_sub(28)..=dot.saturating_sub(24))
            .find(|&at| at >= start && matches!(text[at], b'M' | b'N' | b'O') && starts_word(text, at));
        if let Some(first) = first.filter(|_| end >= middle + 7 + 27) {
            found.push(Finding::new("discord", first..end));
        }
    }
}
