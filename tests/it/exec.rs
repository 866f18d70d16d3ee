//! A command in the files of a checkpoint: they are exactly those, nothing of it touches the worktree,
//! and nothing is left behind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use crate::place::{Place, Ran, TRACE, finish};
use crate::sandbox::Sandbox;
use crate::story::Story;

/// What stands below a directory: of each path its kind and mode, and its bytes or its target.
type Listing = BTreeMap<PathBuf, (u32, Vec<u8>)>;

/// Everything below `dir` but what lies in a directory called `leave_out`.
pub fn listing(dir: &Path, leave_out: &str) -> Listing {
    let mut all = Listing::new();
    list(dir, dir, leave_out, &mut all);
    all
}

fn list(top: &Path, dir: &Path, leave_out: &str, into: &mut Listing) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(leave_out) {
            continue;
        }
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = match meta.file_type() {
            kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_vec(),
            kind if kind.is_file() => fs::read(&path).unwrap(),
            _ => Vec::new(),
        };
        into.insert(path.strip_prefix(top).unwrap().to_owned(), (meta.permissions().mode(), content));
        if meta.is_dir() {
            list(top, &path, leave_out, into);
        }
    }
}

/// Fails if something is left where temporary files go.
pub fn nothing_is_left(sandbox: &Sandbox) {
    let left: Vec<_> = fs::read_dir(sandbox.root().join("tmp")).unwrap().map(Result::unwrap).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

fn exec(place: &Place, selector: &str, words: &[&str]) -> Ran {
    place.trace(&[&["exec", selector, "--"], words].concat())
}

fn shell(place: &Place, selector: &str, script: &str) -> Ran {
    exec(place, selector, &["sh", "-c", script])
}

/// The mode, the name, and the id of what it names.
type Entry<'a> = (&'a str, &'a [u8], &'a str);

/// A tree of these entries. git itself would refuse some.
fn tree(place: &Place, entries: &[Entry]) -> String {
    let byte = |id: &str, at: usize| u8::from_str_radix(&id[at..at + 2], 16).unwrap();
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend([mode.as_bytes(), b" ", name, b"\0"].concat());
        bytes.extend((0..id.len()).step_by(2).map(|at| byte(id, at)));
    }
    object(place, "tree", &bytes)
}

fn object(place: &Place, kind: &str, bytes: &[u8]) -> String {
    let id = place.store_bytes(&["hash-object", "-t", kind, "--literally", "-w", "--stdin"], bytes);
    String::from_utf8(id).unwrap().trim().to_owned()
}

/// A commit of a tree in the store, as a selector.
fn commit(place: &Place, tree: &str) -> String {
    place.store_git(&["commit-tree", "-m", "by hand", tree])
}

#[test]
fn the_files_are_exactly_those_of_the_checkpoint() {
    let sandbox = Sandbox::enabled();
    sandbox.write("bytes", (0..=255).collect::<Vec<u8>>());
    sandbox.write("empty", "");
    sandbox.write("run me.sh", "#!/bin/sh\n");
    fs::set_permissions(sandbox.dir.join("run me.sh"), PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(sandbox.dir.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "latin").unwrap();
    symlink("a", sandbox.dir.join("src/link")).unwrap();
    symlink("/nowhere/at/all", sandbox.dir.join("dangling")).unwrap();
    symlink("src", sandbox.dir.join("to-a-directory")).unwrap();
    let then = listing(&sandbox.dir, ".git");
    let id = sandbox.checkpoint();
    for name in ["bytes", "src/a", "src/deep/b", "dangling"] {
        fs::remove_file(sandbox.dir.join(name)).unwrap();
    }
    sandbox.write("later", "later");
    sandbox.checkpoint();
    let out = sandbox.root().join("out");
    for selector in [&id[..], "@-2"] {
        exec(&sandbox, selector, &["cp", "-a", ".", out.to_str().unwrap()]).good("exec cp");
        assert_eq!(listing(&out, ".git"), then);
        fs::remove_dir_all(&out).unwrap();
    }
    exec(&sandbox, "HEAD", &["ls", "-A"]).good("exec ls");
    assert_eq!(exec(&sandbox, "v1^", &["ls"]).code, 1);
    assert_eq!(exec(&sandbox, "topic", &["ls", "-A"]).stdout, ".gitignore\nREADME\nsrc\n");
    nothing_is_left(&sandbox);
}

#[test]
fn whatever_the_command_does_the_worktree_stays_and_nothing_is_recorded() {
    let sandbox = Sandbox::enabled();
    sandbox.write("src/a", "kept\n");
    sandbox.checkpoint();
    sandbox.write("src/a", "not yet kept\n");
    let before = listing(&sandbox.dir, "locks");
    let script = "rm -rf src README; echo x > new; chmod 500 .; git add -A; git status; git reset --hard
        git-trace hook generic < /dev/null; trace checkpoint; trace run -- true; mkdir -p a/b; chmod 0 a/b a";
    let by_env = sandbox.with("GIT_DIR", sandbox.dir.join(".git")).with("GIT_WORK_TREE", &sandbox.dir);
    for place in [&*sandbox, &by_env] {
        let ran = shell(place, "@-1", &format!("{script}; true"));
        ran.good("exec");
        assert_eq!(listing(&sandbox.dir, "locks"), before);
        nothing_is_left(&sandbox);
    }
    let told = shell(&by_env, "@-1", "env").good("env");
    let id = Story::of(&sandbox).chain.pop().unwrap();
    for line in [&format!("TRACE_CHECKPOINT={id}")[..], "TRACE_OFF=1"] {
        assert!(told.lines().any(|told| told == line), "{line} is not in {told}");
    }
    let of_git: Vec<_> = told.lines().filter(|line| line.starts_with("GIT_")).collect();
    assert!(matches!(of_git[..], [one] if one.starts_with("GIT_CEILING_DIRECTORIES=")), "{of_git:?}");
}

#[test]
fn the_exit_code_is_the_commands_own_and_nothing_is_left_behind() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    for (words, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "exit 255"], 255),
        (&["sh", "-c", "kill -9 $$"], 137),
        (&["sh", "-c", "mkdir -p x/y; touch x/y/z; chmod 500 x/y x .; exit 3"], 3),
        (&["no-such-program"], 127),
        (&["./README"], 127),
    ] {
        let ran = exec(&sandbox, "@-1", words);
        assert_eq!(ran.code, code, "{words:?}: {ran:?}");
        nothing_is_left(&sandbox);
    }
    let mut command = sandbox.command(TRACE);
    let ran = finish(command.args(["exec", "@-1", "--", "cat", "-", "README"]), b"from stdin\n");
    assert_eq!(ran.good("cat"), "from stdin\nread me");
    for (args, code) in [
        (&["exec", "@-1"][..], 2),
        (&["exec", "@-1", "true"], 2),
        (&["exec", "@", "--", "true"], 2),
        (&["exec", "@-99", "--", "true"], 1),
        (&["exec", "@-x", "--", "true"], 2),
    ] {
        assert_eq!(sandbox.trace(args).code, code, "{args:?}");
    }
    assert!(exec(&sandbox, "@", &["true"]).stderr.contains("trace checkpoint"), "it says what to do");
}

#[test]
fn ctrl_c_ends_the_command_and_takes_its_directory_away() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let mut command = sandbox.command(TRACE);
    // To the whole group, as a terminal does.
    command.args(["exec", "@-1", "--", "sh", "-c", "kill -INT 0; exit 130"]).process_group(0);
    assert_eq!(finish(&mut command, b"").code, 130);
    nothing_is_left(&sandbox);
}

#[test]
fn it_runs_where_the_caller_stands_but_never_through_a_link() {
    let sandbox = Sandbox::enabled();
    sandbox.write("away/inside", "");
    symlink(sandbox.dir.join("away"), sandbox.dir.join("moved")).unwrap();
    let id = sandbox.checkpoint();
    fs::remove_file(sandbox.dir.join("moved")).unwrap();
    for dir in ["moved", "new", "out/ignored"] {
        sandbox.write(&format!("{dir}/file"), "");
    }
    for (dir, ends) in [
        ("", "worktree"),
        ("src/deep", "worktree/src/deep"),
        ("moved", "worktree"),
        ("new", "worktree"),
        ("out/ignored", "worktree"),
    ] {
        let told = shell(&sandbox.cd(dir), &id, "pwd -P; test $PWD = $(pwd -P)").good(dir);
        assert!(
            told.ends_with(ends) && told.starts_with(sandbox.root().join("tmp").to_str().unwrap()),
            "{told}"
        );
    }
}

#[test]
fn a_hostile_tree_is_refused_and_nothing_is_written() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let blob = &object(&sandbox, "blob", b"pwned\n");
    let target = sandbox.root().join("home");
    let absolute = target.join("pwned");
    let link = &object(&sandbox, "blob", target.as_os_str().as_bytes());
    let dir = &tree(&sandbox, &[("100644", b"pwned", blob)]);
    let nested = |name: &[u8]| tree(&sandbox, &[("40000", name, dir)]);
    let (up, git) = (&nested(b".."), &nested(b".git"));
    let twice_up = &tree(&sandbox, &[("40000", b"..", up)]);
    let cases: [(&str, &[Entry]); 9] = [
        ("a link, then a path through it", &[("120000", b"a", link), ("40000", b"a", dir)]),
        ("the same the other way round", &[("40000", b"a", dir), ("120000", b"a", link)]),
        ("a file and a directory", &[("100644", b"a", blob), ("40000", b"a", dir)]),
        ("a directory above", &[("100644", b"fine", blob), ("40000", b"..", dir)]),
        ("two directories above", &[("40000", b"x", twice_up)]),
        ("a git directory", &[("100644", b"fine", blob), ("40000", b"sub", git)]),
        ("a separator in a name", &[("100644", b"../../pwned", blob)]),
        ("an absolute path", &[("100644", absolute.as_os_str().as_bytes(), blob)]),
        ("a device", &[("20666", b"null", blob)]),
    ];
    let commits: Vec<_> =
        cases.iter().map(|(what, entries)| (*what, commit(&sandbox, &tree(&sandbox, entries)))).collect();
    let before = listing(sandbox.root(), "locks");
    for (what, id) in commits {
        let ran = shell(&sandbox, &id, "echo it ran");
        assert!(ran.code == 1 && ran.stdout.is_empty(), "{what}: {ran:?}");
        assert!(ran.stderr.contains("refused"), "{what}: {ran:?}");
        assert_eq!(listing(sandbox.root(), "locks"), before, "{what}");
    }
}

#[test]
fn a_nested_repository_is_an_empty_directory_and_what_is_missing_is_named() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    let blob = object(&sandbox, "blob", b"x");
    let absent = "0123456789".repeat(4);
    let with_nested = tree(&sandbox, &[("160000", b"nested", &absent), ("100755", b"x", &blob)]);
    let told = shell(&sandbox, &commit(&sandbox, &with_nested), "ls nested x").good("ls");
    assert_eq!(told, "x\n\nnested:");
    let lacking = tree(&sandbox, &[("100644", b"gone.txt", &absent), ("100644", b"x", &blob)]);
    let ran = shell(&sandbox, &commit(&sandbox, &lacking), "true");
    assert!(ran.code == 5 && ran.stderr.contains("\"gone.txt\""), "{ran:?}");
    nothing_is_left(&sandbox);
}

#[test]
fn a_temporary_directory_in_the_worktree_is_refused() {
    let sandbox = Sandbox::enabled();
    sandbox.checkpoint();
    fs::create_dir(sandbox.dir.join("out")).unwrap();
    let ran = shell(&sandbox.with("TMPDIR", sandbox.dir.join("out")), "@-1", "true");
    assert!(ran.code == 1 && ran.stderr.contains("TMPDIR"), "{ran:?}");
    assert_eq!(fs::read_dir(sandbox.dir.join("out")).unwrap().count(), 0);
}
