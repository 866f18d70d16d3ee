//! Conversations of OpenCode, which keeps a database: taken in by their ids, from what it exports.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use trace::disk::process;

use crate::place::{Place, Ran};
use crate::sandbox::Sandbox;
use crate::story::Story;

const ID: &str = "ses_6a1f5c2d3ffeKq8ZxYwVuTsRqP";

/// The moment of everything that was said, milliseconds since 1970.
const AT: u64 = 1_787_220_000_000;

/// What an OpenCode does that works: it writes to a plain file that is nobody else's, or not at all.
const WORKS: &str = r#"test "$#" = 2 && test "$1" = export || exit 7
test -f /dev/stdout && test "$(stat -Lc %a /dev/stdout)" = 600 || { echo 'no private file' >&2; exit 8; }
read -r line && exit 9
printf '%s\n' "$2" "$PWD" "$OPENCODE_DISABLE_PROJECT_CONFIG" "$TRACE_ACTIVE" >"$HOME/asked"
echo "Exporting session: $2" >&2
cat "$HOME/export.json""#;

/// A worktree, and an OpenCode beside it that does what a script says.
fn with_opencode(sandbox: &Sandbox, script: &str) -> Place {
    let bin = sandbox.root().join("bin");
    program(&bin, script);
    let path = sandbox.run("sh", &["-c", "printf %s \"$PATH\""]).stdout;
    sandbox.with("PATH", format!("{}:{path}", bin.display()))
}

fn program(dir: &Path, script: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("opencode"), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(dir.join("opencode"), Permissions::from_mode(0o755)).unwrap();
}

fn user(n: usize, text: &str) -> Value {
    json!({"info": {"id": format!("msg_{n:02}"), "sessionID": ID, "role": "user", "time": {"created": AT}},
        "parts": [{"id": format!("prt_{n:02}"), "messageID": format!("msg_{n:02}"), "sessionID": ID,
            "type": "text", "text": text}]})
}

fn assistant(n: usize, tool: &str, input: Value) -> Value {
    json!({"info": {"id": format!("msg_{n:02}"), "sessionID": ID, "role": "assistant", "modelID": "m",
            "time": {"created": AT}, "tokens": {"input": 10, "output": 5}},
        "parts": [{"id": format!("prt_{n:02}"), "type": "tool", "tool": tool, "callID": format!("c{n}"),
            "state": {"status": "completed", "input": input, "output": "done"}}]})
}

/// What OpenCode has of the conversation from now on.
fn exports(sandbox: &Sandbox, messages: &[Value]) {
    let info = json!({"id": ID, "projectID": "0123abcd", "directory": sandbox.dir, "title": "Add a retry",
        "version": "1.2.0", "time": {"created": AT, "updated": AT}});
    let document = serde_json::to_string_pretty(&json!({"info": info, "messages": messages})).unwrap();
    fs::write(sandbox.root().join("home/export.json"), document).unwrap();
}

fn talk(sandbox: &Sandbox) -> Vec<Value> {
    let edited = sandbox.dir.join("src/a");
    vec![user(1, "add a retry"), assistant(2, "edit", json!({"filePath": edited}))]
}

fn attach(place: &Place) -> Ran {
    place.trace(&["attach", "--agent", "opencode", ID])
}

fn one(place: &Place) -> Value {
    place.json(&["session", "show", ID])["sessions"][0].clone()
}

fn sessions(place: &Place) -> Vec<Value> {
    place.json(&["session", "list"])["sessions"].as_array().unwrap().clone()
}

/// What is left on the disk of what was exported.
fn left(sandbox: &Sandbox) -> usize {
    let state = sandbox.root().join("home/.local/state/trace/exports");
    let names = |dir: &Path| fs::read_dir(dir).into_iter().flatten().count();
    names(&state) + names(&sandbox.root().join("tmp"))
}

#[test]
fn a_conversation_is_exported_to_a_file_and_taken_in_once() {
    let sandbox = Sandbox::enabled();
    let place = with_opencode(&sandbox, WORKS);
    exports(&sandbox, &talk(&sandbox));
    let planned = place.json(&["attach", "--agent", "opencode", ID, "--dry-run"]);
    assert_eq!(
        (&planned["sessions"][0]["prompts"], &planned["sessions"][0]["edits"]),
        (&json!(1), &json!(1))
    );
    assert!(sessions(&sandbox).is_empty(), "nothing was written");
    attach(&place).good("attach by id");
    let asked = fs::read_to_string(sandbox.root().join("home/asked")).unwrap();
    assert_eq!(asked, format!("{ID}\n{}\n1\n1\n", sandbox.dir.display()));
    let session = one(&place);
    assert_eq!((&session["agent"], &session["first_prompt"]), (&json!("opencode"), &json!("add a retry")));
    assert_eq!(session["external_ids"], json!([ID]));
    let conversation = json!({"kept_only": true, "title": "Add a retry", "prompts": 1, "answers": 1,
        "models": ["m"], "tokens": 15, "files": [sandbox.dir.join("src/a")]});
    assert_eq!(session["conversation"], conversation, "what is kept says all of it");
    let story = Story::of(&place);
    let tools: Vec<_> = story.events.iter().filter(|(_, event)| event["kind"] == "tool_finished").collect();
    assert!(tools.len() == 1 && tools[0].1["body"].to_string().contains("c2"), "{tools:?}");
    let kept = session["transcript_kept"].clone();
    let again = place.json(&["attach", "--agent", "opencode", ID]);
    assert_eq!(again["sessions"][0]["known"], true);
    assert_eq!(Story::of(&place).events.len(), story.events.len(), "a second time adds nothing");
    // Of one that went on, what is new.
    exports(&sandbox, &[talk(&sandbox), vec![user(3, "and a test")]].concat());
    attach(&place).good("attach what went on");
    let grown = one(&place);
    assert_eq!((&kept, &grown["transcript_kept"]), (&json!(3), &json!(4)));
    assert_eq!(grown["conversation"]["prompts"], 2);
    // A later checkpoint finds no file, and that is no trouble.
    sandbox.write("src/a", "more\n");
    sandbox.checkpoint();
    assert_eq!(sandbox.json(&["status"])["trouble"], 0);
    assert_eq!((one(&place)["transcript_kept"].clone(), left(&sandbox)), (json!(4), 0));
    assert_eq!(sessions(&sandbox).len(), 1);
    sandbox.fsck();
}

#[test]
fn a_file_that_somebody_exported_is_the_same_conversation_whatever_it_is_called() {
    let sandbox = Sandbox::enabled();
    let place = with_opencode(&sandbox, WORKS);
    exports(&sandbox, &talk(&sandbox));
    let file = sandbox.root().join("home/export.json");
    place.trace(&["attach", "--agent", "opencode", file.to_str().unwrap()]).good("attach a file");
    let session = one(&place);
    assert_eq!((&session["external_ids"], &session["conversation"]["tokens"]), (&json!([ID]), &json!(15)));
    let again = place.json(&["attach", "--agent", "opencode", ID]);
    assert_eq!((&again["sessions"][0]["known"], &again["sessions"][0]["id"]), (&json!(true), &session["id"]));
}

#[test]
fn of_messages_of_one_equal_millisecond_none_is_lost() {
    let sandbox = Sandbox::enabled();
    let place = with_opencode(&sandbox, WORKS);
    let said: Vec<_> = (0..40).step_by(2).map(|n| user(n, &format!("say {n}"))).collect();
    let ran = (1..40).step_by(2);
    let ran: Vec<_> = ran.map(|n| assistant(n, "bash", json!({"command": format!("make {n}")}))).collect();
    exports(&sandbox, &said.into_iter().zip(ran).flat_map(|(said, ran)| [said, ran]).collect::<Vec<_>>());
    attach(&place).good("attach");
    let session = one(&place);
    let counts = ["prompts", "commands", "transcript_kept"].map(|name| session[name].clone());
    assert_eq!(counts, [json!(20), json!(20), json!(41)]);
    assert_eq!(session["conversation"]["tokens"], 20 * 15);
    let commands: Vec<_> = (1..40).step_by(2).map(|n| format!("make {n}")).collect();
    Story::of(&place).holds_once(commands.iter().map(String::as_str));
}

#[test]
fn no_secret_of_an_export_is_kept_or_left_lying() {
    let sandbox = Sandbox::enabled();
    let secret = ["ghp_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
    // It fails only after it has said it, too.
    let place =
        with_opencode(&sandbox, &format!("{WORKS}\necho 'with {secret}' >&2\nexit $(cat \"$HOME/code\")"));
    let tells = [
        user(1, &format!("use {secret}")),
        assistant(2, "bash", json!({"command": format!("put {secret}")})),
    ];
    exports(&sandbox, &tells);
    fs::write(sandbox.root().join("home/code"), "3").unwrap();
    let failed = attach(&place);
    assert!(failed.code == 1 && failed.stderr.contains("Exporting session"), "{failed:?}");
    assert!(!failed.stderr.contains(&secret), "{failed:?}");
    fs::write(sandbox.root().join("home/code"), "0").unwrap();
    attach(&place).good("attach");
    let kept = place.trace(&["session", "transcript", ID]).good("transcript");
    assert!(kept.contains("use ") && !kept.contains(&secret), "{kept}");
    assert_eq!(one(&place)["external_ids"], json!([ID]));
    let objects = sandbox.store_bytes(&["cat-file", "--batch", "--batch-all-objects"], b"");
    assert!(!String::from_utf8_lossy(&objects).contains(&secret));
    fs::remove_file(sandbox.root().join("home/export.json")).unwrap();
    fs::remove_dir_all(sandbox.root().join("bin")).unwrap();
    let found = sandbox.run("grep", &["-rlF", &secret, sandbox.root().to_str().unwrap()]);
    assert_eq!((found.code, found.stdout.as_str(), left(&sandbox)), (1, "", 0));
}

#[test]
fn an_opencode_that_hangs_is_ended_with_all_that_it_started() {
    let sandbox = Sandbox::enabled();
    let place =
        with_opencode(&sandbox, "echo $$ >\"$HOME/pids\"; sleep 600 & echo $! >>\"$HOME/pids\"; wait");
    let ran = attach(&place);
    assert!(ran.code == 1 && ran.stderr.contains("did not finish within 10 s"), "{ran:?}");
    let pids = fs::read_to_string(sandbox.root().join("home/pids")).unwrap();
    let pids: Vec<u32> = pids.lines().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!((pids.len(), left(&sandbox)), (2, 0));
    // The first was waited for; who is killed beside it goes as soon as the system comes to it.
    assert_eq!(process::identify(pids[0]), None);
    while process::identify(pids[1]).is_some() {
        std::thread::yield_now();
    }
    assert!(sessions(&sandbox).is_empty());
}

#[test]
fn what_is_no_id_is_given_to_no_program() {
    let sandbox = Sandbox::enabled();
    let place = with_opencode(&sandbox, "touch \"$HOME/ran\"");
    for word in ["ses_$(x)", "../x", "ses_", "ses_a b", "--help=ses_1", "ses_1/../2", "01"] {
        let ran = place.trace(&["attach", "--agent", "opencode", "--", word]);
        assert!(ran.code == 2 && ran.stderr.contains("nor an id of opencode"), "{word}: {ran:?}");
    }
    assert!(!sandbox.root().join("home/ran").exists());
}

#[test]
fn what_is_no_whole_conversation_or_another_is_refused() {
    let sandbox = Sandbox::enabled();
    let place = with_opencode(&sandbox, WORKS);
    exports(&sandbox, &talk(&sandbox));
    let file = sandbox.root().join("home/export.json");
    let whole = fs::read(&file).unwrap();
    for part in [&whole[..whole.len() - 3], b"", b"no JSON\n"] {
        fs::write(&file, part).unwrap();
        let ran = attach(&place);
        assert!(ran.code == 1 && ran.stderr.contains("no whole conversation"), "{ran:?}");
    }
    fs::write(&file, String::from_utf8(whole).unwrap().replace(ID, "ses_another")).unwrap();
    let ran = attach(&place);
    assert!(ran.code == 1 && ran.stderr.contains("another conversation"), "{ran:?}");
    assert!(sessions(&sandbox).is_empty());
    assert_eq!(left(&sandbox), 0);
}

#[test]
fn where_there_is_no_opencode_but_the_repositorys_the_way_by_hand_is_told() {
    let sandbox = Sandbox::enabled();
    program(&sandbox.dir.join("bin"), "touch \"$HOME/ran\"");
    let path = format!("bin:{}:.:/usr/local/bin:/usr/bin:/bin", sandbox.dir.join("bin").display());
    let ran = attach(&sandbox.with("PATH", path));
    let by_hand = format!("`opencode export {ID} >{ID}.json`");
    assert!(ran.code == 1 && ran.stderr.contains(&by_hand), "{ran:?}");
    assert!(ran.stderr.contains(&format!("trace attach --agent opencode {ID}.json")), "{ran:?}");
    assert!(!sandbox.root().join("home/ran").exists());
}

/// What an OpenCode does that has a list of conversations.
const LISTS: &str = r#"case "$*" in
'session list --format json --max-count 10000') cat "$HOME/list.json" ;;
'export ses_'*) cat "$HOME/$2.json" ;;
*) exit 7 ;;
esac"#;

#[test]
fn the_conversations_of_a_repository_are_found_in_opencodes_list() {
    let sandbox = Sandbox::enabled();
    let place = with_opencode(&sandbox, LISTS);
    let home = sandbox.root().join("home");
    exports(&sandbox, &talk(&sandbox));
    fs::rename(home.join("export.json"), home.join(format!("{ID}.json"))).unwrap();
    let listed = |id: &str, directory: &Path| json!({"id": id, "title": "t", "updated": AT, "created": AT, "projectId": "p", "directory": directory});
    fs::write(home.join("list.json"), "").unwrap();
    assert_eq!(place.trace(&["import", "opencode"]).code, 1, "nothing is printed where there is none");
    let list = json!([
        listed(ID, &sandbox.dir.join("src")),
        listed("ses_gone", &sandbox.dir),
        listed("ses_elsewhere", Path::new("/elsewhere")),
        listed("../../etc/passwd", &sandbox.dir),
        {"id": "ses_nowhere"},
        7,
    ]);
    fs::write(home.join("list.json"), list.to_string()).unwrap();
    let planned = place.json(&["import", "opencode", "--dry-run"]);
    assert_eq!((&planned["sessions"][0]["prompts"], sessions(&sandbox).len()), (&json!(1), 0));
    let old = place.trace(&["import", "opencode", "--since", "2026-10-01"]);
    assert_eq!(old.code, 1, "{old:?}");
    let ran = place.trace(&["import", "all"]).good("import all");
    assert!(ran.contains("add a retry") || ran.contains("Add a retry"), "{ran}");
    let again = place.trace(&["import", "opencode", "--json"]);
    assert!(again.stderr.contains("ses_gone was left out"), "{again:?}");
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    let taken = again["sessions"].as_array().unwrap();
    assert_eq!((taken.len(), &taken[0]["known"]), (1, &json!(true)));
    assert_eq!((sessions(&sandbox).len(), left(&sandbox)), (1, 0));
    fs::write(home.join("list.json"), "{}").unwrap();
    let odd = place.trace(&["import", "opencode"]);
    assert!(odd.code != 0 && odd.stderr.contains("printed no list"), "{odd:?}");
}

#[test]
fn no_worktree_of_the_repository_is_where_an_opencode_is_looked_for() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["worktree", "add", "-q", "../other"]);
    let other = sandbox.at("other");
    other.enable();
    for place in [&*sandbox, &other] {
        program(&place.dir.join("bin"), "echo pwned >>\"$HOME/pwned\"; exit 1");
    }
    let good = with_opencode(&sandbox, LISTS);
    let path = good.run("sh", &["-c", "printf %s \"$PATH\""]).stdout;
    let brought = [&sandbox.dir, &other.dir].map(|dir| dir.join("bin").display().to_string()).join(":");
    let place = good.with("PATH", format!("{brought}:{path}"));
    let home = sandbox.root().join("home");
    exports(&sandbox, &talk(&sandbox));
    fs::rename(home.join("export.json"), home.join(format!("{ID}.json"))).unwrap();
    fs::write(home.join("list.json"), json!([{"id": ID, "directory": other.dir}]).to_string()).unwrap();
    let ran = place.trace(&["import", "opencode"]);
    assert!(!home.join("pwned").exists(), "{ran:?}");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(sessions(&other).len(), 1);
}

#[test]
fn ctrl_c_ends_the_import_and_not_one_conversation_of_it() {
    let sandbox = Sandbox::enabled();
    let script = "case \"$1\" in\nsession) cat \"$HOME/list.json\" ;;\n*) echo \"$2\" >>\"$HOME/asked\"; kill -INT $PPID; sleep 5 ;;\nesac";
    let place = with_opencode(&sandbox, script);
    let home = sandbox.root().join("home");
    let list: Vec<Value> =
        (1..5).map(|n| json!({"id": format!("ses_{n}"), "directory": sandbox.dir})).collect();
    fs::write(home.join("list.json"), json!(list).to_string()).unwrap();
    let ran = place.trace(&["import", "opencode"]);
    assert_eq!(ran.code, 130, "{ran:?}");
    assert_eq!(fs::read_to_string(home.join("asked")).unwrap().lines().count(), 1);
}

#[test]
fn what_other_agents_said_is_shown_though_opencode_fails() {
    let sandbox = Sandbox::enabled();
    let place = with_opencode(&sandbox, "echo 'database is locked' >&2; exit 1");
    let dir = sandbox.root().join("home/.claude/projects/x");
    fs::create_dir_all(&dir).unwrap();
    let line = json!({"type": "user", "uuid": "u", "sessionId": "c1", "cwd": sandbox.dir,
        "timestamp": "2026-09-01T08:00:00.000Z", "message": {"role": "user", "content": "add it"}});
    fs::write(dir.join("c1.jsonl"), format!("{line}\n")).unwrap();
    let ran = place.trace(&["import", "all"]);
    assert!(ran.stdout.contains("add it") && ran.stderr.contains("database is locked"), "{ran:?}");
    assert_eq!(ran.code, 1);
}
