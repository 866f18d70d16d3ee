//! The stories of branches, one a line, and one of them in full: `trace trail`.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::timeline::{self, MomentView};
use super::{Look, count, time};
use crate::model::trail::{Status, Trail};

/// What is said where there are none.
pub const EMPTY: &str = "no trails yet: a trail begins with the first checkpoint on a branch";

/// Writes one line per trail, in the order given.
pub fn write(to: &mut dyn Write, trails: &[Trail], look: &Look) -> io::Result<()> {
    let columns = [
        Column::text("ID"),
        Column::text("STATUS"),
        Column::text("UPDATED").spare(),
        Column::flexible("AUTHOR", 6).spare(),
        Column::flexible("BRANCH", 10),
        Column::flexible("TITLE", 20),
    ];
    let mut table = Table::new(Headings::Shown, &columns);
    for trail in trails {
        table.row(vec![
            Cell::new(Style::Id, &trail.id),
            Cell::new(style(trail.status), trail.status.word()),
            Cell::new(Style::Text, time::relative(Some(trail.updated), look.now)),
            Cell::maybe(Style::Text, trail.author.as_deref().map(|author| Safe(author.as_bytes()))),
            Cell::new(Style::Text, Safe(trail.branch.as_bytes())),
            Cell::new(Style::Text, Safe(trail.title.as_bytes())),
        ]);
    }
    table.write(to, look)
}

/// Writes one trail and what happened on it, in the order given.
pub fn write_story(to: &mut dyn Write, trail: &Trail, moments: &[MomentView], look: &Look) -> io::Result<()> {
    let (id, status) = (look.paint.on(Style::Id, &trail.id), trail.status);
    let title = look.paint.on(Style::Head, Safe(trail.title.as_bytes()));
    writeln!(to, "trail {id}  {}", look.paint.on(style(status), status.word()))?;
    writeln!(to, "{title}\n")?;
    let into = trail.base.iter().map(|base| format!(" into {}", Safe(base.as_bytes()))).collect::<String>();
    look.field(to, "branch", format_args!("{}{into}", Safe(trail.branch.as_bytes())))?;
    if let Some(author) = &trail.author {
        look.field(to, "author", Safe(author.as_bytes()))?;
    }
    let labels: Vec<&str> = trail.said.labels.iter().map(String::as_str).collect();
    for (name, words) in [("assignee", trail.said.assignee.clone()), ("labels", Some(labels.join(", ")))] {
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            look.field(to, name, Safe(words.as_bytes()))?;
        }
    }
    if let Some(reason) = &trail.said.reason {
        look.field(to, "reason", Safe(reason.as_bytes()))?;
    }
    look.field(to, "created", look.moment(trail.created))?;
    look.field(to, "updated", look.moment(trail.updated))?;
    let counts = [
        count(trail.sessions, "session"),
        count(trail.checkpoints, "checkpoint"),
        count(trail.commands, "command"),
        count(trail.commits, "commit"),
    ];
    look.field(to, "holds", counts.join(", "))?;
    for note in &trail.said.notes {
        let by = note.by.iter().map(|by| format!(", {}", Safe(by.as_bytes()))).collect::<String>();
        let when = time::relative(Some(note.at), look.now);
        look.field(to, "note", format_args!("{} ({when}{by})", Safe(note.text.as_bytes())))?;
    }
    if moments.is_empty() {
        return Ok(());
    }
    look.heading(to, "Timeline")?;
    timeline::write(to, moments, look)
}

fn style(status: Status) -> Style {
    match status {
        Status::InProgress | Status::InReview => Style::Live,
        Status::Merged => Style::Ok,
        Status::Open => Style::Text,
        Status::Closed => Style::Dim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trail::said::Document;
    use crate::model::trail::said::Remark;
    use crate::view::testing::{ago, fits, look, morning, screen};

    fn trail(branch: &str, title: &str, status: Status) -> Trail {
        Trail {
            id: "0123456789ab".to_owned(),
            branch: branch.into(),
            title: title.into(),
            status,
            author: Some("Ada Lovelace".to_owned()).filter(|_| status.is_live()),
            base: Some("main".into()).filter(|_| status.is_live()),
            created: ago(90_000),
            updated: ago(300),
            sessions: 2,
            checkpoints: 1,
            commands: 40,
            commits: 0,
            said: Document::default(),
        }
    }

    fn three() -> Vec<Trail> {
        vec![
            trail("feature/empty-lines", "make the parser survive an empty line", Status::InProgress),
            trail("fix", "\u{1b}]0;owned\u{7}", Status::Merged),
            trail("main", "main", Status::Open),
        ]
    }

    #[test]
    fn a_line_tells_a_trail() {
        let wide = "\
ID            STATUS       UPDATED  AUTHOR        BRANCH               TITLE
0123456789ab  in_progress  5m ago   Ada Lovelace  feature/empty-lines  make the parser survive an empty line
0123456789ab  merged       5m ago   -             fix                  \\x1b]0;owned\\x07
0123456789ab  open         5m ago   Ada Lovelace  main                 main
";
        assert_eq!(screen(|to| write(to, &three(), &look(None))), wide);
        assert_eq!(screen(|to| write(to, &three(), &look(Some(200)))), wide);
    }

    #[test]
    fn a_list_fits_80_columns() {
        let narrow = screen(|to| write(to, &three(), &look(Some(80))));
        fits(&narrow, 80);
        assert_eq!(
            narrow,
            "\
ID            STATUS       UPDATED  AUTHOR    BRANCH       TITLE
0123456789ab  in_progress  5m ago   Ada Lov…  feature/em…  make the parser surv…
0123456789ab  merged       5m ago   -         fix          \\x1b]0;owned\\x07
0123456789ab  open         5m ago   Ada Lov…  main         main
"
        );
    }

    #[test]
    fn a_story_tells_one_trail_in_full() {
        let mut told = three().remove(0);
        told.said = Document {
            assignee: Some("Bob".to_owned()),
            labels: ["parser".to_owned(), "slow".to_owned()].into(),
            reason: Some("ready".into()),
            notes: vec![Remark { at: ago(600), by: Some("Ada".to_owned()), text: "ask \u{1b}Bob".into() }],
            ..Document::default()
        };
        let moments = morning();
        let story = screen(|to| write_story(to, &told, &moments[4..5], &look(Some(80))));
        fits(&story, 80);
        assert_eq!(
            story,
            "\
trail 0123456789ab  in_progress
make the parser survive an empty line

branch      feature/empty-lines into main
author      Ada Lovelace
assignee    Bob
labels      parser, slow
reason      ready
created     2026-11-20 09:00:00 +0000 (1d ago)
updated     2026-11-21 09:55:00 +0000 (5m ago)
holds       2 sessions, 1 checkpoint, 40 commands, 0 commits
note        ask \\x1bBob (10m ago, Ada)

Timeline
10m ago  commit  c0c0c0c0c0  Ada Lovelace  ~src/parser/lin…  parser: empty lines
"
        );
    }
}
