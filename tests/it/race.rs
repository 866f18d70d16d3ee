//! Many writers in one worktree: every acknowledged event is in exactly one checkpoint, and every
//! checkpoint that was handed out holds what its caller had done.

use crate::place::Place;
use crate::sandbox::{Sandbox, full, race};
use crate::story::{Story, files};

/// What one process was told is kept.
#[derive(Clone)]
struct Kept {
    command: String,
    path: String,
    content: String,
    checkpoint: String,
    /// How often the ref had moved under it.
    retries: u64,
}

/// Writes a file, tells of a command and takes a checkpoint, `rounds` times.
fn work(place: &Place, worker: usize, rounds: usize) -> Vec<Kept> {
    let session = format!("worker-{worker}");
    let path = format!("work/{worker}");
    (0..rounds)
        .map(|round| {
            let command = format!("make {worker} {round}");
            let content = format!("{worker} was here {round} times\n");
            place.write(&path, &content);
            place.tell(&session, &command);
            let (checkpoint, retries) = place.checkpoint_and_retries();
            Kept { command, path: path.clone(), content, checkpoint, retries }
        })
        .collect()
}

/// Holds everything that was acknowledged against what git finds in the store.
fn prove(place: &Place, kept: &[Kept]) {
    let story = Story::of(place);
    story.holds_once(kept.iter().map(|one| one.command.as_str()));
    for one in kept {
        assert!(
            story.chain.contains(&one.checkpoint),
            "{} was handed out and is not in the chain",
            one.checkpoint
        );
    }
    let asked: Vec<_> = kept.iter().map(|one| (one.checkpoint.clone(), one.path.clone())).collect();
    for (one, found) in kept.iter().zip(files(place, &asked)) {
        let found = found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(found.as_ref(), Some(&one.content), "{} in {}", one.path, one.checkpoint);
    }
    place.fsck();
}

/// Sizes: processes and rounds of the quick form, and of the full one.
fn sizes(quick: (usize, usize), whole: (usize, usize)) -> (usize, usize) {
    if full() { whole } else { quick }
}

#[test]
fn many_processes_in_one_worktree_lose_nothing() {
    let sandbox = Sandbox::enabled();
    let (workers, rounds) = sizes((16, 12), (64, 50));
    let kept = race(workers, |worker| work(&sandbox, worker, rounds)).concat();
    assert_eq!(kept.len(), workers * rounds);
    assert_eq!(kept.iter().map(|one| one.retries).sum::<u64>(), 0, "under the lock nobody is beaten");
    prove(&sandbox, &kept);
}

#[test]
fn without_the_lock_they_lose_nothing_either() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["config", "trace.lock", "off"]);
    let (workers, rounds) = sizes((12, 8), (64, 50));
    let kept = race(workers, |worker| work(&sandbox, worker, rounds)).concat();
    assert_eq!(kept.len(), workers * rounds);
    prove(&sandbox, &kept);
}

#[test]
fn two_worktrees_do_not_disturb_each_other_nor_their_readers() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["worktree", "add", "-q", "../other"]);
    let places = [sandbox.cd("."), sandbox.at("other")];
    let (workers, rounds) = sizes((6, 8), (32, 50));
    // The last worker of each worktree reads while the others write.
    let mut kept = race(2 * (workers + 1), |at| {
        let (place, worker) = (&places[at % 2], at / 2);
        if worker < workers {
            return work(place, worker, rounds);
        }
        for _ in 0..rounds {
            place.list("log", "checkpoints");
            place.list("commands", "commands");
            place.store_git(&["for-each-ref"]);
        }
        Vec::new()
    });
    for (at, place) in places.iter().enumerate() {
        let mine: Vec<_> = kept.iter_mut().skip(at).step_by(2).flat_map(std::mem::take).collect();
        assert_eq!(mine.len(), workers * rounds);
        prove(place, &mine);
    }
}

#[test]
fn events_told_by_many_and_flushed_by_none_are_taken_along_by_one_checkpoint() {
    let sandbox = Sandbox::enabled();
    let (workers, rounds) = sizes((16, 8), (64, 50));
    let told = race(workers, |worker| {
        let tell = |round| {
            let command = format!("echo {worker} {round}");
            sandbox.tell(&format!("worker-{worker}"), &command);
            command
        };
        (0..rounds).map(tell).collect::<Vec<_>>()
    })
    .concat();
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(told.iter().map(String::as_str));
}

#[test]
fn many_writers_of_one_session_lose_nothing() {
    let sandbox = Sandbox::enabled();
    let told = race(12, |worker| {
        let command = format!("one of {worker}");
        sandbox.tell("the same", &command);
        command
    });
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(told.iter().map(String::as_str));
}

#[test]
fn many_that_enable_at_once_make_one_store() {
    let sandbox = Sandbox::new();
    race(8, |_| sandbox.enable());
    sandbox.tell("s", "make");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make"]);
    sandbox.fsck();
}

#[test]
fn a_call_that_is_delivered_twice_is_kept_once() {
    let sandbox = Sandbox::enabled();
    race(4, |_| sandbox.tell("s", "make once"));
    sandbox.checkpoint();
    sandbox.tell("s", "make once");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make once"]);
}

#[test]
fn an_id_that_an_agent_uses_again_stands_for_another_command() {
    let sandbox = Sandbox::enabled();
    let call = |event: &str, command: &str| {
        let told = serde_json::json!({
            "v": 1, "agent": "counts", "session": "resumed", "event": event, "cwd": sandbox.dir,
            "tool": "shell", "tool_id": "1", "command": command, "exit": 0,
        });
        sandbox.hook(told.to_string().as_bytes()).silent();
    };
    for command in ["make one", "make two"] {
        call("tool_pre", command);
        call("tool_post", command);
        sandbox.checkpoint();
    }
    call("tool_post", "make two");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make one", "make two"]);
    let listed = sandbox.list("commands", "commands");
    let told: Vec<_> = listed.iter().map(|command| (&command["command"], &command["state"])).collect();
    assert_eq!(listed.len(), 2, "{told:?}");
    assert!(listed.iter().all(|command| command["state"] == "done"), "{told:?}");
}

#[test]
fn a_checkpoint_with_nothing_new_is_the_one_before() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make");
    let first = sandbox.json(&["checkpoint"]);
    let second = sandbox.json(&["checkpoint"]);
    assert_eq!(first["created"], true);
    assert_eq!(second["created"], false, "nothing had changed and no event waited");
    assert_eq!(first["id"], second["id"]);
}
