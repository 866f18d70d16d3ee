//! The worktree, as a restore looks at it: what stands at a path, and the directories on the way.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result, ensure};
use rustix::io::Errno;

use crate::disk::put::{self, Found, Missing, Spot};
use crate::git::store::Store;
use crate::git::{EXECUTABLE, FILE, LINK};
use crate::model::change::Side;
use crate::store::home::Home;

/// The worktree.
pub struct Ground<'a> {
    pub store: &'a Store,
    pub top: OwnedFd,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Nothing,
    /// A file or a link that a checkpoint could hold.
    Side(Side),
    Directory,
    /// What no checkpoint holds.
    Special,
}

impl Standing {
    /// True if this is what a checkpoint has there.
    pub fn is(self, side: Option<Side>) -> bool {
        match (self, side) {
            (Self::Nothing, None) => true,
            (Self::Side(here), Some(side)) => here == side,
            _ => false,
        }
    }
}

impl<'a> Ground<'a> {
    pub fn open(home: &Home, store: &'a Store) -> Result<Self> {
        let top = home.place.top()?;
        let opened = put::open_top(top).with_context(|| format!("open the worktree {}", top.display()))?;
        Ok(Self { store, top: opened })
    }

    /// What stands at a path. Below a file or a link there is nothing.
    pub fn standing(&self, path: &[u8]) -> Result<Standing> {
        let (above, name) = put::split(path);
        let context = || format!("look at {}", String::from_utf8_lossy(path));
        let dir = match put::open_below(self.top.as_fd(), above, Missing::Fail) {
            Err(error) if is_absent(&error) => return Ok(Standing::Nothing),
            dir => dir.with_context(context)?,
        };
        self.at(Spot { dir: dir.as_fd(), name }).with_context(context)
    }

    /// What stands at a name in an open directory.
    pub fn at(&self, spot: Spot<'_>) -> Result<Standing> {
        Ok(match put::look(spot.dir, spot.name)? {
            Found::Nothing => Standing::Nothing,
            Found::Directory => Standing::Directory,
            Found::Special => Standing::Special,
            Found::Link { target } => Standing::Side(Side { mode: LINK, id: self.store.hash_blob(&target)? }),
            Found::File { bytes, mode } => {
                let git_mode = if mode & 0o100 != 0 { EXECUTABLE } else { FILE };
                Standing::Side(Side { mode: git_mode, id: self.store.hash_blob(&bytes)? })
            }
        })
    }

    /// The directory a path lies in; made, if it is missing and that is wanted.
    pub fn parent(&self, path: &[u8], missing: Missing) -> io::Result<OwnedFd> {
        put::open_below(self.top.as_fd(), put::split(path).0, missing)
    }

    /// Takes away a directory that holds nothing but such directories. Says whether it is gone.
    pub fn remove_hollow(&self, path: &[u8]) -> Result<bool> {
        let context = || format!("take away the directory {}", String::from_utf8_lossy(path));
        let (above, name) = put::split(path);
        let dir = put::open_below(self.top.as_fd(), above, Missing::Fail).with_context(context)?;
        hollow(&Spot { dir: dir.as_fd(), name }, 0).with_context(context)
    }
}

/// Deeper than this, a directory is left alone.
const DEEPEST: usize = 200;

fn hollow(spot: &Spot<'_>, depth: usize) -> Result<bool> {
    ensure!(depth < DEEPEST, "it is nested too deeply");
    let dir = put::open_below(spot.dir, spot.name, Missing::Fail)?;
    for name in put::names(&dir)? {
        let inner = Spot { dir: dir.as_fd(), name: &name };
        if put::look_at_kind(inner)? != put::Sort::Directory || !hollow(&inner, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(put::remove_dir(*spot)?)
}

/// True if nothing is at a path, or a link or a file stands in its way.
pub fn is_absent(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
}
