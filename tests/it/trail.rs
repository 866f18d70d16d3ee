//! Trails: what follows from a branch, and what people say of it.

use std::fs;

use serde_json::{Value, json};

use crate::place::Place;
use crate::sandbox::{Sandbox, race};

/// The trail of a branch, whatever its status.
fn trail(place: &Place, branch: &str) -> Value {
    let document = place.json(&["trail", "--all", "--limit", "0", "--branch", branch]);
    let trails = document["trails"].as_array().unwrap();
    assert_eq!(trails.len(), 1, "{branch} in {document:#}");
    trails[0].clone()
}

fn status(place: &Place, branch: &str) -> String {
    trail(place, branch)["status"].as_str().unwrap().to_owned()
}

/// Begins a branch, works on it, commits twice, and returns to `main`.
fn work(place: &Place, branch: &str) {
    place.git(&["checkout", "-q", "-b", branch, "main"]);
    place.tell("s", &format!("make {branch}"));
    place.checkpoint();
    for part in ["one", "two"] {
        place.write(&format!("{branch}/{part}"), format!("{branch} {part}\n"));
        place.git(&["add", "-A"]);
        place.git(&["commit", "-q", "-m", &format!("{branch}: {part}")]);
    }
    place.checkpoint();
    place.git(&["checkout", "-q", "main"]);
}

#[test]
fn what_is_said_of_a_trail_holds_at_once_and_in_every_worktree() {
    let place = Sandbox::enabled();
    place.git(&["config", "user.name", "Ada"]);
    place.git(&["worktree", "add", "-q", "../beside", "topic"]);
    let beside = place.cd("../beside");
    place.tell("s", "make");
    place.checkpoint();
    let set = ["trail", "set", "main", "--title", "The long way", "--status", "in_review"];
    place.trace(&set).good("set");
    place.trace(&["trail", "set", "--label", "b", "--label", "a", "--note", "ask Bob"]).good("set labels");
    beside.trace(&["trail", "set", "main", "--unlabel", "b", "--assignee", "Bob"]).good("set beside");
    let expected = |trail: &Value| {
        let said = ["title", "status", "assignee", "labels"].map(|field| trail[field].clone());
        assert_eq!(said, [json!("The long way"), json!("in_review"), json!("Bob"), json!(["a"])]);
        assert_eq!(trail["notes"][0]["text"], "ask Bob");
        assert_eq!((&trail["notes"][0]["by"], &trail["commands"]), (&json!("Ada"), &json!(1)));
    };
    let all = || [trail(&place, "main"), trail(&beside, "main")];
    all().iter().for_each(expected);
    place.checkpoint();
    beside.checkpoint();
    all().iter().for_each(expected);
    let cache = place.own_dir().join("cache");
    let is_trails = |name: &str| name.starts_with("trails-");
    for entry in fs::read_dir(&cache).unwrap().map(Result::unwrap) {
        if is_trails(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    all().iter().for_each(expected);
    beside.trace(&["trail", "set", "main", "--title", "", "--status", "auto", "--assignee", ""]).good("auto");
    let back = trail(&place, "main");
    let said = ["title", "status", "assignee"].map(|field| back[field].clone());
    assert_eq!(said, [json!("make"), json!("in_progress"), Value::Null]);
}

#[test]
fn a_trail_is_closed_and_reopened_and_the_list_tells_open_ones() {
    let place = Sandbox::enabled();
    place.git(&["config", "user.name", "Ada"]);
    work(&place, "idea");
    let listed = |args: &[&str]| {
        let document = place.json(&[&["trail"], args].concat());
        let branches = document["trails"].as_array().unwrap().iter().map(|trail| trail["branch"].to_string());
        branches.filter(|branch| branch != "\"main\"").collect::<Vec<String>>()
    };
    let idea = || vec!["\"idea\"".to_owned()];
    let id = trail(&place, "idea")["id"].as_str().unwrap().to_owned();
    assert_eq!(listed(&[]), idea());
    let closed = place.json(&["trail", "close", &id, "--reason", "done elsewhere"]);
    assert_eq!((&closed["branch"], &closed["edits"][0]["op"]), (&json!("idea"), &json!("status_set")));
    assert_eq!((listed(&[]), listed(&["--status", "closed"])), (vec![], idea()));
    assert_eq!(trail(&place, "idea")["reason"], "done elsewhere");
    place.trace(&["trail", "reopen", "idea"]).good("reopen");
    assert_eq!((listed(&[]), trail(&place, "idea")["reason"].clone()), (idea(), Value::Null));
    place.trace(&["trail", "set", "topic", "--title", "later"]).good("a branch nothing was recorded on");
    assert_eq!(
        (status(&place, "topic").as_str(), &trail(&place, "topic")["author"]),
        ("open", &json!("Ada"))
    );
    assert_eq!((listed(&["--author", "me"]).len(), listed(&["--author", "Bob"]).len()), (2, 0));
}

#[test]
fn a_branch_is_merged_when_its_base_holds_what_was_done_on_it() {
    let place = Sandbox::enabled();
    for branch in ["reached", "squashed", "picked", "open", "gone", "lost", "begun"] {
        work(&place, branch);
    }
    place.git(&["checkout", "-q", "-b", "idle"]);
    place.tell("s", "make idle");
    place.checkpoint();
    place.git(&["checkout", "-q", "main"]);
    place.git(&["merge", "-q", "--no-ff", "-m", "merge", "reached"]);
    place.git(&["merge", "-q", "--squash", "squashed"]);
    place.git(&["commit", "-q", "-m", "squashed at once"]);
    // The same lines of a file that has more of them by now: only the change is the same.
    place.write("README", "read me\nfirst\n");
    place.git(&["commit", "-q", "-am", "more to read"]);
    place.git(&["checkout", "-q", "-b", "lines", "HEAD~"]);
    place.write("src/a", "a\nb\n");
    place.write("README", "before\nread me\n");
    place.git(&["commit", "-q", "-am", "lines: both"]);
    place.checkpoint();
    place.git(&["checkout", "-q", "main"]);
    place.write("src/a", "a\nb\n");
    place.write("README", "before\nread me\nfirst\n");
    place.git(&["commit", "-q", "-am", "lines, squashed by hand"]);
    place.git(&["merge", "-q", "--no-ff", "-m", "merge", "gone"]);
    place.git(&["branch", "-q", "-D", "gone", "lost"]);
    // What came to the base later takes nothing of it back.
    place.write("squashed/one", "changed since\n");
    place.git(&["commit", "-q", "-am", "go on"]);
    let told = ["reached", "squashed", "lines", "gone", "open", "lost", "idle"]
        .map(|branch| format!("{branch} {}", status(&place, branch)));
    assert_eq!(
        told,
        [
            "reached merged",
            "squashed merged",
            "lines merged",
            "gone merged",
            "open in_progress",
            "lost closed",
            "idle in_progress",
        ]
    );
    assert_eq!(trail(&place, "squashed")["commits"], 2);
    assert_eq!(trail(&place, "open")["title"], "open: one", "the first commit, where nobody was prompted");
    place.trace(&["trail", "reopen", "squashed"]).good("reopen");
    assert_eq!(status(&place, "squashed"), "open", "what somebody says wins");
}

#[test]
fn what_cannot_be_said_is_refused_and_a_dry_run_says_nothing() {
    let place = Sandbox::enabled();
    place.tell("s", "make");
    place.checkpoint();
    let before = trail(&place, "main");
    let refused: [(&[&str], i32, &str); 9] = [
        (&["set"], 2, "required"),
        (&["set", "--status", "done"], 2, "is no status: open, in_progress"),
        (&["set", "--title", "two\nlines"], 2, "cannot be a title"),
        (&["set", "--title", "\u{1b}[2J"], 2, "cannot be a title"),
        (&["set", "--label", " "], 2, "a label has a name"),
        (&["set", "--label", "x", "--unlabel", "x"], 2, "at once"),
        (&["set", "--note", " \n"], 2, "says nothing"),
        (&["set", "nowhere", "--title", "t"], 1, "no branch \"nowhere\""),
        (&["close", "nowhere"], 1, "trace trail --all"),
    ];
    for (args, code, words) in refused {
        let ran = place.trace(&[&["trail"], args].concat());
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    let dry = place.json(&["trail", "close", "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["edits"][0]["payload"]["status"]), (&json!(true), &json!("closed")));
    let words = place.trace(&["trail", "set", "--title", "t", "--dry-run"]).good("dry");
    assert_eq!(words, "[dry-run] 1 edit would be written for main");
    assert_eq!(trail(&place, "main"), before);
    place.git(&["checkout", "-q", "--detach"]);
    let ran = place.trace(&["trail", "close"]);
    assert!(ran.code == 2 && ran.stderr.contains("HEAD is detached"), "{ran:?}");
}

#[test]
fn a_secret_in_a_note_reaches_no_file() {
    let place = Sandbox::enabled();
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ456789";
    place.trace(&["trail", "set", "--note", &format!("use {secret}")]).good("note");
    let told = trail(&place, "main")["notes"][0]["text"].as_str().unwrap().to_owned();
    assert!(told.starts_with("use ") && !told.contains(secret), "{told}");
    let found = place.run("grep", &["-r", "-l", secret, place.own_dir().to_str().unwrap()]);
    assert_eq!(found.code, 1, "{}", found.stdout);
}

#[test]
fn eight_who_speak_of_one_trail_at_once_are_all_heard() {
    let place = Sandbox::enabled();
    race(8, |who| {
        for round in 0..4 {
            place.trace(&["trail", "set", "--label", &format!("l{who}-{round}")]).good("set");
            if round == 2 {
                place.checkpoint();
            }
        }
    });
    assert_eq!(trail(&place, "main")["labels"].as_array().map(Vec::len), Some(32));
}

/// The kinds, ids and texts of a timeline.
fn timeline(place: &Place, args: &[&str]) -> Vec<(String, Value)> {
    let document = place.json(&[&["trail", "show"], args].concat());
    let told = document["events"].as_array().unwrap().iter();
    told.map(|event| (event["kind"].as_str().unwrap().to_owned(), event.clone())).collect()
}

fn agent(place: &Place, event: &str, more: &str) {
    let cwd = place.dir.to_str().unwrap();
    let payload =
        format!(r#"{{"v":1,"agent":"claude","session":"c","event":"{event}","cwd":"{cwd}"{more}}}"#);
    place.hook(payload.as_bytes()).silent();
}

#[test]
fn a_timeline_tells_what_happened_on_a_branch_and_nothing_else() {
    let place = Sandbox::enabled();
    place.git(&["worktree", "add", "-q", "../beside", "topic"]);
    place.tell("s", "make before");
    place.checkpoint();
    place.git(&["checkout", "-q", "-b", "side"]);
    agent(&place, "turn_start", r#","prompt":"make it\nquick""#);
    place.write("quick", "1\n");
    place.tell("s", "make quick");
    let kept = place.checkpoint();
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "quick: one"]);
    let commit = place.git(&["rev-parse", "HEAD"]);
    place.write("quick", "2\n");
    place.checkpoint();
    place.trace(&["restore", &kept, "--yes"]).good("restore");
    place.trace(&["trail", "set", "--note", "look again"]).good("note");
    let beside = place.cd("../beside");
    beside.tell("t", "make elsewhere");
    beside.checkpoint();
    place.tell("s", "make pending");
    let told = timeline(&place, &["side"]);
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    let of =
        |wanted: &'static str| told.iter().filter(move |(kind, _)| kind == wanted).map(|(_, event)| event);
    assert_eq!(of("prompt").map(|event| &event["text"]).collect::<Vec<_>>(), ["make it\nquick"], "{kinds:?}");
    let commands: Vec<_> = of("command").map(|event| event["text"].as_str().unwrap()).collect();
    assert_eq!(commands, ["make quick", "make pending"]);
    let commits: Vec<_> = of("commit").map(|event| (&event["id"], &event["files"][0]["path"])).collect();
    assert_eq!(commits, [(&json!(commit), &json!("quick"))]);
    let held = of("checkpoint").find(|event| event["id"] == json!(kept)).unwrap();
    assert_eq!(held["files"], json!([{"path": "quick", "status": "added"}]));
    assert_eq!(of("restore").map(|event| &event["files"][0]["path"]).collect::<Vec<_>>(), ["quick"]);
    assert_eq!(of("said").map(|event| &event["text"]).collect::<Vec<_>>(), ["note: look again"]);
    let times: Vec<&str> = told.iter().map(|(_, event)| event["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "newest last: {times:?}");
    let newest = timeline(&place, &["--limit", "2"]);
    assert_eq!(newest, told[told.len() - 2..], "the present branch, and of it the newest");
    let elsewhere = timeline(&place, &["topic"]);
    let commands: Vec<_> = elsewhere.iter().map(|(kind, event)| (kind.as_str(), &event["text"])).collect();
    assert!(commands.contains(&("command", &json!("make elsewhere"))), "of another worktree: {commands:?}");
    let words = place.trace(&["trail", "show", "side"]).good("show");
    let last = words.lines().last().unwrap();
    assert!(last.contains("command") && last.ends_with("make pending"), "{words}");
    assert_eq!(place.trace(&["trail", "show", "nowhere"]).code, 1);
}
