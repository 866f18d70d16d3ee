//! Coding agents as they call: a whole session of each through the real program, every payload twice.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::place::{GIT_TRACE, Place, Ran, finish};
use crate::sandbox::Sandbox;
use crate::story::Story;

/// The agents whose payloads are Claude's but for their names.
const ALIKE: [&str; 3] = ["claude", "droid", "copilot"];

/// What one agent does in a session. `{}` stands for the directory.
pub struct Script {
    pub agent: &'static str,
    /// The payloads, in order.
    pub payloads: Vec<Value>,
    /// Text, code and state of each command.
    pub commands: Vec<(&'static str, Option<i64>, &'static str)>,
    /// How often each of the other events is told.
    events: Vec<(&'static str, usize)>,
}

fn call(place: &Place, agent: &str, payload: &[u8]) -> Ran {
    finish(place.command(GIT_TRACE).args(["hook", agent]), payload)
}

/// Nothing that anybody would read, but for the one answer that Cursor waits for.
pub fn silent(agent: &str, payload: &Value, ran: &Ran) {
    let name = payload["hook_event_name"].as_str().unwrap_or_default();
    let asks = agent == "cursor" && (name.starts_with("before") || name == "preToolUse");
    let answer = if asks { "{}\n" } else { "" };
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, answer, ""), "{agent}: {payload}");
}

fn with(common: &Value, name: &str, more: Value) -> Value {
    let mut payload = common.clone();
    payload["hook_event_name"] = name.into();
    for (key, value) in more.as_object().unwrap() {
        payload[key] = value.clone();
    }
    payload
}

/// Claude, and those that speak as it does: with ids of tools or without.
fn claude_like(agent: &'static str, dir: &str) -> Script {
    let common = json!({"session_id": "s-1", "cwd": dir, "model": "m"});
    let tool = |name: &str, id: &str, command: &str, more: Value| {
        let input = json!({"command": command});
        let mut payload = with(&common, name, json!({"tool_name": "Bash", "tool_input": input}));
        if agent == "claude" {
            payload["tool_use_id"] = id.into();
        }
        with(&payload, name, more)
    };
    let text = |code: i64| format!("<exited with exit code {code}>");
    let went = |code: i64| json!({"tool_response": {"exitCode": code, "textResultForLlm": text(code)}});
    let failed = match agent {
        "claude" => tool("PostToolUseFailure", "t2", "make b", json!({"error": "Exit code 2\nno"})),
        _ => tool("PostToolUse", "t2", "make b", went(2)),
    };
    let payloads = vec![
        with(&common, "SessionStart", json!({"source": "startup"})),
        with(&common, "UserPromptSubmit", json!({"prompt": "make it"})),
        tool("PreToolUse", "t1", "make a", json!({})),
        tool("PreToolUse", "t2", "make b", json!({})),
        tool("PostToolUse", "t1", "make a", went(0)),
        failed,
        with(&common, "SubagentStop", json!({"agent_id": "a1", "agent_type": "Explore"})),
        with(&common, "PreCompact", json!({"trigger": "auto"})),
        with(&common, "Stop", json!({"last_assistant_message": "done"})),
        with(&common, "UserPromptSubmit", json!({"prompt": "more"})),
        tool("PreToolUse", "t3", "make c", json!({})),
        with(&common, "UserPromptSubmit", json!({"prompt": "no, stop"})),
        with(&common, "Stop", json!({"last_assistant_message": "stopped"})),
        with(&common, "SessionEnd", json!({"reason": "other"})),
    ];
    Script {
        agent,
        payloads,
        commands: vec![
            ("make a", Some(0), "done"),
            ("make b", Some(2), "done"),
            ("make c", None, "interrupted"),
        ],
        events: vec![
            ("prompt", 3),
            ("turn_ended", 2),
            ("subagent_stopped", 1),
            ("compacted", 1),
            ("session_ended", 1),
        ],
    }
}

fn codex(dir: &str) -> Script {
    let common =
        json!({"session_id": "t-1", "turn_id": "u-1", "transcript_path": null, "cwd": dir, "model": "m"});
    let tool = |name: &str, id: &str, command: &str, more: Value| {
        let tool = json!({"tool_name": "exec_command", "tool_use_id": id, "tool_input": {"cmd": command}});
        with(&with(&common, name, tool), name, more)
    };
    let payloads = vec![
        with(&common, "SessionStart", json!({"source": "startup"})),
        with(&common, "UserPromptSubmit", json!({"prompt": "make it"})),
        tool("PreToolUse", "c1", "make a", json!({})),
        tool("PreToolUse", "c2", "make b", json!({})),
        tool("PostToolUse", "c1", "make a", json!({"tool_response": "Exit code: 0\nOutput:\n"})),
        with(&common, "Stop", json!({"last_assistant_message": null})),
        with(&common, "UserPromptSubmit", json!({"prompt": "more", "turn_id": "u-2"})),
        tool("PreToolUse", "c3", "make c", json!({"turn_id": "u-2"})),
        with(&common, "Interrupt", json!({"turn_id": "u-2"})),
        with(&common, "SessionEnd", json!({"reason": "exit"})),
    ];
    Script {
        agent: "codex",
        payloads,
        // A failed tool has no end of its own, so its code is not known.
        commands: vec![
            ("make a", Some(0), "done"),
            ("make b", None, "done"),
            ("make c", None, "interrupted"),
        ],
        events: vec![("prompt", 2), ("turn_ended", 1), ("turn_failed", 1), ("session_ended", 1)],
    }
}

fn cursor(dir: &str) -> Script {
    let common = json!({"conversation_id": "c-1", "generation_id": "g-1", "model": "m", "cursor_version": "3.2.0",
        "workspace_roots": [dir], "transcript_path": null});
    let tool = |name: &str, id: &str, command: &str, more: Value| {
        let tool = json!({"tool_name": "Shell", "tool_use_id": id, "tool_input": {"command": command}});
        with(&with(&common, name, tool), name, more)
    };
    let went = |code: i64| json!({"tool_output": format!("{{\"exitCode\":{code}}}"), "duration": 5});
    let payloads = vec![
        with(&common, "sessionStart", json!({"session_id": "c-1"})),
        with(&common, "beforeSubmitPrompt", json!({"prompt": "make it"})),
        tool("preToolUse", "t\n1", "make a", json!({})),
        tool("preToolUse", "t\n2", "make b", json!({})),
        tool("postToolUse", "t\n1", "make a", went(0)),
        tool("postToolUse", "t\n2", "make b", went(2)),
        with(
            &common,
            "subagentStop",
            json!({"subagent_id": "s1", "subagent_type": "explore", "status": "completed"}),
        ),
        with(&common, "preCompact", json!({"trigger": "auto"})),
        with(&common, "stop", json!({"status": "completed"})),
        with(&common, "beforeSubmitPrompt", json!({"prompt": "more", "generation_id": "g-2"})),
        tool("preToolUse", "t\n3", "make c", json!({"generation_id": "g-2"})),
        with(&common, "stop", json!({"status": "aborted", "generation_id": "g-2"})),
        with(&common, "sessionEnd", json!({"reason": "user_close"})),
    ];
    Script {
        agent: "cursor",
        payloads,
        commands: vec![
            ("make a", Some(0), "done"),
            ("make b", Some(2), "done"),
            ("make c", None, "interrupted"),
        ],
        events: vec![
            ("prompt", 2),
            ("turn_ended", 1),
            ("turn_failed", 1),
            ("subagent_stopped", 1),
            ("compacted", 1),
            ("session_ended", 1),
        ],
    }
}

fn gemini(dir: &str) -> Script {
    let common = json!({"session_id": "g-1", "transcript_path": "", "cwd": dir});
    let tool = |name: &str, at: u32, command: &str, more: Value| {
        let tool = json!({"tool_name": "run_shell_command", "tool_input": {"command": command},
            "timestamp": format!("2026-08-20T10:00:{at:02}Z")});
        with(&with(&common, name, tool), name, more)
    };
    let went = |code: i64| json!({"tool_response": {"llmContent": format!("Output: x\nExit Code: {code}")}});
    let payloads = vec![
        with(&common, "SessionStart", json!({"source": "startup"})),
        with(&common, "BeforeAgent", json!({"prompt": "make it"})),
        tool("BeforeTool", 1, "make a", json!({})),
        // The same command twice at once, and no id to tell them apart.
        tool("BeforeTool", 2, "make a", json!({})),
        tool("AfterTool", 3, "make a", went(0)),
        tool("AfterTool", 4, "make a", went(2)),
        with(&common, "PreCompress", json!({"trigger": "auto"})),
        with(&common, "AfterAgent", json!({"prompt": "make it", "prompt_response": "done"})),
        with(&common, "BeforeAgent", json!({"prompt": "more"})),
        tool("BeforeTool", 9, "make c", json!({})),
        with(&common, "SessionEnd", json!({"reason": "exit"})),
    ];
    Script {
        agent: "gemini",
        payloads,
        commands: vec![
            ("make a", Some(0), "done"),
            ("make a", Some(2), "done"),
            ("make c", None, "interrupted"),
        ],
        events: vec![("prompt", 2), ("turn_ended", 1), ("compacted", 1), ("session_ended", 1)],
    }
}

/// OpenCode and Pi, whose templates send the generic object.
fn templated(agent: &'static str, dir: &str) -> Script {
    let common = json!({"v": 1, "agent": agent, "session": "x-1", "cwd": dir, "model": "m"});
    let send = |event: &str, more: Value| {
        let mut payload = with(&common, "", more);
        payload.as_object_mut().unwrap().remove("hook_event_name");
        payload["event"] = event.into();
        payload
    };
    let tool = |event: &str, id: &str, command: &str, more: Value| {
        let tool = json!({"tool": "bash", "tool_id": id, "input": {"command": command}});
        let mut payload = send(event, tool);
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payload
    };
    let went = |code: i64| match agent {
        "pi" => json!({"ok": code == 0, "meta": {"text": format!("Command exited with code {code}")}}),
        _ => json!({"meta": {"exit": code}}),
    };
    let payloads = vec![
        send("session_start", json!({})),
        send("turn_start", json!({"prompt": "make it"})),
        tool("tool_pre", "1", "make a", json!({})),
        tool("tool_pre", "2", "make b", json!({})),
        tool("tool_post", "1", "make a", went(0)),
        tool("tool_post", "2", "make b", went(2)),
        send("compact", json!({})),
        send("turn_end", json!({})),
        send("session_end", json!({})),
    ];
    Script {
        agent,
        payloads,
        commands: vec![("make a", Some(0), "done"), ("make b", Some(2), "done")],
        events: vec![("prompt", 1), ("turn_ended", 1), ("compacted", 1), ("session_ended", 1)],
    }
}

/// A session of each agent whose settings name a command.
pub fn hooked(dir: &str) -> Vec<Script> {
    let alike = ALIKE.iter().map(|agent| claude_like(agent, dir));
    alike.chain([codex(dir), cursor(dir), gemini(dir)]).collect()
}

fn plays_out(sandbox: &Sandbox, script: &Script) {
    let agent = script.agent;
    for payload in &script.payloads {
        // Cursor runs the hooks of Claude's settings too.
        for door in [agent, if agent == "cursor" { "claude" } else { agent }] {
            silent(agent, payload, &call(sandbox, door, payload.to_string().as_bytes()));
        }
    }
    let told: Vec<Value> = sandbox.list("commands", "commands");
    let mut told: Vec<_> = told
        .iter()
        .filter(|command| command["actor"]["name"] == agent)
        .map(|command| {
            assert_eq!(command["actor"]["kind"], "agent", "{command}");
            let word = |key: &str| command[key].as_str().unwrap_or_default().to_owned();
            (word("command"), command["exit"].as_i64(), word("state"))
        })
        .collect();
    told.sort();
    let expected: Vec<_> = script
        .commands
        .iter()
        .map(|(text, exit, state)| ((*text).to_owned(), *exit, (*state).to_owned()))
        .collect();
    assert_eq!(told, expected, "{agent}");
    sandbox.checkpoint();
    sandbox.trace(&["show"]).good("trace show");
    let story = Story::of(sandbox);
    story.ids_are_unique();
    let own = |event: &&Value| event["session"] == session_of(&story, agent);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in story.events.iter().map(|(_, event)| event).filter(own) {
        *counts.entry(event["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for (kind, times) in &script.events {
        assert_eq!(counts.get(*kind).copied().unwrap_or(0), *times, "{agent}: {kind} in {counts:?}");
    }
    assert_eq!(sandbox.trace(&["doctor"]).code, 0, "{agent}: nothing went wrong");
}

fn session_of(story: &Story, agent: &str) -> Value {
    let seen = |event: &Value| event["kind"] == "session_seen" && event["body"]["agent"] == agent;
    let found = story.events.iter().map(|(_, event)| event).find(|event| seen(event));
    found.unwrap_or_else(|| panic!("no session of {agent}"))["session"].clone()
}

#[test]
fn a_session_of_each_agent_is_told_exactly_once() {
    let sandbox = Sandbox::enabled();
    let dir = sandbox.dir.to_str().unwrap().to_owned();
    let templated = ["opencode", "pi"].map(|agent| templated(agent, &dir));
    for script in hooked(&dir).iter().chain(&templated) {
        plays_out(&sandbox, script);
    }
    sandbox.fsck();
    sandbox.user_works();
}

#[test]
fn a_batch_tells_the_ends_that_nobody_told() {
    let sandbox = Sandbox::enabled();
    let common = json!({"session_id": "s", "cwd": sandbox.dir});
    let tool = |id: &str, command: &str| json!({"tool_name": "Bash", "tool_use_id": id, "tool_input": {"command": command}});
    for id in ["1", "2"] {
        let pre = with(&with(&common, "PreToolUse", tool(id, "make")), "PreToolUse", json!({}));
        call(&sandbox, "claude", pre.to_string().as_bytes()).silent();
    }
    let post = with(&common, "PostToolUse", tool("1", "make"));
    let post = with(&post, "PostToolUse", json!({"tool_response": {"stdout": ""}}));
    call(&sandbox, "claude", post.to_string().as_bytes()).silent();
    let mut calls = [tool("1", "make"), tool("2", "make")];
    calls[0]["tool_response"] = "words".into();
    calls[1]["tool_response"] = "Error: Exit code 3".into();
    let batch = with(&common, "PostToolBatch", json!({"tool_calls": calls}));
    for _ in 0..2 {
        call(&sandbox, "claude", batch.to_string().as_bytes()).silent();
    }
    let mut exits: Vec<_> =
        sandbox.list("commands", "commands").iter().map(|one| one["exit"].as_i64()).collect();
    exits.sort_unstable();
    assert_eq!(exits, [Some(0), Some(3)]);
}

#[test]
fn files_are_as_they_were_before_the_first_tool_that_writes() {
    let sandbox = Sandbox::enabled();
    sandbox.write("README", "not committed\n");
    let pre = json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_use_id": "1", "tool_input": {"command": "git checkout -- README"}});
    call(&sandbox, "claude", pre.to_string().as_bytes()).silent();
    sandbox.git(&["checkout", "--", "README"]);
    let newest = &sandbox.list("log", "checkpoints")[0];
    assert_eq!(newest["kind"], "guard");
    let kept =
        crate::story::files(&sandbox, &[(newest["id"].as_str().unwrap().to_owned(), "README".to_owned())]);
    assert_eq!(kept, [Some(b"not committed\n".to_vec())]);
}

#[test]
fn a_tool_that_only_reads_is_not_told_of() {
    let sandbox = Sandbox::enabled();
    let before = fs::read_dir(sandbox.journal()).map_or(0, Iterator::count);
    let pre = json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "PreToolUse", "tool_name": "Read",
        "tool_use_id": "1", "tool_input": {"file_path": "README"}});
    call(&sandbox, "claude", pre.to_string().as_bytes()).silent();
    assert_eq!(fs::read_dir(sandbox.journal()).map_or(0, Iterator::count), before);
}

#[test]
fn an_edit_belongs_to_the_repository_of_its_file() {
    let sandbox = Sandbox::enabled();
    let other = sandbox.at("other");
    fs::create_dir_all(&other.dir).unwrap();
    other.begin(&[]);
    other.enable();
    let post = json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "PostToolUse", "tool_name": "Write",
        "tool_use_id": "1", "tool_input": {"file_path": other.dir.join("new/deep/file")}});
    call(&sandbox, "claude", post.to_string().as_bytes()).silent();
    let tools = |place: &Place| {
        place.checkpoint();
        Story::of(place).events.iter().filter(|(_, event)| event["kind"] == "tool_finished").count()
    };
    assert_eq!((tools(&sandbox), tools(&other)), (0, 1));
}

#[test]
fn whatever_comes_in_is_met_with_silence() {
    let sandbox = Sandbox::enabled();
    let huge = format!(r#"{{"session_id":"s","hook_event_name":"Stop","x":"{}"}}"#, "y".repeat(17 << 20));
    let payloads: [&[u8]; 9] = [
        b"",
        b"garbage",
        b"{\"session_id\":\"s\"",
        b"[1,2]",
        b"{\"hook_event_name\":\"Stop\"}",
        b"{\"session_id\":\"\xff\"}",
        b"\0\0\0",
        b"{\"session_id\":\"s\",\"hook_event_name\":\"NeverHeardOf\"}",
        huge.as_bytes(),
    ];
    for agent in ["claude", "codex", "cursor", "gemini", "opencode", "copilot", "droid", "pi"] {
        for payload in payloads {
            let ran = call(&sandbox, agent, payload);
            assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""), "{agent}");
        }
        let closed = sandbox.run("sh", &["-c", &format!("exec '{GIT_TRACE}' hook {agent} <&-")]);
        assert_eq!((closed.code, closed.stdout.as_str(), closed.stderr.as_str()), (0, "", ""), "{agent}");
    }
    assert_eq!(sandbox.trace(&["doctor"]).code, 1, "what went wrong is said there");
    let told = sandbox.trace(&["doctor", "--json"]);
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (told.code, &document["schema"], &document["ok"]),
        (1, &"trace/v1/doctor".into(), &false.into())
    );
    assert!(document["trouble"][0]["doing"].as_str().unwrap().starts_with("hook "), "{document}");
}

#[test]
fn a_caller_that_never_closes_its_end_is_not_waited_for() {
    use std::io::Write;
    let sandbox = Sandbox::enabled();
    let mut hook = sandbox.command(GIT_TRACE);
    let mut child = hook.args(["hook", "claude"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let prompt =
        json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "UserPromptSubmit", "prompt": "go"});
    pipe.write_all(prompt.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    drop(pipe);
    sandbox.checkpoint();
    assert_eq!(Story::of(&sandbox).events.iter().filter(|(_, event)| event["kind"] == "prompt").count(), 1);
}

#[test]
fn payloads_are_kept_for_whoever_asks_and_without_secrets() {
    let sandbox = Sandbox::enabled();
    let dir = sandbox.root().join("payloads");
    let place = sandbox.with("TRACE_HOOK_RECORD", &dir);
    let secret = format!("ghp_{}", "a1B2c3D4e5".repeat(4).split_at(36).0);
    let prompt = json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "UserPromptSubmit", "prompt": secret});
    call(&place, "claude", prompt.to_string().as_bytes()).silent();
    let kept: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    let text = fs::read_to_string(&kept[0]).unwrap();
    assert!(text.contains("UserPromptSubmit") && !text.contains(&secret), "{text}");
}

#[test]
fn where_nothing_is_recorded_nothing_is_written() {
    let sandbox = Sandbox::new();
    let prompt =
        json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "UserPromptSubmit", "prompt": "go"});
    call(&sandbox, "claude", prompt.to_string().as_bytes()).silent();
    assert!(!sandbox.own_dir().exists());
}
