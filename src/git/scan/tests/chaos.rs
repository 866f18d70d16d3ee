//! Anything in any order: git and we see the same.

use super::{Clock, Place};
use proptest::prelude::*;

/// What somebody does to a worktree.
#[derive(Clone, Debug)]
enum Deed {
    Write(Vec<u8>, u8),
    Remove(Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Link(Vec<u8>, Vec<u8>),
    Chmod(Vec<u8>, bool),
    Rules(Vec<u8>, Vec<usize>),
    Exclude(usize),
    Add(Vec<u8>),
    Forget(Vec<u8>),
    Skip(Vec<u8>, bool),
    Nest(Vec<u8>),
    Look,
}

const PATTERNS: [&str; 14] = [
    "*.o",
    "!a.o",
    "/d",
    "d/",
    "e/f",
    "*",
    "!.gitignore",
    "!d",
    "**/e",
    "d/**",
    "[ab]*",
    "!*.o",
    "?",
    "\\!x",
];

fn name() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![&b"a.o"[..], b"b", b"d", b"e", b"f", b"\xff"]);
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join(&b'/'))
}

fn dir() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![b"".to_vec(), b"d".to_vec(), b"e".to_vec(), b"d/e".to_vec()])
}

fn deed() -> impl Strategy<Value = Deed> {
    let rules = prop::collection::vec(0..PATTERNS.len(), 0..4);
    prop_oneof![
        8 => (name(), 0..4u8).prop_map(|(name, text)| Deed::Write(name, text)),
        4 => name().prop_map(Deed::Remove),
        4 => (name(), name()).prop_map(|(from, to)| Deed::Rename(from, to)),
        2 => (name(), name()).prop_map(|(name, to)| Deed::Link(name, to)),
        1 => (name(), any::<bool>()).prop_map(|(name, on)| Deed::Chmod(name, on)),
        4 => (dir(), rules).prop_map(|(dir, rules)| Deed::Rules(dir, rules)),
        1 => (0..PATTERNS.len()).prop_map(Deed::Exclude),
        3 => name().prop_map(Deed::Add),
        2 => name().prop_map(Deed::Forget),
        3 => (name(), any::<bool>()).prop_map(|(name, on)| Deed::Skip(name, on)),
        1 => name().prop_map(Deed::Nest),
        6 => Just(Deed::Look),
    ]
}

fn perform(place: &Place, deed: &Deed) {
    let git = |args: &[&std::ffi::OsStr]| {
        let mut git = std::process::Command::new("git");
        git.current_dir(place.dir.path()).args(args);
        git.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let _it_may_refuse = git.status();
    };
    let os = |name: &[u8]| std::os::unix::ffi::OsStringExt::from_vec(name.to_vec());
    match deed {
        Deed::Write(name, text) => place.write(name, &[*text]),
        Deed::Remove(name) => place.remove(name),
        Deed::Rename(from, to) => place.rename(from, to),
        Deed::Link(name, to) => place.link(name, to),
        Deed::Chmod(name, on) => {
            if !place.path(name).is_dir() {
                place.chmod(name, if *on { 0o755 } else { 0o644 });
            }
        }
        Deed::Rules(dir, rules) => {
            let lines: Vec<&str> = rules.iter().map(|at| PATTERNS[*at]).collect();
            let file = [&dir[..], b"/.gitignore"].concat();
            place.write(file.strip_prefix(b"/").unwrap_or(&file), lines.join("\n").as_bytes());
        }
        Deed::Exclude(at) => place.write(b".git/info/exclude", PATTERNS[*at].as_bytes()),
        Deed::Add(name) => {
            let name: std::ffi::OsString = os(name);
            git(&["add".as_ref(), "-f".as_ref(), "--".as_ref(), &name]);
        }
        Deed::Forget(name) => {
            let name: std::ffi::OsString = os(name);
            git(&["rm", "-r", "-q", "-f", "--cached", "--"]
                .map(AsRef::as_ref)
                .iter()
                .copied()
                .chain([name.as_os_str()])
                .collect::<Vec<_>>());
        }
        Deed::Skip(name, on) => {
            // Everything tracked at or below the name, so that it is not all in vain.
            let bit = if *on { "--skip-worktree" } else { "--no-skip-worktree" };
            let script = format!("git ls-files -z -- \"$1\" | git update-index {bit} -z --stdin");
            let mut shell = std::process::Command::new("sh");
            let name: std::ffi::OsString = os(name);
            shell.current_dir(place.dir.path()).args(["-c", &script, "sh"]).arg(name);
            let _it_may_refuse = shell.stderr(std::process::Stdio::null()).status();
        }
        Deed::Nest(name) => {
            if std::str::from_utf8(name).is_ok() {
                place.nest(name);
            }
        }
        Deed::Look => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_git_and_we_see_the_same_tree(
        deeds in prop::collection::vec(deed(), 1..40),
        later in any::<bool>(),
    ) {
        let mut place = Place::new();
        // Else git takes no notice of a file that came though it is not to be checked out.
        place.dir.git(&["config", "core.sparseCheckout", "true"]);
        place.write(b".git/info/sparse-checkout", b"/*\n");
        let clock = if later { Clock::Later } else { Clock::Real };
        for deed in deeds.iter().chain([&Deed::Look]) {
            perform(&place, deed);
            if matches!(deed, Deed::Look) {
                place.tick();
                place.check(clock, "chaos");
            }
        }
    }
}
