//! Any tree, any changes: restore is exactly the first, undo exactly the second, redo the first
//! again; and what no checkpoint holds survives every step.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::picture::{Picture, Thing};
use crate::place::Place;
use crate::sandbox::{Sandbox, full};

/// One thing that somebody does to the files. Numbers choose among a few names and texts.
#[derive(Clone, Debug)]
enum Deed {
    Write {
        at: Vec<u8>,
        text: u8,
    },
    Delete {
        at: Vec<u8>,
    },
    Mode {
        at: Vec<u8>,
        executable: bool,
    },
    Link {
        at: Vec<u8>,
        to: Vec<u8>,
    },
    Dir {
        at: Vec<u8>,
    },
    Rename {
        from: Vec<u8>,
        to: Vec<u8>,
    },
    /// What no checkpoint holds.
    Ignored {
        at: Vec<u8>,
    },
    Fifo {
        at: Vec<u8>,
    },
    Huge {
        at: Vec<u8>,
    },
}

const NAMES: [&str; 4] = ["a", "b", "c d", "\u{e9}"];
const TEXTS: [&[u8]; 5] = [b"", b"one\n", b"two\r\n\0", b"#!/bin/sh\n", &[0xff; 700]];
/// Larger files are taken in by nobody.
const CAP: &str = "1k";

fn path() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..NAMES.len() as u8, 1..4)
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (path(), 0..TEXTS.len() as u8).prop_map(|(at, text)| Deed::Write { at, text }),
        3 => path().prop_map(|at| Deed::Delete { at }),
        2 => (path(), any::<bool>()).prop_map(|(at, executable)| Deed::Mode { at, executable }),
        2 => (path(), path()).prop_map(|(at, to)| Deed::Link { at, to }),
        1 => path().prop_map(|at| Deed::Dir { at }),
        2 => (path(), path()).prop_map(|(from, to)| Deed::Rename { from, to }),
        1 => path().prop_map(|at| Deed::Ignored { at }),
        1 => path().prop_map(|at| Deed::Fifo { at }),
        1 => path().prop_map(|at| Deed::Huge { at }),
    ]
}

fn join(names: &[u8]) -> PathBuf {
    names.iter().map(|name| NAMES[usize::from(*name)]).collect()
}

/// True for what no checkpoint holds.
fn is_loose(path: &Path, thing: &Thing) -> bool {
    match thing {
        Thing::Fifo => true,
        Thing::File(_, bytes) => bytes.len() > 1024 || path.extension().is_some_and(|end| end == "ign"),
        _ => false,
    }
}

/// What no checkpoint holds, and what one could: directories are held by what is in them.
fn sorted(place: &Place) -> (Picture, Picture) {
    let all = Picture::of(place).0.into_iter().filter(|(_, thing)| !matches!(thing, Thing::Dir(_)));
    let (loose, held) = all.partition(|(path, thing)| is_loose(path, thing));
    (Picture(loose), Picture(held))
}

/// Does it, if it can be done without touching what no checkpoint holds.
fn act(place: &Place, deed: &Deed) {
    let top = &place.dir;
    let loose = sorted(place).0;
    let keeps = |path: &Path| !loose.0.keys().any(|loose| loose.starts_with(path) || path.starts_with(loose));
    let clear = |path: &Path| {
        if !keeps(path) {
            return false;
        }
        let full = top.join(path);
        let gone = match fs::symlink_metadata(&full) {
            Ok(about) if about.is_dir() => fs::remove_dir_all(&full),
            Ok(_) => fs::remove_file(&full),
            Err(_) => Ok(()),
        };
        // A file may stand where its directory is to be; then it goes first.
        let above = path.parent().unwrap_or(Path::new(""));
        for above in above.ancestors().filter(|above| !above.as_os_str().is_empty()) {
            if fs::symlink_metadata(top.join(above)).is_ok_and(|about| !about.is_dir()) {
                fs::remove_file(top.join(above)).unwrap();
            }
        }
        gone.is_ok() && fs::create_dir_all(top.join(above)).is_ok()
    };
    let at = |names: &[u8]| (join(names), top.join(join(names)));
    match deed {
        Deed::Write { at: names, text } => {
            let (path, full) = at(names);
            if clear(&path) {
                fs::write(full, TEXTS[usize::from(*text)]).unwrap();
            }
        }
        Deed::Delete { at: names } => drop(clear(&at(names).0)),
        Deed::Mode { at: names, executable } => {
            let (path, full) = at(names);
            if keeps(&path) && fs::symlink_metadata(&full).is_ok_and(|about| about.is_file()) {
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(full, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        Deed::Link { at: names, to } => {
            let (path, full) = at(names);
            if clear(&path) {
                symlink(join(to), full).unwrap();
            }
        }
        Deed::Dir { at: names } => {
            let (path, full) = at(names);
            if clear(&path) {
                fs::create_dir(full).unwrap();
            }
        }
        Deed::Rename { from, to } => {
            let ((from, _), (to, full)) = (at(from), at(to));
            // Into what is moved nothing can be moved.
            let apart = !from.starts_with(&to) && !to.starts_with(&from);
            let there = fs::symlink_metadata(top.join(&from)).is_ok();
            if apart && there && keeps(&from) && clear(&to) {
                // Making room may have taken away what was to be moved.
                let _ = fs::rename(top.join(&from), full);
            }
        }
        Deed::Ignored { at: names } => {
            let path = at(names).0.with_extension("ign");
            if clear(&path) {
                fs::write(top.join(path), "ignored\n").unwrap();
            }
        }
        Deed::Fifo { at: names } => {
            let (path, full) = at(names);
            if clear(&path) {
                place.run("mkfifo", &[full]).good("mkfifo");
            }
        }
        Deed::Huge { at: names } => {
            let (path, full) = at(names);
            if clear(&path) {
                fs::write(full, [7; 5000]).unwrap();
            }
        }
    }
}

/// What `restore`, `undo` or `redo` must make of the files: all of it, or nothing.
fn step(place: &Place, args: &[&str], wanted: &Picture) -> bool {
    let (loose, before) = sorted(place);
    let ran = place.trace(args);
    let (loose_now, now) = sorted(place);
    loose_now.is(&loose, &format!("{args:?} changed what no checkpoint holds: {ran:?}"));
    match ran.code {
        0 => now.is(wanted, &format!("after {args:?}: {ran:?}")),
        3 => now.is(&before, &format!("{args:?} was refused: {ran:?}")),
        _ => panic!("{args:?}: {ran:?}"),
    }
    ran.code == 0
}

fn there_and_back(tree: &[Deed], changes: &[Deed]) {
    let sandbox = Sandbox::empty();
    sandbox.git(&["init", "-q"]);
    sandbox.write(".gitignore", "*.ign\n");
    tree.iter().for_each(|deed| act(&sandbox, deed));
    // From the first look on: what is too large now must not have been small enough before.
    let place = sandbox.with("TRACE_FILE_CAP", CAP);
    place.enable();
    let id = place.checkpoint();
    let first = sorted(&place).1;
    changes.iter().for_each(|deed| act(&place, deed));
    place.checkpoint();
    let second = sorted(&place).1;
    if step(&place, &["restore", &id, "--yes"], &first) && first != second {
        assert!(step(&place, &["undo"], &second), "undo was refused");
        assert!(step(&place, &["redo"], &first), "redo was refused");
    }
}

#[test]
fn any_change_of_any_tree_can_be_taken_back_and_put_forward_again() {
    let cases = if full() { 1000 } else { 25 };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let deeds = |most| prop::collection::vec(deed(), 0..most);
    TestRunner::new(config)
        .run(&(deeds(14), deeds(12)), |(tree, changes)| {
            there_and_back(&tree, &changes);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
