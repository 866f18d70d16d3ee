//! Many writers of one ref, and whether all of it arrived.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::Wanted;
use crate::child;
use crate::report::{Target, at, only, row};
use crate::world::{TRACE, World};

/// How many writers at once.
const WRITERS: usize = 32;
/// What each of them does.
const EACH: usize = 20;

/// One checkpoint as git does it best: plain commands under one `flock`.
const GIT: &str = r#"
    export GIT_INDEX_FILE=.git/bench-index-$1
    (
        flock 9
        blob=$(echo "$1 $2" | git hash-object -w --stdin)
        git read-tree refs/bench/many 2>/dev/null || git read-tree HEAD
        git update-index --add --cacheinfo "100644,$blob,many/$1"
        tip=$(git rev-parse -q --verify refs/bench/many || git rev-parse HEAD)
        new=$(git commit-tree -p "$tip" -m "$1 $2" "$(git write-tree)")
        git update-ref refs/bench/many "$new"
    ) 9>.git/bench-lock"#;

/// Events a second and the slowest of them; ours counts until the last is in a checkpoint.
pub fn rows(wanted: &Wanted) {
    if !wanted.has("writers-32") {
        return;
    }
    let world = World::new(1_000);
    let (git, git_each) = crowd(|writer, round| {
        let args = ["-c", GIT, "sh", &writer.to_string(), &round.to_string()];
        child::run(world.command("sh").args(args), None);
    });
    let before = world.commands_held();
    let (ours, ours_each) = crowd(|writer, round| {
        let name = format!("writer-{writer}");
        // Each writer ends its turn, which starts a flush in the background: they meet.
        let bytes = match round + 1 {
            EACH => world.turn_end(&name),
            _ => world.payload(&name, &format!("make {writer}.{round}")),
        };
        let input = world.input(&format!("payload-{writer}"), bytes.as_bytes());
        child::run(&mut world.hook(TRACE), Some(&input));
    });
    // Told is not enough: the time counts until all of it is in the chain.
    let flush = world.trace(&["checkpoint"]).time;
    let lost = before + WRITERS * (EACH - 1) - world.commands_held();
    let rate = |time: Duration| (WRITERS * EACH) as f64 / time.as_secs_f64();
    row("writers-32-events/s", &[rate(git)], &[rate(ours + flush)], Target::AtLeast(10.0));
    row("writers-32-p99", &[at(&git_each, 99)], &[at(&ours_each, 99)], Target::Ratio(0.5));
    only("writers-32-lost", lost as f64, Target::Ours(0.0));
}

/// Runs `work` for all writers at once; how long until the last is done, and each in milliseconds.
fn crowd(work: impl Fn(usize, usize) + Sync) -> (Duration, Vec<f64>) {
    let (begin, work, each) = (Instant::now(), &work, Mutex::new(Vec::new()));
    let each_of_them = &each;
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for round in 0..EACH {
                    let begin = Instant::now();
                    work(writer, round);
                    each_of_them.lock().unwrap().push(begin.elapsed().as_secs_f64() * 1e3);
                }
            });
        }
    });
    (begin.elapsed(), each.into_inner().unwrap())
}
