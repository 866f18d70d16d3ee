//! `trace undo` and `redo`: whatever a command or an agent did to the files is taken back, exactly,
//! and can be put forward again; what is no file is left alone.

use serde_json::{Value, json};

use crate::picture::{Picture, furnish, odd, set_mode};
use crate::place::{Place, Ran};
use crate::sandbox::Sandbox;
use crate::shells::driver::{self, Rc, Sitting};
use trace::capture::init::Shell;

/// What may happen to anybody.
const DISASTERS: [&str; 18] = [
    "rm -rf src",
    "rm -rf src && git reset --hard",
    "git rm -rqf src lib",
    "git reset --hard HEAD~1",
    "git checkout -- .",
    "git clean -fd",
    "git stash -u",
    "sed -i s/o/0/ src/b.txt src/a lib/3.rs",
    "perl -pi -e 's/old_name/new_name/' lib/*.rs",
    "for f in lib/*; do tr o 0 <$f >$f.new; mv $f.new $f; done",
    "mv src lib-of-old",
    "mv lib/1.rs lib/one.rs; mv lib/2.rs lib/1.rs; mv lib/one.rs lib/2.rs",
    "chmod -x tool src/new/run; chmod +x notes lib/4.rs",
    "ln -sf nowhere link; ln -sf README src/a; rm src/to-dir; ln -s ../lib src/to-dir",
    "rm notes tool; mkdir notes tool; echo x >notes/x; echo y >tool/y",
    "rm -rf src/1 src/deep; echo x >src/1; ln -s 1 src/deep",
    "truncate -s 3 src/bytes; cat /dev/null >README; echo new >src/empty",
    "mkdir -p a/b/c; echo 1 >a/b/c/1; cp -r src a/copy; rm README",
];

/// One call of the generic hook, as an agent makes it around everything it does.
pub fn call(place: &Place, session: &str, event: &str, more: Value) {
    let mut call = json!({
        "v": 1, "agent": "tester", "session": session, "event": event, "cwd": place.dir,
    });
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    place.hook(call.to_string().as_bytes()).silent();
}

/// An agent runs a command.
pub fn agent_runs(place: &Place, session: &str, id: &str, command: &str) {
    let about = json!({"tool": "shell", "tool_id": id, "command": command});
    call(place, session, "tool_pre", about.clone());
    place.run("bash", &["-c", command]);
    call(place, session, "tool_post", about);
}

/// An agent edits one file.
pub fn agent_edits(place: &Place, session: &str, id: &str, (path, text): (&str, &str)) {
    let about = json!({"tool": "edit", "tool_id": id, "paths": [place.dir.join(path)]});
    call(place, session, "tool_pre", about.clone());
    place.write(path, text);
    call(place, session, "tool_post", about);
}

/// Runs `trace` on the files, which must succeed and touch nothing of git's.
pub fn puts_back(place: &Place, args: &[&str]) -> Ran {
    let before = Picture::of_git(place);
    let ran = place.trace(args);
    Picture::of_git(place).is(&before, &format!("trace {args:?} touched what is git's"));
    assert!(ran.code == 0, "trace {args:?}: {ran:?}");
    ran
}

/// A furnished repository that is recorded.
pub fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    sandbox.enable();
    sandbox
}

#[test]
fn what_an_agents_command_did_is_taken_back_exactly() {
    for disaster in DISASTERS {
        let sandbox = furnished();
        // Nobody looked at the files since, but the hook before the command.
        sandbox.checkpoint();
        sandbox.write("src/deep/b", format!("last words before {disaster}\n"));
        let before = Picture::of(&sandbox);
        agent_runs(&sandbox, "s", "1", disaster);
        let after = Picture::of(&sandbox);
        after.is_not(&before, disaster);
        let told = puts_back(&sandbox, &["undo"]);
        Picture::of(&sandbox).is(&before, &format!("after `{disaster}` and undo ({told:?})"));
        puts_back(&sandbox, &["redo"]);
        Picture::of(&sandbox).is(&after, &format!("after `{disaster}`, undo and redo"));
        puts_back(&sandbox, &["undo"]);
        Picture::of(&sandbox).is(&before, &format!("after `{disaster}`, undo, redo and undo"));
        sandbox.fsck();
    }
}

/// A bash at a terminal in a furnished repository, and that repository as everybody else sees it.
fn sat_down() -> Option<(driver::Place, Place, Sitting)> {
    if driver::skipped(Shell::Bash) {
        return None;
    }
    let own = driver::Place::real();
    std::os::unix::fs::symlink(crate::place::TRACE, own.path("bin/trace")).unwrap();
    let place = Place::new(&own.path(""), own.path("repo")).with("XDG_STATE_HOME", own.path("state"));
    // git would take the empty directory away, and nobody holds one.
    std::fs::remove_dir(place.dir.join("sub")).unwrap();
    place.commit_something();
    furnish(&place);
    let env = [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.com"),
    ];
    let sitting = Sitting::start(&own, Shell::Bash, Rc { env: &env, ..Rc::default() });
    Some((own, place, sitting))
}

/// Types a line and waits until it is told: a text that might hold a secret (`git stash -u`) is written
/// by a process that no prompt waits for.
fn typed(place: &Place, sitting: &mut Sitting, line: &str) {
    sitting.line(line);
    let is_told = || place.list("commands", "commands").iter().any(|one| one["command"] == line);
    driver::wait_for(line, is_told, || format!("{:#?}", place.list("commands", "commands")));
}

#[test]
fn what_was_typed_is_taken_back_exactly() {
    let Some((_own, place, mut sitting)) = sat_down() else { return };
    for disaster in DISASTERS {
        // What looks harmless has no guard: somebody looked at the files some time before it.
        place.checkpoint();
        let before = Picture::of(&place);
        typed(&place, &mut sitting, disaster);
        let after = Picture::of(&place);
        after.is_not(&before, disaster);
        for (line, wanted) in [("trace undo", &before), ("trace redo", &after), ("trace undo", &before)] {
            assert_eq!(sitting.line(line), 0, "{line} of `{disaster}`: {}", sitting.screen());
            Picture::of(&place).is(wanted, &format!("`{disaster}`, then `{line}`"));
        }
    }
    sitting.end();
}

#[test]
fn a_guard_saves_what_was_written_the_moment_before_a_typed_command() {
    let Some((_own, place, mut sitting)) = sat_down() else { return };
    place.checkpoint();
    for disaster in ["rm -rf src && git reset --hard", "git stash -u", "mv src elsewhere", "git clean -fdq"] {
        place.write("src/deep/b", format!("written before {disaster}\n"));
        place.write("src/brand-new", format!("{disaster}\n"));
        let before = Picture::of(&place);
        typed(&place, &mut sitting, disaster);
        Picture::of(&place).is_not(&before, disaster);
        assert_eq!(sitting.line("trace undo"), 0, "{}", sitting.screen());
        Picture::of(&place).is(&before, &format!("`{disaster}` and undo"));
    }
    sitting.end();
}

#[test]
fn undo_typed_in_a_shell_goes_further_back_each_time_and_is_nothing_to_undo_itself() {
    let Some((_own, place, mut sitting)) = sat_down() else { return };
    place.checkpoint();
    let mut states = vec![Picture::of(&place)];
    for line in ["echo 1 >one", "rm README", "mkdir -p x; echo 2 >x/two", "echo more >>notes"] {
        place.tick();
        sitting.line(line);
        states.push(Picture::of(&place));
    }
    place.tick();
    for wanted in states.iter().rev().skip(1) {
        assert_eq!(sitting.line("trace undo"), 0, "{}", sitting.screen());
        Picture::of(&place).is(wanted, "one further back");
    }
    assert_eq!(sitting.line("trace undo"), 1, "nothing is left: {}", sitting.screen());
    for wanted in states.iter().skip(1) {
        assert_eq!(sitting.line("trace redo"), 0, "{}", sitting.screen());
        Picture::of(&place).is(wanted, "one step forward");
    }
    assert_eq!(sitting.line("trace redo"), 1);
    sitting.end();
}

#[test]
fn undo_goes_further_back_and_redo_steps_forward() {
    let sandbox = furnished();
    sandbox.checkpoint();
    let mut states = vec![Picture::of(&sandbox)];
    for (at, command) in ["echo 1 >one", "rm -r src/1", "echo 2 >>one; rm notes", "git reset -q --hard"]
        .into_iter()
        .enumerate()
    {
        agent_runs(&sandbox, "s", &at.to_string(), command);
        states.push(Picture::of(&sandbox));
    }
    for wanted in states.iter().rev().skip(1) {
        puts_back(&sandbox, &["undo"]);
        Picture::of(&sandbox).is(wanted, "one further back");
    }
    assert_eq!(sandbox.trace(&["undo"]).code, 1, "nothing is left");
    Picture::of(&sandbox).is(&states[0], "and nothing was done");
    for wanted in &states[1..3] {
        puts_back(&sandbox, &["redo"]);
        Picture::of(&sandbox).is(wanted, "one step forward");
    }
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&states[1], "back again");
}

#[test]
fn what_was_done_after_an_undo_is_undone_first() {
    let sandbox = furnished();
    sandbox.checkpoint();
    let start = Picture::of(&sandbox);
    agent_runs(&sandbox, "s", "1", "echo 1 >one");
    let one = Picture::of(&sandbox);
    agent_runs(&sandbox, "s", "2", "rm -r src");
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&one, "the second");
    agent_runs(&sandbox, "s", "3", "rm -r lib");
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&one, "the third, and not the first");
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&start, "the first");
}

#[test]
fn an_agents_edit_is_taken_back() {
    let sandbox = furnished();
    for (path, text) in [("src/a", "edited\n"), ("brand/new", "made\n"), ("src/b.txt", "")] {
        let before = Picture::of(&sandbox);
        agent_edits(&sandbox, "s", path, (path, text));
        Picture::of(&sandbox).is_not(&before, path);
        puts_back(&sandbox, &["undo"]);
        Picture::of(&sandbox).is(&before, path);
    }
}

#[test]
fn a_turn_is_one_unit_with_all_that_was_done_in_it() {
    let sandbox = furnished();
    agent_runs(&sandbox, "s", "0", "echo before >before");
    let before = Picture::of(&sandbox);
    let turn = |ends: bool, number: u32| {
        call(&sandbox, "s", "turn_start", json!({"prompt": format!("do it all, {number}")}));
        let id = |name: &str| format!("{name}-{number}");
        agent_edits(&sandbox, "s", &id("edit"), ("src/a", &format!("by turn {number}\n")));
        agent_runs(&sandbox, "s", &id("rm"), "rm -rf src/1 notes; chmod -x tool");
        let last = Picture::of(&sandbox);
        agent_runs(&sandbox, "s", &id("more"), "echo more >>src/a; echo made >made");
        if ends {
            call(&sandbox, "s", "turn_end", json!({"last_message": "done"}));
        }
        last
    };
    turn(true, 1);
    let after = Picture::of(&sandbox);
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&before, "all of the turn");
    puts_back(&sandbox, &["redo"]);
    Picture::of(&sandbox).is(&after, "all of it again");
    puts_back(&sandbox, &["undo"]);
    let last = turn(false, 2);
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&last, "of a turn that is not over, the last tool alone");
}

#[test]
fn with_nothing_to_undo_the_answer_is_no() {
    let sandbox = furnished();
    let before = Picture::of(&sandbox);
    for args in [&["undo"][..], &["redo"], &["undo", "--dry-run"], &["undo", "--json"]] {
        assert_eq!(sandbox.trace(args).code, 1, "{args:?}");
    }
    agent_runs(&sandbox, "s", "1", "ls");
    assert_eq!(sandbox.trace(&["undo"]).code, 1, "a command that changed nothing is nothing to undo");
    Picture::of(&sandbox).is(&before, "nothing was done");
}

#[test]
fn a_dry_run_changes_nothing_and_the_document_says_what_would_be_done() {
    let sandbox = furnished();
    let before = Picture::of(&sandbox);
    agent_runs(&sandbox, "s", "1", "rm notes; echo x >>src/a; chmod -x tool; ln -sf b link; echo n >n");
    let after = Picture::of(&sandbox);
    let document = sandbox.json(&["undo", "--dry-run"]);
    Picture::of(&sandbox).is(&after, "a dry run");
    let plan = |document: &Value| -> Vec<(String, String)> {
        let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let plan = document["plan"].as_array().unwrap();
        plan.iter().map(|one| (text(one, "path"), text(one, "action"))).collect()
    };
    let expected =
        [("link", "link"), ("n", "delete"), ("notes", "add"), ("src/a", "change"), ("tool", "mode")]
            .map(|(path, action)| (path.to_owned(), action.to_owned()));
    assert_eq!(plan(&document), expected);
    assert_eq!(document["applied"], false);
    for one in document["plan"].as_array().unwrap() {
        assert!(one["conflict"].is_null(), "{one}");
        assert_eq!(one["from"].is_null(), one["action"] == "add", "{one}");
        assert_eq!(one["to"].is_null(), one["action"] == "delete", "{one}");
    }
    let done = sandbox.json(&["undo"]);
    assert_eq!((plan(&done), &done["applied"]), (plan(&document), &Value::Bool(true)));
    Picture::of(&sandbox).is(&before, "done");
    let saved = done["saved"].as_str().unwrap();
    assert_eq!(sandbox.store_git(&["cat-file", "-t", saved]), "commit");
    sandbox.trace(&["restore", "--yes", saved]).good("restore what undo had saved");
    Picture::of(&sandbox).is(&after, "the checkpoint to return to");
}

#[test]
fn ignored_files_stay_where_they_are() {
    let sandbox = furnished();
    sandbox.write("src/out/built", "ignored too\n");
    let before = Picture::of(&sandbox);
    agent_runs(&sandbox, "s", "1", "mv src elsewhere");
    puts_back(&sandbox, &["undo"]);
    let now = Picture::of(&sandbox);
    let path = std::path::Path::new;
    assert!(now.0[path("elsewhere/out/built")] == before.0[path("src/out/built")], "it is not ours to move");
    assert!(!now.0.contains_key(path("elsewhere/a")) && now.0[path("src/a")] == before.0[path("src/a")]);
    assert!(odd(&sandbox).exists() && now.0[path("out/built")] == before.0[path("out/built")]);
}

#[test]
fn files_that_a_command_made_git_ignore_are_in_nobodys_way() {
    let sandbox = furnished();
    let before = Picture::of(&sandbox);
    agent_runs(&sandbox, "s", "1", "printf 'notes\\nnew/\\n' >>.gitignore; echo x >>src/a");
    let after = Picture::of(&sandbox);
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&before, "they are as they were");
    puts_back(&sandbox, &["redo"]);
    Picture::of(&sandbox).is(&after, "and again");
}

#[test]
fn private_permission_bits_stay_as_they_are() {
    let sandbox = furnished();
    set_mode(&sandbox, "notes", 0o600);
    set_mode(&sandbox, "tool", 0o700);
    let before = Picture::of(&sandbox);
    agent_runs(&sandbox, "s", "1", "sed -i s/o/0/ notes tool; chmod -x tool");
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&before, "600 is 600, and 700 is 700");
}

#[test]
fn what_trace_runs_is_looked_at_right_before_though_nothing_had_changed() {
    let sandbox = Sandbox::enabled();
    let before = sandbox.checkpoint();
    sandbox.trace(&["run", "--", "sh", "-c", "echo x >made"]).good("run");
    let events = crate::story::Story::of(&sandbox).events;
    let looked: Vec<_> = events.iter().filter(|(_, event)| event["kind"] == "looked").collect();
    assert_eq!(looked.len(), 1, "{looked:?}");
    assert_eq!(looked[0].1["body"]["tip"], before.as_str());
}
