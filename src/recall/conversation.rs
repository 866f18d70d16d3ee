//! What an agent's own transcript tells of a session, as long as the agent keeps it.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::disk::file;
use crate::model::agent::Agent;
use crate::model::session::Session;
use crate::wire::transcripts::{self, droid_settings, split::split, summary::Summary};

/// A longer transcript is not read for a summary, bytes.
const LONGEST: u64 = 256 << 20;

/// Sums up a session's transcript; `None` if no agent that we know has told of one.
///
/// # Errors
/// It is gone, too long, or not a plain file of the user's own.
pub fn of(session: &Session) -> Result<Option<Summary>> {
    let (Some(agent), Some(path)) = (Agent::parse(&session.agent), &session.transcript) else {
        return Ok(None);
    };
    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
    let context = || format!("read the transcript {}", path.display());
    let bytes = read(path).with_context(context)?;
    let mut records: Vec<_> =
        split(agent, &bytes).flat_map(|line| transcripts::read(agent, line.bytes)).collect();
    // Droid counts beside its transcript; without that file the tokens are not known.
    if agent == Agent::Droid
        && let Ok(settings) = read(&path.with_extension("settings.json"))
    {
        records.push(droid_settings(&settings));
    }
    Ok(Some(Summary::of(agent, &records)))
}

/// Reads a plain file of the user's own. The path is what a hook said: it may name anything.
fn read(path: &Path) -> Result<Vec<u8>> {
    let opened = file::open_regular(path)?;
    let meta = opened.metadata()?;
    if meta.uid() != rustix::process::geteuid().as_raw() {
        bail!("it is somebody else's");
    }
    if meta.len() > LONGEST {
        bail!("it is longer than {} MiB", LONGEST >> 20);
    }
    let mut bytes = Vec::new();
    opened.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
