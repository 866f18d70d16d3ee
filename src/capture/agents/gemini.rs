//! Gemini CLI: `settings.json`. Times in milliseconds. A hook of a project is known by its name and
//! its command; one that changed must be approved again.

use super::{Body, Plan, Roots, Scope, command, group};
use crate::wire::hookfile::Entries;

/// The tools that write. What others write is found by the snapshot at the turn's end.
const WRITERS: &str = "write_file|replace|run_shell_command";

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let path = match scope {
        Scope::User => roots.gemini.as_ref().unwrap_or(&roots.home).join(".gemini/settings.json"),
        Scope::Project => roots.top.as_ref()?.join(".gemini/settings.json"),
        Scope::Local => return None,
    };
    let then = match scope {
        Scope::User => None,
        _ => Some("start gemini here and trust the hooks of the project (/hooks panel shows them)"),
    };
    let command = command("gemini", scope);
    let entry = |event, matcher, timeout| (event, group(matcher, r#""name":"trace","#, &command, timeout));
    let events = vec![
        entry("SessionStart", None, 10_000),
        entry("BeforeAgent", None, 10_000),
        entry("BeforeTool", Some(WRITERS), 10_000),
        entry("AfterTool", Some(WRITERS), 30_000),
        entry("PreCompress", None, 10_000),
        entry("AfterAgent", None, 30_000),
        entry("SessionEnd", None, 3_000),
    ];
    Some(Plan { path, body: Body::Shared(Entries { base: Vec::new(), events }), then })
}
