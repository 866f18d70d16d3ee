//! Values and screens for the tests of this floor.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::Look;
use super::paint::Paint;
use crate::model::change::{Change, Confidence, Side, Status};
use crate::model::checkpoint::{Checkpoint, FORMAT, Files, Header, Kind, Snapshot};
use crate::model::command::{Command, End};
use crate::model::event::Actor;
use crate::model::id::{CommandId, SessionId, WorktreeId};
use crate::model::oid::Oid;
use crate::model::time::Timestamp;

/// 2026-11-21T10:00:00Z.
pub const NOW: Timestamp = Timestamp(1_795_255_200_000_000);
pub const SHELL: &str = "01987f00-1111-7000-8000-00000000000a";

pub fn look(width: Option<usize>) -> Look {
    Look { paint: Paint::Plain, width, now: NOW, zone: TimeZone::UTC }
}

pub fn colour(width: usize) -> Look {
    Look { paint: Paint::Colour, ..look(Some(width)) }
}

pub fn screen(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Asserts that no line is wider than the terminal and that none ends in a space.
pub fn fits(screen: &str, width: usize) {
    for line in screen.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{line}");
        assert_eq!(line.trim_end(), line);
    }
}

pub fn oid(byte: u8) -> Oid {
    Oid::from_bytes(&[byte; 20]).unwrap()
}

pub fn ago(secs: i64) -> Timestamp {
    Timestamp(NOW.0 - secs * 1_000_000)
}

pub fn shell() -> SessionId {
    SessionId::of_key("shell", SHELL.as_bytes())
}

pub fn checkpoint(id: u8, secs_ago: i64, subject: &str) -> Checkpoint {
    Checkpoint {
        id: oid(id),
        parent: Some(oid(id.wrapping_add(1))),
        tree: oid(0xee),
        header: Header {
            subject: subject.to_owned(),
            kind: Kind::Auto,
            time: ago(secs_ago),
            worktree: WorktreeId::parse("0123456789abcdef").unwrap(),
            worktree_path: "/home/ada/work".into(),
            head: Some(oid(0xaa)),
            branch: Some("main".into()),
            base: None,
            sessions: vec![shell()],
            commands: 3,
            files: Files { added: 1, modified: 2, deleted: 0 },
            snapshot: Snapshot::Full,
            skipped: 0,
            set_aside: 0,
            continues: None,
            cursor: Default::default(),
            unique: [7; 16],
            format: FORMAT,
        },
    }
}

pub fn command(seq: u64, text: &str, exit: i32) -> Command {
    Command {
        id: CommandId::of_shell(&shell(), seq),
        session: Some(shell()),
        seq: Some(seq),
        command: text.into(),
        cwd: "/home/ada/work".into(),
        cwd_after: None,
        started: Some(ago(180)),
        finished: Some(ago(178)),
        duration_us: Some(1_250_000),
        exit: Some(exit),
        pipestatus: vec![],
        flags: String::new(),
        shell: Some("bash".to_owned()),
        actor: Actor::default(),
        process: None,
        output: None,
        end: End::Done,
        over_by: None,
        checkpoint: Some(oid(0x3f)),
    }
}

pub fn change(path: &str, status: Status) -> Change {
    let side = |id| Some(Side { mode: 0o100644, id: oid(id) });
    Change {
        path: path.into(),
        status,
        old: side(1).filter(|_| status != Status::Added),
        new: side(2).filter(|_| status != Status::Deleted),
        mtime: None,
        ctime: None,
        by: vec![],
        confidence: Confidence::Unknown,
    }
}
