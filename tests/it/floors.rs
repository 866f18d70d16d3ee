//! The law of floors: a module uses only what lies below it, and each foreign crate lives in one
//! place. Read from the source, so that breaking the law is a red test and not a matter of taste.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first. Modules of one floor do not know each other.
const FLOORS: [&[&str]; 5] =
    [&["model"], &["wire", "disk", "git", "view"], &["store"], &["capture", "recall"], &["cli"]];

/// Where each foreign crate may be named.
const CRATES: [(&str, &[&str]); 11] = [
    ("gix", &["git/"]),
    ("fs4", &["disk/lock.rs"]),
    ("libc", &["disk/inherited.rs", "disk/lease.rs", "disk/order.rs"]),
    ("rand", &["disk/backoff.rs"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("serde_json", &["wire/", "view/json.rs", "view/json/"]),
    ("sha2", &["model/digest.rs"]),
    ("hmac_sha256", &["model/digest.rs"]),
    ("dlmalloc", &["lib.rs"]),
];

/// What no line of the program says, and where it may all the same.
const WORDS: [(&str, &[&str]); 9] = [
    (".unwrap()", &[]),
    ("todo!(", &[]),
    ("unimplemented!(", &[]),
    ("dbg!(", &[]),
    // A closed pipe and a full disk would panic in these.
    ("println!(", &[]),
    ("print!(", &[]),
    ("process::exit(", &["main.rs", "bin/", "cli/"]),
    ("unsafe {", &["bin/git-trace.rs", "disk/inherited.rs", "disk/lease.rs", "disk/order.rs"]),
    ("TODO", &[]),
];

/// One file of the program, without its comments and its unit tests.
struct Source {
    /// Below `src`, with `/`.
    path: String,
    lines: Vec<(usize, String)>,
    /// All of its lines that are not a unit test's.
    length: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    rust_files(&root, &mut paths);
    assert!(paths.len() > 10, "the sources are not where they were");
    let tests: Vec<_> = paths.iter().flat_map(|path| test_modules(path)).collect();
    // What lies below a test module is its own.
    paths.retain(|path| !tests.iter().any(|test| path == test || path.starts_with(test.with_extension(""))));
    paths.iter().map(|path| source(&root, path)).collect()
}

/// The files of the modules that `path` declares for tests alone.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(path).unwrap();
    let dir = match path.file_name().and_then(|name| name.to_str()) {
        Some("mod.rs" | "lib.rs" | "main.rs") => path.with_file_name(""),
        _ => path.with_extension(""),
    };
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| rest.split_once(';'));
    let name = |(line, _): (&str, &str)| line.split_once("mod ").map(|(_, name)| name.to_owned());
    declared
        .filter(|(line, _)| !line.contains(['\n', '{']))
        .filter_map(name)
        .map(|name| dir.join(name + ".rs"))
        .collect()
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.push(path);
        }
    }
}

fn source(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let own = &text[..tests];
    let lines = statements(own);
    let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
    Source { path, lines, length: own.lines().count() }
}

/// The lines with their numbers; a `use` that goes over several is one.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        let line = code(line);
        match all.last_mut().filter(|_| open) {
            Some((_, before)) => before.push_str(line.trim()),
            None => all.push((at + 1, line.to_owned())),
        }
        let begins = ["use ", "pub use ", "pub(crate) use "].iter().any(|word| line.starts_with(word));
        open = (open || begins) && !line.contains(';');
    }
    all
}

/// A line without its comment. A `//` within a string ends it too early, which harms nobody.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// The module that a file belongs to; `None` for the map and the two programs, which are above all.
fn module(path: &str) -> Option<&str> {
    path.split_once('/').map(|(module, _)| module).filter(|module| *module != "bin")
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The modules that a line of `path` names from the top, as `crate::x`, `crate::{x, y}` or through
/// as many `super::` as lead there.
fn named<'a>(path: &str, line: &'a str) -> Vec<&'a str> {
    let depth = path.trim_end_matches("/mod.rs").matches('/').count() + 1;
    let up = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", &up] {
        for (at, _) in line.match_indices(prefix).filter(|(at, _)| !goes_on(&line[..*at], ":$")) {
            let rest = &line[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group.split([',', '}', ';']).map(|part| word(part.trim()))),
                None => found.push(word(rest)),
            }
        }
    }
    found
}

/// True if a name that follows `before` is only the rest of a longer one.
fn goes_on(before: &str, also: &str) -> bool {
    before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || also.contains(c))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// True if `line` uses the crate `name`: as a path, or in a `use`.
fn uses(line: &str, name: &str) -> bool {
    line.match_indices(name).filter(|(at, _)| !goes_on(&line[..*at], ":")).any(|(at, _)| {
        let imported = ["use", "pub use"].contains(&line[..at].trim());
        let after = &line[at + name.len()..];
        after.starts_with("::") || (imported && after.starts_with([';', ' ']))
    })
}

fn allowed(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path == *place || (place.ends_with('/') && path.starts_with(place)))
}

/// Fails with every broken rule at once, each with its place.
fn none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[test]
fn a_module_uses_only_the_floors_below_its_own() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(own) = module(&source.path) else { continue };
        let Some(height) = floor(own) else {
            wrong.push(format!("{}: no floor is called {own}", source.path));
            continue;
        };
        for (at, line) in &source.lines {
            for other in named(&source.path, line).into_iter().filter(|other| *other != own) {
                if floor(other).is_some_and(|below| below >= height) {
                    wrong.push(format!("{}:{at}: {own} uses {other}", source.path));
                }
            }
        }
    }
    none("a module uses only the floors below its own", &wrong);
}

#[test]
fn each_foreign_crate_lives_in_one_place() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, places) in CRATES.iter().filter(|(_, places)| !allowed(&source.path, places)) {
            let lines = source.lines.iter().filter(|(_, line)| uses(line, name));
            wrong.extend(lines.map(|(at, _)| format!("{}:{at}: {name} lives in {places:?}", source.path)));
        }
    }
    none("each foreign crate lives in one place", &wrong);
}

#[test]
fn no_line_says_what_no_line_may_say() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (text, _) in WORDS.iter().filter(|(_, places)| !allowed(&source.path, places)) {
            let lines = source.lines.iter().filter(|(_, line)| says(line, text));
            wrong.extend(lines.map(|(at, _)| format!("{}:{at}: {text}", source.path)));
        }
    }
    none("words that the program does without", &wrong);
}

/// True if `text` is in `line` as a word of its own: `eprintln!` is not `println!`.
fn says(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| text.starts_with('.') || !goes_on(&line[..at], ""))
}

#[test]
fn a_file_says_what_it_is_for_and_stays_within_the_wall() {
    let mut wrong = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for source in sources() {
        if source.length > 400 {
            wrong.push(format!("{}: {} lines", source.path, source.length));
        }
        let text = fs::read_to_string(root.join(&source.path)).unwrap();
        if !text.starts_with("//!") && module(&source.path).is_some() {
            wrong.push(format!("{}: does not open with what it is for", source.path));
        }
    }
    none("files", &wrong);
}

#[test]
fn every_file_of_tests_is_in_the_list_of_mods() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let list = fs::read_to_string(dir.join("main.rs")).unwrap();
    let mut files = Vec::new();
    rust_files(&dir, &mut files);
    for file in files.iter().filter(|file| file.parent() == Some(&dir)) {
        let name = file.file_stem().unwrap().to_string_lossy();
        assert!(name == "main" || list.contains(&format!("mod {name};")), "{name}.rs is tested by nobody");
    }
}

#[test]
fn the_law_can_be_broken() {
    assert_eq!(named("git/odb.rs", "use crate::{model::oid::Oid, store};"), ["model", "store", "", ""]);
    assert_eq!(named("git/odb.rs", "    crate::disk::lock::x(crate::git::y)"), ["disk", "git"]);
    assert_eq!(named("git/odb.rs", "$crate::model and my_crate::git"), [""; 0]);
    assert_eq!(named("git/odb.rs", "use super::super::disk;"), ["disk"]);
    assert_eq!(named("git/odb.rs", "use super::disk;"), [""; 0]);
    assert_eq!(named("git/mod.rs", "use super::disk;"), ["disk"]);
    assert_eq!(
        statements("use crate::{\n    a,\n    b,\n};\nx"),
        [(1, "use crate::{a,b,};".into()), (5, "x".into())]
    );
    assert!(uses("use gix::ObjectId;", "gix") && uses("fn f(x: gix::Repository)", "gix"));
    assert!(!uses("use mygix::x; let gix = 1;", "gix") && !uses("gix_hash::x", "gix"));
    assert!(says("    println!(\"x\")", "println!(") && !says("eprintln!(\"x\")", "println!("));
    assert_eq!(
        (module("git/odb.rs"), module("lib.rs"), module("bin/git-trace.rs")),
        (Some("git"), None, None)
    );
}
