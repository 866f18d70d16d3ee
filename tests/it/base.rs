//! The commit that checkpoints borrow from: it stays while HEAD's history holds it, and nothing that
//! was borrowed is lost when the user's repository forgets it.

use std::fs;

use serde_json::json;

use crate::place::{GIT_TRACE, Place};
use crate::sandbox::Sandbox;
use crate::story::{Story, files};

/// A trailer of a checkpoint's message.
fn trailer(place: &Place, id: &str, name: &str) -> String {
    place.store_git(&[
        "log",
        "-1",
        &format!("--format=%(trailers:key=Trace-{name},valueonly,separator=)"),
        id,
    ])
}

fn tip(place: &Place) -> String {
    fs::read_to_string(place.ref_file()).unwrap().trim().to_owned()
}

/// A flush as it runs in the background; its checkpoint.
fn flush(place: &Place) -> String {
    place.run(GIT_TRACE, &["hook", "flush", "auto"]).silent();
    tip(place)
}

/// An agent is about to run something destructive; the newest checkpoint then.
fn guard(place: &Place) -> String {
    // In life it is in a hurry.
    place.git(&["config", "trace.guard", "10000"]);
    let payload = json!({
        "v": 1, "agent": "tester", "session": "g", "event": "tool_pre", "cwd": place.dir,
        "tool": "shell", "tool_id": "g", "command": "rm -rf out",
    });
    place.hook(payload.to_string().as_bytes()).silent();
    tip(place)
}

fn head(place: &Place) -> String {
    place.git(&["rev-parse", "HEAD"])
}

fn packs(place: &Place) -> usize {
    let entries = fs::read_dir(place.store().join("objects/pack")).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "pack"))
        .count()
}

/// Leaves the old history for one that has nothing of it but `README` and `.gitignore`.
fn begin_anew(place: &Place) {
    place.git(&["checkout", "-q", "--orphan", "anew"]);
    place.git(&["rm", "-q", "-r", "-f", "src"]);
    place.git(&["commit", "-q", "-m", "anew"]);
}

/// Makes the user's repository forget whatever its HEAD does not reach.
fn forget(place: &Place) {
    for name in ["main", "topic"] {
        place.git(&["update-ref", "-d", &format!("refs/heads/{name}")]);
    }
    place.git(&["tag", "-d", "v1"]);
    place.git(&["reflog", "expire", "--expire=now", "--all"]);
    place.git(&["gc", "-q", "--prune=now"]);
}

/// Every checkpoint has all its files.
fn whole(place: &Place) {
    Story::of(place).complete(place);
    place.fsck();
}

#[test]
fn a_guard_keeps_the_base_it_finds_and_the_next_flush_moves_it() {
    for more in [false, true] {
        let place = Sandbox::enabled();
        let (base, first) = (head(&place), place.checkpoint());
        begin_anew(&place);
        place.write("new", "new\n");
        let before = packs(&place);
        let guarded = guard(&place);
        assert_ne!(guarded, first, "a file is new");
        assert_eq!([trailer(&place, &guarded, "Kind"), trailer(&place, &guarded, "Base")], ["guard", &*base]);
        assert_eq!(packs(&place), before + 1, "nobody waits for what is copied");
        if more {
            place.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
        }
        let flushed = flush(&place);
        assert_eq!(trailer(&place, &flushed, "Base"), head(&place), "a guard proves nothing of its base");
        assert_eq!(packs(&place), before + 3, "what was borrowed has a pack of its own");
        forget(&place);
        whole(&place);
        let old = files(&place, &[(first, "src/deep/b".into())]);
        assert_eq!(old, [Some(b"b\n".to_vec())]);
    }
}

#[test]
fn a_guard_takes_another_base_only_if_the_old_one_is_gone() {
    let place = Sandbox::enabled();
    place.checkpoint();
    begin_anew(&place);
    place.write("new", "new\n");
    forget(&place);
    let guarded = guard(&place);
    assert_eq!(trailer(&place, &guarded, "Base"), head(&place));
}

#[test]
fn while_commits_are_added_nobody_walks_back_to_the_base() {
    let place = Sandbox::enabled();
    let base = head(&place);
    place.checkpoint();
    let commit = |name: &str| {
        place.git(&["commit", "-q", "--allow-empty", "-m", name]);
        head(&place)
    };
    let (second, _) = (commit("second"), commit("third"));
    for round in ["one", "two"] {
        place.write("new", round);
        let guarded = guard(&place);
        assert_eq!(trailer(&place, &guarded, "Kind"), "guard");
    }
    place.tell("s", "make");
    place.checkpoint();
    place.write("new", "three");
    guard(&place);
    // Whoever walks back to the base from here on does not come to it.
    let (dir, name) = second.split_at(2);
    fs::remove_file(place.common_dir().join("objects").join(dir).join(name)).unwrap();
    commit("fourth");
    place.tell("s", "make more");
    let last = place.checkpoint();
    assert_eq!(trailer(&place, &last, "Base"), base);
}

#[test]
fn a_large_file_is_in_the_snapshots_from_its_commit_on() {
    let place = Sandbox::enabled();
    place.git(&["config", "trace.fileCap", "1k"]);
    let base = head(&place);
    place.checkpoint();
    let text = |round: u8| vec![b'a' + round; 5000];
    let mut made = Vec::new();
    for round in [1, 2] {
        place.write("src/large", text(round));
        place.write("src/a", format!("{round}\n"));
        place.git(&["add", "-A"]);
        let left_out = place.checkpoint();
        assert_eq!(trailer(&place, &left_out, "Skipped"), "1", "nobody has its bytes yet");
        place.git(&["commit", "-q", "-m", "large"]);
        place.write("new", &text(round)[..9]);
        let guarded = guard(&place);
        assert_ne!(trailer(&place, &guarded, "Base"), head(&place), "a guard copies nothing");
        let flushed = place.checkpoint();
        assert_eq!(trailer(&place, &flushed, "Base"), head(&place));
        assert_eq!(trailer(&place, &flushed, "Skipped"), "");
        made.push((flushed, "src/large".to_owned()));
    }
    place.git(&["reset", "-q", "--hard", &base]);
    place.checkpoint();
    place.git(&["reflog", "expire", "--expire=now", "--all"]);
    place.git(&["gc", "-q", "--prune=now"]);
    whole(&place);
    assert_eq!(files(&place, &made), [Some(text(1)), Some(text(2))]);
}

#[test]
fn a_chain_that_begins_anew_believes_nothing_that_another_one_knew() {
    let place = Sandbox::enabled();
    place.checkpoint();
    fs::remove_file(place.ref_file()).unwrap();
    begin_anew(&place);
    place.write("src/a", "a\n");
    let id = place.checkpoint();
    forget(&place);
    whole(&place);
    assert_eq!(files(&place, &[(id, "src/a".into())]), [Some(b"a\n".to_vec())]);
}

#[test]
fn a_snapshot_after_one_that_failed_is_compared_with_the_newest_there_is() {
    let place = Sandbox::enabled();
    let base = head(&place);
    place.checkpoint();
    let (dir, name) = base.split_at(2);
    let commit = place.common_dir().join("objects").join(dir).join(name);
    let aside = place.root().join("aside");
    fs::rename(&commit, &aside).unwrap();
    fs::write(&commit, "no commit").unwrap();
    place.tell("s", "make");
    let blind = place.checkpoint();
    assert_eq!(trailer(&place, &blind, "Snapshot"), "skipped:failed");
    fs::rename(&aside, &commit).unwrap();
    place.write("src/a", "changed\n");
    let seeing = place.checkpoint();
    assert_eq!(trailer(&place, &seeing, "Files"), "0 1 0");
    let touched = place.json(&["log", "--limit", "0", "src/a"]);
    let touched: Vec<_> = touched["checkpoints"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert!(touched.contains(&&seeing.as_str().into()), "{touched:?}");
    let still = place.json(&["log", "--limit", "0", "src/deep/b"]);
    assert_eq!(still["checkpoints"].as_array().unwrap().len(), 1, "{still}");
}
