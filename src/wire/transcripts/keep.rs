//! What is kept of a stretch of a transcript: its complete lines, redacted.

use std::collections::{HashMap, HashSet};

use bstr::ByteSlice;

use super::{Lines, MAX_LINE, State, read, split};
use crate::model::agent::Agent;
use crate::model::both::both;
use crate::model::digest;
use crate::model::redact::Redacted;

/// What a stretch of a transcript came to.
#[derive(Default)]
pub struct Stretch {
    /// Its lines, each closed by a newline.
    pub lines: Redacted<Vec<u8>>,
    /// How many lines these are.
    pub records: u64,
    /// So many more were known.
    pub known: u64,
    /// How many bytes were read; a line begins behind them.
    pub consumed: u64,
}

impl Stretch {
    /// Puts the stretch behind it that comes next.
    pub fn append(&mut self, next: Self) {
        self.lines.append(&next.lines);
        self.records += next.records;
        self.known += next.known;
        self.consumed += next.consumed;
    }
}

/// Lines that are kept already, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(HashMap<[u8; 32], u32>);

impl Known {
    /// Adds the lines of what is kept.
    pub fn add(&mut self, kept: &[u8]) {
        for line in kept.lines().filter(|line| !line.is_empty()) {
            *self.0.entry(digest::sha256(&[line])).or_default() += 1;
        }
    }

    /// Of these lines, those that are not among them.
    pub fn unmet(&mut self, lines: &[u8]) -> Vec<u8> {
        let fresh: Vec<&[u8]> = lines.lines_with_terminator().filter(|line| !self.meets(line)).collect();
        fresh.concat()
    }

    /// Whether a line is one of them. Each is met once: a line that came twice is two lines.
    fn meets(&mut self, line: &[u8]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match self.0.get_mut(&digest::sha256(&[line])) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

/// Takes the complete lines of a stretch, but for those that are known. An agent that we do not know
/// writes a line per record, like most.
pub fn keep(agent: Option<Agent>, bytes: &[u8], known: &mut Known) -> Stretch {
    let lines = split(agent.unwrap_or(Agent::Pi), bytes);
    let consumed = lines.complete() as u64;
    let (mut lines, all) = clean(lines);
    let mut records = all;
    if !known.0.is_empty() {
        lines = lines.retain(|line| !known.meets(line));
        records = lines.get().iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Stretch { lines, records, known: all - records, consumed }
}

/// Each line without its secrets, and how many these are. That takes its time: of many lines two threads
/// take a half each.
fn clean(lines: Lines<'_>) -> (Redacted<Vec<u8>>, u64) {
    let (first, Some(second)) = lines.halves() else { return cleaned(lines) };
    let ((mut all, count), (rest, more)) = both(|| cleaned(first), || cleaned(second.clone()));
    all.append(&rest);
    (all, count + more)
}

fn cleaned(lines: Lines<'_>) -> (Redacted<Vec<u8>>, u64) {
    let (mut clean, mut count) = (Redacted::with_room(lines.complete()), 0);
    for line in lines {
        match line.state {
            State::TooLong => clean.append(&stub(line.bytes.len() as u64, line.bytes)),
            State::Whole | State::Broken => clean.add_line(line.bytes),
        }
        count += 1;
    }
    (clean, count)
}

/// What is kept of a line that is longer than [`MAX_LINE`]: how long it was, and the SHA-256 of as much.
pub fn stub(length: u64, begins: &[u8]) -> Redacted<Vec<u8>> {
    let digest = digest::hex(&digest::sha256(&[&begins[..begins.len().min(MAX_LINE)]]));
    let line = format!(r#"{{"type":"trace-stub","bytes":{length},"sha256_of_first_8_mib":"{digest}"}}"#);
    let mut stub = Redacted::default();
    stub.add_line(line.as_bytes());
    stub
}

/// The ids of the records in kept lines, in order.
pub fn ids(agent: Agent, lines: &[u8]) -> Vec<String> {
    every_id(agent, lines).collect()
}

/// The first of them.
pub fn first_id(agent: Agent, lines: &[u8]) -> Option<String> {
    every_id(agent, lines).next()
}

fn every_id(agent: Agent, lines: &[u8]) -> impl Iterator<Item = String> {
    lines.lines().flat_map(move |line| read(agent, line)).filter_map(|record| record.id)
}

/// Puts the pieces of a transcript together: a record that came again, with the same id and the same
/// bytes, is one record; with the same id and other bytes it is a new version, and both stay.
pub struct Together {
    agent: Option<Agent>,
    met: HashSet<[u8; 32]>,
}

impl Together {
    /// Nothing yet of a transcript of that agent.
    pub fn new(agent: Option<Agent>) -> Self {
        Self { agent, met: HashSet::new() }
    }

    /// Of the next piece, the lines that are no repetition.
    pub fn fresh(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut fresh = Vec::with_capacity(piece.len());
        for line in piece.lines() {
            let again = !self.met.insert(digest::sha256(&[line]));
            if !(again && self.has_id(line)) {
                fresh.extend_from_slice(line);
                fresh.push(b'\n');
            }
        }
        fresh
    }

    fn has_id(&self, line: &[u8]) -> bool {
        self.agent.is_some_and(|agent| read(agent, line).first().is_some_and(|one| one.id.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_stretch_is_kept_in_its_order() {
        let lines: String = (0..40_000).map(|n| format!("{{\"uuid\":\"{n}\"}}\n")).collect();
        let stretch = keep(Some(Agent::Claude), lines.as_bytes(), &mut Known::default());
        assert!(stretch.lines.get() == lines.as_bytes() && stretch.records == 40_000);
    }

    fn kept(bytes: &[u8], known: &mut Known) -> (String, u64, u64) {
        let stretch = keep(Some(Agent::Claude), bytes, known);
        let text = String::from_utf8(stretch.lines.into_inner()).unwrap();
        (text, stretch.known, stretch.consumed)
    }

    #[test]
    fn complete_lines_are_kept_and_a_torn_one_waits() {
        let (text, _, consumed) =
            kept(b"{\"uuid\":\"a\"}\n\n{\"uuid\":\"b\"}{\"x\":1}\n{\"to", &mut Known::default());
        assert_eq!(text, "{\"uuid\":\"a\"}\n{\"uuid\":\"b\"}\n{\"x\":1}\n");
        assert_eq!(consumed, 34);
    }

    #[test]
    fn a_secret_is_gone_before_it_is_kept() {
        let secret = ["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
        let line = format!("{{\"uuid\":\"a\",\"text\":\"token {secret}\"}}\n");
        let (text, _, _) = kept(line.as_bytes(), &mut Known::default());
        assert!(!text.contains(&secret), "{text}");
        assert!(text.starts_with("{\"uuid\":\"a\""), "{text}");
    }

    #[test]
    fn of_a_file_that_was_written_anew_only_what_is_new_is_kept() {
        let mut known = Known::default();
        known.add(b"{\"uuid\":\"a\"}\n{\"mode\":1}\n{\"mode\":1}\n");
        let anew = b"{\"mode\":1}\n{\"uuid\":\"a\"}\n{\"mode\":1}\n{\"mode\":1}\n{\"uuid\":\"a\",\"v\":2}\n";
        let (text, met, _) = kept(anew, &mut known);
        assert_eq!((text.as_str(), met), ("{\"mode\":1}\n{\"uuid\":\"a\",\"v\":2}\n", 3));
    }

    #[test]
    fn a_record_that_was_appended_again_is_one_record() {
        let pieces: [&[u8]; 2] = [
            b"{\"uuid\":\"a\"}\n{\"mode\":1}\n",
            b"{\"uuid\":\"a\"}\n{\"mode\":1}\n{\"uuid\":\"a\",\"v\":2}\n",
        ];
        let mut together = Together::new(Some(Agent::Claude));
        let all = pieces.map(|piece| together.fresh(piece)).concat();
        assert_eq!(all, b"{\"uuid\":\"a\"}\n{\"mode\":1}\n{\"mode\":1}\n{\"uuid\":\"a\",\"v\":2}\n");
    }

    #[test]
    fn a_line_over_the_limit_is_kept_as_its_stub() {
        let long = [b"{\"a\":\"".as_slice(), &vec![b'x'; MAX_LINE], b"\"}\n{\"b\":1}\n"].concat();
        let (text, _, _) = kept(&long, &mut Known::default());
        assert!(text.starts_with(&format!("{{\"type\":\"trace-stub\",\"bytes\":{}", MAX_LINE + 8)), "{text}");
        assert!(text.ends_with("}\n{\"b\":1}\n"), "{text}");
    }

    #[test]
    fn a_document_is_one_line() {
        let document = b"{\n  \"sessionId\": \"a\"\n}\n";
        let stretch = keep(Some(Agent::Gemini), document, &mut Known::default());
        assert_eq!(stretch.lines.into_inner(), b"{   \"sessionId\": \"a\" }\n");
    }
}
