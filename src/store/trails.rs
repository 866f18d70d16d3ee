//! What the chain says of each branch, in one file, so that listing the trails opens no checkpoint.
//!
//! A cache: sections of tallies, and of the edits of trails as lines `+ <event>`, each closed by a line
//! `@ <checkpoint>`; a section adds to those before it. After the swap the tally of the new checkpoint is appended, and now and then all of them become
//! one section, so the file is as long as there are branches and sessions. It is caught up from the
//! chain; never a second truth.

use std::path::PathBuf;

use anyhow::Result;

use super::home::Home;
use super::ledger::{MARKER, last_marker, marker};
use super::models::News;
use crate::disk::file::{self, Durability};
use crate::model::checkpoint::Header;
use crate::model::event::What;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::trail::said::Edits;
use crate::model::trail::{FirstWords, Tallies, Tally, first_line};
use crate::wire::{event, trail};

/// Whenever the file has grown over so many bytes again, its sections become one.
const FOLD: u64 = 16 << 10;

/// More than the tallies of any repository take.
const CAP: u64 = 256 << 20;

/// Begins the line of an edit; the second word of a tally is a number.
const EDIT: &[u8] = b"+ {";

/// The tallies and the edits, and the checkpoint up to which they are right.
#[derive(Debug, Default)]
pub struct Trails {
    pub tip: Option<Oid>,
    pub tallies: Tallies,
    pub edits: Edits,
}

impl Trails {
    /// Adds the checkpoint that follows, and its events.
    pub fn add(&mut self, id: Oid, header: &Header, lines: &[u8]) {
        self.tip = Some(id);
        if let Some(tally) = tally(header, lines) {
            self.tallies.add(tally);
        }
        self.edits.merge(edits(lines));
    }
}

/// The edits of trails among the events of one checkpoint.
fn edits(lines: &[u8]) -> Edits {
    let mut edits = Edits::default();
    let lines = lines.split(|byte| *byte == b'\n');
    let told = lines.filter(|line| event::kind_of(line) == Some(event::TRAIL_EDITED.as_bytes()));
    told.filter_map(|line| event::decode(line).ok()).for_each(|event| edits.take(event));
    edits
}

/// What one checkpoint says of its branch.
fn tally(header: &Header, lines: &[u8]) -> Option<Tally> {
    Tally::of(header, first_words(lines))
}

fn path(home: &Home) -> PathBuf {
    home.place.cache().join(format!("trails-{}", home.worktree))
}

/// The checkpoint whose section is the last; `None` if there is none or the end is torn.
pub fn last(home: &Home) -> Option<Oid> {
    last_marker(&path(home))
}

/// Reads it; what is absent or damaged says nothing of any checkpoint.
pub fn read(home: &Home) -> Trails {
    let bytes = file::read(&path(home), CAP).ok().flatten().unwrap_or_default();
    parse(&bytes).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> Option<Trails> {
    let mut trails = Trails::default();
    let (mut section, mut said) = (Vec::new(), Edits::default());
    for line in bytes.strip_suffix(b"\n")?.split(|byte| *byte == b'\n') {
        match marker(line) {
            Some(id) => {
                section.drain(..).for_each(|tally| trails.tallies.add(tally));
                trails.edits.merge(std::mem::take(&mut said));
                trails.tip = Some(id);
            }
            None if line.starts_with(EDIT) => said.take(event::decode(&line[2..]).ok()?),
            None => section.push(trail::decode(line)?),
        }
    }
    (section.is_empty() && said == Edits::default()).then_some(trails)
}

/// Appends what a checkpoint says that was just made, if the file is right for the one before it. If it
/// is not, the next leader catches up.
pub fn append(home: &Home, made: &News<'_>) -> Result<()> {
    let section = section(tally(made.header, made.lines).iter(), &edits(made.lines), made.id);
    let fits = |end: &[u8]| match made.before {
        Some(before) => end.strip_suffix(b"\n").and_then(|end| marker(last_line(end))) == Some(before),
        None => end.is_empty(),
    };
    let Some(len) = file::append_if(&path(home), &section, MARKER, fits)? else { return Ok(()) };
    match len / FOLD > (len - section.len() as u64) / FOLD {
        true => replace(home, &read(home)),
        false => Ok(()),
    }
}

/// Puts one section in place of all there are.
pub fn replace(home: &Home, trails: &Trails) -> Result<()> {
    let Some(tip) = trails.tip else { return Ok(()) };
    file::replace(&path(home), &section(trails.tallies.0.values(), &trails.edits, tip), Durability::Buffered)
}

fn section<'a>(tallies: impl Iterator<Item = &'a Tally>, edits: &Edits, id: Oid) -> Vec<u8> {
    let mut section = Vec::new();
    for tally in tallies {
        section.extend(trail::encode(tally));
        section.push(b'\n');
    }
    for edit in edits.events() {
        section.extend_from_slice(b"+ ");
        section.extend(event::encode(&edit));
        section.push(b'\n');
    }
    section.extend_from_slice(format!("@ {id}\n").as_bytes());
    section
}

fn last_line(end: &[u8]) -> &[u8] {
    end.rsplit(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// The first words among the events of one checkpoint.
fn first_words(lines: &[u8]) -> FirstWords {
    let mut words = FirstWords::default();
    for line in lines.split(|byte| *byte == b'\n') {
        // Nearly every line is of no use here, and decoding it would be most of the work.
        let wanted = match event::kind_of(line) {
            Some(b"prompt") => words.prompt.is_none(),
            Some(b"command_started" | b"command_finished") => words.command.is_none(),
            _ => false,
        };
        if !wanted {
            continue;
        }
        let said = |text: &Text| first_line(text);
        match event::decode(line).ok().map(|event| event.what) {
            Some(What::Prompt(prompt)) => words.prompt = said(&prompt.text),
            Some(What::CommandStarted(half) | What::CommandFinished(half)) => {
                words.command = said(&half.command);
            }
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn oid(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn tally(branch: &str) -> Tally {
        Tally {
            branch: branch.into(),
            created: Timestamp(1),
            updated: Timestamp(2),
            sessions: [].into(),
            first_head: Some(oid(9)),
            last_head: Some(oid(9)),
            heads: [oid(9)].into(),
            checkpoints: 1,
            commands: 2,
            words: FirstWords::default(),
        }
    }

    fn edit(at: i64) -> Edits {
        let line = format!(
            r#"{{"v":1,"id":"e","at":{at},"kind":"trail_edited","body":{{"branch":"a","op":"note_added","note":"n"}}}}"#
        );
        let edits = edits(line.as_bytes());
        assert_eq!(edits.events().count(), 1);
        edits
    }

    #[test]
    fn sections_add_up_and_the_last_one_says_for_which_checkpoint() {
        let mut bytes = section([tally("a"), tally("b")].iter(), &edit(1), oid(1));
        bytes.extend(section([tally("a")].iter(), &Edits::default(), oid(2)));
        bytes.extend(section([].iter(), &edit(2), oid(3)));
        let trails = parse(&bytes).unwrap();
        assert_eq!(trails.tip, Some(oid(3)));
        let counts: Vec<_> =
            trails.tallies.0.values().map(|tally| (tally.checkpoints, tally.commands)).collect();
        assert_eq!(counts, [(2, 4), (1, 2)]);
        let mut both = edit(2);
        both.merge(edit(1));
        assert_eq!(trails.edits, both);
        let folded = parse(&section(trails.tallies.0.values(), &trails.edits, oid(3))).unwrap();
        assert_eq!((folded.tallies, folded.edits), (trails.tallies, trails.edits));
    }

    #[test]
    fn a_file_cut_anywhere_is_as_some_checkpoint_left_it_or_says_nothing() {
        let section = |id| section([tally("a")].iter(), &edit(1), id);
        let (first, second) = (section(oid(1)), section(oid(2)));
        let bytes = [first.clone(), second].concat();
        for cut in 0..bytes.len() {
            match parse(&bytes[..cut]) {
                Some(trails) => assert_eq!((cut, trails.tip), (first.len(), Some(oid(1)))),
                None => assert_ne!(cut, first.len()),
            }
        }
    }
}
