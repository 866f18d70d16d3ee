//! Input that is wrong, huge or meant to hurt: a clear answer, the right exit code, nothing lost,
//! and no program run because a repository says so.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::place::{GIT_TRACE, Place, finish, payload};
use crate::sandbox::{Sandbox, full, have, skipped};
use crate::story::Story;

/// Payloads that are no payload; each keeps a hook silent.
fn bad_payloads(dir: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let good = payload(dir, "s", "make broken").to_string();
    let with = |name: &str, value: serde_json::Value| {
        let mut changed = payload(dir, "s", "make odd");
        changed[name] = value;
        changed.to_string().into_bytes()
    };
    let half = good.as_bytes()[..good.len() / 2].to_vec();
    vec![
        ("nothing", Vec::new()),
        ("white space", b" \n\t ".to_vec()),
        ("no JSON", b"make: *** no rule".to_vec()),
        ("half of it", half),
        ("a number", b"1".to_vec()),
        ("an array", b"[]".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("NUL bytes", vec![0; 4096]),
        ("not UTF-8", b"{\"v\":1,\"agent\":\"\xff\xfe\"}".to_vec()),
        (
            "a lone surrogate",
            br#"{"v":1,"agent":"\ud800","session":"s","event":"tool_post","cwd":"/"}"#.to_vec(),
        ),
        ("two values", format!("{good}{good}").into_bytes()),
        ("a byte order mark", [b"\xef\xbb\xbf".as_slice(), good.as_bytes()].concat()),
        ("depth", [vec![b'['; 200_000], vec![b']'; 200_000]].concat()),
        ("an unknown version", with("v", json!(99))),
        ("an unknown event", with("event", json!("party"))),
        ("an event that is no word", with("event", json!({"a": 1}))),
        ("a number for a session", with("session", json!(7))),
        ("no session", with("session", json!(null))),
        ("no agent", with("agent", json!(null))),
        ("no directory", with("cwd", json!(null))),
        ("a directory that is not there", with("cwd", json!("/nonexistent/at/all"))),
        ("a relative directory", with("cwd", json!("src"))),
        ("a NUL in the directory", with("cwd", json!("/tmp/\u{0}/x"))),
        ("text for an exit code", with("exit", json!("zero"))),
        ("a huge exit code", with("exit", json!(1e300))),
        ("times before all times", with("start_ms", json!(i64::MIN))),
        ("times after all times", with("end_ms", json!(u64::MAX))),
        ("paths that are no text", with("paths", json!([1, null, {}]))),
    ]
}

/// Session ids that would be a path, an option or a screen's command, were they used as they are.
fn hostile_ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "../../../../../../tmp/x",
        "/etc/passwd",
        "C:x",
        "CON",
        ".",
        "..",
        "-rf",
        "--help",
        "*",
        "a/b",
        "a-b",
        "a_b",
        "A/B",
        "a\\b",
        "a b",
        "line\nline",
        "\u{0}",
        "\u{1b}]52;c;cHduZWQ=\u{7}",
        "\u{202e}txt.exe",
        "$(touch PWNED)",
        "`touch PWNED`",
        ".lock",
        "x.lock",
        "@{1}",
        "refs/heads/main",
        "~",
        "é",
        "e\u{301}",
    ]
    .map(str::to_owned)
    .into();
    ids.push("x".repeat(4096));
    ids.push("x".repeat(4097));
    ids
}

fn all_paths(dir: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            all_paths(&path, into);
        }
        into.insert(path);
    }
}

/// Every path of the world but those in our folder.
fn outside(sandbox: &Sandbox) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    all_paths(sandbox.root(), &mut all);
    let own = sandbox.own_dir();
    all.into_iter().filter(|path| !path.starts_with(&own)).collect()
}

#[test]
fn a_bad_payload_is_taken_in_silence_and_harms_no_other() {
    let sandbox = Sandbox::enabled();
    let mut told = Vec::new();
    for (what, bytes) in bad_payloads(&sandbox.dir) {
        let ran = sandbox.hook(&bytes);
        assert!(ran.code == 0 && ran.stdout.is_empty(), "{what}: {ran:?}");
        let next = format!("make after {what}");
        sandbox.tell("s", &next);
        told.push(next);
    }
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(told.iter().map(String::as_str));
    sandbox.fsck();
    assert!(sandbox.json(&["status"])["trouble"].as_u64() > Some(0), "what was not understood is counted");
}

#[test]
fn a_huge_payload_is_taken_in_silence() {
    let sandbox = Sandbox::enabled();
    let huge = "x".repeat(if full() { 256 << 20 } else { 24 << 20 });
    sandbox.hook(payload(&sandbox.dir, "s", &huge).to_string().as_bytes()).silent();
    sandbox.tell("s", "make after");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make after"]);
}

#[test]
fn an_event_of_any_size_that_was_taken_and_what_is_behind_it_are_in_the_next_checkpoint() {
    let sandbox = Sandbox::enabled();
    for (n, size) in [5_000_000, 15_000_000].into_iter().enumerate() {
        let prompt = format!("goal{n} {}", "word ".repeat(size / 5));
        let told = json!({"v": 1, "agent": "a", "session": "s", "event": "turn_start", "cwd": sandbox.dir, "prompt": prompt});
        sandbox.hook(told.to_string().as_bytes()).silent();
        sandbox.tell("s", &format!("make {n}"));
        // What waits is seen before it is in a checkpoint, too.
        assert!(sandbox.trace(&["commands"]).stdout.contains(&format!("make {n}")));
    }
    sandbox.checkpoint();
    sandbox.checkpoint();
    let story = Story::of(&sandbox);
    story.holds_once(["make 0", "make 1"]);
    let all = sandbox.json(&["session", "list"])["sessions"].clone();
    let prompts: u64 = all.as_array().unwrap().iter().filter_map(|one| one["prompts"].as_u64()).sum();
    assert_eq!(prompts, 2);
}

#[test]
fn long_and_odd_commands_are_kept_as_they_are() {
    let sandbox = Sandbox::enabled();
    let odd =
        ["a\nb\tc", "echo '\u{1f980}\u{1f468}\u{200d}\u{1f469}'", "printf '\\0'", "\u{202e}", "x\u{1f}y"];
    let long = [5_000, 100_000, 1_000_000].map(|len| "word ".repeat(len / 5));
    let told: Vec<_> = odd.into_iter().chain(long.iter().map(String::as_str)).collect();
    for command in &told {
        sandbox.tell("s", command);
    }
    sandbox.checkpoint();
    let story = Story::of(&sandbox);
    // A text over the cap is cut and says so; one under it is whole.
    story.holds_once(told.iter().copied().filter(|command| command.len() <= 5_000));
    assert_eq!(story.commands().values().sum::<usize>(), told.len());
}

#[test]
fn a_foreign_id_is_never_a_path() {
    let sandbox = Sandbox::enabled();
    let before = outside(&sandbox);
    let ids = hostile_ids();
    for (at, id) in ids.iter().enumerate() {
        let mut told = payload(&sandbox.dir, id, &format!("make {at}"));
        told["tool_id"] = json!(id);
        told["agent"] = json!(if at % 2 == 0 { "tester" } else { id.as_str() });
        sandbox.hook(told.to_string().as_bytes()).silent();
    }
    sandbox.checkpoint();
    let story = Story::of(&sandbox);
    let told: Vec<_> = (0..ids.len()).map(|at| format!("make {at}")).collect();
    story.holds_once(told.iter().map(String::as_str));
    let finished = story.events.iter().filter(|(_, event)| event["kind"] == "command_finished");
    let sessions: BTreeSet<_> = finished.map(|(_, event)| event["session"].to_string()).collect();
    assert_eq!(sessions.len(), ids.len(), "different ids are different sessions");
    assert_eq!(outside(&sandbox), before, "nothing is written outside our folder");
}

#[test]
fn what_is_shown_cannot_steer_a_terminal() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("\u{1b}[31m", "printf '\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\r\u{8}'");
    sandbox.write("\u{1b}[2Jname", "x");
    let id = sandbox.checkpoint();
    for args in [&["log"][..], &["show", &id], &["commands"], &["trail"], &["status"], &["diff", "@-1"]] {
        let ran = sandbox.trace(args);
        let raw = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        let odd: Vec<_> = ran.stdout.chars().chain(ran.stderr.chars()).filter(|c| raw(*c)).collect();
        assert!(odd.is_empty(), "trace {args:?} printed {odd:?}");
    }
}

#[test]
fn every_command_has_the_exit_code_it_promises() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    for (args, code) in [
        (&["status"][..], 0),
        (&["log"], 0),
        (&["help"], 0),
        (&["--version"], 0),
        (&["show", "0123456789"], 1),
        (&["show", "no-such-thing"], 1),
        (&["log", "--limit", "many"], 2),
        (&["no-such-command"], 2),
        (&["log", "--no-such-flag"], 2),
        (&["init", "tcsh"], 2),
        (&["run", "--", "sh", "-c", "exit 7"], 7),
    ] {
        let ran = sandbox.trace(args);
        assert_eq!(ran.code, code, "trace {args:?}: {ran:?}");
        assert!(code == 0 || code == 7 || !ran.stderr.is_empty(), "trace {args:?} says nothing");
    }
}

#[test]
fn where_there_is_nothing_to_record_it_says_so_and_hooks_are_silent() {
    let sandbox = Sandbox::new();
    let nowhere = sandbox.at("home");
    let bare = sandbox.at("bare.git");
    sandbox.git(&["init", "-q", "--bare", "../bare.git"]);
    for (what, place) in
        [("no repository", &nowhere), ("not enabled", &sandbox), ("a bare repository", &bare)]
    {
        for args in [&["checkpoint"][..], &["log"], &["commands"]] {
            let ran = place.trace(args);
            assert!([1, 3].contains(&ran.code), "{what}: trace {args:?}: {ran:?}");
            assert!(!ran.stderr.is_empty(), "{what}: trace {args:?} says nothing");
        }
        place.tell("s", "make");
        for hook in ["shell-event", "shell-flush", "shell-guard", "git-post-commit", "no-such-hook"] {
            let mut command = place.command(GIT_TRACE);
            finish(command.args(["hook", hook, "/nonexistent/journal"]), b"\0garbage\0").silent();
        }
    }
    assert!(!sandbox.own_dir().exists(), "recording is opt-in: nothing was made");
    let ran = nowhere.trace(&["log"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for way in ["go to one", "`-C DIR`", "`git init`"] {
        assert!(ran.stderr.contains(way), "it says what to do: {ran:?}");
    }
}

#[test]
fn what_was_never_enabled_is_not_said_to_have_ended() {
    let sandbox = Sandbox::new();
    let here = format!("trace was not enabled in {}", sandbox.dir.display());
    for (more, code) in [
        (&[][..], 0),
        (&["--dry-run"], 0),
        (&["--dry-run", "--purge"], 0),
        (&["--purge", "--yes"], 0),
        (&["--purge"], 3),
    ] {
        let ran = sandbox.trace(&[&["disable"], more].concat());
        assert_eq!(ran.code, code, "{more:?}: {ran:?}");
        assert!(ran.stderr.contains(&here), "{more:?}: {ran:?}");
        assert!(!ran.stderr.contains(".git/trace"), "{more:?} names what is not there: {ran:?}");
    }
    assert!(!sandbox.own_dir().exists(), "nothing was made");
    sandbox.enable();
    for words in ["stopped recording; what was recorded stays in ", &here] {
        let ran = sandbox.trace(&["disable"]);
        assert!(ran.code == 0 && ran.stderr.contains(words), "{ran:?}");
        assert!(ran.stderr.contains(".git/trace"), "what was recorded is still there: {ran:?}");
    }
}

#[test]
fn the_home_directory_is_not_a_worktree_to_record() {
    let sandbox = Sandbox::new();
    let home = sandbox.at("home");
    home.begin(&[]);
    let ran = home.trace(&["enable", "--yes"]);
    assert!(ran.code != 0 && !ran.stderr.is_empty(), "{ran:?}");
    home.tell("s", "make");
}

#[test]
fn a_reader_that_leaves_early_ends_quietly() {
    let sandbox = Sandbox::enabled();
    for round in 0..200 {
        sandbox.tell("s", &format!("make {round} {}", "x".repeat(600)));
    }
    for list in ["commands --limit 0", "log --json", "help"] {
        let script = format!("trace {list} | head -c 1 >/dev/null; exit 0");
        let ran = sandbox.run("bash", &["-c", &script]);
        assert!(ran.code == 0 && ran.stderr.is_empty(), "{ran:?}");
    }
}

#[test]
fn a_busy_worktree_is_exit_4_and_the_events_stay() {
    if !full() {
        return skipped("waiting for a busy worktree (TRACE_TEST_FULL=1)");
    }
    if !have("flock", "a lock that another holds") {
        return;
    }
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let held = "for lock in .git/trace/locks/*; do exec {fd}<>\"$lock\"; flock \"$fd\"; done; trace checkpoint -m busy";
    let ran = sandbox.run("bash", &["-c", held]);
    assert_eq!(ran.code, 4, "{ran:?}");
    sandbox.tell("s", "make");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make"]);
}

/// Sets everything by which a repository can name a program, each to one that leaves a mark.
fn canaries(place: &Place, mark: &Path) {
    let script = place.dir.join("canary.sh");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.display().to_string();
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.editor",
        "core.pager",
        "core.askPass",
        "core.alternateRefsCommand",
        "pager.log",
        "diff.external",
        "diff.canary.command",
        "diff.canary.textconv",
        "filter.canary.clean",
        "filter.canary.smudge",
        "filter.canary.process",
        "merge.canary.driver",
        "credential.helper",
        "gpg.program",
        "sequence.editor",
        "uploadpack.packObjectsHook",
        "trace.pager",
        "trace.editor",
        "trace.hook",
    ] {
        place.git(&["config", key, &script]);
    }
    place.git(&["config", "filter.canary.required", "true"]);
    let hooks = place.dir.join("hooks");
    fs::create_dir(&hooks).unwrap();
    for name in [
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "post-checkout",
        "pre-auto-gc",
        "post-index-change",
    ] {
        fs::copy(&script, hooks.join(name)).unwrap();
    }
    place.git(&["config", "core.hooksPath", &hooks.display().to_string()]);
    place.write(".gitattributes", "* filter=canary diff=canary merge=canary\n");
}

#[test]
fn nothing_in_a_repository_makes_us_run_a_program() {
    let sandbox = Sandbox::new();
    let mark = sandbox.root().join("PWNED");
    canaries(&sandbox, &mark);
    sandbox.enable();
    sandbox.write("src/a", "changed\n");
    sandbox.tell("s", "make");
    let id = sandbox.checkpoint();
    sandbox.write("src/a", "changed again\n");
    sandbox.checkpoint();
    for args in [
        &["status"][..],
        &["doctor"],
        &["log"],
        &["log", "--json"],
        &["show", &id],
        &["diff", &id],
        &["commands"],
        &["trail"],
        &["fsck"],
        &["run", "--", "true"],
        &["exec", &id, "--", "true"],
        &["bisect", "run", "--from", &id, "--", "true"],
        &["checkpoint"],
        &["completions", "bash"],
        &["man"],
        &["init", "bash"],
    ] {
        sandbox.trace(args);
        assert!(!mark.exists(), "trace {args:?} ran a program that the repository named");
    }
    let kept = sandbox.store_git(&["cat-file", "-p", &format!("{id}:worktree/src/a")]);
    assert_eq!(kept, "changed", "the bytes are those of the file, no filter ran");
    assert!(!mark.exists());
}

#[test]
fn names_that_git_refuses_are_skipped_and_said() {
    let sandbox = Sandbox::enabled();
    for name in [".git\u{200c}/config", "git~1/x", ".GIT/x"] {
        sandbox.write(name, "x\n");
    }
    let document = sandbox.json(&["checkpoint"]);
    assert!(document["skipped"].as_array().is_some_and(|skipped| !skipped.is_empty()), "{document}");
    sandbox.fsck();
}

#[test]
fn files_that_are_no_files_do_not_stop_a_checkpoint() {
    let sandbox = Sandbox::enabled();
    sandbox.run("mkfifo", &["pipe"]).good("mkfifo");
    std::os::unix::fs::symlink("/dev/zero", sandbox.dir.join("endless")).unwrap();
    std::os::unix::fs::symlink("loop", sandbox.dir.join("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.dir.join("socket")).unwrap();
    let sparse = fs::File::create(sandbox.dir.join("sparse")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    let id = sandbox.checkpoint();
    let kept = sandbox.store_git(&["ls-tree", &format!("{id}:worktree")]);
    assert!(kept.contains("120000"), "a link is kept as a link: {kept}");
    for name in ["pipe", "socket", "sparse"] {
        assert!(!kept.contains(&format!("\t{name}")), "{name} is in {kept}");
    }
    sandbox.fsck();
}

#[test]
fn secrets_never_reach_an_object() {
    let sandbox = Sandbox::enabled();
    let secret = ["ghp_", "0123456789abcdefghijklmnopqrstuvwxyz"].concat();
    sandbox.tell("s", &format!("curl -H 'Authorization: Bearer {secret}' https://example.com"));
    sandbox.write(".env", format!("TOKEN={secret}\n"));
    sandbox.trace(&["checkpoint", "-m", &format!("with {secret}")]).good("checkpoint");
    let all = sandbox.store_bytes(&["cat-file", "--batch-all-objects", "--batch", "--unordered"], b"");
    assert!(!String::from_utf8_lossy(&all).contains(&secret), "a secret is in the store");
}
