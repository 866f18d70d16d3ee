//! What one transcript gained since its mark, as much as a checkpoint has room for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::Result;

use crate::disk::transcript::Transcript;
use crate::model::agent::Agent;
use crate::model::redact::Redacted;
use crate::model::text::Text;
use crate::model::transcript::Mark;
use crate::wire::transcripts::keep::{self, Known, Stretch};
use crate::wire::transcripts::{BLOCK, LONG};

/// The most bytes of one transcript that a checkpoint looks at, so that others need not wait. Of a file that
/// was written anew, what is known is known up to here; lines that come again behind it are kept again.
const FAR: u64 = 64 << 20;

/// Where a conversation parts from another is asked of its first piece: so much of it is taken at once, bytes.
const BEGINNING: u64 = 4 << 20;

/// What became of a look at a transcript.
pub enum Taken {
    /// There is nothing new.
    Nothing,
    /// There is, and this checkpoint has no room for it.
    Later,
    Gain(Box<Gain>),
}

/// What was taken of a transcript at once.
pub struct Gain {
    pub mark: Mark,
    pub stretch: Stretch,
    /// The id of its first record, if it is new.
    pub first: Option<Text>,
    pub begins: bool,
    pub more: bool,
}

/// Takes what a transcript gained, as far as there is `room` for it.
pub fn take(mark: &Mark, room: u64, known: impl FnOnce() -> Result<Known>) -> Result<Taken> {
    let file = Transcript::open(path_of(&mark.path))?;
    // Most of those that are carried along are idle, and looked at by every leader.
    if (file.length, file.written) == (mark.offset, mark.written) {
        return Ok(Taken::Nothing);
    }
    if room == 0 || mark.proof.is_empty() && room < file.length.min(BEGINNING) {
        return Ok(Taken::Later);
    }
    let (start, mut known) = match file.proof(mark.offset)? == Some(mark.proof.clone()) {
        true => (mark.offset, Known::default()),
        false => (0, known()?),
    };
    let agent = Agent::parse(&mark.agent);
    let (stretch, more) = gained(&file, start, room, agent, &mut known)?;
    let end = start + stretch.consumed;
    match file.proof(end)? {
        Some(proof) if (end, &proof, file.written) != (mark.offset, &mark.proof, mark.written) => {
            let begins = mark.proof.is_empty();
            let known = agent.filter(|_| begins);
            let first = known.and_then(|agent| keep::first_id(agent, stretch.lines.get())).map(Text::from);
            let mark = Mark { offset: end, proof, written: file.written, ..mark.clone() };
            Ok(Taken::Gain(Box::new(Gain { mark, stretch, first, begins, more })))
        }
        _ => Ok(Taken::Nothing),
    }
}

/// What a transcript holds behind `start`, as much as there is `room` for, and a block; and whether there is
/// more.
fn gained(
    file: &Transcript,
    start: u64,
    room: u64,
    agent: Option<Agent>,
    known: &mut Known,
) -> Result<(Stretch, bool)> {
    let most = usize::try_from(file.length.saturating_sub(start).min(room + BLOCK))?;
    let mut all = Stretch { lines: Redacted::with_room(most), ..Stretch::default() };
    let mut block = BLOCK;
    while (all.lines.get().len() as u64) < room && all.consumed < FAR {
        let at = start + all.consumed;
        let bytes = file.read(at, block)?;
        let is_last = (bytes.len() as u64) < block;
        let stretch = keep::keep(agent, &bytes, known);
        match stretch.consumed {
            0 if is_last => return Ok((all, false)),
            0 if block < LONG => block = LONG,
            0 if all.consumed > 0 => break,
            0 => {
                let Some(end) = file.line_end(at + LONG)? else { return Ok((all, false)) };
                let lines = keep::stub(end - at, &bytes);
                let stub = Stretch { lines, records: 1, known: 0, consumed: end - at };
                return Ok((stub, end < file.length));
            }
            _ => {
                all.append(stretch);
                block = BLOCK;
            }
        }
        if is_last {
            return Ok((all, false));
        }
    }
    let more = start + all.consumed < file.length;
    Ok((all, more))
}

/// The file that a mark names.
pub fn path_of(path: &Text) -> &Path {
    Path::new(OsStr::from_bytes(path.as_bytes()))
}
