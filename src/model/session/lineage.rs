//! From whom a session descends, and when two are one.
//!
//! Whoever says more counts: somebody's word over the agent's, the agent's over records that two
//! transcripts share. Sessions that share records are one only if all of the older one's are in the
//! younger, the agent said that it resumed, and the older did nothing since: `sessions` rule 3. It is a
//! finding, computed at each reading, so a later sign of life of the older makes two of them again.

use std::collections::BTreeMap;

use super::{Identity, ParentKind, Session};
use crate::model::event::SessionSeen;
use crate::model::id::SessionId;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// Who says that a session descends from another, the least believed first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voice {
    #[default]
    Nobody,
    /// Their transcripts share records.
    Records,
    /// The agent.
    Agent,
    /// Somebody.
    Person,
}

/// Records that a session's transcript shares with that of an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    pub of: SessionId,
    pub at_message: Text,
    /// All records that the older one had.
    pub whole: bool,
}

impl Session {
    /// Takes what somebody says of the parent, unless somebody who is believed more said otherwise.
    /// Of two agents' words the first counts, of two people's the last.
    pub(super) fn descend(&mut self, voice: Voice, parent: Option<(SessionId, ParentKind)>) {
        let parent = parent.filter(|(parent, _)| *parent != self.id);
        if voice > self.voice || voice == self.voice && voice == Voice::Person {
            self.voice = voice;
            (self.parent, self.parent_kind) = parent.unzip();
        }
    }
}

/// The parent that an agent names, and what it is to its child.
pub(super) fn named(seen: &SessionSeen) -> Option<(SessionId, ParentKind)> {
    let id = |external: &[u8]| SessionId::of_key(&seen.agent, external);
    if let Some(parent) = &seen.parent {
        let kind = match (seen.agent.as_str(), seen.parent_kind.as_deref()) {
            (_, Some("resume")) => ParentKind::Resume,
            ("shell", _) => ParentKind::Nested,
            (_, Some("subagent")) => ParentKind::Subagent,
            _ => ParentKind::Fork,
        };
        return Some((id(parent.as_bytes()), kind));
    }
    if let Some(of) = &seen.forked_from {
        return Some((id(of.as_bytes()), ParentKind::Fork));
    }
    let parent = id(id_in(seen.parent_external.as_ref()?.as_bytes()));
    let kind = match seen.parent_kind.as_deref() {
        Some("subagent" | "detached") => ParentKind::Subagent,
        _ => ParentKind::Fork,
    };
    Some((parent, kind))
}

/// An id as it is; of the path of a transcript the id in its name, which stands behind `_`.
pub fn id_in(external: &[u8]) -> &[u8] {
    let name = external.rsplit(|byte| *byte == b'/').next().unwrap_or(external);
    match name.strip_suffix(b".jsonl") {
        Some(stem) => stem.rsplit(|byte| *byte == b'_').next().unwrap_or(stem),
        None => external,
    }
}

/// Makes one of sessions that are one, and children of those that only began alike.
pub(super) fn settle(all: &mut BTreeMap<SessionId, Session>) {
    same_key(all);
    let mut found: Vec<(Timestamp, SessionId, Shared)> =
        all.values().filter_map(|one| Some((one.started, one.id.clone(), one.shared.clone()?))).collect();
    found.sort_by_key(|(started, ..)| *started);
    let mut is_now: BTreeMap<SessionId, SessionId> = BTreeMap::new();
    for (_, id, shared) in found {
        let of = is_now.get(&shared.of).unwrap_or(&shared.of).clone();
        let Some(mut younger) = all.remove(&id) else { continue };
        match all.get_mut(&of) {
            Some(older) if is_resumed(older, &younger, &shared) => {
                let matched = younger.external_ids.last().map(|id| id.lossy().into_owned());
                older.absorb(younger);
                older.identity = Identity { source: "transcript_lineage", confidence: "high", matched };
                is_now.insert(id, of);
            }
            _ => {
                younger.descend(Voice::Records, Some((of, ParentKind::Fork)));
                all.insert(id, younger);
            }
        }
    }
}

fn is_resumed(older: &Session, younger: &Session, shared: &Shared) -> bool {
    let was_split = || younger.external_ids.iter().any(|id| older.split.contains(id));
    shared.whole
        && younger.resumed
        && younger.voice < Voice::Agent
        && older.last_activity < younger.started
        && !was_split()
}

/// An agent's own id is one session, whatever id somebody else's record had given it.
fn same_key(all: &mut BTreeMap<SessionId, Session>) {
    let mut oldest: BTreeMap<(String, Text), (Timestamp, SessionId)> = BTreeMap::new();
    let mut again: Vec<(SessionId, (String, Text))> = Vec::new();
    let mut by_age: Vec<&Session> = all.values().collect();
    by_age.sort_by_key(|one| (one.started, one.id.clone()));
    for one in by_age {
        for external in &one.external_ids {
            let key = (one.agent.clone(), external.clone());
            match oldest.get(&key) {
                Some((_, first)) if *first != one.id => again.push((one.id.clone(), key)),
                Some(_) => {}
                None => {
                    oldest.insert(key, (one.started, one.id.clone()));
                }
            }
        }
    }
    for (id, key) in again {
        let Some((_, first)) = oldest.get(&key) else { continue };
        if let Some(one) = all.remove(&id) {
            match all.get_mut(first) {
                Some(older) if !older.split.contains(&key.1) => older.absorb(one),
                _ => {
                    all.insert(id, one);
                }
            }
        }
    }
}

impl Session {
    /// Takes a younger session in: it is this one.
    fn absorb(&mut self, younger: Self) {
        self.also.push(younger.id);
        self.also.extend(younger.also);
        for external in younger.external_ids {
            if !self.external_ids.contains(&external) {
                self.external_ids.push(external);
            }
        }
        self.alias = self.alias.take().or(younger.alias);
        self.first_prompt = self.first_prompt.take().or(younger.first_prompt);
        self.cwd = self.cwd.take().or(younger.cwd);
        for (mine, other) in [(&mut self.model, younger.model), (&mut self.shell, younger.shell)] {
            *mine = other.or(mine.take());
        }
        for (mine, other) in [
            (&mut self.transcript, younger.transcript),
            (&mut self.worktree_path, younger.worktree_path),
            (&mut self.branch, younger.branch),
        ] {
            *mine = other.or(mine.take());
        }
        self.worktree = younger.worktree.or(self.worktree.take());
        self.head = younger.head.or(self.head);
        self.last_progress = self.last_progress.max(younger.last_progress);
        self.last_activity = self.last_activity.max(younger.last_activity);
        self.ended = younger.ended;
        self.swept = younger.swept;
        self.prompts += younger.prompts;
        self.commands += younger.commands;
        self.checkpoints += younger.checkpoints;
        self.events += younger.events;
        self.kept += younger.kept;
        super::fold::add(&mut self.tasks, &younger.tasks);
        super::fold::add(&mut self.projects, &younger.projects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_names_a_parent_in_several_ways() {
        let seen = |change: &dyn Fn(&mut SessionSeen)| {
            let mut seen = SessionSeen { agent: "pi".into(), ..SessionSeen::default() };
            change(&mut seen);
            named(&seen)
        };
        let id = |external: &str| SessionId::of_key("pi", external.as_bytes());
        assert_eq!(seen(&|_| {}), None);
        assert_eq!(seen(&|seen| seen.forked_from = Some("a".into())), Some((id("a"), ParentKind::Fork)));
        let child = seen(&|seen| {
            seen.parent_external = Some("a".into());
            seen.parent_kind = Some("detached".into());
        });
        assert_eq!(child, Some((id("a"), ParentKind::Subagent)));
        let path = "/h/sessions/--w--/2026-08-31T08-00-00-000Z_0e0e.jsonl";
        assert_eq!(
            seen(&|seen| seen.parent_external = Some(path.into())),
            Some((id("0e0e"), ParentKind::Fork))
        );
    }
}
