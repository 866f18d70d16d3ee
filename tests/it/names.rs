//! What may be typed to name a state of the files, and what is answered to a name that several things have.

use serde_json::json;

use crate::person::Shell;
use crate::place::{Place, payload};
use crate::sandbox::Sandbox;

/// A prompt in `session` (an agent's own id) begins a turn.
fn prompt(place: &Place, session: &str, words: &str) {
    tell(place, session, &json!({"event": "turn_start", "prompt": words}));
}

/// The agent answers.
fn answer(place: &Place, session: &str) {
    tell(place, session, &json!({"event": "turn_end"}));
}

fn tell(place: &Place, session: &str, what: &serde_json::Value) {
    let mut call = json!({"v": 1, "agent": "tester", "session": session, "cwd": place.dir});
    for (name, value) in what.as_object().unwrap() {
        call[name] = value.clone();
    }
    place.hook(call.to_string().as_bytes()).silent();
}

/// What differs between two states, as `A  path` lines.
fn differs(place: &Place, old: &str, new: &str) -> String {
    place.trace(&["diff", "--name-status", old, new]).good(&format!("trace diff {old} {new}"))
}

#[test]
fn a_turn_is_named_by_its_session_and_the_number_of_its_prompt() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    for file in ["one", "two"] {
        prompt(&sandbox, "talk", &format!("write {file}"));
        sandbox.write(file, "x\n");
        answer(&sandbox, "talk");
        sandbox.checkpoint();
        sandbox.write(&format!("{file} by hand"), "x\n");
        sandbox.checkpoint();
    }
    prompt(&sandbox, "talk", "write three");
    sandbox.write("three", "x\n");
    assert_eq!(differs(&sandbox, "turn:talk.1", "turn:talk.1^"), "A  one");
    assert_eq!(differs(&sandbox, "turn:talk.2", "turn:talk.2^"), "A  two");
    assert_eq!(differs(&sandbox, "turn:talk", "turn:talk^"), "A  three", "a turn that goes on ends now");
    assert_eq!(differs(&sandbox, "turn:talk.1^", "turn:talk.2"), "A  one by hand");

    let newest = sandbox.json(&["show", "turn:talk.2^"]);
    let turns: Vec<_> = newest["turns"].as_array().unwrap().iter().map(|turn| &turn["name"]).collect();
    let name = turns.last().and_then(|name| name.as_str()).unwrap();
    assert_eq!(differs(&sandbox, name, &format!("{name}^")), "A  two", "what is printed is accepted");
    assert!(sandbox.trace(&["show", "turn:talk.2^"]).good("trace show").contains(name));

    for (bad, code) in [("turn:talk.4", 1), ("turn:talk.0", 2), ("turn:nobody", 1), ("turn:", 2)] {
        let ran = sandbox.trace(&["diff", bad]);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{bad}: {}", ran.stderr);
    }
}

#[test]
fn a_session_goes_by_the_same_names_everywhere() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("talk", "make one");
    let holds = sandbox.checkpoint();
    sandbox.tell("other", "make two");
    sandbox.checkpoint();
    let full = sandbox.json(&["log", "--session", "talk"])["checkpoints"][0]["sessions"][0].clone();
    let full = full.as_str().unwrap();
    for name in [full, &full[..16], &full[5..16], "talk"] {
        let commands = sandbox.json(&["commands", "--session", name]);
        let texts: Vec<_> =
            commands["commands"].as_array().unwrap().iter().map(|row| &row["command"]).collect();
        assert_eq!(texts, ["make one"], "{name}");
        assert_eq!(sandbox.json(&["log", "--session", name])["checkpoints"][0]["id"], *holds, "{name}");
        assert_eq!(sandbox.json(&["show", name])["id"], *holds, "{name}");
    }
    sandbox.trace(&["session", "alias", "talk", "the first"]).good("alias");
    for (name, text) in [("the first", "make one"), ("last", "make two")] {
        let last = sandbox.json(&["session", "show", name])["sessions"][0]["id"].clone();
        let rows = sandbox.json(&["commands", "--session", name])["commands"].clone();
        assert_eq!((&rows[0]["command"], &rows[0]["session"]), (&text.into(), &last), "{name}");
        assert_eq!(rows.as_array().unwrap().len(), 1, "{name}");
        for listing in [&["commands"][..], &["commands", "export"], &["search", "make"]] {
            let shown = sandbox.trace(&[listing, &["--session", name]].concat()).good(name);
            assert!(shown.contains(text), "{listing:?} {name}: {shown}");
        }
        assert_eq!(sandbox.json(&["log", "--session", name])["checkpoints"][0]["commands"], 1, "{name}");
    }
    for command in ["commands", "log"] {
        let ran = sandbox.trace(&[command, "--session", "tal"]);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("no session here is called \"tal\""), "{}", ran.stderr);
    }
}

#[test]
fn shells_that_were_opened_together_are_told_apart_by_what_is_printed_of_them() {
    let sandbox = Sandbox::enabled();
    let ids = ["01987f00-1111-7000-8000-00000000000a", "01987f00-1112-7000-8000-00000000000a"];
    let mut explained = String::new();
    for (at, id) in ids.into_iter().enumerate() {
        let line = format!("echo {at} >> story");
        Shell::new(id).types(&sandbox, &line, || {
            sandbox.run("sh", &["-c", &line]).good(&line);
        });
        sandbox.checkpoint();
        explained += &sandbox.trace(&["explain", "@-1"]).good("explain");
    }
    let other = |args: &[&str]| sandbox.trace(args).good(args[0]);
    for said in [explained, other(&["trail", "show"]), other(&["why", "story"]), other(&["search", "echo"])] {
        let mut printed: Vec<&str> =
            said.lines().filter_map(|line| line.split("shell ").nth(1)?.split(' ').next()).collect();
        printed.sort_unstable();
        printed.dedup();
        assert_eq!(printed.len(), 2, "{said}");
        for (short, id) in printed.into_iter().zip(ids) {
            let full = format!("sess_{id}");
            assert_eq!(sandbox.json(&["session", "show", short])["sessions"][0]["id"], full, "{short}");
            assert_eq!(
                sandbox.json(&["commands", "--session", short])["commands"][0]["session"],
                full,
                "{short}"
            );
        }
    }
}

#[test]
fn a_word_that_could_be_several_things_is_answered_with_all_of_them() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("topic", "make one");
    let id = sandbox.checkpoint();
    sandbox.tell(&id[..7], "make two");
    for agent in ["tester", "another"] {
        let mut call = payload(&sandbox.dir, "talk", "make three");
        call["agent"] = agent.into();
        sandbox.hook(call.to_string().as_bytes()).silent();
    }
    sandbox.checkpoint();
    let answer = |word: &str| {
        let ran = sandbox.trace(&["show", word]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        ran.stderr.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = answer(&id[..7]);
    assert!(lines[1].starts_with(&format!("  {}  checkpoint  ", &id[..16])), "{lines:?}");
    assert!(lines[1].ends_with("  test"), "{lines:?}");
    assert!(lines[2].starts_with("  sess_") && lines[2].ends_with("  session  tester"), "{lines:?}");
    assert_eq!(sandbox.json(&["show", &id[..8]])["id"], *id, "one more digit, and it is one thing");

    let lines = answer("topic");
    assert_eq!(lines[1], "  refs/heads/topic  branch");
    assert!(lines[2].ends_with("  session  tester") && lines[3].starts_with("say which"), "{lines:?}");
    assert_eq!(differs(&sandbox, "refs/heads/topic", "HEAD"), "");

    let lines = answer("talk");
    let mut agents: Vec<_> = lines[1..3].iter().filter_map(|line| line.rsplit(' ').next()).collect();
    agents.sort_unstable();
    assert_eq!(agents, ["another", "tester"], "{lines:?}");
    let named = lines[1].split_whitespace().next().unwrap();
    sandbox.trace(&["show", named]).good("the first word of a line names it");
}
