//! Words for a shell to read.

/// As one word, whatever is in it: between single quotes.
pub fn always(word: &[u8]) -> Vec<u8> {
    let inner = word.split(|byte| *byte == b'\'').collect::<Vec<_>>().join(&br"'\''"[..]);
    [b"'", &inner[..], b"'"].concat()
}

/// As one would type it: between quotes only if a shell would take something in it for more than a
/// letter.
pub fn as_needed(word: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./=:,@%+".contains(byte);
    match !word.is_empty() && word.iter().all(plain) {
        true => word.to_vec(),
        false => always(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_each_word_for_itself() {
        for (word, typed, quoted) in [
            ("make", "make", "'make'"),
            ("", "''", "''"),
            ("a b", "'a b'", "'a b'"),
            ("it's", r"'it'\''s'", r"'it'\''s'"),
        ] {
            assert_eq!(as_needed(word.as_bytes()), typed.as_bytes());
            assert_eq!(always(word.as_bytes()), quoted.as_bytes());
        }
    }
}
