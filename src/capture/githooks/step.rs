//! What is to become of one file, and how it comes to be so.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::look::{RENAMED, text_of};
use crate::disk::consent::UserState;
use crate::disk::file;
use crate::disk::installed::{Installed, fingerprint};
use crate::wire::githook::BEFORE;

/// What is to become of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub path: PathBuf,
    pub old: Option<String>,
    pub new: Option<String>,
    pub way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A hook file of ours comes, over nothing or over one of ours.
    Write,
    /// The hook that is there is kept beside ours.
    Chain,
    /// Ours goes; what was kept beside it comes back.
    Remove,
    /// The configuration changes.
    Configure,
}

impl Step {
    /// Carries it out, unless somebody changed the file since.
    pub fn carry_out(&self, state: Option<&UserState>) -> Result<()> {
        if text_of(&self.path)? != self.old {
            bail!("{} was changed just now by somebody else: try again", self.path.display());
        }
        let new = self.new.as_deref().unwrap_or_default();
        match self.way {
            Way::Write => write(&self.path, new, state),
            Way::Chain => {
                let kept = beside(&self.path);
                fs::rename(&self.path, &kept).with_context(|| format!("rename {}", self.path.display()))?;
                write(&self.path, new, state).inspect_err(|_| {
                    // Better the former hook without ours than neither.
                    let _ = fs::rename(&kept, &self.path);
                })
            }
            Way::Remove => {
                let kept = beside(&self.path);
                let removed = match fs::symlink_metadata(&kept) {
                    Ok(_) => fs::rename(&kept, &self.path),
                    Err(_) => fs::remove_file(&self.path),
                };
                removed.with_context(|| format!("take {} away", self.path.display()))
            }
            Way::Configure => self.configure(new, state),
        }
    }

    fn configure(&self, new: &str, state: Option<&UserState>) -> Result<()> {
        file::reconfigure(&self.path, new.as_bytes())?;
        let Some(state) = state else { return Ok(()) };
        let old = self.old.as_deref().unwrap_or_default();
        if !new.starts_with(old) || new == old {
            Installed::forget(state, &self.path);
            return Ok(());
        }
        // What was put in stands at the end; so it can be taken out to the byte.
        let inserted = std::iter::once(old.len()..new.len()).collect();
        let digest = fingerprint(new.as_bytes());
        Installed { digest, inserted, ..Installed::default() }.write(state, &self.path)
    }
}

/// Where the former hook lies that a hook file of ours calls.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let hook = RENAMED.iter().rev().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    path.with_file_name(format!("{hook}{BEFORE}"))
}

fn write(path: &Path, text: &str, state: Option<&UserState>) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    let made = dir.ancestors().take_while(|dir| !dir.exists()).count();
    fs::create_dir_all(dir).with_context(|| format!("make directory {}", dir.display()))?;
    file::program(path, text.as_bytes())?;
    match state.filter(|_| made > 0) {
        Some(state) => Installed { made, created: true, ..Installed::default() }.write(state, path),
        None => Ok(()),
    }
}

/// Removes the directories that were made for a hook, as far as they are empty.
pub fn remove_directories(path: &Path, state: Option<&UserState>) {
    let Some(state) = state else { return };
    let made = Installed::read(state, path).ok().flatten().map_or(0, |record| record.made);
    for dir in path.ancestors().skip(1).take(made) {
        // Somebody put something into it: it stays, and what is above it too.
        if fs::remove_dir(dir).is_err() {
            return;
        }
    }
    Installed::forget(state, path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_former_hook_has_one_name_whatever_ours_is_called() {
        for name in ["post-commit", "post-commit.legacy", "post-commit.old"] {
            assert_eq!(beside(&Path::new("/h").join(name)), Path::new("/h/post-commit.pre-trace"));
        }
    }
}
