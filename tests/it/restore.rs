//! `trace restore`: to a state, whole or some paths of it, or without what one actor did.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::picture::{Picture, Thing};
use crate::place::Place;
use crate::sandbox::Sandbox;
use crate::undo::{agent_edits, agent_runs, call, furnished, puts_back};

/// Twenty lines, some of them another text.
fn lines(other: &[(usize, &str)]) -> String {
    let line = |at| {
        let text = other.iter().find(|(place, _)| *place == at).map_or("as it was", |(_, text)| text);
        format!("line {at}, {text}\n")
    };
    (1..=20).map(line).collect()
}

fn text(place: &Place, path: &str) -> String {
    fs::read_to_string(place.dir.join(path)).unwrap()
}

/// A file that two sessions have edited, the second one at line `at`.
fn edited_by_two(at: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("poem", lines(&[]));
    sandbox.enable();
    agent_edits(&sandbox, "alpha", "1", ("poem", &lines(&[(2, "by alpha")])));
    agent_edits(&sandbox, "beta", "2", ("poem", &lines(&[(at, "by beta"), (2, "by alpha")])));
    sandbox
}

#[test]
fn taking_back_one_sessions_edits_keeps_those_of_another() {
    let sandbox = edited_by_two(18);
    puts_back(&sandbox, &["restore", "--session", "alpha", "--yes"]);
    assert_eq!(text(&sandbox, "poem"), lines(&[(18, "by beta")]));
    puts_back(&sandbox, &["undo"]);
    assert_eq!(text(&sandbox, "poem"), lines(&[(2, "by alpha"), (18, "by beta")]));
}

#[test]
fn a_later_edit_by_hand_stays_too() {
    let sandbox = edited_by_two(18);
    // No hand is as quick as the tick of the file system's clock.
    sandbox.checkpoint();
    sandbox.write("poem", lines(&[(2, "by alpha"), (10, "by hand"), (18, "by beta")]));
    puts_back(&sandbox, &["restore", "--session", "alpha", "--yes"]);
    assert_eq!(text(&sandbox, "poem"), lines(&[(10, "by hand"), (18, "by beta")]));
    puts_back(&sandbox, &["restore", "--session", "beta", "--yes"]);
    assert_eq!(text(&sandbox, "poem"), lines(&[(10, "by hand")]));
}

#[test]
fn at_the_same_place_nothing_is_written_and_the_conflict_is_named() {
    let sandbox = edited_by_two(2);
    let before = Picture::of(&sandbox);
    let ran = sandbox.trace(&["restore", "--session", "alpha", "--yes", "--json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let plan = document["plan"].as_array().unwrap();
    assert_eq!(plan.len(), 1, "{document}");
    assert_eq!((&plan[0]["path"], &plan[0]["conflict"]), (&json!("poem"), &json!("edited")));
    assert_eq!(document["applied"], false);
    Picture::of(&sandbox).is(&before, "a refused restore");
    let told = sandbox.trace(&["restore", "--session", "alpha", "--yes"]);
    assert!(told.code == 3 && told.stdout.contains("poem") && told.stderr.contains("--conflict"), "{told:?}");
}

#[test]
fn a_conflict_is_solved_as_it_is_asked_for() {
    let resolved = |who: &str| {
        let sandbox = edited_by_two(2);
        sandbox.write("poem", text(&sandbox, "poem").replace("line 20, as it was", "line 20, by hand"));
        puts_back(&sandbox, &["restore", "--session", "alpha", "--yes", "--conflict", who]);
        text(&sandbox, "poem")
    };
    assert_eq!(resolved("ours"), lines(&[(2, "by beta"), (20, "by hand")]));
    assert_eq!(resolved("theirs"), lines(&[(20, "by hand")]));
    let marked = resolved("markers");
    for part in ["<<<<<<< ", "line 2, by beta\n", "=======\n", "line 2, as it was\n", ">>>>>>> ", "by hand"] {
        assert!(marked.contains(part), "no {part:?} in {marked}");
    }
    assert!(marked.starts_with("line 1, as it was\n<<<<<<< "), "{marked}");
}

#[test]
fn a_file_that_one_made_and_another_changed_is_in_conflict() {
    let sandbox = Sandbox::enabled();
    agent_edits(&sandbox, "alpha", "1", ("made", "by alpha\n"));
    agent_edits(&sandbox, "alpha", "2", ("other", "by alpha\n"));
    agent_edits(&sandbox, "beta", "3", ("made", "by alpha\nand beta\n"));
    let before = Picture::of(&sandbox);
    assert_eq!(sandbox.trace(&["restore", "--session", "alpha", "--yes"]).code, 3);
    Picture::of(&sandbox).is(&before, "nothing, not even the other file");
    puts_back(&sandbox, &["restore", "--session", "alpha", "--yes", "--conflict", "ours"]);
    assert_eq!(text(&sandbox, "made"), "by alpha\nand beta\n");
    assert!(!sandbox.dir.join("other").exists());
}

/// Three states, and the checkpoint of each.
fn three_states() -> (Sandbox, [(String, Picture); 3]) {
    let sandbox = furnished();
    let states = ["first", "second", "third"].map(|name| {
        sandbox.write("state", format!("{name}\n"));
        sandbox.write(&format!("only/{name}"), "here\n");
        (sandbox.checkpoint(), Picture::of(&sandbox))
    });
    (sandbox, states)
}

#[test]
fn a_checkpoint_goes_by_its_id_its_beginning_its_distance_and_its_time() {
    let (sandbox, [(first, then), _, (last, now)]) = three_states();
    let log = sandbox.list("log", "checkpoints");
    let row = log.iter().find(|one| one["id"] == first.as_str()).unwrap();
    let moment = format!("@{{{}}}", row["time"].as_str().unwrap());
    for selector in [first.as_str(), &first[..12], "@-N", &moment] {
        let selector = selector.replace("@-N", &format!("@-{}", distance(&sandbox, &first)));
        puts_back(&sandbox, &["restore", &selector, "--yes"]);
        Picture::of(&sandbox).is(&then, &selector);
        puts_back(&sandbox, &["restore", &last, "--yes"]);
        Picture::of(&sandbox).is(&now, "and back");
    }
}

fn distance(place: &Place, id: &str) -> usize {
    1 + place.list("log", "checkpoints").iter().position(|one| one["id"] == id).unwrap()
}

#[test]
fn a_distance_is_counted_from_what_the_log_shows_and_not_from_what_restore_saves() {
    let (sandbox, [.., (_, now)]) = three_states();
    sandbox.write("state", "changed since\n");
    let changed = Picture::of(&sandbox);
    puts_back(&sandbox, &["restore", "@-1", "--yes"]);
    Picture::of(&sandbox).is(&now, "the newest checkpoint that there was");
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&changed, "undo");
}

#[test]
fn a_command_and_a_turn_have_a_state_before_and_one_after_them() {
    let sandbox = furnished();
    sandbox.checkpoint();
    let before = Picture::of(&sandbox);
    call(&sandbox, "talk", "turn_start", json!({"prompt": "do it"}));
    agent_runs(&sandbox, "talk", "1", "rm -r src/1; echo x >x");
    let after = Picture::of(&sandbox);
    call(&sandbox, "talk", "turn_end", json!({"last_message": "done"}));
    sandbox.checkpoint();
    agent_runs(&sandbox, "talk", "2", "rm -r lib");
    let last = Picture::of(&sandbox);
    let id =
        sandbox.list("commands", "commands").iter().find(|one| one["command"] != "rm -r lib").unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned();
    let command = format!("cmd:{id}");
    for (selector, wanted) in [
        (command.as_str(), &before),
        (&format!("{command}^"), &after),
        ("turn:talk.1", &before),
        ("turn:talk.1^", &after),
    ] {
        puts_back(&sandbox, &["restore", selector, "--yes"]);
        Picture::of(&sandbox).is(wanted, selector);
        puts_back(&sandbox, &["undo"]);
        Picture::of(&sandbox).is(&last, &format!("undo of restore {selector}"));
    }
    // Without what it did: what the other one did stays.
    for by in [["--command", &id], ["--turn", "talk.1"]] {
        puts_back(&sandbox, &["restore", by[0], by[1], "--yes"]);
        let now = Picture::of(&sandbox);
        assert!(!now.0.contains_key(Path::new("lib")) && !now.0.contains_key(Path::new("x")), "{by:?}");
        assert!(now.0.contains_key(Path::new("src/1/2/3/4/5/6/7/8/9/deep")), "{by:?}");
        puts_back(&sandbox, &["undo"]);
    }
}

#[test]
fn a_session_stands_for_the_last_checkpoint_that_tells_of_it() {
    let sandbox = furnished();
    agent_runs(&sandbox, "early", "1", "echo 1 >one");
    sandbox.checkpoint();
    let then = Picture::of(&sandbox);
    agent_runs(&sandbox, "late", "2", "rm one; echo 2 >two");
    sandbox.checkpoint();
    puts_back(&sandbox, &["restore", "early", "--yes"]);
    Picture::of(&sandbox).is(&then, "the session's last state");
}

#[test]
fn a_commit_of_yours_says_nothing_of_what_git_does_not_track() {
    let sandbox = furnished();
    let before = Picture::of(&sandbox);
    puts_back(&sandbox, &["restore", "topic", "--yes"]);
    let now = Picture::of(&sandbox);
    let there = |path: &str| now.0.contains_key(Path::new(path));
    assert!(there("notes") && there("src/new/run") && there("out/built"), "they are not git's");
    assert!(!there("tool") && !there("lib/3.rs") && !there("src/bytes"), "the branch has none of them");
    assert_eq!(text(&sandbox, "src/deep/b"), "b\n");
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&before, "all of it");
    puts_back(&sandbox, &["restore", "HEAD", "--yes"]);
    assert_eq!(text(&sandbox, "src/a"), "a, committed\n");
    assert_eq!(text(&sandbox, "notes"), "not tracked\n");
}

#[test]
fn what_could_be_several_things_is_refused_with_the_list() {
    let sandbox = furnished();
    agent_runs(&sandbox, "topic", "1", "echo x >x");
    sandbox.checkpoint();
    let before = Picture::of(&sandbox);
    let ran = sandbox.trace(&["restore", "topic", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("refs/heads/topic") && ran.stderr.contains("session"), "{ran:?}");
    Picture::of(&sandbox).is(&before, "nothing was done");
    puts_back(&sandbox, &["restore", "refs/heads/topic", "--yes"]);
    assert_eq!(text(&sandbox, "src/deep/b"), "b\n");
}

#[test]
fn paths_limit_what_is_put_back() {
    let (sandbox, [(first, then), _, (_, now)]) = three_states();
    for (dir, path, limit) in [("", "only", "only"), ("only", ".", "only"), ("only", "../state", "state")] {
        let ran = sandbox.cd(dir).trace(&["restore", &first, path, "--yes"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let wanted = Picture(
            now.0
                .iter()
                .filter(|(path, _)| !path.starts_with(limit))
                .chain(then.0.iter().filter(|(path, _)| path.starts_with(limit)))
                .map(|(path, thing)| (path.clone(), thing.clone()))
                .collect(),
        );
        Picture::of(&sandbox).is(&wanted, path);
        puts_back(&sandbox, &["undo"]);
        Picture::of(&sandbox).is(&now, "undo");
    }
    for (args, code) in [
        (&["restore", &first, "no-such-path", "--yes"][..], 1),
        (&["restore", &first, "../outside", "--yes"], 2),
        (&["restore", "no-such-state", "--yes"], 1),
        (&["restore", "@", "--yes"], 2),
        (&["restore", &first], 3),
    ] {
        let ran = sandbox.trace(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    }
    Picture::of(&sandbox).is(&now, "nothing of it was done");
}

#[test]
fn what_no_checkpoint_holds_is_in_the_way_and_stays() {
    let sandbox = Sandbox::new();
    sandbox.write("big", "small as yet\n");
    sandbox.write("pipe", "a file as yet\n");
    sandbox.enable();
    let capped = sandbox.with("TRACE_FILE_CAP", "1k");
    let first = capped.checkpoint();
    sandbox.write("big", "x".repeat(5000));
    fs::remove_file(sandbox.dir.join("pipe")).unwrap();
    sandbox.run("mkfifo", &["pipe"]).good("mkfifo");
    sandbox.write("src/a", "changed\n");
    let before = Picture::of(&sandbox);
    let ran = capped.trace(&["restore", &first, "--yes", "--json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    for path in ["big", "pipe"] {
        let found = document["plan"].as_array().unwrap().iter().find(|one| one["path"] == path);
        assert_eq!(found.unwrap()["conflict"], "in-the-way", "{document}");
    }
    Picture::of(&sandbox).is(&before, "nothing was done");
    puts_back(&capped, &["restore", &first, "--yes", "--conflict", "ours"]);
    assert_eq!(text(&sandbox, "src/a"), "a\n");
    assert!(Picture::of(&sandbox).0[Path::new("pipe")] == Thing::Fifo);
    assert_eq!(text(&sandbox, "big").len(), 5000);
}

#[test]
fn a_nested_repository_is_left_alone_and_keeps_nobody_from_going_further_back() {
    let sandbox = furnished();
    let nested = sandbox.cd("nested");
    fs::create_dir(&nested.dir).unwrap();
    nested.begin(&[]);
    sandbox.checkpoint();
    agent_runs(&sandbox, "s", "1", "rm notes");
    agent_runs(&sandbox, "s", "2", "cd nested && git commit -q --allow-empty -m more");
    let head = nested.git(&["rev-parse", "HEAD"]);
    puts_back(&sandbox, &["undo"]);
    assert_eq!(text(&sandbox, "notes"), "not tracked\n");
    assert_eq!(nested.git(&["rev-parse", "HEAD"]), head);
}
