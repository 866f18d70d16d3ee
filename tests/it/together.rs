//! Two agents and a person's shell at work in one worktree at once: everything is told once, in the
//! session of whoever did it, and every change has its author.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::person::Shell;
use crate::place::{GIT_TRACE, Place, finish};
use crate::sandbox::{Sandbox, race};
use crate::story::Story;

const SHELL: &str = "01987f00-1111-7000-8000-00000000000a";
const ACTORS: [&str; 3] = ["claude", "codex", "shell"];

/// So many rounds of each: an agent tells of four halves in one, the shell of two. 500 in all.
const ROUNDS: usize = 50;

/// The file that an actor writes in a round: with a command, or with a tool that names it.
fn file(actor: &str, how: &str, round: usize) -> String {
    format!("work/{actor}/{how}-{round}")
}

fn command(actor: &str, round: usize) -> String {
    format!("make {actor} {round}")
}

/// An agent's round: an edit that names its file, and a command that does not.
fn agent(place: &Place, actor: &str, round: usize) {
    let call = |event: &str, tool: &str, input: Value| {
        let payload = json!({
            "session_id": actor, "cwd": place.dir, "hook_event_name": event, "tool_name": tool,
            "tool_use_id": format!("{tool}-{round}"), "tool_input": input, "tool_response": {"stdout": ""},
        });
        finish(place.command(GIT_TRACE).args(["hook", actor]), payload.to_string().as_bytes()).silent();
    };
    let named = file(actor, "edit", round);
    let edit = json!({"file_path": place.dir.join(&named)});
    call("PreToolUse", "Edit", edit.clone());
    place.write(&named, actor);
    call("PostToolUse", "Edit", edit);
    let shell = json!({"command": command(actor, round)});
    call("PreToolUse", "Bash", shell.clone());
    place.write(&file(actor, "command", round), actor);
    call("PostToolUse", "Bash", shell);
}

/// A round of the shell: a command, told by both its halves.
fn person(shell: &mut Shell, place: &Place, round: usize) {
    shell.types(place, &command("shell", round), || place.write(&file("shell", "command", round), "shell"));
}

#[test]
fn two_agents_and_a_shell_at_once_are_told_apart() {
    let sandbox = Sandbox::enabled();
    // What a guard costs is no part of this: it only takes checkpoints, which others do here.
    let place = sandbox.with("TRACE_GUARD", "off");
    let shell = Mutex::new(Shell::new(SHELL));
    race(4, |worker| {
        for round in 0..ROUNDS {
            match worker {
                0 | 1 => agent(&place, ACTORS[worker], round),
                2 => person(&mut shell.lock().unwrap(), &place, round),
                _ if round % 10 == 0 => drop(place.trace(&["checkpoint"]).good("checkpoint")),
                _ => {}
            }
        }
    });
    place.checkpoint();
    let sessions = place.json(&["session", "list", "--limit", "0"])["sessions"].clone();
    let session = |actor: &str| -> Value {
        let found: Vec<_> =
            sessions.as_array().unwrap().iter().filter(|session| session["agent"] == actor).collect();
        assert_eq!((found.len(), &found[0]["commands"]), (1, &json!(ROUNDS)), "{actor}");
        found[0]["id"].clone()
    };
    let ids: BTreeMap<&str, Value> = ACTORS.iter().map(|actor| (*actor, session(actor))).collect();
    commands_are_told_once(&place, &ids);
    changes_have_their_authors(&place, &ids);
    let story = Story::of(&place);
    let all: Vec<_> =
        ACTORS.iter().flat_map(|actor| (0..ROUNDS).map(|round| command(actor, round))).collect();
    story.holds_once(all.iter().map(String::as_str));
    let edits = story.events.iter().filter(|(_, event)| event["kind"] == "tool_finished").count();
    assert_eq!(edits, 2 * ROUNDS);
    sandbox.fsck();
}

fn commands_are_told_once(place: &Place, ids: &BTreeMap<&str, Value>) {
    let rows = place.list("commands", "commands");
    let told: BTreeSet<_> = rows.iter().map(|row| row["command"].as_str().unwrap()).collect();
    assert_eq!((rows.len(), told.len()), (3 * ROUNDS, 3 * ROUNDS));
    for row in &rows {
        let actor = row["command"].as_str().unwrap().split(' ').nth(1).unwrap();
        assert_eq!((&row["session"], &row["state"]), (&ids[actor], &json!("done")), "{row}");
        let round: usize = row["command"].as_str().unwrap().split(' ').nth(2).unwrap().parse().unwrap();
        let own = file(actor, "command", round);
        let changes = row["changes"].as_array().unwrap();
        assert!(changes.iter().any(|change| change["path"] == *own), "{own} is not among {changes:?}");
        // What a tool named is that tool's, whoever else was at work.
        assert!(changes.iter().all(|change| !change["path"].as_str().unwrap().contains("edit")), "{row}");
    }
}

fn changes_have_their_authors(place: &Place, ids: &BTreeMap<&str, Value>) {
    let mut seen = BTreeSet::new();
    for checkpoint in place.list("log", "checkpoints") {
        let shown = place.json(&["show", checkpoint["id"].as_str().unwrap()]);
        for change in shown["changes"].as_array().unwrap() {
            let path = change["path"].as_str().unwrap();
            let Some(rest) = path.strip_prefix("work/") else { continue };
            assert!(seen.insert(path.to_owned()), "{path} changed twice");
            let (actor, name) = rest.split_once('/').unwrap();
            let by: Vec<&Value> = change["by"].as_array().unwrap().iter().map(|by| &by["session"]).collect();
            assert!(by.contains(&&ids[actor]), "{change} is not of {actor}");
            // Of commands at work at the same moment none can be ruled out, and that is said.
            let alone = name.starts_with("edit") || change["confidence"] == "exact";
            assert!(!alone || by == [&ids[actor]], "{change} is of others too");
            assert_eq!(change["confidence"], if by.len() > 1 { "shared" } else { "exact" }, "{change}");
        }
    }
    assert_eq!(seen.len(), 5 * ROUNDS, "every file was found once");
}
