//! Decides what a checkpoint is to be: how far to look, and what its subject says. Pure.

use super::pending::Item;
use super::transcripts::Gains;
use crate::model::checkpoint::{Files, Kind, Snapshot};
use crate::model::event::{Event, RestoreAction, What};
use crate::model::id::SessionId;
use crate::model::redact;
use crate::model::text::Text;

/// How much of the worktree a flush looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Full,
    /// These paths, from the worktree's top; the rest is as in the checkpoint before.
    Known(Vec<Vec<u8>>),
}

/// Looks only at what tools named, if they were all that happened since the checkpoint before.
///
/// One command, one tool that names nothing, or the end of a turn means a full look: whatever ran
/// may have written anywhere. `top` is the worktree's top; paths outside it are nobody's here.
pub fn scope(kind: Kind, events: &[Item], before: Option<Snapshot>, top: &[u8]) -> Scope {
    let anchored = matches!(before, Some(Snapshot::Full | Snapshot::Known));
    if kind != Kind::Auto || !anchored {
        return Scope::Full;
    }
    let mut paths = Vec::new();
    for item in events {
        match &item.event.what {
            What::ToolFinished(tool) if !tool.paths.is_empty() => {
                paths.extend(tool.paths.iter().filter_map(|path| below(top, path.as_bytes())));
            }
            What::ToolStarted(_)
            | What::SessionSeen(_)
            | What::Prompt(_)
            | What::Looked(_)
            | What::SessionEdited(_)
            | What::TrailEdited(_) => {}
            _ => return Scope::Full,
        }
    }
    match paths.is_empty() {
        true => Scope::Full,
        false => Scope::Known(paths),
    }
}

/// The path relative to `top`, if it lies below it. No `..`: such a path is looked at in full.
pub fn below(top: &[u8], path: &[u8]) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(top)?.strip_prefix(b"/")?;
    let plain = rest.split(|byte| *byte == b'/').all(|name| !matches!(name, b"" | b"." | b".."));
    plain.then(|| rest.to_vec())
}

/// The sessions that have an event in the batch, in order of appearance, and those that only talked.
pub fn sessions(events: &[Item], gains: &Gains) -> Vec<SessionId> {
    let mut all: Vec<SessionId> = Vec::new();
    let acted = events.iter().filter_map(|item| item.event.session.as_ref());
    for session in acted.chain(gains.pieces.iter().map(|piece| &piece.session)) {
        if !all.contains(session) {
            all.push(session.clone());
        }
    }
    all
}

/// How many commands finished in the batch.
pub fn commands<'a>(events: impl Iterator<Item = &'a Event>) -> u64 {
    events.filter(|event| matches!(event.what, What::CommandFinished(_))).count() as u64
}

/// Why the checkpoint is made: if somebody asked, that is what people look for.
pub fn kind(ordered: Kind, events: &[Item]) -> Kind {
    match asked(events).next() {
        Some(_) => Kind::Manual,
        None => ordered,
    }
}

/// The words of those who asked for a checkpoint and said what for, newest first.
fn asked(events: &[Item]) -> impl Iterator<Item = &Text> {
    events.iter().rev().filter_map(|item| match &item.event.what {
        What::CheckpointAsked(note) if !note.text.is_empty() => Some(&note.text),
        _ => None,
    })
}

/// The subject: somebody's words if there are any, else what happened, `2 commands, 3 files: make`.
pub fn subject(events: &[Item], gains: &Gains, files: Files) -> String {
    let mut words = asked(events);
    if let Some(first) = words.next() {
        let more = words.count();
        let others = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        return clip(&plain(first), 200) + &others;
    }
    let mut parts = Vec::new();
    let commands = commands(events.iter().map(|item| &item.event));
    if commands > 0 {
        parts.push(counted(commands, "command"));
    }
    if files.total() > 0 {
        parts.push(counted(files.total(), "file"));
    }
    let records = gains.pieces.iter().map(|piece| piece.kept.records).sum();
    match (parts.is_empty(), events.len() as u64) {
        (true, 0) if records > 0 => parts.push(counted(records, "line") + " of conversation"),
        (true, events) => parts.push(counted(events, "event")),
        _ => {}
    }
    let told = events.iter().rev().find_map(|item| telling(&item.event));
    match told {
        Some((verb, text)) => format!("{}: {verb}{}", parts.join(", "), clip(&plain(text), 72)),
        None => parts.join(", "),
    }
}

/// The text that says most about an event, if it has one, and what goes before it.
fn telling(event: &Event) -> Option<(&'static str, &Text)> {
    match &event.what {
        What::CommandFinished(half) | What::CommandStarted(half) => Some(("", &half.command)),
        What::Prompt(prompt) => Some(("", &prompt.text)),
        What::Restored(restored) => Some((
            match restored.action {
                RestoreAction::Restore => "restore ",
                RestoreAction::Undo => "undo ",
                RestoreAction::Redo => "redo ",
            },
            &restored.label,
        )),
        _ => None,
    }
    .filter(|(_, text)| !text.is_empty())
}

fn plain(text: &Text) -> String {
    let clean = redact::text(text.as_bytes());
    let text = String::from_utf8_lossy(clean.get()).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn counted(n: u64, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ => format!("{n} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Note, Tool};
    use crate::model::id::EventId;
    use crate::model::time::Timestamp;

    fn item(what: What) -> Item {
        let id = EventId::parse("e").unwrap();
        Item {
            event: Event { id, at: Timestamp(1), session: None, seq: None, what },
            line: redact::text(b"{}"),
        }
    }

    fn edited(paths: &[&str]) -> Item {
        let paths = paths.iter().map(|path| Text::from(*path)).collect();
        item(What::ToolFinished(Box::new(Tool { name: "Edit".into(), paths, ..Tool::default() })))
    }

    #[test]
    fn only_tools_that_all_name_their_files_spare_the_search() {
        let full = Some(Snapshot::Full);
        let turn_end = || item(What::TurnEnded(Note::default()));
        let known =
            |paths: &[&str]| Scope::Known(paths.iter().map(|path| path.as_bytes().to_vec()).collect());
        let cases = [
            (Kind::Auto, vec![edited(&["/w/a", "/w/b/c"])], full, known(&["a", "b/c"])),
            (Kind::Auto, vec![edited(&["/elsewhere/a", "/w/b"])], full, known(&["b"])),
            (Kind::Auto, vec![edited(&["/w/a"]), edited(&[])], full, Scope::Full),
            (Kind::Auto, vec![edited(&["/w/a"]), turn_end()], full, Scope::Full),
            (Kind::Auto, vec![edited(&["/w/../a"])], full, Scope::Full),
            (Kind::Auto, vec![edited(&["/w/a"])], Some(Snapshot::Partial), Scope::Full),
            (Kind::Auto, vec![edited(&["/w/a"])], None, Scope::Full),
            (Kind::Manual, vec![edited(&["/w/a"])], full, Scope::Full),
            (Kind::Auto, vec![], full, Scope::Full),
        ];
        for (at, (kind, events, before, expected)) in cases.into_iter().enumerate() {
            assert_eq!(scope(kind, &events, before, b"/w"), expected, "case {at}");
        }
    }

    #[test]
    fn a_subject_says_how_much_and_what_last() {
        let files = Files { added: 1, modified: 1, deleted: 0 };
        let prompt =
            item(What::Prompt(crate::model::event::Prompt { text: "add a\n retry".into(), model: None }));
        assert_eq!(subject(&[prompt], &Gains::default(), files), "2 files: add a retry");
        assert_eq!(subject(&[], &Gains::default(), Files::default()), "0 events");
        let asked = |text: &str| item(What::CheckpointAsked(Note { text: text.into(), name: None }));
        let two = [asked("before the merge"), asked("before lunch")];
        assert_eq!(subject(&two, &Gains::default(), files), "before lunch (and 1 more)");
        assert_eq!((kind(Kind::Auto, &two), kind(Kind::Auto, &[])), (Kind::Manual, Kind::Auto));
    }
}
