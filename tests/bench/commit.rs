//! What a commit of the user's costs with our hooks beside it.

use std::path::Path;
use std::process::Command;
use std::{env, iter};

use crate::Wanted;
use crate::child::{self, Took};
use crate::report::{Target, at, millis, only, row};
use crate::sessions;
use crate::world::{World, builds};

/// How many sessions there are where a lot has happened.
const SESSIONS: usize = 1_000;

/// Leaves out our hooks, be they files or configuration.
const BARE: [&str; 4] = ["-c", "core.hooksPath=/dev/null", "-c", "hook.trace-post-commit.enabled=false"];

/// `git commit` with our hooks against the same without, in a repository that is new, and in one where
/// a lot has happened and many files are ignored.
pub fn rows(wanted: &Wanted) {
    if !wanted.has("git-commit-hooks") {
        return;
    }
    let world = World::new(1_000);
    commits(&world, wanted, "git-commit-hooks");
    sessions::fill(&world, SESSIONS);
    world.ignore(wanted.ignored);
    world.trace(&["checkpoint"]);
    commits(&world, wanted, "git-commit-hooks-full");
}

fn commits(world: &World, wanted: &Wanted, name: &str) {
    let builds = builds();
    let (mut git, mut ours) = (Vec::new(), vec![Vec::new(); builds.len()]);
    for round in 0..wanted.rounds {
        git.push(commit(world, round, world.command("git").args(BARE)));
        for (at, (_, path)) in builds.iter().enumerate() {
            let own = Path::new(path).parent().unwrap().to_owned();
            assert!(own.join("git-trace").is_file(), "the hooks call it by this name");
            let inherited = env::var_os("PATH").unwrap_or_default();
            let paths = env::join_paths(iter::once(own).chain(env::split_paths(&inherited))).unwrap();
            ours[at].push(commit(world, round, world.command("git").env("PATH", paths)));
        }
    }
    let git = millis(&git);
    for ((build, _), ours) in builds.iter().zip(&ours) {
        let ours = millis(ours);
        row(&format!("{name}-{build}"), &git, &ours, Target::RatioAndMore(1.05, 5.0));
        only(&format!("{name}-{build}-more"), at(&ours, 50) - at(&git, 50), Target::None);
    }
}

/// Changes something and commits it. What a hook left to do in the background is waited for, and is no
/// part of it.
fn commit(world: &World, round: usize, git: &mut Command) -> Took {
    world.change(round);
    let took = child::run(git.args(["commit", "-q", "-a", "-m", "more"]), None);
    world.trace(&["checkpoint"]);
    took
}
