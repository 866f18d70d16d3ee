//! What we find is not what we made: folders that strangers brought along, devices that changed
//! their numbers, packs that rotted, worktrees that are gone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;
use trace::disk;
use trace::disk::consent::UserState;
use trace::disk::place::Told;
use trace::store::home::Home;
use trace::store::orphans;

use crate::place::{GIT_TRACE, Place, finish};
use crate::sandbox::Sandbox;
use crate::story::Story;

/// A program that leaves `mark` when it runs.
fn canary(place: &Place, mark: &Path) -> String {
    let script = place.dir.join("canary.sh");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script.display().to_string()
}

/// A repository that somebody else recorded, unpacked here: its record is there, consent is not.
fn unpacked() -> (Sandbox, Place) {
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make before");
    sandbox.checkpoint();
    sandbox.run("cp", &["-a", ".", "../unpacked"]).good("cp -a");
    let unpacked = sandbox.at("unpacked");
    (sandbox, unpacked)
}

/// Puts something into our folder's place; the second path is a directory outside of it.
type Plant = fn(&Path, &Path);

/// Makes a named pipe that nobody reads.
fn pipe(path: &Path) {
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, 0o600.into(), 0).unwrap();
}

fn maintain(place: &Place) {
    place.run(GIT_TRACE, &["hook", "maintain"]).silent();
}

/// Records here, and has what was recorded merged.
fn use_it(place: &Place) {
    place.enable();
    for text in ["one\n", "two\n", "three\n"] {
        place.write("src/a", text);
        place.checkpoint();
    }
    maintain(place);
}

#[test]
fn a_program_that_a_store_names_does_not_run() {
    let (sandbox, place) = unpacked();
    let mark = sandbox.root().join("PWNED");
    let script = canary(&place, &mark);
    for key in ["core.alternateRefsCommand", "core.fsmonitor", "uploadpack.packObjectsHook"] {
        place.store_git(&["config", key, &script]);
    }
    use_it(&place);
    assert!(!mark.exists(), "a program ran that the repository named");
    assert_eq!(place.store_git(&["config", "--default", "", "core.alternateRefsCommand"]), "");
}

#[test]
fn what_git_would_obey_in_a_store_that_was_brought_along_is_set_aside() {
    let (sandbox, place) = unpacked();
    let elsewhere = sandbox.root().join("elsewhere.git");
    sandbox.git(&["clone", "-q", "--bare", ".", "../elsewhere.git"]);
    let store = place.store();
    let strange = [
        ("hooks/post-index-change", "x".to_owned()),
        ("info/attributes", "* filter=x".to_owned()),
        ("config.worktree", "[core]\nfsmonitor = x\n".to_owned()),
        ("commondir", elsewhere.display().to_string()),
        ("objects/info/commit-graph", "x".to_owned()),
    ];
    for (name, text) in &strange {
        place.write(&format!(".git/trace/store.git/{name}"), text);
    }
    place.write(".git/trace/store.git/objects/info/alternates", format!("{}/objects\n", elsewhere.display()));
    use_it(&place);
    let aside = fs::read_dir(store.join("quarantine")).unwrap().map(|entry| entry.unwrap().path());
    let aside = aside.into_iter().next().expect("what is set aside is somewhere");
    for (name, text) in &strange {
        assert!(!store.join(name).exists(), "{name} is where git looks for it");
        assert_eq!(fs::read_to_string(aside.join(name)).unwrap(), *text);
    }
    assert_eq!(fs::read_to_string(store.join("objects/info/alternates")).unwrap(), "../../../objects\n");
    place.fsck();
}

#[test]
fn a_record_outlives_the_loss_of_the_user_s_state() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make before");
    sandbox.checkpoint();
    fs::remove_dir_all(sandbox.root().join("home/.local/state")).unwrap();
    assert_eq!(sandbox.trace(&["log"]).code, 3, "nobody consents any more");
    sandbox.enable();
    sandbox.tell("s", "make after");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make before", "make after"]);
}

#[test]
fn a_folder_with_links_or_pipes_is_refused_before_anything_is_written() {
    let plants: [(&str, Plant); 4] = [
        ("trace", |trace, outside| symlink(outside, trace).unwrap()),
        ("trace/store.git", |trace, outside| {
            fs::create_dir(trace).unwrap();
            symlink(outside, trace.join("store.git")).unwrap();
        }),
        ("trace/store.git/objects", |trace, outside| {
            fs::create_dir_all(trace.join("store.git")).unwrap();
            symlink(outside, trace.join("store.git/objects")).unwrap();
        }),
        ("trace/trouble.jsonl", |trace, _| {
            fs::create_dir(trace).unwrap();
            pipe(&trace.join("trouble.jsonl"));
        }),
    ];
    for (name, plant) in plants {
        let sandbox = Sandbox::new();
        let outside = sandbox.root().join("outside");
        fs::create_dir(&outside).unwrap();
        plant(&sandbox.dir.join(".git/trace"), &outside);
        let ran = sandbox.trace(&["enable", "--yes"]);
        assert_eq!(ran.code, 3, "{name}: {ran:?}");
        assert!(ran.stderr.contains("move"), "{name}: no advice in {ran:?}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{name}: written outside our folder");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_record_holds_no_hook_up() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let cache = sandbox.own_dir().join("cache").join(format!("ledger-{}", sandbox.worktree_id()));
    for path in [sandbox.own_dir().join("trouble.jsonl"), cache] {
        let _ = fs::remove_file(&path);
        pipe(&path);
    }
    let mut hook = sandbox.command("timeout");
    finish(hook.args(["10", GIT_TRACE, "hook", "generic"]), b"no payload").silent();
    let mut flush = sandbox.command("timeout");
    let ran = finish(flush.args(["10", GIT_TRACE, "checkpoint", "-m", "x"]), b"");
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Gives the device another number in every file below `dir` that marks a directory, as a boot may.
fn renumber(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let (id, mark) = text.split_once('\n').unwrap();
    let (_, rest) = mark.split_once('-').unwrap();
    fs::write(path, format!("{id}\n4242-{rest}")).unwrap();
}

/// The file in the user's state that consents to recording `place`.
fn consent(sandbox: &Sandbox, place: &Place) -> PathBuf {
    let id = fs::read_to_string(place.own_dir().join("clone-id")).unwrap();
    sandbox.root().join("home/.local/state/trace/repositories").join(id.trim_end())
}

#[test]
fn a_device_that_got_another_number_changes_nothing() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make before");
    sandbox.checkpoint();
    let id = sandbox.worktree_id();
    renumber(&consent(&sandbox, &sandbox));
    renumber(&sandbox.git_dir().join("trace/worktree-id"));
    sandbox.tell("s", "make after");
    sandbox.checkpoint();
    assert_eq!(sandbox.worktree_id(), id);
    Story::of(&sandbox).holds_once(["make before", "make after"]);
    // It is known by its new number from now on, so it may be moved as well.
    fs::rename(&sandbox.dir, sandbox.root().join("moved")).unwrap();
    let moved = sandbox.at("moved");
    moved.checkpoint();
    assert_eq!(moved.worktree_id(), id);
    renumber(&consent(&sandbox, &moved));
    renumber(&moved.git_dir().join("trace/worktree-id"));
    moved.checkpoint();
    assert_eq!(moved.worktree_id(), id);
    Story::of(&moved).holds_once(["make before", "make after"]);
}

#[test]
fn a_copy_in_the_place_of_its_original_is_not_enabled_and_disabling_it_leaves_the_original_alone() {
    let (sandbox, copy) = unpacked();
    assert_eq!(copy.trace(&["checkpoint"]).code, 3);
    copy.trace(&["disable", "--purge", "--yes"]).good("disable the copy");
    sandbox.checkpoint();
    sandbox.run("cp", &["-a", ".", "../second"]).good("cp -a");
    fs::rename(&sandbox.dir, sandbox.root().join("first")).unwrap();
    fs::rename(sandbox.root().join("second"), &sandbox.dir).unwrap();
    assert_eq!(sandbox.trace(&["checkpoint"]).code, 3, "another directory lies at that path");
    sandbox.at("first").checkpoint();
}

#[test]
fn a_purge_takes_the_ids_of_all_worktrees_along() {
    let sandbox = Sandbox::enabled();
    sandbox.git(&["worktree", "add", "-q", "../linked"]);
    let linked = sandbox.at("linked");
    linked.checkpoint();
    let ids = [sandbox.git_dir(), linked.git_dir()].map(|dir| dir.join("trace"));
    assert!(ids.iter().all(|dir| dir.exists()));
    // What only looks like a worktree may be anything of the user's.
    let theirs = sandbox.root().join("theirs");
    fs::create_dir_all(theirs.join("trace")).unwrap();
    symlink(&theirs, sandbox.git_dir().join("worktrees/odd")).unwrap();
    sandbox.trace(&["disable", "--purge", "--yes"]).good("purge");
    assert!(!ids.iter().any(|dir| dir.exists()), "nothing of ours is left");
    assert!(theirs.join("trace").exists(), "a link was followed");
}

/// The files of the store's packs whose names end so.
fn packs(place: &Place, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.store().join("objects/pack")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

#[test]
fn a_damaged_pack_is_left_as_it_is_and_the_others_are_merged() {
    let damage: [fn(&Path); 2] = [
        |pack| {
            let mut bytes = fs::read(pack).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 4].iter_mut().for_each(|byte| *byte ^= 0xff);
            fs::set_permissions(pack, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(pack, bytes).unwrap();
        },
        |pack| fs::write(pack.with_extension("idx"), "no index").unwrap(),
    ];
    for damage in damage {
        let sandbox = Sandbox::enabled();
        sandbox.write("other", "what is in a pack of its own ".repeat(50));
        sandbox.checkpoint();
        let bad = packs(&sandbox, ".pack").into_iter().max_by_key(|path| fs::metadata(path).unwrap().len());
        let bad = bad.expect("a checkpoint is a pack");
        for round in 0..6 {
            sandbox.write("src/a", format!("{round}\n"));
            sandbox.checkpoint();
        }
        damage(&bad);
        let before = fs::read(&bad).unwrap();
        maintain(&sandbox);
        assert_eq!(packs(&sandbox, ".pack").len(), 2, "the damaged one and the merged one");
        assert_eq!(fs::read(&bad).unwrap(), before);
        assert!(!sandbox.own_dir().join("cache/maintenance-failed").exists());
        let doctor = sandbox.trace(&["doctor"]);
        assert!(doctor.stdout.contains("damaged"), "{doctor:?}");
    }
}

#[test]
fn a_merge_that_fails_leaves_a_mark_for_the_next_to_wait() {
    let sandbox = Sandbox::enabled();
    for text in ["one\n", "two\n"] {
        sandbox.write("a", text);
        sandbox.checkpoint();
    }
    let mark = sandbox.own_dir().join("cache/maintenance-failed");
    // A git that does nothing, and badly.
    let tools = sandbox.root().join("tools");
    fs::create_dir(&tools).unwrap();
    symlink("/bin/false", tools.join("git")).unwrap();
    maintain(&sandbox.with("PATH", &tools));
    assert!(mark.exists());
    maintain(&sandbox);
    assert!(!mark.exists(), "a merge that succeeds takes it away");
}

#[test]
fn what_a_dead_git_left_among_the_packs_goes_after_an_hour() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let [old, young] = ["tmp_pack_old", "tmp_idx_young"].map(|name| {
        let path = sandbox.store().join("objects/pack").join(name);
        fs::write(&path, "x").unwrap();
        path
    });
    let two_hours_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::options().write(true).open(&old).unwrap().set_modified(two_hours_ago).unwrap();
    maintain(&sandbox);
    assert!(!old.exists() && young.exists());
}

/// The enabled worktree at `place`, as the library sees it.
fn home(sandbox: &Sandbox, place: &Place) -> Home {
    let state = UserState(sandbox.root().join("home/.local/state/trace"));
    let found = disk::place::Place::find(&place.dir, &Told::default()).unwrap();
    Home::of(found.expect("a repository"), &state).unwrap().expect("it is enabled")
}

#[test]
fn a_removed_worktree_keeps_its_files_and_its_last_events() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    sandbox.git(&["worktree", "add", "-q", "-b", "gone", "../linked"]);
    let linked = sandbox.at("linked");
    linked.write("only/here", "committed in the branch alone\n");
    linked.git(&["add", "-A"]);
    linked.git(&["commit", "-q", "-m", "only here"]);
    linked.write("changed", "not committed\n");
    linked.tell("s", "make first");
    let last = linked.checkpoint();
    linked.tell("s", "make waiting");
    let shadow = format!("refs/trace/shadow/{}", linked.worktree_id());
    let main = home(&sandbox, &sandbox);
    assert!(!orphans::any(&main), "both worktrees are there");
    sandbox.git(&["worktree", "move", "../linked", "../moved"]);
    assert!(!orphans::any(&main), "a move is no end");
    maintain(&sandbox);
    assert_eq!(sandbox.store_git(&["rev-parse", &shadow]), last, "who is there is left alone");

    sandbox.git(&["worktree", "remove", "--force", "../moved"]);
    sandbox.git(&["branch", "-q", "-D", "gone"]);
    assert!(orphans::any(&main));
    maintain(&sandbox);
    assert!(!orphans::any(&main), "it was seen to");
    sandbox.git(&["reflog", "expire", "--expire=now", "--all"]);
    sandbox.git(&["gc", "-q", "--prune=now"]);
    let message = sandbox.store_git(&["log", "-1", "--format=%B", &shadow]);
    assert!(message.contains("Trace-Snapshot: skipped:gone") && !message.contains("Trace-Base"), "{message}");
    let events = sandbox.store_git(&["cat-file", "-p", &format!("{shadow}:events.jsonl")]);
    assert!(events.contains("make waiting") && !events.contains("make first"), "{events}");
    for (path, text) in [("only/here", "committed in the branch alone"), ("changed", "not committed")] {
        let kept = sandbox.store_git(&["cat-file", "-p", &format!("{last}:worktree/{path}")]);
        assert_eq!(kept, text);
    }
    sandbox.store_git(&["rev-list", "--objects", "--quiet", &shadow]);
    sandbox.fsck();

    let tip = sandbox.store_git(&["rev-parse", &shadow]);
    maintain(&sandbox);
    fs::remove_file(sandbox.own_dir().join("cache/gone")).unwrap();
    maintain(&sandbox);
    assert_eq!(sandbox.store_git(&["rev-parse", &shadow]), tip, "the last one is the last");
}

#[test]
fn a_removed_worktree_keeps_all_that_was_said_in_it_however_much() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    sandbox.git(&["worktree", "add", "-q", "../linked"]);
    let linked = sandbox.at("linked");
    linked.checkpoint();
    let conversations = ["a", "b", "c"].map(|id| {
        let file = sandbox.root().join(format!("{id}.jsonl"));
        let line = format!("{}\n", json!({"type": "user", "uuid": id, "text": "x".repeat(3 << 20)}));
        fs::write(&file, &line).unwrap();
        let payload = json!({"hook_event_name": "SessionStart", "session_id": id, "cwd": linked.dir, "transcript_path": file});
        finish(linked.command(GIT_TRACE).args(["hook", "claude"]), payload.to_string().as_bytes()).silent();
        (id, file, line)
    });
    sandbox.git(&["worktree", "remove", "--force", "../linked"]);
    maintain(&sandbox);
    for (id, file, line) in &conversations {
        fs::remove_file(file).unwrap();
        let kept = sandbox.trace(&["session", "transcript", id]).good("session transcript");
        assert!(kept + "\n" == *line, "{id}");
    }
    sandbox.fsck();
}

#[test]
fn events_of_a_worktree_that_never_had_a_checkpoint_outlive_it() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    // Without git's own hooks, which would ask for a checkpoint there.
    sandbox.with("TRACE_OFF", "1").git(&["worktree", "add", "-q", "../linked"]);
    let linked = sandbox.at("linked");
    let id = home(&sandbox, &linked).worktree;
    let journal = sandbox.own_dir().join("journal").join(id.as_str());
    // As the hook records it, but without the flush that it starts.
    fs::create_dir(&journal).unwrap();
    sandbox.tell("s", "make elsewhere");
    for entry in fs::read_dir(sandbox.journal()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, journal.join(path.file_name().unwrap())).unwrap();
    }
    sandbox.git(&["worktree", "remove", "--force", "../linked"]);
    maintain(&sandbox);
    let events = sandbox.store_git(&["cat-file", "-p", &format!("refs/trace/shadow/{id}:events.jsonl")]);
    assert!(events.contains("make elsewhere"), "{events}");
    sandbox.fsck();
}
