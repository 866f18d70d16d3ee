//! Where a program lies, looked for as a shell does, but nowhere in a worktree: what a repository
//! brought along is not run because of its name.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

/// The directories of a `PATH` that are absolute and lie outside the worktrees of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs<'t> {
    dirs: Vec<PathBuf>,
    tops: &'t [PathBuf],
}

impl<'t> Programs<'t> {
    /// Those of `path` that do not lie in the worktrees at `tops`, nor are come to through them.
    pub fn outside(tops: &'t [PathBuf], path: &OsStr) -> Self {
        let dirs = std::env::split_paths(path).filter(|dir| dir.is_absolute() && !leads_into(dir, tops));
        Self { dirs: dirs.collect(), tops }
    }

    /// The first program of this name that is not in a worktree either.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let may_run = |path: &PathBuf| path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok();
        let programs = self.dirs.iter().map(|dir| dir.join(name));
        programs.filter(may_run).find(|program| !leads_into(program, self.tops))
    }

    /// They as a `PATH`, for what the program starts itself.
    pub fn path(&self) -> OsString {
        // They come from a `PATH`, so they can stand in one.
        std::env::join_paths(&self.dirs).unwrap_or_default()
    }
}

/// Whether a path, or a directory above it, is in one of `tops`, wherever links lead.
fn leads_into(path: &Path, tops: &[PathBuf]) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let tops: Vec<PathBuf> = tops.iter().map(|top| real(top)).collect();
    path.ancestors().any(|part| tops.iter().any(|top| real(part).starts_with(top)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::backoff;
    use crate::model::digest;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn program(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_a_worktree_holds_or_leads_to_is_no_program() {
        let root = std::env::temp_dir().join(format!("t-{}", digest::hex(&backoff::random::<8>())));
        let (top, at) = (root.join("w"), |name: &str| root.join(name));
        let tops = [at("other"), top.clone()];
        program(&at("w/bin/p"), 0o755);
        program(&at("other/bin/p"), 0o755);
        program(&at("plain/p"), 0o644);
        program(&at("good/p"), 0o755);
        symlink(at("good"), at("w/out")).unwrap();
        symlink(&top, at("in")).unwrap();
        fs::create_dir(at("linked")).unwrap();
        symlink(at("w/bin/p"), at("linked/p")).unwrap();
        let found = |dirs: &[&str]| {
            let path = dirs.iter().map(|dir| if *dir == "." { PathBuf::from(".") } else { at(dir) });
            Programs::outside(&tops, &std::env::join_paths(path).unwrap()).find("p")
        };
        for dir in [
            ".",
            "w/bin",
            "other/bin",
            "good/../w/bin",
            "w/out",
            "in/bin",
            "in/out",
            "linked",
            "plain",
            "none",
        ] {
            assert_eq!(found(&[dir]), None, "{dir}");
            assert_eq!(found(&[dir, "good"]), Some(at("good/p")), "{dir}");
        }
        let path = std::env::join_paths([at("w/bin"), PathBuf::new(), at("good")]).unwrap();
        assert_eq!(Programs::outside(&tops, &path).path(), at("good"));
        fs::remove_dir_all(root).unwrap();
    }
}
