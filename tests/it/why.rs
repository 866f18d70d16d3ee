//! Why a line is there: the checkpoint, the command and the prompt that brought it, or the commit.

use std::fs;

use serde_json::{Value, json};

use crate::place::Place;
use crate::sandbox::Sandbox;
use crate::undo::{agent_edits, agent_runs, call};

fn why(place: &Place, what: &str) -> Vec<Value> {
    let document = place.json(&["why", what]);
    assert_eq!(document["schema"], "trace/v1/why");
    document["lines"].as_array().unwrap().clone()
}

/// `1-3 source what` of each stretch: a command, a tool, a subject or nothing.
fn told(place: &Place, what: &str) -> Vec<String> {
    let line = |one: &Value| {
        let by = &one["by"][0];
        let words = [&one["subject"], &by["text"], &by["tool"]].into_iter().find_map(Value::as_str);
        let source = one["source"].as_str().unwrap();
        format!("{}-{} {source} {}", one["first"], one["last"], words.unwrap_or("-"))
    };
    why(place, what).iter().map(line).collect()
}

/// A file of two commits' lines, which two agents and nobody changed since.
fn world() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("story", "one\ntwo\nthree\nfour\nfive\n");
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-qm", "the first five"]);
    sandbox.write("story", "one\ntwo\nthree\nfour\nfive\nsix\n");
    sandbox.git(&["commit", "-qam", "the sixth"]);
    sandbox.enable();
    sandbox.checkpoint();
    call(&sandbox, "a", "turn_start", json!({"prompt": "spell two in capitals"}));
    agent_runs(&sandbox, "a", "1", "sed -i s/two/TWO/ story");
    sandbox.checkpoint();
    call(&sandbox, "b", "turn_start", json!({"prompt": "begin with zero"}));
    agent_edits(&sandbox, "b", "2", ("story", "zero\none\nTWO\nthree\nfour\nfive\nsix\n"));
    sandbox.checkpoint();
    sandbox
}

#[test]
fn each_line_is_told_with_what_brought_it() {
    let sandbox = world();
    assert_eq!(
        told(&sandbox, "story"),
        [
            "1-1 checkpoint edit",
            "2-2 commit the first five",
            "3-3 checkpoint sed -i s/two/TWO/ story",
            "4-6 commit the first five",
            "7-7 commit the sixth",
        ]
    );
    assert_eq!(told(&sandbox.cd("src"), "../story:3"), ["3-3 checkpoint sed -i s/two/TWO/ story"]);
    assert_eq!(told(&sandbox, "story:6-7"), ["6-6 commit the first five", "7-7 commit the sixth"]);
    let [zero, _, two, ..] = &why(&sandbox, "story")[..] else { panic!("five stretches") };
    assert_eq!(
        (&zero["by"][0]["prompt"], &two["by"][0]["prompt"]),
        (&json!("begin with zero"), &json!("spell two in capitals"))
    );
    assert_eq!((&two["by"][0]["agent"], &two["confidence"]), (&json!("tester"), &json!("exact")));
    let shown = sandbox.trace(&["show", two["checkpoint"].as_str().unwrap()]).good("show");
    assert!(shown.contains("sed -i s/two/TWO/ story"), "{shown}");
}

#[test]
fn git_names_the_same_commits_for_what_is_older_than_the_record() {
    let sandbox = world();
    let blame = sandbox.git(&["blame", "-s", "--abbrev=39", "HEAD", "--", "story"]);
    let blame: Vec<&str> =
        blame.lines().map(|line| line.split(' ').next().unwrap().trim_start_matches('^')).collect();
    let seventh = &why(&sandbox, "story:7")[0];
    let second = &why(&sandbox, "story:2")[0];
    assert!(seventh["commit"].as_str().unwrap().starts_with(blame[5]), "{blame:?}");
    assert!(second["commit"].as_str().unwrap().starts_with(blame[0]), "{blame:?}");
    assert_eq!((&second["author"], &second["time"]), (&json!("A"), &json!("2023-11-14T22:13:20.000000Z")));
}

#[test]
fn what_no_checkpoint_has_yet_is_told_too() {
    let sandbox = world();
    agent_runs(&sandbox, "a", "3", "echo seven >> story");
    let last = &why(&sandbox, "story:8")[0];
    assert_eq!((&last["source"], &last["by"][0]["text"]), (&json!("now"), &json!("echo seven >> story")));
    sandbox.write("new", "a\nb\n");
    assert_eq!(told(&sandbox, "new"), ["1-2 now -"]);
    sandbox.checkpoint();
    assert_eq!(told(&sandbox, "story:8"), ["8-8 checkpoint echo seven >> story"]);
}

#[test]
fn what_was_changed_and_not_committed_when_recording_began_is_said_to_be_older() {
    let sandbox = Sandbox::new();
    sandbox.write("src/a", "a\nb\n");
    sandbox.enable();
    assert_eq!(told(&sandbox, "src/a"), ["1-1 commit begin", "2-2 before -"]);
}

#[test]
fn a_file_that_moved_is_followed() {
    let sandbox = world();
    agent_runs(&sandbox, "a", "3", "mkdir -p deep/er; mv story deep/er/tale");
    sandbox.checkpoint();
    agent_runs(&sandbox, "a", "4", "echo end >> deep/er/tale");
    sandbox.checkpoint();
    let told = told(&sandbox, "deep/er/tale");
    assert_eq!(told[0], "1-1 checkpoint edit");
    assert_eq!(told[4..], ["7-7 commit the sixth", "8-8 checkpoint echo end >> deep/er/tale"]);
    assert_eq!(why(&sandbox, "deep/er/tale:1")[0]["path"], "story");
}

#[test]
fn a_line_that_a_checkout_brought_is_its_commits() {
    let sandbox = Sandbox::new();
    sandbox.git(&["checkout", "-q", "-b", "side"]);
    sandbox.write("src/a", "a\nside\n");
    sandbox.git(&["commit", "-qam", "a line on the side"]);
    sandbox.git(&["checkout", "-q", "main"]);
    sandbox.enable();
    sandbox.checkpoint();
    agent_runs(&sandbox, "a", "1", "git checkout -q side");
    sandbox.checkpoint();
    let [begin, side] = &why(&sandbox, "src/a")[..] else { panic!("two stretches") };
    assert_eq!(begin["subject"], "begin");
    assert_eq!((&side["source"], &side["subject"]), (&json!("commit"), &json!("a line on the side")));
    assert_eq!(side["by"][0]["text"], "git checkout -q side");
    // What is committed in the checkpoint that brought it was no older.
    agent_runs(&sandbox, "a", "2", "echo new >> src/a");
    sandbox.with("GIT_COMMITTER_DATE", "").git(&["commit", "-qam", "new"]);
    sandbox.checkpoint();
    assert_eq!(told(&sandbox, "src/a:3"), ["3-3 checkpoint echo new >> src/a"]);
}

#[test]
fn the_trees_tell_the_same_as_the_record_does() {
    let sandbox = world();
    let before = told(&sandbox, "story");
    fs::remove_dir_all(sandbox.own_dir().join("cache")).unwrap();
    assert_eq!(told(&sandbox, "story"), before);
}

#[test]
fn the_only_stretch_is_told_in_full_and_several_in_rows() {
    let sandbox = world();
    let one = sandbox.trace(&["why", "story:3"]).good("why");
    for words in [
        "story, line 3\n    TWO\n",
        "command     sed -i s/two/TWO/ story",
        "prompt      spell two in capitals",
        "certainty   exact",
    ] {
        assert!(one.contains(words), "{words} is missing in {one}");
    }
    let all = sandbox.trace(&["why", "story"]).good("why");
    assert_eq!(all.lines().count(), 6, "{all}");
    assert!(all.starts_with("LINES  FROM "), "{all}");
}

#[test]
fn what_has_no_lines_is_refused_in_words() {
    let sandbox = world();
    sandbox.write("empty", "");
    sandbox.write("bytes", b"\0\x01");
    std::os::unix::fs::symlink("story", sandbox.dir.join("link")).unwrap();
    for (what, code, words) in [
        ("none", 1, "there is no file none now"),
        ("story:8", 1, "has only 7 lines"),
        ("none:3", 1, "there is no file none:3 now"),
        ("story:0", 2, "there is no line 0"),
        ("story:3-1", 2, "\"3-1\" ends before it begins: say 1-3"),
        ("story:two", 2, "\"two\" names no lines"),
        ("empty", 1, "is empty"),
        ("bytes", 1, "is not text"),
        ("src", 2, "is no plain file"),
        ("link", 2, "is no plain file"),
        ("/etc/passwd", 2, "is outside"),
    ] {
        let ran = sandbox.trace(&["why", what]);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{what}: {ran:?}");
        assert!(ran.stderr.contains(words), "{what}: {ran:?}");
    }
}
