//! What a restore is to do, or did: `trace restore`, `undo`, `redo`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, count};
use crate::model::id::EventId;
use crate::model::oid::Oid;
use crate::model::restore::{Action, Conflict, Item};
use crate::model::text::Text;

/// A plan, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct PlanView {
    /// `restore`, `undo` or `redo`.
    pub command: &'static str,
    pub label: Text,
    /// What is taken back, as a key.
    pub of: Option<String>,
    pub items: Vec<Item>,
    /// Whether the state before is known exactly; `None` where no act is taken back.
    pub exact: Option<bool>,
    /// What else is to be said.
    pub notes: Vec<String>,
    /// The checkpoint to return to.
    pub saved: Option<Oid>,
    pub done: Option<DoneView>,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct DoneView {
    pub op: EventId,
    pub after: Option<Oid>,
    pub stayed: Vec<Text>,
    pub kept: Vec<(Text, PathBuf)>,
    /// Directories that hold nothing any more, and could not be taken away.
    pub hollow: Vec<Text>,
}

impl PlanView {
    /// The steps that nothing hinders.
    pub fn clear(&self) -> usize {
        self.items.iter().filter(|item| item.conflict.is_none()).count()
    }

    /// How many steps do so.
    fn counted(&self, action: Action) -> u64 {
        let clear = self.items.iter().filter(|item| item.conflict.is_none());
        clear.filter(|item| item.step.action() == action).count() as u64
    }
}

/// Writes one line per path.
pub fn write(to: &mut dyn Write, view: &PlanView, look: &Look) -> io::Result<()> {
    let columns = [Column::text("DO"), Column::flexible("PATH", 24), Column::text("")];
    let mut table = Table::new(Headings::Left, &columns);
    for item in &view.items {
        let (style, word) = match (item.conflict, item.step.action()) {
            (Some(_), _) => (Style::Bad, "keep"),
            (None, Action::Add) => (Style::Ok, "add"),
            (None, Action::Change) => (Style::Text, "change"),
            (None, Action::Mode) => (Style::Text, "mode"),
            (None, Action::Link) => (Style::Text, "link"),
            (None, Action::Delete) => (Style::Bad, "delete"),
        };
        table.row(vec![
            Cell::new(style, word),
            Cell::new(Style::Text, Safe(item.step.path.as_bytes())),
            Cell::new(Style::Live, item.conflict.map_or("", why)),
        ]);
    }
    table.write(to, look)
}

/// Why a path is left alone, for people.
pub fn why(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::Edited => "changed since, at the same place",
        Conflict::InTheWay => "no checkpoint holds what is there",
        Conflict::NotThere => "not checked out here",
        Conflict::Nested => "a repository of its own",
    }
}

/// What is to be said beside the list.
pub fn remarks(view: &PlanView) -> Vec<String> {
    let mut lines = vec![summary(view)];
    lines.extend(view.notes.iter().cloned());
    let Some(done) = &view.done else { return lines };
    for path in &done.stayed {
        let path = Safe(path.as_bytes());
        lines.push(format!("kept: {path} was changed while this was at work"));
    }
    lines.extend(done.kept.iter().map(|(path, at)| kept(path, at)));
    for dir in &done.hollow {
        lines.push(format!("left: {}, which is empty, could not be taken away", Safe(dir.as_bytes())));
    }
    let back = match view.command {
        "undo" => "`trace redo`",
        _ => "`trace undo`",
    };
    lines.push(match view.saved {
        Some(saved) => format!("{back} takes this back; as it was before: {}", super::short(saved)),
        None => format!("{back} takes this back"),
    });
    lines
}

/// Says where the bytes are that somebody wrote to a file while it was replaced.
pub fn kept(path: &Text, at: &Path) -> String {
    let (path, at) = (Safe(path.as_bytes()), Safe(at.as_os_str().as_encoded_bytes()));
    format!("{path} was written to while it was replaced: that is in {at}")
}

fn summary(view: &PlanView) -> String {
    let all = [
        (Action::Add, "to add", "added"),
        (Action::Change, "to change", "changed"),
        (Action::Mode, "to change the mode of", "changed in mode"),
        (Action::Link, "to link", "linked"),
        (Action::Delete, "to delete", "deleted"),
    ];
    let mut parts = Vec::new();
    for (action, to_do, did) in all {
        let number = view.counted(action);
        if number > 0 {
            parts.push(format!("{number} {}", if view.done.is_some() { did } else { to_do }));
        }
    }
    let kept = (view.items.len() - view.clear()) as u64;
    if kept > 0 {
        parts.push(format!("{} left alone", count(kept, "path")));
    }
    if parts.is_empty() {
        parts.push("nothing to put back".to_owned());
    }
    format!("{} {}: {}", view.command, Safe(view.label.as_bytes()), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Side;
    use crate::model::restore::Step;
    use crate::view::testing::{look, oid, screen};

    fn item(path: &str, from: Option<u8>, to: Option<u8>, conflict: Option<Conflict>) -> Item {
        let side = |id: Option<u8>| id.map(|id| Side { mode: 0o100_644, id: oid(id) });
        Item { step: Step { path: path.into(), from: side(from), to: side(to) }, conflict }
    }

    #[test]
    fn a_plan_says_what_happens_to_each_path_and_how_to_take_it_back() {
        let items = vec![
            item("src/a", None, Some(1), None),
            item("src/\u{1b}b", Some(1), None, None),
            item("src/c", Some(1), Some(2), Some(Conflict::Edited)),
        ];
        let plan = PlanView { command: "undo", label: "rm -rf src".into(), items, ..PlanView::default() };
        let shown = screen(|to| write(to, &plan, &look(Some(80))));
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            ["add     src/a", "delete  src/\\x1bb", "keep    src/c      changed since, at the same place"]
        );
        assert_eq!(remarks(&plan), ["undo rm -rf src: 1 to add, 1 to delete, 1 path left alone"]);
        let done = DoneView {
            op: EventId::parse("evt_1").unwrap(),
            after: None,
            stayed: vec!["x".into()],
            kept: Vec::new(),
            hollow: Vec::new(),
        };
        let told = remarks(&PlanView { done: Some(done), saved: Some(oid(9)), ..plan });
        assert_eq!(told[0], "undo rm -rf src: 1 added, 1 deleted, 1 path left alone");
        assert_eq!(told[1], "kept: x was changed while this was at work");
        assert_eq!(told[2], "`trace redo` takes this back; as it was before: 0909090909");
    }
}
