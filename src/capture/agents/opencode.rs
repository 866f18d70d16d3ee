//! OpenCode: a plugin, which is a file of our own. It never throws, and is silent without us.

use super::{Body, Plan, Roots, Scope};

const PLUGIN: &str = include_str!("opencode.ts");

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let config = || roots.config.clone().unwrap_or_else(|| roots.home.join(".config"));
    let path = match scope {
        Scope::User => config().join("opencode/plugins/trace.ts"),
        Scope::Project => roots.top.as_ref()?.join(".opencode/plugins/trace.ts"),
        Scope::Local => return None,
    };
    let then = Some("restart opencode: it loads its plugins when it starts");
    Some(Plan { path, body: Body::Own(PLUGIN.to_owned()), then })
}
