//! Floor 1: from the model to words and to JSON.
//!
//! Pure: it writes to what it is given, and is told the time, the zone and the width. It opens
//! nothing and knows neither git nor the files. Foreign text is printed through [`safe::Safe`],
//! without an exception on a terminal.
//!
//! Read `safe`, `table` and `paint` first; the others are one file per listing, and `json` has
//! the same content for programs. A listing of nothing is empty: the caller says so on stderr, in
//! the words of its `EMPTY`, or of [`NO_MATCH`] where filters left nothing.

use std::fmt::Display;
use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::model::oid::Oid;
use crate::model::time::Timestamp;
use paint::{Paint, Style};

mod base64;
pub mod bisect;
pub mod browse;
pub mod commands;
pub mod conflicts;
pub mod explain;
pub mod fsck;
pub mod handoff;
pub mod import;
pub mod json;
pub mod log;
pub mod made;
pub mod operation;
pub mod paint;
pub mod patch;
pub mod plan;
pub mod resume;
pub mod safe;
pub mod script;
pub mod search;
pub mod session;
pub mod show;
pub mod stats;
pub mod status;
pub mod table;
#[cfg(test)]
mod testing;
pub mod time;
pub mod timeline;
pub mod trail;
pub mod who;
pub mod why;
pub mod words;

/// What is said where filters left nothing of a listing.
pub const NO_MATCH: &str = "nothing matches";

/// The digits of a checkpoint's id in a listing.
const DIGITS: usize = 10;

/// How it is to look, and from when and where it is looked at.
#[derive(Clone, Debug)]
pub struct Look {
    pub paint: Paint,
    /// Columns of the terminal; `None` if there is none: nothing is cut then.
    pub width: Option<usize>,
    pub now: Timestamp,
    /// The zone of local dates.
    pub zone: TimeZone,
}

impl Look {
    /// A moment as details give it: the local date, and how long ago that is.
    fn moment(&self, moment: Timestamp) -> String {
        format!("{} ({})", time::local(moment, &self.zone), time::relative(Some(moment), self.now))
    }

    /// The heading of a block.
    fn heading(&self, to: &mut dyn Write, words: &str) -> io::Result<()> {
        writeln!(to, "\n{}", self.paint.on(Style::Head, words))
    }

    /// One line of a block: what it is, and its value, which must be safe to print already.
    fn field(&self, to: &mut dyn Write, name: &str, value: impl Display) -> io::Result<()> {
        writeln!(to, "{} {value}", self.paint.on(Style::Dim, format_args!("{name:<11}")))
    }
}

/// A number of bytes for people: `0 B`, `1.5 KiB`, `12 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10).min(4);
    let tenths = (u128::from(bytes) * 10) >> (10 * power);
    let unit = UNITS[power as usize - 1];
    match tenths {
        0..100 => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        _ => format!("{} {unit}", tenths / 10),
    }
}

/// A count and its noun: `1 command`, `2 commands`.
pub fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// An id as listings print it.
fn short(id: Oid) -> String {
    id.short(DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::{Confidence, Status};
    use crate::model::command::{Command, State};
    use crate::model::event::{Event, Note, RestoreAction, Tool, What};
    use crate::model::hit::{Hit, Kind};
    use crate::model::id::EventId;
    use crate::model::origin::{Asked, Deed, Origin, Signed, Source, Stretch};
    use crate::model::query::{Match, Rank};
    use crate::model::stats::Stats;
    use crate::model::text::Text;
    use crate::model::trail::said::{Document, Remark};
    use crate::model::trail::{self as story, Trail};
    use crate::model::who::Who;
    use proptest::prelude::*;
    use testing::{NOW, change, checkpoint, command, look, screen};

    /// Lists of checkpoints, commands and trails, with this text wherever foreign text can stand.
    fn lists(text: &Text, look: &Look) -> String {
        let word = text.lossy().into_owned();
        let mut made = checkpoint(1, 0, &word);
        (made.header.branch, made.header.worktree_path) = (Some(text.clone()), text.clone());
        let mut ran = command(1, "", 1);
        (ran.command, ran.cwd) = (text.clone(), text.clone());
        let said = Document {
            assignee: Some(word.clone()),
            labels: [word.clone()].into(),
            reason: Some(text.clone()),
            notes: vec![Remark { at: NOW, by: Some(word.clone()), text: text.clone() }],
            ..Document::default()
        };
        let told = Trail {
            id: story::id(text),
            branch: text.clone(),
            title: text.clone(),
            status: story::Status::Open,
            author: Some(word),
            base: Some(text.clone()),
            created: NOW,
            updated: NOW,
            sessions: 1,
            checkpoints: 1,
            commands: 1,
            commits: 1,
            said,
        };
        let moments = testing::saying(text);
        let (made, told) = (&[made], &[told]);
        let ran = &[commands::CommandView { command: ran.into(), state: State::Done, changes: vec![] }];
        screen(|to| {
            log::write(to, made, look)?;
            commands::write(to, ran, look)?;
            trail::write(to, told, look)?;
            trail::write_story(to, &told[0], &moments, look)?;
            json::write(to, &json::log(made))?;
            json::write(to, &json::commands(ran))?;
            json::write(to, &json::trail::story(&told[0], made, &moments))
        })
    }

    /// Details of a checkpoint, of files and of a check, likewise.
    fn details(text: &Text, look: &Look) -> String {
        let word = text.lossy().into_owned();
        let note = Note { text: text.clone(), name: Some(word.clone()) };
        let tool = Tool { name: word.clone(), paths: vec![text.clone()], ..Tool::default() };
        let whats = [What::TurnEnded(note), What::ToolStarted(Box::new(tool)), What::Unknown(word.clone())];
        let id = EventId::parse("e").unwrap();
        let events = whats.map(|what| Event { id: id.clone(), at: NOW, session: None, seq: None, what });
        let (made, changes) = (checkpoint(1, 0, &word), [change(&word, Status::Added)]);
        let session = testing::shell();
        let (prompt, started) = (text.clone(), NOW);
        let turns =
            [show::TurnView { name: "turn:x.1".to_owned(), session, n: 1, prompt, started, ended: None }];
        let view = show::ShowView {
            checkpoint: &made,
            turns: &turns,
            events: &events,
            changes: &changes,
            commits: &[],
        };
        let line = patch::Line { sign: patch::Sign::Added, text: text.clone(), end: patch::LineEnd::Newline };
        let words = vec![words::Piece { sign: patch::Sign::Added, text: text.clone() }];
        let hunk =
            patch::Hunk { old_start: 0, old_len: 0, new_start: 1, new_len: 1, lines: vec![line], words };
        let body = patch::Body::Lines(vec![hunk]);
        let files = [patch::FilePatch { path: text.clone(), old: None, new: changes[0].new, body }];
        let problem = fsck::Problem { kind: word.clone(), at: text.clone(), detail: word };
        let report = fsck::FsckView { checked: 1, problems: vec![problem] };
        screen(|to| {
            show::write(to, &view, look)?;
            for form in [patch::Form::Stat, patch::Form::NameStatus, patch::Form::Patch, patch::Form::Words] {
                patch::write(to, &files, form, look)?;
            }
            fsck::write(to, &report, look)?;
            json::write(to, &json::show(&made, &turns, &[text.as_bytes()], &changes, &[]))
        })
    }

    fn somebody(text: &Text) -> Who {
        let word = text.lossy().into_owned();
        Who { session: Some(testing::shell()), agent: word.clone(), alias: Some(word), digits: 0 }
    }

    fn ran(text: &Text) -> Command {
        Command { command: text.clone(), cwd: text.clone(), ..command(1, "", 1) }
    }

    fn deed(text: &Text) -> Deed {
        let word = text.lossy().into_owned();
        let asked = Asked { turn: word.clone(), text: text.clone() };
        Deed { who: somebody(text), command: None, tool: Some(word), prompt: Some(asked) }
    }

    fn signed(text: &Text) -> Signed {
        Signed { id: testing::oid(1), author: text.clone(), subject: text.clone() }
    }

    /// What was searched for, and where lines come from, likewise.
    fn answers(text: &Text, look: &Look) -> String {
        let hit = Hit {
            kind: Kind::Command,
            at: NOW,
            text: text.clone(),
            found: Match {
                rank: Rank::Words,
                spans: std::iter::once(0..text.as_bytes().len() / 2).collect(),
            },
            who: somebody(text),
            checkpoint: None,
            command: Some(Box::new(ran(text))),
            times: 1,
        };
        let line = |source| Stretch {
            first: 1,
            last: 2,
            origin: Origin {
                source,
                at: Some(NOW),
                path: text.clone(),
                deeds: vec![deed(text)],
                confidence: Confidence::Shared,
            },
        };
        let lines = [line(Source::Commit(signed(text))), line(Source::Now)];
        screen(|to| {
            search::write(to, &[hit], look)?;
            why::write(to, text, text.as_bytes(), &lines, look)?;
            why::write(to, text, text.as_bytes(), &lines[..1], look)
        })
    }

    fn story_of(of: explain::Subject, text: &Text) -> explain::StoryView {
        let asked = explain::AskedView {
            who: somebody(text),
            turn: text.lossy().into_owned(),
            prompt: text.clone(),
            started: NOW,
            ended: None,
            end: "failed",
            answer: Some(text.clone()),
        };
        let (path, by) = (text.clone(), vec![deed(text)]);
        let (status, confidence) = (Status::Added, Confidence::Exact);
        let (action, label) = (RestoreAction::Undo, text.clone());
        explain::StoryView {
            of,
            span: None,
            sessions: vec![somebody(text)],
            checkpoints: vec![],
            asked: vec![asked],
            commands: vec![commands::CommandView {
                command: ran(text).into(),
                state: State::Done,
                changes: vec![],
            }],
            touched: vec![explain::TouchedView { path, status, times: 1, by, confidence }],
            after: vec![explain::AfterView { action, label, at: NOW, changed: 1, undone: true }],
        }
    }

    /// Stories, numbers and scripts, likewise.
    fn stories(text: &Text, look: &Look) -> String {
        let reason = Some(text.lossy().into_owned());
        let session = explain::Subject::Session { who: somebody(text), outcome: "done", reason };
        let (session, commit) =
            (story_of(session, text), story_of(explain::Subject::Commit(signed(text)), text));
        let stats = Stats::of([(&ran(text), State::Done)], 1);
        let mut shell = Vec::new();
        script::write(&mut shell, &session.commands, script::Extent::All, &look.zone).unwrap();
        screen(|to| {
            explain::write(to, &session, look)?;
            explain::write(to, &commit, look)?;
            stats::write(to, &stats, look)?;
            script::harmless(to, &shell)
        })
    }

    proptest! {
        #[test]
        fn no_listing_passes_an_order_on_to_the_terminal(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..40),
            text in "[\\x00-\\x{a0}\\x{2000}-\\x{2070}\\x{feff}]{0,20}",
            width in 0..120_usize,
        ) {
            bytes.extend(text.as_bytes());
            let (text, look) = (bytes.into(), look(Some(width)));
            let screen = [lists, details, answers, stories].map(|write| write(&text, &look)).concat();
            let order = screen.chars().find(|ch| *ch != '\n' && safe::is_hidden(*ch));
            prop_assert_eq!(order, None);
        }
    }

    #[test]
    fn sizes_are_cut_to_two_digits_or_to_whole_units() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (12 << 20, "12 MiB"),
            ((1 << 30) - 1, "1023 MiB"),
            (u64::MAX, "16777215 TiB"),
        ];
        for (bytes, words) in cases {
            assert_eq!(size(bytes), words);
        }
    }
}
