//! Bytes of a transcript to its lines, whatever a crash or a second writer did to them.
//!
//! A last chunk without newline is left for later. Two values glued together as `}{` are cut apart,
//! also behind a torn one; runs of NUL are skipped. What is no JSON object is kept as it is and marked.
//! Nothing is copied and the lines come one by one, so that a hostile file costs no memory.

use bstr::ByteSlice;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::model::agent::Agent;
use crate::wire::lenient;

/// The longest line that is read, in bytes.
pub const MAX_LINE: usize = 8 << 20;

/// So much of a transcript is read at once, bytes.
pub const BLOCK: u64 = 1 << 20;

/// The same where no line ends in a block: more than the longest line.
pub const LONG: u64 = MAX_LINE as u64 + BLOCK;

/// Halves of fewer bytes are no reason to ask somebody.
const MUCH: usize = 128 << 10;

/// How often we look for a whole value behind a torn one, in one line.
const ATTEMPTS: usize = 64;

/// One complete line, or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub bytes: &'a [u8],
    /// Where the next one begins in what was split: a position from which reading may go on.
    pub end: usize,
    pub state: State,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// One JSON object.
    Whole,
    /// Complete, and yet none.
    Broken,
    /// Longer than [`MAX_LINE`]: only a [stub](super::keep::stub) of it is kept.
    TooLong,
}

/// The lines of a transcript.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    /// Where the next piece is looked for.
    at: usize,
    /// Where the present line ends.
    line: usize,
    /// Where the last complete line ends.
    stop: usize,
    /// What stands around the list, if the lines are the items of one.
    head: Option<&'a [u8]>,
    list: bool,
    rest: usize,
}

/// Splits a transcript, or what it gained since a position that a [`Line`] named.
///
/// OpenCode's export, and what old versions of Gemini wrote, is one document: it is split when it is
/// whole, and its positions lead nowhere, because it is written anew each time. What is kept of an export
/// are lines, as of everything.
pub fn split(agent: Agent, bytes: &[u8]) -> Lines<'_> {
    let first = bytes.lines().next().unwrap_or_default();
    if agent != Agent::OpenCode && first.trim() != b"{" {
        return Lines::over(bytes);
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(value)) => match Lines::export(bytes, value.get().as_bytes(), values.byte_offset()) {
            None if agent == Agent::OpenCode => Lines::over(bytes),
            None => Lines::document(bytes, value.get().as_bytes(), values.byte_offset()),
            Some(export) => export,
        },
        Some(Err(error)) if error.is_eof() => Lines { stop: 0, line: 0, rest: 0, ..Lines::over(bytes) },
        _ => Lines::over(bytes),
    }
}

/// OpenCode's export.
#[derive(Deserialize)]
struct Export<'a> {
    #[serde(borrow)]
    info: &'a RawValue,
    #[serde(borrow)]
    messages: &'a RawValue,
}

impl<'a> Lines<'a> {
    fn over(bytes: &'a [u8]) -> Self {
        let stop = bytes.rfind_byte(b'\n').map_or(0, |newline| newline + 1);
        Self { bytes, at: 0, line: 0, stop, head: None, list: false, rest: stop }
    }

    /// A document as one line.
    fn document(bytes: &'a [u8], value: &'a [u8], end: usize) -> Self {
        Self { bytes, at: end, line: end, stop: end, head: Some(value), list: false, rest: end }
    }

    /// The messages of an export, one by one.
    fn export(bytes: &'a [u8], value: &'a [u8], end: usize) -> Option<Self> {
        let export: Export<'a> = serde_json::from_slice(value).ok()?;
        let messages = export.messages.get().as_bytes();
        messages.strip_prefix(b"[")?.strip_suffix(b"]")?;
        // Both are parts of `bytes`, so this is where they stand in it.
        let start = messages.as_ptr().addr() - bytes.as_ptr().addr();
        let stop = start + messages.len() - 1;
        let info = export.info.get().as_bytes();
        Some(Self { at: start + 1, line: stop, stop, list: true, ..Self::document(bytes, info, end) })
    }

    /// The first half of the lines and the second, if there is much to read and it can be cut.
    pub fn halves(&self) -> (Self, Option<Self>) {
        let middle = self.bytes[self.at..self.stop.max(self.at)].len() / 2 + self.at;
        let cut = self.bytes[self.at..middle].rfind_byte(b'\n').map(|newline| self.at + newline + 1);
        match cut {
            Some(cut) if self.head.is_none() && !self.list && middle - self.at >= MUCH => {
                let first = Self { stop: cut, rest: cut, ..self.clone() };
                (first, Some(Self { at: cut, line: cut, ..self.clone() }))
            }
            _ => (self.clone(), None),
        }
    }

    /// How many bytes hold complete lines; what follows is left for later.
    pub fn complete(&self) -> usize {
        self.rest
    }

    /// Goes over what stands between two pieces.
    fn skip(&mut self) {
        let between = |byte: &u8| match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0 => true,
            b',' => self.list,
            _ => false,
        };
        let rest = &self.bytes[self.at..self.stop];
        self.at += rest.iter().position(|byte| !between(byte)).unwrap_or(rest.len());
    }

    /// Finds where the line ends in which the next piece begins; false if there is none.
    fn seek(&mut self) -> bool {
        self.skip();
        if self.at >= self.line {
            let rest = &self.bytes[self.at..self.stop];
            self.line = self.at + rest.find_byteset(b"\n\0").unwrap_or(rest.len());
        }
        self.at < self.stop
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if let Some(bytes) = self.head.take() {
            let end = if self.list { self.at } else { self.rest };
            return Some(Line { bytes, end, state: State::of(bytes, State::Whole) });
        }
        if !self.seek() {
            return None;
        }
        let (length, state) = piece(&self.bytes[self.at..self.line]);
        let bytes = &self.bytes[self.at..self.at + length];
        self.at += length;
        self.skip();
        // Only what is skipped before a line, too: something of it stays.
        let bytes = bytes.trim_end_with(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
        Some(Line { bytes, end: self.at, state: State::of(bytes, state) })
    }
}

impl State {
    fn of(bytes: &[u8], state: State) -> State {
        if bytes.len() > MAX_LINE { State::TooLong } else { state }
    }
}

/// How long the first piece of a line is, and what it is. Never 0 for a line that is not empty.
fn piece(line: &[u8]) -> (usize, State) {
    if let Some(length) = value(line) {
        return (length, State::Whole);
    }
    let length = cuts(line).take(ATTEMPTS).find(|cut| value(&line[*cut..]).is_some()).unwrap_or(line.len());
    // Control characters within strings, and bytes that are no text, are forgiven by the reader.
    let text = || String::from_utf8_lossy(&line[..length]);
    match length <= MAX_LINE && lenient::object(text().as_bytes()).is_ok() {
        true => (length, State::Whole),
        false => (length, State::Broken),
    }
}

/// Where a line may be cut: within `}{`.
fn cuts(line: &[u8]) -> impl Iterator<Item = usize> {
    line.find_iter(b"}{").map(|at| at + 1)
}

/// How long the object is that a line begins with.
fn value(line: &[u8]) -> Option<usize> {
    line.starts_with(b"{").then_some(())?;
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8]) -> Vec<(&[u8], State)> {
        split(Agent::Claude, bytes).map(|line| (line.bytes, line.state)).collect()
    }

    #[test]
    fn a_last_chunk_without_newline_is_left_for_later() {
        let bytes = b"{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}";
        let all: Vec<_> = split(Agent::Claude, bytes).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].bytes, all[0].end), (&b"{\"a\":1}"[..], 9));
        assert_eq!((all[1].bytes, all[1].end), (&b"{\"b\":2}"[..], 18));
        assert_eq!(split(Agent::Claude, bytes).complete(), 18);
        assert_eq!(lines(b"{\"c\":3}"), []);
    }

    #[test]
    fn glued_and_torn_lines_are_cut_apart() {
        use State::{Broken, Whole};
        for (bytes, expected) in [
            (&b"{\"a\":1}{\"b\":2}\n"[..], vec![(&b"{\"a\":1}"[..], Whole), (b"{\"b\":2}", Whole)]),
            (b"{\"a\":{\"x\":1}{\"b\":2}\n", vec![(b"{\"a\":{\"x\":1}", Broken), (b"{\"b\":2}", Whole)]),
            (b"{\"a\":\"}{\"}\n", vec![(b"{\"a\":\"}{\"}", Whole)]),
            (b"\0\0\0{\"a\":1}\n", vec![(b"{\"a\":1}", Whole)]),
            (b"{\"a\":\0\0\0{\"b\":1}\n", vec![(b"{\"a\":", Broken), (b"{\"b\":1}", Whole)]),
            (b"garbage\n{\"b\":1}\n", vec![(b"garbage", Broken), (b"{\"b\":1}", Whole)]),
            (b"{\"a\":1} tail\n", vec![(b"{\"a\":1}", Whole), (b"tail", Broken)]),
            (b"{\"a\":\"x\x01\"}\n", vec![(b"{\"a\":\"x\x01\"}", Whole)]),
            (b"{\"a\":\"x\xff\"}\n", vec![(b"{\"a\":\"x\xff\"}", Whole)]),
            (b"12\n", vec![(b"12", Broken)]),
            (b"\n \n\0\n", vec![]),
        ] {
            assert_eq!(lines(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_line_over_the_limit_is_too_long() {
        let long = [b"{\"a\":\"".as_slice(), &vec![b'x'; MAX_LINE], b"\"}\n{\"b\":1}\n"].concat();
        let all: Vec<_> = split(Agent::Pi, &long).collect();
        assert_eq!(all.iter().map(|line| line.state).collect::<Vec<_>>(), [State::TooLong, State::Whole]);
    }

    #[test]
    fn two_halves_have_the_lines_of_the_whole() {
        let some = b"{\"a\":1}{\"b\":2}\n{\n\0\0{\"c\":\"}{\"}\ngarbage\n";
        let much = [some.repeat(2 * MUCH / some.len() + 1), b"{\"torn".to_vec()].concat();
        let whole = split(Agent::Claude, &much);
        let (first, second) = whole.halves();
        let second = second.unwrap();
        assert_eq!(second.complete(), whole.complete());
        let told = |line: Line<'_>| (line.bytes.to_vec(), line.state);
        let halves: Vec<_> = first.chain(second).map(told).collect();
        assert!(halves == whole.map(told).collect::<Vec<_>>(), "too long to be shown");
        let export = [b"{\"info\":{},\"messages\":[".as_slice(), &b"{},\n".repeat(MUCH), b"{}]}"].concat();
        for (agent, bytes) in [(Agent::Claude, &some[..]), (Agent::OpenCode, &export)] {
            let all = split(agent, bytes);
            let (same, None) = all.halves() else { panic!("it was cut") };
            assert!(same.eq(all), "too long to be shown");
        }
    }

    #[test]
    fn an_export_is_split_into_its_messages() {
        let export = b"{\"info\":{\"id\":\"ses_1\"},\n \"messages\":[{\"info\":{}},\n {\"parts\":[1,2]}]}";
        let all: Vec<_> = split(Agent::OpenCode, export).map(|line| line.bytes).collect();
        assert_eq!(all, [&b"{\"id\":\"ses_1\"}"[..], b"{\"info\":{}}", b"{\"parts\":[1,2]}"]);
        assert_eq!(split(Agent::OpenCode, export).complete(), export.len());
        for cut in 0..export.len() {
            assert_eq!(split(Agent::OpenCode, &export[..cut]).count(), 0, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_of_odd_blanks_is_no_empty_line() {
        assert_eq!(
            lines(b"\x0b\n\xe3\x80\x80\n"),
            [(&b"\x0b"[..], State::Broken), (b"\xe3\x80\x80", State::Broken)]
        );
    }

    #[test]
    fn what_is_kept_of_an_export_is_lines() {
        let kept = b"{\"id\":\"ses_1\"}\n{\"info\":{},\"parts\":[]}\n{\"to";
        let all: Vec<_> = split(Agent::OpenCode, kept).map(|line| line.bytes).collect();
        assert_eq!(all, [&b"{\"id\":\"ses_1\"}"[..], b"{\"info\":{},\"parts\":[]}"]);
        assert_eq!(split(Agent::OpenCode, kept).complete(), kept.len() - 4);
    }

    #[test]
    fn an_old_document_is_one_line() {
        let old = b"{\n  \"sessionId\": \"a\",\n  \"messages\": []\n}\n";
        assert_eq!(split(Agent::Gemini, old).map(|line| line.bytes).collect::<Vec<_>>(), [old.trim()]);
        assert_eq!(split(Agent::Gemini, &old[..20]).count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_no_line_is_empty(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            agent in prop::sample::select(Agent::ALL.to_vec()),
        ) {
            let mut before = 0;
            for line in split(agent, &bytes) {
                prop_assert!(!line.bytes.is_empty());
                prop_assert!(line.end >= before && line.end <= bytes.len());
                before = line.end;
            }
            prop_assert!(before == 0 || before == split(agent, &bytes).complete());
        }

        #[test]
        fn whole_lines_survive_whatever_lies_between(
            pieces in prop::collection::vec((0u32..1000, "[^{}\n]{0,6}", prop::sample::select(vec!["\n", "", "\0\0", "\n\n"])), 1..12),
        ) {
            let mut bytes = Vec::new();
            for (number, text, gap) in &pieces {
                let line = serde_json::json!({"n": number, "t": format!("}}{{{text}")});
                bytes.extend_from_slice(line.to_string().as_bytes());
                bytes.extend_from_slice(gap.as_bytes());
            }
            bytes.push(b'\n');
            let whole = split(Agent::Codex, &bytes).filter(|line| line.state == State::Whole);
            prop_assert_eq!(whole.count(), pieces.len());
        }

        #[test]
        fn reading_on_from_any_line_gives_the_rest(cut in 0usize..4) {
            let bytes = b"{\"a\":1}{\"b\":2}\nx\n{\"c\":3}\n";
            let all: Vec<_> = split(Agent::Claude, bytes).collect();
            let from = all[cut].end;
            let rest: Vec<_> = split(Agent::Claude, &bytes[from..]).map(|line| line.bytes).collect();
            prop_assert_eq!(rest, all[cut + 1..].iter().map(|line| line.bytes).collect::<Vec<_>>());
        }
    }
}
