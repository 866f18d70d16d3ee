//! Where the new bytes of each step wait, and which directories are opened for it and closed again.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::apply::Work;
use super::ground::{Ground, is_absent};
use crate::disk::put::{self, Missing, Mount};
use crate::model::restore::Step;
use crate::model::text::Text;
use crate::store::Refused;
use crate::wire::op::{Locked, Op, Placed};

/// Finds out where the new bytes of each step are to wait, and which directories must be opened.
pub fn place(ground: &Ground<'_>, op: Op, steps: Vec<Step>, room: &Path) -> Result<Op> {
    let mount = put::mount(put::open_top(room)?)?;
    let mut above: HashMap<Vec<u8>, bool> = HashMap::new();
    let mut locked = Vec::new();
    let mut placed = Vec::new();
    for step in steps {
        let dir = put::split(step.path.as_bytes()).0.to_vec();
        let beside = match above.get(&dir) {
            Some(beside) => *beside,
            None => {
                let (is_beside, closed) = nearest(ground, &dir, mount)?;
                locked.extend(closed.filter(|closed| !locked.contains(closed)));
                above.insert(dir, is_beside);
                is_beside
            }
        };
        placed.push(Placed { step, beside });
    }
    Ok(Op { steps: placed, locked, ..op })
}

/// The nearest directory there is on the way to `dir`: whether it lies on another mount, and what it
/// must get back if it has to be opened for us.
fn nearest(ground: &Ground<'_>, dir: &[u8], mount: Mount) -> Result<(bool, Option<Locked>)> {
    let mut dir = dir;
    loop {
        match put::open_below(ground.top.as_fd(), dir, Missing::Fail) {
            Ok(open) => {
                let mode = put::permissions(&open)?;
                let closed = (!put::is_writable(&open)).then(|| Locked { path: dir.into(), mode });
                if closed.is_some() && put::set_dir_mode(&open, mode).is_err() {
                    bail!(Refused(format!(
                        "{:?} cannot be written to, and is not yours to open: nothing was changed",
                        Text::from(dir)
                    )));
                }
                return Ok((put::mount(&open)? != mount, closed));
            }
            Err(error) if is_absent(&error) && !dir.is_empty() => dir = put::split(dir).0,
            Err(error) => {
                return Err(error).with_context(|| format!("open {}", String::from_utf8_lossy(dir)));
            }
        }
    }
}

impl Work<'_> {
    /// What cannot be opened, since it is another's or on a file system that is read-only, stays as it
    /// is: nothing was changed in it, and whatever is to be will say why it cannot.
    pub(super) fn unlock(&self) {
        for locked in &self.op.locked {
            let _ = self.set_mode(locked, locked.mode | 0o700);
        }
    }

    pub(super) fn lock_again(&self) -> Result<()> {
        for locked in &self.op.locked {
            self.set_mode(locked, locked.mode)
                .with_context(|| format!("set the mode of {}", locked.path.lossy()))?;
        }
        Ok(())
    }

    fn set_mode(&self, locked: &Locked, mode: u32) -> Result<()> {
        match put::open_below(self.ground.top.as_fd(), locked.path.as_bytes(), Missing::Fail) {
            Err(error) if is_absent(&error) => Ok(()),
            dir => {
                let dir = dir?;
                match put::permissions(&dir)? == mode {
                    true => Ok(()),
                    false => Ok(put::set_dir_mode(&dir, mode)?),
                }
            }
        }
    }
}
