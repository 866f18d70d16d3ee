//! A line that says what checkpoints told of one branch, for the read model of trails.
//!
//! ```text
//! main 1787220000000000 1787220009000000 3 7 <first head> <last head> <head>,<head> <session>,<session> =words =words
//! ```
//! In this order: the branch, when the first and the last checkpoint were made in microseconds since
//! 1970, how many checkpoints and commands there are, the first head, the last, two of all, the
//! sessions, the first prompt and the first command. Control characters, spaces and `%` are written
//! `%XX`; what is absent is `-`.

use super::message::unescape;
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::{FirstWords, Tally};

/// The line, without its end.
pub fn encode(tally: &Tally) -> Vec<u8> {
    let mut line = Vec::new();
    escape(&mut line, tally.branch.as_bytes());
    let numbers = [tally.created.0.to_string(), tally.updated.0.to_string()];
    let counts = [tally.checkpoints.to_string(), tally.commands.to_string()];
    let heads = [
        list(tally.first_head.iter().map(Oid::to_string)),
        list(tally.last_head.iter().map(Oid::to_string)),
        list(tally.heads.iter().map(Oid::to_string)),
        list(tally.sessions.iter().map(|session| session.as_str().to_owned())),
    ];
    for field in numbers.iter().chain(&counts).chain(&heads) {
        line.push(b' ');
        line.extend_from_slice(field.as_bytes());
    }
    for words in [&tally.words.prompt, &tally.words.command] {
        line.push(b' ');
        match words {
            Some(words) => {
                line.push(b'=');
                escape(&mut line, words.as_bytes());
            }
            None => line.push(b'-'),
        }
    }
    line
}

/// Reads a line; `None` if it is none.
pub fn decode(line: &[u8]) -> Option<Tally> {
    let mut fields = line.split(|byte| *byte == b' ');
    let branch = Text(unescape(fields.next()?));
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse::<i64>().ok();
    let (created, updated) = (Timestamp(number()?), Timestamp(number()?));
    let (checkpoints, commands) = (number()?.try_into().ok()?, number()?.try_into().ok()?);
    let mut head = || Some(items(fields.next()?).map(Oid::parse).next().flatten());
    let (first_head, last_head) = (head()?, head()?);
    let heads = items(fields.next()?).map(Oid::parse).collect::<Option<_>>()?;
    let session = |id| SessionId::parse(std::str::from_utf8(id).ok()?);
    let sessions = items(fields.next()?).map(session).collect::<Option<_>>()?;
    let mut words = || match fields.next()?.split_first()? {
        (b'=', words) => Some(Some(Text(unescape(words)))),
        _ => Some(None),
    };
    let words = FirstWords { prompt: words()?, command: words()? };
    let tally = Tally {
        branch,
        created,
        updated,
        sessions,
        first_head,
        last_head,
        heads,
        checkpoints,
        commands,
        words,
    };
    fields.next().is_none().then_some(tally)
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "-".to_owned() } else { items.join(",") }
}

fn items(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b',').filter(|item| *item != b"-")
}

fn escape(to: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            0..=b' ' | 0x7f | b'%' => to.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            _ => to.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let oid = |byte: &str| Oid::parse(byte.repeat(20).as_bytes()).unwrap();
        Tally {
            branch: Text(b"fix/\xff 100%".to_vec()),
            created: Timestamp(1),
            updated: Timestamp(2),
            sessions: [SessionId::of_key("a", b"1"), SessionId::of_key("a", b"2")].into(),
            first_head: Some(oid("ab")),
            last_head: Some(oid("cd")),
            heads: [oid("ab"), oid("cd")].into(),
            checkpoints: 3,
            commands: 4,
            words: FirstWords { prompt: Some("fix - the\tparser".into()), command: None },
        }
    }

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let bare = Tally {
            sessions: [].into(),
            first_head: None,
            last_head: None,
            heads: [].into(),
            words: FirstWords { prompt: None, command: Some("-".into()) },
            ..tally()
        };
        for tally in [tally(), bare] {
            let line = encode(&tally);
            assert!(!line.contains(&b'\n'));
            assert_eq!(decode(&line), Some(tally));
        }
    }

    #[test]
    fn half_a_line_or_more_than_one_is_none() {
        let line = encode(&tally());
        let fields = line.split(|byte| *byte == b' ').count();
        for kept in 1..fields {
            let cut: Vec<&[u8]> = line.split(|byte| *byte == b' ').take(kept).collect();
            assert_eq!(decode(&cut.join(&b' ')), None, "{kept} fields");
        }
        assert_eq!(decode(&[&line, &b" x"[..]].concat()), None);
    }
}
