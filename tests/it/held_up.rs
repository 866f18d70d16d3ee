//! Agents' hooks while git hangs, the disk is full or read-only, a lock is held, a system call fails:
//! they end in time with 0 and in silence, `trace doctor` says what was wrong, and what follows is
//! recorded again.
//!
//! Whatever is damaged in our own files is shown by `faults`, hostile payloads by `hostile` and
//! `agents`, git's own hooks by `githooks`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::faults::may_mount;
use crate::place::{GIT_TRACE, Place, Ran, finish};
use crate::sandbox::Sandbox;
use crate::story::Story;
use crate::sweep::{Sweep, Swept};

/// What an agent tells in a turn: each of these takes another way through the program.
const EVENTS: [&str; 6] =
    ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop", "SessionEnd"];

fn payload(place: &Place, event: &str) -> String {
    json!({
        "session_id": "s-1", "cwd": place.dir, "hook_event_name": event, "prompt": "go on", "tool_name": "Bash",
        "tool_use_id": "t-1", "tool_input": {"command": "make during"}, "source": "startup",
        "tool_response": {"stdout": ""},
    })
    .to_string()
}

/// Calls it as an agent does that waits much longer than we may take.
fn call(place: &Place, event: &str) -> Ran {
    let args = ["60", GIT_TRACE, "hook", "claude"];
    finish(place.command("timeout").args(args), payload(place, event).as_bytes())
}

/// All of a turn, in silence.
fn turn(place: &Place, what: &str) {
    for event in EVENTS {
        let ran = call(place, event);
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""), "{what}: {event}");
    }
}

/// What doctor prints, if it found anything.
fn doctor(place: &Place) -> String {
    let ran = place.trace(&["doctor"]);
    assert_eq!(ran.code, 1, "nothing is wrong: {ran:?}");
    ran.stdout
}

/// The turn is told once, and so is what comes after it.
fn heals(sandbox: &Sandbox) {
    turn(sandbox, "healed");
    sandbox.tell("s", "make after");
    sandbox.checkpoint();
    let story = Story::of(sandbox);
    story.holds_once(["make during", "make after"]);
    let prompts = story.events.iter().filter(|(_, event)| event["kind"] == "prompt").count();
    assert!(prompts >= 1, "the prompt is told");
    sandbox.fsck();
    sandbox.user_works();
}

#[test]
fn a_git_that_never_answers_holds_up_no_agent() {
    let sandbox = Sandbox::empty();
    // Where the refs are in a table git is asked, and this git never answers.
    sandbox.begin(&["--ref-format=reftable"]);
    sandbox.enable();
    sandbox.at("bin").write("git", "#!/bin/sh\necho $$ >>\"$HOME/asked\"\nexec sleep 600\n");
    let bin = sandbox.root().join("bin");
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = sandbox.run("sh", &["-c", "printf %s \"$PATH\""]).stdout;
    let place = sandbox.with("PATH", format!("{}:{path}", bin.display()));
    turn(&place, "git hangs");
    let told = doctor(&sandbox);
    assert!(told.contains("hook claude") && told.contains("took too long"), "{told}");
    // It is well again, and whoever still waits for an answer gets none.
    fs::remove_file(bin.join("git")).unwrap();
    sandbox.run("sh", &["-c", "kill -9 $(cat \"$HOME/asked\"); :"]).good("kill");
    heals(&sandbox);
}

#[test]
fn a_disk_of_ours_that_is_full_or_read_only_holds_up_no_agent_and_doctor_knows() {
    let probe = Sandbox::empty();
    if !may_mount(&probe) {
        return;
    }
    let full = "head -c 2m /dev/zero >.git/trace/noise 2>/dev/null || :";
    for fault in [full, "mount -o remount,ro .git/trace"] {
        let sandbox = Sandbox::enabled();
        for event in EVENTS {
            sandbox.at("tmp").write(event, payload(&sandbox, event));
        }
        // The mount lives as long as the script. Only our folder is on it: the user's state is sound.
        let script = format!(
            "set -eu; cp -a .git/trace ../kept; mount -t tmpfs -o size=1m,mode=700 none .git/trace
            cp -a ../kept/. .git/trace/; {fault}
            for event in {}; do timeout 60 git-trace hook claude <../tmp/$event; done
            echo through; trace doctor || :",
            EVENTS.join(" ")
        );
        let ran = sandbox.run("unshare", &["-Urm", "sh", "-c", &script]);
        let (silence, told) = ran.stdout.split_once("through\n").unwrap_or_else(|| panic!("{ran:?}"));
        assert_eq!((ran.code, silence), (0, ""), "{fault}: {ran:?}");
        assert!(told.contains("hook claude"), "{fault}: {told}");
        assert!(doctor(&sandbox).contains("hook claude"), "{fault}: it is known afterwards too");
        heals(&sandbox);
    }
}

#[test]
fn a_git_directory_that_may_not_be_written_to_holds_up_no_agent_and_doctor_knows() {
    let sandbox = Sandbox::enabled();
    if !may_mount(&sandbox) {
        return;
    }
    for event in EVENTS {
        sandbox.at("tmp").write(event, payload(&sandbox, event));
    }
    let script = format!(
        "set -eu; mount --bind .git .git && mount -o remount,bind,ro .git
        for event in {}; do timeout 60 git-trace hook claude <../tmp/$event; done; echo through",
        EVENTS.join(" ")
    );
    let ran = sandbox.run("unshare", &["-Urm", "sh", "-c", &script]);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "through\n", ""));
    let told = doctor(&sandbox);
    assert!(told.contains("hook claude") && told.contains("record the event"), "{told}");
    heals(&sandbox);
    let noted = sandbox.root().join("home/.local/state/trace/trouble");
    let count = || fs::read_dir(&noted).unwrap().count();
    assert_eq!(count(), 1);
    sandbox.trace(&["disable", "--purge", "--yes"]).good("purge");
    assert_eq!(count(), 0, "a purge leaves nothing of it");
}

#[test]
fn locks_that_somebody_holds_hold_up_no_agent_and_nothing_is_lost() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let locks = fs::read_dir(sandbox.own_dir().join("locks")).unwrap();
    let held: Vec<fs::File> = locks
        .map(|entry| {
            let file = fs::OpenOptions::new().write(true).open(entry.unwrap().path()).unwrap();
            rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
            file
        })
        .collect();
    assert!(!held.is_empty());
    turn(&sandbox, "held");
    drop(held);
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make during"]);
    heals(&sandbox);
}

#[test]
fn an_error_at_any_system_call_of_an_agents_hook_is_met_with_silence() {
    for event in ["UserPromptSubmit", "PreToolUse", "Stop"] {
        let swept = |sandbox: &Sandbox| Swept {
            program: GIT_TRACE,
            args: vec!["hook".into(), "claude".into()],
            stdin: payload(sandbox, event).into_bytes(),
        };
        let Some(sweep) = Sweep::prepare(swept) else { return };
        let calls = ["openat", "write", "fsync", "fdatasync", "statx", "lseek", "clone3", "mkdir", "rename"];
        let points = sweep.points_of(|call| calls.contains(&call), 9);
        assert!(!points.is_empty(), "an empty sweep proves nothing");
        for point in &points {
            for error in ["ENOSPC", "EIO"] {
                let ran = sweep.fault_from(point, &format!("error={error}"));
                let of = format!("{error} at {}#{} of {event}: {ran:?}", point.call, point.nth);
                // Without the system's own libraries there is no program of ours yet.
                let began = !ran.stderr.contains("shared libraries");
                assert!(ran.stdout.is_empty() && (ran.code == 0 && ran.stderr.is_empty() || !began), "{of}");
            }
        }
        sweep.check(&[]);
    }
}
