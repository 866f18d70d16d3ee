//! One story for each thing that may happen to a worktree.

use super::{Clock, Place};
use crate::git::HashKind;

pub(super) type Step<'s> = &'s dyn Fn(&Place);

pub(super) fn tell(name: &str, steps: &[Step<'_>]) {
    for clock in [Clock::Real, Clock::Later] {
        let mut place = Place::new();
        place.check(clock, name);
        for (at, step) in steps.iter().enumerate() {
            step(&place);
            place.tick();
            place.check(clock, &format!("{name}, step {}", at + 1));
        }
    }
}

#[test]
fn files_come_change_and_go() {
    tell(
        "files",
        &[
            &|p| p.write(b"a", b"one"),
            &|p| p.write(b"deep/er/b", b"two"),
            &|p| p.write(b"a", b"uno"),
            &|p| p.chmod(b"a", 0o755),
            &|p| p.chmod(b"a", 0o644),
            &|p| p.rename(b"a", b"deep/a"),
            &|p| p.rename(b"deep", b"shallow"),
            &|p| p.remove(b"shallow/er"),
            &|p| p.remove(b"shallow"),
        ],
    );
}

#[test]
fn a_file_may_become_a_directory_and_the_reverse() {
    tell(
        "kinds",
        &[
            &|p| p.write(b"a", b"file"),
            &|p| p.remove(b"a"),
            &|p| p.write(b"a/b/c", b"below"),
            &|p| {
                p.remove(b"a/b");
                p.write(b"a/b", b"file again");
            },
            &|p| {
                p.remove(b"a");
                p.write(b"a", b"file");
                p.write(b"a-b", b"sorts between");
                p.write(b"a.b", b"sorts between");
            },
        ],
    );
}

#[test]
fn links_are_taken_for_what_they_are() {
    tell(
        "links",
        &[
            &|p| {
                p.write(b"real/f", b"text");
                p.link(b"to-dir", b"real");
                p.link(b"to-file", b"real/f");
                p.link(b"to-nothing", b"\xff/nowhere");
            },
            &|p| {
                p.rename(b"real", b"moved");
                p.link(b"real", b"moved");
            },
            &|p| {
                p.remove(b"real");
                p.rename(b"moved", b"real");
            },
            &|p| {
                p.remove(b"to-file");
                p.write(b"to-file", b"real/f");
            },
            &|p| {
                p.remove(b"to-dir");
                p.link(b"to-dir", b".");
            },
        ],
    );
}

#[test]
fn empty_directories_and_strange_names_are_no_trouble() {
    tell(
        "names",
        &[
            &|p| std::fs::create_dir_all(p.path(b"empty/er")).unwrap(),
            &|p| {
                for name in [&b"\xff\xfe"[..], b"-rf", b"\xc3\xa9", b"a b/c d", b"#x", b"!y"] {
                    p.write(name, name);
                }
            },
            &|p| p.write(b"empty/er/full", b""),
            &|p| p.remove(b"\xff\xfe"),
            &|p| p.write(&[b'n'; 255], b"long"),
        ],
    );
}

#[test]
fn ignore_rules_hold_wherever_they_stand() {
    tell(
        "rules",
        &[
            &|p| {
                for name in [
                    &b"a.o"[..],
                    b"keep.o",
                    b"src/a.o",
                    b"src/b.c",
                    b"build/out",
                    b"src/build/out",
                    b"logs/x/y.log",
                ] {
                    p.write(name, name);
                }
            },
            &|p| p.write(b".gitignore", b"*.o\n!keep.o\n/build/\n"),
            &|p| p.write(b"src/.gitignore", b"!a.o\r\nbuild\n"),
            &|p| p.write(b"src/.gitignore", b"# nothing\n"),
            &|p| p.remove(b"src/.gitignore"),
            &|p| p.write(b"logs/.gitignore", b"*\n!.gitignore\n"),
            &|p| p.write(b"logs/.gitignore", b"*\n"),
            &|p| p.write(b"logs/new.log", b"unseen"),
            &|p| p.write(b"logs/.gitignore", b"x/\n"),
            &|p| p.remove(b"logs/.gitignore"),
            &|p| p.write(b".gitignore", b"**/build/**\nlogs/**/y.log\n[a-b].c\n#\\x\nfoo\\ bar  \n"),
            &|p| {
                p.write(b"foo bar", b"a space");
                p.write(b"foo", b"none");
            },
            &|p| p.remove(b".gitignore"),
            &|p| p.link(b".gitignore", b"src/b.c"),
        ],
    );
}

#[test]
fn rules_from_outside_the_worktree_count_at_once() {
    tell(
        "outside",
        &[
            &|p| {
                p.write(b"a.tmp", b"1");
                p.write(b"d/b.tmp", b"2");
                p.write(b"d/c.bak", b"3");
            },
            &|p| p.write(b".git/info/exclude", b"*.tmp\n"),
            &|p| p.write(b".git/excludes", b"*.bak\n!*.tmp\n"),
            &|p| p.write(b"d/.gitignore", b"!b.tmp\n"),
            &|p| p.remove(b".git/info/exclude"),
            &|p| p.remove(b".git/excludes"),
        ],
    );
}

#[test]
fn what_is_tracked_belongs_though_it_be_ignored() {
    tell(
        "tracked",
        &[
            &|p| {
                p.write(b".gitignore", b"*.o\nout/\n");
                p.write(b"a.o", b"a");
                p.write(b"out/deep/b", b"b");
                p.write(b"out/deep/c", b"c");
            },
            &|p| drop(p.dir.git(&["add", "-f", "a.o", "out/deep/b"])),
            &|p| p.write(b"out/deep/b", b"changed"),
            &|p| p.remove(b"out/deep/b"),
            &|p| p.write(b"out/deep/b", b"back again"),
            &|p| p.rename(b"out", b"gone"),
            &|p| p.rename(b"gone", b"out"),
            &|p| {
                p.rename(b"out/deep", b"out/real");
                p.link(b"out/deep", b"real");
            },
            &|p| {
                p.remove(b"out/deep");
                p.rename(b"out/real", b"out/deep");
            },
            &|p| p.write(b".gitignore", b"*.o\n"),
            &|p| p.write(b".gitignore", b"*.o\nout/\n"),
            &|p| drop(p.dir.git(&["rm", "-q", "-f", "--cached", "a.o", "out/deep/b"])),
            &|p| p.remove(b".gitignore"),
        ],
    );
}

#[test]
fn a_nested_repository_is_the_commit_it_is_at() {
    tell(
        "nested",
        &[
            &|p| p.write(b"lib/f", b"plain"),
            &|p| p.nest(b"lib"),
            &|p| p.write(b"lib/g", b"inside"),
            &|p| drop(p.dir.git(&["-C", "lib", "commit", "-q", "--allow-empty", "-m", "second"])),
            &|p| p.remove(b"lib/.git"),
            &|p| p.nest(b"other/deep"),
            &|p| p.rename(b"other", b"another"),
            &|p| p.remove(b"another"),
        ],
    );
}

#[test]
fn a_tracked_nested_repository_may_be_ignored() {
    let commit =
        |p: &Place| drop(p.dir.git(&["-C", "vendor/lib", "commit", "-q", "--allow-empty", "-m", "more"]));
    tell(
        "nested and ignored",
        &[
            &|p| {
                p.nest(b"sub");
                p.nest(b"vendor/lib");
                p.write(b".gitignore", b"vendor\n");
            },
            &|p| drop(p.dir.git(&["add", "-f", "vendor/lib"])),
            &|p| commit(p),
            &|p| p.write(b"vendor/other", b"ignored"),
            &|p| p.write(b".gitignore", b"sub\n"),
            &|p| {
                commit(p);
                p.write(b".gitignore", b"vendor\n");
            },
            &|p| p.write(b".gitignore", b"sub\n"),
            &|p| {
                commit(p);
                p.write(b".gitignore", b"lib\n");
            },
        ],
    );
}

#[test]
fn objects_may_be_named_by_sha256() {
    let mut place = Place::of(HashKind::Sha256);
    place.write(b"a", b"one");
    place.write(b"d/b", b"two");
    place.nest(b"lib");
    place.check(Clock::Later, "sha256");
    place.tick();
    place.write(b"d/b", b"three");
    place.check(Clock::Later, "sha256 again");
    // A repository whose ids are of another length cannot be pointed at.
    let short = place.path(b"short");
    place.dir.git(&["init", "-q", "--object-format=sha1", short.to_str().unwrap()]);
    place.dir.git(&["-C", short.to_str().unwrap(), "commit", "-q", "--allow-empty", "-m", "x"]);
    let scanned = place.scan(Clock::Later);
    assert!(!place.listing(scanned.tree).contains("short"));
    assert_eq!(scanned.found.skipped.len(), 1);
}

#[test]
fn named_paths_alone_are_looked_at() {
    let mut place = Place::new();
    for name in [&b"a"[..], b"b", b"d/e", b"d/f", b"d/g/h"] {
        place.write(name, name);
    }
    let tip = place.scan(Clock::Real).tree;
    let listing = place.listing(tip);
    place.write(b"a", b"named");
    place.write(b"b", b"not named");
    let scanned = place.scan_known(Some(tip), &[b"a"]);
    assert_eq!(scanned.found.edits.len(), 1);
    place.write(b"b", b"b");
    assert_eq!(scanned.tree, place.oracle());
    for (from, to) in [(&b"d"[..], &b"moved"[..]), (b"moved", b"d")] {
        place.rename(from, to);
        let scanned = place.scan_known(Some(scanned.tree), &[from, to]);
        assert_eq!(scanned.tree, place.oracle(), "{from:?}");
    }
    place.write(b"a", b"a");
    place.write(b".gitignore", b"ignored\n");
    place.write(b"d/ignored", b"x");
    let paths: [&[u8]; 6] = [b"a", b"d/ignored", b"nowhere/at/all", b".git/config", b"../a", b"d/"];
    assert_eq!(place.listing(place.scan_known(Some(tip), &paths).tree), listing);
    let whole = place.scan_known(Some(tip), &[b""]);
    assert_eq!(whole.tree, place.oracle());
}

#[test]
fn named_paths_may_change_their_kind() {
    let mut place = Place::new();
    place.write(b"a", b"file");
    place.write(b"d/e/f", b"below");
    let mut tip = place.scan(Clock::Real).tree;
    let steps: [(Step<'_>, &[u8]); 5] = [
        (&|p| p.remove(b"a"), b"a"),
        (&|p| p.write(b"a/b", b"below"), b"a/b"),
        (&|p| p.nest(b"d/e"), b"d/e/f"),
        (&|p| p.remove(b"d"), b"d"),
        (&|p| p.link(b"d", b"a"), b"d"),
    ];
    for (step, path) in steps {
        step(&place);
        tip = place.scan_known(Some(tip), &[path]).tree;
        assert_eq!(place.listing(tip), place.listing(place.oracle()), "{path:?}");
    }
    assert_eq!(place.scan_known(Some(tip), &[b"d/b"]).tree, tip, "a path through a link is no path");
}
