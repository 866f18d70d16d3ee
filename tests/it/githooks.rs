//! git's hooks: they call us beside whatever was there, they come out again to the byte, and whatever
//! is wrong with us, git's own work goes on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::faults::may_mount;
use crate::place::{GIT_TRACE, Place, TRACE};
use crate::sandbox::Sandbox;
use crate::story::Story;
use crate::sweep::{Point, Sweep, Swept};

const HOOKS: [&str; 4] = ["post-commit", "post-rewrite", "post-checkout", "post-merge"];

/// A hook of the user's that notes how it was called.
const THEIRS: &str = "#!/bin/sh\n{ echo \"$(basename -- \"post-x\") $*\"; cat; } >>\"$(git rev-parse --show-toplevel)/../told\"\nexit 7\n";

/// Everything below a directory: mode and bytes, or where a link leads.
fn image(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let bytes = match () {
            () if meta.is_dir() => {
                todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                Vec::new()
            }
            () if meta.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            () => fs::read(&path).unwrap(),
        };
        all.insert(path, (meta.permissions().mode(), bytes));
    }
    all
}

fn program(place: &Place, path: &str, text: &str) {
    place.write(path, text);
    fs::set_permissions(place.dir.join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

fn enable(place: &Place, more: &[&str]) -> String {
    let args = [&["enable"], more].concat();
    let ran = place.trace(&args);
    assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
    ran.stderr
}

fn disable(place: &Place) -> String {
    let ran = place.trace(&["disable"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stderr
}

/// The bodies of the events of one kind, as checkpoints hold them.
fn told(place: &Place, kind: &str) -> Vec<Value> {
    place.checkpoint();
    let events = Story::of(place).events.into_iter();
    events.filter(|(_, event)| event["kind"] == kind).map(|(_, event)| event["body"].clone()).collect()
}

fn hooks_of(place: &Place) -> Value {
    place.json(&["status"])["hooks"]["git"].clone()
}

fn head(place: &Place) -> String {
    place.git(&["rev-parse", "HEAD"])
}

fn commit(place: &Place, file: &str, text: &str) -> String {
    place.write(file, text);
    place.git(&["add", file]);
    place.git(&["commit", "-q", "-m", text]);
    head(place)
}

#[test]
fn a_plain_repository_is_told_of_and_left_as_it_was() {
    let sandbox = Sandbox::new();
    let hooks = sandbox.git_dir().join("hooks");
    let config = sandbox.git_dir().join("config");
    let before = (image(&hooks), fs::read(&config).unwrap());
    enable(&sandbox, &[]);
    assert_eq!(hooks_of(&sandbox), true);
    let installed = image(&hooks);
    enable(&sandbox, &[]);
    assert_eq!(image(&hooks), installed, "once is enough");
    let first = head(&sandbox);
    let second = commit(&sandbox, "new", "two");
    sandbox.git(&["commit", "-q", "--amend", "-m", "three"]);
    let third = head(&sandbox);
    sandbox.git(&["checkout", "-q", "topic"]);
    sandbox.git(&["checkout", "-q", "--", "src/a"]);
    sandbox.git(&["merge", "-q", "main"]);
    let committed = told(&sandbox, "committed");
    assert_eq!(committed.len(), 2, "{committed:?}");
    assert_eq!(
        (&committed[0]["commit"], &committed[0]["before"], &committed[0]["branch"], &committed[0]["action"]),
        (&Value::from(second.as_str()), &Value::from(first.as_str()), &"main".into(), &"commit".into())
    );
    assert_eq!(
        (&committed[1]["commit"], &committed[1]["action"]),
        (&third.as_str().into(), &"commit (amend)".into())
    );
    let rewritten = told(&sandbox, "rewritten");
    assert_eq!(rewritten, [serde_json::json!({"by": "amend", "pairs": [[second, third]]})]);
    let checked_out = told(&sandbox, "checked_out");
    assert_eq!(checked_out.len(), 1, "what moves no HEAD is not told: {checked_out:?}");
    assert_eq!(
        (&checked_out[0]["old"], &checked_out[0]["branch"]),
        (&third.as_str().into(), &"topic".into())
    );
    assert_eq!(told(&sandbox, "merged"), [serde_json::json!({"commit": third, "squash": false})]);
    disable(&sandbox);
    assert_eq!((image(&hooks), fs::read(&config).unwrap()), before);
    commit(&sandbox, "later", "four");
}

#[test]
fn a_hook_that_was_there_runs_as_before_with_arguments_input_and_exit_code() {
    let sandbox = Sandbox::new();
    for name in HOOKS {
        program(
            &sandbox,
            &format!(".git/hooks/{name}"),
            &THEIRS.replace("post-x", name).replace("basename", "echo"),
        );
    }
    let hooks = sandbox.git_dir().join("hooks");
    let before = image(&hooks);
    let second = commit(&sandbox, "new", "two");
    let alone = sandbox.run("git", &["checkout", "-q", "-b", "x"]);
    enable(&sandbox, &[]);
    let told_file = sandbox.root().join("told");
    fs::remove_file(&told_file).unwrap();
    let beside = sandbox.run("git", &["checkout", "-q", "-b", "y"]);
    assert_eq!((beside.code, &beside.stdout, &beside.stderr), (alone.code, &alone.stdout, &alone.stderr));
    sandbox.git(&["commit", "-q", "--amend", "-m", "three"]);
    let third = head(&sandbox);
    let said = fs::read_to_string(&told_file).unwrap();
    assert_eq!(
        said,
        format!(
            "-- post-checkout {second} {second} 1\n-- post-commit \n-- post-rewrite amend\n{second} {third}\n"
        )
    );
    assert_eq!(told(&sandbox, "rewritten").len(), 1);
    disable(&sandbox);
    assert_eq!(image(&hooks), before);
}

#[test]
fn linked_worktrees_share_the_hooks_and_each_has_its_own_events() {
    let sandbox = Sandbox::new();
    enable(&sandbox, &[]);
    sandbox.git(&["worktree", "add", "-q", "../other"]);
    let other = sandbox.at("other");
    let made = commit(&other, "new", "elsewhere");
    let committed = told(&other, "committed");
    assert_eq!((&committed[0]["commit"], &committed[0]["branch"]), (&made.as_str().into(), &"other".into()));
    assert_eq!(told(&sandbox, "committed"), [] as [Value; 0]);
    assert_eq!(hooks_of(&other), true);
    let before = sandbox.git_dir().join("hooks/post-commit");
    disable(&other);
    assert!(!before.exists());
}

/// How a manager of hooks leaves a repository, and what of it we must not touch.
struct Manager {
    name: &'static str,
    set_up: fn(&Sandbox),
    /// Where its files are.
    dir: &'static str,
    /// A word of the advice.
    advice: &'static str,
}

const MANAGERS: [Manager; 4] = [
    Manager {
        name: "husky",
        set_up: |sandbox| {
            sandbox.write(".husky/_/.gitignore", "*");
            program(sandbox, ".husky/_/h", "#!/bin/sh\nexit 0\n");
            for name in HOOKS {
                let stub = "#!/usr/bin/env sh\n. \"$(dirname -- \"$0\")/h\"\n";
                program(sandbox, &format!(".husky/_/{name}"), stub);
            }
            sandbox.git(&["config", "core.hooksPath", ".husky/_"]);
        },
        dir: ".husky",
        advice: ".husky/post-commit",
    },
    Manager {
        name: "lefthook",
        set_up: |sandbox| {
            let text = "#!/bin/sh\nif [ \"$LEFTHOOK\" = \"0\" ]; then exit 0; fi\ncall_lefthook() { :; }\ncall_lefthook run \"post-commit\" \"$@\"\n";
            HOOKS.iter().for_each(|name| program(sandbox, &format!(".git/hooks/{name}"), text));
        },
        dir: ".git/hooks",
        advice: "lefthook-local.yml",
    },
    Manager {
        name: "overcommit",
        set_up: |sandbox| {
            program(
                sandbox,
                ".git/hooks/overcommit-hook",
                "#!/bin/sh\ncase \"$0\" in *post-*) ;; *) exit 64;; esac\n",
            );
            for name in HOOKS {
                symlink("overcommit-hook", sandbox.git_dir().join("hooks").join(name)).unwrap();
            }
        },
        dir: ".git/hooks",
        advice: "it is a link",
    },
    Manager {
        name: "committed hooks",
        set_up: |sandbox| {
            program(sandbox, "tools/hooks/pre-commit", "#!/bin/sh\n");
            sandbox.git(&["add", "-A"]);
            sandbox.git(&["commit", "-q", "-m", "hooks"]);
            sandbox.git(&["config", "core.hooksPath", "tools/hooks"]);
        },
        dir: "tools/hooks",
        advice: "which is committed",
    },
];

#[test]
fn what_another_tool_owns_is_left_and_the_line_is_told_that_calls_us() {
    for manager in MANAGERS {
        let sandbox = Sandbox::new();
        (manager.set_up)(&sandbox);
        let dir = sandbox.dir.join(manager.dir);
        let before = image(&dir);
        let said = enable(&sandbox, &[]);
        assert_eq!(image(&dir), before, "{}", manager.name);
        assert!(said.contains(manager.advice), "{}: {said}", manager.name);
        assert!(said.contains("git-trace hook git-post-commit"), "{}: {said}", manager.name);
        assert_eq!(hooks_of(&sandbox), false, "{}", manager.name);
        let doctor = sandbox.trace(&["doctor"]);
        assert!(doctor.stdout.contains("post-commit"), "{}: {doctor:?}", manager.name);
        commit(&sandbox, "new", "two");
        disable(&sandbox);
        assert_eq!(image(&dir), before, "{}", manager.name);
    }
}

#[test]
fn a_line_that_somebody_added_for_us_counts() {
    let sandbox = Sandbox::new();
    (MANAGERS[0].set_up)(&sandbox);
    let said = enable(&sandbox, &[]);
    for name in HOOKS {
        let line =
            said.lines().find(|line| line.contains(&format!("hook git-{name} "))).unwrap().trim().to_owned();
        program(&sandbox, &format!(".husky/{name}"), &format!("{line}\n"));
    }
    program(&sandbox, ".husky/_/h", "#!/bin/sh\nsh \"$(dirname \"$0\")/../$(basename \"$0\")\" \"$@\"\n");
    assert_eq!(hooks_of(&sandbox), true);
    assert_eq!(enable(&sandbox, &[]).matches("stays as it is").count(), 0);
    let made = commit(&sandbox, "new", "two");
    assert_eq!(told(&sandbox, "committed")[0]["commit"], made.as_str());
}

#[test]
fn beside_pre_commit_we_are_the_hook_that_it_runs_first() {
    let sandbox = Sandbox::new();
    let generated = "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\nhere=\"$(cd \"$(dirname \"$0\")\" && pwd)\"\nif [ -x \"$here/post-commit.legacy\" ]; then \"$here/post-commit.legacy\" \"$@\"; fi\nexec true hook-impl\n";
    program(&sandbox, ".git/hooks/post-commit", generated);
    let hooks = sandbox.git_dir().join("hooks");
    let before = image(&hooks);
    enable(&sandbox, &[]);
    assert_eq!(fs::read_to_string(hooks.join("post-commit")).unwrap(), generated);
    let made = commit(&sandbox, "new", "two");
    assert_eq!(told(&sandbox, "committed")[0]["commit"], made.as_str());
    assert_eq!(hooks_of(&sandbox), true);
    disable(&sandbox);
    assert_eq!(image(&hooks), before);

    // The other way about: it is installed over us, and renames ours.
    let mine = "#!/bin/sh\necho mine >>../mine\n";
    fs::remove_file(hooks.join("post-commit")).unwrap();
    program(&sandbox, ".git/hooks/post-commit", mine);
    enable(&sandbox, &[]);
    fs::rename(hooks.join("post-commit"), hooks.join("post-commit.legacy")).unwrap();
    program(&sandbox, ".git/hooks/post-commit", generated);
    let made = commit(&sandbox, "newer", "three");
    assert_eq!(told(&sandbox, "committed").last().unwrap()["commit"], made.as_str());
    assert_eq!(
        fs::read_to_string(sandbox.root().join("mine")).unwrap(),
        "mine\n",
        "the user's own hook ran once"
    );
    disable(&sandbox);
    assert_eq!(fs::read_to_string(hooks.join("post-commit.legacy")).unwrap(), mine);
    assert!(!hooks.join("post-commit.pre-trace").exists());
}

#[test]
fn a_manager_that_overwrites_us_is_noticed() {
    let sandbox = Sandbox::new();
    enable(&sandbox, &[]);
    (MANAGERS[1].set_up)(&sandbox);
    assert_eq!(hooks_of(&sandbox), false);
    let hooks = sandbox.git_dir().join("hooks");
    let before = image(&hooks);
    assert!(enable(&sandbox, &[]).contains("lefthook owns it"));
    disable(&sandbox);
    assert_eq!(image(&hooks), before);
}

#[test]
fn a_directory_that_others_use_too_needs_a_yes() {
    let sandbox = Sandbox::new();
    let shared = sandbox.at("shared");
    fs::create_dir(&shared.dir).unwrap();
    sandbox.git(&["config", "core.hooksPath", shared.dir.to_str().unwrap()]);
    let said = enable(&sandbox, &[]);
    assert!(said.contains("other repositories") && said.contains("--yes"), "{said}");
    assert_eq!(image(&shared.dir).len(), 1);
    enable(&sandbox, &["--yes"]);
    assert_eq!(image(&shared.dir).len(), 1 + HOOKS.len());
    assert!(disable(&sandbox).contains("other repositories"));
    assert_eq!(image(&shared.dir).len(), 1 + HOOKS.len());
    sandbox.trace(&["disable", "--yes"]).good("disable");
    assert_eq!(image(&shared.dir).len(), 1);
    // A link in the repository leads there as well.
    symlink(&shared.dir, sandbox.dir.join("led")).unwrap();
    sandbox.git(&["config", "core.hooksPath", "led/not/there"]);
    assert!(enable(&sandbox, &[]).contains("other repositories"));
    assert_eq!(image(&shared.dir).len(), 1);
    // One inside the repository that nobody has committed concerns nobody else.
    sandbox.git(&["config", "core.hooksPath", "out/hooks"]);
    enable(&sandbox, &[]);
    let made = commit(&sandbox, "new", "two");
    assert_eq!(told(&sandbox, "committed").last().unwrap()["commit"], made.as_str());
    disable(&sandbox);
    assert!(!sandbox.dir.join("out").exists(), "not even the directory is left");
}

#[test]
fn a_hook_that_was_edited_stays_and_a_dry_run_writes_nothing() {
    let sandbox = Sandbox::new();
    let hooks = sandbox.git_dir().join("hooks");
    let before = image(&hooks);
    let ran = sandbox.trace(&["enable", "--dry-run"]);
    assert!(ran.stdout.contains("+++ ") && ran.stdout.contains("+# trace hook 1 post-merge"), "{ran:?}");
    assert_eq!(image(&hooks), before);
    enable(&sandbox, &["--no-git-hooks"]);
    assert_eq!((image(&hooks), hooks_of(&sandbox)), (before.clone(), false.into()));
    enable(&sandbox, &[]);
    assert_eq!(sandbox.trace(&["enable", "--dry-run"]).stdout, "");
    let path = hooks.join("post-merge");
    let edited = fs::read_to_string(&path).unwrap() + "echo mine\n";
    fs::write(&path, &edited).unwrap();
    let out = sandbox.trace(&["disable", "--dry-run"]);
    assert!(out.stdout.contains("+++ /dev/null"), "{out:?}");
    assert!(disable(&sandbox).contains("post-merge was edited"));
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
    fs::remove_file(&path).unwrap();
    assert_eq!(image(&hooks), before);
}

#[test]
fn clients_without_a_path_find_the_program_where_it_is() {
    let sandbox = Sandbox::new();
    enable(&sandbox, &["--absolute"]);
    let bare = sandbox.with("PATH", "/usr/local/bin:/usr/bin:/bin");
    let made = commit(&bare, "new", "two");
    assert_eq!(told(&sandbox, "committed")[0]["commit"], made.as_str());
    enable(&sandbox, &[]);
    assert!(!fs::read_to_string(sandbox.git_dir().join("hooks/post-commit")).unwrap().contains(GIT_TRACE));
    commit(&bare, "newer", "three");
    assert_eq!(
        told(&sandbox, "committed").len(),
        1,
        "this client does not find it, and its commits are made"
    );
    disable(&sandbox);
}

/// A git that says that it takes hooks from its configuration, and is the real one for all else.
fn newer_git(sandbox: &Sandbox) -> Place {
    let real = sandbox.run("sh", &["-c", "command -v git"]).good("find git");
    let stub = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 'git version 2.54.0'; exit; }}\nexec {real} \"$@\"\n"
    );
    program(&sandbox.at("bin"), "git", &stub);
    let path = sandbox.run("sh", &["-c", "printf %s \"$PATH\""]).stdout;
    sandbox.with("PATH", format!("{}:{path}", sandbox.root().join("bin").display()))
}

#[test]
fn a_git_that_takes_hooks_from_its_configuration_gets_them_there() {
    let sandbox = Sandbox::new();
    let place = newer_git(&sandbox);
    let (config, hooks) = (sandbox.git_dir().join("config"), sandbox.git_dir().join("hooks"));
    let files = image(&hooks);
    for ending in ["", "\n[alias]\n\tx = y"] {
        let before = fs::read_to_string(&config).unwrap() + ending;
        fs::write(&config, &before).unwrap();
        // Hook files from before git was newer are taken away: each event is told once.
        enable(&sandbox, &[]);
        enable(&place, &[]);
        assert_eq!(image(&hooks), files);
        let written = fs::read_to_string(&config).unwrap();
        enable(&place, &[]);
        assert_eq!(fs::read_to_string(&config).unwrap(), written, "once is enough");
        assert_eq!(hooks_of(&place), true);
        assert_eq!(hooks_of(&sandbox), false, "an older git ignores what stands there");
        for name in HOOKS {
            let get = |key: &str| sandbox.git(&["config", "--get-all", &format!("hook.trace-{name}.{key}")]);
            assert_eq!(get("event"), name);
            let command = get("command");
            assert_eq!(
                command,
                format!("command -v git-trace >/dev/null 2>&1 || exit 0; exec git-trace hook git-{name}")
            );
            assert!(written.find(&command).unwrap() < written.find(&format!("event = {name}")).unwrap());
        }
        // As git runs it: a line for a shell, its arguments behind.
        let made = commit(&sandbox, "new", &format!("two{ending}"));
        let line = sandbox.git(&["config", "hook.trace-post-commit.command"]);
        sandbox.run("sh", &["-c", &format!("{line} \"$@\""), "sh"]).silent();
        sandbox.run("sh", &["-c", &format!("{line} \"$@\""), "sh"]).silent();
        let ids: Vec<_> =
            told(&sandbox, "committed").into_iter().map(|told| told["commit"].clone()).collect();
        assert_eq!(ids.iter().filter(|id| **id == made.as_str()).count(), 1, "told twice, and kept once");
        disable(&place);
        assert_eq!(fs::read_to_string(&config).unwrap(), before);
    }
    enable(&place, &[]);
    sandbox.git(&["config", "user.name", "somebody"]);
    disable(&place);
    let left = fs::read_to_string(&config).unwrap();
    assert!(!left.contains("trace-post") && left.contains("somebody"), "{left}");
}

#[test]
fn git_works_when_our_program_is_gone_or_told_to_be_still() {
    let sandbox = Sandbox::new();
    enable(&sandbox, &[]);
    let bare = sandbox.with("PATH", "/usr/local/bin:/usr/bin:/bin");
    for (place, text) in [
        (bare, "gone"),
        (sandbox.with("TRACE_OFF", "1"), "off"),
        (sandbox.with("TRACE_ACTIVE", "1"), "nested"),
        (sandbox.with("XDG_STATE_HOME", "/nowhere"), "no consent"),
    ] {
        place.write("new", text);
        let ran = place.run("git", &["commit", "-q", "--allow-empty", "-m", text]);
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""), "{text}");
    }
    assert_eq!(told(&sandbox, "committed"), [] as [Value; 0]);
    let quarantine = sandbox.with("GIT_QUARANTINE_PATH", sandbox.root().join("q"));
    quarantine.run(GIT_TRACE, &["hook", "git-post-commit"]).silent();
    assert_eq!(told(&sandbox, "committed"), [] as [Value; 0]);
}

#[test]
fn a_hook_that_is_held_up_is_ended_and_git_goes_on() {
    let sandbox = Sandbox::empty();
    // Where the refs are in a table our hook asks git, and this git never answers.
    sandbox.begin(&["--ref-format=reftable"]);
    enable(&sandbox, &[]);
    let bin = sandbox.root().join("bin");
    program(&sandbox.at("bin"), "git", "#!/bin/sh\nexec sleep 60\n");
    let held = format!("#!/bin/sh\nPATH=\"{}:$PATH\" exec '{GIT_TRACE}' \"$@\"\n", bin.display());
    program(&sandbox.at("held"), "git-trace", &held);
    let path = sandbox.run("sh", &["-c", "printf %s \"$PATH\""]).stdout;
    let place = sandbox.with("PATH", format!("{}:{path}", sandbox.root().join("held").display()));
    let ran = place.run("timeout", &["30", "git", "commit", "-q", "--allow-empty", "-m", "held up"]);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""));
    let trouble = fs::read_to_string(sandbox.own_dir().join("trouble.jsonl")).unwrap();
    assert!(trouble.contains("git-post-commit") && trouble.contains("took too long"), "{trouble}");
}

/// In words, and how it comes about.
type Fault = (&'static str, fn(&Sandbox));

/// What can be wrong with our files while somebody commits.
const FAULTS: [Fault; 8] = [
    ("the journal's place is a file", |sandbox| {
        let journal = sandbox.journal();
        let _ = fs::remove_dir_all(&journal);
        fs::write(journal, "x").unwrap();
    }),
    ("the journal is garbage", |sandbox| {
        sandbox.git(&["commit", "-q", "--allow-empty", "-m", "one"]);
        for entry in fs::read_dir(sandbox.journal()).unwrap() {
            fs::write(entry.unwrap().path(), [0xff, 0, b'{', 0, 0xfe].repeat(100)).unwrap();
        }
    }),
    ("our folder may not be written to", |sandbox| {
        fs::set_permissions(sandbox.own_dir(), fs::Permissions::from_mode(0o500)).unwrap();
        fs::set_permissions(sandbox.own_dir().join("journal"), fs::Permissions::from_mode(0o500)).unwrap();
        if sandbox.journal().is_dir() {
            fs::set_permissions(sandbox.journal(), fs::Permissions::from_mode(0o500)).unwrap();
        }
    }),
    ("the worktree's id is garbage", |sandbox| {
        fs::write(sandbox.git_dir().join("trace/worktree-id"), "garbage\n").unwrap();
    }),
    ("the clone's id is a directory", |sandbox| {
        fs::remove_file(sandbox.own_dir().join("clone-id")).unwrap();
        fs::create_dir(sandbox.own_dir().join("clone-id")).unwrap();
    }),
    ("the store is gone", |sandbox| fs::remove_dir_all(sandbox.store()).unwrap()),
    ("our folder is a file", |sandbox| {
        fs::remove_dir_all(sandbox.own_dir()).unwrap();
        fs::write(sandbox.git_dir().join("trace"), "x").unwrap();
    }),
    ("trouble cannot be noted", |sandbox| {
        let _ = fs::remove_file(sandbox.own_dir().join("trouble.jsonl"));
        fs::create_dir(sandbox.own_dir().join("trouble.jsonl")).unwrap();
        fs::write(sandbox.git_dir().join("trace/worktree-id"), "garbage\n").unwrap();
    }),
];

#[test]
fn whatever_is_wrong_with_our_files_git_s_commands_succeed_and_say_nothing_of_us() {
    for (fault, make) in FAULTS {
        let sandbox = Sandbox::new();
        enable(&sandbox, &[]);
        make(&sandbox);
        sandbox.write("src/a", fault);
        let amend = ["commit", "-q", "--amend", "-m", "again"];
        for args in [
            &["commit", "-q", "-a", "-m", fault][..],
            &amend,
            &["checkout", "-q", "topic"],
            &["merge", "-q", "main"],
        ] {
            let ran = sandbox.run("git", args);
            assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""), "{fault}: git {args:?}");
        }
        let restore = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        let _ = restore(&sandbox.own_dir()).and_then(|()| restore(&sandbox.own_dir().join("journal")));
    }
}

#[test]
fn a_disk_of_ours_that_is_full_or_read_only_holds_up_no_commit() {
    let probe = Sandbox::empty();
    if !may_mount(&probe) {
        return;
    }
    // The mount lives as long as the script. Only our folder is on it: git's own disk is sound.
    let on = |fault: &str| {
        format!(
            "set -eu; cp -a .git/trace ../kept; mount -t tmpfs -o size=1m,mode=700 none .git/trace
            cp -a ../kept/. .git/trace/; {fault}
            echo x >>src/a; git commit -q -a -m one; git commit -q --amend -m two
            git checkout -q topic; git merge -q main; trace hook git-post-commit; echo through"
        )
    };
    let full = "head -c 2m /dev/zero >.git/trace/noise 2>/dev/null || :";
    let read_only = "mount -o remount,ro .git/trace";
    for fault in [full, read_only] {
        let sandbox = Sandbox::new();
        enable(&sandbox, &[]);
        let ran = sandbox.run("unshare", &["-Urm", "sh", "-c", &on(fault)]);
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "through\n", ""), "{fault}");
    }
}

#[test]
fn an_error_at_any_system_call_of_a_hook_of_git_s_is_met_with_silence() {
    let old = "1".repeat(40);
    for (hook, stdin) in [("git-post-commit", String::new()), ("git-post-rewrite", format!("{old} {old}\n"))]
    {
        let args = ["hook", hook, "amend"].map(str::to_owned).into();
        let swept = Swept { program: GIT_TRACE, args, stdin: stdin.into_bytes() };
        let Some(sweep) = Sweep::prepare(|_| swept) else { return };
        let calls =
            ["openat", "open", "read", "write", "statx", "lseek", "poll", "clone3", "readlink", "fcntl"];
        // The first poll is the runtime's own, before the program begins: it gives up there.
        let is_ours = |point: &Point| (&*point.call, point.nth) != ("poll", 1);
        let points = sweep.points_of(|call| calls.contains(&call), 7).into_iter().filter(is_ours);
        let points: Vec<_> = points.collect();
        assert!(points.len() >= 3, "an empty sweep proves nothing");
        for point in &points {
            for error in ["ENOSPC", "EIO", "EMFILE"] {
                let ran = sweep.fault_from(point, &format!("error={error}"));
                let of = format!("{error} at {}#{} of {hook}: {ran:?}", point.call, point.nth);
                // Without the system's own libraries there is no program of ours yet.
                let began = !ran.stderr.contains("shared libraries");
                assert!(ran.stdout.is_empty() && (ran.code == 0 && ran.stderr.is_empty() || !began), "{of}");
            }
        }
        sweep.check(&[]);
    }
}

#[test]
fn a_lock_that_somebody_holds_holds_up_no_commit() {
    let sandbox = Sandbox::new();
    enable(&sandbox, &[]);
    let locks = sandbox.own_dir().join("locks");
    let all: Vec<_> = fs::read_dir(&locks).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!all.is_empty());
    let held: Vec<fs::File> = all
        .iter()
        .map(|path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
            file
        })
        .collect();
    let made = commit(&sandbox, "new", "two");
    drop(held);
    assert_eq!(told(&sandbox, "committed")[0]["commit"], made.as_str());
}

#[test]
fn a_trailer_is_written_only_where_it_was_asked_for() {
    let sandbox = Sandbox::new();
    enable(&sandbox, &[]);
    let message = |place: &Place| place.git(&["log", "-1", "--format=%B"]);
    commit(&sandbox, "a", "one");
    assert_eq!(message(&sandbox), "one");
    sandbox.git(&["config", "trace.trailer", "true"]);
    assert_eq!(hooks_of(&sandbox), false, "one hook is missing now");
    enable(&sandbox, &[]);
    let tip = sandbox.checkpoint();
    let agent = sandbox.with("CODEX_THREAD_ID", "t1");
    commit(&agent, "b", "two");
    let session = trace::model::id::SessionId::of_key("codex", b"t1");
    let expected = format!("two\n\nTrace-Checkpoint: {tip}\nTrace-Session: {session}");
    assert_eq!(message(&sandbox), expected);
    agent.git(&["commit", "-q", "--amend", "--no-edit"]);
    assert_eq!(message(&sandbox), expected, "once is enough");
    // A message that says nothing yet stays so: git gives such a commit up.
    let empty = sandbox.with("GIT_EDITOR", "true").run("git", &["commit", "-q", "--allow-empty"]);
    assert_ne!(empty.code, 0, "{empty:?}");
    sandbox.git(&["config", "--unset", "trace.trailer"]);
    enable(&sandbox, &[]);
    assert!(!sandbox.git_dir().join("hooks/prepare-commit-msg").exists());
}

#[test]
fn whoever_commits_is_known_by_the_session_that_git_was_started_in() {
    let sandbox = Sandbox::new();
    enable(&sandbox, &[]);
    let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    let shell = sandbox.with("TRACE_SHELL_SESSION", uuid);
    commit(&sandbox, "a", "nobody");
    commit(&shell, "b", "shell");
    commit(&shell.with("CLAUDE_CODE_SESSION_ID", "s1"), "c", "agent");
    sandbox.checkpoint();
    let events = Story::of(&sandbox).events;
    let sessions: Vec<_> = events
        .iter()
        .filter(|(_, event)| event["kind"] == "committed")
        .map(|(_, event)| event["session"].as_str().unwrap_or_default().to_owned())
        .collect();
    let agent = trace::model::id::SessionId::of_key("claude", b"s1").to_string();
    assert_eq!(sessions, [String::new(), format!("sess_{uuid}"), agent]);
    let listed = sandbox.json(&["session", "list"])["sessions"].clone();
    let known = listed.as_array().unwrap().iter().find(|one| one["agent"] == "claude").unwrap();
    assert_eq!(known["external_ids"], serde_json::json!(["s1"]));
}

#[test]
fn a_repository_with_hooks_is_as_before_once_they_are_gone() {
    let sandbox = Sandbox::new();
    let everything = |sandbox: &Sandbox| {
        let mut all = image(&sandbox.git_dir());
        all.retain(|path, _| !path.starts_with(sandbox.own_dir()));
        all
    };
    let before = everything(&sandbox);
    sandbox.run(TRACE, &["enable"]).good("enable");
    sandbox.checkpoint();
    sandbox.run(GIT_TRACE, &["hook", "git-post-commit"]).silent();
    disable(&sandbox);
    assert_eq!(everything(&sandbox), before);
}
