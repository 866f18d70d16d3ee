//! Our own program once more, in the background. It works for one worktree, it outlives whoever
//! called us, and it takes nothing of theirs along.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::home::Home;
use crate::disk::inherited;

/// Starts our own program, `trace` or `git-trace`, with a hook as `arguments`, for the worktree of `home`,
/// and returns at once.
pub fn spawn(home: &Home, arguments: &[&str]) -> Result<()> {
    inherited::keep_descriptors();
    let names = std::env::vars_os().map(|(name, _)| name);
    let mut child = command(home, arguments, names)?;
    child.spawn().with_context(|| format!("start {} in the background", arguments.join(" "))).map(drop)
}

/// `names`: those of the variables that the child would inherit.
fn command(home: &Home, arguments: &[&str], names: impl Iterator<Item = OsString>) -> Result<Command> {
    let myself = std::env::current_exe().context("find our own program")?;
    let top = home.place.top()?;
    let mut child = Command::new(myself);
    child.args(arguments).current_dir(top);
    child.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: the shell's hang-up and Ctrl-C are not for it.
    child.process_group(0);
    // What git told our caller, such as the index of a commit that is being made, is not for it either.
    for name in names.filter(|name| is_gits(name)) {
        child.env_remove(name);
    }
    child.env("GIT_DIR", &home.place.git_dir).env("GIT_WORK_TREE", top);
    Ok(child)
}

fn is_gits(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"GIT_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::place::Place;
    use crate::model::id::{CloneId, WorktreeId};

    #[test]
    fn it_is_told_of_its_worktree_and_of_nothing_that_git_told_our_caller() {
        let place =
            Place { work_tree: Some("/w".into()), git_dir: "/r/worktrees/w".into(), common: "/r".into() };
        let home = Home {
            place,
            worktree: WorktreeId::parse(&"0".repeat(16)).unwrap(),
            clone: CloneId::parse(&"0".repeat(32)).unwrap(),
        };
        let names = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "HOME", "MY_GIT_DIR"];
        let child = command(&home, &["hook", "flush"], names.map(OsString::from).into_iter()).unwrap();
        let told: Vec<_> = child
            .get_envs()
            .map(|(name, value)| (name.to_str().unwrap(), value.and_then(OsStr::to_str)))
            .collect();
        assert_eq!(
            told,
            [
                ("GIT_CONFIG_COUNT", None),
                ("GIT_DIR", Some("/r/worktrees/w")),
                ("GIT_INDEX_FILE", None),
                ("GIT_WORK_TREE", Some("/w")),
            ]
        );
    }
}
