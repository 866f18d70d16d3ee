//! One pass over the bytes that says which rules are worth a look, and where.
//!
//! The table is built by the compiler: a hook pays nothing for it at start. It may point at
//! places where nothing is; it never passes one over.

use super::bytes;
use super::rules::{Place, RULES};

/// A literal that tells of a rule.
#[derive(Clone, Copy)]
pub struct Key {
    text: &'static [u8],
    case: Case,
    tail: u8,
    start: Start,
    /// Who looks closer.
    pub job: Job,
}

#[derive(Clone, Copy)]
enum Case {
    Exact,
    Any,
}

#[derive(Clone, Copy)]
enum Start {
    Bounded,
    Free,
}

/// Who looks closer at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// The expression with this number in the table of rules.
    Provider(usize),
    /// A word that announces a secret.
    Word,
    /// A word that announces one as a segment of a variable's name.
    Variable,
    /// `eyJ`: a token of three parts.
    Jwt,
    /// A private key in armour.
    Pem,
    /// The end of one whose beginning may be out of sight.
    PemEnd,
    /// A PuTTY key.
    Putty,
    /// `://`.
    Url,
    /// An `Authorization` header.
    Authorization,
    /// `Bearer`.
    Bearer,
    /// A header that carries nothing else.
    Header,
    /// A program that takes a password as an argument.
    Tool,
    /// A line of a netrc file.
    Netrc,
    /// A line of an npmrc file.
    Npmrc,
    /// Talk of bots: their tokens have no letters to be known by.
    Discord,
}

const fn exact(text: &'static str, job: Job) -> Key {
    Key { text: text.as_bytes(), case: Case::Exact, tail: 0, start: Start::Free, job }
}

const fn any(text: &'static str, job: Job) -> Key {
    Key { text: text.as_bytes(), case: Case::Any, tail: 0, start: Start::Free, job }
}

const CONTEXTS: &[Key] = &[
    any("password", Job::Word),
    any("passwd", Job::Word),
    any("passphrase", Job::Word),
    any("pwd", Job::Word),
    any("secret", Job::Word),
    any("token", Job::Word),
    any("credential", Job::Word),
    any("key", Job::Word),
    exact("PASS", Job::Variable),
    exact("PWD", Job::Variable),
    exact("SECRET", Job::Variable),
    exact("TOKEN", Job::Variable),
    exact("KEY", Job::Variable),
    exact("CREDENTIAL", Job::Variable),
    exact("AUTH", Job::Variable),
    exact("eyJ", Job::Jwt),
    exact("eyI", Job::Jwt),
    exact("-----BEGIN ", Job::Pem),
    exact("-----END ", Job::PemEnd),
    exact("PuTTY-User-Key-File-", Job::Putty),
    exact("://", Job::Url),
    any("authorization", Job::Authorization),
    any("bearer", Job::Bearer),
    any("api-key", Job::Header),
    any("-token", Job::Header),
    any("cookie", Job::Header),
    exact("curl", Job::Tool),
    exact("mysql", Job::Tool),
    exact("mariadb", Job::Tool),
    exact("sshpass", Job::Tool),
    exact("docker", Job::Tool),
    exact("podman", Job::Tool),
    exact("redis-cli", Job::Tool),
    any("machine", Job::Netrc),
    exact("_auth", Job::Npmrc),
    exact("_password", Job::Npmrc),
    any("discord", Job::Discord),
    any("bot", Job::Discord),
];

const COUNT: usize = {
    let mut count = CONTEXTS.len();
    let mut rule = 0;
    while rule < RULES.len() {
        count += RULES[rule].keys.len();
        rule += 1;
    }
    count
};

static KEYS: [Key; COUNT] = {
    let mut keys = [CONTEXTS[0]; COUNT];
    let mut at = 0;
    while at < CONTEXTS.len() {
        keys[at] = CONTEXTS[at];
        at += 1;
    }
    let mut number = 0;
    while number < RULES.len() {
        let rule = &RULES[number];
        let mut key = 0;
        while key < rule.keys.len() {
            let start = if matches!(rule.place, Place::First) { Start::Bounded } else { Start::Free };
            let text = rule.keys[key].as_bytes();
            keys[at] = Key { text, case: Case::Exact, tail: rule.tail, start, job: Job::Provider(number) };
            at += 1;
            key += 1;
        }
        number += 1;
    }
    keys
};

/// No further key in a chain.
const NONE: u8 = u8::MAX;

/// Chains of the keys that begin with the same two letters.
struct Chains {
    first: [u8; 4096],
    next: [u8; COUNT],
}

static CHAINS: Chains = {
    assert!(COUNT < NONE as usize);
    let mut chains = Chains { first: [NONE; 4096], next: [NONE; COUNT] };
    let mut at = COUNT;
    while at > 0 {
        at -= 1;
        let pair = pair(KEYS[at].text[0], KEYS[at].text[1]);
        chains.next[at] = chains.first[pair];
        chains.first[pair] = at as u8;
    }
    chains
};

/// Folds a byte to six bits such that both cases of a letter are one.
const fn fold(byte: u8) -> usize {
    ((byte >> 1) & 0x20 | byte & 0x1f) as usize
}

const fn pair(first: u8, second: u8) -> usize {
    fold(first) << 6 | fold(second)
}

/// Calls `found` for every place where a key stands, from left to right.
pub fn scan(text: &[u8], mut found: impl FnMut(Job, usize)) {
    for (at, two) in text.windows(2).enumerate() {
        let mut chain = CHAINS.first[pair(two[0], two[1])];
        while chain != NONE {
            let key = &KEYS[usize::from(chain)];
            if key.stands(text, at) {
                found(key.job, at);
            }
            chain = CHAINS.next[usize::from(chain)];
        }
    }
}

impl Key {
    fn stands(&self, text: &[u8], at: usize) -> bool {
        let Some(here) = text.get(at..at + self.text.len()) else { return false };
        let same = match self.case {
            Case::Exact => here == self.text,
            Case::Any => here.eq_ignore_ascii_case(self.text),
        };
        same && self.has_tail(&text[at + self.text.len()..]) && self.may_start(text, at)
    }

    fn has_tail(&self, rest: &[u8]) -> bool {
        let tail = usize::from(self.tail);
        rest.len() >= tail && rest[..tail].iter().all(|&byte| bytes::is_token(byte))
    }

    fn may_start(&self, text: &[u8], at: usize) -> bool {
        match self.start {
            Start::Bounded => bytes::starts_word(text, at),
            Start::Free => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_seen_in_either_case_where_that_is_meant() {
        for key in CONTEXTS {
            for text in [key.text.to_vec(), key.text.to_ascii_uppercase(), key.text.to_ascii_lowercase()] {
                let mut seen = false;
                scan(&text, |job, at| seen |= job == key.job && at == 0);
                let wanted = matches!(key.case, Case::Any) || text == key.text;
                assert_eq!(seen, wanted, "{}", String::from_utf8_lossy(&text));
            }
        }
    }
}
