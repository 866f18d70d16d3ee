//! Transcripts: what an agent's own file gained goes into the checkpoints, once and without its secrets,
//! and comes back when the agent has lost it.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::place::{GIT_TRACE, Place, finish};
use crate::sandbox::{Sandbox, have};

const ID: &str = "0a0a0a0a-0000-4000-8000-000000000001";

/// One conversation of Claude, its file, and what it says there.
struct Talk {
    sandbox: Sandbox,
    file: PathBuf,
}

impl Talk {
    fn begin() -> Self {
        let sandbox = Sandbox::enabled();
        let file = claude(&sandbox, &sandbox.dir.to_string_lossy());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let talk = Self { sandbox, file };
        talk.hook("SessionStart", json!({"source": "startup"}));
        talk
    }

    fn hook(&self, event: &str, more: Value) {
        hook_at(&self.sandbox, &self.sandbox, &self.file, event, more);
    }

    /// The agent adds records, as a rule in one write.
    fn says(&self, text: &str) {
        let old = fs::read(&self.file).unwrap_or_default();
        fs::write(&self.file, [&old, text.as_bytes()].concat()).unwrap();
    }

    fn kept(&self) -> String {
        kept(&self.sandbox)
    }
}

/// Where Claude keeps the conversation of a directory.
fn claude(sandbox: &Sandbox, dir: &str) -> PathBuf {
    let slug: String = dir.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    sandbox.root().join("home/.claude/projects").join(slug).join(format!("{ID}.jsonl"))
}

fn hook_at(place: &Place, cwd: &Place, file: &std::path::Path, event: &str, more: Value) {
    let mut payload = json!({
        "hook_event_name": event, "session_id": ID, "cwd": cwd.dir, "transcript_path": file,
    });
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    finish(place.command(GIT_TRACE).args(["hook", "claude"]), payload.to_string().as_bytes()).silent();
}

fn kept(place: &Place) -> String {
    let ran = place.trace(&["session", "transcript", ID]);
    if ran.code == 1 { String::new() } else { ran.good("session transcript") + "\n" }
}

fn record(id: &str, text: &str) -> String {
    json!({"type": "user", "uuid": id, "message": {"role": "user", "content": text}}).to_string() + "\n"
}

#[test]
fn what_a_conversation_gained_is_in_the_next_checkpoint_and_outlives_the_agents_own_copy() {
    let talk = Talk::begin();
    talk.says(&record("a", "add a retry"));
    talk.hook("UserPromptSubmit", json!({"prompt": "add a retry"}));
    talk.sandbox.checkpoint();
    assert_eq!(talk.kept(), record("a", "add a retry"));
    // The last line is torn: the rest of it comes later.
    talk.says(&(record("b", "done") + "{\"type\":\"user\",\"uu"));
    talk.sandbox.checkpoint();
    assert_eq!(talk.kept(), record("a", "add a retry") + &record("b", "done"));
    talk.says("id\":\"c\"}\n");
    talk.sandbox.checkpoint();
    let whole = record("a", "add a retry") + &record("b", "done") + "{\"type\":\"user\",\"uuid\":\"c\"}\n";
    assert_eq!(talk.kept(), whole);
    fs::remove_file(&talk.file).unwrap();
    talk.sandbox.checkpoint();
    assert_eq!(talk.kept(), whole, "and it stays when the agent's own is gone");
    let shown = &talk.sandbox.json(&["session", "show", ID])["sessions"][0];
    assert_eq!(shown["conversation"]["kept_only"], true);
    assert_eq!(shown["transcript_kept"], 3);
    talk.sandbox.fsck();
}

#[test]
fn a_checkpoint_without_news_takes_nothing_of_it_again() {
    let talk = Talk::begin();
    talk.says(&record("a", "one"));
    talk.sandbox.checkpoint();
    let trees = |place: &Place| place.store_git(&["rev-list", "--objects", "--all"]).lines().count();
    let before = trees(&talk.sandbox);
    let second = talk.sandbox.json(&["checkpoint"]);
    assert_eq!(second["created"], false);
    assert_eq!(trees(&talk.sandbox), before);
    // Its words alone are news for whoever asks, and only what is new of them.
    talk.says(&record("b", "two"));
    let third = talk.sandbox.checkpoint();
    let piece = talk.sandbox.store_git(&["ls-tree", "-r", "--name-only", &third]);
    let names: Vec<&str> = piece.lines().filter(|name| name.starts_with("transcripts/sess_")).collect();
    assert_eq!(names.len(), 1, "{piece}");
    assert_eq!(
        talk.sandbox.store_git(&["show", &format!("{third}:{}", names[0])]) + "\n",
        record("b", "two")
    );
}

#[test]
fn no_secret_of_a_conversation_reaches_the_store() {
    let talk = Talk::begin();
    let secret = ["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
    talk.says(&record("a", &format!("use {secret} for it")));
    talk.sandbox.checkpoint();
    let kept = talk.kept();
    assert!(kept.contains("for it") && !kept.contains(&secret), "{kept}");
}

#[test]
fn of_a_file_that_was_written_anew_only_what_is_new_is_kept() {
    let talk = Talk::begin();
    talk.says(&(record("a", "one") + &record("b", "two") + &record("c", "three")));
    talk.sandbox.checkpoint();
    // Rewound: `c` is gone, `b` says something else, and there is a new one.
    fs::write(&talk.file, record("a", "one") + &record("b", "zwei") + &record("d", "four")).unwrap();
    talk.sandbox.checkpoint();
    let all = ["a:one", "b:two", "c:three", "b:zwei", "d:four"];
    let lines = all.map(|line| line.split_once(':').unwrap()).map(|(id, text)| record(id, text));
    assert_eq!(talk.kept(), lines.concat());
    // Saved again and again, it is still there once.
    for _ in 0..3 {
        fs::write(&talk.file, record("d", "four") + &record("a", "one") + &record("b", "zwei")).unwrap();
        talk.sandbox.checkpoint();
    }
    assert_eq!(talk.kept(), lines.concat());
}

#[test]
fn of_a_long_file_that_was_written_anew_nothing_is_kept_twice() {
    let talk = Talk::begin();
    // More than one checkpoint takes.
    let long: Vec<String> =
        (0..10).map(|n| record(&n.to_string(), &format!("{n} ").repeat(500_000))).collect();
    talk.says(&long.concat());
    let counted = || {
        talk.sandbox.checkpoint();
        talk.sandbox.checkpoint();
        talk.sandbox.json(&["session", "show", ID])["sessions"][0]["transcript_kept"].clone()
    };
    assert_eq!(counted(), 10);
    fs::write(&talk.file, [record("new", "one").as_str(), &long.concat(), &record("end", "one")].concat())
        .unwrap();
    assert_eq!(counted(), 12);
}

#[test]
fn a_hook_that_names_what_is_no_transcript_gets_nothing_kept_and_no_error() {
    let sandbox = Sandbox::enabled();
    let root = sandbox.root().to_owned();
    fs::write(root.join("secret.txt"), "{\"a\":1}\n").unwrap();
    std::os::unix::fs::symlink(root.join("real.jsonl"), root.join("link.jsonl")).unwrap();
    fs::write(root.join("real.jsonl"), "{\"a\":1}\n").unwrap();
    fs::create_dir(root.join("dir.jsonl")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo.jsonl"), rustix::fs::Mode::from_raw_mode(0o600))
        .unwrap();
    for name in ["secret.txt", "link.jsonl", "dir.jsonl", "fifo.jsonl", "absent.jsonl", "../../etc/passwd"] {
        hook_at(&sandbox, &sandbox, &root.join(name), "UserPromptSubmit", json!({"prompt": name}));
        sandbox.checkpoint();
        assert_eq!(kept(&sandbox), "", "{name}");
    }
}

#[test]
fn a_transcript_that_the_agent_lost_is_put_back_where_it_looks() {
    let talk = Talk::begin();
    let whole = record("a", "one") + &record("b", "two");
    talk.says(&whole);
    talk.hook("UserPromptSubmit", json!({"prompt": "one"}));
    talk.sandbox.checkpoint();
    let resumed = || talk.sandbox.trace(&["resume", ID]);
    let command = format!("cd {} && claude -r {ID}\n", talk.sandbox.dir.display());
    let told = resumed();
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), (command.as_str(), ""), "it is all there");
    fs::remove_file(&talk.file).unwrap();
    let told = resumed();
    assert_eq!(told.stdout, command);
    assert!(told.stderr.contains("the transcript is back"), "{}", told.stderr);
    assert_eq!(fs::read_to_string(&talk.file).unwrap(), whole);
    // Never over a longer one.
    talk.says(&record("c", "three"));
    resumed();
    assert_eq!(fs::read_to_string(&talk.file).unwrap(), whole.clone() + &record("c", "three"));
    // What is shorter is not lost either.
    fs::write(&talk.file, record("z", "other")).unwrap();
    resumed();
    assert_eq!(fs::read_to_string(&talk.file).unwrap(), whole);
    let aside = talk.file.with_extension("jsonl.before-trace");
    assert_eq!(fs::read_to_string(aside).unwrap(), record("z", "other"));
}

#[test]
fn a_conversation_goes_on_in_another_worktree_and_after_its_own_was_moved() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["worktree", "add", "-q", "../first"]);
    let first = sandbox.at("first");
    let file = claude(&sandbox, &first.dir.to_string_lossy());
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, record("a", "one")).unwrap();
    hook_at(&sandbox, &first, &file, "UserPromptSubmit", json!({"prompt": "one"}));
    first.checkpoint();
    fs::remove_file(&file).unwrap();
    // In this worktree instead, and where it was under the name that this has now.
    let resumed = |place: &Place, more: &[&str]| {
        let told = place.trace(&[&["resume", ID], more].concat()).good("resume");
        assert_eq!(told, format!("cd {} && claude -r {ID}", place.dir.display()));
        let back = claude(&sandbox, &place.dir.to_string_lossy());
        assert_eq!(fs::read_to_string(back).unwrap(), record("a", "one"));
    };
    resumed(&sandbox, &["--here"]);
    sandbox.git(&["worktree", "move", "../first", "../second"]);
    resumed(&sandbox.at("second"), &[]);
}

#[test]
fn a_branch_and_a_checkpoint_name_the_session_to_go_on_with() {
    let talk = Talk::begin();
    talk.hook("UserPromptSubmit", json!({"prompt": "one"}));
    let checkpoint = talk.sandbox.checkpoint();
    for word in ["main", &checkpoint[..10], "last"] {
        assert_eq!(talk.sandbox.json(&["resume", word])["command"], json!(["claude", "-r", ID]));
    }
    let switch = talk.sandbox.trace(&["resume", ID, "--switch"]).good("resume --switch");
    assert!(switch.contains("&& git switch main && claude"), "{switch}");
    assert_eq!(talk.sandbox.trace(&["resume", "nothing-like-it"]).code, 1);
}

#[test]
fn a_turn_costs_the_same_number_of_syncs_however_many_tools_it_has() {
    if !have("strace", "it counts the syncs") {
        return;
    }
    let count = |tools: usize| {
        let talk = Talk::begin();
        let trace = talk.sandbox.root().join("strace");
        let traced = |args: &[&str], payload: &str| {
            let mut command = talk.sandbox.command("strace");
            command.args(["-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-A", "-o"]);
            finish(command.arg(&trace).arg(GIT_TRACE).args(args), payload.as_bytes());
        };
        let call = |event: &str, more: Value| {
            let mut payload = json!({
                "hook_event_name": event, "session_id": ID, "cwd": talk.sandbox.dir, "transcript_path": talk.file,
            });
            payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            traced(&["hook", "claude"], &payload.to_string());
        };
        call("UserPromptSubmit", json!({"prompt": "go"}));
        for tool in 0..tools {
            let name = format!("f{tool}");
            let path = talk.sandbox.dir.join(&name);
            let more = json!({"tool_name": "Write", "tool_use_id": name, "tool_input": {"file_path": path}});
            // A guard takes what a tool is about to overwrite: here there is nothing yet.
            talk.sandbox.write(&name, "x");
            talk.says(&record(&name, "wrote it"));
            call("PostToolUse", more);
        }
        traced(&["checkpoint"], "");
        fs::read_to_string(&trace).unwrap().lines().filter(|line| line.contains("sync")).count()
    };
    let one = count(1);
    assert!(one > 0, "a prompt and a checkpoint are synced");
    assert_eq!((count(5), count(20)), (one, one));
}

/// A second conversation of Claude in the same directory, whose file begins as told.
fn second(talk: &Talk, id: &str, source: &str, lines: &str) {
    let file = talk.file.with_file_name(format!("{id}.jsonl"));
    fs::write(&file, lines).unwrap();
    let start = json!({"session_id": id, "source": source});
    hook_at(&talk.sandbox, &talk.sandbox, &file, "SessionStart", start);
    talk.sandbox.checkpoint();
}

fn listed(talk: &Talk) -> Vec<Value> {
    let all = talk.sandbox.json(&["session", "list"])["sessions"].as_array().unwrap().clone();
    all.into_iter().filter(|one| one["agent"] == "claude").collect()
}

#[test]
fn a_conversation_that_was_resumed_under_a_new_id_is_the_same_session() {
    let talk = Talk::begin();
    let whole = record("a", "one") + &record("b", "two");
    talk.says(&whole);
    talk.sandbox.checkpoint();
    second(&talk, "new-id", "resume", &(whole.clone() + &record("c", "three")));
    let all = listed(&talk);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["external_ids"], json!([ID, "new-id"]));
    assert_eq!(
        (&all[0]["identity"]["source"], &all[0]["identity"]["confidence"]),
        (&json!("transcript_lineage"), &json!("high"))
    );
    for name in [ID, "new-id"] {
        assert_eq!(talk.sandbox.json(&["session", "show", name])["sessions"][0]["id"], all[0]["id"]);
    }
    // The old one speaks again: they are two after all.
    talk.hook("UserPromptSubmit", json!({"prompt": "still here"}));
    let all = listed(&talk);
    assert_eq!(all.len(), 2, "{all:?}");
    let child = all.iter().find(|one| one["external_ids"] == json!(["new-id"])).unwrap();
    let parent = all.iter().find(|one| one["external_ids"] == json!([ID])).unwrap();
    assert_eq!((&child["parent"], &child["parent_kind"]), (&parent["id"], &json!("fork")));
}

#[test]
fn a_conversation_that_shares_its_beginning_is_a_fork_and_one_that_shares_nothing_is_alone() {
    let talk = Talk::begin();
    talk.says(&(record("a", "one") + &record("b", "two") + &record("c", "three")));
    talk.sandbox.checkpoint();
    let parent = listed(&talk)[0]["id"].clone();
    // It was forked after the second record, and it does not even say so.
    second(&talk, "fork", "resume", &(record("a", "one") + &record("b", "two") + &record("d", "other")));
    second(&talk, "clear", "clear", &record("z", "new"));
    let all = listed(&talk);
    let of = |id: &str| all.iter().find(|one| one["external_ids"] == json!([id])).unwrap().clone();
    assert_eq!((&of("fork")["parent"], &of("fork")["parent_kind"]), (&parent, &json!("fork")));
    assert_eq!(of("clear")["parent"], Value::Null);
    // What the child says from now on is the child's.
    let before = kept(&talk.sandbox);
    let file = talk.file.with_file_name("fork.jsonl");
    fs::write(&file, fs::read_to_string(&file).unwrap() + &record("e", "more")).unwrap();
    talk.sandbox.checkpoint();
    assert_eq!(kept(&talk.sandbox), before);
}

#[test]
fn of_two_conversations_that_one_checkpoint_takes_in_the_later_is_a_fork_of_the_earlier() {
    let sandbox = Sandbox::enabled();
    let file = claude(&sandbox, &sandbox.dir.to_string_lossy());
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let talk = Talk { sandbox, file };
    let begins = record("a", "one") + &record("b", "two");
    // Which of them is told of first says nothing: their files say which is older.
    for (id, at, own) in [("fork", 1_700_000_002, "d"), (ID, 1_700_000_001, "c")] {
        let file = talk.file.with_file_name(format!("{id}.jsonl"));
        fs::write(&file, begins.clone() + &record(own, "three")).unwrap();
        let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at);
        fs::File::open(&file).unwrap().set_modified(written).unwrap();
        hook_at(&talk.sandbox, &talk.sandbox, &file, "SessionStart", json!({"session_id": id}));
    }
    talk.sandbox.checkpoint();
    let all = listed(&talk);
    let of = |id: &str| all.iter().find(|one| one["external_ids"] == json!([id])).unwrap();
    assert_eq!((&of("fork")["parent"], &of("fork")["parent_kind"]), (&of(ID)["id"], &json!("fork")));
    assert_eq!(of(ID)["parent"], Value::Null);
}

#[test]
fn where_a_fork_parts_does_not_depend_on_what_its_checkpoint_takes_beside_it() {
    let talk = Talk::begin();
    let begins: String = (0..30).map(|number| record(&format!("n{number}"), &"x".repeat(60_000))).collect();
    let between = record("z", &"y".repeat(2_900_000));
    let all = [(ID, 1, begins.clone()), ("between", 2, between), ("fork", 3, begins + &record("own", "two"))];
    for (id, at, text) in all {
        let file = talk.file.with_file_name(format!("{id}.jsonl"));
        fs::write(&file, text).unwrap();
        let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at);
        fs::File::open(&file).unwrap().set_modified(written).unwrap();
        hook_at(&talk.sandbox, &talk.sandbox, &file, "SessionStart", json!({"session_id": id}));
    }
    talk.sandbox.checkpoint();
    let all = listed(&talk);
    let fork = all.iter().find(|one| one["external_ids"] == json!(["fork"])).unwrap();
    assert_eq!(fork["shares"]["up_to"], "n29");
}

#[test]
fn conversations_whose_file_never_came_do_not_drive_out_one_that_goes_on() {
    let talk = Talk::begin();
    for number in 0..70 {
        let absent = talk.file.with_file_name(format!("absent-{number}.jsonl"));
        let id = format!("absent-{number}");
        hook_at(&talk.sandbox, &talk.sandbox, &absent, "SessionStart", json!({"session_id": id}));
    }
    talk.sandbox.checkpoint();
    talk.says(&record("a", "one"));
    talk.hook("UserPromptSubmit", json!({"prompt": "one"}));
    talk.sandbox.checkpoint();
    let other = talk.file.with_file_name("other.jsonl");
    fs::write(&other, record("b", "two")).unwrap();
    hook_at(&talk.sandbox, &talk.sandbox, &other, "SessionStart", json!({"session_id": "other"}));
    talk.sandbox.checkpoint();
    // What is written late no hook tells of.
    talk.says(&record("c", "three"));
    talk.sandbox.checkpoint();
    assert_eq!(talk.kept(), record("a", "one") + &record("c", "three"));
}

#[test]
fn what_an_agent_says_of_a_parent_is_believed_and_what_a_person_says_more() {
    let sandbox = Sandbox::enabled();
    let start = |agent: &str, payload: Value| {
        let mut all = json!({"hook_event_name": "SessionStart", "cwd": sandbox.dir});
        all.as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
        finish(sandbox.command(GIT_TRACE).args(["hook", agent]), all.to_string().as_bytes()).silent();
    };
    start("codex", json!({"session_id": "t-1", "source": "startup"}));
    start("codex", json!({"session_id": "t-2", "source": "startup", "forked_from_id": "t-1"}));
    start("codex", json!({"session_id": "t-3", "thread_source": "subagent", "parent_thread_id": "t-1"}));
    let one = |name: &str| sandbox.json(&["session", "show", name])["sessions"][0].clone();
    let first = one("t-1")["id"].clone();
    assert_eq!((&one("t-2")["parent"], &one("t-2")["parent_kind"]), (&first, &json!("fork")));
    assert_eq!((&one("t-3")["parent"], &one("t-3")["parent_kind"]), (&first, &json!("subagent")));
    sandbox.trace(&["session", "link-parent", "t-2", "t-3"]).good("link-parent");
    start("codex", json!({"session_id": "t-2", "source": "resume", "forked_from_id": "t-1"}));
    assert_eq!((&one("t-2")["parent"], &one("t-2")["parent_kind"]), (&one("t-3")["id"], &json!("manual")));
}

#[test]
fn what_an_agent_answered_is_found_again() {
    let talk = Talk::begin();
    let answer = json!({"type": "assistant", "uuid": "r", "timestamp": "2026-09-01T08:00:00.000Z", "message": {
        "id": "m", "role": "assistant", "model": "big",
        "content": [{"type": "text", "text": "The retry belongs into the client, \"not\" the server."}]}});
    talk.says(&(record("a", "where?") + &answer.to_string() + "\n"));
    talk.sandbox.checkpoint();
    fs::remove_file(&talk.file).unwrap();
    let hits = |args: &[&str]| {
        let ran = talk.sandbox.trace(&[&["search", "--json"], args].concat());
        let found: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        (ran.code, found["hits"].as_array().cloned().unwrap_or_default())
    };
    let (_, found) = hits(&["belongs into the client, \"not\""]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["kind"], &found[0]["time"]),
        (&json!("answer"), &json!("2026-09-01T08:00:00.000000Z"))
    );
    assert_eq!(hits(&["--kind", "answer", "retry"]).1.len(), 1);
    assert_eq!(hits(&["--kind", "command", "retry"]).0, 1);
    assert_eq!(hits(&["--exit", "0", "retry"]).0, 1);
}

#[test]
fn a_long_transcript_is_kept_to_its_end_by_whoever_waits_for_a_checkpoint() {
    let talk = Talk::begin();
    let long = "word ".repeat(40_000);
    let lines: String = (0..120).map(|n| record(&format!("r{n}"), &long)).collect();
    talk.says(&lines);
    talk.sandbox.checkpoint();
    assert_eq!(talk.kept().len(), lines.len());
    let checkpoints = talk.sandbox.list("log", "checkpoints");
    assert!(checkpoints.len() > 2, "it takes more than one: {}", checkpoints.len());
}

/// So many other conversations grow, and are kept.
fn others(talk: &Talk, many: usize) {
    for n in 0..many {
        let id = format!("0b0b0b0b-0000-4000-8000-{n:012}");
        let file = talk.file.with_file_name(format!("{id}.jsonl"));
        let line = json!({"type": "user", "uuid": format!("u{n}"), "sessionId": id, "cwd": talk.sandbox.dir,
            "timestamp": "2026-09-01T08:00:00.000Z", "message": {"role": "user", "content": "another"}});
        fs::write(file, format!("{line}\n")).unwrap();
    }
    talk.sandbox.trace(&["import", "claude"]).good("import");
}

#[test]
fn a_conversation_that_goes_on_after_many_others_is_kept_on() {
    let talk = Talk::begin();
    talk.says(&record("a", "one"));
    talk.hook("UserPromptSubmit", json!({"prompt": "one"}));
    talk.sandbox.checkpoint();
    // Its sub-agent has a transcript of its own.
    let file = talk.file.with_extension("").join("subagents/agent-1.jsonl");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, record("s", "beside")).unwrap();
    talk.hook(
        "SubagentStop",
        json!({"agent_id": "1", "agent_type": "Explore", "agent_transcript_path": file}),
    );
    talk.sandbox.checkpoint();
    others(&talk, 70);
    talk.says(&record("b", "two"));
    talk.hook("UserPromptSubmit", json!({"prompt": "two"}));
    talk.sandbox.checkpoint();
    let kept = talk.kept();
    assert!(kept.contains(&record("a", "one")) && kept.contains(&record("b", "two")), "{kept}");
    assert_eq!(kept.matches("\"uuid\":\"a\"").count(), 1, "{kept}");
}

#[test]
fn a_conversation_with_a_second_transcript_is_kept_on_after_many_others() {
    let talk = Talk::begin();
    talk.says(&record("a", "one"));
    talk.hook("UserPromptSubmit", json!({"prompt": "one"}));
    talk.sandbox.checkpoint();
    others(&talk, 63);
    let second = talk.file.with_file_name("second.jsonl");
    fs::write(&second, record("s", "beside")).unwrap();
    hook_at(&talk.sandbox, &talk.sandbox, &second, "SessionStart", json!({"source": "resume"}));
    talk.sandbox.checkpoint();
    talk.says(&record("b", "two"));
    talk.hook("UserPromptSubmit", json!({"prompt": "two"}));
    talk.sandbox.checkpoint();
    let kept = talk.kept();
    assert!(kept.contains(&record("b", "two")), "{kept}");
}
