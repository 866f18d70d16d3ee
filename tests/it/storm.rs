//! The user cleans up, amends and deletes as hard as git can, beside many writers: nothing of ours
//! is lost, because none of it lies where git collects.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::sandbox::{Sandbox, full, race};
use crate::story::Story;

/// One round of everything that drops, packs or collects. Each command must succeed.
fn weather(user: &Place, round: usize) {
    let text = format!("round {round}\n");
    user.write("src/user", &text);
    for args in [
        &["add", "src/user"][..],
        &["commit", "-q", "--amend", "-m", "again"],
        &["branch", "gone"],
        &["branch", "-q", "-D", "gone"],
        &["reflog", "expire", "--expire=now", "--all"],
        &["gc", "-q", "--prune=now"],
        &["prune", "--expire=now"],
        &["repack", "-q", "-adf"],
        &["pack-refs", "--all"],
    ] {
        user.git(args);
    }
}

/// Told commands and checkpoints of one writer that works until `over` says so.
fn writer(place: &Place, worker: usize, over: impl Fn(usize) -> bool) -> Vec<String> {
    let mut told = Vec::new();
    while !over(told.len()) {
        let command = format!("make {worker} {}", told.len());
        place.write(&format!("work/{worker}"), &command);
        place.tell(&format!("worker-{worker}"), &command);
        place.checkpoint();
        told.push(command);
    }
    told
}

/// Tells the writers that the weather is over, also when it ended in a failure.
struct Calm<'a>(&'a AtomicBool);

impl Drop for Calm<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_user_who_collects_everything_takes_nothing_of_ours() {
    let sandbox = Sandbox::enabled();
    // What is amended below is new work: the commit that the chain borrows from stays.
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
    sandbox.checkpoint();
    let (workers, least) = if full() { (64, Duration::from_secs(60)) } else { (8, Duration::ZERO) };
    let (begin, calm) = (Instant::now(), AtomicBool::new(false));
    let told = race(workers + 1, |worker| {
        if worker < workers {
            return writer(&sandbox, worker, |done| done >= 6 && calm.load(Ordering::SeqCst));
        }
        let _calm = Calm(&calm);
        let mut round = 0;
        // The short form ends by counts: six rounds of weather, and six of each writer.
        while round < 6 || begin.elapsed() < least {
            weather(&sandbox, round);
            round += 1;
        }
        Vec::new()
    })
    .concat();
    let story = Story::of(&sandbox);
    story.holds_once(told.iter().map(String::as_str));
    story.complete(&sandbox);
    sandbox.fsck();
    let user = sandbox.run("git", &["fsck", "--full", "--strict", "--no-dangling", "--no-progress"]);
    assert!(user.code == 0 && user.stdout.is_empty(), "the user's repository is not clean: {user:?}");
}

#[test]
fn a_base_that_the_user_drops_is_absorbed_before_git_collects_it() {
    for drop in [
        &["commit", "-q", "--amend", "--allow-empty", "-m", "another"][..],
        &["reset", "-q", "--hard", "HEAD~1"],
        &["checkout", "-q", "-f", "--orphan", "elsewhere"],
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("src/only-here", "a file that only the dropped commit holds\n");
        sandbox.git(&["add", "-A"]);
        sandbox.git(&["commit", "-q", "-m", "base"]);
        sandbox.enable();
        sandbox.tell("s", "make");
        let before = sandbox.checkpoint();
        sandbox.git(drop);
        if drop[0] == "commit" {
            sandbox.git(&["rm", "-q", "src/only-here"]);
            sandbox.git(&["commit", "-q", "--amend", "--allow-empty", "-m", "without it"]);
        }
        if drop[0] == "checkout" {
            sandbox.git(&["rm", "-q", "-r", "-f", "."]);
            sandbox.git(&["commit", "-q", "--allow-empty", "-m", "a new beginning"]);
            sandbox.git(&["branch", "-q", "-D", "main"]);
        }
        // The leader that sees the move takes over what its chain borrowed.
        sandbox.checkpoint();
        weather(&sandbox, 0);
        Story::of(&sandbox).complete(&sandbox);
        let kept = sandbox.store_git(&["cat-file", "-p", &format!("{before}:worktree/src/only-here")]);
        assert_eq!(kept, "a file that only the dropped commit holds", "after git {drop:?}");
        sandbox.fsck();
    }
}

#[test]
fn what_was_only_staged_or_stashed_is_ours_to_keep() {
    let sandbox = Sandbox::enabled();
    sandbox.write("src/a", "staged, and then overwritten\n");
    sandbox.git(&["add", "-A"]);
    let before = sandbox.checkpoint();
    sandbox.write("src/a", "committed instead\n");
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-q", "-m", "work"]);
    weather(&sandbox, 0);
    let kept = sandbox.store_git(&["cat-file", "-p", &format!("{before}:worktree/src/a")]);
    assert_eq!(kept, "staged, and then overwritten");
    Story::of(&sandbox).complete(&sandbox);
}
