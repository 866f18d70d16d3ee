//! `trace trail set`, `close` and `reopen`: what people say of a trail, as events.

use anyhow::{Context, Result, bail, ensure};

use super::args::{Close, How, Reopen, Set, What};
use crate::cli::exit::{Exit, Misuse};
use crate::cli::output;
use crate::cli::world::World;
use crate::model::event::Event;
use crate::model::text::Text;
use crate::model::trail::Status;
use crate::model::trail::said::{Edit, Said};
use crate::store::home::Home;
use crate::store::record;
use crate::view::json;
use crate::view::safe::Safe;
use crate::wire::event;

/// A title and a name have at most so many bytes: they stand in one line of a list.
const LINE: usize = 200;

pub fn set(world: &World, home: &Home, args: &Set) -> Result<Exit> {
    write(world, home, args.branch.as_deref(), edits(&args.what)?, &args.how)
}

pub fn close(world: &World, home: &Home, args: &Close) -> Result<Exit> {
    let reason = args.reason.as_deref().filter(|reason| !reason.is_empty()).map(Text::from);
    let closed = Edit::StatusSet { status: Some(Status::Closed), reason };
    write(world, home, args.branch.as_deref(), vec![closed], &args.how)
}

pub fn reopen(world: &World, home: &Home, args: &Reopen) -> Result<Exit> {
    let open = Edit::StatusSet { status: Some(Status::Open), reason: None };
    write(world, home, args.branch.as_deref(), vec![open], &args.how)
}

fn edits(what: &What) -> Result<Vec<Edit>> {
    let mut edits = Vec::new();
    if let Some(title) = &what.title {
        let title = line(title, "a title")?.map(Text::from);
        edits.push(Edit::TitleSet { title });
    }
    if let Some(word) = &what.status {
        let status = if word == "auto" { None } else { Some(super::status(word)?) };
        edits.push(Edit::StatusSet { status, reason: None });
    }
    if let Some(name) = &what.assignee {
        edits.push(Edit::AssigneeSet { assignee: line(name, "a name")?.map(str::to_owned) });
    }
    if let Some(both) = what.label.iter().find(|label| what.unlabel.contains(label)) {
        bail!(Misuse(format!("{both:?} cannot be added and taken away at once")));
    }
    for label in what.label.iter().chain(&what.unlabel) {
        line(label, "a label")?.with_context(|| Misuse("a label has a name".to_owned()))?;
    }
    if !what.label.is_empty() {
        edits.push(Edit::LabelsAdded { labels: what.label.clone() });
    }
    if !what.unlabel.is_empty() {
        edits.push(Edit::LabelsRemoved { labels: what.unlabel.clone() });
    }
    if let Some(note) = &what.note {
        ensure!(!note.trim().is_empty(), Misuse("the note says nothing".to_owned()));
        edits.push(Edit::NoteAdded { note: note.as_str().into() });
    }
    Ok(edits)
}

/// A word that stands in one line; none if it is empty.
fn line<'a>(text: &'a str, what: &str) -> Result<Option<&'a str>> {
    if text.len() > LINE || text.chars().any(char::is_control) {
        bail!(Misuse(format!("{text:?} cannot be {what}: it is one line of at most {LINE} bytes")));
    }
    Ok(Some(text.trim()).filter(|text| !text.is_empty()))
}

fn write(world: &World, home: &Home, word: Option<&str>, edits: Vec<Edit>, how: &How) -> Result<Exit> {
    let branch = super::branch(world, home, word)?;
    let by = super::author(world, home);
    let said = |edit| Said { branch: branch.clone(), by: by.clone(), edit };
    let events: Vec<Event> = edits.into_iter().map(|edit| record::said_of(said(edit), world.now)).collect();
    if !how.dry_run {
        record::said(home, &events)?;
    }
    let lines: Vec<Vec<u8>> = events.iter().map(event::encode).collect();
    output::print(|out| {
        if how.json {
            return json::write(out, &json::trail::edited(&branch, &lines, how.dry_run));
        }
        let what = crate::view::count(lines.len() as u64, "edit");
        match how.dry_run {
            true => writeln!(out, "[dry-run] {what} would be written for {}", Safe(branch.as_bytes())),
            false => writeln!(out, "ok: {what} written for {}", Safe(branch.as_bytes())),
        }
    })?;
    Ok(Exit::Done)
}
