//! A disk that is full or read-only, files of ours that are damaged, clocks that lie: nothing that
//! was acknowledged is lost, hooks stay silent, and the next writer needs nobody's help.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::place::{GIT_TRACE, Place, TRACE, finish, payload};
use crate::sandbox::{Sandbox, full, have, skipped};
use crate::story::{Story, paths};
use crate::sweep::{Sweep, checkpoint};

/// True if this machine lets a test mount a file system of its own.
pub fn may_mount(sandbox: &Sandbox) -> bool {
    if !have("unshare", "a file system of one's own") {
        return false;
    }
    let may = sandbox.run("unshare", &["-Urm", "mount", "-t", "tmpfs", "none", "."]).code == 0;
    if !may {
        skipped("this machine does not let a user mount a file system");
    }
    may
}

/// The one journal or cache file in `dir` that has bytes.
fn a_file(dir: &Path) -> PathBuf {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{e}: {}", dir.display()));
    let mut files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files
        .find(|path| fs::metadata(path).unwrap().len() > 0)
        .unwrap_or_else(|| panic!("{} has no file", dir.display()))
}

/// A chain of three checkpoints, and a command that waits.
fn with_history() -> Sandbox {
    let sandbox = Sandbox::enabled();
    for round in 0..3 {
        sandbox.write("src/a", format!("{round}\n"));
        sandbox.tell("s", &format!("make {round}"));
        sandbox.checkpoint();
    }
    sandbox.tell("s", "make waiting");
    sandbox
}

/// The next checkpoint succeeds, and all of [`with_history`] is in the chain once.
fn recovers(place: &Place) -> Story {
    place.checkpoint();
    let story = Story::of(place);
    story.holds_once(["make 0", "make 1", "make 2", "make waiting"]);
    story.complete(place);
    place.fsck();
    story
}

#[test]
fn an_error_at_any_system_call_of_a_checkpoint_acknowledges_nothing_false() {
    let Some(sweep) = Sweep::prepare(|_| checkpoint()) else { return };
    let errors = if full() { &["ENOSPC", "EIO", "EACCES", "EMFILE", "EINTR"][..] } else { &["ENOSPC"] };
    let fallible =
        ["openat", "write", "pwrite64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "fsync"];
    let also = ["fdatasync", "sync_file_range", "ftruncate", "flock", "getdents64", "read"];
    for point in
        sweep.points().iter().filter(|point| fallible.contains(&&*point.call) || also.contains(&&*point.call))
    {
        for error in errors {
            let ran = sweep.fault(point, &format!("error={error}"));
            eprintln!("{error} at {}#{}: exit {}", point.call, point.nth, ran.code);
            assert!(ran.code != 101 && ran.code < 128, "{error} at {}#{}: {ran:?}", point.call, point.nth);
            if ran.code == 0 && !ran.stdout.trim().is_empty() {
                let id = ran.stdout.trim().to_owned();
                assert!(
                    Story::of(sweep.place()).chain.contains(&id),
                    "{id} was acknowledged and is not there"
                );
            }
            sweep.check(&[]);
        }
    }
}

#[test]
fn a_full_disk_acknowledges_nothing_false_and_heals_when_there_is_room() {
    let sandbox = Sandbox::empty();
    if !may_mount(&sandbox) {
        return;
    }
    // The mount lives as long as the script, so the script does the asking and the test the judging.
    let script = r#"
        set -eu
        mount -t tmpfs -o size=1500k none . && cd "$PWD"
        git init -q -b main && echo a >a && git add a && git commit -q -m begin
        trace enable --yes >&2
        n=0
        while [ $n -lt 200 ]; do
            n=$((n + 1))
            head -c 20000 /dev/urandom >noise 2>/dev/null || break
            printf '{"v":1,"agent":"a","session":"s","event":"tool_post","cwd":"%s","tool":"shell","tool_id":"%s","command":"make %s","exit":0}' "$PWD" $n $n |
                git-trace hook generic || echo "hook failed"
            id=$(trace checkpoint 2>/dev/null) || break
            echo "kept $id"
        done
        echo "stopped after $n"
        store=.git/trace/store.git
        echo "tip $(cat $store/refs/trace/shadow/*)"
        git --git-dir=$store fsck --full --strict --no-dangling --no-progress >&2 || echo "not clean"
        git --no-optional-locks status --porcelain >/dev/null || echo "the user's git fails"
        rm -f noise; mount -o remount,size=16m .
        echo "healed $(trace checkpoint)"
        git --git-dir=$store rev-list --glob=refs/trace/shadow | sed 's/^/chain /'
        git --git-dir=$store fsck --full --strict --no-dangling --no-progress >&2 || echo "not clean"
    "#;
    let printed = sandbox.run("unshare", &["-Urm", "sh", "-c", script]).good("the script on a small disk");
    let told = |word: &str| printed.lines().filter_map(|line| line.strip_prefix(word)).collect::<Vec<_>>();
    assert!(
        told("kept ").len() > 1 && told("stopped after ")[0] != "200",
        "the disk was never full: {printed}"
    );
    for id in told("kept ").into_iter().chain(told("healed ")) {
        assert!(told("chain ").contains(&id), "{id} was acknowledged and is not there: {printed}");
    }
    for wrong in ["hook failed", "not clean", "the user's git fails"] {
        assert!(!printed.contains(wrong), "{printed}");
    }
}

#[test]
fn a_read_only_disk_fails_clearly_and_hooks_stay_silent() {
    let sandbox = with_history();
    if !may_mount(&sandbox) {
        return;
    }
    let read_only = |program: &str, args: &str, stdin: &[u8]| {
        let script = format!(
            "mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\" && exec '{program}' {args}"
        );
        finish(sandbox.command("unshare").args(["-Urm", "sh", "-c", &script]), stdin)
    };
    read_only(GIT_TRACE, "hook generic", payload(&sandbox.dir, "s", "make lost").to_string().as_bytes())
        .silent();
    let ran = read_only(TRACE, "checkpoint", b"");
    assert!(ran.code != 0 && ran.code != 101 && !ran.stderr.is_empty(), "{ran:?}");
    for list in ["log", "commands", "status", "trail", "fsck"] {
        let ran = read_only(TRACE, list, b"");
        assert_eq!(ran.code, 0, "reading needs no writing: trace {list}: {ran:?}");
    }
    recovers(&sandbox);
}

#[test]
fn a_ref_lock_that_a_dead_writer_left_is_put_aside() {
    let sandbox = with_history();
    let lock = sandbox.ref_file().with_extension("lock");
    fs::write(&lock, b"").unwrap();
    sandbox.run("touch", &["-d".as_ref(), "1 hour ago".as_ref(), lock.as_os_str()]).good("touch");
    recovers(&sandbox);
    assert!(!lock.exists());
}

#[test]
fn a_ref_that_does_not_parse_is_put_aside_and_the_chain_goes_on() {
    let damages: [fn(&str) -> Vec<u8>; 4] =
        [|_| Vec::new(), |_| vec![0; 41], |_| b"not a ref\n".to_vec(), |id| id.as_bytes()[..20].to_vec()];
    for damage in damages {
        let sandbox = with_history();
        let before = Story::of(&sandbox).chain;
        fs::write(sandbox.ref_file(), damage(before.last().unwrap())).unwrap();
        let story = recovers(&sandbox);
        assert!(story.chain.starts_with(&before), "the chain goes on where it was");
        assert!(sandbox.json(&["status"])["trouble"].as_u64() > Some(0), "it is said");
    }
}

#[test]
fn a_ref_that_names_nothing_is_a_damaged_store_and_loses_no_event() {
    let sandbox = with_history();
    let good = fs::read(sandbox.ref_file()).unwrap();
    fs::write(sandbox.ref_file(), "1234567890123456789012345678901234567890\n").unwrap();
    sandbox.hook(payload(&sandbox.dir, "s", "make hurt").to_string().as_bytes()).silent();
    let ran = sandbox.trace(&["log"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    let ran = sandbox.trace(&["fsck"]);
    assert!([1, 5].contains(&ran.code), "{ran:?}");
    sandbox.user_works();
    fs::write(sandbox.ref_file(), good).unwrap();
    recovers(&sandbox).holds_once(["make hurt"]);
}

#[test]
fn an_object_that_is_damaged_is_found_and_its_neighbours_are_read() {
    let sandbox = with_history();
    let packs = sandbox.store().join("objects/pack");
    let newest = fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    let mut packs: Vec<_> =
        newest.filter(|path| path.extension().is_some_and(|kind| kind == "pack")).collect();
    packs.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    let pack = packs.first().expect("a checkpoint is a pack");
    let mut bytes = fs::read(pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::remove_file(pack).unwrap();
    fs::write(pack, bytes).unwrap();
    let document = sandbox.trace(&["fsck", "--json"]);
    assert!([1, 5].contains(&document.code), "{document:?}");
    assert!(
        document.stdout.contains("\"ok\":false") || document.stdout.contains("\"ok\": false"),
        "{document:?}"
    );
    sandbox.checkpoint();
    sandbox.user_works();
}

#[test]
fn a_cache_that_is_damaged_or_gone_changes_no_answer() {
    let damages: [fn(&PathBuf); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, b"").unwrap(),
        |path| fs::write(path, [0xff; 5000]).unwrap(),
        |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
    ];
    for damage in damages {
        let sandbox = with_history();
        let (log, commands) = (sandbox.list("log", "checkpoints"), sandbox.list("commands", "commands"));
        let trails = sandbox.list("trail", "trails");
        damage(&a_file(&sandbox.own_dir().join("index")));
        let cache = sandbox.own_dir().join("cache");
        for entry in fs::read_dir(&cache).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                damage(&path);
            }
        }
        assert_eq!(sandbox.list("log", "checkpoints"), log);
        assert_eq!(sandbox.list("commands", "commands"), commands);
        assert_eq!(sandbox.list("trail", "trails"), trails);
        let story = recovers(&sandbox);
        assert_eq!(
            paths(&sandbox, story.chain.last().unwrap()),
            [".gitignore", "README", "src/a", "src/deep/b"]
        );
    }
}

#[test]
fn torn_and_foreign_bytes_in_a_journal_cost_nothing_but_themselves() {
    for garbage in
        [&b"\0{\"v\":1,\"torn"[..], &[0; 4096], b"\0\xff\xfe not a record \0", b"plain text\n", b"\0{}\0"]
    {
        let sandbox = with_history();
        let mut journal = fs::OpenOptions::new().append(true).open(a_file(&sandbox.journal())).unwrap();
        journal.write_all(garbage).unwrap();
        drop(journal);
        sandbox.tell("s", "make after");
        recovers(&sandbox).holds_once(["make after"]);
    }
}

#[test]
fn things_in_the_journal_that_are_no_journal_neither_hang_nor_hide_the_rest() {
    let sandbox = with_history();
    let journal = sandbox.journal();
    let at = |name: &str| journal.join(name).into_os_string();
    sandbox.run("mkfifo", &[at("pipe.0")]).good("mkfifo");
    fs::create_dir(at("directory.0")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("endless.0")).unwrap();
    std::os::unix::fs::symlink("nowhere", at("dangling.0")).unwrap();
    fs::write(at("not a name"), "x").unwrap();
    recovers(&sandbox);
}

#[test]
fn an_unreadable_journal_is_said_and_the_rest_is_kept() {
    let sandbox = Sandbox::enabled();
    if sandbox.run("id", &["-u"]).stdout.trim() == "0" {
        return skipped("root reads every file; an unreadable journal needs another user");
    }
    sandbox.tell("one", "make hidden");
    let hidden = a_file(&sandbox.journal());
    sandbox.run("chmod", &["0".as_ref(), hidden.as_os_str()]).good("chmod");
    sandbox.tell("two", "make seen");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make seen"]);
    sandbox.run("chmod", &["600".as_ref(), hidden.as_os_str()]).good("chmod");
    sandbox.checkpoint();
    Story::of(&sandbox).holds_once(["make hidden", "make seen"]);
}

#[test]
fn few_descriptors_fail_clearly_and_lose_nothing() {
    let sandbox = with_history();
    if !have("prlimit", "a limit on descriptors") {
        return;
    }
    for limit in 3..12 {
        let limit = format!("--nofile={limit}");
        let ran = sandbox.run("prlimit", &[&limit, TRACE, "checkpoint"]);
        assert!(ran.code != 101 && ran.code < 128, "{limit}: {ran:?}");
    }
    recovers(&sandbox);
}

#[test]
fn a_clock_that_goes_back_changes_no_order() {
    let sandbox = Sandbox::enabled();
    let mut made = Vec::new();
    for (round, start) in [4_000_000_000_000_u64, 1_000_000_000, 0, 1_795_218_000_000].into_iter().enumerate()
    {
        let mut told = payload(&sandbox.dir, "s", &format!("make {round}"));
        told["start_ms"] = json!(start);
        told["end_ms"] = json!(start.saturating_sub(500));
        sandbox.hook(told.to_string().as_bytes()).silent();
        made.push(sandbox.checkpoint());
    }
    Story::of(&sandbox).holds_once(["make 0", "make 1", "make 2", "make 3"]);
    let log = sandbox.list("log", "checkpoints");
    let listed =
        log.iter().rev().filter_map(|row| row["id"].as_str()).filter(|id| made.iter().any(|made| made == id));
    assert_eq!(listed.collect::<Vec<_>>(), made, "the order is the chain's");
}

#[test]
fn file_times_of_the_future_and_of_1970_hide_no_change() {
    let sandbox = Sandbox::enabled();
    for (round, date) in ["2100-01-01", "1970-01-01", "2100-01-01", "@0"].into_iter().enumerate() {
        sandbox.write("src/a", format!("{round}\n"));
        sandbox.run("touch", &["-d", date, "src/a", "src", "."]).good("touch");
        let id = sandbox.checkpoint();
        assert_eq!(
            sandbox.store_git(&["cat-file", "-p", &format!("{id}:worktree/src/a")]),
            round.to_string()
        );
    }
}

#[test]
fn a_change_of_equal_size_within_one_tick_is_seen() {
    let sandbox = Sandbox::enabled();
    for round in 0..40 {
        let text = format!("{round:04}\n");
        sandbox.write("src/a", &text);
        let id = sandbox.checkpoint();
        let kept = sandbox.store_git(&["cat-file", "-p", &format!("{id}:worktree/src/a")]);
        assert_eq!(kept, text.trim_end(), "in {id}");
    }
}

#[test]
fn a_store_of_a_newer_format_is_refused_and_left_as_it_is() {
    let sandbox = with_history();
    sandbox.git(&["--git-dir=.git/trace/store.git", "config", "trace.format", "99"]);
    let before = Story::of(&sandbox).chain;
    let ran = sandbox.trace(&["checkpoint"]);
    assert!(ran.code != 0 && !ran.stderr.is_empty(), "{ran:?}");
    sandbox.tell("s", "make later");
    assert_eq!(Story::of(&sandbox).chain, before);
    sandbox.git(&["--git-dir=.git/trace/store.git", "config", "--unset", "trace.format"]);
    recovers(&sandbox).holds_once(["make later"]);
}
