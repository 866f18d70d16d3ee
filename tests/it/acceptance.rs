//! What sessions must do, case by case, as their reference lists it. Most of it is shown elsewhere:
//!
//! | case | shown by |
//! |---|---|
//! | 1 a writer is killed with the lock in its hand | `a_killed_holder_of_every_lock_is_in_nobodys_way` |
//! | 2 the last record is cut at every byte | `of_a_journal_cut_at_any_byte_every_other_record_is_read` |
//! | 3 one store from everywhere | `from_wherever_one_calls_it_is_one_store_and_one_lock` |
//! | 4 many processes of one session | `sixteen_processes_of_one_session_tell_each_event_once` |
//! | 5 without caches | `session::what_is_read_is_the_same_without_any_cache_and_from_any_worktree`, `faults::a_cache_that_is_damaged_or_gone_changes_no_answer` |
//! | 6 long paths, foreign letters, many candidates | `the_longest_path_and_more_candidates_than_are_named_are_recorded` |
//! | 7 20,000 sessions | the row `hook20k` of the benchmark |
//! | 8 a start before its transcript | `a_start_without_a_transcript_is_not_taken_for_the_one_beside_it` |
//! | 9 the same prompt twice | `session::the_same_prompt_twice_is_two_sessions_of_which_one_may_be_the_other` |
//! | 10 resume, fork, sub-agent | `each_agent_is_believed_where_its_file_says_it_comes_from`, `what_a_copy_with_new_ids_says_of_itself_is_believed`, `hooks_tell_of_sub_agents_and_forks`, `what_a_sub_agent_does_under_the_id_of_a_tool_call_is_of_the_session_that_made_the_call`, `exported::of_messages_of_one_equal_millisecond_none_is_lost`, three tests of `transcripts` |
//! | 11 the same messages again | `transcripts::of_a_file_that_was_written_anew_only_what_is_new_is_kept` |
//! | 12 a fork writes to itself alone | `transcripts::a_conversation_that_shares_its_beginning_is_a_fork_and_one_that_shares_nothing_is_alone` |
//! | 13 two clones of one session | `two_clones_of_one_session_fold_to_one_whatever_comes_first` |
//! | 14 what a newer version wrote | `what_a_newer_version_wrote_is_carried_on_to_the_byte` |
//! | 15 close and reopen, archive and return | `session::closing_is_said_why_and_reopening_forgets_it`, `what_is_archived_is_noted_once_and_comes_back_with_its_next_word` |
//! | 16 SHA-256 | `session::the_head_of_a_sha_256_repository_is_kept_whole` |
//! | 17 git hangs, the disk is full or read-only | the tests of `held_up` |
//! | 18 a log of sessions-db | `a_log_of_sessions_db_comes_to_what_its_own_rebuild_makes_of_it` |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::rc::Rc;

use serde_json::{Value, json};
use trace::disk::file::Durability;
use trace::disk::journal::{self, Stem};
use trace::model::cursor::Cursor;
use trace::model::event::Event;
use trace::model::id::EventId;
use trace::model::session::{Fold, Setting};
use trace::model::time::Timestamp;
use trace::store::pending;
use trace::view::json::session as document;
use trace::wire::{event, frame};

use crate::place::{GIT_TRACE, Place, finish};
use crate::sandbox::{Sandbox, have, race};
use crate::story::Story;

fn one(place: &Place, name: &str) -> Value {
    place.json(&["session", "show", name])["sessions"][0].clone()
}

fn listing(place: &Place) -> String {
    place.trace(&["session", "list", "--limit", "0", "--json"]).good("session list")
}

/// A hook of `agent`, called with these fields and the directory.
fn hook(place: &Place, agent: &str, event: &str, more: Value) {
    let mut payload = json!({"hook_event_name": event, "cwd": place.dir});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    finish(place.command(GIT_TRACE).args(["hook", agent]), payload.to_string().as_bytes()).silent();
}

fn prompt(place: &Place, session: &str, text: &str) {
    hook(place, "claude", "UserPromptSubmit", json!({"session_id": session, "prompt": text}));
}

#[test]
fn a_killed_holder_of_every_lock_is_in_nobodys_way() {
    if !have("flock", "a lock that another holds") {
        return;
    }
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make one");
    sandbox.checkpoint();
    let locks = sandbox.own_dir().join("locks");
    let names =
        || -> BTreeSet<_> { fs::read_dir(&locks).unwrap().map(|entry| entry.unwrap().file_name()).collect() };
    let before = names();
    assert!(!before.is_empty());
    let hold = "for lock in .git/trace/locks/*; do exec {fd}<>\"$lock\"; flock \"$fd\"; done; echo held; exec sleep 600";
    let mut holder = sandbox.command("bash").args(["-c", hold]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    // A hook needs none of them.
    prompt(&sandbox, "c-1", "while it is held");
    holder.kill().unwrap();
    holder.wait().unwrap();
    sandbox.tell("s", "make two");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make one", "make two"]);
    assert_eq!(one(&sandbox, "c-1")["prompts"], 1);
    assert!(names().is_superset(&before), "a lock's file is never deleted");
}

#[test]
fn of_a_journal_cut_at_any_byte_every_other_record_is_read() {
    let sandbox = Sandbox::enabled();
    let dir = sandbox.root().join("journal");
    fs::create_dir(&dir).unwrap();
    let stem = Stem::parse("a-1").unwrap();
    let line = |n: u32| format!(r#"{{"v":1,"id":"evt_{n}","at":{n},"kind":"turn_ended","body":{{}}}}"#);
    let add = |n: u32| {
        journal::append(&dir, &stem, &frame::encode(line(n).as_bytes()), Durability::Buffered).unwrap()
    };
    add(1);
    let begin = fs::metadata(add(2)).unwrap().len() as usize;
    let whole = fs::read(add(3)).unwrap();
    for cut in begin..=whole.len() {
        for entry in fs::read_dir(&dir).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        fs::write(dir.join(stem.file(0)), &whole[..cut]).unwrap();
        add(4);
        let pending = pending::gather(&dir, &Cursor::default()).unwrap();
        let told: Vec<_> = pending.events().map(|event| event.id.to_string()).collect();
        let all = ["evt_1", "evt_2", "evt_3", "evt_4"];
        // Of the record that was cut, all but its last NUL is enough.
        let third = cut + 1 >= whole.len();
        let expected: Vec<_> = all.into_iter().filter(|id| third || *id != "evt_3").collect();
        assert_eq!(told, expected, "cut at {cut} of {}", whole.len());
        let lost = pending.set_aside.len();
        assert!(lost == usize::from(!third && cut > begin + 1), "cut at {cut}: {lost} set aside");
    }
}

#[test]
fn from_wherever_one_calls_it_is_one_store_and_one_lock() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["worktree", "add", "-q", "../linked"]);
    std::os::unix::fs::symlink(&sandbox.dir, sandbox.root().join("link")).unwrap();
    sandbox.checkpoint();
    let stores = || -> usize {
        let found = sandbox.run("find", &[sandbox.root().to_str().unwrap(), "-name", "store.git"]);
        found.good("find").lines().count()
    };
    let locks = || fs::read_dir(sandbox.own_dir().join("locks")).unwrap().count();
    let (git, tree) = (sandbox.dir.join(".git"), &sandbox.dir);
    let away = sandbox.at("tmp").with("GIT_DIR", &git).with("GIT_WORK_TREE", tree);
    let inside = sandbox.cd("src").with("GIT_DIR", &git).with("GIT_WORK_TREE", tree);
    let (before, places) = (
        locks(),
        [sandbox.cd("."), sandbox.cd("src/deep"), sandbox.at("link"), sandbox.at("link/src"), inside],
    );
    for (n, place) in places.iter().enumerate() {
        place.tell("s", &format!("make {n}"));
        prompt(place, "c", &format!("prompt {n}"));
        place.checkpoint();
    }
    sandbox.tell("s", "make away");
    away.checkpoint();
    assert_eq!(locks(), before, "all of them took the lock that was there");
    let linked = sandbox.at("linked");
    linked.tell("s", "make linked");
    linked.checkpoint();
    assert_eq!(stores(), 1);
    let told: Vec<_> = (0..places.len()).map(|n| format!("make {n}")).collect();
    Story::of(&sandbox).holds_once(told.iter().map(String::as_str).chain(["make away"]));
    Story::of(&linked).holds_once(["make linked"]);
    assert_eq!(listing(&linked), listing(&sandbox), "and of the sessions everybody sees all");
    assert_eq!(one(&linked, "c")["prompts"], places.len());
}

#[test]
fn sixteen_processes_of_one_session_tell_each_event_once() {
    let sandbox = Sandbox::enabled();
    let told = race(16, |worker| {
        let tell = |round| {
            let command = format!("make {worker} {round}");
            sandbox.tell("the same", &command);
            if round % 10 == 0 {
                // The agent says it twice.
                sandbox.tell("the same", &command);
            }
            command
        };
        (0..50).map(tell).collect::<Vec<_>>()
    })
    .concat();
    assert_eq!(told.len(), 800);
    let live = one(&sandbox, "the same");
    assert_eq!(live["commands"], 800, "what waits is counted as it will be kept");
    sandbox.checkpoint();
    let story = Story::of(&sandbox);
    story.holds_once(told.iter().map(String::as_str));
    let kept = one(&sandbox, "the same");
    assert_eq!((&kept["commands"], &kept["events"]), (&live["commands"], &live["events"]));
    let live = listing(&sandbox);
    for cache in ["cache", "index"] {
        fs::remove_dir_all(sandbox.own_dir().join(cache)).unwrap();
    }
    assert_eq!(listing(&sandbox), live, "rebuilt, it is the same to the byte");
    sandbox.tell("the same", "make 0 0");
    assert_eq!(one(&sandbox, "the same")["commands"], 800, "and without a cache nothing counts twice");
}

#[test]
fn the_longest_path_and_more_candidates_than_are_named_are_recorded() {
    let sandbox = Sandbox::enabled();
    let text = "再試行を追加する".repeat(100);
    let room = 4000 - sandbox.dir.as_os_str().len();
    let name = "深い".repeat(40);
    let mut below = String::new();
    while room - below.len() > name.len() + 1 {
        below = format!("{below}/{name}");
    }
    let rest = room - below.len() - 1;
    let deep = sandbox.cd(format!("{}/{}", &below[1..], "d".repeat(rest)));
    assert_eq!(deep.dir.as_os_str().len(), 4000);
    fs::create_dir_all(&deep.dir).unwrap();
    for n in 0..13 {
        prompt(&deep, &format!("c-{n}"), &text);
    }
    for _ in 0..2 {
        let last = one(&sandbox, "c-12");
        assert_eq!(last["cwd"], deep.dir.to_str().unwrap());
        assert_eq!(last["first_prompt"].as_str().unwrap().chars().count(), 200);
        assert_eq!(last["candidates"].as_array().unwrap().len(), 10);
        assert_eq!(last["candidates_omitted"], 2);
        sandbox.checkpoint();
    }
}

#[test]
fn a_start_without_a_transcript_is_not_taken_for_the_one_beside_it() {
    let sandbox = Sandbox::enabled();
    let dir = sandbox.root().join("home/.claude/projects/x");
    fs::create_dir_all(&dir).unwrap();
    let record = |id: &str| {
        json!({"type": "user", "uuid": id, "message": {"role": "user", "content": "continue"}}).to_string()
            + "\n"
    };
    fs::write(dir.join("old.jsonl"), record("u1")).unwrap();
    let start = |id: &str, source: &str| {
        let path = dir.join(format!("{id}.jsonl"));
        hook(
            &sandbox,
            "claude",
            "SessionStart",
            json!({"session_id": id, "source": source, "transcript_path": path}),
        );
    };
    start("old", "startup");
    sandbox.checkpoint();
    start("new", "resume");
    sandbox.checkpoint();
    let (old, new) = (one(&sandbox, "old"), one(&sandbox, "new"));
    assert_ne!(old["id"], new["id"]);
    assert_eq!((&new["parent"], &new["transcript_kept"]), (&Value::Null, &json!(0)));
    // When it comes, it is read, and it is nobody else's.
    fs::write(dir.join("new.jsonl"), record("u2")).unwrap();
    sandbox.checkpoint();
    let new = one(&sandbox, "new");
    assert_eq!((&new["parent"], &new["transcript_kept"]), (&Value::Null, &json!(1)));
}

/// An event and where it was kept.
type Kept = (Event, Option<Rc<Setting>>);

/// The events of a worktree as a clone that fetched them would read them.
fn events(place: &Place) -> Vec<Kept> {
    let read = |(_, line): &(String, Value)| (event::decode(line.to_string().as_bytes()).unwrap(), None);
    Story::of(place).events.iter().map(read).collect()
}

#[test]
fn two_clones_of_one_session_fold_to_one_whatever_comes_first() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["clone", "-q", ".", "../clone"]);
    let other = sandbox.at("clone");
    other.enable();
    for (n, place) in [&*sandbox, &other, &*sandbox, &other].into_iter().enumerate() {
        prompt(place, "both", &format!("prompt {n}"));
        place.tell("both too", &format!("make {n}"));
        place.trace(&["session", "alias", "both", &format!("name {n}")]).good("alias");
        place.trace(&["session", "link", "both", "--task", &format!("T-{}", n / 2)]).good("link");
    }
    sandbox.trace(&["session", "close", "both", "--outcome", "done"]).good("close");
    other.trace(&["session", "close", "both", "--outcome", "open"]).good("reopen");
    sandbox.checkpoint();
    other.checkpoint();
    let (mine, theirs) = (events(&sandbox), events(&other));
    let shown = |parts: &[&[Kept]]| {
        let all = Fold::of(parts.concat()).finish();
        document::sessions(&all.iter().collect::<Vec<_>>(), Timestamp(1_800_000_000_000_000)).to_string()
    };
    let union = shown(&[&mine, &theirs]);
    let mut reversed = [&theirs[..], &mine[..]].concat();
    reversed.reverse();
    for (what, again) in [
        ("the other first", shown(&[&theirs, &mine])),
        ("fetched twice", shown(&[&mine, &theirs, &mine, &theirs])),
        ("in no order at all", shown(&[&reversed])),
    ] {
        assert_eq!(again, union, "{what}");
    }
    let document: Value = serde_json::from_str(&union).unwrap();
    let both =
        document["sessions"].as_array().unwrap().iter().find(|one| one["external_ids"] == json!(["both"]));
    let both = both.unwrap();
    assert_eq!((&both["prompts"], &both["alias"]), (&json!(4), &json!("name 3")));
    assert_eq!((&both["outcome"], &both["tasks"]), (&json!("open"), &json!(["T-0", "T-1"])));
}

#[test]
fn what_a_newer_version_wrote_is_carried_on_to_the_byte() {
    let sandbox = Sandbox::enabled();
    prompt(&sandbox, "c-1", "go");
    sandbox.checkpoint();
    let session = one(&sandbox, "c-1")["id"].as_str().unwrap().to_owned();
    let line = |n: u32, kind: &str, body: &str| {
        format!(
            r#"{{"v":1,"id":"evt_n{n}","at":1788249600000000,"session":"{session}","kind":"{kind}","body":{body}}}"#
        )
    };
    let newer = [
        line(1, "dreamt", r#"{"of":["sheep",1.50],"z":null}"#),
        line(2, "session_edited", r#"{"op":"mood_set","mood":"good"}"#),
        line(3, "dreamt", r#"{"again":true}"#).replace("\"v\":1", "\"v\":7"),
    ];
    for line in &newer {
        let stem = Stem::parse("a-newer").unwrap();
        journal::append(&sandbox.journal(), &stem, &frame::encode(line.as_bytes()), Durability::Buffered)
            .unwrap();
    }
    let shown = |key: &str| one(&sandbox, "c-1")[key].clone();
    let before = shown("events");
    let made = sandbox.checkpoint();
    let kept = sandbox.store_git(&["show", &format!("{made}:events.jsonl")]);
    for line in &newer {
        assert!(kept.lines().any(|kept| kept == line), "{line} is not in {kept}");
    }
    for cache in ["cache", "index"] {
        fs::remove_dir_all(sandbox.own_dir().join(cache)).unwrap();
    }
    sandbox.checkpoint();
    assert_eq!((shown("events"), shown("prompts")), (before, json!(1)));
    Story::of(&sandbox).ids_are_unique();
    assert_eq!(sandbox.trace(&["doctor"]).code, 0, "it is no trouble");
    assert!(EventId::parse("evt_n1").is_some());
}

#[test]
fn hooks_tell_of_sub_agents_and_forks() {
    let sandbox = Sandbox::enabled();
    hook(&sandbox, "claude", "SessionStart", json!({"session_id": "c-1", "source": "startup"}));
    hook(
        &sandbox,
        "claude",
        "SubagentStop",
        json!({"session_id": "c-1", "agent_id": "a1", "agent_type": "Explore"}),
    );
    hook(&sandbox, "claude", "SessionStart", json!({"session_id": "c-2", "source": "clear"}));
    let detached = json!({"session_id": "p-2", "detachedFromSpawningParentSessionId": "p-1", "timestamp": "2026-08-20T10:00:00Z"});
    hook(&sandbox, "copilot", "SessionStart", detached);
    hook(
        &sandbox,
        "copilot",
        "SessionStart",
        json!({"session_id": "toolu_1", "timestamp": "2026-08-20T10:00:00Z"}),
    );
    let opencode = |session: &str, more: Value| {
        let mut payload = json!({"v": 1, "event": "session_start", "cwd": sandbox.dir, "session": session});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        finish(sandbox.command(GIT_TRACE).args(["hook", "opencode"]), payload.to_string().as_bytes())
            .silent();
    };
    opencode("ses_1", json!({}));
    opencode("ses_2", json!({"parent_session": "ses_1", "parent_kind": "subagent"}));
    opencode("ses_3", json!({}));
    let rel =
        |name: &str| (one(&sandbox, name)["parent"].clone(), one(&sandbox, name)["parent_kind"].clone());
    let id = |name: &str| one(&sandbox, name)["id"].clone();
    assert_eq!(rel("a1"), (id("c-1"), json!("subagent")));
    assert_eq!(rel("ses_2"), (id("ses_1"), json!("subagent")));
    assert_eq!(rel("p-2").1, "subagent", "a parent that nobody has heard of is a parent");
    for alone in ["c-1", "c-2", "ses_1", "ses_3"] {
        assert_eq!(rel(alone), (Value::Null, Value::Null), "{alone}");
    }
    assert_eq!(sandbox.trace(&["session", "show", "toolu_1"]).code, 1, "a call of a tool is no session");
    // The parent is heard of later: it is the one.
    hook(
        &sandbox,
        "copilot",
        "SessionStart",
        json!({"session_id": "p-1", "timestamp": "2026-08-20T10:00:00Z"}),
    );
    assert_eq!(rel("p-2").0, id("p-1"));
}

#[test]
fn what_a_sub_agent_does_under_the_id_of_a_tool_call_is_of_the_session_that_made_the_call() {
    let sandbox = Sandbox::enabled();
    let copilot = |event: &str, session: &str, tool: &str, input: Value, id: Option<&str>| {
        let mut payload = json!({"session_id": session, "timestamp": "2026-08-20T10:00:00Z", "tool_name": tool, "tool_input": input});
        payload.as_object_mut().unwrap().extend(id.map(|id| ("tool_use_id".to_owned(), json!(id))));
        hook(&sandbox, "copilot", event, payload);
    };
    let make = |of: &str| {
        let input = json!({"command": format!("make {of}")});
        copilot("PreToolUse", of, "bash", input.clone(), None);
        copilot("PostToolUse", of, "bash", input, None);
    };
    hook(
        &sandbox,
        "copilot",
        "SessionStart",
        json!({"session_id": "p-1", "timestamp": "2026-08-20T10:00:00Z"}),
    );
    copilot("PreToolUse", "p-1", "bash", json!({"command": "copilot --agent"}), Some("toolu_9"));
    make("toolu_9");
    make("toolu_8");
    // The call itself is long ago.
    for n in 0..40 {
        copilot(
            "PreToolUse",
            "p-1",
            "bash",
            json!({"command": format!("echo {n} {}", "a ".repeat(5000))}),
            None,
        );
    }
    let input = json!({"command": "make more"});
    copilot("PreToolUse", "toolu_9", "bash", input.clone(), None);
    copilot("PostToolUse", "toolu_9", "bash", input, None);
    let told = || sandbox.json(&["commands", "--limit", "0"])["commands"].as_array().unwrap().clone();
    let whose = |command: &str| -> Vec<Value> {
        told().iter().filter(|one| one["command"] == command).map(|one| one["session"].clone()).collect()
    };
    let parent = one(&sandbox, "p-1")["id"].clone();
    assert_eq!([whose("make toolu_9"), whose("make more")], [[parent.clone()], [parent]]);
    assert_eq!(whose("make toolu_8"), [Value::Null], "nobody is known to have made that call");
    for tool in ["toolu_8", "toolu_9"] {
        assert_eq!(sandbox.trace(&["session", "show", tool]).code, 1, "{tool} is no session");
    }
    let doctor = sandbox.trace(&["doctor"]);
    assert!(format!("{doctor:?}").contains("toolu_8"), "it is said: {doctor:?}");
}

#[test]
fn what_a_copy_with_new_ids_says_of_itself_is_believed() {
    let sandbox = Sandbox::enabled();
    let dir = sandbox.root().join("home/.claude/projects/x");
    fs::create_dir_all(&dir).unwrap();
    let record = |id: &str, more: Value| {
        let mut line = json!({"type": "user", "uuid": id, "message": {"role": "user", "content": id}});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line.to_string() + "\n"
    };
    let session = |agent: &str, id: &str, text: &str| {
        let path = dir.join(format!("{id}.jsonl"));
        fs::write(&path, text).unwrap();
        hook(
            &sandbox,
            agent,
            "SessionStart",
            json!({"session_id": id, "source": "startup", "transcript_path": path}),
        );
        sandbox.checkpoint();
    };
    session("claude", "c-1", &(record("a", json!({})) + &record("b", json!({}))));
    let from = |uuid: &str| json!({"forkedFrom": {"sessionId": "c-1", "messageUuid": uuid}});
    session("claude", "c-2", &(record("x", from("a")) + &record("y", from("b"))));
    let meta = |payload: Value| json!({"type": "session_meta", "payload": payload}).to_string() + "\n";
    session("codex", "t-1", &meta(json!({"id": "t-1"})));
    session(
        "codex",
        "t-2",
        &(meta(json!({"id": "t-2", "forked_from_id": "t-1"})) + &meta(json!({"id": "t-1"}))),
    );
    session(
        "codex",
        "t-3",
        &meta(json!({"id": "t-3", "thread_source": "subagent", "parent_thread_id": "t-1"})),
    );
    for (child, parent, kind) in [("c-2", "c-1", "fork"), ("t-2", "t-1", "fork"), ("t-3", "t-1", "subagent")]
    {
        let child = one(&sandbox, child);
        assert_eq!((&child["parent"], &child["parent_kind"]), (&one(&sandbox, parent)["id"], &json!(kind)));
    }
    for first in ["c-1", "t-1"] {
        assert_eq!(one(&sandbox, first)["parent"], Value::Null);
    }
}

#[test]
fn each_agent_is_believed_where_its_file_says_it_comes_from() {
    let sandbox = Sandbox::enabled();
    let home = sandbox.root().join("home");
    let write = |path: &str, lines: &[Value]| {
        let path = home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, lines.iter().map(|line| line.to_string() + "\n").collect::<String>()).unwrap();
    };
    let (at, cwd) = ("2026-09-01T08:00:00.000Z", &sandbox.dir);
    let said = |uuid: &str, more: Value| {
        let mut line = json!({"type": "user", "uuid": uuid, "cwd": cwd, "timestamp": at, "message": {"role": "user", "content": "go"}});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let id = |n: u32| format!("0199aaaa-0000-7000-8000-00000000000{n}");
    write(".claude/projects/x/c-1.jsonl", &[said("a", json!({"sessionId": "c-1"}))]);
    let forked = json!({"sessionId": "c-2", "forkedFrom": {"sessionId": "c-1", "messageUuid": "a"}});
    write(".claude/projects/x/c-2.jsonl", &[said("z", forked)]);
    let side = json!({"sessionId": "c-1", "isSidechain": true, "agentId": "a7"});
    write(".claude/projects/x/c-1/subagents/agent-a7.jsonl", &[said("s", side)]);
    let meta = |n: u32, more: Value| {
        let mut payload = json!({"id": id(n), "timestamp": at, "cwd": cwd});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"timestamp": at, "type": "session_meta", "payload": payload})
    };
    let rollout = |n: u32| format!(".codex/sessions/2026/09/01/rollout-2026-09-01T08-00-00-{}.jsonl", id(n));
    write(&rollout(1), &[meta(1, json!({}))]);
    write(&rollout(2), &[meta(2, json!({"forked_from_id": id(1)})), meta(1, json!({}))]);
    write(&rollout(3), &[meta(3, json!({"thread_source": "subagent", "parent_thread_id": id(1)}))]);
    let start = |n: u32, more: Value| {
        let mut data = json!({"sessionId": id(n), "context": {"cwd": cwd}});
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": "session.start", "id": format!("e{n}"), "timestamp": at, "data": data})
    };
    write(&format!(".copilot/session-state/{}/events.jsonl", id(4)), &[start(4, json!({}))]);
    let detached = json!({"detachedFromSpawningParentSessionId": id(4)});
    write(&format!(".copilot/session-state/{}/events.jsonl", id(5)), &[start(5, detached)]);
    let taken = sandbox.json(&["import", "all"]);
    assert_eq!(taken["sessions"].as_array().unwrap().len(), 8, "{taken}");
    let parents = [
        ("c-2".to_owned(), "c-1".to_owned(), "fork"),
        ("a7".into(), "c-1".into(), "subagent"),
        (id(2), id(1), "fork"),
        (id(3), id(1), "subagent"),
        (id(5), id(4), "subagent"),
    ];
    for (child, parent, kind) in &parents {
        let child = one(&sandbox, child);
        assert_eq!(
            (&child["parent"], &child["parent_kind"]),
            (&one(&sandbox, parent)["id"], &json!(kind)),
            "{child}"
        );
    }
    for first in ["c-1".to_owned(), id(1), id(4)] {
        assert_eq!(one(&sandbox, &first)["parent"], Value::Null);
    }
}

/// What the rebuild of sessions-db makes of its log, as far as it is compared: by session, its alias,
/// tasks, projects and parent.
type Rebuilt = BTreeMap<String, (Value, BTreeSet<String>, BTreeSet<String>, Value)>;

fn rebuilt(log: &[Value]) -> Rebuilt {
    let mut all = Rebuilt::new();
    for line in log {
        let id = line["stable_id"].as_str().unwrap().to_owned();
        let (alias, tasks, projects, parent) = all.entry(id).or_default();
        let payload = &line["payload"];
        let words = |key: &str| -> BTreeSet<String> {
            let all = payload[key].as_array().into_iter().flatten();
            all.map(|word| word.as_str().unwrap().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        match line["op"].as_str().unwrap() {
            "session_link" if payload["remove"] == true => {}
            "session_link" => {
                tasks.extend(words("tasks"));
                projects.extend(words("projects"));
            }
            "session_unlink" => {
                tasks.retain(|task| !words("tasks").contains(task));
                projects.retain(|project| !words("projects").contains(project));
            }
            "alias_set" if payload["alias"] != "" => *alias = payload["alias"].clone(),
            "parent_set" if payload["parent_session_id"] != "" => {
                *parent = payload["parent_session_id"].clone()
            }
            _ => {}
        }
    }
    all
}

#[test]
fn a_log_of_sessions_db_comes_to_what_its_own_rebuild_makes_of_it() {
    let sandbox = Sandbox::enabled();
    let id = |n: u32| format!("sess_01987f00-0000-7000-8000-00000000000{n}");
    let ops = [
        (1, "session_seen", json!({"claude_session_id": "c-1", "cwd": "/w", "first_prompt_preview": "add"})),
        (
            1,
            "session_seen",
            json!({"claude_session_id": "c-1", "first_prompt_preview": "add", "branch_current": "b"}),
        ),
        (2, "session_seen", json!({"claude_session_id": "c-2", "branch_at_start": "main"})),
        (1, "alias_set", json!({"alias": "one"})),
        (1, "alias_set", json!({"alias": ""})),
        (2, "alias_set", json!({"alias": "two"})),
        (2, "alias_set", json!({"alias": null})),
        (1, "session_link", json!({"tasks": ["t1", "t2", ""], "projects": ["p"]})),
        (1, "session_link", json!({"tasks": ["t1"], "remove": true})),
        (1, "session_unlink", json!({"tasks": ["t2"], "projects": []})),
        (2, "session_link", json!({"tasks": [], "projects": ["p", "q"]})),
        (2, "parent_set", json!({"parent_session_id": id(1)})),
        (3, "parent_set", json!({"parent_session_id": id(1)})),
        (3, "parent_set", json!({"parent_session_id": ""})),
        (4, "parent_set", json!({"parent_session_id": id(3)})),
        (4, "parent_set", json!({"parent_session_id": null})),
        (
            5,
            "sweep",
            json!({"activity_state": "idle", "effective_last_progress": "2026-08-20T10:00:00.000Z"}),
        ),
        (6, "manual_link", json!({"parent_candidate_ids": [{"stable_id": id(1)}]})),
        (7, "mood_set", json!({"mood": "good"})),
        (8, "session_link", json!({"tasks": ["t9"], "remove": true})),
        (1, "close", json!({"outcome": "done", "closed_reason": "merged"})),
    ];
    let lines = ops.iter().enumerate().map(|(n, (session, op, payload))| {
        // Its order is that of its lines, not of its times.
        let ts = format!("2026-08-20T10:00:{:02}.000Z", (n * 7) % 60);
        json!({"ts": ts, "event_id": format!("evt_{n}"), "op": op, "stable_id": id(*session), "payload": payload})
    });
    let log: Vec<Value> = lines.collect();
    let text: String = log.iter().map(|line| line.to_string() + "\n").collect();
    sandbox.write(".dru-code/sessions-db-events.jsonl", text);
    let expected = rebuilt(&log);
    for _ in 0..2 {
        let taken = sandbox.json(&["import", "sessions-db"]);
        assert_eq!(taken["session_count"], 8, "{taken}");
        let shown = sandbox.json(&["session", "list", "--limit", "0"]);
        let ours: Rebuilt = shown["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let set = |key: &str| serde_json::from_value(one[key].clone()).unwrap();
                let id = one["id"].as_str().unwrap().to_owned();
                (id, (one["alias"].clone(), set("tasks"), set("projects"), one["parent"].clone()))
            })
            .collect();
        assert_eq!(ours, expected);
    }
    assert_eq!(one(&sandbox, "c-1")["prompts"], 1, "a preview that is repeated is one prompt");
}

#[test]
fn what_is_archived_is_noted_once_and_comes_back_with_its_next_word() {
    let sandbox = Sandbox::enabled();
    let seen = json!({
        "ts": "2020-08-20T10:00:00.000Z", "event_id": "evt_1", "op": "session_seen",
        "stable_id": "sess_01987f00-0000-7000-8000-000000000001", "payload": {"claude_session_id": "c-1"},
    });
    sandbox.write(".dru-code/sessions-db-events.jsonl", seen.to_string() + "\n");
    sandbox.trace(&["import", "sessions-db"]).good("import");
    assert_eq!(one(&sandbox, "c-1")["state"], "archived", "without any sweep");
    let sweep = || sandbox.json(&["session", "sweep"])["transitions"].as_array().unwrap().len();
    assert_eq!((sweep(), sweep()), (1, 0));
    sandbox.trace(&["session", "alias", "c-1", "old"]).good("alias");
    assert_eq!(one(&sandbox, "old")["state"], "archived", "a new name is no sign of life");
    prompt(&sandbox, "c-1", "still here");
    assert_eq!(one(&sandbox, "old")["state"], "active");
    assert_eq!(sweep(), 0);
}

#[test]
fn an_agent_that_is_told_to_be_off_tells_nothing() {
    let sandbox = Sandbox::enabled();
    let before = listing(&sandbox);
    prompt(&sandbox.with("TRACE_OFF", "1"), "c-1", "hidden");
    assert_eq!(listing(&sandbox), before);
    // Where it works is what it says, wherever its hook is run.
    let payload = json!({"hook_event_name": "UserPromptSubmit", "session_id": "c-2", "prompt": "seen", "cwd": sandbox.dir});
    let elsewhere = sandbox.at("tmp");
    finish(elsewhere.command(GIT_TRACE).args(["hook", "claude"]), payload.to_string().as_bytes()).silent();
    assert_eq!(one(&sandbox, "c-2")["first_prompt"], "seen");
}
