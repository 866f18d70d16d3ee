//! Searching the record: what answers, in which order, and what the filters leave.

use serde_json::{Value, json};

use crate::place::{Place, Ran, payload};
use crate::sandbox::Sandbox;

/// A turn of `session`, which begins with `prompt`.
fn prompt(place: &Place, session: &str, prompt: &str) {
    let payload = json!({
        "v": 1, "agent": "tester", "session": session, "event": "turn_start", "cwd": place.dir,
        "prompt": prompt,
    });
    place.hook(payload.to_string().as_bytes()).silent();
}

fn failed(place: &Place, session: &str, command: &str, exit: i32) {
    let mut payload = payload(&place.dir, session, command);
    payload["exit"] = json!(exit);
    place.hook(payload.to_string().as_bytes()).silent();
}

fn hits(place: &Place, args: &[&str]) -> Vec<Value> {
    let ran = place.trace(&[&["search", "--limit", "0", "--json"], args].concat());
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    assert_eq!(document["schema"], "trace/v1/search");
    let hits = document["hits"].as_array().unwrap().clone();
    assert_eq!((&document["total"], ran.code), (&json!(hits.len()), i32::from(hits.is_empty())));
    hits
}

/// `kind text` of each hit.
fn told(place: &Place, args: &[&str]) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    hits(place, args).iter().map(|hit| format!("{} {}", word(&hit["kind"]), word(&hit["text"]))).collect()
}

fn none(ran: Ran) {
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (1, "", "nothing matches\n"));
}

/// Two sessions, three checkpoints, and a command that waits in the journal.
fn world() -> Sandbox {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "one", "Teach the parser to survive an empty line");
    sandbox.write("src/parser.rs", "1\n");
    sandbox.tell("one", "cargo test parser");
    sandbox.checkpoint();
    sandbox.write("src/parser.rs", "2\n");
    sandbox.write("docs/größe \"x\".md", "x");
    failed(&sandbox, "two", "make docs && grep -n 'empty  line' docs", 2);
    sandbox.trace(&["checkpoint", "-m", "the parser, before it is torn apart"]).good("checkpoint");
    sandbox.write("README", "more\n");
    sandbox.checkpoint();
    sandbox.tell("two", "echo the line is empty");
    sandbox
}

#[test]
fn every_kind_of_text_is_found_where_it_lies() {
    let sandbox = world();
    let found = told(&sandbox, &["parser"]);
    for one in [
        "prompt Teach the parser to survive an empty line",
        "command cargo test parser",
        "checkpoint the parser, before it is torn apart",
        "path src/parser.rs",
    ] {
        assert!(found.iter().any(|found| found == one), "{one} is missing in {found:#?}");
    }
    assert_eq!(found.len(), 4, "{found:#?}");
    let path = &hits(&sandbox, &["--kind", "path", "parser"])[0];
    assert_eq!((&path["times"], &path["matches"]), (&json!(2), &json!([[4, 10]])));
    assert!(path["checkpoint"].is_string());
    assert_eq!(told(&sandbox, &["größe \"x\""]), ["path docs/größe \"x\".md"]);
    let alias = ["session", "alias", "tester-nobody", "parsing"];
    assert_ne!(sandbox.trace(&alias).code, 0, "there is no such session");
}

#[test]
fn a_phrase_comes_before_its_words_and_the_newer_before_the_older() {
    let sandbox = world();
    let found = told(&sandbox, &["empty", "line"]);
    assert_eq!(
        found,
        [
            "prompt Teach the parser to survive an empty line",
            "command echo the line is empty",
            "command make docs && grep -n 'empty  line' docs",
        ]
    );
    let ranks: Vec<Value> = hits(&sandbox, &["empty line"]).iter().map(|hit| hit["rank"].clone()).collect();
    assert_eq!(ranks, ["phrase", "words", "words"]);
    sandbox.checkpoint();
    assert_eq!(told(&sandbox, &["empty", "line"]), found, "a checkpoint changes nothing");
}

#[test]
fn a_capital_letter_makes_case_count() {
    let sandbox = world();
    assert_eq!(told(&sandbox, &["TEACH"]), [""; 0]);
    assert_eq!(told(&sandbox, &["teach"]).len(), 1);
    assert_eq!(told(&sandbox, &["Teach"]).len(), 1);
}

#[test]
fn what_waits_in_the_journal_is_found_too() {
    let sandbox = world();
    let hit = &hits(&sandbox, &["echo the line"])[0];
    assert_eq!((&hit["checkpoint"], &hit["agent"]), (&Value::Null, &json!("tester")));
}

#[test]
fn each_filter_leaves_what_fits_it() {
    let sandbox = world();
    let session = hits(&sandbox, &["make docs"])[0]["session"].as_str().unwrap().to_owned();
    let cases: [(&[&str], &[&str]); 11] = [
        (&["--kind", "prompt", "parser"], &["prompt Teach the parser to survive an empty line"]),
        (&["--exit", "nonzero", "-E", "."], &["command make docs && grep -n 'empty  line' docs"]),
        (&["--exit", "2", "-E", "."], &["command make docs && grep -n 'empty  line' docs"]),
        (&["--exit", "0", "cargo"], &["command cargo test parser"]),
        (&["--exit", "3", "-E", "."], &[]),
        (
            &["--session", &session, "--kind", "command", "make"],
            &["command make docs && grep -n 'empty  line' docs"],
        ),
        (&["--session", &session, "cargo"], &[]),
        (&["--actor", "tester", "cargo"], &["command cargo test parser"]),
        (&["--actor", "human", "cargo"], &[]),
        (&["--since", "1h", "cargo"], &["command cargo test parser"]),
        (&["--until", "1h", "cargo"], &[]),
    ];
    for (args, expected) in cases {
        assert_eq!(told(&sandbox, args), expected, "{args:?}");
    }
}

#[test]
fn a_file_leaves_the_checkpoints_that_changed_it() {
    let sandbox = world();
    assert_eq!(
        told(&sandbox, &["--file", "docs", "--kind", "command", "-E", "."]),
        ["command make docs && grep -n 'empty  line' docs"]
    );
    assert_eq!(told(&sandbox, &["--file", "src/parser.rs", "--kind", "command", "-E", "."]).len(), 2);
    assert_eq!(
        told(&sandbox, &["--file", "src", "-E", "r"]).iter().filter(|hit| hit.starts_with("path")).count(),
        1
    );
    assert_eq!(told(&sandbox.cd("src"), &["--file", "parser.rs", "cargo"]), ["command cargo test parser"]);
    assert_eq!(told(&sandbox, &["--file", "src/pars", "-E", "."]), [""; 0]);
    assert!(told(&sandbox, &["--file", ".", "cargo"]).len() == 1);
}

#[test]
fn an_alias_is_found_and_names_the_session_from_then_on() {
    let sandbox = world();
    let session = hits(&sandbox, &["cargo"])[0]["session"].as_str().unwrap().to_owned();
    sandbox.trace(&["session", "alias", &session, "parsing"]).good("session alias");
    assert_eq!(told(&sandbox, &["pars", "--kind", "session"]), ["session parsing"]);
    assert_eq!(hits(&sandbox, &["cargo"])[0]["alias"], "parsing");
    let shown = sandbox.trace(&["search", "cargo"]).good("search");
    assert!(
        shown.starts_with("command ") && shown.contains("  parsing  exit 0\n    cargo test parser"),
        "{shown}"
    );
}

#[test]
fn nothing_found_is_a_no_and_nonsense_is_a_misuse() {
    let sandbox = world();
    none(sandbox.trace(&["search", "xyzzy"]));
    let ran = sandbox.trace(&["search", "xyzzy", "--json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["hits"], json!([]));
    for args in [
        &["search"][..],
        &["search", " "],
        &["search", "-E", "a("],
        &["search", "--exit", "x", "a"],
        &["search", "--kind", "x", "a"],
    ] {
        let ran = sandbox.trace(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {ran:?}");
    }
}

#[test]
fn the_match_is_coloured_and_a_limit_says_what_it_left_out() {
    let sandbox = world();
    let ran = sandbox.trace(&["--color", "always", "search", "--limit", "1", "parser"]);
    assert!(ran.stdout.contains("\u{1b}[1;31mparser\u{1b}[0m"), "{ran:?}");
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (2, "and 3 more: --limit 0 lists them\n"));
}
