//! Runs git itself, where no file can give the answer.
//!
//! Refuses to let the repository, the user's configuration or the environment have a say: no
//! hook, no monitor, no helper, no transport, no prompt, no optional lock, no lazy fetch.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

/// Set for whatever we start, so that our own hooks in a child know to keep still.
pub const ACTIVE: &str = "TRACE_ACTIVE";

/// What a child may know of our environment: where programs, home and temporary files are.
const KEPT: [&str; 3] = ["PATH", "HOME", "TMPDIR"];

/// Options before the subcommand. A transport, where one was asked for, is allowed by a later `-c`.
const TAMED: [&str; 8] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "protocol.allow=never",
    "--no-optional-locks",
    "--no-pager",
];

/// Prepares a git that nobody but us can steer, for the repository at `git_dir` if one is given.
pub fn command(git_dir: Option<&Path>) -> Command {
    let mut git = Command::new("git");
    git.env_clear();
    git.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_LAZY_FETCH", "1");
    git.env("LC_ALL", "C").env(ACTIVE, "1");
    git.args(TAMED);
    if let Some(dir) = git_dir {
        git.arg("--git-dir").arg(dir);
    }
    git.stdin(Stdio::null());
    git
}

/// Runs a program and takes what it says. The one of the standard library panics where a read fails.
pub fn output(program: &mut Command) -> io::Result<Output> {
    finish(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// The same of a program that was started.
pub fn finish(mut child: Child) -> io::Result<Output> {
    // Whoever fills both pipes waits for nobody who reads one of them.
    let reader = |pipe| thread::Builder::new().spawn(|| all_of(pipe));
    let errors = child.stderr.take().map(reader).transpose();
    let errors = errors.inspect_err(|_| end(&mut child))?;
    let stdout = child.stdout.take().map_or(Ok(Vec::new()), all_of);
    let status = child.wait()?;
    let stderr = errors.and_then(|reader| reader.join().ok()).unwrap_or(Ok(Vec::new()))?;
    Ok(Output { status, stdout: stdout?, stderr })
}

/// Nobody can take what it says.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn all_of(mut pipe: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::sandbox::Dir;

    #[test]
    fn a_hostile_repository_runs_nothing() {
        let dir = Dir::repository(crate::git::HashKind::Sha1);
        dir.write("a", "a");
        dir.git(&["add", "."]);
        let canary = dir.path().join("canary");
        let touch = format!("touch {}", canary.display());
        for key in ["core.fsmonitor", "core.pager", "core.editor", "diff.external", "gpg.program"] {
            dir.git(&["config", key, &touch]);
        }
        dir.git(&["config", "core.hooksPath", "hooks"]);
        let mut git = command(Some(&dir.path().join(".git")));
        let status = git.arg("--work-tree").arg(dir.path()).args(["status", "--short"]).output().unwrap();
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        assert!(!canary.exists());
    }
}
