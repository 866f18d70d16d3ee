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
    /// How each key begins.
    heads: [Head; COUNT],
}

/// Up to four letters, whatever their case: hardly any text that begins like a key gets past them.
#[derive(Clone, Copy)]
struct Head {
    letters: u32,
    /// The bits of those that there are.
    mask: u32,
}

static CHAINS: Chains = {
    assert!(COUNT < NONE as usize);
    let mut chains =
        Chains { first: [NONE; 4096], next: [NONE; COUNT], heads: [Head { letters: 0, mask: 0 }; COUNT] };
    let mut at = COUNT;
    while at > 0 {
        at -= 1;
        let pair = pair(KEYS[at].text[0], KEYS[at].text[1]);
        chains.next[at] = chains.first[pair];
        chains.first[pair] = at as u8;
        chains.heads[at] = head(KEYS[at].text);
    }
    chains
};

const fn head(text: &[u8]) -> Head {
    let mut head = Head { letters: 0, mask: 0 };
    let mut at = 0;
    while at < text.len() && at < 4 {
        head.letters |= (text[at] as u32) << (8 * at);
        head.mask |= 0xff << (8 * at);
        at += 1;
    }
    Head { letters: (head.letters | CASES) & head.mask, mask: head.mask }
}

/// The bit that tells the cases of a letter apart, in four bytes.
const CASES: u32 = 0x2020_2020;

/// Folds a byte to six bits such that both cases of a letter are one.
const fn fold(byte: u8) -> usize {
    ((byte >> 1) & 0x20 | byte & 0x1f) as usize
}

const fn pair(first: u8, second: u8) -> usize {
    fold(first) << 6 | fold(second)
}

/// A bit for each three letters that a key begins with: hardly any place has one, so what is done there
/// costs nothing.
static TRIPLES: [u8; 4096] = {
    let mut bits = [0; 4096];
    let mut at = 0;
    while at < COUNT {
        let text = KEYS[at].text;
        // Behind a key of two letters comes any other.
        let (mut third, last) = if text.len() > 2 { (text[2], text[2]) } else { (0, 31) };
        while third <= last {
            let triple = triple(text[0], text[1], third);
            bits[triple / 8] |= 1 << (triple % 8);
            third += 1;
        }
        at += 1;
    }
    bits
};

/// Folds each byte to five bits.
const fn triple(first: u8, second: u8, third: u8) -> usize {
    ((first & 31) as usize) << 10 | ((second & 31) as usize) << 5 | (third & 31) as usize
}

/// Calls `found` for every place where a key stands, from left to right.
pub fn scan(text: &[u8], mut found: impl FnMut(Job, usize)) {
    for (at, three) in text.windows(3).enumerate() {
        let triple = triple(three[0], three[1], three[2]);
        if TRIPLES[triple / 8] & 1 << (triple % 8) != 0 {
            follow(text, at, &mut found);
        }
    }
    // Where no third letter follows a key of two may stand.
    if text.len() >= 2 {
        follow(text, text.len() - 2, &mut found);
    }
}

/// Whether a key begins with the letter of an escape, or in its number: it stands in what is written, and
/// not in what that means.
pub fn begins_in_escape(raw: &[u8]) -> bool {
    let (mut at, mut any) = (0, false);
    while let Some(next) = bytes::find_any(&raw[at..], *b"\\") {
        let letter = at + next + 1;
        let end = letter + if raw.get(letter) == Some(&b'u') { "uffff".len() } else { 1 };
        let places = (letter..end).take_while(|place| place + 1 < raw.len());
        places.for_each(|place| follow(raw, place, &mut |_, _| any = true));
        at = end.min(raw.len());
    }
    any
}

/// Looks at the keys of a chain, at one place.
fn follow(text: &[u8], at: usize, found: &mut impl FnMut(Job, usize)) {
    let mut chain = CHAINS.first[pair(text[at], text[at + 1])];
    let here = letters(&text[at..]);
    while chain != NONE {
        let number = usize::from(chain);
        let head = CHAINS.heads[number];
        if here & head.mask == head.letters && KEYS[number].stands(text, at) {
            found(KEYS[number].job, at);
        }
        chain = CHAINS.next[number];
    }
}

/// The first four letters of a text, whatever their case; zeros where it ends.
fn letters(text: &[u8]) -> u32 {
    let mut four = [0; 4];
    match text.first_chunk() {
        Some(first) => four = *first,
        None => four[..text.len()].copy_from_slice(text),
    }
    u32::from_le_bytes(four) | CASES
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
