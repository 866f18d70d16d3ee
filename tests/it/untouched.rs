//! The user's repository is byte-identical outside our folder, and nothing that leaves it carries
//! anything of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::place::Place;
use crate::sandbox::{Sandbox, race};
use crate::story::Story;

/// Every file below a directory but what lies in a `trace` directory, and the hooks that `trace enable`
/// was asked for: its mode and its bytes.
type Image = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn image(dir: &Path) -> Image {
    let mut image = Image::new();
    collect(dir, &mut image);
    image
}

fn collect(dir: &Path, image: &mut Image) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            if path.file_name().is_some_and(|name| name == "trace") {
                continue;
            }
            image.insert(path.clone(), (about.mode(), Vec::new()));
            collect(&path, image);
        } else if !is_hook_of_ours(&path) {
            let bytes = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            image.insert(path, (about.mode(), bytes));
        }
    }
}

fn is_hook_of_ours(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!/bin/sh\n# trace hook 1 "))
}

fn same(before: &Image, after: &Image) {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed: Vec<_> = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert!(changed.is_empty(), "not as they were: {changed:?}");
}

/// Everything that a user of `trace` does, by many at once.
fn scenario(place: &Place) {
    race(6, |worker| {
        for round in 0..4 {
            place.write(&format!("work/{worker}"), format!("{round}\n"));
            place.tell(&format!("worker-{worker}"), &format!("make {worker} {round}"));
            place.checkpoint();
        }
    });
    fs::remove_file(place.dir.join("src/deep/b")).unwrap();
    let last = place.checkpoint();
    for args in [
        &["status"][..],
        &["log"],
        &["show", &last],
        &["diff", "@-1"],
        &["commands"],
        &["trail"],
        &["fsck"],
        &["run", "--", "true"],
    ] {
        // Differences are an answer too.
        let ran = place.trace(args);
        assert!(ran.code <= 1, "trace {args:?}: {ran:?}");
    }
}

/// Every object of a repository, borrowed ones apart.
fn objects(place: &Place) -> BTreeSet<String> {
    let list = place.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    list.lines().map(str::to_owned).collect()
}

#[test]
fn the_repository_is_byte_identical_outside_our_folder() {
    let sandbox = Sandbox::new();
    sandbox.git(&["worktree", "add", "-q", "../other"]);
    sandbox.write("src/a", "staged\n");
    sandbox.git(&["add", "-A"]);
    let before = image(&sandbox.common_dir());
    sandbox.enable();
    scenario(&sandbox);
    scenario(&sandbox.at("other"));
    same(&before, &image(&sandbox.common_dir()));
}

#[test]
fn a_hostile_user_configuration_is_neither_used_nor_changed() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "gc.auto", "1"]);
    sandbox.git(&["config", "core.logAllRefUpdates", "always"]);
    let before = image(&sandbox.common_dir());
    sandbox.enable();
    scenario(&sandbox);
    same(&before, &image(&sandbox.common_dir()));
}

#[test]
fn nothing_that_leaves_the_repository_carries_anything_of_ours() {
    let sandbox = Sandbox::new();
    let theirs = objects(&sandbox);
    sandbox.enable();
    scenario(&sandbox);
    let url = format!("file://{}", sandbox.dir.display());
    sandbox.git(&["init", "-q", "--bare", "../mirror"]);
    sandbox.git(&["push", "-q", "--mirror", "../mirror"]);
    sandbox.git(&["init", "-q", "--bare", "../pushed"]);
    sandbox.git(&["push", "-q", "--all", "../pushed"]);
    sandbox.git(&["clone", "-q", "--mirror", &url, "../mirrored"]);
    sandbox.git(&["clone", "-q", &url, "../cloned"]);
    sandbox.git(&["clone", "-q", ".", "../local"]);
    sandbox.git(&["bundle", "create", "-q", "../all.bundle", "--all"]);
    sandbox.git(&["clone", "-q", "--mirror", "../all.bundle", "../unbundled"]);
    let ours = Story::of(&sandbox).chain;
    for name in ["mirror", "pushed", "mirrored", "cloned", "local", "unbundled"] {
        let copy = sandbox.at(name);
        let found = objects(&copy);
        let extra: Vec<_> = found.difference(&theirs).collect();
        assert!(extra.is_empty(), "{name} has {extra:?}");
        assert!(ours.iter().all(|id| !found.contains(id)), "{name} has a checkpoint");
        let refs = copy.git(&["for-each-ref", "--format=%(refname)"]);
        assert!(!refs.contains("trace"), "{name} has {refs}");
        assert!(!copy.common_dir().join("trace").exists(), "{name} has our folder");
    }
}

#[test]
fn what_we_keep_is_for_the_user_alone() {
    let sandbox = Sandbox::new();
    // With the most generous umask.
    let enable = format!("umask 0; exec '{}' enable --yes", crate::place::TRACE);
    sandbox.run("sh", &["-c", &enable]).good("enable");
    scenario(&sandbox);
    sandbox
        .run("sh", &["-c", &format!("umask 0; exec '{}' checkpoint", crate::place::TRACE)])
        .good("checkpoint");
    let own = sandbox.own_dir();
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    let mut all = Image::new();
    collect(&own, &mut all);
    let open: Vec<_> = all.iter().filter(|(_, (mode, _))| mode & 0o077 != 0).map(|(path, _)| path).collect();
    assert!(open.is_empty(), "others may open {open:?}");
}
