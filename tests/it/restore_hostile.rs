//! A tree that no honest checkpoint can hold is refused whole; odd names that are really somebody's
//! files come back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::picture::Picture;
use crate::place::Place;
use crate::sandbox::Sandbox;
use crate::undo::{agent_runs, puts_back};

/// An entry of a tree: mode, name, and what it names.
type Entry<'a> = (&'a str, &'a [u8], &'a str);

/// Writes an object into the store as it is, however wrong.
fn plant(place: &Place, kind: &str, bytes: &[u8]) -> String {
    let args = ["hash-object", "-t", kind, "-w", "--literally", "--stdin"];
    let id = place.store_bytes(&args, bytes);
    String::from_utf8(id).unwrap().trim().to_owned()
}

fn tree(place: &Place, entries: &[Entry<'_>]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend(format!("{mode} ").bytes());
        bytes.extend(*name);
        bytes.push(0);
        bytes.extend((0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
    }
    plant(place, "tree", &bytes)
}

/// Puts a checkpoint with these files on the shadow ref, and returns its id.
fn checkpoint_of(place: &Place, files: &str) -> String {
    let top = tree(place, &[("40000", b"worktree", files)]);
    let tip = place.store_git(&["rev-parse", &format!("refs/trace/shadow/{}", place.worktree_id())]);
    let raw = place.store_git(&["cat-file", "commit", &tip]);
    let rest = raw.lines().filter(|line| !line.starts_with("tree ") && !line.starts_with("parent "));
    let rest: Vec<&str> = rest.collect();
    let commit = format!("tree {top}\nparent {tip}\n{}\n", rest.join("\n"));
    let id = plant(place, "commit", commit.as_bytes());
    place.store_git(&["update-ref", &format!("refs/trace/shadow/{}", place.worktree_id()), &id]);
    id
}

/// Every path of the world but ours.
fn outside(sandbox: &Sandbox) -> BTreeSet<PathBuf> {
    fn walk(dir: &Path, own: &Path, into: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() && path != own {
                walk(&path, own, into);
            }
            into.insert(path);
        }
    }
    let mut all = BTreeSet::new();
    walk(sandbox.root(), &sandbox.own_dir(), &mut all);
    all
}

/// The hostile trees, by name; `blob` is a text, `dir` a tree with one plain file.
fn hostile_trees(place: &Place) -> Vec<(&'static str, String)> {
    let blob = plant(place, "blob", b"planted\n");
    let link = plant(place, "blob", b"..");
    let dir = tree(place, &[("100644", b"x", &blob)]);
    let hooks = tree(place, &[("40000", b"hooks", &dir)]);
    let file = |name: &'static [u8]| tree(place, &[("100755", name, &blob)]);
    let below = |name: &'static [u8], id: &str| tree(place, &[("40000", name, id)]);
    vec![
        (".git/hooks/x", below(b".git", &hooks)),
        (".GIT/hooks/x", below(b".GIT", &hooks)),
        (".git as a file", file(b".git")),
        ("git~1", below(b"git~1", &hooks)),
        (".git in a directory", below(b"sub", &below(b".git", &hooks))),
        (".g\u{200c}it", file(".g\u{200c}it".as_bytes())),
        ("..", below(b"..", &dir)),
        (".. as a file", file(b"..")),
        (".", below(b".", &dir)),
        ("a slash in a name", file(b"../x")),
        ("an absolute name", file(b"/tmp/planted-by-a-test")),
        ("no name", file(b"")),
        ("a\\b", file(b"a\\b")),
        ("CON", file(b"CON")),
        ("aux.c", file(b"aux.c")),
        ("c:x", file(b"c:x")),
        ("twins but for case", tree(place, &[("100644", b"Twin", &blob), ("100644", b"twin", &blob)])),
        ("a link and what is below it", tree(place, &[("120000", b"a", &link), ("40000", b"a", &dir)])),
        ("a file twice", tree(place, &[("100644", b"a", &blob), ("100644", b"a", &link)])),
        ("one odd name among good ones", {
            tree(place, &[("100644", b"README", &blob), ("100644", b"aux.c", &blob), ("40000", b"src", &dir)])
        }),
    ]
}

#[test]
fn a_hostile_tree_is_refused_whole() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let files = Picture::of(&sandbox);
    for (name, planted) in hostile_trees(&sandbox) {
        let id = checkpoint_of(&sandbox, &planted);
        let before = outside(&sandbox);
        for args in [&["restore", &id, "--yes"][..], &["restore", &id, "--yes", "--conflict=theirs"]] {
            let ran = sandbox.trace(args);
            assert!([3, 5].contains(&ran.code), "{name}: {args:?}: {ran:?}");
            assert!(!ran.stderr.contains("panicked"), "{name}: {ran:?}");
            Picture::of(&sandbox).is(&files, name);
        }
        assert_eq!(outside(&sandbox), before, "{name}: something was written");
    }
}

#[test]
fn a_plain_tree_that_was_planted_is_put_back() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let files = Picture::of(&sandbox);
    let blob = plant(&sandbox, "blob", b"planted\n");
    let planted = tree(&sandbox, &[("100644", b"fine", &blob)]);
    let id = checkpoint_of(&sandbox, &planted);
    puts_back(&sandbox, &["restore", &id, "--yes"]);
    assert_eq!(fs::read(sandbox.dir.join("fine")).unwrap(), b"planted\n");
    assert!(!sandbox.dir.join("README").exists());
    puts_back(&sandbox, &["undo"]);
    Picture::of(&sandbox).is(&files, "undo");
}

/// Names that another system would take for something else.
const ODD: [&str; 7] =
    ["aux.c", "src/CON", "at 10:00.png", "back\\slash", "two\nlines", "dot at the end.", "src/nul.rs"];

#[test]
fn odd_names_that_are_really_there_come_back() {
    let sandbox = Sandbox::new();
    for name in ODD.iter().chain(&["readme", "src/A"]) {
        sandbox.write(name, format!("{name}\n"));
    }
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-q", "-m", "odd"]);
    // The same again where git does not track them.
    for name in ODD.iter().chain(&["twin", "TWIN"]) {
        sandbox.write(&format!("loose/{name}"), format!("{name}\n"));
    }
    sandbox.enable();
    let first = sandbox.checkpoint();
    let before = Picture::of(&sandbox);
    for disaster in
        ["rm -rf src aux.c README readme", "rm -rf loose", "git reset -q --hard HEAD~1", "rm -rf *"]
    {
        agent_runs(&sandbox, "s", disaster, disaster);
        let after = Picture::of(&sandbox);
        after.is_not(&before, disaster);
        puts_back(&sandbox, &["undo"]);
        Picture::of(&sandbox).is(&before, &format!("undo of {disaster}"));
        puts_back(&sandbox, &["redo"]);
        Picture::of(&sandbox).is(&after, &format!("redo of {disaster}"));
        puts_back(&sandbox, &["restore", &first, "--yes"]);
        Picture::of(&sandbox).is(&before, &format!("restore after {disaster}"));
    }
}
