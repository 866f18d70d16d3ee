//! Pi: an extension, which is a file of our own. It never throws, and is silent without us.

use super::{Body, Plan, Roots, Scope};

const EXTENSION: &str = include_str!("pi.ts");

pub fn plan(scope: Scope, roots: &Roots) -> Option<Plan> {
    let path = match scope {
        Scope::User => roots.home.join(".pi/agent/extensions/trace.ts"),
        Scope::Project => roots.top.as_ref()?.join(".pi/extensions/trace/index.ts"),
        Scope::Local => return None,
    };
    let then = Some("type /reload in pi, or start it anew");
    Some(Plan { path, body: Body::Own(EXTENSION.to_owned()), then })
}
