//! What is not checked out: neither deleted nor read, until it comes.

use super::cases::tell;
use super::{Clock, Place, Scanned, left_out};
use crate::git::pack::Pack;
use crate::git::scan::tracked::Tracked;
use crate::git::table::{Part, Table};
use crate::git::{HashKind, ObjectKind};
use crate::model::change::Reason;
use std::time::{Duration, Instant};

/// Commits a few files, of which only `keep/` stays checked out.
fn sparse(place: &Place) {
    for name in [&b"a"[..], b"d/b", b"d/e/c", b"f", b"keep/k"] {
        place.write(name, name);
    }
    place.link(b"d/link", b"b");
    place.chmod(b"f", 0o755);
    place.dir.commit(1);
    only(place, &["--no-cone", "/keep/"]);
    assert!(!place.path(b"d").exists() && place.path(b"keep/k").exists());
}

fn only(place: &Place, patterns: &[&str]) {
    place.tick();
    place.dir.git(&[&["sparse-checkout", "set"], patterns].concat());
}

fn git(place: &Place, args: &[&str]) {
    place.tick();
    place.dir.git(args);
}

/// Forgets that there is an index, as a clone without a checkout does.
fn unread(place: &Place) {
    place.tick();
    std::fs::remove_file(place.dir.git_dir().join("index")).unwrap();
}

fn lose(place: &Place, revision: &str) {
    let hex = place.dir.id(revision).to_string();
    std::fs::remove_file(place.dir.git_dir().join("objects").join(&hex[..2]).join(&hex[2..])).unwrap();
}

fn names(place: &Place, scanned: &Scanned) -> String {
    place.dir.git_store(&["ls-tree", "-r", "--name-only", &scanned.tree.to_string()]).replace('\n', " ")
}

#[test]
fn a_sparse_checkout_is_as_the_index_has_it() {
    tell(
        "sparse",
        &[
            &sparse,
            &|p| p.write(b"keep/new", b"new"),
            &|p| p.write(b"d/e/c", b"came back"),
            &|p| p.write(b"d/e/c", b"and changed"),
            &|p| p.remove(b"d/e/c"),
            &|p| p.remove(b"d"),
            &|p| p.write(b"d/new", b"untracked"),
            &|p| p.remove(b"keep/k"),
            &|p| git(p, &["update-index", "--no-skip-worktree", "a", "d/link"]),
            &|p| git(p, &["update-index", "--skip-worktree", "a", "keep/k"]),
            &|p| git(p, &["rm", "-q", "--cached", "--sparse", "d/b", "f"]),
            &|p| git(p, &["sparse-checkout", "disable"]),
        ],
    );
}

#[test]
fn what_stands_in_the_place_of_something_away_wins_while_it_stands() {
    tell(
        "in the way",
        &[
            &sparse,
            &|p| p.write(b"d", b"a file"),
            &|p| p.remove(b"d"),
            &|p| p.link(b"d", b"keep"),
            &|p| p.write(b"keep/b", b"seen through the link"),
            &|p| p.remove(b"d"),
            &|p| p.write(b"a/now/a/directory", b"x"),
            &|p| p.remove(b"a"),
            &|p| p.write(b"d/e/c/too", b"x"),
            &|p| p.remove(b"d"),
            &|p| p.link(b"d", b"nowhere"),
            &|p| {
                p.remove(b"d");
                p.write(b"d/other", b"x");
            },
        ],
    );
}

#[test]
fn a_sparse_index_is_the_same_as_any() {
    tell(
        "sparse index",
        &[
            &sparse,
            &|p| only(p, &["--cone", "--sparse-index", "keep"]),
            &|p| p.write(b"d/new", b"untracked"),
            &|p| p.write(b"d/b", b"came back"),
            &|p| p.remove(b"d"),
            &|p| p.write(b"d", b"a file"),
            &|p| p.remove(b"d"),
            &|p| only(p, &["--cone", "--no-sparse-index", "keep"]),
        ],
    );
}

#[test]
fn rules_that_are_not_checked_out_hold() {
    tell(
        "rules",
        &[
            &|p| {
                p.write(b".gitignore", b"*.o\n");
                p.write(b"d/.gitignore", b"build\n");
                p.write(b"keep/k", b"k");
                p.dir.commit(1);
                only(p, &["--no-cone", "/keep/"]);
            },
            &|p| p.write(b"keep/x.o", b"ignored"),
            &|p| p.write(b"d/build/x", b"ignored"),
            &|p| p.write(b"d/.gitignore", b"x.o\n"),
            &|p| p.remove(b"d/.gitignore"),
            &|p| git(p, &["rm", "-q", "--cached", "--sparse", ".gitignore"]),
        ],
    );
}

/// Spoils the index, and makes the table believe that it has seen it like this.
fn spoil_index(place: &mut Place) {
    std::fs::write(place.dir.git_dir().join("index"), b"nonsense").unwrap();
    let digest = place.with_ground(|ground| Tracked::new(ground, i64::MAX).digest());
    let main = place.main.as_mut().unwrap();
    let body = main.len() - 4;
    main[32..40].copy_from_slice(&digest.to_le_bytes());
    let crc = crc32fast::hash(&main[..body]).to_le_bytes();
    main[body..].copy_from_slice(&crc);
}

#[test]
fn what_is_away_is_known_without_the_index() {
    let mut place = Place::new();
    sparse(&place);
    let tree = place.scan(Clock::Later).tree;
    spoil_index(&mut place);
    let (main, log) = (place.main.clone(), place.log.clone());
    let scanned = place.scan(Clock::Later);
    assert_eq!((scanned.tree, scanned.found.edits.len()), (tree, 0));
    assert_eq!((&place.main, &place.log), (&main, &log));
    assert_eq!(place.table().get(b"d/e/c").unwrap().part, Part::Away(None));
    place.write(b"d/e/c", b"came");
    assert_eq!(place.scan(Clock::Later).found.edits.len(), 1);
    let row = place.table().get(b"d/e/c").unwrap();
    assert_eq!((row.part, row.tracked), (Part::Stored, true));
    assert!(place.table().basis().quiet, "nobody tried to read the index");
}

#[test]
fn only_what_the_base_lacks_is_copied() {
    let mut place = Place::new();
    sparse(&place);
    let copied = |place: &Place| {
        place.with_ground(|ground| {
            let mut pack = Pack::new(place.kind);
            let found = super::full(ground, Table::default(), &mut pack).unwrap();
            let has = |text: &[u8]| pack.has(place.kind.hash(ObjectKind::Blob, text).unwrap());
            assert!(found.times.contains_key(&b"keep/k"[..]) && !found.times.contains_key(&b"a"[..]));
            [has(b"a"), has(b"d/e/c"), has(b"keep/k")]
        })
    };
    assert_eq!(copied(&place), [true, true, true]);
    place.base_tree = Some(place.dir.id("HEAD^{tree}"));
    assert_eq!(copied(&place), [false, false, false]);
    place.base_tree = Some(place.dir.id("HEAD:d"));
    assert_eq!(copied(&place), [true, true, true], "another path lends nothing");
}

#[test]
fn what_nobody_can_produce_is_left_out_unless_it_is_promised() {
    let mut place = Place::new();
    sparse(&place);
    lose(&place, "HEAD:a");
    let lost = [("a".to_owned(), Reason::Unreadable)];
    for clock in [Clock::Later, Clock::Later, Clock::Real] {
        let scanned = place.scan(clock);
        assert_eq!(left_out(&scanned.found), lost);
        assert_eq!(names(&place, &scanned), "d/b d/e/c d/link f keep/k");
    }
    place.dir.git(&["config", "remote.origin.promisor", "true"]);
    for clock in [Clock::Later, Clock::Real] {
        let scanned = place.scan(clock);
        assert_eq!(left_out(&scanned.found), []);
        assert_eq!(names(&place, &scanned), "a d/b d/e/c d/link f keep/k");
    }
}

#[test]
fn limits_hold_for_what_is_copied() {
    let mut place = Place::new();
    sparse(&place);
    place.limits.file = 4;
    for _ in 0..2 {
        let found = place.scan(Clock::Later).found;
        let all = ["d/e/c", "keep/k"].map(|name| (name.to_owned(), Reason::TooLarge));
        assert_eq!(left_out(&found), all);
    }
    place.base_tree = Some(place.dir.id("HEAD^{tree}"));
    place.check(Clock::Later, "what is borrowed may be large");
}

#[test]
fn without_an_index_nothing_of_head_is_missed() {
    for kind in [HashKind::Sha1, HashKind::Sha256] {
        let mut place = Place::of(kind);
        sparse(&place);
        place.remove(b"keep");
        unread(&place);
        for clock in [Clock::Later, Clock::Later, Clock::Real] {
            assert_eq!(place.scan(clock).tree, place.dir.id("HEAD^{tree}"));
        }
        place.write(b"d/b", b"checked out by hand");
        place.write(b"new", b"new");
        assert_eq!(
            names(&place, &place.scan_from(place.table(), Clock::Real)),
            "a d/b d/e/c d/link f keep/k new"
        );
        let scanned = place.scan(Clock::Later);
        assert_eq!(
            place.dir.git_store(&["cat-file", "blob", &format!("{}:d/b", scanned.tree)]),
            "checked out by hand"
        );
        git(&place, &["update-ref", "HEAD", &place.dir.git(&["commit-tree", "-m", "x", "HEAD:d"])]);
        assert_eq!(
            names(&place, &place.scan_from(place.table(), Clock::Later)),
            "b d/b e/c link new",
            "HEAD moved"
        );
        git(&place, &["reset", "-q"]);
        place.check(Clock::Later, "an index");
    }
}

#[test]
fn a_head_that_cannot_be_read_deletes_nothing() {
    let mut place = Place::new();
    sparse(&place);
    unread(&place);
    let tree = place.scan(Clock::Later).tree;
    assert_eq!(tree, place.dir.id("HEAD^{tree}"));
    lose(&place, "HEAD");
    for clock in [Clock::Later, Clock::Real] {
        assert_eq!(place.scan(clock).tree, tree);
    }
}

#[test]
fn a_path_that_is_named_and_away_is_not_deleted() {
    let mut place = Place::new();
    sparse(&place);
    let tip = place.scan(Clock::Later).tree;
    let named: [&[u8]; 4] = [b"a", b"d", b"keep/k", b"none"];
    assert_eq!(place.scan_known(Some(tip), &named).tree, tip);
    place.remove(b"keep/k");
    place.write(b"d/e/c", b"came");
    assert_eq!(place.scan_known(Some(tip), &named).tree, place.oracle());
    place.remove(b"d");
    place.write(b"d", b"a file");
    assert_eq!(place.scan_known(Some(tip), &named).tree, place.oracle());
}

#[test]
fn a_deadline_deletes_nothing_that_is_away() {
    let mut place = Place::new();
    sparse(&place);
    place.scan(Clock::Later);
    only(&place, &["--no-cone", "/f"]);
    place.write(b"d/new", b"x");
    place.write(b"d/b", b"came");
    for step in 0..40 {
        let found = place.with_ground(|ground| {
            let deadline = Instant::now() + Duration::from_micros(step * 50);
            let ground = super::Ground { deadline: Some(deadline), ..ground.clone() };
            super::full(&ground, place.table(), &mut Pack::new(place.kind)).unwrap()
        });
        let deleted = found.edits.iter().filter(|edit| edit.to.is_none());
        assert!(deleted.clone().all(|edit| edit.path.starts_with(b"keep/")), "{:?}", found.edits);
    }
    place.check(Clock::Later, "with time");
}
