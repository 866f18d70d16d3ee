//! The story of a checkpoint, a session or a commit; and commands in numbers and as a script.

use std::fs;

use serde_json::{Value, json};

use crate::place::{Place, payload};
use crate::sandbox::Sandbox;
use crate::undo::{agent_edits, agent_runs, call};

fn explain(place: &Place, what: &str) -> Value {
    let document = place.json(&["explain", what]);
    assert_eq!(document["schema"], "trace/v1/explain");
    document
}

fn all<'a>(document: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    document[list].as_array().unwrap().iter().filter_map(|one| one[field].as_str()).collect()
}

/// One turn of an agent: a command, an edit, a command that fails, and a commit of it.
fn world() -> Sandbox {
    let sandbox = Sandbox::enabled();
    sandbox.tell("other", "echo nothing to do with it");
    sandbox.checkpoint();
    call(&sandbox, "a", "turn_start", json!({"prompt": "make a longer\nand test it"}));
    agent_runs(&sandbox, "a", "1", "echo more >> src/a");
    sandbox.checkpoint();
    agent_edits(&sandbox, "a", "2", ("notes", "what I did\n"));
    let mut failed = payload(&sandbox.dir, "a", "make test");
    failed["exit"] = json!(2);
    sandbox.hook(failed.to_string().as_bytes()).silent();
    call(&sandbox, "a", "turn_end", json!({"text": "a is longer now"}));
    sandbox.checkpoint();
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-qm", "a is longer"]);
    sandbox.checkpoint();
    sandbox
}

fn session(sandbox: &Sandbox) -> String {
    let found = sandbox.json(&["search", "make test"]);
    found["hits"][0]["session"].as_str().unwrap().to_owned()
}

#[test]
fn a_session_is_told_from_its_prompt_to_its_answer() {
    let sandbox = world();
    let story = explain(&sandbox, &session(&sandbox));
    assert_eq!(story["kind"], "session");
    assert_eq!(all(&story, "prompts", "prompt"), ["make a longer\nand test it"]);
    assert_eq!(
        (&story["prompts"][0]["end"], &story["prompts"][0]["answer"]),
        (&json!("answered"), &json!("a is longer now"))
    );
    assert_eq!(all(&story, "commands", "command"), ["echo more >> src/a", "make test"]);
    assert_eq!(all(&story, "changes", "path"), ["notes", "src/a"]);
    assert_eq!(story["changes"][0]["by"][0]["tool"], "edit");
    assert_eq!(story["after"], json!([]));
    sandbox.trace(&["session", "alias", &session(&sandbox), "longer"]).good("alias");
    assert_eq!(explain(&sandbox, "longer")["session"]["alias"], "longer");
}

#[test]
fn a_commit_is_told_by_the_checkpoints_whose_changes_went_into_it() {
    let sandbox = world();
    for what in ["HEAD", "main", &sandbox.git(&["rev-parse", "HEAD"])] {
        let story = explain(&sandbox, what);
        assert_eq!(
            (&story["kind"], &story["commit"]["subject"]),
            (&json!("commit"), &json!("a is longer")),
            "{what}"
        );
        assert!(all(&story, "commands", "command").contains(&"make test"), "{story:#}");
        assert_eq!(all(&story, "prompts", "prompt"), ["make a longer\nand test it"]);
    }
    let why = sandbox.trace(&["why", "HEAD"]).good("why HEAD");
    assert!(why.starts_with("commit ") && why.contains("make a longer"), "{why}");
    // By its content alone, and nothing where there is none.
    let alike = sandbox.git(&["commit-tree", "-m", "made elsewhere", "-p", "HEAD~1", "HEAD^{tree}"]);
    assert_eq!(all(&explain(&sandbox, &alike), "prompts", "prompt"), ["make a longer\nand test it"]);
    let foreign = sandbox.git(&["commit-tree", "-m", "made elsewhere", "-p", "HEAD", "HEAD^{tree}"]);
    let ran = sandbox.trace(&["explain", &foreign]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("nothing that was recorded led to"), "{ran:?}");
}

#[test]
fn a_checkpoint_is_told_with_the_prompt_from_before_it_and_what_was_put_back_after() {
    let sandbox = world();
    let found = sandbox.json(&["search", "echo more"]);
    let id = found["hits"][0]["checkpoint"].as_str().unwrap().to_owned();
    let story = explain(&sandbox, &id);
    assert_eq!(all(&story, "commands", "command"), ["echo more >> src/a"]);
    assert_eq!(all(&story, "prompts", "prompt"), ["make a longer\nand test it"]);
    assert_eq!((all(&story, "changes", "path"), &story["after"]), (vec!["src/a"], &json!([])));
    let back = sandbox.list("log", "checkpoints").last().unwrap()["id"].as_str().unwrap().to_owned();
    sandbox.trace(&["restore", "--yes", &back, "src/a"]).good("restore");
    sandbox.checkpoint();
    let story = explain(&sandbox, &id);
    assert_eq!(
        (&story["after"][0]["action"], &story["after"][0]["changed"]),
        (&json!("restore"), &json!(1)),
        "{story:#}"
    );
}

#[test]
fn the_page_has_its_blocks_in_order() {
    let sandbox = world();
    let page = sandbox.trace(&["explain", &session(&sandbox)]).good("explain");
    let mut rest = page.as_str();
    for words in [
        "session sess_",
        "\nIntent\n",
        "make a longer\n          and test it\n",
        "\nCommands\n2 commands, 1 failed",
        "make test",
        "\nFiles\n",
        "M  src/a",
        "\nOutcome\n",
        "answered  a is longer now",
    ] {
        let at = rest.find(words).unwrap_or_else(|| panic!("{words:?} is missing, or too early, in {page}"));
        rest = &rest[at + words.len()..];
    }
    let ran = sandbox.trace(&["explain", "nothing-of-the-kind"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
}

#[test]
fn commands_are_counted_by_directory_and_by_program() {
    let sandbox = world();
    sandbox.cd("src").tell("a", "make deep");
    let stats = sandbox.json(&["commands", "--stats"]);
    assert_eq!(
        (&stats["schema"], &stats["commands"], &stats["failed"]),
        (&json!("trace/v1/stats"), &json!(4), &json!(1))
    );
    assert_eq!(
        (all(&stats, "words", "word"), all(&stats, "directories", "cwd").len()),
        (vec!["echo", "make"], 2)
    );
    let here = sandbox.cd("src").json(&["commands", "--stats", "--here"]);
    assert_eq!((&here["commands"], all(&here, "words", "word")), (&json!(1), vec!["make"]));
    let listed = sandbox.cd("src").json(&["commands", "--here"]);
    assert_eq!(all(&listed, "commands", "command"), ["make deep"]);
    let shown = sandbox.trace(&["commands", "--stats"]).good("stats");
    assert!(shown.starts_with("4 commands, 1 failed, "), "{shown}");
}

#[test]
fn an_exported_script_does_it_again() {
    let sandbox = Sandbox::enabled();
    for (dir, session) in [("src", "a"), ("it's\nodd", "b")] {
        fs::create_dir_all(sandbox.dir.join(dir)).unwrap();
        let place = sandbox.cd(dir);
        place.tell(session, "echo one >> made");
        let mut failed = payload(&place.dir, session, "echo two >> made\necho three >> made");
        failed["exit"] = json!(1);
        place.hook(failed.to_string().as_bytes()).silent();
    }
    sandbox.tell("a", "cat > heredoc <<'END'\nit's $all \\here\nEND");
    let script = |args: &[&str]| sandbox.trace(&[&["commands", "export"], args].concat()).good("export");
    let run = |text: &str| {
        let ran = sandbox.run("sh", &["-c", text]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let made = |dir: &str| {
            let path = sandbox.dir.join(dir).join("made");
            let text = fs::read_to_string(&path).unwrap();
            fs::remove_file(path).unwrap();
            text
        };
        assert_eq!(fs::read_to_string(sandbox.dir.join("heredoc")).unwrap(), "it's $all \\here\n");
        [made("src"), made("it's\nodd")]
    };
    assert_eq!(run(&script(&[])), ["one\n", "one\n"]);
    assert_eq!(run(&script(&["--all"])), ["one\ntwo\nthree\n", "one\ntwo\nthree\n"]);
    assert!(script(&["--limit", "1"]).contains("# 1 command, "));
    let none = sandbox.trace(&["commands", "export", "--until", "1h"]);
    assert_eq!((none.code, none.stdout.as_str()), (1, ""), "{none:?}");
    assert_eq!(sandbox.trace(&["commands", "--", "export"]).code, 1, "a text like any other");
}
