//! What somebody looks for in the record, and how well a text answers it.
//!
//! Pure. A text answers if it holds every word, in any order; one that holds the words as they were
//! typed, next to each other, answers better. Case counts only if the question has a capital letter.
//! Refuses to guess: there are no stems and no misspellings.

use std::ops::Range;

use bstr::ByteSlice;
use regex::bytes::{Regex, RegexBuilder};

/// How the text of a question is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Words,
    Regex,
}

/// How well a text answers; the better is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// It holds all the words.
    Words,
    /// It holds the words as they were typed, or what the regular expression describes.
    Phrase,
}

impl Rank {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Phrase => "phrase",
        }
    }
}

/// A text that answers, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    pub rank: Rank,
    /// Stretches of bytes, in order, none within another.
    pub spans: Vec<Range<usize>>,
}

/// A question.
#[derive(Debug)]
pub struct Query {
    phrase: Regex,
    /// Every one of them must be there; none where the phrase is all there is.
    words: Vec<Regex>,
    /// What every line of JSON that holds an answer matches, the longest first; none where nothing can
    /// be said of such a line.
    sieves: Vec<Regex>,
}

/// So many answers within one text are shown.
const SPANS: usize = 64;

impl Query {
    /// Reads a question; the error says what is wrong with it.
    pub fn new(parts: &[String], form: Form) -> Result<Self, String> {
        let text = parts.join(" ");
        if text.trim().is_empty() {
            return Err("there is nothing to look for in an empty text".to_owned());
        }
        let case = Case::of(&text, form);
        if form == Form::Regex {
            let phrase =
                case.regex(&text).map_err(|error| format!("{text:?} is no regular expression: {error}"))?;
            return Ok(Self { phrase, words: Vec::new(), sieves: Vec::new() });
        }
        let literal = |text: &str| case.regex(&regex::escape(text)).map_err(|error| error.to_string());
        let words: Vec<&str> = text.split_whitespace().collect();
        let longest = |word: &&str| word.split(is_escaped).max_by_key(|piece| piece.len()).map(str::to_owned);
        let mut pieces: Vec<String> =
            words.iter().filter_map(longest).filter(|piece| !piece.is_empty()).collect();
        pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
        // Text that is not UTF-8 stands in an event as hex.
        let sieve =
            |piece: &String| case.regex(&format!("{}|(?-i:{})", regex::escape(piece), regex::escape(HEX)));
        let sieves = pieces.iter().map(sieve).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let several = if words.len() > 1 { &words[..] } else { &[] };
        Ok(Self {
            phrase: literal(text.trim())?,
            words: several.iter().map(|word| literal(word)).collect::<Result<_, _>>()?,
            sieves,
        })
    }

    /// Whether and where a text answers.
    pub fn judge(&self, text: &[u8]) -> Option<Match> {
        let spans =
            |regex: &Regex| regex.find_iter(text).take(SPANS).map(|found| found.range()).collect::<Vec<_>>();
        let phrases = spans(&self.phrase);
        if !phrases.is_empty() {
            return Some(Match { rank: Rank::Phrase, spans: phrases });
        }
        if self.words.is_empty() || !self.words.iter().all(|word| word.is_match(text)) {
            return None;
        }
        Some(Match { rank: Rank::Words, spans: apart(self.words.iter().flat_map(spans).collect()) })
    }

    /// Whether a text answers.
    pub fn is_answered(&self, text: &[u8]) -> bool {
        let has_words = || !self.words.is_empty() && self.words.iter().all(|word| word.is_match(text));
        self.phrase.is_match(text) || has_words()
    }

    /// The lines, each an event in JSON, that may hold an answer. All that do are among them.
    pub fn lines<'a>(&'a self, lines: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + 'a {
        let (first, others) = match self.sieves.split_first() {
            Some((first, others)) => (Some(first), others),
            None => (None, &[][..]),
        };
        let mut at = 0;
        let sifted = std::iter::from_fn(move || {
            let rest = lines.get(at..).filter(|rest| !rest.is_empty())?;
            let hit = match first {
                Some(sieve) => sieve.find(rest)?.start(),
                None => 0,
            };
            let begin = rest[..hit].rfind_byte(b'\n').map_or(0, |newline| newline + 1);
            let len = rest[hit..].find_byte(b'\n').map_or(rest.len(), |len| hit + len);
            at += len + 1;
            Some(&rest[begin..len])
        });
        sifted.filter(move |line| others.iter().all(|sieve| sieve.is_match(line)))
    }
}

/// How an event begins a text that is not UTF-8.
const HEX: &str = r#"{"hex":""#;

/// True for what JSON writes in another way.
fn is_escaped(ch: char) -> bool {
    matches!(ch, '"' | '\\') || ch.is_control()
}

/// Whether capital letters are told from small ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Counts,
    Ignored,
}

impl Case {
    /// It counts if somebody took the trouble. `\S` and its like are no letters.
    fn of(text: &str, form: Form) -> Self {
        let mut chars = text.chars();
        while let Some(ch) = chars.next() {
            match ch {
                '\\' if form == Form::Regex => drop(chars.next()),
                _ if ch.is_uppercase() => return Self::Counts,
                _ => {}
            }
        }
        Self::Ignored
    }

    fn regex(self, pattern: &str) -> Result<Regex, regex::Error> {
        RegexBuilder::new(pattern).case_insensitive(self == Self::Ignored).multi_line(true).build()
    }
}

/// The stretches in order; those that touch are one.
fn apart(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match apart.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => apart.push(span),
        }
    }
    apart.truncate(SPANS);
    apart
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::Text;
    use proptest::prelude::*;

    fn asked(text: &str, form: Form) -> Query {
        Query::new(&[text.to_owned()], form).unwrap()
    }

    fn judged(text: &str, form: Form, on: &str) -> Option<(Rank, Vec<String>)> {
        let found = asked(text, form).judge(on.as_bytes())?;
        Some((found.rank, found.spans.into_iter().map(|span| on[span].to_owned()).collect()))
    }

    #[test]
    fn a_phrase_answers_better_than_its_words_and_a_part_of_them_not_at_all() {
        type Answer<'a> = Option<(Rank, &'a [&'a str])>;
        let cases: [(&str, &str, Answer<'_>); 11] = [
            ("make test", "make test", Some((Rank::Phrase, &["make test"]))),
            ("make test", "MAKE TEST; make test", Some((Rank::Phrase, &["MAKE TEST", "make test"]))),
            ("make test", "test what you make", Some((Rank::Words, &["test", "make"]))),
            ("make  test", "make test", Some((Rank::Words, &["make", "test"]))),
            ("make test", "make", None),
            // A capital letter makes case count.
            ("Make", "make", None),
            ("Make", "Make", Some((Rank::Phrase, &["Make"]))),
            ("größe", "GRÖSSE and GRÖßE", Some((Rank::Phrase, &["GRÖßE"]))),
            // Nothing in a text is an order.
            ("a.c", "abc", None),
            ("$(id) [", "echo $(id) [", Some((Rank::Phrase, &["$(id) ["]))),
            ("ab bc", "abc", Some((Rank::Words, &["abc"]))),
        ];
        for (text, on, expected) in cases {
            let expected =
                expected.map(|(rank, parts)| (rank, parts.iter().map(|part| (*part).to_owned()).collect()));
            assert_eq!(judged(text, Form::Words, on), expected, "{text:?} on {on:?}");
        }
    }

    #[test]
    fn a_regular_expression_is_one_and_says_if_it_is_none() {
        assert_eq!(judged(r"\bte\S+$", Form::Regex, "make TEST").unwrap().1, ["TEST"], r"\S is no capital");
        assert_eq!(judged("^second", Form::Regex, "first\nsecond").unwrap().1, ["second"]);
        assert_eq!(judged("T.st", Form::Regex, "make test"), None);
        let error = |text: &str, form| Query::new(&[text.to_owned()], form).unwrap_err();
        assert!(error("a(", Form::Regex).contains("is no regular expression"));
        assert!(error(" ", Form::Words).contains("nothing to look for"));
        Query::new(&["a(".to_owned()], Form::Words).unwrap();
    }

    #[test]
    fn words_may_be_told_apart_by_the_shell_or_by_spaces() {
        let split = Query::new(&["make".to_owned(), "test".to_owned()], Form::Words).unwrap();
        assert_eq!(split.judge(b"make test").unwrap().rank, Rank::Phrase);
        assert_eq!(split.judge(b"test make").unwrap().rank, Rank::Words);
    }

    #[test]
    fn every_line_is_tried_where_nothing_can_be_told_beforehand() {
        let lines = b"one\ntwo\n\nthree";
        let (any, letter) = (asked("x", Form::Regex), asked("W", Form::Words));
        let all: Vec<&[u8]> = any.lines(lines).collect();
        assert_eq!(all, [&b"one"[..], b"two", b"", b"three"]);
        let some: Vec<&[u8]> = letter.lines(b"one\ntWo\ntwo\nW").collect();
        assert_eq!(some, [&b"tWo"[..], b"W"]);
    }

    proptest! {
        #[test]
        fn no_line_that_answers_is_left_out(
            word in "[a-zA-Z\"\\\\\n\té -]{1,6}",
            before in "[ -~é\n\"\\\\]{0,12}",
            bytes in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            prop_assume!(!word.trim().is_empty());
            let text = Text([before.as_bytes(), word.as_bytes(), &bytes].concat());
            let line = serde_json::to_string(&text).unwrap();
            let query = asked(&word, Form::Words);
            let document = format!("[\"no\"]\n{line}\n");
            if query.judge(text.as_bytes()).is_some() {
                prop_assert!(query.lines(document.as_bytes()).any(|one| one == line.as_bytes()));
            }
        }
    }
}
