//! What is left out, and that it is said each time.

use super::{Clock, Limits, Place, left_out};
use crate::git::ObjectKind;
use crate::git::table::Table;
use crate::model::change::Reason;
use std::time::Instant;

#[test]
fn what_is_no_file_is_left_out_and_named_each_time() {
    let mut place = Place::new();
    place.write(b"f", b"x");
    place.dir.run("mkfifo", &["fifo"]);
    let _socket = std::os::unix::net::UnixListener::bind(place.path(b"socket")).unwrap();
    place.write(b"d/git~1", b"refused");
    place.write(b".GIT/x", b"refused");
    place.dir.git(&["init", "-q", "unborn"]);
    let all = [
        (".GIT", Reason::BadName),
        ("d/git~1", Reason::BadName),
        ("fifo", Reason::Special),
        ("socket", Reason::Special),
        ("unborn", Reason::NestedUnborn),
    ];
    let all: Vec<_> = all.map(|(path, reason)| (path.to_owned(), reason)).into();
    for clock in [Clock::Later, Clock::Later, Clock::Real, Clock::Real] {
        let scanned = place.scan(clock);
        assert_eq!(left_out(&scanned.found), all);
        assert!(place.listing(scanned.tree).ends_with("\tf"), "{}", place.listing(scanned.tree));
    }
    place.remove(b"fifo");
    place.write(b"fifo", b"a file now");
    let scanned = place.scan(Clock::Later);
    assert_eq!(left_out(&scanned.found).len(), 4);
    assert!(place.listing(scanned.tree).contains("\tfifo"));
}

#[test]
fn a_large_file_is_kept_only_if_the_user_has_it_already() {
    let mut place = Place::new();
    place.limits = Limits { file: 100, ..Limits::default() };
    place.write(b"large", &[b'a'; 101]);
    place.write(b"small", &[b'a'; 100]);
    for _ in 0..2 {
        let scanned = place.scan(Clock::Later);
        assert_eq!(left_out(&scanned.found), [("large".to_owned(), Reason::TooLarge)]);
        assert!(!place.listing(scanned.tree).contains("large"));
    }
    place.dir.commit(1);
    place.base_tree = Some(place.dir.id("HEAD^{tree}"));
    place.check(Clock::Later, "the user has it");
    assert!(place.scan(Clock::Later).found.skipped.is_empty());
    place.write(b"large", &[b'b'; 101]);
    for _ in 0..2 {
        let scanned = place.scan(Clock::Later);
        assert_eq!(left_out(&scanned.found), [("large".to_owned(), Reason::TooLarge)]);
    }
}

#[test]
fn a_large_file_that_only_head_has_is_kept_and_the_base_is_called_for() {
    let mut place = Place::new();
    place.limits = Limits { file: 100, ..Limits::default() };
    place.write(b"small", b"a");
    place.dir.commit(1);
    place.base_tree = Some(place.dir.id("HEAD^{tree}"));
    place.write(b"large", &[b'a'; 101]);
    let found = place.scan(Clock::Later).found;
    assert_eq!((left_out(&found), found.leans), (vec![("large".to_owned(), Reason::TooLarge)], false));
    place.dir.commit(2);
    place.head_tree = Some(place.dir.id("HEAD^{tree}"));
    let scanned = place.scan(Clock::Later);
    assert!(scanned.found.leans && scanned.found.skipped.is_empty(), "{:?}", scanned.found);
    assert_eq!(scanned.tree, place.dir.id("HEAD^{tree}"));
    place.write(b"large", &[b'b'; 101]);
    let found = place.scan(Clock::Later).found;
    assert_eq!((left_out(&found), found.leans), (vec![("large".to_owned(), Reason::TooLarge)], false));
    place.write(b"large", &[b'a'; 101]);
    place.base_tree = place.head_tree;
    assert!(!place.scan(Clock::Later).found.leans, "the base has it as well");
}

#[test]
fn a_full_checkpoint_leaves_the_rest_for_the_next() {
    let mut place = Place::new();
    let bytes: Vec<u8> = (0..2000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
    for at in 0..4u8 {
        let mut bytes = bytes.clone();
        bytes[0] = at;
        place.write(&[b'a' + at], &bytes);
    }
    place.limits = Limits { checkpoint: 20_000, ..Limits::default() };
    for left in [2, 0] {
        let scanned = place.scan(Clock::Later);
        assert_eq!(scanned.found.skipped.len(), left);
        assert!(scanned.found.skipped.iter().all(|skip| skip.reason == Reason::CheckpointFull));
    }
    assert_eq!(place.scan(Clock::Later).tree, place.oracle());
}

#[test]
fn what_cannot_be_read_is_left_out_until_it_can() {
    if rustix::process::geteuid().is_root() {
        // Root reads everything.
        return;
    }
    let mut place = Place::new();
    place.write(b"f", b"x");
    place.write(b"d/g", b"y");
    place.scan(Clock::Later);
    place.chmod(b"f", 0);
    place.chmod(b"d", 0);
    let found = place.scan(Clock::Later).found;
    place.chmod(b"f", 0o644);
    place.chmod(b"d", 0o755);
    assert!(left_out(&found).contains(&("f".to_owned(), Reason::Unreadable)));
    assert!(left_out(&found).contains(&("d".to_owned(), Reason::Unreadable)));
    place.check(Clock::Later, "readable again");
}

#[test]
fn what_the_base_has_is_not_written_again() {
    let mut place = Place::new();
    place.write(b"a", b"one");
    place.write(b"d/b", b"two");
    place.dir.commit(1);
    place.base_tree = Some(place.dir.id("HEAD^{tree}"));
    place.write(b"d/c", b"two");
    let oid = place.kind.hash(ObjectKind::Blob, b"two").unwrap();
    let found = place.with_ground(|ground| {
        let mut pack = super::Pack::new(place.kind);
        let found = super::full(ground, Table::default(), &mut pack).unwrap();
        assert!(pack.has(oid), "the same bytes at another path are written");
        assert!(!pack.has(place.kind.hash(ObjectKind::Blob, b"one").unwrap()));
        found
    });
    assert_eq!(found.edits.len(), 3);
}

#[test]
fn a_scan_without_changes_finds_none_and_writes_nothing() {
    let mut place = Place::new();
    for at in 0..50 {
        place.write(format!("d{}/f{at}", at % 7).as_bytes(), b"x");
    }
    place.write(b"build/.gitignore", b"*\n");
    place.scan(Clock::Later);
    let (main, log) = (place.main.clone(), place.log.clone());
    let found = place.scan(Clock::Later).found;
    assert_eq!((found.edits.len(), found.complete), (0, true));
    assert_eq!((&place.main, &place.log), (&main, &log));
}

#[test]
fn edited_paths_bear_their_times() {
    let mut place = Place::new();
    place.write(b"d/e/f", b"x");
    place.write(b"g", b"x");
    place.scan(Clock::Real);
    place.write(b"g", b"y");
    place.remove(b"d/e");
    let found = place.scan(Clock::Real).found;
    let micros = |name: &[u8]| {
        use std::os::unix::fs::MetadataExt;
        let meta = std::fs::metadata(place.path(name)).unwrap();
        meta.ctime() * 1_000_000 + meta.ctime_nsec() / 1_000
    };
    assert_eq!(found.times[&b"g"[..]].ctime.0, micros(b"g"));
    assert_eq!(found.times[&b"d/e/f"[..]].ctime.0, micros(b"d"));
}

#[test]
fn a_deadline_loses_nothing_but_time() {
    let mut place = Place::new();
    for at in 0..300 {
        place.write(format!("d{}/f{at}", at % 7).as_bytes(), format!("{at}").as_bytes());
    }
    for step in 0..40u64 {
        let table = place.table();
        let (found, pack) = place.with_ground(|ground| {
            let mut pack = super::Pack::new(place.kind);
            let deadline = Instant::now() + std::time::Duration::from_micros(step * 300);
            let ground = super::Ground { deadline: Some(deadline), ..ground.clone() };
            let start = super::now() + 3_600_000_000_000;
            (super::full_at(&ground, table, &mut pack, start).unwrap(), pack)
        });
        let mut scanned = place.with_ground(|ground| place.apply(ground, found, pack));
        let update = std::mem::take(&mut scanned.found.update);
        place.keep(update.into_write(Some(scanned.tree)));
    }
    place.check(Clock::Later, "after many that were cut short");
    assert_eq!(place.scan(Clock::Later).found.edits.len(), 0);
}

#[test]
fn secrets_are_left_out_unless_they_are_tracked() {
    let mut place = Place::new();
    // A token as its provider makes them, of no account.
    let token = format!("token = \"ghp_{}\"\n", "16C7e42F292c6912E7710c838347Ae178B4a");
    assert!(crate::model::redact::secret_content(token.as_bytes()));
    place.write(b".env", b"A=1");
    place.write(b"d/notes", token.as_bytes());
    place.write(b"plain", b"nothing");
    let named = (".env".to_owned(), Reason::SecretName);
    let held = ("d/notes".to_owned(), Reason::SecretContent);
    for clock in [Clock::Later, Clock::Later, Clock::Real, Clock::Real] {
        let scanned = place.scan(clock);
        assert_eq!(left_out(&scanned.found), [named.clone(), held.clone()]);
        assert!(place.listing(scanned.tree).ends_with("\tplain"));
        let known = place.scan_known(Some(scanned.tree), &[b".env", b"d/notes"]);
        assert_eq!(left_out(&known.found), [named.clone(), held.clone()]);
        assert_eq!(known.tree, scanned.tree);
    }
    place.dir.git(&["add", ".env", "d/notes"]);
    for clock in [Clock::Later, Clock::Later, Clock::Real] {
        place.check(clock, "tracked");
        assert!(place.scan(clock).found.skipped.is_empty());
    }
    place.write(b"d/notes", [token.as_bytes(), b"more"].concat().as_slice());
    place.check(Clock::Later, "tracked and changed");
    let tip = place.oracle();
    assert_eq!(place.scan_known(Some(tip), &[b".env", b"d/notes"]).tree, tip);
    place.dir.git(&["rm", "-q", "-f", "--cached", ".env", "d/notes"]);
    place.tick();
    for clock in [Clock::Later, Clock::Later, Clock::Real] {
        let scanned = place.scan(clock);
        assert_eq!(left_out(&scanned.found), [named.clone(), held.clone()]);
        assert!(place.listing(scanned.tree).ends_with("\tplain"));
    }
    place.write(b"plain", token.as_bytes());
    assert_eq!(place.scan(Clock::Later).found.skipped.len(), 3);
    place.write(b"plain", b"nothing");
    assert_eq!(left_out(&place.scan(Clock::Later).found), [named, held]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_right_in_the_end() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let mut place = Place::new();
    let (path, stop) = (place.path(b"busy"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                std::fs::write(&path, vec![b'a' + round % 26; 300_000 + usize::from(round)]).unwrap();
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..20 {
            let scanned = place.scan(Clock::Real);
            assert!(scanned.found.complete);
            let unstable = scanned.found.unstable;
            assert!(unstable.is_empty() || unstable == [crate::model::text::Text::from("busy")]);
        }
        stop.store(true, Ordering::Relaxed);
    });
    place.check(Clock::Real, "the writer has stopped");
}

#[test]
fn directories_that_become_links_lead_nowhere() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let mut place = Place::new();
    let outside = crate::git::sandbox::Dir::new();
    std::fs::write(outside.path().join("f"), "not ours").unwrap();
    place.write(b"d/f", b"ours");
    std::os::unix::fs::symlink(outside.path(), place.path(b"link")).unwrap();
    let stop = AtomicBool::new(false);
    let (dir, link, spare) = (place.path(b"d"), place.path(b"link"), place.path(b".git/spare"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for (from, to) in [(&dir, &spare), (&link, &dir), (&dir, &link), (&spare, &dir)] {
                    std::fs::rename(from, to).unwrap();
                }
            }
        });
        for _ in 0..200 {
            let scanned = place.scan(Clock::Real);
            assert!(!place.listing(scanned.tree).contains("\tlink/f"));
            let secret = place.kind.hash(ObjectKind::Blob, b"not ours").unwrap();
            assert!(!place.dir.store().holds(secret), "nothing outside is read");
        }
        stop.store(true, Ordering::Relaxed);
    });
    place.check(Clock::Real, "the renaming has stopped");
}
