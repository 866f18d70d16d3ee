//! Small questions about bytes that all rules ask.

use bstr::ByteSlice;

/// True for letters, digits and the underscore.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// True for what occurs in a token of any provider.
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./+=~%:".contains(&byte)
}

/// True for the letters of base 64 as it is put into URLs.
pub fn is_url64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// True for the letters of base 64, without padding.
pub fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// True for space and tab.
pub fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// True for either quote.
pub fn is_quote(byte: u8) -> bool {
    byte == b'"' || byte == b'\''
}

/// The end of the run of bytes from `from` on that `class` takes; never past the text.
pub fn run(text: &[u8], from: usize, class: impl Fn(u8) -> bool) -> usize {
    let from = from.min(text.len());
    let rest = &text[from..];
    from + rest.iter().position(|&byte| !class(byte)).unwrap_or(rest.len())
}

/// Like [`run`], no further than `max` bytes.
pub fn run_within(text: &[u8], from: usize, max: usize, class: impl Fn(u8) -> bool) -> usize {
    run(&text[..text.len().min(from + max)], from, class)
}

/// The start of the run of bytes before `to` that `class` takes, `max` bytes at most.
pub fn run_back(text: &[u8], to: usize, max: usize, class: impl Fn(u8) -> bool) -> usize {
    text[..to].iter().rev().take(max).position(|&byte| !class(byte)).map_or(to - to.min(max), |n| to - n)
}

/// True if `text` has `prefix` at `at`, in any case.
pub fn has_at(text: &[u8], at: usize, prefix: &str) -> bool {
    text.get(at..at + prefix.len()).is_some_and(|here| here.eq_ignore_ascii_case(prefix.as_bytes()))
}

/// A shorter text is searched plainly: a quick search would first ask what this processor can do, which
/// takes a hook longer.
const LONG: usize = 4096;

/// Returns where `needle` first is in `text`.
pub fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    match text.len() < LONG {
        true => text.windows(needle.len()).position(|here| here == needle),
        false => ByteSlice::find(text, needle),
    }
}

/// Returns where the first of these bytes is.
///
/// So many bytes are asked at once, without a branch, that the compiler makes a few wide questions of
/// them, and nobody need ask what this processor can do.
pub fn find_any<const N: usize>(text: &[u8], wanted: [u8; N]) -> Option<usize> {
    const STEP: usize = 32;
    let is_wanted = |byte: &u8| wanted.iter().fold(false, |any, wanted| any | (byte == wanted));
    let has_none = |step: &&[u8; STEP]| !step.iter().fold(false, |any, byte| any | is_wanted(byte));
    let from = STEP * text.as_chunks().0.iter().take_while(has_none).count();
    text[from..].iter().position(is_wanted).map(|at| from + at)
}

/// What is looked for in every text.
pub struct Needle(&'static [u8]);

impl Needle {
    /// These letters.
    pub const fn new(letters: &'static [u8]) -> Self {
        Self(letters)
    }

    /// Returns where they first are. The first of them is rare in most texts: it is looked for alone.
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        let mut from = 0;
        loop {
            from += find_any(&text[from..], [self.0[0]])?;
            if text[from..].starts_with(self.0) {
                return Some(from);
            }
            from += 1;
        }
    }
}

/// True if a word may start at `at`: no word character before, or the last one of an escape.
pub fn starts_word(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    match before.last() {
        Some(&byte) => !is_word(byte) || ends_escape(before),
        None => true,
    }
}

/// True for text that ends in `\n`, `\u000a`, `%3D` or a colour such as `ESC[0m`.
fn ends_escape(text: &[u8]) -> bool {
    let hex = |from: usize| text[from..].iter().all(u8::is_ascii_hexdigit);
    let n = text.len();
    if n >= 2 && text[n - 2] == b'\\' && b"nrtbf0".contains(&text[n - 1]) {
        return true;
    }
    if n >= 3 && text[n - 3] == b'%' && hex(n - 2) || n >= 6 && &text[n - 6..n - 4] == b"\\u" && hex(n - 4) {
        return true;
    }
    let Some((b'm', inside)) = text.split_last() else { return false };
    let start = run_back(inside, inside.len(), 12, |byte| byte.is_ascii_digit() || byte == b';');
    start > 0 && text[start - 1] == b'['
}

/// True for what stands where a secret would and is none.
pub fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&str; 12] = [
        "null",
        "none",
        "nil",
        "true",
        "false",
        "undefined",
        "example",
        "redacted",
        "secret",
        "password",
        "token",
        "key",
    ];
    match value.first() {
        None | Some(b'$' | b'<' | b'{' | b'%') => true,
        Some(first) => {
            value.iter().all(|byte| byte == first)
                || WORDS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
        }
    }
}

/// True for 12 or more printable bytes with a letter, a digit and little order.
pub fn looks_random(value: &[u8]) -> bool {
    value.len() >= 12
        && value.iter().all(u8::is_ascii_graphic)
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
        && find(value, b"::").is_none()
        && find(value, b"->").is_none()
        && entropy(value) >= 3.0
}

/// True for `self.token_2`: lower-case names with joints and hardly a digit.
pub fn is_path_of_names(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.".contains(&byte))
        && value.iter().any(|byte| b"_.".contains(byte))
        && value.split(|&byte| byte == b'.').all(|name| !name.first().is_some_and(u8::is_ascii_digit))
        && value.iter().filter(|byte| byte.is_ascii_digit()).count() < 4
}

/// Shannon's entropy in bits a byte.
pub fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in value {
        counts[usize::from(byte)] += 1;
    }
    let total = value.len() as f64;
    counts.iter().filter(|&&n| n > 0).map(|&n| f64::from(n) / total).map(|share| -share * log2(share)).sum()
}

/// The binary logarithm of a normal positive number, exact for powers of two.
///
/// std's own is a function of libm, which every process would have to load for this alone.
fn log2(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let exponent = f64::from(i32::try_from(x.to_bits() >> 52).unwrap_or(0) - 1023);
    let mantissa = f64::from_bits(x.to_bits() & FRACTION | 1023 << 52);
    // ln m = 2 artanh((m - 1) / (m + 1)), and m is less than 2.
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let series: f64 = (0..20).rev().fold(0.0, |sum, n| sum * z * z + 1.0 / f64::from(2 * n + 1));
    exponent + 2.0 * z * series * std::f64::consts::LOG2_E
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_does_not_depend_on_the_length_of_the_text() {
        static NEEDLE: Needle = Needle::new("⟦mark".as_bytes());
        for length in [0, 7, LONG - 10, LONG, 3 * LONG] {
            let before = "→ ".repeat(length / 4).into_bytes();
            for (after, found) in [("⟦mark", true), ("⟦mar", false), ("⟦⟦mark \"", true)] {
                let text = [&before, after.as_bytes()].concat();
                let at = found.then(|| before.len() + after.find("⟦mark").unwrap());
                assert_eq!(NEEDLE.find(&text), at, "{after} behind {length}");
                assert_eq!(find(&text, "⟦mark".as_bytes()), at, "{after} behind {length}");
                let quote = after.find('"').map(|quote| before.len() + quote);
                assert_eq!(find_any(&text, *b"\"\\"), quote, "{after} behind {length}");
            }
        }
    }

    #[test]
    fn an_escape_that_ends_in_a_letter_is_a_boundary() {
        for (text, wanted) in [
            (&b""[..], true),
            (b" ", true),
            (b"x", false),
            (b"_", false),
            (b"\\n", true),
            (b"n", false),
            (b"%3D", true),
            (b"3D", false),
            (b"\\u000a", true),
            (b"\x1b[1;32m", true),
            (b"32m", false),
        ] {
            assert_eq!(starts_word(text, text.len()), wanted, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_logarithm_is_that_of_everybody() {
        for n in 1..2_000 {
            let share = f64::from(n) / 2_000.0;
            assert!((log2(share) - share.log2()).abs() < 1e-12, "{share}");
        }
        assert_eq!([0.125, 0.25, 0.5, 1.0].map(log2), [-3.0, -2.0, -1.0, 0.0]);
        assert_eq!(entropy(b"abcdefghabcdefghabcdefgh"), 3.0, "thresholds are compared with it");
    }

    #[test]
    fn random_values_are_told_from_names() {
        for (value, wanted) in [
            (&b"c0rrect-h0rse-b4ttery"[..], true),
            (b"aaaaaaaaaaa1", false),
            (b"short1", false),
            (b"Type::Two2Three", false),
            (b"only-letters-here", false),
        ] {
            assert_eq!(looks_random(value), wanted, "{}", String::from_utf8_lossy(value));
        }
        assert!(is_path_of_names(b"self.token_2"));
        assert!(!is_path_of_names(b"a94f8c0d71be35"));
    }
}
