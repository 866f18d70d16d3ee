//! Where the user's git looks for hooks, asked of that git itself, with the user's own configuration:
//! another answer would put hooks where nobody runs them. What is asked runs nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::run;

/// The first git that takes hooks from its configuration.
const CONFIG_HOOKS: (u32, u32) = (2, 54);

/// Whether git takes hooks from its configuration; older ones ignore what stands there.
pub fn are_in_config(top: &Path) -> Result<bool> {
    let text = ask(git(top).arg("--version"))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let version = version(&text).with_context(|| format!("{text:?} is no version of git"))?;
    Ok(version >= CONFIG_HOOKS)
}

/// `git version 2.47.3`, with whatever vendors add.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("git version ")?.split('.');
    let digits = |part: &str| part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok();
    Some((digits(numbers.next()?)?, digits(numbers.next()?)?))
}

/// The directory of hook files, wherever `core.hooksPath` or a linked worktree puts it.
pub fn directory(top: &Path, git_dir: &Path) -> Result<PathBuf> {
    let path = ask(git(top).env("GIT_DIR", git_dir).args(["rev-parse", "--git-path", "hooks"]))?;
    Ok(top.join(OsStr::from_bytes(&path)))
}

/// Whether git has something of this directory in its index.
pub fn is_tracked(top: &Path, git_dir: &Path, dir: &Path) -> Result<bool> {
    let mut git = run::command(Some(git_dir));
    git.current_dir(top).arg("--work-tree").arg(top).args(["ls-files", "-z", "--"]).arg(dir);
    Ok(!ask(&mut git)?.is_empty())
}

fn git(top: &Path) -> Command {
    let mut git = Command::new("git");
    // What a caller's git said of its own repository is not for this one.
    let told = std::env::vars_os().map(|(name, _)| name);
    for name in told
        .filter(|name| name.as_bytes().starts_with(b"GIT_") && !name.as_bytes().starts_with(b"GIT_CONFIG"))
    {
        git.env_remove(name);
    }
    git.env(run::ACTIVE, "1").env("LC_ALL", "C").current_dir(top).stdin(Stdio::null());
    git
}

fn ask(git: &mut Command) -> Result<Vec<u8>> {
    let output = run::output(git).context("run git")?;
    if !output.status.success() {
        bail!("git does not say: {}", String::from_utf8_lossy(output.stderr.trim_ascii()));
    }
    Ok(output.stdout.trim_ascii_end().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;

    #[test]
    fn versions_are_read_whatever_vendors_add() {
        for (text, told) in [
            ("git version 2.47.3", Some((2, 47))),
            ("git version 2.54.0.windows.1", Some((2, 54))),
            ("git version 2.54-rc1", Some((2, 54))),
            ("git version 3.0.1 (Apple Git-200)", Some((3, 0))),
            ("hub version 2", None),
            ("", None),
        ] {
            assert_eq!(version(text), told, "{text:?}");
        }
    }

    #[test]
    fn the_directory_is_where_git_would_look() {
        let dir = Dir::repository(HashKind::Sha1);
        let found = || directory(dir.path(), &dir.git_dir()).unwrap();
        assert_eq!(found(), dir.git_dir().join("hooks"));
        dir.git(&["config", "core.hooksPath", "tools/hooks"]);
        assert_eq!(found(), dir.path().join("tools/hooks"));
        dir.write("tools/hooks/post-commit", "x");
        let tracked = || is_tracked(dir.path(), &dir.git_dir(), &found()).unwrap();
        assert!(!tracked());
        dir.git(&["add", "-A"]);
        assert!(tracked());
        assert!(!is_tracked(dir.path(), &dir.git_dir(), &dir.path().join("none")).unwrap());
    }
}
