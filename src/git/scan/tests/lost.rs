//! The table may be cut, spoilt or lost: a scan finds the same tree.

use super::{Clock, Place};
use crate::git::table::Table;

/// A place with a main table and a log of three batches, and files that differ from both.
fn worn() -> Place {
    let mut place = Place::new();
    for name in [&b"a"[..], b"d/b", b"d/c", b"e/f"] {
        place.write(name, name);
    }
    place.scan(Clock::Later);
    for step in 0..3u8 {
        place.write(b"a", &[step]);
        place.write(&[b'n', b'0' + step], b"new");
        if step == 1 {
            place.remove(b"e");
        }
        place.scan(Clock::Later);
    }
    place.write(b"d/b", b"after all");
    place.tick();
    place
}

#[test]
fn a_table_cut_or_changed_at_any_byte_costs_only_time() {
    let place = worn();
    let expected = place.oracle();
    let (main, log) = (place.main.clone().unwrap(), place.log.clone().unwrap());
    let tables = (0..main.len()).flat_map(|at| {
        let mut flipped = main.clone();
        flipped[at] ^= 1 << (at % 8);
        [(main[..at].to_vec(), log.clone()), (flipped, log.clone())]
    });
    let logs = (0..log.len()).flat_map(|at| {
        let mut flipped = log.clone();
        flipped[at] ^= 1 << (at % 8);
        [(main.clone(), log[..at].to_vec()), (main.clone(), flipped)]
    });
    let mut trees = std::collections::HashMap::new();
    for (main, log) in tables.chain(logs) {
        let table = Table::load(Some(main), Some(log));
        // Most ends of the log leave the same table: looking at each tree and count once is enough.
        let seen = trees.entry((table.tree(), table.slots())).or_insert(0);
        *seen += 1;
        if *seen < 4 {
            assert_eq!(place.scan_from(table, Clock::Later).tree, expected);
        }
    }
    assert!(trees.len() >= 4, "each batch of the log, and none: {}", trees.len());
}

#[test]
fn a_log_that_belongs_to_another_table_does_not_count() {
    let (place, other) = (worn(), worn());
    let bare = Table::load(place.main.clone(), None).tree();
    assert_ne!(place.table().tree(), bare);
    // The very same trees in both, and yet another table.
    assert_eq!(place.table().tree(), other.table().tree());
    assert_eq!(Table::load(place.main.clone(), other.log).tree(), bare);
}

#[test]
fn a_spoilt_log_is_folded_by_the_next_scan() {
    let mut place = worn();
    place.log.as_mut().unwrap().extend(b"garbage");
    place.scan(Clock::Later);
    assert_eq!(place.log, None);
    place.check(Clock::Later, "folded");
    place.write(b"more", b"x");
    place.scan(Clock::Later);
    assert!(place.log.is_some(), "and the next one is appended again");
}

#[test]
fn a_long_log_is_folded() {
    let mut place = Place::new();
    place.scan(Clock::Later);
    for round in 0..4u8 {
        for at in 0..1500 {
            std::fs::write(place.path(format!("{at:0200}").as_bytes()), [round]).unwrap();
        }
        place.tick();
        place.scan(Clock::Later);
        let len = place.log.as_ref().map_or(0, Vec::len);
        assert!(len <= (32 << 10).max(place.main.as_ref().unwrap().len() / 8), "{len}");
    }
    place.check(Clock::Later, "folded more than once");
}

#[test]
fn an_update_that_was_never_written_is_found_again() {
    let mut place = worn();
    let first = place.scan_from(place.table(), Clock::Later);
    let second = place.scan(Clock::Later);
    assert_eq!(first.tree, second.tree);
    assert_eq!(first.found.edits, second.found.edits);
}
