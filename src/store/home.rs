//! One enabled worktree: everything the store needs to know of it, resolved once per process.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::disk::consent::{self, UserState};
use crate::disk::place::{self, Place};
use crate::git::config::{Config, Places};
use crate::model::id::{CloneId, WorktreeId};
use crate::model::settings::{Setting, Settings};

/// An enabled worktree.
#[derive(Clone, Debug)]
pub struct Home {
    pub place: Place,
    pub worktree: WorktreeId,
    pub clone: CloneId,
}

impl Home {
    /// The home at `place`, or `None` if this user never enabled it.
    pub fn of(place: Place, state: &UserState) -> Result<Option<Self>> {
        let Some(clone) = state.enabled(&place)? else { return Ok(None) };
        let worktree = consent::worktree_id(&place)?;
        Ok(Some(Self { place, worktree, clone }))
    }

    /// The full name of this worktree's shadow.
    pub fn shadow(&self) -> String {
        place::shadow(&self.worktree)
    }

    /// The directory of this worktree's journals.
    pub fn journal(&self) -> PathBuf {
        self.place.journal(&self.worktree)
    }

    /// This worktree and every other of the clone that has a chain or a journal. Of the others only
    /// what all worktrees share is known.
    ///
    /// # Errors
    /// They cannot be listed.
    pub fn worktrees(&self) -> Result<Vec<Self>> {
        let mut ids = recorded(&self.place)?;
        ids.insert(self.worktree.clone());
        Ok(ids.into_iter().map(|worktree| Self { worktree, ..self.clone() }).collect())
    }

    /// The settings that hold here, and the user's own ignore file.
    ///
    /// Reads configuration, so nothing on the prompt path may call it. A configuration that cannot
    /// be read counts as empty, and `refused` says so.
    pub fn settings(&self, user: &User) -> (Settings, Option<PathBuf>) {
        let places = Places {
            home: user.home.as_deref(),
            xdg_config: user.xdg_config.as_deref(),
            git_dir: Some(&self.place.git_dir),
            common_dir: Some(&self.place.common),
        };
        match Config::read(&places) {
            Ok(config) => {
                let mut all = config.settings();
                all.extend_from_slice(&user.environment);
                (Settings::of(&all), config.excludes_file())
            }
            Err(error) => {
                let mut settings = Settings::of(&user.environment);
                settings.refused.push(format!("{error:#}"));
                (settings, None)
            }
        }
    }
}

/// The worktrees that have a chain or a journal.
pub fn recorded(place: &Place) -> Result<BTreeSet<WorktreeId>> {
    let mut all = BTreeSet::new();
    for dir in [place.store().join("refs/trace/shadow"), place.journals()] {
        let context = || format!("list {}", dir.display());
        let names = match std::fs::read_dir(&dir) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(context),
        };
        for name in names {
            all.extend(name.with_context(context)?.file_name().to_str().and_then(WorktreeId::parse));
        }
    }
    Ok(all)
}

/// What the environment says of the user; read once, at the rim.
#[derive(Clone, Debug, Default)]
pub struct User {
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub xdg_config: Option<PathBuf>,
    /// `None`: there is no place for user state, so nothing is enabled.
    pub state: Option<UserState>,
    /// `TRACE_*` variables that are settings.
    pub environment: Vec<Setting>,
}
