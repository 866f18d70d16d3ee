//! Older sessions that may be the same conversation: candidates and no more.

use std::collections::BTreeMap;

use super::{Candidate, Session};
use crate::model::sanitise;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// So many candidates are named, the rest is counted.
const MOST_CANDIDATES: usize = 10;

/// Of more sessions that began alike only the nearest are looked at.
const NEAREST: usize = 200;

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
    let mut proposals: Vec<(usize, Vec<Candidate>)> = Vec::new();
    for group in by_prompt.values_mut().filter(|group| group.len() > 1) {
        group.sort_by_key(|at| all[*at].started);
        for (place, at) in group.iter().enumerate().filter(|(_, at)| all[**at].parent.is_none()) {
            let older = group[..place].iter().rev().take(NEAREST);
            let mut found: Vec<(Timestamp, Candidate)> = older
                .filter_map(|other| Some((all[*other].last_progress, candidate(&all[*at], &all[*other])?)))
                .collect();
            found.sort_by(|(p, a), (q, b)| (b.strong, q, &a.id).cmp(&(a.strong, p, &b.id)));
            proposals.push((*at, found.into_iter().map(|(_, one)| one).collect()));
        }
    }
    for (at, mut candidates) in proposals {
        all[at].candidates_omitted = candidates.len().saturating_sub(MOST_CANDIDATES);
        candidates.truncate(MOST_CANDIDATES);
        all[at].candidates = candidates;
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
