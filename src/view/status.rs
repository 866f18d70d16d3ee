//! How this worktree is recorded, on one screen: `trace status`.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::{Look, count, short, size, table, time};
use crate::model::id::WorktreeId;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// How this worktree is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusView {
    pub enabled: bool,
    /// `None` before anything was recorded here.
    pub worktree: Option<WorktreeId>,
    pub worktree_path: Text,
    pub sessions_active: u64,
    /// Events that wait for a checkpoint.
    pub pending_events: u64,
    pub last_checkpoint: Option<Last>,
    pub hooks: Hooks,
    /// How often something went wrong inside a hook.
    pub trouble: u64,
    /// `None` if there is no store.
    pub store_bytes: Option<u64>,
}

/// The newest checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    pub id: Oid,
    pub time: Timestamp,
    pub subject: String,
}

/// What tells us of what happens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hooks {
    /// The hooks of this repository are in place.
    pub git: bool,
    /// A shell's start-up file has our line.
    pub shell: bool,
    /// Agents that are set up to call us.
    pub agents: Vec<String>,
}

/// An agent that was set up, or no longer is.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentView {
    pub agent: &'static str,
    /// `user`, `project` or `local`.
    pub scope: &'static str,
    pub path: Text,
    /// Whether our hooks are in that file now.
    pub installed: bool,
    /// Whether the file was changed.
    pub changed: bool,
    /// What is left to the user, in words.
    pub then: Option<&'static str>,
}

/// What went wrong where nobody could be told, and what calls us.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealthView {
    /// Settings that are not obeyed, and why.
    pub refused: Vec<String>,
    /// When, what was being done, and what went wrong. Oldest first.
    pub trouble: Vec<(Timestamp, String, String)>,
    /// A line for git's hooks and one for each agent.
    pub notes: Vec<String>,
    /// Lines of the record of trouble that could not be read.
    pub unreadable: u64,
}

impl HealthView {
    /// True if nothing went wrong.
    pub fn is_well(&self) -> bool {
        self.refused.is_empty() && self.trouble.is_empty() && self.unreadable == 0
    }
}

/// Writes what went wrong, then what calls us.
pub fn health(to: &mut dyn Write, health: &HealthView, look: &Look) -> io::Result<()> {
    for refused in &health.refused {
        writeln!(to, "ignored setting: {}", Safe(refused.as_bytes()))?;
    }
    for (at, doing, what) in &health.trouble {
        let (when, doing) = (time::relative(Some(*at), look.now), Safe(doing.as_bytes()));
        writeln!(to, "{when}  {doing}: {}", Safe(what.as_bytes()))?;
    }
    for note in &health.notes {
        writeln!(to, "{}", Safe(note.as_bytes()))?;
    }
    if health.unreadable > 0 {
        writeln!(to, "{} lines of the record itself could not be read", health.unreadable)?;
    }
    Ok(())
}

/// Writes the screen.
pub fn write(to: &mut dyn Write, status: &StatusView, look: &Look) -> io::Result<()> {
    let (style, word) = match status.enabled {
        true => (Style::Ok, "on"),
        false => (Style::Bad, "off"),
    };
    let place = Safe(status.worktree_path.as_bytes());
    writeln!(to, "recording is {} in {place}", look.paint.on(style, word))?;
    if !status.enabled {
        writeln!(to, "nothing is recorded until `trace enable`")?;
    }
    if !status.enabled && status.store_bytes.is_none() {
        return Ok(());
    }
    writeln!(to)?;
    look.field(to, "checkpoint", last(status, look))?;
    look.field(to, "waiting", count(status.pending_events, "event"))?;
    look.field(to, "sessions", format_args!("{} active", status.sessions_active))?;
    look.field(to, "hooks", hooks(&status.hooks))?;
    match status.trouble {
        0 => look.field(to, "trouble", "none")?,
        number => {
            let words = format!("{}: run `trace doctor`", count(number, "failure"));
            look.field(to, "trouble", look.paint.on(Style::Bad, words))?;
        }
    }
    look.field(to, "store", status.store_bytes.map_or_else(|| "none yet".to_owned(), size))
}

fn last(status: &StatusView, look: &Look) -> String {
    let Some(last) = &status.last_checkpoint else { return "none yet: run `trace checkpoint`".to_owned() };
    let ago = time::relative(Some(last.time), look.now);
    let subject = Safe(last.subject.as_bytes()).to_string();
    let room = look.width.map_or(usize::MAX, |width| width.saturating_sub(12 + 10 + 2 + ago.len() + 2));
    let id = look.paint.on(Style::Id, short(last.id));
    format!("{id}  {ago}  {}", table::cut(&subject, room))
}

fn hooks(hooks: &Hooks) -> String {
    let ours = [("git", hooks.git), ("shell", hooks.shell)];
    let mut names: Vec<String> =
        ours.iter().filter(|(_, set)| *set).map(|(name, _)| (*name).to_owned()).collect();
    names.extend(hooks.agents.iter().map(|agent| Safe(agent.as_bytes()).to_string()));
    match names.is_empty() {
        true => "none yet: see `trace init --help`".to_owned(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{ago, fits, look, oid, screen};

    pub(crate) fn status() -> StatusView {
        StatusView {
            enabled: true,
            worktree: WorktreeId::parse("0123456789abcdef"),
            worktree_path: "/home/ada/work".into(),
            sessions_active: 2,
            pending_events: 1,
            last_checkpoint: Some(Last {
                id: oid(0x3f),
                time: ago(120),
                subject: "fix the parser so that it survives an empty line at the end of a file".to_owned(),
            }),
            hooks: Hooks { git: true, shell: true, agents: vec!["codex".to_owned()] },
            trouble: 0,
            store_bytes: Some(1_300_000),
        }
    }

    #[test]
    fn one_screen_says_how_it_stands() {
        let narrow = screen(|to| write(to, &status(), &look(Some(80))));
        fits(&narrow, 80);
        assert_eq!(
            narrow,
            "\
recording is on in /home/ada/work

checkpoint  3f3f3f3f3f  2m ago  fix the parser so that it survives an empty lin…
waiting     1 event
sessions    2 active
hooks       git, shell, codex
trouble     none
store       1.2 MiB
"
        );
    }

    #[test]
    fn what_is_missing_is_said_with_the_way_to_get_it() {
        let bare = StatusView {
            last_checkpoint: None,
            hooks: Hooks::default(),
            trouble: 2,
            store_bytes: None,
            ..status()
        };
        assert_eq!(
            screen(|to| write(to, &bare, &look(None))),
            "\
recording is on in /home/ada/work

checkpoint  none yet: run `trace checkpoint`
waiting     1 event
sessions    2 active
hooks       none yet: see `trace init --help`
trouble     2 failures: run `trace doctor`
store       none yet
"
        );
        let off = StatusView { enabled: false, ..bare };
        assert_eq!(
            screen(|to| write(to, &off, &look(None))),
            "\
recording is off in /home/ada/work
nothing is recorded until `trace enable`
"
        );
    }
}
