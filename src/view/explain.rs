//! A checkpoint, a session or a commit as a story: what was asked, what was done for it, which files
//! changed, how it ended, and what was put back afterwards: `trace explain`.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::commands::{CommandView, verdict};
use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, count, patch, short, time, who};
use crate::model::change::{Confidence, Status};
use crate::model::checkpoint::Checkpoint;
use crate::model::event::RestoreAction;
use crate::model::oid::Oid;
use crate::model::origin::{Deed, Signed};
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::who::Who;

/// The story of something.
#[derive(Clone, Debug)]
pub struct StoryView {
    pub of: Subject,
    /// When the first of it happened, and the last.
    pub span: Option<(Timestamp, Timestamp)>,
    pub sessions: Vec<Who>,
    pub checkpoints: Vec<Oid>,
    pub asked: Vec<AskedView>,
    pub commands: Vec<CommandView>,
    pub touched: Vec<TouchedView>,
    pub after: Vec<AfterView>,
}

/// What it is the story of.
#[derive(Clone, Debug)]
pub enum Subject {
    Checkpoint(Box<Checkpoint>),
    Session { who: Who, outcome: &'static str, reason: Option<String> },
    Commit(Signed),
}

/// A prompt, and what became of its turn.
#[derive(Clone, Debug)]
pub struct AskedView {
    pub who: Who,
    /// The selector that names the turn.
    pub turn: String,
    pub prompt: Text,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// How it ended, in a word.
    pub end: &'static str,
    /// The agent's answer, if it told one.
    pub answer: Option<Text>,
}

/// A path that changed.
#[derive(Clone, Debug)]
pub struct TouchedView {
    pub path: Text,
    /// From before the first change to after the last.
    pub status: Status,
    /// How many checkpoints found it changed.
    pub times: u64,
    pub by: Vec<Deed>,
    /// The least of all its changes.
    pub confidence: Confidence,
}

/// Something that was put back later, and had to do with this.
#[derive(Clone, Debug)]
pub struct AfterView {
    pub action: RestoreAction,
    pub label: Text,
    pub at: Timestamp,
    /// How many paths it changed.
    pub changed: u64,
    /// It was itself taken back.
    pub undone: bool,
}

/// Of a long list, so many are shown.
const SHOWN: usize = 40;
/// So many of those who may have changed a path are named.
const NAMED: usize = 4;
/// So many lines of a prompt or an answer are shown.
const LINES: usize = 8;
/// Lines are no wider than this, for the eye.
const WIDEST: usize = 80;
const INDENT: usize = 10;

/// Writes the page.
pub fn write(to: &mut dyn Write, story: &StoryView, look: &Look) -> io::Result<()> {
    head(to, story, look)?;
    intent(to, story, look)?;
    commands(to, story, look)?;
    files(to, story, look)?;
    outcome(to, story, look)?;
    after(to, story, look)
}

fn head(to: &mut dyn Write, story: &StoryView, look: &Look) -> io::Result<()> {
    let on_id = |id: Oid| look.paint.on(Style::Id, id);
    let title = |words: &[u8]| look.paint.on(Style::Head, Safe(words).to_string());
    match &story.of {
        Subject::Checkpoint(of) => {
            writeln!(to, "checkpoint {}", on_id(of.id))?;
            writeln!(to, "{}\n", title(of.header.subject.as_bytes()))?;
            look.field(to, "kind", of.header.kind.word())?;
        }
        Subject::Session { who, .. } => {
            let id = who.session.as_ref().map(ToString::to_string).unwrap_or_default();
            writeln!(to, "session {}", look.paint.on(Style::Id, id))?;
            writeln!(to, "{}\n", look.paint.on(Style::Head, who::word(who)))?;
        }
        Subject::Commit(of) => {
            writeln!(to, "commit {}", on_id(of.id))?;
            writeln!(to, "{}\n", title(of.subject.as_bytes()))?;
            look.field(to, "author", Safe(of.author.as_bytes()))?;
        }
    }
    if let Some((from, until)) = story.span {
        look.field(to, "from", look.moment(from))?;
        let took = u64::try_from(until.since(from)).unwrap_or(0);
        look.field(
            to,
            "until",
            format_args!("{}, {} later", time::local(until, &look.zone), time::duration(took)),
        )?;
    }
    if !matches!(story.of, Subject::Session { .. }) {
        let names: Vec<String> = story.sessions.iter().map(who::word).collect();
        look.field(to, "by", if names.is_empty() { "-".to_owned() } else { names.join(", ") })?;
    }
    match (&story.of, story.checkpoints.as_slice()) {
        (Subject::Checkpoint(_), _) | (_, []) => Ok(()),
        (_, [one]) => look.field(to, "kept in", short(*one)),
        (_, [first, .., last]) => {
            let count = count(story.checkpoints.len() as u64, "checkpoint");
            look.field(to, "kept in", format_args!("{count}, {} to {}", short(*first), short(*last)))
        }
    }
}

fn intent(to: &mut dyn Write, story: &StoryView, look: &Look) -> io::Result<()> {
    look.heading(to, "Intent")?;
    if story.asked.is_empty() {
        return writeln!(to, "{}", look.paint.on(Style::Dim, "no prompt: nobody said what it was for"));
    }
    for one in last(&story.asked) {
        let clock = time::clock(one.started, &look.zone);
        write!(to, "{}  ", look.paint.on(Style::Dim, clock))?;
        paragraph(to, &one.prompt, look)?;
        let took = one.ended.map(|ended| u64::try_from(ended.since(one.started)).unwrap_or(0));
        let took = took.map(|took| format!(" after {}", time::duration(took))).unwrap_or_default();
        let words = format!("{}{took}, {}", one.end, Safe(one.turn.as_bytes()));
        writeln!(to, "{:INDENT$}{}", "", look.paint.on(Style::Dim, words))?;
    }
    earlier(to, story.asked.len(), look)
}

fn commands(to: &mut dyn Write, story: &StoryView, look: &Look) -> io::Result<()> {
    let all = &story.commands;
    if all.is_empty() {
        return Ok(());
    }
    let failed = all.iter().filter(|one| one.command.exit.is_some_and(|exit| exit != 0)).count();
    let took: u64 = all.iter().filter_map(|one| one.command.duration_us).fold(0, u64::saturating_add);
    let failed = if failed == 0 { "none failed".to_owned() } else { format!("{failed} failed") };
    let words = format!("{}, {failed}, {}", count(all.len() as u64, "command"), time::duration(took));
    look.heading(to, "Commands")?;
    writeln!(to, "{}", look.paint.on(Style::Dim, words))?;
    let columns =
        [Column::text("TIME"), Column::text("EXIT"), Column::number("TOOK"), Column::flexible("COMMAND", 20)];
    let mut table = Table::new(Headings::Left, &columns);
    for one in last(all) {
        let (style, exit) = verdict(one);
        let text = if style == Style::Bad { Style::Bad } else { Style::Text };
        table.row(vec![
            Cell::new(Style::Dim, time::clock(one.command.moment(), &look.zone)),
            Cell::new(style, exit),
            Cell::maybe(Style::Text, one.command.duration_us.map(time::duration)),
            Cell::new(text, Safe(one.command.command.as_bytes())),
        ]);
    }
    table.write(to, look)?;
    earlier(to, all.len(), look)
}

fn files(to: &mut dyn Write, story: &StoryView, look: &Look) -> io::Result<()> {
    if story.touched.is_empty() {
        return Ok(());
    }
    look.heading(to, "Files")?;
    let columns = [Column::text("STATUS"), Column::path("PATH", 20), Column::flexible("BY", 16)];
    let mut table = Table::new(Headings::Left, &columns);
    for one in story.touched.iter().take(SHOWN) {
        let (style, letter) = patch::letter(one.status);
        table.row(vec![
            Cell::new(style, letter),
            Cell::new(Style::Text, Safe(one.path.as_bytes())),
            Cell::new(Style::Dim, by(one)),
        ]);
    }
    table.write(to, look)?;
    match story.touched.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(to, "{}", look.paint.on(Style::Dim, format_args!("and {more} more"))),
    }
}

fn by(of: &TouchedView) -> String {
    let mut names: Vec<String> = of.by.iter().take(NAMED).map(did).collect();
    names.dedup();
    if of.by.len() > NAMED {
        names.push(format!("{} more", of.by.len() - NAMED));
    }
    match of.confidence {
        Confidence::Exact => format!("by {}", names.join(", ")),
        Confidence::Shared => format!("by one of {}", names.join(", ")),
        Confidence::External => "by something unrecorded".to_owned(),
        Confidence::Unknown => String::new(),
    }
}

/// A deed in words.
fn did(deed: &Deed) -> String {
    match (&deed.command, &deed.tool) {
        (Some((_, text)), _) => Safe(text.as_bytes()).to_string(),
        (None, Some(tool)) => Safe(tool.as_bytes()).to_string(),
        (None, None) => who::word(&deed.who),
    }
}

fn outcome(to: &mut dyn Write, story: &StoryView, look: &Look) -> io::Result<()> {
    look.heading(to, "Outcome")?;
    if let Subject::Session { outcome, reason, .. } = &story.of {
        let reason = reason.as_ref().map(|reason| format!(": {}", Safe(reason.as_bytes())));
        writeln!(to, "the session is {outcome}{}", reason.unwrap_or_default())?;
    }
    if let Some(ran) = story.commands.last() {
        let (style, exit) = verdict(ran);
        let text = Safe(ran.command.command.as_bytes()).to_string();
        let room = look.width.map_or(usize::MAX, |width| width.saturating_sub(19 + exit.width()));
        let text = super::table::cut(&text, room);
        writeln!(to, "the last command: {} {text}", look.paint.on(style, exit))?;
    }
    let files = count(story.touched.len() as u64, "file");
    writeln!(to, "{files} changed")?;
    match story.asked.last() {
        None => Ok(()),
        Some(AskedView { answer: Some(answer), .. }) => {
            write!(to, "{:<INDENT$}", "answered")?;
            paragraph(to, answer, look)
        }
        Some(one) => writeln!(to, "the last turn is {}", one.end),
    }
}

fn after(to: &mut dyn Write, story: &StoryView, look: &Look) -> io::Result<()> {
    if story.after.is_empty() {
        return Ok(());
    }
    look.heading(to, "Afterwards")?;
    let columns = [Column::text("TIME"), Column::text("PATHS"), Column::flexible("WHAT", 20)];
    let mut table = Table::new(Headings::Left, &columns);
    for one in &story.after {
        let undone = if one.undone { ", taken back since" } else { "" };
        let words = format!("{} {}{undone}", one.action.word(), Safe(one.label.as_bytes()));
        table.row(vec![
            Cell::new(Style::Dim, time::relative(Some(one.at), look.now)),
            Cell::new(Style::Text, count(one.changed, "path")),
            Cell::new(Style::Text, words),
        ]);
    }
    table.write(to, look)
}

/// The newest of a list: what is shown of it.
fn last<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(SHOWN)..]
}

fn earlier(to: &mut dyn Write, len: usize, look: &Look) -> io::Result<()> {
    match len.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(to, "{}", look.paint.on(Style::Dim, format_args!("and {more} earlier"))),
    }
}

/// Text that others wrote, in lines that begin where the first one does.
fn paragraph(to: &mut dyn Write, text: &Text, look: &Look) -> io::Result<()> {
    let room = look.width.unwrap_or(WIDEST).min(WIDEST).saturating_sub(INDENT).max(20);
    let lines = wrapped(text, room);
    for (at, line) in lines.iter().take(LINES).enumerate() {
        let indent = if at == 0 { 0 } else { INDENT };
        writeln!(to, "{:indent$}{line}", "")?;
    }
    match lines.len().saturating_sub(LINES) {
        0 if lines.is_empty() => writeln!(to, "-"),
        0 => Ok(()),
        more => {
            writeln!(to, "{:INDENT$}{}", "", look.paint.on(Style::Dim, format_args!("and {more} more lines")))
        }
    }
}

/// The words in lines that fit; a word that fits nowhere is cut.
fn wrapped(text: &Text, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.as_bytes().split(|byte| *byte == b'\n') {
        let line = Safe(line).to_string();
        let mut shown = String::new();
        for word in line.split_whitespace() {
            let word = super::table::cut(word, room);
            if !shown.is_empty() && shown.width() + 1 + word.width() > room {
                lines.push(std::mem::take(&mut shown));
            }
            if !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(&word);
        }
        if !shown.is_empty() {
            lines.push(shown);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::command::State;
    use crate::view::testing::{ago, checkpoint, command, fits, look, oid, screen, shell};

    fn who() -> Who {
        Who { session: Some(shell()), agent: "claude".to_owned(), ..Who::default() }
    }

    fn story(of: Subject) -> StoryView {
        let ran = |seq, text, exit| CommandView {
            command: command(seq, text, exit).into(),
            state: State::Done,
            changes: vec![],
        };
        let sed = Deed {
            who: who(),
            command: Some((command(7, "", 0).id, "sed -i s/a/b/ src/a".into())),
            ..Deed::default()
        };
        let touched = |path: &str, confidence| TouchedView {
            path: path.into(),
            status: Status::Modified,
            times: 1,
            by: if confidence == Confidence::Exact { vec![sed.clone()] } else { vec![] },
            confidence,
        };
        StoryView {
            of,
            span: Some((ago(180), ago(60))),
            sessions: vec![who()],
            checkpoints: vec![oid(0x3f), oid(0x4a)],
            asked: vec![AskedView {
                who: who(),
                turn: format!("turn:{}.1", shell().uuid()),
                prompt: "make the parser survive an empty line, and the lexer, and whatever else breaks on it\nthen test\u{1b}".into(),
                started: ago(180),
                ended: Some(ago(60)),
                end: "answered",
                answer: Some("done".into()),
            }],
            commands: vec![ran(7, "sed -i s/a/b/ src/a", 0), ran(8, "cargo test --workspace --all-targets -- --nocapture the_parser_survives_an_empty_line", 101)],
            touched: vec![touched("src/a", Confidence::Exact), touched("notes", Confidence::External)],
            after: vec![AfterView { action: RestoreAction::Undo, label: "sed".into(), at: ago(30), changed: 1, undone: true }],
        }
    }

    #[test]
    fn a_page_goes_from_intent_to_what_came_afterwards() {
        let of = Subject::Commit(Signed { id: oid(0xaa), author: "Ada".into(), subject: "survive".into() });
        assert_eq!(
            screen(|to| write(to, &story(of), &look(Some(80)))),
            format!(
                "\
commit {}
survive

author      Ada
from        2026-11-21 09:57:00 +0000 (3m ago)
until       2026-11-21 09:59:00 +0000, 2m00s later
by          claude 01987f00
kept in     2 checkpoints, 3f3f3f3f3f to 4a4a4a4a4a

Intent
09:57:00  make the parser survive an empty line, and the lexer, and whatever
          else breaks on it
          then test\\x1b
          answered after 2m00s, turn:01987f00-1111-7000-8000-00000000000a.1

Commands
2 commands, 1 failed, 2.5s
09:57:00  0    1.2s  sed -i s/a/b/ src/a
09:57:00  101  1.2s  cargo test --workspace --all-targets -- --nocapture the_pa…

Files
M  src/a  by sed -i s/a/b/ src/a
M  notes  by something unrecorded

Outcome
the last command: 101 cargo test --workspace --all-targets -- --nocapture the_p…
2 files changed
answered  done

Afterwards
30s ago  1 path  undo sed, taken back since
",
                oid(0xaa)
            )
        );
    }

    #[test]
    fn every_page_fits() {
        let session = || Subject::Session { who: who(), outcome: "done", reason: Some("merged".to_owned()) };
        let made = || Subject::Checkpoint(Box::new(checkpoint(0x3f, 5, "make")));
        for width in [60, 80, 200] {
            fits(&screen(|to| write(to, &story(session()), &look(Some(width)))), width.max(80));
            fits(&screen(|to| write(to, &story(made()), &look(Some(width)))), width.max(80));
        }
        let mut bare = story(session());
        (bare.asked, bare.commands, bare.touched, bare.after) = (vec![], vec![], vec![], vec![]);
        let lines = screen(|to| write(to, &bare, &look(None)));
        assert!(
            lines.contains("no prompt") && lines.ends_with("the session is done: merged\n0 files changed\n"),
            "{lines}"
        );
    }

    #[test]
    fn of_a_long_list_the_end_is_shown() {
        let mut long = story(Subject::Checkpoint(Box::new(checkpoint(0x3f, 5, "make"))));
        long.commands = vec![long.commands[0].clone(); 50];
        long.touched = vec![long.touched[0].clone(); 50];
        long.asked[0].prompt = "line\n".repeat(20).into();
        let lines = screen(|to| write(to, &long, &look(Some(80))));
        for words in ["50 commands, none failed", "and 10 earlier\n", "and 10 more\n", "and 12 more lines\n"]
        {
            assert!(lines.contains(words), "{words} is missing in {lines}");
        }
    }
}
