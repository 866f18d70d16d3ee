//! The lines of a hunk, compared word by word.
//!
//! Lines decide what differs; words only tell it more closely. Nothing is left out: what went and
//! what stayed is the old text, what came and what stayed the new one.

use super::patch::{Hunk, Sign};
use gix::diff::blob::{Algorithm, Diff, InternedInput, Token};

/// The lines of a hunk as stretches of text that went, came or stayed, newlines included: lines that
/// changed are compared word by word.
pub fn of(hunk: &Hunk) -> Vec<(Sign, Vec<u8>)> {
    let mut pieces: Vec<(Sign, Vec<u8>)> = Vec::new();
    for run in hunk.lines.chunk_by(|one, next| (one.0 == Sign::Context) == (next.0 == Sign::Context)) {
        let side = |sign| -> Vec<u8> {
            run.iter().filter(|line| line.0 == sign).flat_map(|line| line.1.clone()).collect()
        };
        match run[0].0 {
            Sign::Context => add(&mut pieces, Sign::Context, &side(Sign::Context)),
            _ => compare_words(&mut pieces, &side(Sign::Old), &side(Sign::New)),
        }
    }
    pieces
}

fn compare_words(pieces: &mut Vec<(Sign, Vec<u8>)>, old: &[u8], new: &[u8]) {
    let mut input: InternedInput<&[u8]> = InternedInput::default();
    input.update_before(split(old).into_iter());
    input.update_after(split(new).into_iter());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_no_heuristic(&input);
    let text = |tokens: &[Token]| -> Vec<u8> {
        tokens.iter().flat_map(|token| input.interner[*token]).copied().collect()
    };
    let mut at = 0;
    for change in diff.hunks() {
        let (gone, come) = (&change.before, &change.after);
        add(pieces, Sign::Context, &text(&input.before[at..gone.start as usize]));
        add(pieces, Sign::Old, &text(&input.before[gone.start as usize..gone.end as usize]));
        add(pieces, Sign::New, &text(&input.after[come.start as usize..come.end as usize]));
        at = gone.end as usize;
    }
    add(pieces, Sign::Context, &text(&input.before[at..]));
}

/// Adds to the last piece what is of its kind.
fn add(pieces: &mut Vec<(Sign, Vec<u8>)>, sign: Sign, text: &[u8]) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some((last, before)) if *last == sign => before.extend_from_slice(text),
        _ => pieces.push((sign, text.to_vec())),
    }
}

/// What a word is made of.
#[derive(PartialEq, Eq)]
enum Class {
    Letter,
    Blank,
    /// Stands alone.
    Other,
}

/// Runs of letters, digits and underscores, runs of blanks, and everything else alone.
fn split(text: &[u8]) -> Vec<&[u8]> {
    let class = |ch: char| match ch {
        _ if ch.is_alphanumeric() || ch == '_' => Class::Letter,
        ' ' | '\t' => Class::Blank,
        _ => Class::Other,
    };
    let mut words = Vec::new();
    let (mut start, mut at, mut before) = (0, 0, Class::Other);
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid().chars().map(|ch| (class(ch), ch.len_utf8()));
        for (class, len) in valid.chain(chunk.invalid().iter().map(|_| (Class::Other, 1))) {
            if at > start && (class == Class::Other || class != before) {
                words.push(&text[start..at]);
                start = at;
            }
            (at, before) = (at + len, class);
        }
    }
    words.extend(Some(&text[start..]).filter(|rest| !rest.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::patch::{Patch, unified};
    use proptest::prelude::*;

    fn pieces(old: &[u8], new: &[u8]) -> Vec<(Sign, Vec<u8>)> {
        let Patch::Lines(hunks) = unified(old, new, 1000) else { unreachable!() };
        hunks.iter().flat_map(of).collect()
    }

    /// As `trace diff --word-diff` has it.
    fn told(old: &str, new: &str) -> String {
        let mark = |(sign, text): (Sign, Vec<u8>)| {
            let text = String::from_utf8(text).unwrap();
            match sign {
                Sign::Context => text,
                Sign::Old => format!("[-{text}-]"),
                Sign::New => format!("{{+{text}+}}"),
            }
        };
        pieces(old.as_bytes(), new.as_bytes()).into_iter().map(mark).collect()
    }

    #[test]
    fn only_the_words_that_differ_are_marked() {
        let cases = [
            ("a\nlet x = 1;\nb\n", "a\nlet y = 1;\nb\n", "a\nlet [-x-]{+y+} = 1;\nb\n"),
            ("f(a, b)\n", "f(a, b, c)\n", "f(a, b{+, c+})\n"),
            ("snake_case\n", "snake_cast\n", "[-snake_case-]{+snake_cast+}\n"),
            ("größe 1\n", "größer 1\n", "[-größe-]{+größer+} 1\n"),
            ("  x\n", "    x\n", "[-  -]{+    +}x\n"),
            ("a\nb\n", "a\n", "a\n[-b\n-]"),
            ("", "a b\n", "{+a b\n+}"),
            ("a", "a\n", "a{+\n+}"),
        ];
        for (old, new, words) in cases {
            assert_eq!(told(old, new), words, "{old:?} {new:?}");
        }
    }

    #[test]
    fn a_word_is_a_run_of_letters_or_of_blanks_or_stands_alone() {
        let words = split(b"ab_1  \t(x)\xff\xfe\r\n\n-- \xc3\xa9t\xc3\xa9");
        let expected: [&[u8]; 14] = [
            b"ab_1",
            b"  \t",
            b"(",
            b"x",
            b")",
            b"\xff",
            b"\xfe",
            b"\r",
            b"\n",
            b"\n",
            b"-",
            b"-",
            b" ",
            "été".as_bytes(),
        ];
        assert_eq!(words, expected);
        assert_eq!(split(b""), Vec::<&[u8]>::new());
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(old in "([ab] ?[(\n]?){0,12}", new in "([ab] ?[(\n]?){0,12}") {
            prop_assume!(old != new);
            let pieces = pieces(old.as_bytes(), new.as_bytes());
            let side = |other| -> Vec<u8> {
                pieces.iter().filter(|piece| piece.0 != other).flat_map(|piece| piece.1.clone()).collect()
            };
            prop_assert_eq!(side(Sign::New), old.as_bytes());
            prop_assert_eq!(side(Sign::Old), new.as_bytes());
        }
    }
}
