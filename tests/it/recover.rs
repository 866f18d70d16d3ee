//! Damage to our own files: the chain goes on from what is whole, and nothing is begun anew.

use std::fs;
use std::path::PathBuf;

use crate::sandbox::{Sandbox, have};
use crate::story::Story;

/// Three checkpoints, each with a command of its own.
fn with_three() -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::enabled();
    let ids = (1..=3).map(|n| {
        sandbox.tell("s", &format!("make {n}"));
        sandbox.checkpoint()
    });
    let ids = ids.collect();
    (sandbox, ids)
}

/// Makes one more checkpoint and fails unless it follows `ids` in one chain.
fn goes_on(sandbox: &Sandbox, ids: &[String]) {
    sandbox.tell("s", "make after");
    let after = sandbox.checkpoint();
    let story = Story::of(sandbox);
    let last = story.chain.iter().rev().take(ids.len() + 1).rev().cloned().collect::<Vec<_>>();
    assert_eq!(last, [ids, &[after]].concat(), "the chain was not gone on with");
    story.holds_once(["make 1", "make 2", "make 3", "make after"]);
    let trouble = sandbox.json(&["status"])["trouble"].as_u64();
    assert!(trouble > Some(0), "what was wrong is not said");
}

fn pack_of(sandbox: &Sandbox, id: &str) -> PathBuf {
    let dir = sandbox.store().join("objects/pack");
    let indices = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    indices
        .filter(|path| path.extension().is_some_and(|end| end == "idx"))
        .find(|path| {
            let listed = sandbox.store_git(&["verify-pack", "-v", &path.display().to_string()]);
            listed.lines().any(|line| line.starts_with(id))
        })
        .expect("some pack holds the checkpoint")
        .with_extension("pack")
}

#[test]
fn a_ref_that_is_lost_is_found_again() {
    let (sandbox, ids) = with_three();
    fs::remove_file(sandbox.ref_file()).unwrap();
    for reader in ["log", "fsck", "status"] {
        let read = sandbox.trace(&[reader]);
        assert_eq!(read.code, 5, "{reader}: {}{}", read.stdout, read.stderr);
        let said = read.stdout + &read.stderr;
        assert!(said.contains("is gone") && !said.contains("no checkpoints yet"), "{reader}: {said}");
    }
    goes_on(&sandbox, &ids);
    sandbox.trace(&["fsck"]).good("fsck");
}

#[test]
fn a_ref_that_became_a_directory_is_put_aside() {
    let (sandbox, ids) = with_three();
    fs::remove_file(sandbox.ref_file()).unwrap();
    fs::create_dir(sandbox.ref_file()).unwrap();
    goes_on(&sandbox, &ids);
}

#[test]
fn an_index_that_cannot_be_read_does_not_hide_the_others() {
    let (sandbox, ids) = with_three();
    fs::write(sandbox.ref_file(), "").unwrap();
    let broken = sandbox.store().join("objects/pack").join(format!("pack-{}.idx", "0".repeat(40)));
    fs::write(&broken, "").unwrap();
    sandbox.tell("s", "make after");
    sandbox.checkpoint();
    fs::remove_file(broken).unwrap();
    let story = Story::of(&sandbox);
    assert!(ids.iter().all(|id| story.chain.contains(id)), "the chain was begun anew");
    story.holds_once(["make 1", "make 2", "make 3", "make after"]);
}

#[test]
fn a_tip_whose_objects_are_gone_is_followed_from_the_one_before() {
    let (sandbox, ids) = with_three();
    fs::remove_file(pack_of(&sandbox, &ids[2])).unwrap();
    sandbox.tell("s", "make after");
    assert_eq!(sandbox.trace(&["log"]).code, 5, "a damaged store is said");
    assert!(sandbox.trace(&["commands"]).stdout.contains("make after"), "what waits is shown all the same");
    sandbox.checkpoint();
    let story = Story::of(&sandbox);
    assert!(story.chain.contains(&ids[1]) && !story.chain.contains(&ids[2]));
    story.holds_once(["make 1", "make 2", "make 3", "make after"]);
}

#[test]
fn a_killed_search_for_the_chain_leaves_it_to_be_found() {
    let (sandbox, ids) = with_three();
    fs::write(sandbox.ref_file(), "").unwrap();
    for nth in 1..=3 {
        let inject = format!("inject=rename:signal=SIGKILL:when={nth}");
        sandbox.run(
            "strace",
            &["-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", &inject, "trace", "checkpoint"],
        );
    }
    goes_on(&sandbox, &ids);
}

#[test]
fn an_index_that_cannot_be_opened_for_now_ends_no_chain() {
    if !have("strace", "faults at system calls") {
        return;
    }
    let (sandbox, ids) = with_three();
    let dir = sandbox.store().join("objects/pack");
    let indices = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let indices: Vec<_> = indices.filter(|path| path.extension().is_some_and(|end| end == "idx")).collect();
    for index in &indices {
        let index = index.to_str().unwrap();
        // Once, and for as long as it takes.
        for inject in ["inject=openat:error=EMFILE:when=1", "inject=openat:error=EMFILE"] {
            sandbox.tell("t", &format!("try {inject} {index}"));
            let faulty = ["-f", "-qq", "-o", "/dev/null", "-P", index, "-e", "trace=openat", "-e", inject];
            sandbox.run("strace", &[&faulty[..], &["trace", "checkpoint"]].concat());
            let chain = Story::of(&sandbox).chain;
            assert!(ids.iter().all(|id| chain.contains(id)), "{inject} {index}: {chain:?}");
        }
    }
    let trouble = fs::read_to_string(sandbox.common_dir().join("trace/trouble.jsonl")).unwrap_or_default();
    assert!(!trouble.contains("going on from"), "{trouble}");
    sandbox.fsck();
}

#[test]
fn where_the_system_gives_no_thread_a_checkpoint_is_taken_all_the_same() {
    if !have("strace", "faults at system calls") {
        return;
    }
    let sandbox = Sandbox::enabled();
    for at in 0..600 {
        sandbox.write(&format!("f{at}"), format!("{at}\n"));
    }
    // Many that are new, and then many that are known.
    for content in ["one", "two"] {
        sandbox.write("f0", content);
        let calls = sandbox.root().join("calls");
        let none = ["-f", "-qq", "-o", calls.to_str().unwrap(), "-e", "inject=clone,clone3:error=EAGAIN"];
        let none = [&none[..], &["-e", "trace=clone,clone3"]].concat();
        let ran = sandbox.run("strace", &[&none[..], &["trace", "checkpoint"]].concat()).good("checkpoint");
        assert!(fs::read_to_string(calls).unwrap().contains("EAGAIN"), "nobody asked for a thread");
        assert_eq!(sandbox.store_git(&["show", &format!("{}:worktree/f0", ran.trim())]), content);
    }
}

#[test]
fn a_base_that_moved_is_kept_though_nothing_else_is_new() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "a\n");
    sandbox.git(&["add", "a"]);
    sandbox.git(&["commit", "-q", "-m", "one"]);
    sandbox.write("b", "b\n");
    sandbox.git(&["add", "b"]);
    sandbox.git(&["commit", "-q", "-m", "two"]);
    sandbox.trace(&["enable", "--yes"]).good("enable");
    sandbox.git(&["reset", "-q", "HEAD~1"]);
    sandbox.checkpoint();
    sandbox.git(&["reflog", "expire", "--expire=now", "--all"]);
    sandbox.git(&["gc", "-q", "--prune=now"]);
    sandbox.fsck();
    sandbox.trace(&["fsck"]).good("fsck");
}
