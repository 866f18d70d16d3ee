//! The batch: what the journals of one worktree hold and its chain does not.
//!
//! Nothing hides its neighbours. A torn or foreign piece is set aside and counted; a file that cannot
//! be read keeps its place in the cursor and is read when it can be.

use std::collections::HashSet;

use anyhow::Result;

use super::reused;
use super::seen::{self, Print, Seen};
use crate::disk::journal::{self, Found, Stem};
use crate::model::both::each;
use crate::model::cursor::Cursor;
use crate::model::event::{Event, What};
use crate::model::id::CommandId;
use crate::model::redact::{self, Redacted};
use crate::wire::frame::{self, Piece};
use crate::wire::{event, shell};

/// The most bytes one batch takes: the rest is for the next, so memory stays bounded.
const MOST: u64 = 1 << 20;

/// To read so many events is work for two.
const MANY: usize = 512;

/// The longest frame, and the NULs around it.
const FRAME: u64 = frame::CAP as u64 + 2;

/// An event and the line that stands for it in the batch.
#[derive(Debug)]
pub struct Item {
    pub event: Event,
    pub line: Redacted<Vec<u8>>,
}

/// A batch.
#[derive(Debug, Default)]
pub struct Pending {
    pub items: Vec<Item>,
    /// By what those that are new are known if they come again; see [`Pending::drop_known`].
    pub prints: Vec<Print>,
    /// Sessions that were introduced again, which the chain knows.
    pub again: Vec<Event>,
    /// Up to where the journals are contained once this batch is.
    pub cursor: Cursor,
    /// Pieces that are no events, as they were found.
    pub set_aside: Vec<Vec<u8>>,
    /// Journals that would not open, and why.
    pub unreadable: Vec<String>,
    /// Bytes this batch moves the cursor over.
    pub consumed: u64,
    /// There is more than one batch may take.
    pub more: bool,
}

/// Reads what one batch takes of what lies behind `cursor` in the journals of `dir`.
pub fn gather(dir: &std::path::Path, cursor: &Cursor) -> Result<Pending> {
    gathered(dir, cursor, MOST)
}

/// Reads everything behind `cursor` in the journals of `dir`, for those who show it.
pub fn everything(dir: &std::path::Path, cursor: &Cursor) -> Result<Pending> {
    gathered(dir, cursor, u64::MAX)
}

fn gathered(dir: &std::path::Path, cursor: &Cursor, most: u64) -> Result<Pending> {
    let mut pending = Pending::default();
    let listing = journal::list(dir)?;
    for (name, error) in listing.unreadable {
        if let Some(known) = cursor.0.get(&name) {
            pending.cursor.0.insert(name.clone(), *known);
        }
        pending.unreadable.push(format!("{name}: {error}"));
    }
    let mut files = Vec::new();
    for mut found in listing.found {
        files.push(pending.read(&mut found, cursor, most)?);
    }
    pending.items = merge(files);
    Ok(pending)
}

/// The events in the journals of `dir` that `stem` wrote, also those that the chain holds by now. A
/// journal that will not open, or what is torn in it, is for the leader to tell of.
pub fn of_writer(dir: &std::path::Path, stem: &Stem) -> Result<Vec<Event>> {
    let mut pending = Pending::default();
    let mut events = Vec::new();
    for mut found in journal::list_of(dir, stem)?.found {
        let items = pending.read(&mut found, &Cursor::default(), u64::MAX)?;
        events.extend(items.into_iter().map(|item| item.event));
    }
    Ok(events)
}

impl Pending {
    fn read(&mut self, found: &mut Found, cursor: &Cursor, most: u64) -> Result<Vec<Item>> {
        let start = cursor.resume(&found.name, &found.head, found.len);
        let mut room = most.saturating_sub(self.consumed);
        let mut bytes = found.read_from(start, room)?;
        if room > 0 && found.len - start > room && frame::split(&bytes).pieces.is_empty() {
            // One event alone is more than a batch takes: it and what is behind it must not wait for ever.
            room = room.max(FRAME);
            bytes = found.read_from(start, room)?;
        }
        self.more |= found.len - start > room;
        let split = frame::split(&bytes);
        let mut items = Vec::new();
        for (piece, item) in
            split.pieces.iter().zip(each(&split.pieces, MANY, |piece| told(piece, &found.name)))
        {
            match item {
                Some(item) => items.push(item),
                None => self.set_aside.push(piece.bytes().to_vec()),
            }
        }
        let consumed = u64::try_from(split.consumed).unwrap_or(u64::MAX);
        self.consumed += consumed;
        // A file nothing was ever taken of has no first bytes to be known by.
        if start + consumed > 0 {
            self.cursor.advance(&found.name, &found.head, start + consumed);
        }
        Ok(items)
    }

    /// Drops what the chain holds already, what came twice, and starts whose ends are here. An id that
    /// now stands for something else is given a new one.
    pub fn drop_known(&mut self, seen: &Seen) {
        let ended: HashSet<CommandId> =
            self.items.iter().filter_map(|item| end_of(&item.event).cloned()).collect();
        let prints: Vec<[Print; 2]> = self.items.iter().map(|item| reused::prints(&item.event)).collect();
        let mut known = seen.among(prints.as_flattened());
        let mut kept = Vec::with_capacity(self.items.len());
        for (item, [id, label]) in std::mem::take(&mut self.items).into_iter().zip(prints) {
            let joined =
                matches!(&item.event.what, What::CommandStarted(half) if ended.contains(&half.command_id));
            match (!known.insert(id), !known.insert(label)) {
                _ if joined => {}
                (false, _) => {
                    kept.push(item);
                    self.prints.extend([id, label]);
                }
                (true, true) if matches!(item.event.what, What::SessionSeen(_)) => {
                    self.again.push(item.event)
                }
                (true, true) => {}
                (true, false) => {
                    let is_new = |new: &Event| {
                        let print = seen::print(&new.id);
                        known.insert(print) && seen.among(&[print]).is_empty()
                    };
                    if let Some(new) = reused::renamed(&item.event).filter(is_new).map(self::item) {
                        self.prints.extend(reused::prints(&new.event));
                        kept.push(new);
                    }
                }
            }
        }
        self.items = kept;
    }

    /// The events, in telling order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.items.iter().map(|item| &item.event)
    }

    /// The batch as it is kept: one event per line.
    pub fn lines(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for item in &self.items {
            all.extend_from_slice(item.line.get());
            all.push(b'\n');
        }
        all
    }
}

fn end_of(event: &Event) -> Option<&CommandId> {
    match &event.what {
        // An end without its start's time needs the start beside it.
        What::CommandFinished(half) if half.start.is_some() => Some(&half.command_id),
        _ => None,
    }
}

/// The event that a piece of a journal tells.
fn told(piece: &Piece<'_>, file_name: &str) -> Option<Item> {
    let event = match piece {
        Piece::Whole(payload) => parse(payload, file_name),
        // JSON says by itself whether it is whole; a shell's record does not.
        Piece::Torn(fragment) => event::decode(fragment).ok(),
    };
    event.map(|event| item_of(event, piece.bytes()))
}

fn parse(payload: &[u8], file_name: &str) -> Option<Event> {
    match payload.first() {
        Some(b'{') => event::decode(payload).ok(),
        _ => {
            let (stem, _) = journal::parts(file_name)?;
            shell::parse(payload, stem, None).ok()
        }
    }
}

/// Telling order: by time between files, as written within one. A clock that goes back inside a file
/// moves nothing before what the same writer wrote earlier.
fn merge(files: Vec<Vec<Item>>) -> Vec<Item> {
    let mut keyed = Vec::new();
    for items in files {
        let mut latest = i64::MIN;
        for item in items {
            latest = latest.max(item.event.at.0);
            keyed.push((latest, item));
        }
    }
    keyed.sort_by_key(|(at, _)| *at);
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// What is newer than we are is carried on as it was written, but for its secrets.
fn item_of(event: Event, payload: &[u8]) -> Item {
    match &event.what {
        What::Unknown(_) if !payload.contains(&b'\n') => Item { line: redact::json_line(payload), event },
        _ => item(event),
    }
}

fn item(event: Event) -> Item {
    let told = event::encode(&event);
    let line = redact::json_line(&told);
    // Everything that is decided from here on is decided by what will be kept.
    let is_that = *line.get() == told && !matches!(event.what, What::Unknown(_));
    let event = if is_that { event } else { event::decode(line.get()).unwrap_or(event) };
    Item { event, line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Note;
    use crate::model::id::EventId;
    use crate::model::time::Timestamp;

    fn note(id: &str, at: i64) -> Event {
        Event {
            id: EventId::parse(id).unwrap(),
            at: Timestamp(at),
            session: None,
            seq: None,
            what: What::TurnEnded(Note::default()),
        }
    }

    #[test]
    fn files_are_merged_by_time_and_each_keeps_its_own_order() {
        let files =
            [vec![note("a1", 10), note("a2", 5), note("a3", 30)], vec![note("b1", 7), note("b2", 20)]];
        let files = files.map(|events| events.into_iter().map(item).collect());
        let told: Vec<String> = merge(files.into()).iter().map(|item| item.event.id.to_string()).collect();
        assert_eq!(told, ["b1", "a1", "a2", "b2", "a3"]);
    }
}
