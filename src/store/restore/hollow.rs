//! Directories that a restore emptied.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result};

use super::apply::{Goal, Work, sides};
use super::ground::is_absent;
use crate::disk::put::{self, Missing, Spot};
use crate::model::text::Text;

impl Work<'_> {
    /// Takes away the directories that hold nothing any more.
    pub(super) fn remove_hollow(&self, goal: Goal) -> Result<()> {
        let mut dirs: BTreeSet<&[u8]> = BTreeSet::new();
        for placed in &self.op.steps {
            if sides(&placed.step, goal).1.is_none() {
                let mut dir = put::split(placed.step.path.as_bytes()).0;
                while !dir.is_empty() && dirs.insert(dir) {
                    dir = put::split(dir).0;
                }
            }
        }
        // In reverse, what is below comes before what is above.
        for dir in dirs.into_iter().rev().filter(|dir| !self.is_stood_in(dir)) {
            match self.ground.parent(dir, Missing::Fail) {
                Err(error) if is_absent(&error) => {}
                above => {
                    let above = above.with_context(|| format!("open {}", String::from_utf8_lossy(dir)))?;
                    match put::remove_dir(Spot { dir: above.as_fd(), name: put::split(dir).1 }) {
                        // It is somebody else's, or what it lies in is closed to us: it holds nothing.
                        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                            self.hollow.borrow_mut().insert(Text::from(dir));
                        }
                        removed => drop(removed?),
                    }
                }
            }
        }
        Ok(())
    }

    fn is_stood_in(&self, dir: &[u8]) -> bool {
        let Ok(top) = self.home.place.top() else { return false };
        let dir = top.join(OsStr::from_bytes(dir));
        self.here.as_ref().is_some_and(|here| here.starts_with(dir))
    }
}
