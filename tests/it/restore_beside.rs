//! Files are put back beside others who write to them: whatever anybody wrote is in the file, in a
//! checkpoint, or kept and named.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::picture::{Picture, set_mode};
use crate::place::{Place, TRACE, finish};
use crate::sandbox::{Sandbox, full, have, race, skipped};
use crate::undo::{agent_runs, furnished, puts_back};

/// How many write at once.
const WRITERS: usize = 8;

/// Every line of every version of a file below `dir` that a checkpoint, the worktree or our folder for
/// restores holds.
fn all_lines(place: &Place, dir: &str) -> HashSet<Vec<u8>> {
    let refs = place.store_git(&["for-each-ref", "--format=%(refname)"]);
    let refs: Vec<&str> = refs.lines().collect();
    let listed = place.store_git(&[&["rev-list", "--objects"], &refs[..]].concat());
    let prefix = format!("worktree/{dir}/");
    let ids: Vec<&str> = listed
        .lines()
        .filter_map(|row| row.split_once(' '))
        .filter(|(_, path)| path.starts_with(&prefix))
        .map(|(id, _)| id)
        .collect();
    let mut bytes = place.store_bytes(&["cat-file", "--batch"], (ids.join("\n") + "\n").as_bytes());
    for folder in [place.dir.join(dir), place.own_dir().join("ops")] {
        read_all(&folder, &mut bytes);
    }
    bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn read_all(dir: &Path, into: &mut Vec<u8>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read_all(&path, into),
            false => into.extend([fs::read(&path).unwrap(), b"\n".to_vec()].concat()),
        }
    }
}

/// One who is at work until it is dropped, also by a test that fails.
struct AtWork<'a>(&'a AtomicUsize);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Appends as a shell does; true if it is written.
fn append(path: &Path, line: &str) -> bool {
    let opened = fs::OpenOptions::new().append(true).open(path);
    opened.and_then(|mut file| file.write_all(line.as_bytes())).is_ok()
}

#[test]
fn nothing_is_lost_of_what_eight_write_while_files_are_put_back_again_and_again() {
    let sandbox = Sandbox::enabled();
    for writer in 0..WRITERS {
        sandbox.write(&format!("plan/{writer}"), format!("first of {writer}\n"));
    }
    sandbox.write("plan/shell", "first of the shell\n");
    let first = sandbox.checkpoint();
    let rounds = if full() { 400 } else { 40 };
    let working = AtomicUsize::new(WRITERS + 1);
    let written = race(WRITERS + 2, |at| match at {
        0 => {
            let mut codes = Vec::new();
            while working.load(Ordering::SeqCst) > 0 {
                for args in [&["restore", &first, "--yes"][..], &["undo"], &["undo", "--conflict=theirs"]] {
                    codes.push(sandbox.trace(args));
                }
            }
            let odd = codes.iter().find(|ran| ![0, 1, 3, 4].contains(&ran.code));
            assert!(odd.is_none(), "{odd:?}");
            Vec::new()
        }
        1 => {
            let _until_done = AtWork(&working);
            // A shell opens the file anew for each line; what it printed it has written.
            let script =
                "i=0; while [ $i -lt $0 ]; do echo \"shell $i\" >>plan/shell && echo $i; i=$((i+1)); done";
            let ran = sandbox.run("bash", &["-c", script, &(rounds * 50).to_string()]);
            ran.stdout.lines().map(|line| format!("shell {line}")).collect()
        }
        _ => {
            let (writer, _until_done) = (at - 2, AtWork(&working));
            let (mut own, mut lines) = (String::new(), Vec::new());
            for round in 0..rounds {
                let line = format!("{writer} in round {round}");
                own.push_str(&format!("{line}, of its own\n"));
                sandbox.write(&format!("work/{writer}"), &own);
                if append(&sandbox.dir.join(format!("plan/{writer}")), &format!("{line}\n")) {
                    lines.push(line);
                }
                sandbox.tell(&format!("writer-{writer}"), &format!("make {writer} {round}"));
            }
            lines
        }
    })
    .concat();
    assert!(written.len() > rounds * WRITERS, "almost nothing was written");
    sandbox.checkpoint();
    let found = all_lines(&sandbox, "plan");
    let lost: Vec<_> = written.iter().filter(|line| !found.contains(line.as_bytes())).collect();
    assert!(lost.is_empty(), "{} of {} lines are lost: {lost:?}", lost.len(), written.len());
    let own = all_lines(&sandbox, "work");
    for writer in 0..WRITERS {
        let last = format!("{writer} in round {}, of its own", rounds - 1);
        assert!(own.contains(last.as_bytes()), "{last}");
    }
    sandbox.fsck();
}

/// The file that a line on stderr names as the place where somebody's bytes are.
fn named(stderr: &str) -> PathBuf {
    let line = stderr.lines().find(|line| line.contains("was written to while it was replaced"));
    let line = line.unwrap_or_else(|| panic!("nothing is named in {stderr:?}"));
    PathBuf::from(line.rsplit_once(" is in ").unwrap().1)
}

#[test]
fn what_is_written_to_a_file_that_was_open_while_it_was_replaced_is_kept_and_named() {
    // Of the other file the last change was long ago.
    for age in ["now", "3 days ago"] {
        let sandbox = Sandbox::enabled();
        sandbox.checkpoint();
        let command = format!("echo changed >src/a; echo new >src/new; touch -d '{age}' src/a src/new");
        agent_runs(&sandbox, "s", "1", &command);
        // Another process: what this one has open, whatever it starts beside has open too for a moment.
        let script =
            "exec 3>>src/a 4>>src/new; echo; read -r; echo 'written late' >&3; echo 'written late' >&4";
        let mut bash = sandbox.command("bash");
        let mut held =
            bash.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        held.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        puts_back(&sandbox, &["undo"]);
        assert_eq!(fs::read(sandbox.dir.join("src/a")).unwrap(), b"a\n");
        // Whoever comes by must not take away what is still open.
        sandbox.trace(&["undo", "--dry-run"]);
        held.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(held.wait().unwrap().success());
        let told = sandbox.trace(&["checkpoint"]);
        assert_eq!(told.code, 0, "{told:?}");
        let kept = fs::read_to_string(named(&told.stderr)).unwrap();
        assert!(kept == "changed\nwritten late\n" || kept == "new\nwritten late\n", "{kept:?}");
        assert_eq!(told.stderr.matches("was written to while it was replaced").count(), 2, "{told:?}");
        assert!(!sandbox.dir.join("src/new").exists());
    }
}

/// Runs `trace` as somebody to whom permission bits mean something; `None` if that cannot be.
fn unprivileged(sandbox: &Sandbox) -> Option<impl Fn(&[&str]) -> crate::place::Ran + '_> {
    let is_root = rustix::process::geteuid().is_root();
    if is_root && !have("setpriv", "a test of permission bits needs another user than root") {
        return None;
    }
    if is_root {
        sandbox.run("chown", &["-R", "65534:65534", sandbox.root().to_str().unwrap()]).good("chown");
    }
    let as_nobody = move |args: &[&str]| {
        let ids = ["--reuid=65534", "--regid=65534", "--clear-groups", TRACE];
        match is_root {
            true => sandbox.run("setpriv", &[&ids[..], args].concat()),
            false => sandbox.trace(args),
        }
    };
    if as_nobody(&["status"]).code != 0 {
        skipped("another user than root cannot run the program here");
        return None;
    }
    Some(as_nobody)
}

#[test]
fn a_read_only_directory_is_restored_into_and_is_read_only_again() {
    let sandbox = furnished();
    set_mode(&sandbox, "src/1/2", 0o555);
    let Some(trace) = unprivileged(&sandbox) else { return };
    let first = trace(&["checkpoint", "--json"]);
    let first: serde_json::Value = serde_json::from_str(&first.good("checkpoint")).unwrap();
    let before = Picture::of(&sandbox);
    for (path, text) in [("src/1/2/new", "new\n"), ("src/a", "changed\n")] {
        sandbox.write(path, text);
    }
    sandbox.run("rm", &["-r", "src/1/2/3"]).good("rm");
    sandbox.run("chown", &["-R", "65534:65534", "src"]);
    let after = Picture::of(&sandbox);
    trace(&["restore", first["id"].as_str().unwrap(), "--yes"]).good("restore");
    Picture::of(&sandbox).is(&before, "restore");
    trace(&["undo"]).good("undo");
    Picture::of(&sandbox).is(&after, "undo");
}

#[test]
fn an_empty_directory_that_cannot_be_taken_away_stops_nothing() {
    let sandbox = furnished();
    fs::create_dir_all(sandbox.dir.join("closed/inner")).unwrap();
    let Some(trace) = unprivileged(&sandbox) else { return };
    let first = trace(&["checkpoint", "--json"]);
    let first: serde_json::Value = serde_json::from_str(&first.good("checkpoint")).unwrap();
    let before = Picture::of(&sandbox);
    sandbox.write("closed/inner/new", "new\n");
    sandbox.write("src/a", "changed\n");
    sandbox.run("chown", &["-R", "65534:65534", "closed", "src"]);
    set_mode(&sandbox, "closed", 0o555);
    trace(&["restore", first["id"].as_str().unwrap(), "--yes"]).good("restore");
    set_mode(&sandbox, "closed", 0o755);
    Picture::of(&sandbox).is(&before, "restore");
}

#[test]
fn somebody_elses_directory_is_refused_before_anything_is_changed() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can give a directory to somebody else");
    }
    let sandbox = furnished();
    let Some(trace) = unprivileged(&sandbox) else { return };
    let first = trace(&["checkpoint", "--json"]);
    let first: serde_json::Value = serde_json::from_str(&first.good("checkpoint")).unwrap();
    sandbox.write("src/a", "changed\n");
    sandbox.write("lib/new", "new\n");
    sandbox.run("chown", &["0:0", "lib"]).good("chown");
    let before = Picture::of(&sandbox);
    let ran = trace(&["restore", first["id"].as_str().unwrap(), "--yes"]);
    assert!(ran.code == 3 && ran.stderr.contains("lib"), "{ran:?}");
    Picture::of(&sandbox).is(&before, "a refused restore");
    let next = trace(&["status"]);
    assert!(next.code == 0 && !next.stderr.contains("interrupted"), "nothing is left half done: {next:?}");
    trace(&["restore", first["id"].as_str().unwrap(), "src", "--yes"]).good("restore of the rest");
}

/// A script for a world with a mount of its own; `$T` is the program, `$W` an empty directory.
fn in_a_mount_namespace(script: &str) -> Option<String> {
    if !have("unshare", "a mount of its own") {
        return None;
    }
    let sandbox = Sandbox::empty();
    let allowed = sandbox.run("unshare", &["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"]);
    if allowed.code != 0 {
        skipped("this machine lets nobody mount");
        return None;
    }
    let whole = format!("set -e; W=$PWD T={TRACE} H={}; {PRELUDE}{script}", crate::place::GIT_TRACE);
    let mut command: Command = sandbox.command("unshare");
    Some(finish(command.args(["-Urm", "bash", "-c", &whole]), b"").good(script))
}

/// `picture` says what the files are; `back` runs the last argument as an agent's command and proves that
/// undo, redo and undo do what they are to do.
const PRELUDE: &str = r#"
picture() { find . -name .git -prune -o -printf '%p %y %m %l\n' | sort; find . -name .git -prune -o -type f -print0 | sort -z | xargs -0 sha1sum; }
hook() { printf '{"v":1,"agent":"t","session":"s","event":"%s","cwd":"%s","tool":"shell","tool_id":"%s","command":"x"}' "$1" "$PWD" "$2" | $H hook generic; }
same() { if ! diff <(echo "$1") <(picture); then echo "$2"; exit 1; fi; }
back() {
  before=$(picture); hook tool_pre "$1"; eval "$1"; hook tool_post "$1"; after=$(picture)
  [ "$before" != "$after" ]
  $T undo; same "$before" "undo of $1"
  $T redo; same "$after" "redo of $1"
  $T undo; same "$before" "undo again of $1"
}
all() {
  back 'rm -rf src'
  back 'mkdir -p new/dir; echo 1 >new/dir/1; chmod +x README; echo 2 >>src/a'
  back 'mv src lib; ln -s lib src'
  exec 9>>src/a
  echo changed >src/a; $T restore HEAD --yes src/a
  echo late >&9; exec 9>&-
  $T checkpoint 2>told; kept=$(sed -n 's/.* is in //p' told); rm told
  grep -q late "$kept" || { echo "not kept: $kept"; exit 1; }
  [ -z "$(find . -name '.trace-*')" ] || { echo "left behind"; find . -name '.trace-*'; exit 1; }
}
fill() { mkdir -p src/deep; echo a >src/a; echo b >src/deep/b; echo r >README; git add -A; git commit -qm begin; }
"#;

#[test]
fn a_git_directory_on_another_file_system_is_no_hindrance() {
    in_a_mount_namespace(
        "mount -t tmpfs none /mnt; git init -q /mnt/main; cd /mnt/main; fill
         git worktree add -q $W/linked; cd $W/linked; $T enable --yes; all",
    );
    in_a_mount_namespace(
        "mount -t tmpfs none /mnt; git init -q --separate-git-dir /mnt/git $W/work; cd $W/work; fill
         $T enable --yes; all",
    );
}

#[test]
fn two_mounts_of_one_file_system_are_two_file_systems() {
    in_a_mount_namespace(
        "mkdir $W/repo $W/place; cd $W/repo; git init -q; fill; mkdir mounted; echo m >mounted/m
         git add -A; git commit -qm more; $T enable --yes; mount --bind $W/place mounted; echo m >mounted/m
         $T checkpoint; all; back 'echo x >>mounted/m; echo y >mounted/y; rm -r src'",
    );
}
