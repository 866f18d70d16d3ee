//! A long history: what its lists cost, and what it weighs.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::Wanted;
use crate::child;
use crate::report::{Target, memory, millis, only, row};
use crate::world::{TRACE, World, builds};

/// Lists of a long history, against git's list of as many commits of the store, and the size.
pub fn rows(wanted: &Wanted) {
    if !["log", "commands", "trail", "search", "store-MB"].iter().any(|name| wanted.has(name)) {
        return;
    }
    let world = World::new(1_000);
    make(&world, wanted.history);
    settle(&world);
    if wanted.has("store-MB") {
        let most = if wanted.history <= 10_000 { Target::Ours(20.0) } else { Target::None };
        only(&format!("store-MB-{}", wanted.history), world.bytes(".git/trace/store.git"), most);
        only("store-and-caches-MB", world.bytes(".git/trace"), Target::None);
        only("store-packs", world.packs() as f64, Target::None);
    }
    for name in ["log", "commands", "trail"].into_iter().filter(|name| wanted.has(name)) {
        list(&world, wanted, name, "all", wanted.history);
        list(&world, wanted, name, "page", 20);
    }
    if wanted.has("search") {
        search(&world, wanted);
    }
}

fn make(world: &World, count: usize) {
    for round in 0..count {
        // The same 480 files over and over.
        let changed = world.change(round % 160);
        let input = world.input("payload", world.payload("history", &format!("make {round}")).as_bytes());
        child::run(&mut world.hook(TRACE), Some(&input));
        let args: Vec<_> = ["checkpoint"].into_iter().chain(changed.iter().map(String::as_str)).collect();
        world.trace(&args);
    }
}

/// Waits until maintenance, which nobody waits for, has stopped changing the store.
fn settle(world: &World) {
    let (mut last, mut since) = (world.bytes(".git/trace/store.git"), Instant::now());
    let begin = Instant::now();
    while since.elapsed() < Duration::from_secs(2) && begin.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(100));
        let now = world.bytes(".git/trace/store.git");
        if now.total_cmp(&last).is_ne() {
            (last, since) = (now, Instant::now());
        }
    }
}

fn list(world: &World, wanted: &Wanted, name: &str, what: &str, count: usize) {
    let builds = builds();
    let (mut git, mut ours) = (Vec::new(), vec![Vec::new(); builds.len()]);
    let limit = if what == "all" { "0" } else { "20" };
    for _ in 0..wanted.rounds {
        git.push(child::run(&mut log(world, &format!("-{count}")), None));
        for (at, (_, path)) in builds.iter().enumerate() {
            ours[at].push(child::run(world.command(path).args([name, "--limit", limit]), None));
        }
    }
    for ((build, _), ours) in builds.iter().zip(&ours) {
        let title = format!("{name}-{what}-{}-{build}", wanted.history);
        row(&title, &millis(&git), &millis(ours), Target::Ratio(1.0));
        if what == "all" {
            row(&format!("{title}-MiB"), &memory(&git), &memory(ours), Target::None);
        }
    }
}

/// A text that a few commands hold, against git's search through the messages of as many commits.
fn search(world: &World, wanted: &Wanted) {
    let builds = builds();
    let (mut git, mut ours) = (Vec::new(), vec![Vec::new(); builds.len()]);
    for _ in 0..wanted.rounds {
        let mut grep = log(world, &format!("-{}", wanted.history));
        git.push(child::run(grep.args(["--regexp-ignore-case", "--grep=make 77"]), None));
        for (at, (_, path)) in builds.iter().enumerate() {
            ours[at].push(child::run(world.command(path).args(["search", "make 77"]), None));
        }
    }
    for ((build, _), ours) in builds.iter().zip(&ours) {
        let title = format!("search-{}-{build}", wanted.history);
        row(&title, &millis(&git), &millis(ours), Target::Ratio(1.0));
        row(&format!("{title}-MiB"), &memory(&git), &memory(ours), Target::None);
    }
}

/// git's list of as many commits of the store, from the shadow of the only worktree.
fn log(world: &World, number: &str) -> Command {
    let mut command = world.command("git");
    command.arg("--git-dir").arg(world.repo.join(".git/trace/store.git"));
    command.args(["log", "--glob=refs/trace/shadow", "--format=%H %ct %s", number]);
    command
}
