//! Sessions: a table, a tree, and why one is known for what it is.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table, cut};
use super::{Look, time};
use crate::model::id::SessionId;
use crate::model::session::{Activity, Outcome, Session, Thresholds};
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// What a transcript tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConversationView {
    /// The agent's own is gone.
    pub kept_only: bool,
    pub title: Option<String>,
    pub prompts: usize,
    pub answers: usize,
    pub models: Vec<String>,
    /// By the agent's own counting.
    pub tokens: Option<u64>,
    pub files: Vec<Text>,
}

/// What is said where there are none.
pub const EMPTY: &str = "(no sessions matched)";

/// A tree is drawn so deep.
const DEEPEST: usize = 32;

/// The names of what is known of a session take so many columns.
const NAMES: usize = 15;

/// As long is a session's id.
const ID: usize = 41;

/// Writes one line per session, in the order given. Ids are as short as they can be.
pub fn write(to: &mut dyn Write, sessions: &[&Session], look: &Look) -> io::Result<()> {
    let columns = [
        Column::text("ID"),
        Column::flexible("ALIAS", 6).spare(),
        Column::text("AGENT"),
        Column::text("STATE"),
        Column::text("LAST"),
        Column::number("PROMPTS").spare(),
        Column::number("COMMANDS").spare(),
        Column::flexible("BRANCH", 8).spare(),
        Column::flexible("ABOUT", 12),
    ];
    let digits = shortest(sessions.iter().map(|session| &session.id));
    let mut table = Table::new(Headings::Shown, &columns);
    for session in sessions {
        let words = |text: Option<&[u8]>| match text {
            Some(text) => Cell::new(Style::Text, Safe(text)),
            None => Cell::new(Style::Dim, "-"),
        };
        table.row(vec![
            Cell::new(Style::Id, session.id.short(digits)),
            words(session.alias.as_ref().map(String::as_bytes)),
            words(Some(session.agent.as_bytes()).filter(|agent| !agent.is_empty())),
            state(session, look.now),
            Cell::new(Style::Text, time::relative(Some(session.last_activity), look.now)),
            Cell::new(Style::Text, session.prompts),
            Cell::new(Style::Text, session.commands),
            words(session.branch.as_ref().map(|branch| branch.as_bytes())),
            words(about(session)),
        ]);
    }
    table.write(to, look)
}

/// Writes one numbered line per session, for somebody to choose from.
pub fn choice(to: &mut dyn Write, sessions: &[&Session], look: &Look) -> io::Result<()> {
    let columns = [
        Column::number(""),
        Column::text("AGENT"),
        Column::text("LAST"),
        Column::flexible("BRANCH", 8),
        Column::flexible("ABOUT", 12),
    ];
    let mut table = Table::new(Headings::Shown, &columns);
    for (at, session) in sessions.iter().enumerate() {
        let words = |text: Option<&[u8]>| Cell::new(Style::Text, Safe(text.unwrap_or(b"-")));
        table.row(vec![
            Cell::new(Style::Id, at + 1),
            words(Some(session.agent.as_bytes())),
            Cell::new(Style::Text, time::relative(Some(session.last_activity), look.now)),
            words(session.branch.as_ref().map(|branch| branch.as_bytes())),
            words(session.alias.as_ref().map(String::as_bytes).or(about(session))),
        ]);
    }
    table.write(to, look)
}

/// What a session was about: its first prompt, else where it was.
fn about(session: &Session) -> Option<&[u8]> {
    let prompt = session.first_prompt.as_ref().map(String::as_bytes);
    prompt.or(session.cwd.as_ref().map(|cwd| cwd.as_bytes()))
}

fn state(session: &Session, now: Timestamp) -> Cell {
    let activity = session.activity(now, Thresholds::default());
    let style = match (activity, session.outcome) {
        (_, Outcome::Done | Outcome::Merged) => Style::Ok,
        (_, Outcome::Blocked) => Style::Bad,
        (Activity::Active, _) => Style::Live,
        _ => Style::Dim,
    };
    Cell::new(style, states(session, activity))
}

fn states(session: &Session, activity: Activity) -> String {
    match session.outcome {
        Outcome::Open => activity.word().to_owned(),
        outcome => format!("{}/{}", activity.word(), outcome.word()),
    }
}

/// So many digits tell these ids apart, eight at least.
pub(super) fn shortest<'a>(ids: impl Iterator<Item = &'a SessionId>) -> usize {
    let mut ids: Vec<&SessionId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.windows(2).map(|pair| pair[0].apart(pair[1])).max().unwrap_or(0).max(8)
}

/// Writes a session and what descends from it.
pub fn tree(to: &mut dyn Write, all: &[Session], root: &Session, now: Timestamp) -> io::Result<()> {
    writeln!(to, "{}", node(root, now))?;
    below(to, all, root, "", &mut vec![root.id.clone()], now)
}

fn node(session: &Session, now: Timestamp) -> String {
    let alias = session.alias.as_ref().map(|alias| format!(" ({})", Safe(alias.as_bytes())));
    format!(
        "{}{} [{}/{}] {}",
        session.id,
        alias.unwrap_or_default(),
        session.activity(now, Thresholds::default()).word(),
        session.outcome.word(),
        time::relative(Some(session.last_activity), now),
    )
}

fn below(
    to: &mut dyn Write,
    all: &[Session],
    of: &Session,
    indent: &str,
    seen: &mut Vec<SessionId>,
    now: Timestamp,
) -> io::Result<()> {
    let children = children(all, of);
    for (at, child) in children.iter().enumerate() {
        let last = at + 1 == children.len();
        let (branch, more) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let note = match () {
            () if seen.contains(&child.id) => Some("(circular reference)"),
            () if seen.len() >= DEEPEST => Some("(max depth reached)"),
            () => None,
        };
        match note {
            Some(note) => writeln!(to, "{indent}{branch}{} {note}", child.id)?,
            None => {
                writeln!(to, "{indent}{branch}{}", node(child, now))?;
                seen.push(child.id.clone());
                below(to, all, child, &format!("{indent}{more}"), seen, now)?;
                seen.pop();
            }
        }
    }
    Ok(())
}

/// The sessions that descend from one, the oldest first.
pub fn children<'a>(all: &'a [Session], of: &Session) -> Vec<&'a Session> {
    let mut found: Vec<&Session> = all.iter().filter(|one| one.parent.as_ref() == Some(&of.id)).collect();
    found.sort_by_key(|one| (one.started, one.id.clone()));
    found
}

/// Writes everything that is known of a session, and why.
pub fn show(
    to: &mut dyn Write,
    session: &Session,
    told: Option<&ConversationView>,
    look: &Look,
) -> io::Result<()> {
    let mut line = |name: &str, value: Option<String>| match value {
        Some(value) => writeln!(to, "{name:<14} {value}"),
        None => Ok(()),
    };
    // Ids and paths are there to be copied; words, to be read.
    let safe = |bytes: &[u8]| Safe(bytes).to_string();
    let words = |text: &str| fitted(&safe(text.as_bytes()), look);
    line("session", Some(session.id.to_string()))?;
    line("alias", session.alias.as_deref().map(words))?;
    line("agent", Some(words(&session.agent)).filter(|agent| !agent.is_empty()))?;
    line("model", session.model.as_deref().map(words))?;
    line("shell", session.shell.as_deref().map(words))?;
    for external in &session.external_ids {
        line("external id", Some(safe(external.as_bytes())))?;
    }
    line("state", Some(states(session, session.activity(look.now, Thresholds::default()))))?;
    line("reason", session.closed_reason.as_deref().map(words))?;
    let moment = |at: Timestamp| time::relative(Some(at), look.now);
    line("started", Some(moment(session.started)))?;
    line("last activity", Some(moment(session.last_activity)))?;
    line("branch", session.branch.as_ref().map(|branch| safe(branch.as_bytes())))?;
    line("worktree", session.worktree_path.as_ref().map(|path| safe(path.as_bytes())))?;
    line("directory", session.cwd.as_ref().map(|cwd| safe(cwd.as_bytes())))?;
    let is_gone = told.is_some_and(|told| told.kept_only);
    let gone = if is_gone { " (gone: what is kept of it is shown)" } else { "" };
    line("transcript", session.transcript.as_ref().map(|path| safe(path.as_bytes()) + gone))?;
    let counts =
        [(session.prompts, "prompt"), (session.commands, "command"), (session.checkpoints, "checkpoint")];
    let counts = counts.map(|(number, noun)| super::count(number, noun)).join(", ");
    let lines = match session.kept {
        0 => String::new(),
        kept => format!(", {}", super::count(kept, "line") + " of transcript"),
    };
    line("kept", Some(words(&(counts + &lines))))?;
    line("first prompt", session.first_prompt.as_deref().map(words))?;
    if let Some(told) = told {
        line("title", told.title.as_deref().map(words))?;
        let tokens = told.tokens.map(|tokens| format!(", {tokens} tokens")).unwrap_or_default();
        let files = super::count(told.files.len() as u64, "file");
        line(
            "conversation",
            Some(words(&format!(
                "{}, {}, {files}{tokens}",
                super::count(told.prompts as u64, "prompt"),
                super::count(told.answers as u64, "answer")
            ))),
        )?;
        line("models", Some(words(&told.models.join(", "))).filter(|models| !models.is_empty()))?;
    }
    line("tasks", Some(words(&session.tasks.join(", "))).filter(|tasks| !tasks.is_empty()))?;
    line("projects", Some(words(&session.projects.join(", "))).filter(|projects| !projects.is_empty()))?;
    explain(to, session, look)
}

/// Words behind the name of a line, their end cut off where there is no room. An id in front is whole.
fn fitted(words: &str, look: &Look) -> String {
    look.width.map_or_else(|| words.to_owned(), |width| cut(words, width.saturating_sub(NAMES).max(ID)))
}

/// Writes what a session was known by, and what else it might have been.
pub fn explain(to: &mut dyn Write, session: &Session, look: &Look) -> io::Result<()> {
    let identity = &session.identity;
    let matched = identity.matched.as_ref().map(|id| format!(": {}", Safe(id.as_bytes())));
    writeln!(
        to,
        "{:<14} {} ({}){}",
        "known by",
        identity.source,
        identity.confidence,
        matched.unwrap_or_default()
    )?;
    if let (Some(parent), Some(kind)) = (&session.parent, session.parent_kind) {
        let kind = format!("{kind:?}").to_lowercase();
        writeln!(to, "{:<14} {parent} ({kind})", "parent")?;
    }
    if let Some(shared) = &session.shared {
        let much = if shared.whole { "all records of" } else { "its beginning with" };
        let last = Safe(shared.at_message.as_bytes());
        writeln!(to, "{:<14} {much} {}, up to {last}", "shares", shared.of)?;
    }
    for one in &session.candidates {
        let agree = format!("{} strong and {} weak circumstances agree", one.strong, one.weak);
        let words = format!("{} (same first prompt, {}; {agree})", one.id, one.confidence);
        writeln!(to, "{:<14} {}", "candidate", fitted(&words, look))?;
    }
    if session.candidates_omitted > 0 {
        writeln!(to, "{:<14} {} more", "candidates", session.candidates_omitted)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Event, Prompt, SessionSeen, What};
    use crate::model::id::EventId;
    use crate::model::session::{Edit, Fold};
    use crate::view::testing::{ago, fits, look, screen, shell};

    const DEEP: &str = "/home/ada/work/a/directory/that/is/deeper/than/a/narrow/terminal/is/wide";

    fn talk() -> Session {
        let asked = "make the parser survive an empty line at the end of the file, and do not stop before";
        let seen = SessionSeen {
            agent: "claude".to_owned(),
            external_id: "c-1".into(),
            cwd: Some(DEEP.into()),
            ..SessionSeen::default()
        };
        let tasks = (0..20).map(|n| format!("T-{n}")).chain(["\u{1b}[2J".to_owned()]).collect();
        let whats = [
            What::SessionSeen(Box::new(seen)),
            What::Prompt(Prompt { text: asked.into(), ..Prompt::default() }),
            What::SessionEdited(Edit::SessionLink { tasks, projects: vec![] }),
        ];
        let told = whats.into_iter().enumerate().map(|(at, what)| {
            let id = EventId::parse(&format!("e{at}")).unwrap();
            (Event { id, at: ago(60), session: Some(shell()), seq: None, what }, None)
        });
        Fold::of(told.collect()).finish().remove(0)
    }

    #[test]
    fn words_are_cut_where_there_is_little_room_and_what_is_copied_is_not() {
        let told = ConversationView { title: Some("a title ".repeat(20)), ..ConversationView::default() };
        let narrow = screen(|to| show(to, &talk(), Some(&told), &look(Some(64))));
        let (copied, words): (Vec<&str>, Vec<&str>) =
            narrow.lines().partition(|line| line.starts_with("session ") || line.starts_with("directory "));
        fits(&words.join("\n"), 64);
        assert_eq!(copied, [format!("session        {}", shell()), format!("directory      {DEEP}")]);
        assert!(
            narrow.contains("\nfirst prompt   make the parser survive an empty line at the end…\n"),
            "{narrow}"
        );
        let whole = screen(|to| show(to, &talk(), Some(&told), &look(None)));
        assert!(whole.contains("and do not stop before\n") && whole.contains("T-19, \\x1b[2J\n"), "{whole}");
    }
}
