//! What a terminal sends for the keys that are pressed.

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C, where the terminal makes no signal of it.
    Interrupt,
    Char(char),
}

/// What follows an escape, and the key that it means.
const SEQUENCES: [(&[u8], Key); 14] = [
    (b"[A", Key::Up),
    (b"[B", Key::Down),
    (b"OA", Key::Up),
    (b"OB", Key::Down),
    (b"[5~", Key::PageUp),
    (b"[6~", Key::PageDown),
    (b"[H", Key::Home),
    (b"[F", Key::End),
    (b"OH", Key::Home),
    (b"OF", Key::End),
    (b"[1~", Key::Home),
    (b"[4~", Key::End),
    (b"[7~", Key::Home),
    (b"[8~", Key::End),
];

/// The keys of what was read at once. A sequence that nobody knows is no key; an escape that nothing
/// follows is the key itself.
pub fn decode(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        bytes = match first {
            0x1b if matches!(rest.first(), Some(b'[' | b'O')) => {
                let known = SEQUENCES.iter().find(|(sequence, _)| rest.starts_with(sequence));
                keys.extend(known.map(|(_, key)| *key));
                match known {
                    Some((sequence, _)) => &rest[sequence.len()..],
                    None => unknown(rest),
                }
            }
            _ => {
                let len = length(*first).min(bytes.len());
                keys.extend(plain(&bytes[..len]));
                &bytes[len..]
            }
        };
    }
    keys
}

/// What comes after a sequence that ends with a letter or a tilde.
fn unknown(rest: &[u8]) -> &[u8] {
    let end = rest.iter().skip(1).position(|byte| matches!(byte, 0x40..=0x7e));
    end.map_or(&[], |end| &rest[end + 2..])
}

fn plain(bytes: &[u8]) -> Option<Key> {
    match bytes {
        b"\r" | b"\n" => Some(Key::Enter),
        b"\x1b" => Some(Key::Escape),
        b"\x7f" | b"\x08" => Some(Key::Backspace),
        b"\x03" => Some(Key::Interrupt),
        _ => {
            let letter = std::str::from_utf8(bytes).ok()?.chars().next()?;
            (!letter.is_control()).then_some(Key::Char(letter))
        }
    }
}

/// How many bytes a character has that begins with this one.
fn length(first: u8) -> usize {
    match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_told_from_what_a_terminal_sends() {
        let cases: [(&[u8], &[Key]); 9] = [
            (b"jk", &[Key::Char('j'), Key::Char('k')]),
            (b"\x1b[A\x1bOB", &[Key::Up, Key::Down]),
            (b"\x1b[5~\x1b[6~", &[Key::PageUp, Key::PageDown]),
            (b"\x1b[1~\x1b[F", &[Key::Home, Key::End]),
            (b"\x1b", &[Key::Escape]),
            (b"\x1bq", &[Key::Escape, Key::Char('q')]),
            (b"\x1b[1;5Dq\x1b[15~", &[Key::Char('q')]),
            ("é\r\x7f\x03".as_bytes(), &[Key::Char('é'), Key::Enter, Key::Backspace, Key::Interrupt]),
            (b"\x01\x00\xff", &[]),
        ];
        for (bytes, keys) in cases {
            assert_eq!(decode(bytes), keys, "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(decode(&bytes).len() <= bytes.len());
        }
    }
}
