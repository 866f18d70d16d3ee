//! Values and screens for the tests of this floor.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::Look;
use super::commands::CommandView;
use super::paint::Paint;
use super::timeline::{Happened, MomentView};
use crate::model::change::{Change, Confidence, Side, Status};
use crate::model::checkpoint::{Checkpoint, FORMAT, Files, Header, Kind, Snapshot};
use crate::model::command::{Command, End, State};
use crate::model::event::{Actor, RestoreAction};
use crate::model::id::{CommandId, EventId, SessionId, WorktreeId};
use crate::model::oid::Oid;
use crate::model::origin::Signed;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::Status as Stage;
use crate::model::trail::said::Edit;
use crate::model::who::Who;

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

fn moment(secs: i64, what: Happened, files: &[(&str, Status)]) -> MomentView {
    let who = Who { session: Some(shell()), agent: "claude".to_owned(), ..Who::default() };
    let files = files.iter().map(|(path, status)| (Text::from(*path), *status)).collect();
    MomentView { at: ago(secs), who, what, files }
}

fn ran(number: u64, text: &str, exit: i32) -> Happened {
    let mut command = command(number, text, 1);
    command.exit = Some(exit);
    Happened::Command(Box::new(CommandView { command: command.into(), state: State::Done, changes: vec![] }))
}

/// A morning on a branch.
pub fn morning() -> Vec<MomentView> {
    let prompt = "\nmake the parser survive an empty line at the end of the file\nplease";
    let signed =
        Signed { id: oid(0xc0), author: "Ada Lovelace".into(), subject: "parser: empty lines".into() };
    let (id, label) = (EventId::parse("e").unwrap(), Text::from("rm -rf src \u{1b}[2J"));
    let edit = Edit::StatusSet { status: Some(Stage::InReview), reason: Some("ready".into()) };
    vec![
        moment(3_600, Happened::Prompt { turn: "turn:x.1".to_owned(), text: prompt.into() }, &[]),
        moment(3_500, ran(1, "cargo test", 101), &[("target", Status::Added)]),
        moment(
            3_400,
            ran(2, "sed -i s/a/b/ src/parser/lines.rs src/parser/mod.rs", 0),
            &[("src/parser/lines.rs", Status::Modified), ("src/parser/mod.rs", Status::Deleted)],
        ),
        moment(3_300, Happened::Checkpoint(Box::new(checkpoint(0x3f, 3_300, "2 commands"))), &[]),
        moment(600, Happened::Commit(signed), &[("src/parser/lines.rs", Status::Modified)]),
        moment(
            300,
            Happened::Restore { id: id.clone(), action: RestoreAction::Undo, label },
            &[("src/a", Status::Added)],
        ),
        moment(60, Happened::Said { id, edit }, &[]),
    ]
}

/// Every sort of moment, with this text wherever foreign text can stand.
pub fn saying(text: &Text) -> Vec<MomentView> {
    let word = text.lossy().into_owned();
    let id = EventId::parse("e").unwrap();
    let said = [
        Edit::TitleSet { title: Some(text.clone()) },
        Edit::StatusSet { status: None, reason: Some(text.clone()) },
        Edit::AssigneeSet { assignee: Some(word.clone()) },
        Edit::LabelsAdded { labels: vec![word.clone()] },
        Edit::LabelsRemoved { labels: vec![word.clone()] },
        Edit::NoteAdded { note: text.clone() },
    ];
    let signed = Signed { id: oid(1), author: text.clone(), subject: text.clone() };
    let mut all = vec![
        Happened::Prompt { turn: word.clone(), text: text.clone() },
        ran(1, &word, 1),
        Happened::Checkpoint(Box::new(checkpoint(1, 0, &word))),
        Happened::Commit(signed),
        Happened::Restore { id: id.clone(), action: RestoreAction::Undo, label: text.clone() },
    ];
    all.extend(said.map(|edit| Happened::Said { id: id.clone(), edit }));
    let who = Who { session: Some(shell()), agent: word.clone(), alias: Some(word), digits: 0 };
    let view =
        |what| MomentView { at: ago(1), who: who.clone(), what, files: vec![(text.clone(), Status::Added)] };
    all.into_iter().map(view).collect()
}
