//! The file in which an agent keeps its hooks: our entries beside everybody else's.
//!
//! All agents that have such a file have an object `hooks` with a list for each event. In the list
//! stand handlers, or groups of handlers under a matcher. An entry is ours if its command calls
//! `git-trace hook`; nothing else is looked at, and nothing else is touched.

use super::Bad;
use super::jsonc::{self, Child, Insertion, New, Node, Value};

/// What every command of ours says.
const OURS: &str = "git-trace hook";

/// The keys under which a handler has its command.
const COMMANDS: [&str; 3] = ["command", "bash", "powershell"];

/// What is to stand in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Members of the file itself that must be there, as JSON.
    pub base: Vec<(&'static str, &'static str)>,
    /// An entry for each event, as JSON.
    pub events: Vec<(&'static str, String)>,
}

/// What is to be put into `text`, so that each event has an entry of ours; nothing if each has one.
///
/// # Errors
/// It is no object, or what should be lists are none: whoever wrote it has to look at it.
pub fn add(text: &str, entries: &Entries) -> Result<Vec<Insertion>, Bad> {
    if text.trim().is_empty() {
        let whole = fresh(entries)?;
        return Ok(vec![Insertion { at: text.len(), text: whole }]);
    }
    let root = jsonc::parse(text)?;
    if !matches!(root.value, Value::Object(_)) {
        return Err(Bad::Json("no object", 0));
    }
    let absent = |(key, _): &&(&'static str, &'static str)| root.get(key).is_none();
    let base = entries.base.iter().filter(absent);
    let mut members: Vec<New<'_>> =
        base.map(|(key, json)| New { key: Some(key), json: (*json).to_owned() }).collect();
    let mut all = Vec::new();
    match root.get("hooks") {
        None => members.push(New { key: Some("hooks"), json: hooks(&entries.events) }),
        Some(node) => all = in_hooks(text, node, entries)?,
    }
    if !members.is_empty() {
        all.extend(jsonc::append(text, &root, &members));
    }
    all.sort_by_key(|insertion| insertion.at);
    Ok(all)
}

/// A file that holds nothing but our entries.
fn fresh(entries: &Entries) -> Result<String, Bad> {
    let empty = "{}";
    Ok(jsonc::apply(empty, &add(empty, entries)?) + "\n")
}

fn hooks(events: &[(&'static str, String)]) -> String {
    let members = events.iter().map(|(event, entry)| format!("\"{event}\":[{entry}]"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn in_hooks(text: &str, hooks: &Node, entries: &Entries) -> Result<Vec<Insertion>, Bad> {
    if !matches!(hooks.value, Value::Object(_)) {
        return Err(Bad::Field("hooks"));
    }
    let (mut all, mut new) = (Vec::new(), Vec::new());
    for (event, entry) in &entries.events {
        match hooks.get(event) {
            None => new.push(New { key: Some(event), json: format!("[{entry}]") }),
            Some(list) if !matches!(list.value, Value::Array(_)) => return Err(Bad::Field("hooks")),
            Some(list) if list.children().iter().any(|entry| holds_ours(&entry.node)) => {}
            Some(list) => all.extend(jsonc::append(text, list, &[New { key: None, json: entry.clone() }])),
        }
    }
    if !new.is_empty() {
        all.extend(jsonc::append(text, hooks, &new));
    }
    Ok(all)
}

/// The text without our entries, and without the groups, events and `hooks` that hold nothing else;
/// `None` if it has none.
pub fn remove(text: &str) -> Result<Option<String>, Bad> {
    let mut left: Option<String> = None;
    loop {
        let now = left.as_deref().unwrap_or(text);
        if now.trim().is_empty() {
            return Ok(left);
        }
        let root = jsonc::parse(now)?;
        let Some((container, at)) = first_of_ours(&root) else { return Ok(left) };
        left = jsonc::without(now, &jsonc::remove(now, container, at));
    }
}

/// Whether an entry of ours is in it.
pub fn has(text: &str) -> bool {
    jsonc::parse(text).is_ok_and(|root| first_of_ours(&root).is_some())
}

/// Whether it holds nothing, or nothing but what we would put in beside our entries.
pub fn is_bare(text: &str, entries: &Entries) -> bool {
    let Ok(root) = jsonc::parse(text) else { return text.trim().is_empty() };
    root.children().iter().all(|child| entries.base.iter().any(|(key, _)| child.key.as_deref() == Some(key)))
}

/// The first entry of ours, as a child of what it is to be taken from: the highest container in which
/// it is alone.
fn first_of_ours(root: &Node) -> Option<(&Node, usize)> {
    let hooks = root.get("hooks")?;
    let event = hooks
        .children()
        .iter()
        .position(|event| event.node.children().iter().any(|entry| holds_ours(&entry.node)))?;
    let list = &hooks.children()[event].node;
    let entry = list.children().iter().position(|entry| holds_ours(&entry.node))?;
    let group = list.children()[entry].node.get("hooks");
    if let Some(group) = group.filter(|group| group.children().len() > 1) {
        let handler = group.children().iter().position(is_ours)?;
        return Some((group, handler));
    }
    if list.children().len() > 1 {
        return Some((list, entry));
    }
    if hooks.children().len() > 1 {
        return Some((hooks, event));
    }
    Some((root, root.position("hooks")?))
}

/// A handler of ours, or a group with one in it.
fn holds_ours(entry: &Node) -> bool {
    let own = COMMANDS.iter().any(|key| matches!(entry.get(key).map(|node| &node.value), Some(Value::Text(text)) if text.contains(OURS)));
    own || entry.get("hooks").is_some_and(|group| group.children().iter().any(is_ours))
}

fn is_ours(child: &Child) -> bool {
    holds_ours(&child.node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Entries {
        let entry = |event: &'static str| {
            (
                event,
                format!(
                    r#"{{"matcher":"{event}","hooks":[{{"type":"command","command":"git-trace hook claude"}}]}}"#
                ),
            )
        };
        Entries { base: vec![("version", "1")], events: vec![entry("Stop"), entry("PreToolUse")] }
    }

    fn put_in(text: &str) -> String {
        jsonc::apply(text, &add(text, &entries()).unwrap())
    }

    #[test]
    fn entries_stand_beside_those_of_others_and_go_without_a_trace() {
        for text in [
            "{}",
            "{\n}",
            "{\n  \"version\": 1\n}\n",
            "{\"env\": {\"A\": \"b\"}, \"version\": 1}",
            "{\n  // mine\n  \"model\": \"m\", // yes\n}\n",
            "{\n  \"hooks\": {\n    \"Stop\": [\n      { \"command\": \"lefthook\" }\n    ]\n  },\n  \"version\": 1\n}",
            "{ \"version\": 1, \"hooks\": {\"Stop\": [{\"hooks\": [{\"command\": \"x\"}]}], \"Other\": []} }",
        ] {
            let after = put_in(text);
            assert!(has(&after) && !has(text), "{after}");
            assert_eq!(put_in(&after), after, "once is enough");
            let left = remove(&after).unwrap().unwrap();
            match text.contains("version") {
                true => assert_eq!(left, text),
                false => assert!(left.contains("version"), "it may be somebody's by now: {left}"),
            }
            assert_eq!(remove(&left), Ok(None));
        }
    }

    #[test]
    fn a_handler_of_ours_in_somebodys_group_goes_alone() {
        let group = r#"{"hooks":{"Stop":[{"matcher":"*","hooks":[{"command":"a"},{"command":"git-trace hook claude"},{"command":"b"}]}]}}"#;
        let left = remove(group).unwrap().unwrap();
        assert_eq!(left, r#"{"hooks":{"Stop":[{"matcher":"*","hooks":[{"command":"a"},{"command":"b"}]}]}}"#);
    }

    #[test]
    fn a_file_that_is_empty_gets_a_document() {
        for text in ["", "\n"] {
            let after = put_in(text);
            assert!(after.starts_with(text) && after.ends_with("}\n") && has(&after), "{after}");
            assert!(is_bare(&remove(&after).unwrap().unwrap(), &entries()));
        }
        assert!(!is_bare(r#"{"version":1,"x":2}"#, &entries()));
    }

    #[test]
    fn what_is_not_as_it_should_be_is_left_to_whoever_wrote_it() {
        for text in ["[]", "7", "{", r#"{"hooks":[]}"#, r#"{"hooks":{"Stop":{}}}"#] {
            assert!(add(text, &entries()).is_err(), "{text}");
        }
    }
}
