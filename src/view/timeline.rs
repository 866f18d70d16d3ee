//! What happened on a branch, one thing a line, the newest last: `trace trail show`.

use std::io::{self, Write};

use super::commands::CommandView;
use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, short, time, who};
use crate::model::change::Status;
use crate::model::checkpoint::Checkpoint;
use crate::model::command::State;
use crate::model::event::RestoreAction;
use crate::model::id::EventId;
use crate::model::origin::Signed;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::first_line;
use crate::model::trail::said::Edit;
use crate::model::who::Who;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct MomentView {
    pub at: Timestamp,
    pub who: Who,
    pub what: Happened,
    /// The files it changed, by path.
    pub files: Vec<(Text, Status)>,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Happened {
    /// Somebody asked an agent; `turn` is the selector of the turn that began.
    Prompt {
        turn: String,
        text: Text,
    },
    Command(Box<CommandView>),
    Checkpoint(Box<Checkpoint>),
    Commit(Signed),
    /// Files were put back.
    Restore {
        id: EventId,
        action: RestoreAction,
        label: Text,
    },
    /// Somebody said something of the trail.
    Said {
        id: EventId,
        edit: Edit,
    },
}

impl Happened {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Prompt { .. } => "prompt",
            Self::Command(_) => "command",
            Self::Checkpoint(_) => "checkpoint",
            Self::Commit(_) => "commit",
            Self::Restore { action, .. } => action.word(),
            Self::Said { .. } => "said",
        }
    }

    /// What was asked, run, committed or said.
    pub fn text(&self) -> Text {
        match self {
            Self::Prompt { text, .. } => text.clone(),
            Self::Command(view) => view.command.command.clone(),
            Self::Checkpoint(checkpoint) => checkpoint.header.subject.as_str().into(),
            Self::Commit(signed) => signed.subject.clone(),
            Self::Restore { label, .. } => label.clone(),
            Self::Said { edit, .. } => said(edit),
        }
    }

    /// True of a command that went wrong.
    pub fn has_failed(&self) -> bool {
        let Self::Command(view) = self else { return false };
        view.state == State::Lost || view.command.exit.is_some_and(|exit| exit != 0)
    }
}

fn said(edit: &Edit) -> Text {
    let words = |name: &str, value: Option<&str>| match value {
        Some(value) => Text::from(format!("{name}: {value}")),
        None => Text::from(format!("no {name}")),
    };
    match edit {
        Edit::TitleSet { title } => words("title", title.as_ref().map(Text::lossy).as_deref()),
        Edit::StatusSet { status, reason } => {
            let why = reason.iter().map(|reason| format!(" ({})", reason.lossy())).collect::<String>();
            words("status", status.map(|status| format!("{}{why}", status.word())).as_deref())
        }
        Edit::AssigneeSet { assignee } => words("assignee", assignee.as_deref()),
        Edit::LabelsAdded { labels } => words("labels added", Some(&labels.join(", "))),
        Edit::LabelsRemoved { labels } => words("labels removed", Some(&labels.join(", "))),
        Edit::NoteAdded { note } => words("note", Some(&note.lossy())),
    }
}

/// Columns below which the text needs the room more than the ids of sessions.
const WIDE: usize = 80;

/// Writes one line per moment, in the order given.
pub fn write(to: &mut dyn Write, moments: &[MomentView], look: &Look) -> io::Result<()> {
    table(moments, look).write(to, look)
}

/// The same as lines.
pub fn lines(moments: &[MomentView], look: &Look) -> Vec<String> {
    let mut text = Vec::new();
    // Memory does not refuse what is written to it.
    let _ = write(&mut text, moments, look);
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

fn table(moments: &[MomentView], look: &Look) -> Table {
    let ids = match look.width {
        Some(..WIDE) => 0,
        _ => who::room(moments.iter().map(|moment| &moment.who)),
    };
    let columns = [
        Column::text("TIME"),
        Column::text("WHAT"),
        Column::text("WHICH"),
        Column::flexible("BY", ids.max(6)).spare(),
        Column::flexible("FILES", 8).spare(),
        Column::flexible("TEXT", 20),
    ];
    let mut table = Table::new(Headings::Left, &columns);
    for moment in moments {
        let text = moment.what.text();
        let line = first_line(&text).unwrap_or_default();
        table.row(vec![
            Cell::new(Style::Text, time::relative(Some(moment.at), look.now)),
            Cell::new(Style::Dim, moment.what.word()),
            which(&moment.what),
            by(moment),
            files(&moment.files),
            Cell::new(if moment.what.has_failed() { Style::Bad } else { Style::Text }, Safe(line.as_bytes())),
        ]);
    }
    table
}

/// What it can be called by, or how it went.
fn which(what: &Happened) -> Cell {
    match what {
        Happened::Checkpoint(checkpoint) => Cell::new(Style::Id, short(checkpoint.id)),
        Happened::Commit(signed) => Cell::new(Style::Id, short(signed.id)),
        Happened::Command(view) => match (view.state, view.command.exit) {
            (State::Running, _) => Cell::new(Style::Live, "running"),
            (State::Lost, _) => Cell::new(Style::Bad, "lost"),
            (State::Interrupted, _) => Cell::new(Style::Live, "stopped"),
            (State::Done, Some(0)) => Cell::new(Style::Ok, "ok"),
            (State::Done, Some(exit)) => Cell::new(Style::Bad, format!("failed {exit}")),
            (State::Done, None) => Cell::new(Style::Text, ""),
        },
        Happened::Prompt { .. } | Happened::Restore { .. } | Happened::Said { .. } => {
            Cell::new(Style::Text, "")
        }
    }
}

fn by(moment: &MomentView) -> Cell {
    match &moment.what {
        Happened::Commit(signed) => Cell::new(Style::Text, Safe(signed.author.as_bytes())),
        Happened::Checkpoint(checkpoint) => Cell::new(Style::Dim, checkpoint.header.kind.word()),
        _ => Cell::new(Style::Text, who::word(&moment.who)),
    }
}

/// The first of the files, and how many there are besides.
fn files(files: &[(Text, Status)]) -> Cell {
    let Some((path, status)) = files.first() else { return Cell::new(Style::Text, "") };
    let mark = match status {
        Status::Added => '+',
        Status::Modified => '~',
        Status::Deleted => '-',
    };
    match files.len() {
        1 => Cell::new(Style::Text, format_args!("{mark}{}", Safe(path.as_bytes()))),
        more => Cell::new(Style::Text, format_args!("{}: {mark}{}", more, Safe(path.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{fits, look, morning, screen};

    #[test]
    fn a_timeline_is_read_at_200_columns() {
        let wide = screen(|to| write(to, &morning(), &look(Some(200))));
        fits(&wide, 200);
        assert_eq!(
            wide,
            "\
1h ago   prompt                  claude 01987f00                           make the parser survive an empty line at the end of the file
58m ago  command     failed 101  claude 01987f00  +target                  cargo test
56m ago  command     ok          claude 01987f00  2: ~src/parser/lines.rs  sed -i s/a/b/ src/parser/lines.rs src/parser/mod.rs
55m ago  checkpoint  3f3f3f3f3f  auto                                      2 commands
10m ago  commit      c0c0c0c0c0  Ada Lovelace     ~src/parser/lines.rs     parser: empty lines
5m ago   undo                    claude 01987f00  +src/a                   rm -rf src \\x1b[2J
1m ago   said                    claude 01987f00                           status: in_review (ready)
"
        );
    }

    #[test]
    fn a_timeline_is_read_at_80_columns() {
        let narrow = screen(|to| write(to, &morning(), &look(Some(80))));
        fits(&narrow, 80);
        assert_eq!(
            narrow,
            "\
1h ago   prompt                  claude 01987f00            make the parser sur…
58m ago  command     failed 101  claude 01987f00  +target   cargo test
56m ago  command     ok          claude 01987f00  2: ~src…  sed -i s/a/b/ src/p…
55m ago  checkpoint  3f3f3f3f3f  auto                       2 commands
10m ago  commit      c0c0c0c0c0  Ada Lovelace     ~src/pa…  parser: empty lines
5m ago   undo                    claude 01987f00  +src/a    rm -rf src \\x1b[2J
1m ago   said                    claude 01987f00            status: in_review (…
"
        );
    }
}
