//! Agents are set up and forgotten again in real files, beside what other tools keep there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::place::{GIT_TRACE, Place, Ran, finish};
use crate::sandbox::Sandbox;

const AGENTS: [&str; 8] = ["claude", "codex", "copilot", "cursor", "droid", "gemini", "opencode", "pi"];

/// Where each of them keeps what, below the home directory and below the project.
const PLACES: [(&str, &str, &str); 8] = [
    ("claude", ".claude/settings.json", ".claude/settings.json"),
    ("codex", ".codex/hooks.json", ".codex/hooks.json"),
    ("cursor", ".cursor/hooks.json", ".cursor/hooks.json"),
    ("gemini", ".gemini/settings.json", ".gemini/settings.json"),
    ("opencode", ".config/opencode/plugins/trace.ts", ".opencode/plugins/trace.ts"),
    ("copilot", ".copilot/hooks/trace.json", ".github/hooks/trace.json"),
    ("droid", ".factory/settings.json", ".factory/settings.json"),
    ("pi", ".pi/agent/extensions/trace.ts", ".pi/extensions/trace/index.ts"),
];

/// Settings as people and other tools leave them.
const SETTINGS: [&str; 9] = [
    "{}",
    "{\n}\n",
    "",
    "{ \"hooks\": {} }\n",
    "{\"model\":\"m\",\"env\":{\"A\":\"b\"}}",
    "{\n\t\"z\": 1,\n\t\"a\": [1,2],\n\t\"hooks\": {\n\t\t\"Stop\": []\n\t}\n}",
    "{\r\n    \"version\": 1,\r\n    \"hooks\": {\r\n        \"stop\": [{ \"command\": \"lefthook run\" }]\r\n    }\r\n}\r\n",
    "// mine\n{\n  \"hooks\": {\n    /* theirs */\n    \"PreToolUse\": [\n      { \"matcher\": \"Bash\", \"hooks\": [{ \"type\": \"command\", \"command\": \"guard\" }] }, // last\n    ],\n  },\n}\n",
    "\u{feff}{\"ai\": \"\\u00e9\", \"hooks\": {\"SessionStart\": [{\"hooks\": [{\"command\": \"x\"}]}]}, \"n\": 1.50}\n\n",
];

fn home(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("home")
}

fn agent(place: &Place, way: &str, name: &str, more: &[&str]) -> Ran {
    place.trace(&[&[way, "--agent", name], more].concat())
}

fn done(place: &Place, way: &str, name: &str, more: &[&str]) -> Ran {
    let ran = agent(place, way, name, more);
    assert_eq!(ran.code, 0, "{way} {name}: {ran:?}");
    ran
}

#[test]
fn what_is_put_into_settings_is_taken_out_to_the_byte() {
    let sandbox = Sandbox::enabled();
    for (name, file, _) in
        PLACES.iter().filter(|(_, file, _)| file.ends_with("settings.json") || file.ends_with("hooks.json"))
    {
        let path = home(&sandbox).join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for before in SETTINGS {
            fs::write(&path, before).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            done(&sandbox, "enable", name, &[]);
            let after = fs::read_to_string(&path).unwrap();
            assert!(after.contains(&format!("git-trace hook {name}")), "{after}");
            done(&sandbox, "enable", name, &["--user"]);
            assert_eq!(fs::read_to_string(&path).unwrap(), after, "{name}: once is enough");
            done(&sandbox, "disable", name, &[]);
            assert_eq!(fs::read_to_string(&path).unwrap(), before, "{name}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
            let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
            assert_eq!(left, 1, "no other file is left behind");
        }
    }
}

#[test]
fn what_others_write_in_between_stays() {
    let sandbox = Sandbox::enabled();
    let path = home(&sandbox).join(".claude/settings.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = "{\n  \"model\": \"m\",\n  \"hooks\": {\n    \"Stop\": [\n      { \"hooks\": [{ \"type\": \"command\", \"command\": \"say done\" }] }\n    ]\n  }\n}\n";
    fs::write(&path, before).unwrap();
    done(&sandbox, "enable", "claude", &[]);
    let changed = fs::read_to_string(&path).unwrap().replace("\"model\": \"m\"", "\"model\": \"other\"");
    fs::write(&path, &changed).unwrap();
    done(&sandbox, "disable", "claude", &[]);
    assert_eq!(fs::read_to_string(&path).unwrap(), before.replace("\"m\"", "\"other\""));
}

#[test]
fn every_agent_is_set_up_where_nothing_was_and_leaves_nothing() {
    let sandbox = Sandbox::enabled();
    let list = |dir: PathBuf| {
        let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = (list(home(&sandbox)), list(sandbox.dir.clone()));
    for (name, user, project) in PLACES {
        let ran = done(&sandbox, "enable", name, &[]);
        assert_eq!(ran.stdout, "", "{name}");
        done(&sandbox, "enable", name, &["--project"]);
        let own = fs::read_to_string(home(&sandbox).join(user)).unwrap();
        let shared = fs::read_to_string(sandbox.dir.join(project)).unwrap();
        if user.ends_with(".json") {
            assert!(!own.contains("command -v") && shared.contains("command -v git-trace"), "{name}");
            serde_json::from_str::<Value>(&own).unwrap();
            serde_json::from_str::<Value>(&shared).unwrap();
        } else {
            assert!(
                own.starts_with("// trace ") && own.contains("auto-generated by `trace enable"),
                "{name}"
            );
        }
    }
    let status = sandbox.json(&["status"]);
    assert_eq!(status["hooks"]["agents"], json!(AGENTS));
    for name in AGENTS {
        done(&sandbox, "disable", name, &[]);
        done(&sandbox, "disable", name, &["--project"]);
        let again = done(&sandbox, "disable", name, &[]);
        assert!(again.stderr.contains("was not set up"), "{again:?}");
    }
    assert_eq!((list(home(&sandbox)), list(sandbox.dir.clone())), before);
    assert_eq!(sandbox.json(&["status"])["hooks"]["agents"], json!([]));
}

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let sandbox = Sandbox::enabled();
    let path = home(&sandbox).join(".gemini/settings.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{\n  \"a\": 1\n}").unwrap();
    let ran = done(&sandbox, "enable", "gemini", &["--dry-run"]);
    let head = format!("--- {0}\n+++ {0}\n@@ -1,3 +1,", path.display());
    assert!(ran.stdout.starts_with(&head), "{}", ran.stdout);
    assert!(ran.stdout.contains("-  \"a\": 1\n+  \"a\": 1,\n+  \"hooks\": {\n"), "{}", ran.stdout);
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  \"a\": 1\n}");
    let document = sandbox.json(&["enable", "--agent", "gemini", "--dry-run"]);
    assert_eq!(document["agents"][0]["changed"], true, "{document}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  \"a\": 1\n}");
    let fresh = done(&sandbox, "enable", "codex", &["--dry-run"]);
    assert!(fresh.stdout.starts_with("--- /dev/null\n+++ "), "{}", fresh.stdout);
    assert!(!home(&sandbox).join(".codex").exists());
    done(&sandbox, "enable", "codex", &[]);
    let out = done(&sandbox, "disable", "codex", &["--dry-run"]);
    assert!(out.stdout.contains("+++ /dev/null"), "{}", out.stdout);
    assert!(home(&sandbox).join(".codex/hooks.json").exists());
    assert_eq!(done(&sandbox, "enable", "codex", &["--dry-run"]).stdout, "", "nothing would change");
}

#[test]
fn a_link_to_the_settings_stays_one() {
    let sandbox = Sandbox::enabled();
    let (dotfiles, config) = (sandbox.root().join("dotfiles"), home(&sandbox).join(".claude"));
    fs::create_dir_all(&dotfiles).unwrap();
    fs::create_dir_all(&config).unwrap();
    fs::write(dotfiles.join("claude.json"), "{}").unwrap();
    symlink(dotfiles.join("claude.json"), config.join("settings.json")).unwrap();
    done(&sandbox, "enable", "claude", &[]);
    assert!(config.join("settings.json").is_symlink());
    assert!(fs::read_to_string(dotfiles.join("claude.json")).unwrap().contains("git-trace hook claude"));
    done(&sandbox, "disable", "claude", &[]);
    assert_eq!(fs::read_to_string(dotfiles.join("claude.json")).unwrap(), "{}");
}

#[test]
fn a_link_in_a_repository_leads_us_nowhere_else() {
    let sandbox = Sandbox::enabled();
    let victim = home(&sandbox).join("victim.json");
    fs::write(&victim, "{}").unwrap();
    fs::create_dir_all(sandbox.dir.join(".claude")).unwrap();
    symlink(&victim, sandbox.dir.join(".claude/settings.json")).unwrap();
    symlink(home(&sandbox), sandbox.dir.join(".codex")).unwrap();
    for name in ["claude", "codex"] {
        let ran = agent(&sandbox, "enable", name, &["--project"]);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("outside"), "{ran:?}");
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "{}");
    assert!(!home(&sandbox).join("hooks.json").exists());
}

#[test]
fn what_somebody_else_wrote_is_not_overwritten() {
    let sandbox = Sandbox::enabled();
    for path in [".opencode/plugins/trace.ts", ".pi/extensions/trace/index.ts", ".github/hooks/trace.json"] {
        sandbox.write(path, "mine\n");
    }
    for name in ["opencode", "pi", "copilot"] {
        let ran = agent(&sandbox, "enable", name, &["--project"]);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("was not made by trace"), "{ran:?}");
        done(&sandbox, "disable", name, &["--project"]);
    }
    assert_eq!(fs::read_to_string(sandbox.dir.join(".pi/extensions/trace/index.ts")).unwrap(), "mine\n");
    for broken in ["{", "[]", "{\"hooks\": 7}"] {
        sandbox.write(".claude/settings.json", broken);
        let ran = agent(&sandbox, "enable", "claude", &["--project"]);
        assert_ne!(ran.code, 0, "{broken}");
        assert!(ran.stderr.contains("settings.json"), "{ran:?}");
        assert_eq!(fs::read_to_string(sandbox.dir.join(".claude/settings.json")).unwrap(), broken);
    }
}

#[test]
fn scopes_and_agents_that_are_not_are_refused_with_advice() {
    let sandbox = Sandbox::enabled();
    assert_eq!(agent(&sandbox, "enable", "nobody", &[]).code, 2);
    assert_eq!(sandbox.trace(&["enable", "--project"]).code, 2);
    assert_eq!(agent(&sandbox, "enable", "claude", &["--project", "--local"]).code, 2);
    let ran = agent(&sandbox, "enable", "codex", &["--local"]);
    assert!(ran.code == 2 && ran.stderr.contains("--project"), "{ran:?}");
    let outside = sandbox.at("home");
    let ran = agent(&outside, "enable", "claude", &["--project"]);
    assert!(ran.code == 2 && ran.stderr.contains("repository"), "{ran:?}");
    done(&outside, "enable", "claude", &[]);
    done(&sandbox, "enable", "claude", &["--local"]);
    assert!(sandbox.dir.join(".claude/settings.local.json").exists());
}

#[test]
fn a_document_says_what_was_done_and_what_is_left_to_do() {
    let sandbox = Sandbox::new();
    let own = sandbox.with("CODEX_HOME", sandbox.root().join("elsewhere"));
    let document = own.json(&["enable", "--agent", "codex", "--agent", "claude"]);
    assert_eq!(document["schema"], "trace/v1/agents");
    let codex = &document["agents"][0];
    assert_eq!((&codex["agent"], &codex["scope"]), (&json!("codex"), &json!("user")));
    assert_eq!(codex["path"], json!(sandbox.root().join("elsewhere/hooks.json")));
    assert!(codex["then"].as_str().unwrap().contains("/hooks"), "{codex}");
    assert_eq!((&codex["installed"], &codex["changed"]), (&json!(true), &json!(true)));
    assert_eq!(own.json(&["status"])["enabled"], true, "the repository is recorded from now on");
    let doctor = own.trace(&["doctor"]);
    assert!(
        doctor.stdout.contains("codex: hooks in") && doctor.stdout.contains("not approved"),
        "{doctor:?}"
    );
    assert!(
        doctor.stdout.contains("claude: hooks in") && doctor.stdout.contains("no event yet"),
        "{doctor:?}"
    );
    let prompt =
        json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "UserPromptSubmit", "prompt": "go"});
    finish(own.command(GIT_TRACE).args(["hook", "claude"]), prompt.to_string().as_bytes()).silent();
    assert!(own.trace(&["doctor"]).stdout.contains("; last event "), "{:?}", own.trace(&["doctor"]));
    let gone = own.json(&["disable", "--agent", "codex"]);
    assert_eq!(
        (&gone["agents"][0]["installed"], &gone["agents"][0]["changed"]),
        (&json!(false), &json!(true))
    );
    assert!(!sandbox.root().join("elsewhere").exists());
}

#[test]
fn a_committed_hook_is_quiet_where_we_are_not_installed() {
    let sandbox = Sandbox::enabled();
    done(&sandbox, "enable", "claude", &["--project"]);
    let text = fs::read_to_string(sandbox.dir.join(".claude/settings.json")).unwrap();
    let settings: Value = serde_json::from_str(&text).unwrap();
    let command = settings["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().unwrap();
    let bare = sandbox.with("PATH", "/usr/bin:/bin");
    let ran = finish(bare.command("sh").args(["-c", command]), b"{}");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    let stop = json!({"session_id": "s", "cwd": sandbox.dir, "hook_event_name": "Stop"});
    finish(sandbox.command("sh").args(["-c", command]), stop.to_string().as_bytes()).silent();
    sandbox.checkpoint();
    assert!(sandbox.trace(&["doctor"]).stdout.contains("claude: hooks in"));
}
