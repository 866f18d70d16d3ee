//! Files that several sessions changed, each since it began: where they may be in each other's way.

use std::collections::{BTreeMap, HashMap};

use super::acts::Acts;
use crate::model::id::SessionId;
use crate::model::session::{Activity, Outcome, Session, Thresholds};
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// A file, and the sessions that changed it, with the time of each one's last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    pub path: Text,
    pub by: Vec<(SessionId, Timestamp)>,
}

/// The files that two or more living sessions changed, in the order of their paths.
///
/// A session lives as long as it neither ended nor was closed, and is not idle.
pub fn find(acts: &Acts, sessions: &[Session], now: Timestamp) -> Vec<Contested> {
    let living: HashMap<&SessionId, &Session> = sessions
        .iter()
        .filter(|one| !one.ended && one.outcome == Outcome::Open)
        .filter(|one| one.activity(now, Thresholds::default()) == Activity::Active)
        .map(|one| (&one.id, one))
        .collect();
    let mut touched: BTreeMap<&[u8], Vec<(SessionId, Timestamp)>> = BTreeMap::new();
    for act in &acts.all {
        let Some(session) = act.session.as_ref().filter(|id| living.contains_key(id)) else { continue };
        for path in act.edits.keys() {
            let by = touched.entry(path).or_default();
            match by.iter_mut().find(|(id, _)| id == session) {
                Some((_, last)) => *last = act.to.max(*last),
                None => by.push((session.clone(), act.to)),
            }
        }
    }
    let contested = touched.into_iter().filter(|(_, by)| by.len() > 1);
    contested.map(|(path, by)| Contested { path: path.into(), by }).collect()
}
