//! The escapes of JSON strings, undone and done.

use std::borrow::Cow;

use super::bytes;

/// Undoes the escapes of what stands between a string's quotes; none if one is not JSON's.
///
/// A surrogate without its half becomes U+FFFD: nothing can hide in it, and a string in which
/// nothing is found is never written again.
pub fn decode(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    let Some(first) = bytes::find_any(raw, *b"\\") else { return Some(Cow::Borrowed(raw)) };
    let mut out = Vec::with_capacity(raw.len());
    let (mut from, mut at) = (0, first);
    loop {
        out.extend_from_slice(&raw[from..at]);
        if at == raw.len() {
            return Some(Cow::Owned(out));
        }
        from = decode_one(raw, at, &mut out)?;
        at = bytes::find_any(&raw[from..], *b"\\").map_or(raw.len(), |next| from + next);
    }
}

/// Undoes what looks like an escape and lets all else stand.
pub fn decode_leniently(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let next = if text[at] == b'\\' { decode_one(text, at, &mut out) } else { None };
        at = next.unwrap_or_else(|| {
            out.push(text[at]);
            at + 1
        });
    }
    out
}

/// Appends what the escape at `at` stands for and returns where it ends.
fn decode_one(raw: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let plain = match raw.get(at + 1)? {
        byte @ (b'"' | b'\\' | b'/') => *byte,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => return decode_unit(raw, at, out),
        _ => return None,
    };
    out.push(plain);
    Some(at + 2)
}

fn decode_unit(raw: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let high = unit(raw, at)?;
    let low = unit(raw, at + 6).filter(|low| (0xdc00..0xe000).contains(low));
    let (code, end) = match (high, low) {
        (0xd800..0xdc00, Some(low)) => (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), at + 12),
        _ => (high, at + 6),
    };
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    Some(end)
}

/// The number of the `\uXXXX` at `at`.
fn unit(raw: &[u8], at: usize) -> Option<u32> {
    let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(digits, 16).ok()
}

/// Appends `text` as a JSON string, quotes included.
pub fn encode(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Returns the bytes that an even number of hex digits stands for.
pub fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    text.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_done() {
        for (raw, wanted) in [
            (r"plain", Some("plain")),
            (r"a\n\t\/\\\u00e9\u0041", Some("a\n\t/\\éA")),
            (r"\ud83d\ude00", Some("😀")),
            (r"\ud83d!", Some("\u{fffd}!")),
            (r"\x", None),
            (r"\u00", None),
            (r"\u+123", None),
        ] {
            assert_eq!(decode(raw.as_bytes()).as_deref(), wanted.map(str::as_bytes), "{raw}");
        }
        let mut out = Vec::new();
        encode("a\"\\\n\u{1}é".as_bytes(), &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\n\\u0001é\"".as_bytes());
        assert_eq!(decode_leniently(br"\x \u0041 \"), br"\x A \");
    }
}
