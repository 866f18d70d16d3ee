//! The rows of the table: what each side runs, in turns.

use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::Wanted;
use crate::child::{self, Took};
use crate::world::{GIT_TRACE, TRACE, World};

/// How many writers at once.
const WRITERS: usize = 32;
/// What each of them does.
const EACH: usize = 20;

/// Recording an event, against the smallest thing that git does.
pub fn record(wanted: &Wanted) {
    if !wanted.has("record") {
        return;
    }
    let world = World::new(1_000);
    let mut builds = vec![("record", GIT_TRACE.to_owned())];
    builds.extend(env::var("TRACE_BENCH_STATIC").ok().map(|path| ("record-static", path)));
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); builds.len() + 1];
    for round in 0..wanted.rounds {
        took[0].push(world.git(&["rev-parse", "HEAD"]));
        for (at, (name, path)) in builds.iter().enumerate() {
            let input = world.input("payload", world.payload(name, &format!("make {round}")).as_bytes());
            took[at + 1].push(child::run(world.command(path).args(["hook", "generic"]), Some(&input)));
        }
    }
    for (at, (name, _)) in builds.iter().enumerate() {
        row(name, millis(&took[0]), millis(&took[at + 1]));
        row(&format!("{name}-memory-MiB"), memory(&took[0]), memory(&took[at + 1]));
    }
}

/// Checkpoints of paths that are told, of everything, and of nothing new.
pub fn checkpoint(wanted: &Wanted, size: usize) {
    let names = ["checkpoint-known", "checkpoint-full", "nothing-changed"];
    if !names.iter().any(|name| wanted.has(name)) {
        return;
    }
    let world = World::new(size);
    let label = if size.is_multiple_of(1_000) { format!("{}k", size / 1_000) } else { size.to_string() };
    let show = |name: &str, rounds, ours: &dyn Fn(&[String]) -> Took, git: &dyn Fn(&[String]) -> Took| {
        if !wanted.has(name) {
            return;
        }
        let (mut theirs, mut own) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let changed = if name == names[2] { Vec::new() } else { world.change(round) };
            theirs.push(git(&changed));
            own.push(ours(&changed));
        }
        row(&format!("{name}-{label}"), millis(&theirs), millis(&own));
        row(&format!("{name}-{label}-memory-MiB"), memory(&theirs), memory(&own));
    };
    let known = |changed: &[String]| {
        let args: Vec<_> = ["checkpoint"].into_iter().chain(changed.iter().map(String::as_str)).collect();
        world.trace(&args)
    };
    show(names[0], wanted.rounds, &known, &|changed| world.known(changed));
    show(names[1], wanted.rounds.min(21), &|_| world.trace(&["checkpoint"]), &|_| world.full());
    let status = ["status", "--porcelain", "-uall"];
    show(names[2], wanted.rounds.min(21), &|_| world.trace(&["checkpoint"]), &|_| world.git(&status));
}

/// Many writers of one ref: events a second, git's under one `flock` as it does best.
pub fn many(wanted: &Wanted) {
    if !wanted.has("writers-32") {
        return;
    }
    let world = World::new(1_000);
    let script = r#"
        export GIT_INDEX_FILE=.git/bench-index-$1
        for n in $(seq "$2"); do
            (
                flock 9
                blob=$(echo "$1 $n" | git hash-object -w --stdin)
                git read-tree refs/bench/many 2>/dev/null || git read-tree HEAD
                git update-index --add --cacheinfo "100644,$blob,many/$1"
                tip=$(git rev-parse -q --verify refs/bench/many || git rev-parse HEAD)
                new=$(git commit-tree -p "$tip" -m "$1 $n" "$(git write-tree)")
                git update-ref refs/bench/many "$new"
            ) 9>.git/bench-lock
        done"#;
    let git = crowd(|at| {
        child::run(world.command("sh").args(["-c", script, "sh", &at.to_string(), &EACH.to_string()]), None);
    });
    let ours = crowd(|at| {
        for round in 0..EACH {
            let bytes = world.payload(&format!("writer-{at}"), &format!("make {at}.{round}"));
            let input = world.input(&format!("payload-{at}"), bytes.as_bytes());
            child::run(world.command(GIT_TRACE).args(["hook", "generic"]), Some(&input));
        }
    });
    // Told is not enough: the time counts until all of it is in the chain.
    let flush = world.trace(&["checkpoint"]).time;
    let rate = |time: Duration| (WRITERS * EACH) as f64 / time.as_secs_f64();
    row("writers-32-events/s", rate(git), rate(ours + flush));
}

/// Lists of a long history, its size, and a swap of git's to compare with.
pub fn history(wanted: &Wanted) {
    if !["log", "commands", "trail", "store-MB"].iter().any(|name| wanted.has(name)) {
        return;
    }
    let world = World::new(1_000);
    for round in 0..wanted.history {
        let changed = world.change(round % 160);
        let input = world.input("payload", world.payload("history", &format!("make {round}")).as_bytes());
        child::run(world.command(GIT_TRACE).args(["hook", "generic"]), Some(&input));
        let args: Vec<_> = ["checkpoint"].into_iter().chain(changed.iter().map(String::as_str)).collect();
        world.trace(&args);
    }
    if wanted.has("store-MB") {
        only(&format!("store-MB-{}", wanted.history), world.store_bytes() as f64 / 1e6);
    }
    for (what, limit) in [("all", wanted.history), ("page", 20)] {
        let number = format!("-{limit}");
        for name in ["log", "commands", "trail"].into_iter().filter(|name| wanted.has(name)) {
            let (mut git, mut ours) = (Vec::new(), Vec::new());
            let limit = if what == "all" { "0" } else { "20" };
            for _ in 0..wanted.rounds {
                git.push(child::run(&mut list(&world, &number), None));
                ours.push(child::run(world.command(TRACE).args([name, "--limit", limit]), None));
            }
            row(&format!("{name}-{what}-{}", wanted.history), millis(&git), millis(&ours));
        }
    }
}

/// git's list of as many commits of the store, from the shadow of the only worktree.
fn list(world: &World, number: &str) -> Command {
    let mut command = world.command("git");
    command.arg("--git-dir").arg(world.store());
    command.args(["log", "--glob=refs/trace/shadow", "--format=%H %ct %s", number]);
    command
}

/// Runs `work` for all writers at once; how long until the last is done.
fn crowd(work: impl Fn(usize) + Sync) -> Duration {
    let (begin, work) = (Instant::now(), &work);
    thread::scope(|scope| {
        for at in 0..WRITERS {
            scope.spawn(move || work(at));
        }
    });
    begin.elapsed()
}

fn row(name: &str, git: f64, ours: f64) {
    println!("{name:<32} {git:>10.3} {ours:>10.3} {:>7.3}", ours / git);
}

/// A row that git has nothing to compare with.
fn only(name: &str, ours: f64) {
    println!("{name:<32} {:>10} {ours:>10.3} {:>7}", "-", "-");
}

fn millis(took: &[Took]) -> f64 {
    median(took.iter().map(|one| one.time.as_secs_f64() * 1e3))
}

fn memory(took: &[Took]) -> f64 {
    median(took.iter().map(|one| one.memory as f64 / 1024.0))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
