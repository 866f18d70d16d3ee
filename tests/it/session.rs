//! Sessions: one for each actor, found by any of its names, the same however often it is read.

use std::fs;

use serde_json::{Value, json};

use crate::place::Place;
use crate::sandbox::{Sandbox, race};

/// Tells the generic hook one thing of a session.
fn tell(place: &Place, agent: &str, session: &str, event: &str, more: Value) {
    let mut call =
        json!({"v": 1, "agent": agent, "session": session, "event": event, "cwd": place.dir.to_str()});
    let fields = call.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    place.hook(call.to_string().as_bytes()).silent();
}

fn prompt(place: &Place, session: &str, text: &str) {
    tell(place, "claude", session, "turn_start", json!({"prompt": text}));
}

fn sessions(place: &Place, more: &[&str]) -> Vec<Value> {
    let args = [&["session", "list", "--limit", "0"], more].concat();
    place.json(&args)["sessions"].as_array().unwrap().clone()
}

fn one(place: &Place, name: &str) -> Value {
    place.json(&["session", "show", name])["sessions"][0].clone()
}

#[test]
fn every_agent_and_shell_is_a_session_with_what_it_did() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "<system-reminder>x</system-reminder>add a retry to the client");
    sandbox.tell("tests", "make");
    tell(
        &sandbox,
        "claude",
        "c-1",
        "tool_post",
        json!({"tool": "shell", "tool_id": "1", "command": "ls", "exit": 0}),
    );
    sandbox.checkpoint();
    prompt(&sandbox, "c-1", "and a test");
    let session = one(&sandbox, "c-1");
    assert_eq!(session["agent"], "claude");
    assert_eq!(session["external_ids"], json!(["c-1"]));
    assert_eq!(
        (&session["prompts"], &session["commands"], &session["checkpoints"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(session["first_prompt"], "add a retry to the client");
    assert_eq!((&session["branch"], &session["branch_at_start"]), (&json!("main"), &json!("main")));
    assert_eq!((&session["state"], &session["outcome"]), (&json!("active"), &json!("open")));
    assert_eq!(session["identity"]["confidence"], "exact");
    assert_eq!(sessions(&sandbox, &[]).len(), 2);
    assert_eq!(sessions(&sandbox, &["--agent", "claude"]).len(), 1);
}

#[test]
fn a_session_goes_by_any_of_its_names_and_by_what_a_table_prints() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "one");
    prompt(&sandbox, "c-2", "two");
    sandbox.trace(&["session", "alias", "c-1", "retry work"]).good("alias");
    let id = one(&sandbox, "c-1")["id"].as_str().unwrap().to_owned();
    let table = sandbox.trace(&["session", "list"]).good("list");
    let printed = table.lines().find(|line| line.contains("retry work")).unwrap();
    let short = printed.split_whitespace().next().unwrap();
    assert_eq!(sandbox.json(&["session"]), sandbox.json(&["session", "list"]), "what it does unasked");
    for name in [&id, &id[..13], &id[5..13], "retry work", "c-1", short] {
        assert_eq!(one(&sandbox, name)["id"], id.as_str(), "{name}");
    }
    let taken = sandbox.trace(&["session", "alias", "c-2", "retry work"]);
    assert_eq!(taken.code, 1, "an alias is one session's: {taken:?}");
    assert_eq!(sandbox.trace(&["session", "show", "nobody"]).code, 1);
    assert_eq!(sandbox.trace(&["session", "alias", "c-2"]).code, 2);
    sandbox.trace(&["session", "alias", "c-1", "--clear"]).good("clear");
    assert_eq!(one(&sandbox, "c-1")["alias"], Value::Null);
}

#[test]
fn what_is_read_is_the_same_without_any_cache_and_from_any_worktree() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["worktree", "add", "-q", "../other"]);
    let other = sandbox.at("other");
    prompt(&sandbox, "c-1", "here");
    prompt(&other, "c-2", "there");
    sandbox.checkpoint();
    other.checkpoint();
    sandbox.trace(&["session", "link", "c-2", "--task", "T-1"]).good("link");
    let before = sandbox.trace(&["session", "list", "--json"]).good("list");
    assert_eq!(other.trace(&["session", "list", "--json"]).good("list elsewhere"), before);
    for cache in ["cache", "index"] {
        fs::remove_dir_all(sandbox.dir.join(".git/trace").join(cache)).unwrap();
    }
    assert_eq!(sandbox.trace(&["session", "list", "--json"]).good("list anew"), before);
    assert_eq!(sessions(&sandbox, &["--task", "T-1"])[0]["external_ids"], json!(["c-2"]));
}

#[test]
fn many_processes_of_one_session_are_one_session_with_all_its_events() {
    let sandbox = Sandbox::enabled();
    race(8, |worker| {
        for round in 0..5 {
            sandbox.tell("the same", &format!("make {worker} {round}"));
        }
    });
    sandbox.checkpoint();
    let all = sessions(&sandbox, &[]);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["commands"], 40);
}

#[test]
fn the_same_prompt_twice_is_two_sessions_of_which_one_may_be_the_other() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "continue");
    prompt(&sandbox, "c-2", "continue");
    let (first, second) = (one(&sandbox, "c-1"), one(&sandbox, "c-2"));
    assert_eq!(first["candidates"], json!([]));
    assert_eq!(second["candidates"].as_array().unwrap().len(), 1);
    assert_eq!(second["candidates"][0]["id"], first["id"]);
    assert_eq!(second["candidates"][0]["confidence"], "weak");
    let told = sandbox.trace(&["session", "explain", "c-2"]).good("explain");
    assert!(told.contains(first["id"].as_str().unwrap()), "{told}");
}

#[test]
fn a_circle_of_parents_is_refused_and_a_tree_is_drawn() {
    let sandbox = Sandbox::enabled();
    for session in ["a", "b", "c"] {
        prompt(&sandbox, session, session);
    }
    for (child, parent) in [("b", "a"), ("c", "b")] {
        sandbox.trace(&["session", "link-parent", child, parent]).good("link-parent");
    }
    for (child, parent) in [("a", "c"), ("a", "b"), ("a", "a")] {
        let refused = sandbox.trace(&["session", "link-parent", child, parent]);
        assert_eq!(refused.code, 1, "{child} below {parent}: {refused:?}");
    }
    let tree = sandbox.json(&["session", "tree", "a"]);
    assert_eq!(tree["tree"]["children"][0]["children"][0]["id"], one(&sandbox, "c")["id"]);
    assert_eq!(sandbox.trace(&["session", "tree", "a"]).good("tree").lines().count(), 3);
    sandbox.trace(&["session", "link-parent", "b", "--remove"]).good("remove");
    assert_eq!(one(&sandbox, "b")["parent"], Value::Null);
}

#[test]
fn closing_is_said_why_and_reopening_forgets_it() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "x");
    sandbox.trace(&["session", "close", "c-1", "--outcome", "blocked", "--reason", "waits"]).good("close");
    let closed = one(&sandbox, "c-1");
    assert_eq!((&closed["outcome"], &closed["closed_reason"]), (&json!("blocked"), &json!("waits")));
    assert!(closed["closed_at"].is_string());
    sandbox.trace(&["session", "close", "c-1", "--outcome", "open"]).good("reopen");
    let open = one(&sandbox, "c-1");
    assert_eq!((&open["closed_at"], &open["closed_reason"]), (&Value::Null, &Value::Null));
    assert_eq!(sandbox.trace(&["session", "close", "c-1", "--outcome", "lost"]).code, 2);
    let dry = sandbox.json(&["session", "close", "c-1", "--outcome", "done", "--dry-run"]);
    assert_eq!(dry["dry_run"], true);
    assert_eq!(one(&sandbox, "c-1")["outcome"], "open");
}

#[test]
fn long_paths_foreign_letters_and_long_ids_are_recorded() {
    let sandbox = Sandbox::enabled();
    let deep = sandbox.cd(["深い"; 300].join("/"));
    fs::create_dir_all(&deep.dir).unwrap();
    let id = "../".repeat(900);
    prompt(&deep, &id, &"再試行を追加する".repeat(100));
    sandbox.checkpoint();
    let session = one(&sandbox, &id);
    assert_eq!(session["first_prompt"].as_str().unwrap().chars().count(), 200);
    assert_eq!(session["cwd"], deep.dir.to_str().unwrap());
}

#[test]
fn the_head_of_a_sha_256_repository_is_kept_whole() {
    let sandbox = Sandbox::empty();
    sandbox.begin(&["--object-format=sha256"]);
    sandbox.enable();
    prompt(&sandbox, "c-1", "x");
    sandbox.checkpoint();
    assert_eq!(one(&sandbox, "c-1")["head"], sandbox.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_sweep_notes_what_is_archived_once() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "x");
    let sweep = ["session", "sweep", "--idle-threshold-days", "1", "--archive-threshold-days", "1"];
    assert_eq!(sandbox.json(&sweep)["transitions"], json!([]));
    assert_eq!(sandbox.trace(&["session", "sweep", "--idle-threshold-days", "0"]).code, 2);
}

#[test]
fn a_file_that_two_sessions_at_work_changed_is_named() {
    let sandbox = Sandbox::enabled();
    let edit = |session: &str, path: &str, text: &str| {
        let file = sandbox.dir.join(path);
        let more = json!({"tool": "edit", "tool_id": format!("{path} {text}"), "input": {"file_path": file.to_str()}});
        tell(&sandbox, "claude", session, "tool_pre", more.clone());
        sandbox.write(path, text);
        tell(&sandbox, "claude", session, "tool_post", more);
    };
    edit("c-1", "src/a", "one\n");
    edit("c-2", "src/b", "two\n");
    sandbox.checkpoint();
    assert_eq!(sandbox.trace(&["conflicts"]).code, 0);
    edit("c-2", "src/a", "two\n");
    sandbox.checkpoint();
    let found = sandbox.trace(&["conflicts", "--json"]);
    assert_eq!(found.code, 1);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["conflicts"].as_array().unwrap().len(), 1);
    assert_eq!(found["conflicts"][0]["path"], "src/a");
    assert_eq!(found["conflicts"][0]["by"].as_array().unwrap().len(), 2);
    sandbox.trace(&["session", "close", "c-1", "--outcome", "done"]).good("close");
    assert_eq!(sandbox.trace(&["conflicts"]).code, 0, "who is done is in nobody's way");
}

#[test]
fn a_session_is_resumed_by_its_agents_own_command_where_it_worked() {
    let sandbox = Sandbox::enabled();
    let below = sandbox.cd("src");
    prompt(&below, "c-1", "add a retry");
    sandbox.checkpoint();
    let way = sandbox.json(&["resume", "c-1"]);
    assert_eq!(way["command"], json!(["claude", "-r", "c-1"]));
    assert_eq!(way["directory"], below.dir.to_str().unwrap());
    let line = sandbox.trace(&["resume"]).good("resume");
    assert_eq!(line, format!("cd {} && claude -r c-1", below.dir.display()));
    tell(&sandbox, "nobody", "n-1", "turn_start", json!({"prompt": "x"}));
    assert_eq!(sandbox.trace(&["resume", "n-1"]).code, 1, "an agent that nobody knows");
    tell(&sandbox, "claude", "--evil", "turn_start", json!({"prompt": "x"}));
    assert_eq!(sandbox.trace(&["resume", "--", "--evil"]).code, 1, "an id that is an option is no id");
    sandbox.write("src/a", "changed since\n");
    sandbox.trace(&["resume", "c-1", "--files", "--yes"]).good("resume with files");
    assert_eq!(fs::read_to_string(sandbox.dir.join("src/a")).unwrap(), "a\n");
}

#[test]
fn a_briefing_tells_another_agent_what_was_wanted_and_what_is_open() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "add a retry\n# no heading of ours");
    let ran = |id: &str, command: &str, exit: i32| {
        let call = json!({"tool": "shell", "tool_id": id, "command": command, "exit": exit});
        tell(&sandbox, "claude", "c-1", "tool_post", call);
    };
    ran("1", "make", 2);
    ran("2", "make lint", 1);
    ran("3", "make", 0);
    sandbox.write("src/`a", "x");
    tell(
        &sandbox,
        "claude",
        "c-1",
        "tool_post",
        json!({"tool": "edit", "tool_id": "4", "paths": ["src/`a"]}),
    );
    tell(&sandbox, "claude", "c-1", "turn_end", json!({"text": "It retries now."}));
    sandbox.checkpoint();
    prompt(&sandbox, "c-1", "and a test with ghp_0123456789abcdefghijABCDEFGHIJ012345");
    sandbox.checkpoint();
    let page = sandbox.trace(&["handoff", "c-1", "--to", "codex"]).good("handoff");
    for expected in [
        "# Handoff: add a retry",
        ", for codex.",
        "Branch: `main`",
        "\n> # no heading of ours\n",
        "> It retries now.",
        "3 commands ran, 2 failed.",
        "- `make lint` failed with exit 1, and was not run since",
        "not over: and a test",
        "- added `src/'a`",
    ] {
        assert!(page.contains(expected), "{expected:?} in {page}");
    }
    assert!(!page.contains("`make` failed") && !page.contains("ghp_0123"), "{page}");
    assert_eq!(
        sandbox.json(&["handoff", "c-1"])["markdown"].as_str().unwrap().lines().next(),
        page.lines().next()
    );
    assert_eq!(sandbox.trace(&["handoff", "c-1", "--to", "nobody"]).code, 2);
}

#[test]
fn nobody_goes_on_with_the_session_that_they_are_in() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "older");
    prompt(&sandbox, "c-2", "the present one");
    let inside = sandbox.with("CLAUDE_CODE_SESSION_ID", "c-2");
    assert_eq!(sandbox.json(&["resume"])["command"], json!(["claude", "-r", "c-2"]));
    assert_eq!(inside.json(&["resume"])["command"], json!(["claude", "-r", "c-1"]));
    let alone = Sandbox::enabled();
    prompt(&alone, "c-2", "the only one");
    let ran = alone.with("CLAUDE_CODE_SESSION_ID", "c-2").trace(&["resume"]);
    assert!(ran.code == 1 && ran.stderr.contains("no other session"), "{ran:?}");
}

#[test]
fn a_command_that_is_run_by_itself_is_a_session_that_ends_with_it_and_that_nobody_goes_on_with() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "older");
    sandbox.trace(&["run", "--", "true"]).good("run");
    let last = sandbox.json(&["session", "list"])["sessions"][0].clone();
    assert_eq!((&last["agent"], &last["ended"], &last["commands"]), (&json!("run"), &json!(true), &json!(1)));
    assert_eq!(last["cwd"], json!(sandbox.dir));
    assert_eq!(sandbox.json(&["resume"])["command"], json!(["claude", "-r", "c-1"]));
    let ran = sandbox.trace(&["resume", last["id"].as_str().unwrap()]);
    assert!(ran.code == 1 && ran.stderr.contains("no conversation to go on with"), "{ran:?}");
}
