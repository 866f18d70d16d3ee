//! Conversations that no hook told of, and sessions that go on with others.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::place::{GIT_TRACE, finish};
use crate::sandbox::Sandbox;
use crate::story::Story;

const CODEX: &str = "0199aaaa-0000-7000-8000-00000000000b";

/// A conversation of Claude that was held in `cwd`, in the place where Claude keeps it.
fn claude(sandbox: &Sandbox, id: &str, cwd: &Path, prompt: &str) -> PathBuf {
    let line = |more: Value| {
        let mut line = json!({"sessionId": id, "cwd": cwd, "timestamp": "2026-09-01T08:00:00.000Z"});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line.to_string() + "\n"
    };
    let tool = |id: &str, name: &str, input: Value| json!({"type": "tool_use", "id": id, "name": name, "input": input});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "ok"});
    let used =
        [tool("t1", "Bash", json!({"command": "make"})), tool("t2", "Edit", json!({"file_path": "a.rs"}))];
    let text = [
        line(
            json!({"type": "user", "uuid": format!("{id}-1"), "message": {"role": "user", "content": prompt}}),
        ),
        line(json!({"type": "assistant", "uuid": format!("{id}-2"), "parentUuid": format!("{id}-1"),
            "message": {"id": "m", "role": "assistant", "model": "big", "content": used}})),
        line(json!({"type": "user", "uuid": format!("{id}-3"), "parentUuid": format!("{id}-2"),
            "timestamp": "2026-09-01T08:00:02.000Z",
            "message": {"role": "user", "content": [result("t1"), result("t2")]}})),
    ];
    let slug = cwd.to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let dir = sandbox.root().join("home/.claude/projects").join(slug);
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join(format!("{id}.jsonl"));
    fs::write(&file, text.concat()).unwrap();
    file
}

fn codex(sandbox: &Sandbox) -> PathBuf {
    let dir = sandbox.root().join("home/.codex/sessions/2026/09/01");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join(format!("rollout-2026-09-01T08-00-00-{CODEX}.jsonl"));
    let line = |kind: &str, payload: Value| {
        json!({"timestamp": "2026-09-01T08:00:00.000Z", "type": kind, "payload": payload}).to_string() + "\n"
    };
    let meta =
        json!({"id": CODEX, "timestamp": "2026-09-01T08:00:00.000Z", "cwd": sandbox.dir, "cli_version": "1"});
    let prompt = json!({"type": "user_message", "message": "fix the build"});
    fs::write(&file, line("session_meta", meta) + &line("event_msg", prompt)).unwrap();
    file
}

fn one(sandbox: &Sandbox, name: &str) -> Value {
    sandbox.json(&["session", "show", name])["sessions"][0].clone()
}

#[test]
fn what_agents_said_here_before_is_taken_in_once_and_nothing_of_elsewhere() {
    let sandbox = Sandbox::enabled();
    let file = claude(&sandbox, "c-1", &sandbox.dir, "add a retry");
    claude(&sandbox, "c-2", &sandbox.root().join("elsewhere"), "not here");
    codex(&sandbox);
    let before = fs::read(&file).unwrap();
    let planned = sandbox.json(&["import", "all", "--dry-run"]);
    assert_eq!(planned["sessions"].as_array().unwrap().len(), 2, "{planned}");
    assert!(
        sandbox.json(&["session", "list"])["sessions"].as_array().unwrap().is_empty(),
        "nothing was written"
    );
    let taken = sandbox.json(&["import", "all"]);
    let of = |agent: &str| {
        taken["sessions"].as_array().unwrap().iter().find(|one| one["agent"] == agent).unwrap().clone()
    };
    let counts = |one: &Value| [one["prompts"].clone(), one["commands"].clone(), one["edits"].clone()];
    assert_eq!(counts(&of("claude")), [json!(1), json!(1), json!(1)]);
    assert_eq!(counts(&of("codex")), [json!(1), json!(0), json!(0)]);
    let session = one(&sandbox, "c-1");
    assert_eq!((&session["first_prompt"], &session["commands"]), (&json!("add a retry"), &json!(1)));
    assert!(session["started"].as_str().unwrap().starts_with("2026-09-01T08:00:00"));
    assert_eq!(session["transcript_kept"], 3);
    let commands = sandbox.list("commands", "commands");
    assert_eq!((&commands[0]["command"], &commands[0]["duration_us"]), (&json!("make"), &json!(2_000_000)));
    let before_again = Story::of(&sandbox).events.len();
    let again = sandbox.json(&["import", "all"]);
    assert!(again["sessions"].as_array().unwrap().iter().all(|one| one["known"] == true), "{again}");
    let story = Story::of(&sandbox);
    story.ids_are_unique();
    story.holds_once(["make"]);
    assert_eq!(story.events.len(), before_again, "what was taken in is not taken in again");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(sandbox.trace(&["import", "gemini"]).code, 1);
    assert_eq!(sandbox.trace(&["import", "nobody"]).code, 2);
}

/// A conversation of so many commands, each with an answer of so many bytes.
fn long(sandbox: &Sandbox, id: &str, commands: usize, bytes: usize) -> PathBuf {
    let file = claude(sandbox, id, &sandbox.dir, &format!("do {commands} things"));
    let mut text = String::new();
    for number in 0..commands {
        let call = json!({"type": "tool_use", "id": format!("{id}-{number}"), "name": "Bash",
            "input": {"command": format!("make {id} {number}")}});
        let said = json!({"type": "tool_result", "tool_use_id": format!("{id}-{number}"), "content": "x".repeat(bytes)});
        for (end, role, content) in [("a", "assistant", call), ("b", "user", said)] {
            let line = json!({"sessionId": id, "cwd": sandbox.dir, "timestamp": "2026-09-01T09:00:00.000Z", "type": role,
                "uuid": format!("{id}-{number}{end}"), "message": {"role": role, "content": [content]}});
            text += &(line.to_string() + "\n");
        }
    }
    fs::write(&file, fs::read_to_string(&file).unwrap() + &text).unwrap();
    file
}

/// A conversation of 401 commands, whose import ended in the middle.
fn half_told(sandbox: &Sandbox) -> PathBuf {
    let file = long(sandbox, "c-1", 400, 10);
    // No file may be larger than 64 KiB, and a journal of it is.
    let limited = sandbox.run("sh", &["-c", "ulimit -f 128 && exec trace import claude"]);
    assert_ne!(limited.code, 0, "{limited:?}");
    let told = one(sandbox, "c-1")["commands"].as_u64().unwrap();
    assert!((1..401).contains(&told), "{told} commands were told");
    file
}

#[test]
fn an_import_that_ended_in_the_middle_is_completed_by_the_next() {
    let sandbox = Sandbox::enabled();
    half_told(&sandbox);
    let again = sandbox.json(&["import", "claude"]);
    assert_eq!(
        (&again["sessions"][0]["known"], &again["sessions"][0]["commands"]),
        (&json!(false), &json!(401))
    );
    let story = Story::of(&sandbox);
    story.ids_are_unique();
    let commands: Vec<_> = (0..400).map(|number| format!("make c-1 {number}")).collect();
    story.holds_once(commands.iter().map(String::as_str));
    assert_eq!(one(&sandbox, "c-1")["transcript_kept"], 803);
    assert_eq!(sandbox.json(&["import", "claude"])["sessions"][0]["known"], true, "now all of it is told");
}

#[test]
fn what_hooks_told_since_an_import_ended_in_the_middle_is_not_told_again() {
    let sandbox = Sandbox::enabled();
    let file = half_told(&sandbox);
    // It goes on, and now its hooks are there.
    let payload = json!({"hook_event_name": "UserPromptSubmit", "session_id": "c-1", "cwd": sandbox.dir,
        "transcript_path": file, "prompt": "go on"});
    finish(sandbox.command(GIT_TRACE).args(["hook", "claude"]), payload.to_string().as_bytes()).silent();
    let said = json!({"sessionId": "c-1", "cwd": sandbox.dir, "timestamp": "2999-01-01T08:00:00.000Z", "type": "user",
        "uuid": "c-1-more", "message": {"role": "user", "content": "go on"}});
    fs::write(&file, fs::read_to_string(&file).unwrap() + &said.to_string() + "\n").unwrap();
    for _ in 0..2 {
        sandbox.json(&["import", "claude"]);
        let story = Story::of(&sandbox);
        let prompts = story.events.iter().filter(|(_, event)| event["kind"] == "prompt");
        let texts: Vec<_> = prompts.map(|(_, event)| event["body"]["text"].clone()).collect();
        assert_eq!(texts, [json!("do 400 things"), json!("go on")]);
        let commands: Vec<_> = (0..400).map(|number| format!("make c-1 {number}")).collect();
        story.holds_once(commands.iter().map(String::as_str));
    }
}

#[test]
fn of_more_conversations_than_one_checkpoint_takes_each_is_kept_whole() {
    let sandbox = Sandbox::enabled();
    let ids: Vec<String> = (0..80).map(|number| format!("c-{number}")).collect();
    let files: Vec<_> = ids.iter().map(|id| long(&sandbox, id, 4, 40_000)).collect();
    let all: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(all > 12 << 20, "{all}");
    sandbox.json(&["import", "claude"]);
    for (id, file) in ids.iter().zip(&files) {
        let kept = sandbox.trace(&["session", "transcript", id]).good("session transcript");
        assert!(kept + "\n" == fs::read_to_string(file).unwrap(), "{id}");
    }
    let log = sandbox.list("log", "checkpoints");
    assert!(log.len() > 3, "one after the other, in {} checkpoints", log.len());
    sandbox.fsck();
}

#[test]
fn only_what_went_on_lately_is_taken_in_if_that_is_asked() {
    let sandbox = Sandbox::enabled();
    let old = claude(&sandbox, "c-1", &sandbox.dir, "old");
    claude(&sandbox, "c-2", &sandbox.dir, "new");
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    fs::File::open(&old).unwrap().set_modified(past).unwrap();
    let taken = sandbox.json(&["import", "claude", "--since", "1 day ago"]);
    let ids: Vec<_> =
        taken["sessions"].as_array().unwrap().iter().map(|one| one["external_id"].clone()).collect();
    assert_eq!(ids, ["c-2"]);
}

#[test]
fn one_conversation_is_attached_by_its_id_or_its_file() {
    let sandbox = Sandbox::enabled();
    codex(&sandbox);
    let elsewhere = claude(&sandbox, "c-9", &sandbox.root().join("elsewhere"), "moved here since");
    let planned = sandbox.json(&["attach", "--agent", "codex", CODEX, "--dry-run"]);
    assert_eq!(planned["sessions"][0]["prompts"], 1);
    sandbox.trace(&["attach", "--agent", "codex", CODEX]).good("attach by id");
    assert_eq!(one(&sandbox, CODEX)["first_prompt"], "fix the build");
    sandbox.trace(&["attach", "--agent", "claude", elsewhere.to_str().unwrap()]).good("attach by path");
    assert_eq!(one(&sandbox, "c-9")["first_prompt"], "moved here since");
    let none = sandbox.trace(&["attach", "--agent", "claude", "nothing-like-it"]);
    assert!(none.code == 1 && none.stderr.contains("name the file"), "{none:?}");
    fs::write(sandbox.dir.join("x.jsonl"), "no transcript\n").unwrap();
    assert_eq!(sandbox.trace(&["attach", "--agent", "claude", "x.jsonl"]).code, 1);
}

#[test]
fn a_shell_or_an_agent_says_that_it_goes_on_with_a_session() {
    const SHELL: &str = "01987f00-1111-7000-8000-00000000000a";
    let sandbox = Sandbox::enabled();
    sandbox.tell("c-1", "make");
    let prior = one(&sandbox, "c-1")["id"].clone();
    let nobody = sandbox.trace(&["attach", "c-1"]);
    assert!(nobody.code == 3 && nobody.stderr.contains("link-parent"), "{nobody:?}");
    let in_agent = sandbox.with("CLAUDE_CODE_SESSION_ID", "c-2");
    in_agent.trace(&["attach", "c-1"]).good("attach");
    let mut hook = crate::place::payload(&sandbox.dir, "c-2", "ls");
    hook["agent"] = "claude".into();
    sandbox.hook(hook.to_string().as_bytes()).silent();
    assert_eq!(
        (&one(&sandbox, "c-2")["parent"], &one(&sandbox, "c-2")["parent_kind"]),
        (&prior, &json!("resume"))
    );
    let in_shell = sandbox.with("TRACE_SHELL_SESSION", SHELL);
    in_shell.trace(&["attach", "c-1"]).good("attach");
    assert_eq!(one(&sandbox, SHELL)["parent"], prior);
    let circle = sandbox.with("CLAUDE_CODE_SESSION_ID", "c-1").trace(&["attach", "c-2"]);
    assert_ne!(circle.code, 101, "{circle:?}");
}

#[test]
fn a_log_of_sessions_db_is_taken_in_with_its_names_links_and_parents() {
    let sandbox = Sandbox::enabled();
    let id = |n: char| format!("sess_01987f00-0000-7000-8000-00000000000{n}");
    let line = |n: u32, op: &str, stable: &str, payload: Value| {
        let ts = format!("2026-08-20T10:00:{n:02}.000Z");
        let line = json!({"ts": ts, "event_id": format!("evt_{n}"), "op": op, "stable_id": stable, "payload": payload});
        line.to_string() + "\n"
    };
    let log = [
        line(
            1,
            "session_seen",
            &id('a'),
            json!({"claude_session_id": "c-1", "cwd": "/w", "branch_current": "topic"}),
        ),
        line(2, "session_seen", &id('b'), json!({"claude_session_id": "c-2"})),
        line(3, "alias_set", &id('a'), json!({"alias": "retry-work"})),
        line(4, "session_link", &id('a'), json!({"tasks": ["T,}1"]})),
        line(5, "parent_set", &id('b'), json!({"parent_session_id": id('a')})),
        "{damaged\n".to_owned(),
        "{\"ts\":\"2026".to_owned(),
    ];
    sandbox.write("tickets/_logs/sessions-db-events.jsonl", log.concat());
    let ran = sandbox.trace(&["import", "sessions-db"]);
    assert_eq!(ran.code, 1, "damage is said: {ran:?}");
    assert!(ran.stderr.contains("line 6") && ran.stderr.contains("cut"), "{ran:?}");
    sandbox.trace(&["import", "sessions-db", "tickets/_logs"]);
    let (a, b) = (one(&sandbox, "retry-work"), one(&sandbox, "c-2"));
    assert_eq!((&a["id"], &a["tasks"], &a["branch"]), (&json!(id('a')), &json!(["T,}1"]), &json!("topic")));
    assert_eq!((&b["parent"], &a["events"]), (&json!(id('a')), &json!(3)));
    // The agent itself is heard of under the same id: it is the same session.
    let mut hook = crate::place::payload(&sandbox.dir, "c-1", "ls");
    hook["agent"] = "claude".into();
    sandbox.hook(hook.to_string().as_bytes()).silent();
    let again = one(&sandbox, "retry-work");
    assert_eq!((&again["id"], &again["commands"]), (&json!(id('a')), &json!(1)));
    Story::of(&sandbox).ids_are_unique();
    assert_eq!(sandbox.trace(&["import", "sessions-db", "nowhere"]).code, 1);
}
