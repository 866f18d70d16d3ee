//! GitHub Copilot CLI, and VS Code: a file of our own where every file is read. JSON has no comments,
//! so the mark is one of the shell's, in the commands. An error in a hook denies the tool, so there is
//! never one.

use super::{Body, MARK, Plan, Roots, Scope, command};

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let own = || roots.copilot.clone().unwrap_or_else(|| roots.home.join(".copilot"));
    let path = match scope {
        Scope::User => own().join("hooks/trace.json"),
        Scope::Project => roots.top.as_ref()?.join(".github/hooks/trace.json"),
        Scope::Local => return None,
    };
    let command = format!("{} || true # {MARK} --agent copilot`", command("copilot", scope));
    let events = [
        ("SessionStart", 10),
        ("UserPromptSubmit", 10),
        ("PreToolUse", 10),
        ("PostToolUse", 30),
        ("SubagentStop", 30),
        ("Stop", 30),
        ("SessionEnd", 3),
    ];
    let line = |(event, timeout): &(&str, u32)| {
        format!(
            "    \"{event}\": [{{ \"type\": \"command\", \"bash\": \"{command}\", \"timeoutSec\": {timeout} }}]"
        )
    };
    let lines: Vec<String> = events.iter().map(line).collect();
    let text = format!("{{\n  \"version\": 1,\n  \"hooks\": {{\n{}\n  }}\n}}\n", lines.join(",\n"));
    let then = match scope {
        Scope::User => None,
        _ => Some(
            "start copilot here and trust the folder; with -p, GITHUB_COPILOT_PROMPT_MODE_REPO_HOOKS must be set",
        ),
    };
    Some(Plan { path, body: Body::Own(text), then })
}
