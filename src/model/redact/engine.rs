//! Finds secrets in plain text and puts marks in their place, until nothing is left to find.

use std::ops::Range;

use super::prefilter::{self, Job};
use super::provider::Windows;
use super::{contexts, dump, mark, pem, shapes, tools, words};

/// A secret's place, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// Where the secret is; what announces it stays.
    pub span: Range<usize>,
}

impl Finding {
    /// A finding of `rule`.
    pub fn new(rule: &'static str, span: Range<usize>) -> Self {
        Self { rule, span }
    }
}

/// Which rules look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// All.
    All,
    /// Those that know a secret by its own shape.
    Shapes,
    /// Those that make a file unfit for a snapshot: tokens, private keys, passwords in URLs.
    Files,
}

/// Text that needs more rounds than this is made to deceive, and goes whole.
const ROUNDS: usize = 16;

/// What a search came to.
pub enum Search {
    /// Nothing in it reads like the beginning of a secret.
    Quiet,
    /// Something did, and is none.
    Clean,
    /// With marks in place of its secrets.
    Changed(Vec<u8>),
}

/// Returns the text with marks in place of its secrets, none if it has none.
pub fn redact(text: &[u8]) -> Option<Vec<u8>> {
    match search(text) {
        Search::Changed(new) => Some(new),
        Search::Quiet | Search::Clean => None,
    }
}

/// The same, and whether a rule had to look.
///
/// What lies between two marks is searched again by itself, so that a second redaction of the
/// result finds what this one found last: nothing.
pub fn search(text: &[u8]) -> Search {
    let mut result = match round(text) {
        Search::Changed(new) => new,
        none => return none,
    };
    for _ in 0..ROUNDS {
        match round(&result) {
            Search::Changed(next) => result = next,
            Search::Quiet | Search::Clean => return Search::Changed(result),
        }
    }
    Search::Changed(mark::of("engine"))
}

fn round(text: &[u8]) -> Search {
    let (found, looked) = everything(text, Rules::All);
    match looked {
        _ if !found.is_empty() => Search::Changed(replace(text, &found)),
        true => Search::Clean,
        false => Search::Quiet,
    }
}

/// Returns what `rules` find outside of marks: from left to right, none in another.
pub fn findings(text: &[u8], rules: Rules) -> Vec<Finding> {
    everything(text, rules).0
}

/// The same, and whether there was anything that any rule begins with.
fn everything(text: &[u8], rules: Rules) -> (Vec<Finding>, bool) {
    let (mut all, mut looked) = (Vec::new(), false);
    for piece in mark::pieces(text) {
        let mut found = Vec::new();
        looked |= look(&text[piece.clone()], rules, &mut found);
        all.extend(merge(found).into_iter().map(|Finding { rule, span }| {
            Finding::new(rule, piece.start + span.start..piece.start + span.end)
        }));
    }
    (all, looked)
}

fn look(text: &[u8], rules: Rules, found: &mut Vec<Finding>) -> bool {
    let mut windows = Windows::default();
    let (mut talk_of_bots, mut looked) = (false, false);
    prefilter::scan(text, |job, at| {
        looked = true;
        match job {
            Job::Provider(rule) => windows.add(rule, at, text.len()),
            Job::Discord => talk_of_bots = true,
            Job::Pem => pem::key(text, at, found),
            Job::Putty => pem::putty(text, at, found),
            Job::Url => shapes::url(text, at, found),
            Job::PemEnd => pem::tail(text, at, found),
            Job::Jwt if rules != Rules::Files => shapes::jwt(text, at, found),
            _ if rules == Rules::All => context(job, text, at, found),
            _ => {}
        }
    });
    windows.search(text, found);
    if talk_of_bots {
        shapes::discord(text, found);
    }
    looked
}

fn context(job: Job, text: &[u8], at: usize, found: &mut Vec<Finding>) {
    match job {
        Job::Word => words::announced(text, at, found),
        Job::Variable => dump::variable(text, at, found),
        Job::Authorization => contexts::authorization(text, at, found),
        Job::Bearer => contexts::bearer(text, at, found),
        Job::Header => contexts::header(text, at, found),
        Job::Netrc => contexts::netrc(text, at, found),
        Job::Npmrc => contexts::npmrc(text, at, found),
        Job::Tool => tools::argument(text, at, found),
        _ => {}
    }
}

/// Sorts, and makes one of what overlaps; the finding that begins first, then the longest, names it.
fn merge(mut found: Vec<Finding>) -> Vec<Finding> {
    found.retain(|finding| !finding.span.is_empty());
    found.sort_by_key(|finding| (finding.span.start, usize::MAX - finding.span.end));
    let mut merged: Vec<Finding> = Vec::with_capacity(found.len());
    for next in found {
        match merged.last_mut() {
            Some(last) if next.span.start < last.span.end => last.span.end = last.span.end.max(next.span.end),
            _ => merged.push(next),
        }
    }
    merged
}

fn replace(text: &[u8], found: &[Finding]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 40 * found.len());
    let mut from = 0;
    for Finding { rule, span } in found {
        out.extend_from_slice(&text[from..span.start]);
        mark::push(rule, &mut out);
        from = span.end;
    }
    out.extend_from_slice(&text[from..]);
    out
}
