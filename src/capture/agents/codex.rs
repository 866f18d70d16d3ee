//! Codex CLI: `hooks.json`. A new or changed hook is skipped without a word until the user approves it.

use super::{Body, Plan, Roots, Scope, command, group};
use crate::wire::hookfile::Entries;

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let own = || roots.codex.clone().unwrap_or_else(|| roots.home.join(".codex"));
    let path = match scope {
        Scope::User => own().join("hooks.json"),
        Scope::Project => roots.top.as_ref()?.join(".codex/hooks.json"),
        Scope::Local => return None,
    };
    let command = command("codex", scope);
    let entry = |event, timeout| (event, group(None, "", &command, timeout));
    let events = vec![
        entry("SessionStart", 10),
        entry("UserPromptSubmit", 10),
        entry("PreToolUse", 10),
        entry("PostToolUse", 30),
        entry("SubagentStop", 30),
        entry("Stop", 30),
    ];
    let then =
        Some("start codex, type /hooks and approve each of them: until then codex skips them silently");
    Some(Plan { path, body: Body::Shared(Entries { base: Vec::new(), events }), then })
}
