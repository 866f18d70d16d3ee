//! Where callers meet us: hooks under limits, odd environments and impatient callers, and `trace run`.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::{GIT_TRACE, Place, Ran, TRACE, finish, payload};
use crate::sandbox::{Sandbox, have};
use crate::story::Story;

/// Waits for what somebody else does in the background.
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What was noted of hooks that went wrong.
fn trouble(place: &Place) -> String {
    fs::read_to_string(place.own_dir().join("trouble.jsonl")).unwrap_or_default()
}

/// The end of a turn, which is followed by a flush in the background.
fn turn_end(place: &Place, session: &str) -> Value {
    json!({"v": 1, "agent": "tester", "session": session, "event": "turn_end", "cwd": place.dir})
}

/// Runs `command`, with the payload as a file on stdin: all of it is there at once.
fn hook_from_file(sandbox: &Sandbox, command: &mut Command, payload: &Value) -> Ran {
    let path = sandbox.root().join("payload");
    fs::write(&path, payload.to_string()).unwrap();
    let output = command.stdin(File::open(path).unwrap()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn more_journals_than_descriptors_starve_nobody() {
    let sandbox = Sandbox::enabled();
    if !have("prlimit", "a limit on descriptors") {
        return;
    }
    let commands: Vec<String> = (0..100).map(|n| format!("make {n}")).collect();
    for (n, command) in commands.iter().enumerate() {
        let told = payload(&sandbox.dir, &format!("s{n}"), command);
        sandbox.hook(told.to_string().as_bytes()).silent();
    }
    sandbox.run("prlimit", &["--nofile=64", TRACE, "checkpoint"]).good("trace checkpoint");
    Story::of(&sandbox).holds_once(commands.iter().map(String::as_str));
    assert_eq!(sandbox.json(&["status"])["pending_events"], 0);
}

#[test]
fn a_limit_on_the_size_of_files_costs_no_event_and_no_signal() {
    let sandbox = Sandbox::enabled();
    if !have("prlimit", "a limit on the size of files") {
        return;
    }
    // A flush that is young is no reason for one in the background, which would need larger files.
    sandbox.checkpoint();
    let limited = |payload: &Value| {
        let mut command = sandbox.command("prlimit");
        finish(command.args(["--fsize=4096", GIT_TRACE, "hook", "generic"]), payload.to_string().as_bytes())
    };
    let files = || fs::read_dir(sandbox.journal()).unwrap().count();
    let commands: Vec<String> = (0..20).map(|n| format!("make {n}")).collect();
    for command in &commands {
        limited(&payload(&sandbox.dir, "s", command)).silent();
    }
    let before = files();
    assert!((2..10).contains(&before), "{before} files for twenty small events");
    limited(&payload(&sandbox.dir, "s", &"make large ".repeat(1000))).silent();
    assert!(files() <= before + 2, "{} files for an event that fits into none", files());
    assert!(trouble(&sandbox).contains("there is no room"), "{}", trouble(&sandbox));
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(commands.iter().map(String::as_str));
}

#[test]
fn git_trace_is_the_whole_command_line() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make one");
    let json = sandbox.git(&["trace", "checkpoint", "--json"]);
    let made: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(made["id"], sandbox.list("log", "checkpoints")[0]["id"]);
    let ran = sandbox.run("git", &["trace", "show", "no-such-thing"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (sandbox.trace(&["show", "no-such-thing"]).code, ""));
    let ran = finish(sandbox.command("git").args(["trace", "run", "--", "cat"]), b"through");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "through"), "{}", ran.stderr);
}

#[test]
fn what_hooks_call_records_alone_and_says_what_it_lacks_for_the_rest() {
    let sandbox = Sandbox::enabled();
    let alone = sandbox.root().join("alone");
    fs::create_dir(&alone).unwrap();
    let alone = alone.join("git-trace").to_str().unwrap().to_owned();
    fs::copy(GIT_TRACE, &alone).unwrap();
    let told = payload(&sandbox.dir, "s", "make one").to_string();
    finish(sandbox.command(&alone).args(["hook", "generic"]), told.as_bytes()).silent();
    sandbox.run(&alone, &["hook", "flush", "auto"]).silent();
    Story::of(&sandbox).holds_once(["make one"]);
    let lacks_the_rest = |program: &str| {
        let ran = sandbox.run(program, &["log"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("install `trace` beside it"), "{}", ran.stderr);
    };
    lacks_the_rest(&alone);
    // Nor is it `trace` because it is called so, as a link or as a copy.
    let called = Path::new(&alone).with_file_name("trace");
    symlink(&alone, &called).unwrap();
    lacks_the_rest(&alone);
    fs::remove_file(&called).unwrap();
    fs::copy(&alone, &called).unwrap();
    lacks_the_rest(&alone);
}

#[test]
fn a_hook_that_is_given_nothing_to_read_from_or_write_to_works_all_the_same() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make one");
    let closed = format!("exec '{GIT_TRACE}' hook flush auto <&- >&- 2>&-");
    sandbox.run("sh", &["-c", &closed]).silent();
    Story::of(&sandbox).holds_once(["make one"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut open = sandbox.command(GIT_TRACE);
    open.args(["hook", "shell-open", "bash", "1"]).arg(&sandbox.dir);
    open.env("TRACE_SHELL_SESSION", "01890a5d-ac96-774b-bcce-b302099a8057");
    let status = open.stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn no_file_of_a_hook_becomes_a_standard_descriptor() {
    let sandbox = Sandbox::enabled();
    let mut shell = sandbox.command("sh");
    shell.args(["-c", &format!("exec '{GIT_TRACE}' hook generic >&- 2>&-")]);
    let mut hook = shell.stdin(Stdio::piped()).spawn().unwrap();
    // It reads what we do not send.
    let open = |number: u8| fs::read_link(format!("/proc/{}/fd/{number}", hook.id())).unwrap_or_default();
    wait_for("the hook", || [1, 2].iter().all(|number| open(*number).as_os_str() == "/dev/null"));
    let told = payload(&sandbox.dir, "s", "make one").to_string();
    hook.stdin.take().unwrap().write_all(told.as_bytes()).unwrap();
    assert!(hook.wait().unwrap().success());
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make one"]);
}

#[test]
fn a_hook_works_where_its_payload_says_whatever_git_told_its_caller() {
    let sandbox = Sandbox::enabled();
    let other = sandbox.at("other");
    fs::create_dir(&other.dir).unwrap();
    other.begin(&[]);
    other.enable();
    let tips = || [&sandbox as &Place, &other].map(|place| fs::read(place.ref_file()).unwrap());
    let [ours, theirs] = tips();
    for (session, git_dir) in [("other", other.git_dir()), ("absent", sandbox.root().join("absent"))] {
        let told = other.with("GIT_DIR", git_dir).with("GIT_INDEX_FILE", sandbox.root().join("absent-index"));
        told.hook(turn_end(&sandbox, session).to_string().as_bytes()).silent();
    }
    assert_eq!(fs::read_dir(other.journal()).into_iter().flatten().count(), 0);
    // The flush in the background goes where the event went.
    wait_for("the flush", || tips()[0] != ours);
    sandbox.checkpoint();
    let ends = |(_, event): &&(String, Value)| event["kind"] == "turn_ended";
    assert_eq!(Story::of(&sandbox).events.iter().filter(ends).count(), 2);
    assert_eq!(tips()[1], theirs);
}

#[test]
fn a_git_dir_that_is_relative_is_meant_from_where_the_hook_was_called() {
    let sandbox = Sandbox::empty();
    let place = sandbox.with("GIT_DIR", "../hidden.git").with("GIT_WORK_TREE", ".");
    place.begin(&[]);
    place.enable();
    fs::create_dir(sandbox.dir.join("below")).unwrap();
    let told = payload(&sandbox.dir.join("below"), "s", "make below");
    place.hook(told.to_string().as_bytes()).silent();
    place.checkpoint();
    let absolute = sandbox.with("GIT_DIR", sandbox.root().join("hidden.git"));
    Story::of(&absolute.with("GIT_WORK_TREE", &sandbox.dir)).holds_once(["make below"]);
}

#[test]
fn what_goes_on_in_the_background_holds_none_of_its_callers_locks() {
    let sandbox = Sandbox::enabled();
    if !have("flock", "a lock that is inherited") {
        return;
    }
    // So many that the flush is still at work when its caller has gone.
    for n in 0..500 {
        sandbox.write(&format!("many/{n}"), "x\n".repeat(n));
    }
    let before = fs::read(sandbox.ref_file()).unwrap();
    let lock = sandbox.root().join("lock");
    let script = format!("exec 9>'{}' && flock 9 && exec '{GIT_TRACE}' hook generic", lock.display());
    let told = turn_end(&sandbox, "s").to_string();
    finish(sandbox.command("sh").args(["-c", &script]), told.as_bytes()).silent();
    let ours = File::open(&lock).unwrap();
    let is_locked =
        || rustix::fs::flock(&ours, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err();
    // The kernel closes what a program may not inherit a moment after it began, and goes on with its
    // caller a moment before that.
    while is_locked() {
        assert!(
            fs::read(sandbox.ref_file()).unwrap() == before,
            "the lock was held until the flush was over"
        );
    }
    wait_for("the flush", || fs::read(sandbox.ref_file()).unwrap() != before);
}

#[test]
fn packs_are_merged_though_each_checkpoint_takes_two() {
    let sandbox = Sandbox::enabled();
    let unseen = sandbox.with("TRACE_OFF", "1");
    let packs = || {
        let names = fs::read_dir(sandbox.store().join("objects/pack")).unwrap();
        names.filter(|name| name.as_ref().unwrap().path().extension().is_some_and(|end| end == "idx")).count()
    };
    // What HEAD's commit lent is copied, for that is amended; then there is the checkpoint itself.
    let amend = |round: usize| {
        sandbox.write("amended", round.to_string());
        unseen.git(&["add", "-A"]);
        unseen.git(&["commit", "-q", "--amend", "-m", "amended"]);
        sandbox.checkpoint();
    };
    amend(0);
    if packs() % 2 == 1 {
        sandbox.write("new", "");
        sandbox.checkpoint();
    }
    let mut round = 1;
    while packs() + 2 < 32 {
        let before = packs();
        amend(round);
        assert_eq!(packs(), before + 2);
        round += 1;
    }
    amend(round);
    wait_for("the merge", || packs() < 16);
}

#[test]
fn a_sync_that_takes_too_long_holds_no_caller_up() {
    let sandbox = Sandbox::enabled();
    if !have("strace", "a sync that takes too long") {
        return;
    }
    let mut command = sandbox.command("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync"]);
    command.args(["-e", "inject=fdatasync:delay_enter=5s", GIT_TRACE, "hook", "generic"]);
    let told = json!({
        "v": 1, "agent": "tester", "session": "s", "event": "turn_start", "cwd": sandbox.dir, "prompt": "do it",
    });
    hook_from_file(&sandbox, &mut command, &told).silent();
    assert!(trouble(&sandbox).contains("it took too long"), "{}", trouble(&sandbox));
    sandbox.checkpoint();
    let prompts = |(_, event): &&(String, Value)| event["kind"] == "prompt";
    assert_eq!(Story::of(&sandbox).events.iter().filter(prompts).count(), 1, "what was written counts");
}

#[test]
fn to_record_a_command_takes_no_thread() {
    let sandbox = Sandbox::enabled();
    if !have("strace", "the system calls of a hook") {
        return;
    }
    // A flush that is young is no reason for one in the background.
    sandbox.checkpoint();
    let calls = sandbox.root().join("calls");
    let mut command = sandbox.command("strace");
    command.args(["-f", "-qq", "-e", "trace=process,write", "-o"]).arg(&calls);
    command.args([GIT_TRACE, "hook", "generic"]);
    hook_from_file(&sandbox, &mut command, &payload(&sandbox.dir, "s", "make it")).silent();
    let calls = fs::read_to_string(calls).unwrap();
    assert!(calls.contains("write(") && !calls.contains("clone"), "{calls}");
}

#[test]
fn a_payload_that_breaks_off_is_kept_without_its_secrets() {
    let sandbox = Sandbox::enabled();
    let mut hook = sandbox.command(GIT_TRACE);
    let mut child =
        hook.args(["hook", "generic"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let secret = format!("ghp_{}", "a1B2c3D4e5".repeat(4).split_at(36).0);
    let half =
        format!(r#"{{"v":1,"agent":"tester","session":"s","event":"turn_start","prompt":"use {secret} }}"#);
    pipe.write_all(half.as_bytes()).unwrap();
    // The pipe stays open: whoever broke off need not have gone.
    assert!(child.wait().unwrap().success());
    drop(pipe);
    let kept = fs::read_dir(sandbox.store().join("quarantine")).unwrap().map(|entry| entry.unwrap().path());
    let [kept] = &kept.collect::<Vec<_>>()[..] else { panic!("one payload is kept") };
    let text = fs::read_to_string(kept).unwrap();
    assert!(text.contains("turn_start") && !text.contains(&secret[10..]), "{text}");
    assert_eq!(fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(trouble(&sandbox).contains(kept.to_str().unwrap()), "{}", trouble(&sandbox));
    for _ in 0..40 {
        sandbox.hook(half.as_bytes()).silent();
    }
    let all = fs::read_dir(sandbox.store().join("quarantine")).unwrap().count();
    assert!(all < 40, "{all} files of a caller that never gets it right");
}

#[test]
fn a_whole_payload_of_any_length_is_taken_from_a_caller_that_never_closes_the_pipe() {
    let sandbox = Sandbox::enabled();
    let lengths = [10, 4_000, 5_000, 7_900, 8_500, 30_000, 300_000];
    for length in lengths {
        let told = json!({
            "v": 1, "agent": "tester", "session": "s", "event": "turn_start", "cwd": sandbox.dir,
            "prompt": format!("{length} {}", "word ".repeat(length / 5)),
        });
        let mut hook = sandbox.command(GIT_TRACE);
        let mut child = hook.args(["hook", "generic"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(told.to_string().as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        drop(pipe);
        assert_eq!(trouble(&sandbox), "", "{length}");
    }
    sandbox.checkpoint();
    let prompts = |(_, event): &&(String, Value)| event["kind"] == "prompt";
    assert_eq!(Story::of(&sandbox).events.iter().filter(prompts).count(), lengths.len());
}

/// The commands that were recorded with `text` in them, by their exit code.
fn exits(place: &Place, text: &str) -> Vec<Value> {
    let all = place.list("commands", "commands");
    let told = all.iter().filter(|row| row["command"].as_str().is_some_and(|command| command.contains(text)));
    told.map(|row| row["exit"].clone()).collect()
}

#[test]
fn a_run_ends_with_its_command_though_others_have_its_output_open() {
    let sandbox = Sandbox::enabled();
    let script = "sleep 60 & echo $!; head -c 60000 /dev/zero; exit 3";
    let ran = sandbox.trace(&["run", "--", "sh", "-c", script]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let (pid, rest) = ran.stdout.split_once('\n').unwrap();
    assert_eq!(rest.len(), 60_000, "all that the command itself wrote");
    let other = trace::disk::process::identify(pid.parse().unwrap());
    assert!(other.is_some(), "the run has waited for the other one's end");
    sandbox.run("kill", &[pid]).good("kill");
    assert_eq!(exits(&sandbox, "60000"), [3]);
}

#[test]
fn a_key_that_stops_the_command_does_not_stop_its_record() {
    let sandbox = Sandbox::enabled();
    for (script, code) in
        [("kill -INT $PPID; kill -QUIT $PPID; exit 4", 4), ("kill -INT $PPID; kill -INT $$; exit 5", 130)]
    {
        let ran = sandbox.trace(&["run", "--", "sh", "-c", script]);
        assert_eq!(ran.code, code, "{script}: {ran:?}");
        assert_eq!(exits(&sandbox, script), [code]);
    }
    // The ignored signal of a caller stays ignored in the command.
    let script = format!("trap '' INT; exec '{TRACE}' run -- sh -c 'kill -INT $$; exit 6'");
    assert_eq!(sandbox.run("sh", &["-c", &script]).code, 6);
}

#[test]
fn a_program_that_is_not_there_is_said_and_recorded() {
    let sandbox = Sandbox::enabled();
    let ran = sandbox.trace(&["run", "--", "no-such-program"]);
    assert!(ran.code == 127 && ran.stderr.contains("no-such-program"), "{ran:?}");
    assert_eq!(exits(&sandbox, "no-such-program"), [json!(127)]);
}

#[test]
fn a_command_runs_also_where_it_cannot_be_recorded() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let journal = sandbox.journal();
    let _ = fs::remove_dir_all(&journal);
    fs::create_dir_all(journal.parent().unwrap()).unwrap();
    fs::write(&journal, "in the way").unwrap();
    let ran = sandbox.trace(&["run", "--", "sh", "-c", "echo out; exit 3"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, "out\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("it is not recorded"), "{}", ran.stderr);
}

/// The words that may come next, as a help lists them.
fn words_of(help: &str) -> Vec<&str> {
    let list = help.split_once("\nCommands:\n").map_or("", |(_, list)| list);
    let list = list.split("\n\n").next().unwrap_or_default().lines();
    let words = list.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    words.filter(|word| !word.is_empty() && *word != "help").collect()
}

#[test]
fn every_command_shows_an_example_of_itself() {
    let place = Sandbox::empty();
    let mut left = vec![Vec::new()];
    let mut seen = 0;
    while let Some(words) = left.pop() {
        let name = words.join(" ");
        let help = place.run(TRACE, &[&words[..], &["--help".to_owned()]].concat()).good(&name);
        if !words.is_empty() {
            seen += 1;
            let example = help.split_once("\nExample: ").map(|(_, example)| example);
            assert!(
                example.is_some_and(|example| example.contains(&format!("trace {name}"))),
                "`trace {name}` has no example in its help:\n{help}"
            );
        }
        left.extend(words_of(&help).into_iter().map(|word| [&words[..], &[word.to_owned()]].concat()));
    }
    assert!(seen > 40, "only {seen} commands were found");
}

#[test]
fn a_command_says_of_itself_what_the_help_says_of_it() {
    let place = Sandbox::enabled();
    for name in ["checkpoint", "log", "commands", "status", "trail"] {
        let of_itself = place.trace(&[name, "--help"]).good(name);
        assert_eq!(of_itself, place.trace(&["help", name]).good(name), "{name}");
        assert_eq!(of_itself, place.trace(&["-C", ".", name, "--help"]).good(name), "{name}");
        let all = place.trace(&["--help"]).good("all");
        assert!(all.contains(&format!("\n  {name} ")), "{name} is missing in {all}");
    }
    assert_eq!(place.trace(&["log", "--color"]).code, 2, "it is told what is wrong");
}
