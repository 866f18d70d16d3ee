//! The conversations of OpenCode, taken in from what it prints: by `trace attach` and `trace import`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::world::World;
use super::{exec, import, output};
use crate::capture::export::{self, Id, Laid, Run};
use crate::capture::import::{Found, Mode, look};
use crate::disk::inherited::Interrupted;
use crate::disk::place::Place;
use crate::model::agent::Agent;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::view::import::ImportView;
use crate::wire::transcripts::Listed;

/// A person waits so long for one answer of OpenCode.
const PATIENCE: Duration = Duration::from_secs(10);

/// An OpenCode that may be asked, from the worktree in which somebody asks.
pub struct OpenCode<'w> {
    world: &'w World,
    home: &'w Home,
    path: OsString,
    tops: Vec<PathBuf>,
}

impl<'w> OpenCode<'w> {
    /// That of the user's `PATH`, but none that a worktree of the repository brought along.
    pub fn of(world: &'w World, home: &'w Home) -> Self {
        let tops = Place::all_of(&home.place.common).into_iter().filter_map(|place| place.work_tree);
        let tops = tops.chain(home.place.work_tree.clone()).collect();
        Self { world, home, path: std::env::var_os("PATH").unwrap_or_default(), tops }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        export::is_there(&self.tops, &self.path)
    }

    /// Takes in one conversation. What was exported stays where it was put until a checkpoint has it.
    pub fn one(&self, id: &Id, mode: Mode) -> Result<Vec<ImportView>> {
        let lines = export::export(id, &self.run(&self.temp()?)?)?;
        let laid = Laid::put(self.world.state()?, id, &lines)?;
        let found = found(&laid, id)?;
        import::take_in(self.world, self.home, vec![(found, self.home.clone())], mode)
    }

    /// Takes in those that were held in these worktrees, each named by its top. One that cannot be had is
    /// said and left out.
    pub fn all(
        &self,
        homes: &[(PathBuf, Home)],
        since: Option<Timestamp>,
        mode: Mode,
    ) -> Result<Vec<ImportView>> {
        let temp = self.temp()?;
        let run = self.run(&temp)?;
        let listed = export::list(&run)?;
        let held: Vec<(Id, &Home)> = listed.iter().filter_map(|one| held(one, homes, since)).collect();
        let mut left: HashSet<&str> = held.iter().map(|(id, _)| id.as_str()).collect();
        let known = import::known(self.home, &held.iter().map(|(id, _)| id.session()).collect())?;
        let mut rows = Vec::new();
        for (id, home) in &held {
            if !left.remove(id.as_str()) {
                continue;
            }
            let laid = match export::export(id, &run) {
                Ok(lines) => Laid::put(self.world.state()?, id, &lines)?,
                Err(error) if error.is::<Interrupted>() => return Err(error),
                Err(error) => {
                    leave_out(id, &error);
                    continue;
                }
            };
            match found(&laid, id) {
                Ok(found) => {
                    let all = vec![(found, (*home).clone())];
                    rows.extend(import::retold(self.world, &known, all, mode)?);
                }
                Err(error) => leave_out(id, &error),
            }
        }
        if rows.is_empty() && !held.is_empty() {
            bail!("none of the conversations that opencode has of this repository could be had");
        }
        Ok(rows)
    }

    fn temp(&self) -> Result<PathBuf> {
        exec::temporary(self.home)
    }

    fn run<'r>(&'r self, temp: &'r Path) -> Result<Run<'r>> {
        let top = self.home.place.top()?;
        Ok(Run { path: &self.path, top, tops: &self.tops, temp, most: PATIENCE })
    }
}

/// The id of a conversation that was held in one of these worktrees, and went on since then.
fn held<'h>(
    listed: &Listed,
    homes: &'h [(PathBuf, Home)],
    since: Option<Timestamp>,
) -> Option<(Id, &'h Home)> {
    let (_, home) = homes.iter().find(|(top, _)| Path::new(&listed.directory).starts_with(top))?;
    let is_old = since.is_some_and(|since| listed.updated.is_some_and(|updated| updated < since));
    Id::parse(&listed.id).filter(|_| !is_old).map(|id| (id, home))
}

fn found(laid: &Laid, id: &Id) -> Result<Found> {
    let found = look(Agent::OpenCode, &laid.path)?;
    let found = found.with_context(|| format!("`opencode export {id}` printed no whole conversation"))?;
    if found.external.as_bytes() != id.as_str().as_bytes() {
        bail!("`opencode export {id}` printed another conversation");
    }
    Ok(found)
}

fn leave_out(id: &Id, why: &anyhow::Error) {
    output::say(&format!("trace: {id} was left out: {why:#}"));
}
