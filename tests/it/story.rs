//! What the store holds, read with plain git: a proof must not trust the reader it proves.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::place::Place;

/// The chain of one worktree, oldest first.
pub struct Story {
    /// The ids of its checkpoints.
    pub chain: Vec<String>,
    /// Every event, with the checkpoint that holds it.
    pub events: Vec<(String, Value)>,
}

impl Story {
    /// Reads the chain of `place`'s worktree; fails if it is not a line.
    pub fn of(place: &Place) -> Self {
        let chain = chain(place);
        let asked: Vec<_> = chain.iter().map(|id| format!("{id}:events.jsonl")).collect();
        let blobs = blobs(place, &asked);
        let events =
            chain.iter().zip(blobs).flat_map(|(id, blob)| lines(id, &blob.unwrap_or_default())).collect();
        Self { chain, events }
    }

    /// How often each command's end is told.
    pub fn commands(&self) -> BTreeMap<String, usize> {
        let mut told = BTreeMap::new();
        for (_, event) in self.events.iter().filter(|(_, event)| event["kind"] == "command_finished") {
            *told.entry(event["body"]["command"].to_string()).or_default() += 1;
        }
        told
    }

    /// Fails unless each of `commands` is in exactly one checkpoint, and every event id is there once.
    pub fn holds_once<'a>(&self, commands: impl IntoIterator<Item = &'a str>) {
        let told = self.commands();
        let wrong: Vec<_> = commands
            .into_iter()
            .map(|command| (command, told.get(&Value::from(command).to_string()).copied().unwrap_or(0)))
            .filter(|(_, times)| *times != 1)
            .collect();
        assert!(wrong.is_empty(), "{} not there once: {wrong:?}", wrong.len());
        self.ids_are_unique();
    }

    /// Fails if an event id is in the chain twice.
    pub fn ids_are_unique(&self) {
        let mut seen = HashSet::new();
        for (checkpoint, event) in &self.events {
            assert!(
                seen.insert(event["id"].to_string()),
                "{} is twice in the chain, again in {checkpoint}",
                event["id"]
            );
        }
    }

    /// Fails if a checkpoint lacks an object of its files, be it ours or borrowed. What a partial
    /// clone was promised may be absent.
    pub fn complete(&self, place: &Place) {
        let stdin = self.chain.join("\n");
        place
            .store_bytes(&["rev-list", "--objects", "--missing=allow-promisor", "--stdin"], stdin.as_bytes());
    }
}

/// The content of `PATH` in the snapshot of each checkpoint, in the order asked.
pub fn files(place: &Place, asked: &[(String, String)]) -> Vec<Option<Vec<u8>>> {
    let names: Vec<_> = asked.iter().map(|(id, path)| format!("{id}:worktree/{path}")).collect();
    blobs(place, &names)
}

/// The paths in the snapshot of a checkpoint.
pub fn paths(place: &Place, id: &str) -> Vec<String> {
    let list = place.store_git(&["ls-tree", "-r", "--name-only", &format!("{id}:worktree")]);
    list.lines().map(str::to_owned).collect()
}

/// The checkpoints of this worktree in all its segments, oldest first.
fn chain(place: &Place) -> Vec<String> {
    let id = place.worktree_id();
    let listed = place.store_git(&["for-each-ref", "--format=%(refname)", &format!("refs/trace/past/{id}")]);
    let mut segments: Vec<_> = listed.lines().map(str::to_owned).collect();
    segments.sort_by_key(|name| name.rsplit('/').next().and_then(|number| number.parse::<u64>().ok()));
    segments.push(format!("refs/trace/shadow/{id}"));
    let mut chain: Vec<String> = Vec::new();
    for segment in segments {
        let rows = place.store_git(&["rev-list", "--reverse", "--topo-order", "--parents", &segment]);
        let mut before = None;
        for row in rows.lines() {
            let mut ids = row.split(' ').map(str::to_owned);
            let own = ids.next().expect("a row names its commit");
            assert!(ids.eq(before), "{own} does not follow the one before it in {segment}");
            before = Some(own.clone());
            // While a segment is closed one commit has both names.
            if !chain.contains(&own) {
                chain.push(own);
            }
        }
    }
    chain
}

/// Reads objects by name through one `git cat-file`; `None` where there is no such object.
fn blobs(place: &Place, names: &[String]) -> Vec<Option<Vec<u8>>> {
    let stdin = names.join("\n") + "\n";
    let bytes = place.store_bytes(&["cat-file", "--batch"], stdin.as_bytes());
    let mut rest = &bytes[..];
    names.iter().map(|_| blob(&mut rest)).collect()
}

fn blob(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n').expect("cat-file answers with a line");
    let (head, tail) = (String::from_utf8_lossy(&rest[..end]).into_owned(), &rest[end + 1..]);
    let Some(size) = head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok()) else {
        *rest = tail;
        return None;
    };
    *rest = &tail[size + 1..];
    Some(tail[..size].to_vec())
}

fn lines(checkpoint: &str, blob: &[u8]) -> Vec<(String, Value)> {
    let parse = |line: &[u8]| {
        serde_json::from_slice(line).unwrap_or_else(|e| panic!("{e} in an event of {checkpoint}"))
    };
    blob.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| (checkpoint.to_owned(), parse(line)))
        .collect()
}
