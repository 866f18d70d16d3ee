//! Frames: where one payload of a journal ends and the next begins.
//!
//! Says nothing about what a payload means, and never cuts or repairs: it only tells whole pieces
//! from torn ones, so that a bad one never hides its neighbours.

/// The longest payload; what is longer is nobody's record.
pub const CAP: usize = 16 << 20;

/// Returns `payload` as a frame, to be appended with one write.
///
/// A payload holds no NUL: JSON has none, and [`super::shell`] refuses one.
pub fn encode(payload: &[u8]) -> Vec<u8> {
    debug_assert!(!payload.contains(&0), "a NUL would tear the frame");
    let mut frame = Vec::with_capacity(payload.len() + 2);
    frame.push(0);
    frame.extend_from_slice(payload);
    frame.push(0);
    frame
}

/// One payload, as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// It has an end of its own.
    Whole(&'a [u8]),
    /// Its writer died in it, or it is longer than [`CAP`].
    Torn(&'a [u8]),
}

impl<'a> Piece<'a> {
    /// Its bytes.
    pub fn bytes(self) -> &'a [u8] {
        let (Self::Whole(bytes) | Self::Torn(bytes)) = self;
        bytes
    }
}

/// What some bytes of a journal hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split<'a> {
    /// Everything that is finished, in order.
    pub pieces: Vec<Piece<'a>>,
    /// How many bytes that is: the place to read on from. A payload without its closing NUL at the
    /// very end is not finished yet, and not contained.
    pub consumed: usize,
}

/// Splits the bytes of a journal, from its start or from where an earlier split stopped.
///
/// Reading in two goes finds the same payloads as reading in one. They can differ in a single
/// word: when the first go ends exactly after the NUL with which a next frame begins behind a
/// fragment, that NUL looks like the fragment's own, and its parser has to judge it.
pub fn split(bytes: &[u8]) -> Split<'_> {
    split_at_cap(bytes, CAP)
}

fn split_at_cap(bytes: &[u8], cap: usize) -> Split<'_> {
    let mut pieces = Vec::new();
    let mut at = 0;
    loop {
        at += bytes[at..].iter().take_while(|byte| **byte == 0).count();
        let rest = &bytes[at..];
        let window = &rest[..rest.len().min(cap + 1)];
        let Some(len) = window.iter().position(|byte| *byte == 0) else {
            if rest.len() <= cap {
                return Split { pieces, consumed: at };
            }
            pieces.push(Piece::Torn(&rest[..cap]));
            at += cap;
            continue;
        };
        // Two frames have two NULs between them; a fragment has only the next one's. What follows
        // without a NUL of its own and is no payload cannot have brought that NUL: it was ours.
        let torn = begins_a_payload(&rest[len + 1..]);
        pieces.push(if torn { Piece::Torn(&rest[..len]) } else { Piece::Whole(&rest[..len]) });
        at += len + 1;
    }
}

/// Every payload begins in one of two ways (see [`super`]).
fn begins_a_payload(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{") || bytes.starts_with(b"1\x1f")
}

#[cfg(test)]
mod tests {
    use super::Piece::{Torn, Whole};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_torn_and_unfinished_payloads_are_told_apart() {
        type Case = (&'static [u8], &'static [Piece<'static>], usize);
        let cases: &[Case] = &[
            (b"", &[], 0),
            (b"\0\0\0", &[], 3),
            (b"\0a\0", &[Whole(b"a")], 3),
            (b"\0a\0\0b\0", &[Whole(b"a"), Whole(b"b")], 6),
            (b"\0a\0{b\0", &[Torn(b"a"), Whole(b"{b")], 6),
            (b"\0a\0{b\0{c\0", &[Torn(b"a"), Torn(b"{b"), Whole(b"{c")], 9),
            (b"\0a\0junk\0{b\0", &[Whole(b"a"), Torn(b"junk"), Whole(b"{b")], 11),
            (b"\0a\0\0\0\0\0b\0", &[Whole(b"a"), Whole(b"b")], 9),
            (b"\0a\0\0b", &[Whole(b"a")], 4),
            (b"\0a\0{b", &[Torn(b"a")], 3),
            (b"a\0\0b\0", &[Whole(b"a"), Whole(b"b")], 5),
            (b"\0abc", &[], 1),
        ];
        for (bytes, pieces, consumed) in cases {
            let split = split(bytes);
            assert_eq!((split.pieces.as_slice(), split.consumed), (*pieces, *consumed), "{bytes:?}");
        }
    }

    #[test]
    fn what_was_encoded_is_found_again() {
        let bytes = [encode(b"one"), encode(b"two")].concat();
        assert_eq!(split(&bytes).pieces, [Whole(b"one"), Whole(b"two")]);
    }

    #[test]
    fn a_payload_beyond_the_cap_is_torn_and_does_not_stop_the_reader() {
        let split = split_at_cap(b"\0abcdefgh\0\0ok\0", 3);
        assert_eq!(split.pieces, [Torn(b"abc"), Torn(b"def"), Whole(b"gh"), Whole(b"ok")]);
        let unfinished = split_at_cap(b"\0abcdefgh", 3);
        assert_eq!((unfinished.pieces, unfinished.consumed), (vec![Torn(b"abc"), Torn(b"def")], 7));
    }

    /// Reads `bytes` in two goes; the second begins where the first stopped.
    fn in_two(bytes: &[u8], cut: usize) -> Vec<Piece<'_>> {
        let first = split_at_cap(&bytes[..cut], 5);
        let second = split_at_cap(&bytes[first.consumed..], 5);
        let mut pieces: Vec<Piece<'_>> = first.pieces;
        pieces.extend(second.pieces);
        pieces
    }

    fn payload<'a>(piece: &Piece<'a>) -> &'a [u8] {
        match piece {
            Whole(bytes) | Torn(bytes) => bytes,
        }
    }

    fn assert_same(bytes: &[u8], cut: usize) {
        let at_once = split_at_cap(bytes, 5).pieces;
        let resumed = in_two(bytes, cut);
        // The one place where a fragment borrows the NUL of the frame behind it.
        let borrowed =
            cut > 1 && cut < bytes.len() && bytes[cut - 1] == 0 && bytes[cut] != 0 && bytes[cut - 2] != 0;
        if borrowed {
            let words =
                |pieces: &[Piece<'_>]| pieces.iter().map(|piece| payload(piece).to_vec()).collect::<Vec<_>>();
            assert_eq!(words(&resumed), words(&at_once), "{bytes:?} cut at {cut}");
        } else {
            assert_eq!(resumed, at_once, "{bytes:?} cut at {cut}");
        }
    }

    #[test]
    fn a_file_cut_at_every_byte_reads_the_same_in_two_goes() {
        for bytes in [
            &b"\0one\0\0two\0\0three\0"[..],
            b"\0torn\0whole\0\0\0\0after\0",
            b"\0a\0b\0c\0\0d\0",
            b"\0longer than the cap\0\0ok\0",
            b"no nul in front\0\0ok\0",
            b"\0unfinished",
        ] {
            (0..=bytes.len()).for_each(|cut| assert_same(bytes, cut));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_cut_anywhere_read_the_same(
            bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(b'a'), Just(b'b')], 0..40),
            cut in 0usize..41,
        ) {
            assert_same(&bytes, cut.min(bytes.len()));
        }
    }
}
