//! Factory Droid: `settings.json`, with comments. Claude's shape, without the events it does not have.

use super::{Body, Plan, Roots, Scope, command, group};
use crate::wire::hookfile::Entries;

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let top = roots.top.as_ref();
    let path = match scope {
        Scope::User => roots.home.join(".factory/settings.json"),
        Scope::Project => top?.join(".factory/settings.json"),
        Scope::Local => top?.join(".factory/settings.local.json"),
    };
    let command = command("droid", scope);
    let entry = |event, matcher, timeout| (event, group(matcher, "", &command, timeout));
    let events = vec![
        entry("SessionStart", None, 10),
        entry("UserPromptSubmit", None, 10),
        entry("PreToolUse", Some("*"), 10),
        entry("PostToolUse", Some("*"), 30),
        entry("SubagentStop", None, 30),
        entry("PreCompact", None, 10),
        entry("Stop", None, 30),
        entry("SessionEnd", None, 5),
    ];
    Some(Plan { path, body: Body::Shared(Entries { base: Vec::new(), events }), then: None })
}
