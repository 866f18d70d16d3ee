//! Older sessions that may be the same conversation: candidates and no more.

use std::collections::BTreeMap;

use super::{Candidate, Session};
use crate::model::id::SessionId;
use crate::model::sanitise;
use crate::model::text::Text;

/// So many candidates are named, the rest is counted.
const MOST_CANDIDATES: usize = 10;

/// A prompt of fewer letters than this says little.
const TELLING: usize = 24;

/// Two sessions farther apart than this have nothing to do with each other.
const NEAR_US: i64 = 72 * 3_600_000_000;

/// Finds, for each session without a parent, older ones that began with the same words.
///
/// They are candidates and no more: the same prompt in the same directory is said every day.
pub fn propose(all: &mut [Session]) {
    let mut by_prompt: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, session) in all.iter().enumerate() {
        if let Some(print) = session.first_prompt.as_deref().and_then(sanitise::fingerprint) {
            by_prompt.entry(print).or_default().push(at);
        }
    }
    for group in by_prompt.values().filter(|group| group.len() > 1) {
        let proposals: Vec<(usize, Vec<Candidate>)> = group
            .iter()
            .filter(|at| all[**at].parent.is_none())
            .map(|at| (*at, group.iter().filter_map(|other| candidate(&all[*at], &all[*other])).collect()))
            .collect();
        for (at, mut candidates) in proposals {
            let progress = |id: &SessionId| all.iter().find(|one| one.id == *id).map(|one| one.last_progress);
            candidates
                .sort_by(|a, b| (b.strong, progress(&b.id), &a.id).cmp(&(a.strong, progress(&a.id), &b.id)));
            all[at].candidates_omitted = candidates.len().saturating_sub(MOST_CANDIDATES);
            candidates.truncate(MOST_CANDIDATES);
            all[at].candidates = candidates;
        }
    }
}

fn candidate(session: &Session, other: &Session) -> Option<Candidate> {
    let gap = session.started.0.saturating_sub(other.last_progress.0.min(session.started.0));
    let older = other.started < session.started && session.agent == other.agent;
    if !older || gap > NEAR_US {
        return None;
    }
    let same = |a: &Option<Text>, b: &Option<Text>| a.is_some() && a == b;
    let strong = [same(&session.cwd, &other.cwd), same(&session.worktree_path, &other.worktree_path)];
    let weak = [same(&session.branch, &other.branch_at_start), true];
    let letters = session.first_prompt.iter().flat_map(|prompt| prompt.chars());
    let telling = letters.filter(|letter| !letter.is_whitespace()).count() >= TELLING;
    Some(Candidate {
        id: other.id.clone(),
        confidence: if telling { "low" } else { "weak" },
        strong: strong.iter().filter(|agrees| **agrees).count(),
        weak: weak.iter().filter(|agrees| **agrees).count(),
    })
}
