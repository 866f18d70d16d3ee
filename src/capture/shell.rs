//! Shells: a journal to append to, records that need the binary, the guard.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::background;
use crate::disk::consent::UserState;
use crate::disk::file::{self, Created, Durability};
use crate::disk::journal::{self, Stem};
use crate::disk::place::{self, Place, Told};
use crate::disk::{clock, process};
use crate::model::checkpoint::Kind;
use crate::model::event::{Actor, ActorKind, SessionSeen};
use crate::model::id::SessionId;
use crate::model::redact;
use crate::model::text::Text;
use crate::store::home::{Home, User};
use crate::wire::{frame, shell};

/// A shell that asks anew gets the next file when this one has so many bytes.
const ROTATE: u64 = 512 << 10;

/// What a shell is to the one whose continuation it is.
const RESUME: &str = "resume";

/// A longer text is cut, and marked so.
const TEXT_CAP: usize = 64 << 10;

/// What a shell tells of itself when it opens a journal.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    pub shell: String,
    pub pid: u32,
    pub root: PathBuf,
    pub parent: Option<String>,
    /// `$TRACE_SHELL_SESSION`.
    pub session: String,
    /// `$TRACE_RESUMED`: the session that this one goes on with, if that is its parent. A shell within
    /// it finds the same in its environment, and has another parent.
    pub resumed: Option<String>,
    /// Other facts of the session, from its environment.
    pub facts: SessionSeen,
}

/// The journal that the shell may append to; `None` if nothing is recorded there.
pub fn open(opening: &Opening, user: &User) -> Result<Option<PathBuf>> {
    let Some(home) = background::home_at(&opening.root, user, &Told::default())? else { return Ok(None) };
    let stem = uuid_stem(&opening.session).context("TRACE_SHELL_SESSION is no session id")?;
    let dir = home.journal();
    file::private_dir(&dir)?;
    let path = usable(&dir, &stem, &header(opening))?;
    if background::is_due(&home) {
        background::spawn(&home, Kind::Auto)?;
    }
    Ok(Some(path))
}

fn uuid_stem(session: &str) -> Option<Stem> {
    SessionId::parse(&format!("sess_{session}"))?;
    Stem::parse(session)
}

/// The last file that is there, if it may grow; else a new one that begins with the header.
fn usable(dir: &Path, stem: &Stem, header: &[u8]) -> Result<PathBuf> {
    let mut n = 0;
    loop {
        let path = dir.join(stem.file(n));
        let next_is_absent = !dir.join(stem.file(n + 1)).exists();
        match std::fs::metadata(&path) {
            Ok(meta) if next_is_absent && meta.len() < ROTATE => return Ok(path),
            Ok(_) => n += 1,
            Err(_) => match file::create(&path, header, Durability::Buffered)? {
                Created::New => return Ok(path),
                Created::WasThere => {}
            },
        }
        ensure!(n < journal::MOST_FILES, "{} has too many files of one session", dir.display());
    }
}

fn header(opening: &Opening) -> Vec<u8> {
    let actor = match &opening.facts.actor {
        actor if actor.name.is_some() => actor.clone(),
        _ => Actor { kind: ActorKind::Human, ..Actor::default() },
    };
    let seen = SessionSeen {
        agent: "shell".into(),
        external_id: opening.session.as_str().into(),
        parent: opening.parent.clone().filter(|parent| uuid_stem(parent).is_some()),
        parent_kind: opening
            .resumed
            .clone()
            .filter(|id| opening.parent.as_ref() == Some(id))
            .map(|_| RESUME.into()),
        shell: Some(opening.shell.clone()),
        host: Some(process::host()),
        process: process::identify(opening.pid),
        cwd: Some(Text::from(opening.root.as_os_str().as_encoded_bytes())),
        actor,
        ..opening.facts.clone()
    };
    frame::encode(&shell::encode_header(&seen, clock::now()))
}

/// A journal file as a shell names it: checked, enabled, and whose.
pub struct Journal {
    dir: PathBuf,
    stem: Stem,
    pub home: Home,
}

impl Journal {
    /// Finds the worktree of `file`; `None` if this user records nothing there.
    ///
    /// `cwd` is where the shell stands: nearly always inside that worktree.
    pub fn find(file: &Path, cwd: &Path, state: &UserState) -> Result<Option<Self>> {
        let (common, worktree) = place::of_journal(file)?;
        if state.enabled_at(&common)?.is_none() {
            return Ok(None);
        }
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (stem, _) = journal::parts(name).with_context(|| format!("{name:?} is no journal"))?;
        let stem = uuid_stem(stem).with_context(|| format!("{name:?} is no shell's journal"))?;
        let here = Place::find(cwd, &Told::default()).ok().flatten();
        let of =
            |place: Place| Home::of(place, state).ok().flatten().filter(|home| home.worktree == worktree);
        let home = match here.and_then(of) {
            Some(home) => Some(home),
            None => Place::all_of(&common).into_iter().find_map(of),
        };
        Ok(home.map(|home| Self { dir: home.journal(), stem, home }))
    }

    /// Takes records that the shell did not want to write by itself, from their frames.
    pub fn take(&self, frames: &[u8]) -> Result<()> {
        // The shell closes every record; one without its end was cut on the way to us.
        for piece in frame::split(frames).pieces {
            match piece {
                frame::Piece::Whole(payload) => self.append(shell::parse_command(payload)?)?,
                frame::Piece::Torn(_) => anyhow::bail!("a record came in torn"),
            }
        }
        Ok(())
    }

    /// Redacts, cuts and appends one record.
    pub fn append(&self, mut record: shell::Record) -> Result<()> {
        let clean = redact::text(record.text.as_bytes()).into_inner();
        record.text = Text(clean);
        if record.text.as_bytes().len() > TEXT_CAP {
            record.text.0.truncate(TEXT_CAP);
            record.flags.push('t');
        }
        let payload = shell::encode_command(&record)?;
        ensure!(payload.len() <= frame::CAP, "a record of {} bytes fits into no frame", payload.len());
        journal::append(&self.dir, &self.stem, &frame::encode(&payload), Durability::Buffered).map(drop)
    }
}
