//! The conversations of OpenCode, taken in from what it prints: by `trace attach` and `trace import`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::world::World;
use super::{exec, import, output};
use crate::capture::export::{self, Id, Laid, Run};
use crate::capture::import::{Found, Mode, look};
use crate::model::agent::Agent;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::view::import::ImportView;

/// A person waits so long for one answer of OpenCode.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes in one conversation. What was exported stays where it was put until a checkpoint has it.
pub fn one(world: &World, home: &Home, id: &Id, mode: Mode) -> Result<Vec<ImportView>> {
    let lines = export::export(id, &Place::of(home)?.run())?;
    let laid = Laid::put(world.state()?, id, &lines)?;
    import::take_in(world, home, vec![(found(&laid, id)?, home.clone())], mode)
}

fn found(laid: &Laid, id: &Id) -> Result<Found> {
    let found = look(Agent::OpenCode, &laid.path)?;
    let found = found.with_context(|| format!("`opencode export {id}` printed no whole conversation"))?;
    if found.external.as_bytes() != id.as_str().as_bytes() {
        bail!("`opencode export {id}` printed another conversation");
    }
    Ok(found)
}

/// Takes in those that were held in these worktrees, each named by its top. One that cannot be had is said
/// and left out.
pub fn all(
    world: &World,
    home: &Home,
    homes: &[(PathBuf, Home)],
    since: Option<Timestamp>,
    mode: Mode,
) -> Result<Vec<ImportView>> {
    let mut rows = Vec::new();
    for listed in export::list(&Place::of(home)?.run())? {
        let here = homes.iter().find(|(top, _)| Path::new(&listed.directory).starts_with(top));
        let is_old = since.is_some_and(|since| listed.updated.is_some_and(|updated| updated < since));
        let (Some((_, home)), Some(id), false) = (here, Id::parse(&listed.id), is_old) else { continue };
        match one(world, home, &id, mode) {
            Ok(taken) => rows.extend(taken),
            Err(error) => output::say(&format!("trace: {id} was left out: {error:#}")),
        }
    }
    Ok(rows)
}

/// Whether there is an OpenCode to ask.
pub fn is_there(home: &Home) -> Result<bool> {
    Ok(export::is_there(&Place::of(home)?.run()))
}

/// Where OpenCode is run.
struct Place {
    path: OsString,
    top: PathBuf,
    temp: PathBuf,
}

impl Place {
    fn of(home: &Home) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Self { path, top: home.place.top()?.to_owned(), temp: exec::temporary(home)? })
    }

    fn run(&self) -> Run<'_> {
        Run { path: &self.path, top: &self.top, temp: &self.temp, most: PATIENCE }
    }
}
