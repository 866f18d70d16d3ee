//! One checkpoint in full: what it is, what happened, what changed and who did it: `trace show`.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use super::made::reason;
use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, count, patch, short, time};
use crate::model::change::{Author, Change, Confidence};
use crate::model::checkpoint::{Checkpoint, Excuse, Header, Snapshot};
use crate::model::event::{CommandHalf, Event, Note, SessionSeen, Tool, What};
use crate::model::id::{CommandId, SessionId};
use crate::model::link::Link;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// A turn that a checkpoint holds the prompt or the answer of.
#[derive(Clone, Debug)]
pub struct TurnView {
    /// The selector that names it.
    pub name: String,
    pub session: SessionId,
    /// Its place in its session, from 1.
    pub n: u64,
    pub prompt: Text,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
}

/// A checkpoint, its batch in telling order, and what differs from the one before.
#[derive(Clone, Copy, Debug)]
pub struct ShowView<'a> {
    pub checkpoint: &'a Checkpoint,
    pub turns: &'a [TurnView],
    pub events: &'a [Event],
    pub changes: &'a [Change],
    /// The commits that it led to.
    pub commits: &'a [Link<Oid>],
}

/// Writes the head, the events, and the changes.
pub fn write(to: &mut dyn Write, view: &ShowView, look: &Look) -> io::Result<()> {
    head(to, view, look)?;
    events(to, view.events, look)?;
    changes(to, view, look)?;
    left_out(to, view.events, look)
}

fn head(to: &mut dyn Write, view: &ShowView, look: &Look) -> io::Result<()> {
    let checkpoint = view.checkpoint;
    let header = &checkpoint.header;
    writeln!(to, "checkpoint {}", look.paint.on(Style::Id, checkpoint.id))?;
    writeln!(to, "{}\n", look.paint.on(Style::Head, Safe(header.subject.as_bytes())))?;
    look.field(to, "time", look.moment(header.time))?;
    look.field(to, "kind", header.kind.word())?;
    let place = Safe(header.worktree_path.as_bytes());
    look.field(to, "worktree", format_args!("{place} ({})", header.worktree))?;
    look.field(to, "branch", branch(header))?;
    if let Some(parent) = checkpoint.parent.or(header.continues) {
        look.field(to, "parent", parent)?;
    }
    for session in &header.sessions {
        look.field(to, "session", session)?;
    }
    for turn in view.turns {
        look.field(to, "turn", &turn.name)?;
    }
    for commit in view.commits {
        look.field(to, "commit", format_args!("{} (by {})", commit.what, commit.how.word()))?;
    }
    let files = header.files;
    let counts = format!("+{} ~{} -{}", files.added, files.modified, files.deleted);
    look.field(to, "holds", format_args!("{}, files {counts}", count(header.commands, "command")))?;
    if let Some(words) = shortcoming(header.snapshot) {
        look.field(to, "snapshot", look.paint.on(Style::Live, words))?;
    }
    if header.set_aside > 0 {
        let words = format!("{} of the journal, torn or foreign", count(header.set_aside, "piece"));
        look.field(to, "set aside", look.paint.on(Style::Live, words))?;
    }
    Ok(())
}

fn branch(header: &Header) -> String {
    let name = match &header.branch {
        Some(branch) => Safe(branch.as_bytes()).to_string(),
        None => "detached".to_owned(),
    };
    match header.head {
        Some(head) => format!("{name} at {head}"),
        None => format!("{name}, no commit yet"),
    }
}

/// What the snapshot lacks; nothing is said of a whole one.
fn shortcoming(snapshot: Snapshot) -> Option<&'static str> {
    match snapshot {
        Snapshot::Full => None,
        Snapshot::Known => Some("only the paths that were named; the others are as before"),
        Snapshot::Partial => Some("cut short by the time limit"),
        Snapshot::Skipped(Excuse::Timeout) => Some("none: there was no time"),
        Snapshot::Skipped(Excuse::Failed) => Some("none: the files could not be read"),
        Snapshot::Skipped(Excuse::Space) => Some("none: there was no room"),
        Snapshot::Skipped(Excuse::Bare) => Some("none: this repository has no files of its own"),
        Snapshot::Skipped(Excuse::Gone) => Some("none: the worktree was gone"),
    }
}

fn events(to: &mut dyn Write, events: &[Event], look: &Look) -> io::Result<()> {
    let ended: HashSet<String> = events.iter().filter_map(|event| end_of(&event.what)).collect();
    let columns =
        [Column::text("TIME"), Column::text("WHAT"), Column::text("OUTCOME"), Column::flexible("WORDS", 20)];
    let mut table = Table::new(Headings::Left, &columns);
    let mut any = false;
    for event in events {
        if start_of(&event.what).is_some_and(|start| ended.contains(&start)) {
            continue;
        }
        let Some((word, words, outcome)) = told(&event.what) else { continue };
        any = true;
        table.row(vec![
            Cell::new(Style::Dim, time::clock(event.at, &look.zone)),
            Cell::new(Style::Text, word),
            outcome,
            Cell::new(Style::Text, words),
        ]);
    }
    if any {
        look.heading(to, "Events")?;
    }
    table.write(to, look)
}

/// What a start and an end have in common: a start is not told where its end is.
fn start_of(what: &What) -> Option<String> {
    match what {
        What::CommandStarted(half) => Some(half.command_id.to_string()),
        What::ToolStarted(tool) => tool.tool_use_id.as_ref().map(|id| id.lossy().into_owned()),
        _ => None,
    }
}

fn end_of(what: &What) -> Option<String> {
    match what {
        What::CommandFinished(half) => Some(half.command_id.to_string()),
        What::ToolFinished(tool) => tool.tool_use_id.as_ref().map(|id| id.lossy().into_owned()),
        _ => None,
    }
}

/// An event as a word, what was said, and how it went; `None` if it is told elsewhere.
fn told(what: &What) -> Option<(&'static str, String, Cell)> {
    let nothing = Cell::new(Style::Text, "");
    let note = |word, note: &Note| Some((word, words(note), Cell::new(Style::Text, "")));
    match what {
        What::SessionSeen(seen) => Some(("session", opened(seen), nothing)),
        What::SessionEnded(text) => note("session ended", text),
        What::Prompt(prompt) => Some(("prompt", safe(&prompt.text), nothing)),
        What::TurnEnded(text) => note("answer", text),
        What::TurnFailed(text) => note("turn failed", text),
        What::CommandStarted(half) => {
            Some(("command", safe(&half.command), Cell::new(Style::Live, "started")))
        }
        What::CommandFinished(half) => Some(("command", safe(&half.command), ended(half))),
        What::ToolStarted(tool) => Some(("tool", named(tool), Cell::new(Style::Live, "started"))),
        What::ToolFinished(tool) => Some(("tool", named(tool), went(tool))),
        What::ToolBatch(text) => note("tools done", text),
        What::SubagentStarted(text) => note("sub-agent", text),
        What::SubagentStopped(text) => note("sub-agent done", text),
        What::Compacted(text) => note("compacted", text),
        What::CheckpointAsked(text) => note("asked", text),
        What::Restored(restored) => Some((restored.action.word(), safe(&restored.label), nothing)),
        What::SessionEdited(_) => Some(("session edited", String::new(), nothing)),
        What::TrailEdited(said) => Some(("trail edited", safe(&said.branch), nothing)),
        What::Looked(_) => Some(("guard", "nothing had changed".to_owned(), nothing)),
        What::TranscriptKept(kept) => Some(("transcript", format!("{} more lines", kept.records), nothing)),
        What::Committed(made) => {
            let action = made.action.as_deref().unwrap_or("commit");
            Some(("git", format!("{} {}", Safe(action.as_bytes()), short(made.commit)), nothing))
        }
        What::Rewritten(told) => Some((
            "git",
            format!("{}, {}", Safe(told.by.as_bytes()), count(told.pairs.len() as u64, "commit")),
            nothing,
        )),
        What::CheckedOut(moved) => Some(("git", format!("checkout {}", short(moved.new)), nothing)),
        What::Merged(merged) => {
            let word = if merged.squash { "merge, squashed" } else { "merge" };
            Some((
                "git",
                merged.commit.map_or(word.to_owned(), |id| format!("{word} {}", short(id))),
                nothing,
            ))
        }
        What::Snapshot(_) => None,
        What::Unknown(kind) => Some(("unknown", Safe(kind.as_bytes()).to_string(), nothing)),
    }
}

fn opened(seen: &SessionSeen) -> String {
    let parts = [Some(&seen.agent), seen.shell.as_ref(), seen.model.as_ref()];
    let words: Vec<String> =
        parts.into_iter().flatten().map(|part| Safe(part.as_bytes()).to_string()).collect();
    words.join(" ")
}

fn words(note: &Note) -> String {
    let name = note.name.iter().map(|name| Safe(name.as_bytes()).to_string());
    let text = Some(safe(&note.text)).filter(|text| !text.is_empty());
    name.chain(text).collect::<Vec<_>>().join(": ")
}

fn named(tool: &Tool) -> String {
    let paths = tool.paths.iter().map(safe);
    std::iter::once(Safe(tool.name.as_bytes()).to_string()).chain(paths).collect::<Vec<_>>().join(" ")
}

fn ended(half: &CommandHalf) -> Cell {
    let took =
        half.duration_us.map(|micros| format!(" after {}", time::duration(micros))).unwrap_or_default();
    match (half.interrupted, half.exit) {
        (true, _) => Cell::new(Style::Bad, format!("interrupted{took}")),
        (false, Some(0)) => Cell::new(Style::Ok, format!("exit 0{took}")),
        (false, Some(exit)) => Cell::new(Style::Bad, format!("exit {exit}{took}")),
        (false, None) => Cell::new(Style::Dim, format!("ended{took}")),
    }
}

fn went(tool: &Tool) -> Cell {
    match (tool.interrupted, tool.ok) {
        (true, _) => Cell::new(Style::Bad, "interrupted"),
        (false, Some(true)) => Cell::new(Style::Ok, "ok"),
        (false, Some(false)) => Cell::new(Style::Bad, "failed"),
        (false, None) => Cell::new(Style::Text, ""),
    }
}

fn changes(to: &mut dyn Write, view: &ShowView, look: &Look) -> io::Result<()> {
    if view.changes.is_empty() {
        return Ok(());
    }
    let mut texts = HashMap::new();
    for event in view.events {
        if let What::CommandStarted(half) | What::CommandFinished(half) = &event.what {
            texts.insert(&half.command_id, &half.command);
        }
    }
    let columns = [Column::text("STATUS"), Column::path("PATH", 20), Column::flexible("BY", 16)];
    let mut table = Table::new(Headings::Left, &columns);
    for change in view.changes {
        let (style, letter) = patch::letter(change.status);
        let by = by(change, &texts);
        table.row(vec![
            Cell::new(style, letter),
            Cell::new(Style::Text, Safe(change.path.as_bytes())),
            Cell::new(Style::Dim, by),
        ]);
    }
    look.heading(to, "Changes")?;
    table.write(to, look)?;
    let hidden = view.events.iter().map(|event| match &event.what {
        What::Snapshot(facts) => facts.changed.saturating_sub(facts.changes.len() as u64),
        _ => 0,
    });
    match hidden.sum::<u64>() {
        0 => Ok(()),
        more => writeln!(to, "and {more} more, told by `trace diff`"),
    }
}

/// Who made a change, and how sure that is.
fn by(change: &Change, texts: &HashMap<&CommandId, &Text>) -> String {
    let names: Vec<String> = change.by.iter().map(|author| name(author, texts)).collect();
    match change.confidence {
        Confidence::Exact => format!("by {} (exact)", names.join(", ")),
        Confidence::Shared => format!("by one of {} (shared)", names.join(", ")),
        Confidence::External => "by something unrecorded".to_owned(),
        Confidence::Unknown => String::new(),
    }
}

fn name(author: &Author, texts: &HashMap<&CommandId, &Text>) -> String {
    match (&author.command, &author.tool, &author.session) {
        (Some(id), None, _) => texts.get(id).map_or_else(|| id.to_string(), |text| safe(text)),
        (_, Some(tool), _) => Safe(tool.as_bytes()).to_string(),
        (None, None, Some(session)) => session.to_string(),
        (None, None, None) => "somebody".to_owned(),
    }
}

fn left_out(to: &mut dyn Write, events: &[Event], look: &Look) -> io::Result<()> {
    let facts = || {
        events.iter().filter_map(|event| match &event.what {
            What::Snapshot(facts) => Some(facts),
            _ => None,
        })
    };
    let columns = [Column::path("PATH", 20), Column::text("WHY")];
    let mut table = Table::new(Headings::Left, &columns);
    let skipped = facts().flat_map(|facts| &facts.skipped).map(|skip| (&skip.path, reason(skip.reason)));
    let unstable = facts().flat_map(|facts| &facts.unstable).map(|path| (path, "changed while it was read"));
    let mut any = false;
    for (path, why) in skipped.chain(unstable) {
        any = true;
        table.row(vec![Cell::new(Style::Text, Safe(path.as_bytes())), Cell::new(Style::Live, why)]);
    }
    if any {
        look.heading(to, "Left out or unsure")?;
    }
    table.write(to, look)
}

fn safe(text: &Text) -> String {
    Safe(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::{Reason, Skip, Status};
    use crate::model::event::{Prompt, SnapshotFacts};
    use crate::model::id::{EventId, Half};
    use crate::view::testing::{ago, change, checkpoint, fits, look, screen, shell};

    fn event(id: &str, secs_ago: i64, what: What) -> Event {
        Event { id: EventId::parse(id).unwrap(), at: ago(secs_ago), session: Some(shell()), seq: None, what }
    }

    fn half(which: Half, exit: Option<i32>) -> Box<CommandHalf> {
        Box::new(CommandHalf {
            command_id: CommandId::of_shell(&shell(), 12),
            command: "cargo fmt \u{1b}[2J".into(),
            cwd: "/home/ada/work".into(),
            cwd_after: None,
            start: None,
            end: None,
            duration_us: Some(1_250_000).filter(|_| which == Half::Finished),
            exit,
            pipestatus: vec![],
            interrupted: false,
            flags: String::new(),
            shell: None,
            actor: None,
            process: None,
            output: None,
        })
    }

    fn story() -> Vec<Event> {
        let prompt = Prompt { text: "make the parser survive\nan empty line".into(), model: None };
        let tool = Tool {
            name: "Edit".to_owned(),
            paths: vec!["src/parser.rs".into()],
            ok: Some(true),
            ..Tool::default()
        };
        let facts = SnapshotFacts {
            changed: 7,
            changes: changes(),
            skipped: vec![Skip { path: "id_rsa".into(), reason: Reason::SecretName }],
            unstable: vec!["app.log".into()],
            began: None,
        };
        vec![
            event("e1", 90, What::Prompt(prompt)),
            event("e2", 80, What::ToolFinished(Box::new(tool))),
            event("e3", 70, What::CommandStarted(half(Half::Started, None))),
            event("e4", 60, What::CommandFinished(half(Half::Finished, Some(101)))),
            event("e5", 55, What::TurnEnded(Note { text: "done".into(), name: None })),
            event("e6", 50, What::Unknown("quantum_leap".to_owned())),
            event("e7", 50, What::Snapshot(Box::new(facts))),
        ]
    }

    fn changes() -> Vec<Change> {
        let command =
            Author { session: Some(shell()), command: Some(CommandId::of_shell(&shell(), 12)), tool: None };
        let tool = Author { tool: Some("Edit".to_owned()), ..command.clone() };
        let by = |path, status, by: &[&Author], confidence| Change {
            by: by.iter().map(|author| (*author).clone()).collect(),
            confidence,
            ..change(path, status)
        };
        vec![
            by("src/parser.rs", Status::Modified, &[&command], Confidence::Exact),
            by(
                "src/a/very/long/path/to/a/file/in/a/deep/tree.rs",
                Status::Added,
                &[&command, &tool],
                Confidence::Shared,
            ),
            by("notes.md", Status::Deleted, &[], Confidence::External),
            by("old.md", Status::Deleted, &[], Confidence::Unknown),
        ]
    }

    fn shown(width: Option<usize>) -> String {
        let mut checkpoint = checkpoint(0x3f, 50, "make the parser survive an empty line");
        (checkpoint.header.set_aside, checkpoint.header.snapshot) = (1, Snapshot::Partial);
        let (events, changes) = (story(), changes());
        let turn = TurnView {
            name: format!("turn:{}.3", shell().uuid()),
            session: shell(),
            n: 3,
            prompt: "make the parser survive\nan empty line".into(),
            started: ago(90),
            ended: Some(ago(55)),
        };
        let view = ShowView {
            checkpoint: &checkpoint,
            turns: &[turn],
            events: &events,
            changes: &changes,
            commits: &[],
        };
        screen(|to| write(to, &view, &look(width)))
    }

    #[test]
    fn a_checkpoint_is_told_from_its_head_to_what_it_lacks() {
        assert_eq!(
            shown(None),
            "\
checkpoint 3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f
make the parser survive an empty line

time        2026-11-21 09:59:10 +0000 (50s ago)
kind        auto
worktree    /home/ada/work (0123456789abcdef)
branch      main at aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
parent      4040404040404040404040404040404040404040
session     sess_01987f00-1111-7000-8000-00000000000a
turn        turn:01987f00-1111-7000-8000-00000000000a.3
holds       3 commands, files +1 ~2 -0
snapshot    cut short by the time limit
set aside   1 piece of the journal, torn or foreign

Events
09:58:30  prompt                        make the parser survive\\nan empty line
09:58:40  tool     ok                   Edit src/parser.rs
09:59:00  command  exit 101 after 1.2s  cargo fmt \\x1b[2J
09:59:05  answer                        done
09:59:10  unknown                       quantum_leap

Changes
M  src/parser.rs                                     by cargo fmt \\x1b[2J (exact)
A  src/a/very/long/path/to/a/file/in/a/deep/tree.rs  by one of cargo fmt \\x1b[2J, Edit (shared)
D  notes.md                                          by something unrecorded
D  old.md
and 3 more, told by `trace diff`

Left out or unsure
id_rsa   named like a secret
app.log  changed while it was read
"
        );
    }

    #[test]
    fn at_80_columns_only_words_and_paths_are_cut() {
        let narrow = shown(Some(80));
        fits(&narrow, 80);
        let events = narrow.split("Events\n").nth(1).unwrap();
        assert_eq!(
            events,
            "\
09:58:30  prompt                        make the parser survive\\nan empty line
09:58:40  tool     ok                   Edit src/parser.rs
09:59:00  command  exit 101 after 1.2s  cargo fmt \\x1b[2J
09:59:05  answer                        done
09:59:10  unknown                       quantum_leap

Changes
M  src/parser.rs                             by cargo fmt \\x1b[2J (exact)
A  …y/long/path/to/a/file/in/a/deep/tree.rs  by one of cargo fmt \\x1b[2J, Edit …
D  notes.md                                  by something unrecorded
D  old.md
and 3 more, told by `trace diff`

Left out or unsure
id_rsa   named like a secret
app.log  changed while it was read
"
        );
    }

    #[test]
    fn a_checkpoint_without_events_is_only_a_head() {
        let checkpoint = checkpoint(0x3f, 50, "first");
        let view = ShowView { checkpoint: &checkpoint, turns: &[], events: &[], changes: &[], commits: &[] };
        let lines = screen(|to| write(to, &view, &look(None)));
        assert!(lines.ends_with("\nholds       3 commands, files +1 ~2 -0\n"), "{lines}");
    }
}
