//! The tools of the agents we know: which run a shell, which only read, and which files a call names.
//!
//! A tool that is not in a table may write: the comparison of snapshots decides.

use serde_json::Value;

use super::call::Call;
use crate::model::text::Text;

/// What a tool call can do to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It may change files: take a snapshot, open a window.
    MayWrite,
    /// It is known to read only: there is nothing to do.
    ReadsOnly,
}

/// A tool that runs a command, by whatever agent; how it is spelled counts.
const SHELLS: &[&str] = &[
    "Bash",
    "bash",
    "Shell",
    "shell",
    "PowerShell",
    "powershell",
    "Execute",
    "execute",
    "execute_command",
    "exec_command",
    "run_command",
    "run_shell_command",
    "shell_command",
    "user_bash",
];

/// The tools that are known to read only, by agent. Whatever is not here may write.
const READERS: &[(&str, &[&str])] = &[
    ("claude", &["Read", "Grep", "Glob", "LS", "WebFetch", "WebSearch", "TodoWrite", "NotebookRead"]),
    ("cline", &["read_file", "list_files", "search_files", "list_code_definition_names"]),
    ("codex", &["update_plan", "view_image", "web_search", "read_file", "list_dir", "grep_files"]),
    (
        "copilot",
        &["Read", "Grep", "Glob", "LS", "WebFetch", "WebSearch", "TodoWrite", "view", "grep", "glob"],
    ),
    ("cursor", &["Read", "Grep", "Glob", "LS", "WebFetch", "WebSearch", "TodoWrite", "ReadLints"]),
    ("droid", &["Read", "Grep", "Glob", "LS", "FetchUrl", "WebSearch", "TodoWrite"]),
    (
        "gemini",
        &[
            "read_file",
            "read_many_files",
            "list_directory",
            "glob",
            "search_file_content",
            "google_web_search",
            "web_fetch",
        ],
    ),
    ("opencode", &["read", "grep", "glob", "list", "webfetch", "websearch", "todowrite", "todoread"]),
    ("pi", &["read", "grep", "find", "ls"]),
    ("windsurf", &["read_code"]),
];

/// Says whether the call can change files. A call without a tool may.
pub fn effect(call: &Call) -> Effect {
    match call.tool.as_deref().is_some_and(|tool| reads_only(&call.agent, tool)) {
        true => Effect::ReadsOnly,
        false => Effect::MayWrite,
    }
}

/// Says whether this tool of this agent is known to read only.
pub fn reads_only(agent: &str, tool: &str) -> bool {
    READERS.iter().any(|(name, tools)| *name == agent && tools.contains(&tool))
}

/// Says whether a tool of this name runs a command.
pub fn is_shell(tool: &str) -> bool {
    SHELLS.contains(&tool.strip_prefix("functions.").unwrap_or(tool))
}

/// The command in the input of a shell tool.
pub fn command_in(tool: Option<&str>, input: Option<&Value>) -> Option<String> {
    let input = input.filter(|_| tool.is_some_and(is_shell))?;
    match ["command", "cmd"].iter().find_map(|key| input.get(key)).unwrap_or(input) {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => Some(words.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?.join(" ")),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

/// The files a call names: its own list, and those in the input of its tool; absolute, each once.
pub fn paths_in(list: Option<&Value>, input: Option<&Value>, cwd: &str) -> Vec<Text> {
    let mut paths: Vec<Text> = Vec::new();
    for path in written_paths(list, input) {
        let path = absolute(path, cwd);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The files a call names, as it spells them.
pub fn written_paths<'a>(
    list: Option<&'a Value>,
    input: Option<&'a Value>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let listed = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let keys = ["file_path", "filePath", "notebook_path", "notebookPath", "path"];
    let named = keys.into_iter().filter_map(move |key| input?.get(key)?.as_str());
    let patches = ["command", "input", "patch"].into_iter().filter_map(move |key| input?.get(key)?.as_str());
    let patched = patches.chain(input.and_then(Value::as_str)).flat_map(patched_paths);
    listed.chain(named).chain(patched).filter(|path| !path.is_empty())
}

/// The files that a patch in the agents' format touches, as it spells them.
pub fn patched_paths(patch: &str) -> impl Iterator<Item = &str> {
    const MARKS: [&str; 4] = ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "];
    patch.lines().filter_map(|line| MARKS.iter().find_map(|mark| line.trim().strip_prefix(mark)))
}

/// Makes a path absolute by its text alone, as the agents do.
pub fn absolute(path: &str, cwd: &str) -> Text {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shell_is_told_by_its_spelling() {
        for shell in ["Bash", "bash", "Shell", "execute", "run_shell_command", "functions.exec_command"] {
            assert!(is_shell(shell), "{shell}");
        }
        for other in ["", "BASH", "bashful", "Edit", "functions."] {
            assert!(!is_shell(other), "{other}");
        }
    }

    #[test]
    fn the_command_is_found_where_agents_put_it() {
        for (tool, input, command) in [
            (Some("Bash"), json!({"command": "make"}), Some("make")),
            (Some("shell"), json!({"command": ["bash", "-lc", "make"]}), Some("bash -lc make")),
            (Some("exec_command"), json!({"cmd": "make"}), Some("make")),
            (Some("bash"), json!("make"), Some("make")),
            (Some("bash"), json!({"command": ["a", 1]}), None),
            (Some("bash"), json!({"command": ""}), None),
            (Some("apply_patch"), json!({"command": "*** Begin Patch"}), None),
            (None, json!({"command": "make"}), None),
        ] {
            assert_eq!(command_in(tool, Some(&input)).as_deref(), command, "{tool:?} {input}");
        }
    }

    #[test]
    fn paths_become_absolute_and_each_comes_once() {
        let list = json!(["src/a.c", "./src/a.c", "/abs/../etc/x", 7, ""]);
        let input = json!({"file_path": "../b", "patch": "*** Begin Patch\n  *** Update File: c c.rs\n*** Move to: d\n+x"});
        let paths = paths_in(Some(&list), Some(&input), "/w/repo");
        let paths: Vec<_> = paths.iter().map(Text::lossy).collect();
        assert_eq!(paths, ["/w/repo/src/a.c", "/etc/x", "/w/b", "/w/repo/c c.rs", "/w/repo/d"]);
        assert_eq!(paths_in(None, Some(&json!("*** Add File: x")), "/w"), ["/w/x".into()]);
        assert_eq!(absolute("../../..", "/w"), "/".into());
    }
}
