//! Cursor: `hooks.json`, flat entries. Never `failClosed`: a hook of ours must not be able to deny.

use super::{Body, Plan, Roots, Scope, command};
use crate::wire::hookfile::Entries;

/// The tools that write. What others write is found by the snapshot at the turn's end.
const WRITERS: &str = r#","matcher":"Shell|Write|StrReplace|Delete|ApplyPatch""#;

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let path = match scope {
        Scope::User => roots.home.join(".cursor/hooks.json"),
        Scope::Project => roots.top.as_ref()?.join(".cursor/hooks.json"),
        Scope::Local => return None,
    };
    let command = command("cursor", scope);
    let entry = |event, matcher: &str| (event, format!(r#"{{"command":"{command}"{matcher}}}"#));
    let events = vec![
        entry("sessionStart", ""),
        entry("beforeSubmitPrompt", ""),
        entry("preToolUse", WRITERS),
        entry("postToolUse", WRITERS),
        entry("postToolUseFailure", ""),
        entry("subagentStop", ""),
        entry("preCompact", ""),
        entry("stop", ""),
        entry("sessionEnd", ""),
    ];
    let then = Some("restart Cursor: it reads its hooks when it starts");
    Some(Plan { path, body: Body::Shared(Entries { base: vec![("version", "1")], events }), then })
}
