//! The message of a checkpoint's commit: a subject, and trailers that hold what a list needs.
//!
//! ```text
//! 2 commands, 3 files: cargo test
//!
//! Trace-Format: 1
//! Trace-Kind: auto
//! Trace-Time: 1787220000000000
//! Trace-Worktree: 0123456789abcdef /home/u/demo
//! Trace-Head: 0123456789abcdef0123456789abcdef01234567
//! Trace-Branch: main
//! Trace-Base: 0123456789abcdef0123456789abcdef01234567
//! Trace-Session: sess_01987f00-1111-7000-8000-00000000000a
//! Trace-Commands: 2
//! Trace-Files: 1 2 0
//! Trace-Snapshot: full
//! Trace-Skipped: 4
//! Trace-Set-Aside: 1
//! Trace-Continues: 0123456789abcdef0123456789abcdef01234567
//! Trace-Cursor: 01987f00-1111-7000-8000-00000000000a.0 4096 89abcdef
//! Trace-Unique: 00112233445566778899aabbccddeeff
//! ```
//! Time is microseconds since 1970; files are added, modified, deleted; a cursor names a journal
//! file, the bytes contained, and the CRC-32 of its first 64 of them. Trailers whose value is absent
//! or 0 are left out, `Trace-Session` and `Trace-Cursor` may repeat. In paths and branches control
//! characters and `%` are written `%XX`. Unknown trailers are ignored.

use std::fmt::Write;

use crate::model::checkpoint::{FORMAT, Files, Header, Kind, Snapshot};
use crate::model::cursor::{Cursor, Position};
use crate::model::digest::hex;
use crate::model::id::{SessionId, WorktreeId};
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// Why a commit is no checkpoint that this program can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// There is no `Trace-Format` in it.
    NotOurs,
    /// A newer version wrote it.
    Newer(u32),
    /// This trailer is missing or has no such form.
    Trailer(&'static str),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOurs => write!(f, "it is no checkpoint"),
            Self::Newer(format) => {
                write!(
                    f,
                    "a newer trace wrote it (format {format}, this one reads up to {FORMAT}): update trace"
                )
            }
            Self::Trailer(name) => write!(f, "its {name} trailer is missing or damaged"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// Writes the message of a checkpoint.
pub fn encode(header: &Header) -> Vec<u8> {
    let mut to = Trailers(format!("{}\n\n", one_line(&header.subject)).into_bytes());
    to.put("Format", &header.format);
    to.put("Kind", &header.kind.word());
    to.put("Time", &header.time.0);
    to.0.extend_from_slice(format!("Trace-Worktree: {} ", header.worktree).as_bytes());
    to.escaped(header.worktree_path.as_bytes());
    to.maybe("Head", header.head.as_ref());
    if let Some(branch) = &header.branch {
        to.0.extend_from_slice(b"Trace-Branch: ");
        to.escaped(branch.as_bytes());
    }
    to.maybe("Base", header.base.as_ref());
    header.sessions.iter().for_each(|session| to.put("Session", session));
    to.count("Commands", header.commands);
    if header.files.total() > 0 {
        let Files { added, modified, deleted } = header.files;
        to.put("Files", &format_args!("{added} {modified} {deleted}"));
    }
    to.put("Snapshot", &header.snapshot.word());
    to.count("Skipped", header.skipped);
    to.count("Set-Aside", header.set_aside);
    to.maybe("Continues", header.continues.as_ref());
    for (name, at) in &header.cursor.0 {
        to.put("Cursor", &format_args!("{name} {} {:08x}", at.offset, at.head));
    }
    to.put("Unique", &hex(&header.unique));
    to.0
}

/// Reads the message of a checkpoint.
pub fn parse(message: &[u8]) -> Result<Header, Unreadable> {
    let (subject, trailers) = match message.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&message[..end], &message[end + 1..]),
        None => return Err(Unreadable::NotOurs),
    };
    let mut draft = Draft::default();
    for line in trailers.split(|byte| *byte == b'\n') {
        let Some(line) = line.strip_prefix(b"Trace-") else { continue };
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
        draft.take(&line[..colon], value)?;
    }
    draft.finish(String::from_utf8_lossy(subject).into_owned())
}

struct Trailers(Vec<u8>);

impl Trailers {
    fn put(&mut self, name: &str, value: &dyn std::fmt::Display) {
        let mut line = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(line, "Trace-{name}: {value}");
        self.0.extend_from_slice(line.as_bytes());
    }

    fn maybe(&mut self, name: &str, value: Option<&Oid>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn count(&mut self, name: &str, value: u64) {
        if value > 0 {
            self.put(name, &value);
        }
    }

    fn escaped(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                0..0x20 | 0x7f | b'%' => self.0.extend_from_slice(format!("%{byte:02X}").as_bytes()),
                _ => self.0.push(*byte),
            }
        }
        self.0.push(b'\n');
    }
}

#[derive(Default)]
struct Draft {
    format: Option<u32>,
    kind: Option<Kind>,
    time: Option<Timestamp>,
    worktree: Option<(WorktreeId, Text)>,
    head: Option<Oid>,
    branch: Option<Text>,
    base: Option<Oid>,
    sessions: Vec<SessionId>,
    commands: u64,
    files: Files,
    snapshot: Option<Snapshot>,
    skipped: u64,
    set_aside: u64,
    continues: Option<Oid>,
    cursor: Cursor,
    unique: [u8; 16],
}

impl Draft {
    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), Unreadable> {
        match name {
            b"Format" => self.format = Some(need("Trace-Format", number(value))?),
            b"Kind" => self.kind = text(value).and_then(Kind::parse),
            b"Time" => self.time = number(value).map(Timestamp),
            b"Worktree" => self.worktree = worktree(value),
            b"Head" => self.head = Some(need("Trace-Head", Oid::parse(value))?),
            b"Branch" => self.branch = Some(Text(unescape(value))),
            b"Base" => self.base = Some(need("Trace-Base", Oid::parse(value))?),
            b"Session" => self.sessions.extend(text(value).and_then(SessionId::parse)),
            b"Commands" => self.commands = need("Trace-Commands", number(value))?,
            b"Files" => self.files = need("Trace-Files", files(value))?,
            b"Snapshot" => self.snapshot = text(value).and_then(Snapshot::parse),
            b"Skipped" => self.skipped = need("Trace-Skipped", number(value))?,
            b"Set-Aside" => self.set_aside = need("Trace-Set-Aside", number(value))?,
            b"Continues" => self.continues = Some(need("Trace-Continues", Oid::parse(value))?),
            b"Cursor" => {
                let (name, position) = need("Trace-Cursor", position(value))?;
                self.cursor.0.insert(name, position);
            }
            b"Unique" => self.unique = need("Trace-Unique", unique(value))?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self, subject: String) -> Result<Header, Unreadable> {
        let format = self.format.ok_or(Unreadable::NotOurs)?;
        if format > FORMAT {
            return Err(Unreadable::Newer(format));
        }
        let (worktree, worktree_path) = need("Trace-Worktree", self.worktree)?;
        Ok(Header {
            subject,
            kind: need("Trace-Kind", self.kind)?,
            time: need("Trace-Time", self.time)?,
            worktree,
            worktree_path,
            head: self.head,
            branch: self.branch,
            base: self.base,
            sessions: self.sessions,
            commands: self.commands,
            files: self.files,
            snapshot: need("Trace-Snapshot", self.snapshot)?,
            skipped: self.skipped,
            set_aside: self.set_aside,
            continues: self.continues,
            cursor: self.cursor,
            unique: self.unique,
            format,
        })
    }
}

fn need<T>(name: &'static str, value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or(Unreadable::Trailer(name))
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    text(value)?.parse().ok()
}

fn worktree(value: &[u8]) -> Option<(WorktreeId, Text)> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    let id = WorktreeId::parse(text(&value[..space])?)?;
    Some((id, Text(unescape(&value[space + 1..]))))
}

fn files(value: &[u8]) -> Option<Files> {
    let mut numbers = text(value)?.split(' ').map(|word| word.parse().ok());
    let (added, modified, deleted) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(Files { added, modified, deleted })
}

fn position(value: &[u8]) -> Option<(String, Position)> {
    let mut words = text(value)?.split(' ');
    let name = words.next()?.to_owned();
    let offset = words.next()?.parse().ok()?;
    let head = u32::from_str_radix(words.next()?, 16).ok()?;
    Some((name, Position { offset, head }))
}

fn unique(value: &[u8]) -> Option<[u8; 16]> {
    let value = u128::from_str_radix(text(value)?, 16).ok()?;
    Some(value.to_be_bytes())
}

pub(super) fn unescape(value: &[u8]) -> Vec<u8> {
    if !value.contains(&b'%') {
        return value.to_vec();
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(text).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                out.push(code);
                rest = &tail[2..];
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

fn one_line(subject: &str) -> String {
    let line: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.trim() {
        "" => "checkpoint".to_owned(),
        line => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let oid = Oid::parse("ab".repeat(20).as_bytes());
        let mut cursor = Cursor::default();
        cursor.advance("01987f00-1111-7000-8000-00000000000a.0", b"some bytes", 10);
        Header {
            subject: "2 commands: cargo test".into(),
            kind: Kind::Guard,
            time: Timestamp(1_787_220_000_000_001),
            worktree: WorktreeId::parse("0123456789abcdef").unwrap(),
            worktree_path: Text(b"/home/u/a%b\n\xff".to_vec()),
            head: oid,
            branch: Some("main".into()),
            base: None,
            sessions: vec![SessionId::of_key("a", b"1"), SessionId::of_key("a", b"2")],
            commands: 2,
            files: Files { added: 1, modified: 2, deleted: 0 },
            snapshot: Snapshot::Skipped(crate::model::checkpoint::Excuse::Timeout),
            skipped: 3,
            set_aside: 0,
            continues: oid,
            cursor,
            unique: [7; 16],
            format: FORMAT,
        }
    }

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        assert_eq!(parse(&encode(&header())), Ok(header()));
    }

    #[test]
    fn trailers_of_a_newer_version_are_ignored_and_a_newer_format_is_refused() {
        let mut message = encode(&header());
        message.extend_from_slice(b"Trace-Mood: good\n");
        assert_eq!(parse(&message), Ok(header()));
        let newer = Header { format: FORMAT + 1, ..header() };
        assert_eq!(parse(&encode(&newer)), Err(Unreadable::Newer(FORMAT + 1)));
    }

    #[test]
    fn a_foreign_or_damaged_message_is_told_apart() {
        assert_eq!(parse(b"fix: a thing\n\nSigned-off-by: x\n"), Err(Unreadable::NotOurs));
        assert_eq!(parse(b""), Err(Unreadable::NotOurs));
        let cut = b"x\n\nTrace-Format: 1\nTrace-Kind: auto\nTrace-Time: 1\n";
        assert_eq!(parse(cut), Err(Unreadable::Trailer("Trace-Worktree")));
    }

    #[test]
    fn a_subject_cannot_forge_trailers() {
        let forged = Header { subject: "x\n\nTrace-Kind: manual\r".into(), ..header() };
        let read = parse(&encode(&forged)).unwrap();
        assert_eq!((read.kind, read.subject.as_str()), (Kind::Guard, "x  Trace-Kind: manual"));
    }
}
