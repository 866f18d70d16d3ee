//! Each agent as its installed settings have it: a whole session through the very commands that stand
//! in them, beside those of other tools; and when we are gone they are as they were.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::agents::{hooked, silent};
use crate::place::finish;
use crate::sandbox::{Sandbox, have};
use crate::story::Story;

/// Where each agent keeps its settings, and what another tool has there. Where we have a file of our
/// own, it is one beside it.
const OTHERS: [(&str, &str, &str); 8] = [
    (
        "claude",
        ".claude/settings.json",
        "{\n  \"model\": \"m\",\n  \"hooks\": {\n    \"Stop\": [\n      { \"hooks\": [{ \"type\": \"command\", \"command\": \"say done\" }] }\n    ]\n  }\n}\n",
    ),
    (
        "codex",
        ".codex/hooks.json",
        "{\"hooks\":{\"PreToolUse\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"lefthook run ai\"}]}]}}",
    ),
    (
        "cursor",
        ".cursor/hooks.json",
        "{\r\n    \"version\": 1,\r\n    \"hooks\": {\r\n        \"stop\": [{ \"command\": \"lefthook run\" }]\r\n    }\r\n}\r\n",
    ),
    ("gemini", ".gemini/settings.json", "{\n\t\"z\": 1,\n\t\"hooks\": {\n\t\t\"AfterTool\": []\n\t}\n}"),
    ("copilot", ".copilot/hooks/lefthook.json", "{\"version\": 1, \"hooks\": {}}\n"),
    (
        "droid",
        ".factory/settings.json",
        "{\"ai\": \"\\u00e9\", \"hooks\": {\"Stop\": [{\"hooks\": [{\"command\": \"x\"}]}]}, \"n\": 1.50}\n\n",
    ),
    ("opencode", ".config/opencode/plugins/other.ts", "export const Other = async () => ({})\n"),
    ("pi", ".pi/agent/extensions/other.ts", "export default function () {}\n"),
];

/// One agent, set up in a home where another tool was before.
struct Installed {
    sandbox: Sandbox,
    agent: &'static str,
    theirs: PathBuf,
    before: &'static str,
}

impl Installed {
    fn new(agent: &'static str) -> Self {
        let sandbox = Sandbox::enabled();
        let (_, path, before) = OTHERS.into_iter().find(|(name, ..)| *name == agent).unwrap();
        let theirs = sandbox.root().join("home").join(path);
        fs::create_dir_all(theirs.parent().unwrap()).unwrap();
        fs::write(&theirs, before).unwrap();
        sandbox.trace(&["enable", "--agent", agent]).good("enable");
        Self { sandbox, agent, theirs, before }
    }

    /// The file that holds what is ours.
    fn ours(&self) -> PathBuf {
        let name = match self.agent {
            "copilot" => "trace.json",
            "opencode" | "pi" => "trace.ts",
            _ => return self.theirs.clone(),
        };
        self.theirs.with_file_name(name)
    }

    /// Our commands for a payload, as the agent finds them in its settings.
    fn commands(&self, payload: &Value) -> Vec<String> {
        let settings: Value = serde_json::from_str(&fs::read_to_string(self.ours()).unwrap()).unwrap();
        let (event, tool) = (payload["hook_event_name"].as_str().unwrap(), payload["tool_name"].as_str());
        let fits = |entry: &&Value| match (entry["matcher"].as_str(), tool) {
            (None | Some("" | "*"), _) | (_, None) => true,
            (Some(names), Some(tool)) => names.split('|').any(|name| name == tool),
        };
        let entries = settings["hooks"][event].as_array().cloned().unwrap_or_default();
        let handlers = entries.iter().filter(fits).flat_map(|entry| match entry["hooks"].as_array() {
            Some(handlers) => handlers.clone(),
            None => vec![entry.clone()],
        });
        let line =
            |handler: Value| handler["command"].as_str().or(handler["bash"].as_str()).map(str::to_owned);
        handlers.filter_map(line).filter(|line| line.contains("git-trace hook")).collect()
    }

    /// Does with a payload what the agent does; how many commands that were.
    fn deliver(&self, payload: &Value) -> usize {
        let commands = self.commands(payload);
        for command in &commands {
            let mut shell = self.sandbox.command("sh");
            silent(self.agent, payload, &finish(shell.args(["-c", command]), payload.to_string().as_bytes()));
        }
        commands.len()
    }

    fn session(&self, external: &str) -> Value {
        self.sandbox.json(&["session", "show", external])["sessions"][0].clone()
    }

    /// Lists it, goes on with it, and takes us out again.
    fn ends(self, external: &str, words: &[&str]) {
        let sandbox = &self.sandbox;
        sandbox.checkpoint();
        Story::of(sandbox).ids_are_unique();
        let listed = sandbox.trace(&["session", "list", "--agent", self.agent]).good("session list");
        let id = self.session(external)["id"].as_str().unwrap().to_owned();
        assert!(listed.contains(&id[5..13]), "{listed}");
        let command: Vec<Value> = words.iter().chain([&external]).map(|word| json!(word)).collect();
        assert_eq!(sandbox.json(&["resume", &id])["command"], json!(command), "{}", self.agent);
        let doctor = sandbox.trace(&["doctor"]);
        assert!(doctor.code == 0 && doctor.stdout.contains("; last event "), "{}: {doctor:?}", self.agent);
        sandbox.trace(&["disable", "--agent", self.agent]).good("disable");
        assert_eq!(fs::read_to_string(&self.theirs).unwrap(), self.before, "{}", self.agent);
        let left: Vec<_> = fs::read_dir(self.theirs.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "{}: {left:?}", self.agent);
        sandbox.fsck();
        sandbox.user_works();
    }

    /// Text, code and state of each command, by text.
    fn told(&self) -> Vec<(String, Option<i64>, String)> {
        let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let rows = self.sandbox.list("commands", "commands");
        let mut told: Vec<_> =
            rows.iter().map(|row| (word(row, "command"), row["exit"].as_i64(), word(row, "state"))).collect();
        told.sort();
        told
    }
}

fn names(commands: &[(&str, Option<i64>, &str)]) -> Vec<(String, Option<i64>, String)> {
    commands.iter().map(|(text, exit, state)| ((*text).to_owned(), *exit, (*state).to_owned())).collect()
}

/// Plays a session, takes it up again, and forks it.
fn plays(installed: Installed) {
    let dir = installed.sandbox.dir.to_str().unwrap();
    let script = hooked(dir).into_iter().find(|script| script.agent == installed.agent).unwrap();
    let [first, prompt] = [&script.payloads[0], &script.payloads[1]];
    let key = if script.agent == "cursor" { "conversation_id" } else { "session_id" };
    let external = first[key].as_str().unwrap().to_owned();
    let told: usize = script.payloads.iter().map(|payload| installed.deliver(payload)).sum();
    let most = script.payloads.len();
    assert!(told <= most && told + 3 >= most, "{}: {told} of {most} events are asked for", script.agent);
    let with = |payload: &Value, changes: Value| {
        let mut payload = payload.clone();
        payload.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        payload
    };
    installed.deliver(&with(first, json!({"source": "resume"})));
    let again = json!({"prompt": "and again", "turn_id": "u-9", "generation_id": "g-9"});
    installed.deliver(&with(prompt, again));
    let mut expected = script.commands.clone();
    if script.agent == "codex" {
        // It is not asked for interrupts, which not every version tells.
        expected[2] = ("make c", None, "done");
    }
    assert_eq!(installed.told(), names(&expected), "{}", script.agent);
    let prompts = |payloads: &[Value]| payloads.iter().filter(|one| one["prompt"].is_string()).count();
    let asked: Vec<Value> =
        script.payloads.iter().filter(|one| one["hook_event_name"] != "AfterAgent").cloned().collect();
    assert_eq!(installed.session(&external)["prompts"], prompts(&asked) + 1, "{}", script.agent);
    let fork = json!({key: "f-1", "source": "fork", "forked_from_id": external, "prompt": null});
    installed.deliver(&with(first, fork));
    let (session, fork) = (installed.session(&external), installed.session("f-1"));
    assert_ne!(session["id"], fork["id"], "{}", script.agent);
    assert_eq!((&fork["parent"], &fork["parent_kind"]), (&session["id"], &json!("fork")), "{}", script.agent);
    let words: &[&str] = match script.agent {
        "claude" => &["claude", "-r"],
        "codex" => &["codex", "resume"],
        "copilot" => &["copilot", "--resume"],
        "cursor" => &["agent", "--resume"],
        "droid" => &["droid", "--session-id"],
        _ => &["gemini", "--resume"],
    };
    installed.ends(&external, words);
}

#[test]
fn six_agents_tell_a_whole_session_by_the_commands_of_their_settings() {
    for agent in ["claude", "codex", "copilot", "cursor", "droid", "gemini"] {
        plays(Installed::new(agent));
    }
}

/// Runs a plugin of ours as its agent does; false if there is nothing to run it with.
fn play(installed: &Installed, script: &str) -> bool {
    if !have("node", "plugins are JavaScript") {
        return false;
    }
    let dir = installed.sandbox.root().join("tmp");
    fs::copy(installed.ours(), dir.join("plugin.mjs")).unwrap();
    let text = format!("const cwd = {:?};\n{script}", installed.sandbox.dir.to_str().unwrap());
    fs::write(dir.join("play.mjs"), text).unwrap();
    let ran = installed.sandbox.run("node", &[dir.join("play.mjs")]);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""), "{}", installed.agent);
    true
}

const OPENCODE: &str = r#"
import { TracePlugin } from "./plugin.mjs"
const begin = async () => {
  const hooks = await TracePlugin({ directory: cwd, worktree: cwd })
  const event = (type, properties) => hooks.event({ event: { type, properties } })
  const says = async (sessionID, id, text) => {
    await event("message.updated", { info: { id, sessionID, role: "user" } })
    await event("message.part.updated", { part: { type: "text", messageID: id, sessionID, text } })
  }
  const tool = (sessionID, callID, command) => [
    () => hooks["tool.execute.before"]({ tool: "bash", sessionID, callID }, { args: { command } }),
    (exit) => hooks["tool.execute.after"]({ tool: "bash", sessionID, callID, args: { command } }, { metadata: { exit } }),
  ]
  return { event, says, tool }
}
const { event, says, tool } = await begin()
await event("session.created", { info: { id: "ses_1" } })
await says("ses_1", "m1", "make it")
const [a, endA] = tool("ses_1", "1", "make a"), [b, endB] = tool("ses_1", "2", "make b"), [c] = tool("ses_1", "3", "make c")
await a(); await b(); await endA(0); await endB(2)
await event("session.created", { info: { id: "ses_2", parentID: "ses_1" } })
await event("session.compacted", { sessionID: "ses_1" })
await event("session.status", { sessionID: "ses_1", status: { type: "idle" } })
await says("ses_1", "m2", "more")
await c()
await event("session.status", { sessionID: "ses_1", status: { type: "idle" } })
await event("server.instance.disposed", {})
const later = await begin()
await later.says("ses_1", "m3", "and again")
await later.event("session.created", { info: { id: "ses_3" } })
"#;

#[test]
fn opencode_tells_a_whole_session_by_its_plugin() {
    let installed = Installed::new("opencode");
    if !play(&installed, OPENCODE) {
        return;
    }
    let expected =
        [("make a", Some(0), "done"), ("make b", Some(2), "done"), ("make c", None, "interrupted")];
    assert_eq!(installed.told(), names(&expected));
    let (session, child) = (installed.session("ses_1"), installed.session("ses_2"));
    assert_eq!(session["prompts"], 3);
    assert_eq!((&child["parent"], &child["parent_kind"]), (&session["id"], &json!("subagent")));
    assert_eq!(installed.session("ses_3")["parent"], Value::Null, "a fork leaves no sign");
    installed.ends("ses_1", &["opencode", "-s"]);
}

const PI: &str = r#"
import extension from "./plugin.mjs"
const on = {}
extension({ on: (name, call) => { on[name] = call } })
const session = (id, parentSession) => ({ cwd, sessionManager: {
  getSessionId: () => id, getSessionFile: () => `${cwd}/../home/.pi/agent/sessions/--x--/1_${id}.jsonl`, getHeader: () => ({ parentSession }) } })
const one = session("p-1"), fork = session("p-2", "/h/sessions/--x--/1_p-1.jsonl")
const tool = (toolCallId, command) => ({ toolName: "bash", toolCallId, input: { command } })
await on.session_start({}, one)
await on.before_agent_start({ prompt: "make it" }, one)
await on.tool_call(tool("1", "make a"), one); await on.tool_call(tool("2", "make b"), one)
await on.tool_result(tool("1", "make a"), one)
await on.tool_result({ ...tool("2", "make b"), isError: true, content: [{ text: "Command exited with code 2" }] }, one)
await on.session_before_compact({}, one)
await on.agent_end({}, one)
await on.before_agent_start({ prompt: "more" }, one)
await on.tool_call(tool("3", "make c"), one)
await on.agent_end({}, one)
await on.session_shutdown({}, one)
await on.session_start({}, one)
await on.before_agent_start({ prompt: "and again" }, one)
await on.session_fork({}, fork)
"#;

#[test]
fn pi_tells_a_whole_session_by_its_extension() {
    let installed = Installed::new("pi");
    if !play(&installed, PI) {
        return;
    }
    // It tells of no end where a tool is cancelled: how it went is not known.
    let expected = [("make a", Some(0), "done"), ("make b", Some(2), "done"), ("make c", None, "done")];
    assert_eq!(installed.told(), names(&expected));
    let (session, fork) = (installed.session("p-1"), installed.session("p-2"));
    assert_eq!(session["prompts"], 3);
    assert_eq!((&fork["parent"], &fork["parent_kind"]), (&session["id"], &json!("fork")));
    installed.ends("p-1", &["pi", "--session"]);
}
