//! Runs the providers' expressions, each only around the places where its key stands.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::bytes;
use super::engine::Finding;
use super::rules::{End, Place, RULES, Rule};

/// No match has more bytes before its key than this.
const BACK: usize = 256;
/// No match has more bytes from its key on than this.
const AHEAD: usize = 2304;

static COMPILED: [OnceLock<Regex>; RULES.len()] = [const { OnceLock::new() }; RULES.len()];

/// The stretches of a text in which a rule is to look.
#[derive(Default)]
pub struct Windows(Vec<(usize, Range<usize>)>);

impl Windows {
    /// Adds the surroundings of a key at `at`; what overlaps becomes one.
    pub fn add(&mut self, rule: usize, at: usize, len: usize) {
        let window = at.saturating_sub(BACK)..len.min(at + AHEAD);
        let last = self.0.iter_mut().rev().find(|(other, _)| *other == rule);
        match last {
            Some((_, last)) if window.start <= last.end => last.end = window.end,
            _ => self.0.push((rule, window)),
        }
    }

    /// Looks into each.
    pub fn search(self, text: &[u8], found: &mut Vec<Finding>) {
        for (number, window) in self.0 {
            search(number, text, window, found);
        }
    }
}

fn search(number: usize, text: &[u8], window: Range<usize>, found: &mut Vec<Finding>) {
    let rule = &RULES[number];
    let regex = COMPILED[number].get_or_init(|| compile(rule.pattern));
    let mut from = window.start;
    while let Some(hit) = regex.find_at(&text[..window.end], from) {
        if fits(rule, text, hit.range()) {
            found.push(Finding::new(rule.id, hit.range()));
            from = hit.end();
        } else {
            from = hit.start() + 1;
        }
    }
}

/// True if the neighbours let `hit` be a whole token.
fn fits(rule: &Rule, text: &[u8], hit: Range<usize>) -> bool {
    let starts = rule.place == Place::Anywhere || bytes::starts_word(text, hit.start);
    let ends = rule.end == End::Open || !text.get(hit.end).is_some_and(|&byte| bytes::is_word(byte));
    starts && ends
}

fn compile(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().expect("a test compiles every rule")
}
