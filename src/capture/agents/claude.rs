//! Claude Code: `settings.json`. Times in seconds. Never `WorktreeCreate`: it would replace what git
//! does.

use super::{Body, Plan, Roots, Scope, command, group};
use crate::wire::hookfile::Entries;

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let own = || roots.claude.clone().unwrap_or_else(|| roots.home.join(".claude"));
    let top = roots.top.as_ref();
    let path = match scope {
        Scope::User => own().join("settings.json"),
        Scope::Project => top?.join(".claude/settings.json"),
        Scope::Local => top?.join(".claude/settings.local.json"),
    };
    let then = match scope {
        Scope::User => None,
        _ => Some("start claude here and trust the folder: until then interactive sessions run no hooks"),
    };
    let command = command("claude", scope);
    let entry = |event, matcher, timeout| (event, group(matcher, "", &command, timeout));
    let events = vec![
        entry("SessionStart", None, 10),
        entry("UserPromptSubmit", None, 10),
        entry("PreToolUse", Some("*"), 10),
        entry("PostToolUse", Some("*"), 30),
        entry("PostToolUseFailure", Some("*"), 30),
        entry("PostToolBatch", None, 30),
        entry("SubagentStop", None, 30),
        entry("PreCompact", None, 10),
        entry("Stop", None, 30),
        entry("SessionEnd", None, 5),
    ];
    Some(Plan { path, body: Body::Shared(Entries { base: Vec::new(), events }), then })
}
