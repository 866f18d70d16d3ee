//! The search for the checkpoint that broke something: the right one, by few trials, out of everybody's
//! way.

use std::fs;
use std::os::unix::process::CommandExt;

use serde_json::{Value, json};

use crate::exec::{listing, nothing_is_left};
use crate::place::{Ran, TRACE, finish, payload};
use crate::sandbox::Sandbox;

/// Checkpoints 0 to `last`, oldest first. The file `n` holds the number; the command `set n N` did it.
fn numbered(sandbox: &Sandbox, last: usize) -> Vec<String> {
    let made = |n: usize| {
        sandbox.write("n", n.to_string());
        sandbox.tell("s", &format!("set n {n}"));
        sandbox.trace(&["checkpoint"]).good("checkpoint")
    };
    (0..=last).map(made).collect()
}

fn bisect(sandbox: &Sandbox, options: &[&str], script: &str) -> Ran {
    sandbox.trace(&[&["bisect", "run"], options, &["--", "sh", "-c", script]].concat())
}

/// The document of a search that found something, or a range.
fn searched(sandbox: &Sandbox, from: &str, script: &str, code: i32) -> Value {
    let ran = bisect(sandbox, &["--from", from, "--json"], script);
    assert_eq!(ran.code, code, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

/// How often the command ran.
fn trials(ran: &Ran) -> usize {
    ran.stderr.matches("trying ").count()
}

#[test]
fn of_two_hundred_checkpoints_the_one_whose_command_broke_the_test_is_named() {
    let sandbox = Sandbox::enabled();
    let ids = numbered(&sandbox, 200);
    sandbox.write("n", "something else");
    let before = listing(&sandbox.dir, "locks");
    let found = searched(&sandbox, &ids[0], "test $(cat n) -lt 137", 0);
    assert_eq!(found["schema"], "trace/v1/bisect");
    assert_eq!(found["first_bad"]["id"], json!(ids[137]));
    assert_eq!(found["suspects"], json!([ids[137]]));
    assert_eq!(found["commands"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(found["commands"][0]["command"], "set n 137");
    assert_eq!(found["changes"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(
        (&found["changes"][0]["path"], &found["changes"][0]["status"]),
        (&json!("n"), &json!("modified"))
    );
    assert!(found["tried"].as_u64().unwrap() <= 10, "{found:#}");
    assert_eq!(listing(&sandbox.dir, "locks"), before);
    nothing_is_left(&sandbox);
}

#[test]
fn the_result_is_told_on_stdout_and_everything_else_beside_it() {
    let sandbox = Sandbox::enabled();
    let ids = numbered(&sandbox, 6);
    let ran = bisect(&sandbox, &["--from", &ids[1], "--to", &ids[5]], "echo chatter; test $(cat n) -lt 3");
    assert_eq!(ran.code, 0, "{ran:?}");
    for word in [&ids[3][..], "set n 3", "sess_", "Changes", "M  n"] {
        assert!(ran.stdout.contains(word), "{word} is missing in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains("chatter") && ran.stderr.contains("chatter\n"), "{ran:?}");
    assert!(ran.stderr.contains(&format!("trying {} (about ", &ids[3][..10])), "{ran:?}");
    assert_eq!(trials(&ran), 4);
}

#[test]
fn the_prompt_that_led_there_is_told_though_it_is_older() {
    let sandbox = Sandbox::enabled();
    let prompt = json!({
        "v": 1, "agent": "tester", "session": "s", "event": "turn_start", "cwd": sandbox.dir,
        "prompt": "make it faster",
    });
    sandbox.hook(prompt.to_string().as_bytes()).silent();
    let ids = numbered(&sandbox, 3);
    let found = searched(&sandbox, &ids[0], "test $(cat n) -lt 2", 0);
    assert_eq!(found["prompts"][0]["body"]["text"], "make it faster", "{found:#}");
    assert_eq!(found["first_bad"]["id"], json!(ids[2]));
}

#[test]
fn what_a_trial_does_to_the_files_does_not_mislead_the_next() {
    let sandbox = Sandbox::enabled();
    let ids = numbered(&sandbox, 20);
    let vandals = [
        "echo 0 > n",
        "echo 19 > n",
        "rm n; ln -s /dev/null n",
        "rm -rf src; ln -s / src",
        "rm n; mkdir -p n/n; chmod 0 n/n n",
        "chmod 500 .; chmod 0 src",
        "mv n m; mv src n",
    ];
    for vandal in vandals {
        let script = format!("v=$(cat n); a=$(cat src/a); {vandal}; test \"$a\" = a && test $v -lt 11");
        let found = searched(&sandbox, &ids[0], &script, 0);
        assert_eq!(found["first_bad"]["id"], json!(ids[11]), "{vandal}");
        nothing_is_left(&sandbox);
    }
}

#[test]
fn from_trial_to_trial_only_what_differs_is_written_and_what_was_added_stays() {
    let sandbox = Sandbox::enabled();
    let ids = numbered(&sandbox, 8);
    let script = "ls -i src/a n >> $HOME/seen; test -e built && echo again >> $HOME/seen; echo > built
        test $(cat n) -lt 5";
    let found = searched(&sandbox, &ids[0], script, 0);
    assert_eq!(found["first_bad"]["id"], json!(ids[5]));
    let seen = fs::read_to_string(sandbox.root().join("home/seen")).unwrap();
    let tried = found["tried"].as_u64().unwrap() as usize;
    let of =
        |name: &str| seen.lines().filter(|line| line.ends_with(name)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of("again").len(), tried - 1, "{seen}");
    assert!(of("src/a").len() == tried && of("src/a").windows(2).all(|two| two[0] == two[1]), "{seen}");
}

#[test]
fn checkpoints_without_another_file_are_not_tried() {
    let sandbox = Sandbox::enabled();
    let first = numbered(&sandbox, 0);
    for round in 0..8 {
        sandbox.tell("s", &format!("look {round}"));
        sandbox.checkpoint();
    }
    let ran = bisect(&sandbox, &["--from", &first[0]], "true");
    assert!(ran.code == 1 && trials(&ran) == 0 && ran.stderr.contains("no file differs"), "{ran:?}");
    sandbox.write("n", "1");
    let broken = sandbox.checkpoint();
    sandbox.tell("s", "look once more");
    sandbox.checkpoint();
    let found = searched(&sandbox, &first[0], "test $(cat n) -lt 1", 0);
    assert_eq!((&found["first_bad"]["id"], &found["tried"]), (&json!(broken), &json!(2)));
}

#[test]
fn what_cannot_be_judged_leaves_a_range() {
    let sandbox = Sandbox::enabled();
    let ids = numbered(&sandbox, 12);
    let script = "n=$(cat n); test $n -ge 5 && test $n -le 7 && exit 125; test $n -lt 6";
    let found = searched(&sandbox, &ids[0], script, 1);
    assert_eq!((&found["first_bad"], &found["suspects"]), (&Value::Null, &json!(ids[5..=8])));
    let ran = bisect(&sandbox, &["--from", &ids[0]], script);
    assert!(ran.code == 1 && ran.stdout.contains(&ids[8][..10]), "{ran:?}");
}

#[test]
fn what_is_no_question_or_no_verdict_ends_the_search_with_words() {
    let sandbox = Sandbox::enabled();
    let ids = numbered(&sandbox, 4);
    let (first, last) = (&ids[0][..], &ids[4][..]);
    for (options, script, code, words) in [
        (&["--from", first][..], "exit 1", 1, "bad already"),
        (&["--from", first], "exit 127", 1, "bad already"),
        (&["--from", first], "exit 0", 1, "nothing to find"),
        (&["--from", first], "exit 125", 1, "cannot be judged"),
        (&["--from", first], "exit 128", 1, "no verdict"),
        (&["--from", first], "kill -9 $$", 1, "signal 9"),
        (&["--from", last, "--to", first], "true", 2, "does not come before"),
        (&["--from", first, "--to", "@"], "true", 2, "trace checkpoint"),
        (&["--from", first, "--to", "HEAD"], "true", 1, "no checkpoint"),
        (&["--from", first, "--to", first], "true", 1, "no file differs"),
        (&[], "true", 2, "--from"),
    ] {
        let ran = bisect(&sandbox, options, script);
        assert!(ran.code == code && ran.stdout.is_empty(), "{options:?} {script}: {ran:?}");
        assert!(ran.stderr.contains(words) && trials(&ran) <= 2, "{options:?} {script}: {ran:?}");
    }
    let ran = sandbox.trace(&["bisect", "run", "--from", first, "--", "no-such-program"]);
    assert!(ran.code == 1 && ran.stderr.contains("no-such-program"), "{ran:?}");
    nothing_is_left(&sandbox);
}

#[test]
fn ctrl_c_ends_the_search_whatever_the_command_makes_of_it() {
    let sandbox = Sandbox::enabled();
    let ids = numbered(&sandbox, 4);
    for script in ["kill -INT 0; sleep 1", "trap 'exit 0' INT; kill -INT 0; exit 0"] {
        let mut command = sandbox.command(TRACE);
        command.args(["bisect", "run", "--from", &ids[0], "--", "sh", "-c", script]).process_group(0);
        let ran = finish(&mut command, b"");
        assert!(ran.code == 130 && trials(&ran) == 1, "{ran:?}");
        nothing_is_left(&sandbox);
    }
}

#[test]
fn a_checkpoint_of_an_empty_worktree_is_a_state_like_any_other() {
    let sandbox = Sandbox::empty();
    sandbox.git(&["init", "-q", "-b", "main"]);
    sandbox.enable();
    sandbox.hook(payload(&sandbox.dir, "s", "nothing yet").to_string().as_bytes()).silent();
    let empty = sandbox.trace(&["checkpoint"]).good("checkpoint");
    sandbox.write("n", "1");
    let full = sandbox.checkpoint();
    assert_eq!(sandbox.trace(&["exec", &empty, "--", "ls", "-A"]).good("ls"), "");
    let found = searched(&sandbox, &empty, "test ! -e n", 0);
    assert_eq!(found["first_bad"]["id"], json!(full));
    fs::remove_file(sandbox.dir.join("n")).unwrap();
    let gone = sandbox.checkpoint();
    let found = searched(&sandbox, &full, "test -e n", 0);
    assert_eq!(found["first_bad"]["id"], json!(gone));
}
