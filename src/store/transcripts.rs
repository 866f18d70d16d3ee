//! What the agents' transcripts gained goes into the checkpoint: an agent deletes its own, we do not.
//!
//! The leader reads each transcript from where the checkpoint before had it ([`Mark`]); a file that is
//! no longer what it was is read from its start, and of that only what is not kept yet is taken. The
//! marks of the transcripts that grew last are carried from checkpoint to checkpoint; any other is
//! found in the chain.
//!
//! A transcript is written behind our back and late: what a turn's end does not find, the next
//! checkpoint does. One that cannot be read delays nothing.

use std::cell::OnceCell;
use std::io;

use anyhow::{Context, Result};
use bstr::ByteSlice;

use super::gain::{self, Gain, Taken, path_of};
use super::home::Home;
use super::ledger::Ledger;
use super::models::Chain;
use super::{Damaged, chain, draft, lineage, trouble};
use crate::disk::transcript::Transcript;
use crate::git::pack::Pack;
use crate::git::store::Store;
use crate::git::tree;
use crate::git::{FILE, ObjectKind};
use crate::model::change::Side;
use crate::model::checkpoint::Checkpoint;
use crate::model::event::{Event, What};
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::redact::{self, Redacted};
use crate::model::session::Edit;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::transcript::{Kept, Mark};
use crate::wire::transcripts::keep::Known;
use crate::wire::{event, kept};

/// Where the transcripts lie in a checkpoint's tree.
pub const TRANSCRIPTS: &[u8] = b"transcripts";

/// The name, beside the sessions', of what says up to where each is kept.
pub const POSITIONS: &[u8] = b"positions";

/// So many marks are carried along.
const CARRIED: usize = 64;

/// The most new bytes that one checkpoint takes of all transcripts, and one more block: the rest is for the
/// next, so memory stays bounded.
const MOST: u64 = 5 << 20;

/// What a checkpoint gets of the transcripts.
#[derive(Default)]
pub struct Gains {
    pub pieces: Vec<Piece>,
    /// Where it stands now with each: the one that grew last behind the others, then those that wait.
    pub marks: Vec<(SessionId, Mark)>,
    /// What says so in the checkpoint before, if that is still right.
    pub unchanged: Option<Side>,
    /// They have more than one checkpoint may take.
    pub more: bool,
    /// What of other sessions was found in those that are new.
    pub found: Vec<(SessionId, Edit)>,
}

/// A piece that the chain holds.
pub struct Held {
    pub checkpoint: Oid,
    pub session: SessionId,
    pub kept: Kept,
}

/// What one transcript gained.
pub struct Piece {
    pub session: SessionId,
    pub kept: Kept,
    /// Nothing of its transcript was kept before.
    pub begins: bool,
    pub lines: Redacted<Vec<u8>>,
}

/// Carries on how it stands, without a look at any transcript.
pub fn carry(store: &Store, before: Option<&Checkpoint>) -> Result<Gains> {
    let unchanged = match before {
        Some(before) => store.lookup(before.tree, &[TRANSCRIPTS, b"/", POSITIONS].concat())?,
        None => None,
    };
    let bytes = unchanged.map(|side| store.blob(side.id)).transpose()?.flatten();
    let marks = bytes.as_deref().map(kept::decode).unwrap_or_default();
    Ok(Gains { marks, unchanged, ..Gains::default() })
}

/// Reads what the transcripts of the sessions at work have gained since the checkpoint before.
pub fn gather<'e>(
    home: &Home,
    store: &Store,
    before: Option<&Checkpoint>,
    events: impl Iterator<Item = &'e Event>,
) -> Result<Gains> {
    let Gains { marks: old, unchanged, .. } = carry(store, before)?;
    let past = Past { home, store, tip: before.map(|before| before.id), pieces: OnceCell::new() };
    let mut gains = Gains { marks: old.clone(), ..Gains::default() };
    for event in events {
        gains.meet(event, &past)?;
    }
    let mut waiting = Vec::new();
    for (session, mark) in in_order(std::mem::take(&mut gains.marks)) {
        // Nothing overtakes what waits: the older one is to be there first.
        let room = if waiting.is_empty() { gains.room() } else { 0 };
        match gain::take(&mark, room, || past.known(&session, &mark)) {
            Ok(Taken::Nothing) => gains.marks.push((session, mark)),
            Ok(Taken::Later) => waiting.push((session, mark)),
            Ok(Taken::Gain(gain)) => gains.add(session, *gain),
            Err(error) => {
                note(home, &mark, &error);
                gains.marks.push((session, mark));
            }
        }
    }
    // Whether one checkpoint takes two of them in or each has its own is chance: the older comes first.
    gains.pieces.sort_by_key(|piece| piece.kept.mark.written);
    for (at, new) in gains.pieces.iter().enumerate().filter(|(_, piece)| piece.begins) {
        let found = lineage::find(store, new, past.pieces()?, &gains.pieces[..at])?;
        gains.found.extend(found.map(|edit| (new.session.clone(), edit)));
    }
    gains.settle(waiting);
    gains.unchanged = unchanged.filter(|_| gains.marks == old);
    Ok(gains)
}

/// Those that nothing was taken of yet come last, the older file first: who copied another's beginning is
/// the younger. One that holds nothing stays where it is, and is forgotten in its turn.
fn in_order(mut marks: Vec<(SessionId, Mark)>) -> Vec<(SessionId, Mark)> {
    marks.sort_by_cached_key(|(_, mark)| match mark.proof.is_empty() {
        true => first_written(mark).unwrap_or(i64::MIN),
        false => i64::MIN,
    });
    marks
}

fn first_written(mark: &Mark) -> Option<i64> {
    let file = Transcript::open(path_of(&mark.path)).ok()?;
    (file.length > 0).then_some(file.written)
}

/// What the chain holds already, read where somebody asks.
struct Past<'a> {
    home: &'a Home,
    store: &'a Store,
    tip: Option<Oid>,
    pieces: OnceCell<Vec<Held>>,
}

impl Past<'_> {
    fn pieces(&self) -> Result<&[Held]> {
        match self.pieces.get() {
            Some(pieces) => Ok(pieces),
            None => pieces(self.home, self.store, self.tip).map(|all| &**self.pieces.get_or_init(|| all)),
        }
    }

    /// The lines of a transcript that are kept.
    fn known(&self, session: &SessionId, mark: &Mark) -> Result<Known> {
        let mut known = Known::default();
        for one in self.pieces()? {
            if one.session == *session && one.kept.mark.path == mark.path {
                known.add(&piece(self.store, one)?);
            }
        }
        Ok(known)
    }
}

/// The transcript that an event tells of. One whose path would not be kept as it is cannot be found
/// again.
fn told(event: &Event) -> Option<(&SessionId, &str, &Text)> {
    let (Some(session), What::SessionSeen(seen)) = (&event.session, &event.what) else { return None };
    let path = seen.transcript.as_ref()?;
    let is_plain = redact::text(path.as_bytes()).get() == path.as_bytes();
    (is_plain && is_named_like_one(path)).then_some((session, &*seen.agent, path))
}

/// A hook may name any file of the user's: what is not called like a transcript is none.
fn is_named_like_one(path: &Text) -> bool {
    let path = path_of(path);
    path.is_absolute() && path.extension().is_some_and(|end| end == "jsonl" || end == "json")
}

/// An agent that has not begun its transcript, or deleted it, is no trouble.
fn note(home: &Home, mark: &Mark, error: &anyhow::Error) {
    let is_absent = error.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::NotFound);
    if !is_absent {
        let what = format!("{}: {error:#}", mark.path.lossy());
        trouble::note(&home.place.common, "keep a transcript", &what);
    }
}

impl Gains {
    /// Takes up the transcript that an event tells of, where it was left.
    fn meet(&mut self, event: &Event, past: &Past<'_>) -> Result<()> {
        let Some((session, agent, path)) = told(event) else { return Ok(()) };
        let is = |known: &SessionId, mark: &Mark| known == session && mark.path == *path;
        if !self.marks.iter().any(|(known, mark)| is(known, mark)) {
            let last = past.pieces()?.iter().rfind(|one| is(&one.session, &one.kept.mark));
            let mark = last.map_or_else(|| Mark::start(agent, path), |one| one.kept.mark.clone());
            self.marks.push((session.clone(), mark));
        }
        Ok(())
    }

    fn add(&mut self, session: SessionId, gain: Gain) {
        let Gain { mark, stretch, first, begins, more } = gain;
        self.more |= more;
        if stretch.records > 0 {
            let piece = u32::try_from(self.pieces.iter().filter(|piece| piece.session == session).count());
            self.pieces.push(Piece {
                session: session.clone(),
                kept: Kept {
                    mark: mark.clone(),
                    piece: piece.unwrap_or(u32::MAX),
                    records: stretch.records,
                    bytes: stretch.lines.get().len() as u64,
                    known: stretch.known,
                    first,
                },
                begins,
                lines: stretch.lines,
            });
        }
        self.marks.push((session, mark));
    }

    /// Adds the directory of the transcripts, if there is anything to say.
    pub fn tree(&self, store: &Store, pack: &mut Pack) -> Result<Option<Oid>> {
        let mut all = Vec::new();
        for piece in &self.pieces {
            let id = pack.add(ObjectKind::Blob, piece.lines.get())?;
            let path = format!("{}/{}", piece.session, piece.kept.piece).into_bytes();
            all.push(tree::Edit { path, to: Some(Side { mode: FILE, id }) });
        }
        let positions = match self.unchanged {
            Some(side) => Some(side),
            None if self.marks.is_empty() => None,
            None => {
                let id = pack.add(ObjectKind::Blob, kept::encode(&self.marks).get())?;
                Some(Side { mode: FILE, id })
            }
        };
        all.extend(positions.map(|side| tree::Edit { path: POSITIONS.to_vec(), to: Some(side) }));
        tree::edit(store, pack, None, &all, None)
    }

    /// The events that tell of the pieces, as lines.
    pub fn lines(&self, now: Timestamp) -> Vec<u8> {
        let kept = |piece: &Piece| What::TranscriptKept(Box::new(piece.kept.clone()));
        let kept = self.pieces.iter().map(|piece| (&piece.session, kept(piece)));
        let found = self.found.iter().map(|(of, edit)| (of, What::SessionEdited(edit.clone())));
        kept.chain(found).flat_map(|(of, what)| draft::told(now, Some(of), what)).collect()
    }

    /// How many bytes may still be taken.
    fn room(&self) -> u64 {
        MOST.saturating_sub(self.pieces.iter().map(|piece| piece.kept.bytes).sum())
    }

    /// The marks of those that grew go to the end, and the oldest go; but none of those that wait.
    fn settle(&mut self, waiting: Vec<(SessionId, Mark)>) {
        let grew = |of: &SessionId, mark: &Mark| {
            self.pieces.iter().any(|piece| piece.session == *of && piece.kept.mark.path == mark.path)
        };
        let (last, first): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.marks).into_iter().partition(|(session, mark)| grew(session, mark));
        self.marks = [first, last].concat();
        let many = self.marks.len().saturating_sub(CARRIED);
        self.marks.drain(..many);
        self.more |= !waiting.is_empty();
        self.marks.extend(waiting);
    }
}

/// What the chain holds of transcripts, oldest first.
pub fn pieces(home: &Home, store: &Store, tip: Option<Oid>) -> Result<Vec<Held>> {
    let open = || Ok(store);
    let mut all = Vec::new();
    let mut add = |checkpoint: Oid, lines: &[u8]| {
        for line in lines.lines().filter(|line| event::kind_of(line) == Some(event::KEPT.as_bytes())) {
            if let Ok(Event { session: Some(session), what: What::TranscriptKept(kept), .. }) =
                event::decode(line)
            {
                all.push(Held { checkpoint, session, kept: *kept });
            }
        }
    };
    Chain { home, open: &open, tip }.tell(&Ledger::whole(home), &mut add)?;
    Ok(all)
}

/// The lines of one piece.
pub fn piece(store: &Store, held: &Held) -> Result<Vec<u8>> {
    let Held { checkpoint, session, kept } = held;
    let missing = || Damaged(format!("a transcript in checkpoint {} is missing", checkpoint.short(12)));
    let tree = chain::checkpoint(store, *checkpoint)?.tree;
    let path = [TRANSCRIPTS, format!("/{session}/{}", kept.piece).as_bytes()].concat();
    let side = store.lookup(tree, &path)?.with_context(missing)?;
    store.blob(side.id)?.with_context(missing)
}
