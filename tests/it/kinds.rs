//! The kinds of repository that there are: in each, recording, checkpoints and lists work.

use std::fs;
use std::path::Path;

use crate::place::{Place, Ran};
use crate::sandbox::{Sandbox, skipped};
use crate::story::{Story, files, paths};

/// Enables, records, takes checkpoints and lists.
fn scenario(place: &Place) {
    place.enable();
    place.write("made by us", "one\n");
    place.tell("s", "make one");
    let first = place.checkpoint();
    place.write("made by us", "two\n");
    place.tell("s", "make two");
    let second = place.checkpoint();
    let both = [(first.clone(), "made by us".into()), (second.clone(), "made by us".into())];
    assert_eq!(files(place, &both), [Some(b"one\n".to_vec()), Some(b"two\n".to_vec())]);
    let story = Story::of(place);
    story.holds_once(["make one", "make two"]);
    story.complete(place);
    place.fsck();
    listed(place, &[first, second]);
}

/// The lists show what the store holds.
fn listed(place: &Place, made: &[String]) {
    let log = place.list("log", "checkpoints");
    for id in made {
        assert!(log.iter().any(|row| row["id"] == **id), "log lacks {id}");
    }
    let commands = place.list("commands", "commands");
    for text in ["make one", "make two"] {
        let row = commands.iter().find(|row| row["command"] == text).unwrap_or_else(|| panic!("no {text}"));
        assert_eq!((&row["state"], &row["exit"]), (&"done".into(), &0.into()), "{row}");
    }
    assert_eq!(place.json(&["fsck"])["ok"], true);
    let status = place.json(&["status"]);
    assert_eq!((&status["enabled"], &status["pending_events"]), (&true.into(), &0.into()), "{status}");
    place.json(&["trail"]);
}

/// True if this git can do it; else the test is skipped, visibly.
fn able(ran: &Ran, what: &str) -> bool {
    if ran.code != 0 {
        skipped(&format!("this git has no {what}: {}", ran.stderr.trim()));
    }
    ran.code == 0
}

#[test]
fn a_repository_with_sha256() {
    let sandbox = Sandbox::empty();
    sandbox.begin(&["--object-format=sha256"]);
    scenario(&sandbox);
    assert_eq!(sandbox.checkpoint().len(), 64, "the store has the user's object format");
}

#[test]
fn a_repository_with_reftable() {
    let sandbox = Sandbox::empty();
    if !able(&sandbox.run("git", &["init", "-q", "-b", "main", "--ref-format=reftable"]), "reftable") {
        return;
    }
    sandbox.commit_something();
    scenario(&sandbox);
    let newest = &sandbox.list("log", "checkpoints")[0];
    assert_eq!(newest["head"], sandbox.git(&["rev-parse", "HEAD"]), "HEAD is asked of git, never guessed");
    assert_eq!(newest["branch"], "main");
}

#[test]
fn a_linked_worktree() {
    let sandbox = Sandbox::new();
    sandbox.git(&["worktree", "add", "-q", "../linked"]);
    let linked = sandbox.at("linked");
    scenario(&linked);
    scenario(&sandbox);
    assert_ne!(linked.worktree_id(), sandbox.worktree_id());
    sandbox.git(&["worktree", "move", "../linked", "../moved"]);
    let id = sandbox.at("moved").checkpoint();
    assert!(Story::of(&sandbox.at("moved")).chain.contains(&id), "a move keeps the chain");
}

#[test]
fn a_bare_repository_with_worktrees() {
    let sandbox = Sandbox::new();
    sandbox.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    sandbox.at("bare.git").git(&["worktree", "add", "-q", "../tree", "topic"]);
    scenario(&sandbox.at("tree"));
}

#[test]
fn a_shallow_clone() {
    let sandbox = Sandbox::new();
    sandbox.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
    let url = format!("file://{}", sandbox.dir.display());
    sandbox.git(&["clone", "-q", "--depth=1", &url, "../shallow"]);
    scenario(&sandbox.at("shallow"));
}

#[test]
fn a_partial_clone() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "uploadpack.allowFilter", "true"]);
    sandbox.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = format!("file://{}", sandbox.dir.display());
    sandbox.git(&["clone", "-q", "--filter=blob:none", "--sparse", &url, "../partial"]);
    let partial = sandbox.at("partial");
    scenario(&partial);
    let kept = paths(&partial, &partial.checkpoint());
    assert!(kept.contains(&"src/deep/b".into()), "what is promised and not here is unchanged: {kept:?}");
}

#[test]
fn a_partial_clone_without_a_checkout() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "uploadpack.allowFilter", "true"]);
    sandbox.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = format!("file://{}", sandbox.dir.display());
    sandbox.git(&["clone", "-q", "--filter=blob:none", "--no-checkout", &url, "../bare-bones"]);
    let place = sandbox.at("bare-bones");
    assert!(!place.git_dir().join("index").exists(), "there is nothing but HEAD to compare with");
    scenario(&place);
    let all = [".gitignore", "README", "made by us", "src/a", "src/deep/b"];
    assert_eq!(paths(&place, &place.checkpoint()), all, "what was never checked out is not deleted");
    let known = place.git(&["rev-list", "--objects", "--missing=print", "HEAD"]);
    assert_eq!(known.lines().filter(|line| line.starts_with('?')).count(), 4, "nothing was fetched: {known}");
    place.git(&["checkout", "-q", "main"]);
    assert_eq!(paths(&place, &place.checkpoint()), all);
    place.fsck();
}

#[test]
fn a_sparse_checkout() {
    let sandbox = Sandbox::new();
    sandbox.git(&["sparse-checkout", "set", "--no-cone", "/src/deep/"]);
    assert!(!sandbox.dir.join("src/a").exists(), "the checkout is sparse");
    scenario(&sandbox);
    let kept = paths(&sandbox, &sandbox.checkpoint());
    assert!(kept.contains(&"src/deep/b".into()), "{kept:?}");
    assert!(kept.contains(&"src/a".into()), "what is not checked out is not deleted: {kept:?}");
}

#[test]
fn a_repository_with_a_submodule_and_the_submodule_itself() {
    let sandbox = Sandbox::new();
    let other = sandbox.at("other");
    fs::create_dir(&other.dir).unwrap();
    other.begin(&[]);
    sandbox.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../other", "module"]);
    sandbox.git(&["commit", "-q", "-m", "module"]);
    scenario(&sandbox);
    let row = sandbox.store_git(&["ls-tree", &format!("{}:worktree", sandbox.checkpoint()), "module"]);
    assert!(row.starts_with("160000 commit"), "a submodule is a commit, and is never entered: {row}");
    scenario(&sandbox.cd("module"));
}

#[test]
fn a_separate_git_directory() {
    let sandbox = Sandbox::empty();
    let elsewhere = sandbox.root().join("elsewhere.git").display().to_string();
    sandbox.begin(&["--separate-git-dir", &elsewhere]);
    scenario(&sandbox);
    assert!(Path::new(&elsewhere).join("trace/store.git").is_dir());
}

#[test]
fn a_repository_that_only_git_dir_names() {
    let sandbox = Sandbox::empty();
    let place =
        sandbox.with("GIT_DIR", sandbox.root().join("hidden.git")).with("GIT_WORK_TREE", &sandbox.dir);
    place.begin(&[]);
    scenario(&place);
}

#[test]
fn a_repository_without_a_commit() {
    let sandbox = Sandbox::empty();
    sandbox.git(&["init", "-q", "-b", "main"]);
    scenario(&sandbox);
    assert!(sandbox.list("log", "checkpoints")[0]["head"].is_null());
    sandbox.commit_something();
    sandbox.checkpoint();
    Story::of(&sandbox).complete(&sandbox);
}

#[test]
fn a_detached_head() {
    let sandbox = Sandbox::new();
    sandbox.git(&["checkout", "-q", "--detach"]);
    scenario(&sandbox);
    let newest = &sandbox.list("log", "checkpoints")[0];
    assert!(newest["branch"].is_null(), "{newest}");
    assert_eq!(newest["head"], sandbox.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_copied_repository_is_another_clone() {
    let sandbox = Sandbox::enabled();
    sandbox.tell("s", "make");
    sandbox.checkpoint();
    sandbox.run("cp", &["-a", ".", "../copy"]).good("cp -a");
    let copy = sandbox.at("copy");
    assert_ne!(copy.trace(&["checkpoint"]).code, 0, "nobody enabled the copy");
    copy.enable();
    copy.checkpoint();
    copy.fsck();
    let id = |place: &Place| fs::read_to_string(place.own_dir().join("clone-id")).unwrap();
    assert_ne!(id(&sandbox), id(&copy));
}

#[test]
fn a_directory_below_the_top_is_the_same_worktree() {
    let sandbox = Sandbox::enabled();
    sandbox.cd("src/deep").tell("s", "make below");
    let below = sandbox.cd("src/deep").checkpoint();
    assert!(Story::of(&sandbox).chain.contains(&below));
    Story::of(&sandbox).holds_once(["make below"]);
}
