//! What leads to a commit, as it is found: each once, and in the end in its order.

use std::collections::{BTreeMap, HashMap};

use super::line::Told;
use super::{Ground, Links, Traced};
use crate::model::change::Author;
use crate::model::id::{CommandId, SessionId};
use crate::model::link::{How, Link};
use crate::model::oid::Oid;
use crate::model::time::Timestamp;
use crate::recall::turns::Turn;
use crate::wire::trailer::Trailer;

/// What was found so far.
#[derive(Default)]
pub struct Gathered {
    checkpoints: HashMap<Oid, How>,
    sessions: HashMap<SessionId, How>,
    commands: HashMap<CommandId, How>,
    /// By session and number.
    prompts: BTreeMap<(String, u64), (Turn, How)>,
    pub changes: Vec<Traced>,
}

/// Notes a way in which something is known, if it is surer than those before.
fn note<K: std::hash::Hash + Eq>(all: &mut HashMap<K, How>, key: K, how: How) {
    let known = all.entry(key).or_insert(how);
    *known = how.min(*known);
}

impl Gathered {
    pub fn checkpoint(&mut self, id: Oid, how: How) {
        note(&mut self.checkpoints, id, how);
    }

    pub fn session(&mut self, id: SessionId, how: How) {
        note(&mut self.sessions, id, how);
    }

    pub fn command(&mut self, id: CommandId, how: How) {
        note(&mut self.commands, id, how);
    }

    pub fn author(&mut self, line: &Told, author: &Author, at: Timestamp, how: How) {
        let command = author.command.as_ref();
        command.into_iter().for_each(|id| self.command(id.clone(), how));
        if let Some(session) = &author.session {
            self.session(session.clone(), how);
            line.turn(session, at).into_iter().for_each(|turn| self.prompt(turn, how));
        }
    }

    pub fn prompt(&mut self, turn: &Turn, how: How) {
        let key = (turn.session.to_string(), turn.n);
        let known = self.prompts.entry(key).or_insert_with(|| (turn.clone(), how));
        known.1 = how.min(known.1);
    }

    /// All of it, in the order in which it happened.
    pub fn finish(
        self,
        ground: &Ground<'_>,
        commit: Oid,
        parent: Option<Oid>,
        trailers: Vec<Trailer>,
    ) -> Links {
        let Self { checkpoints, mut sessions, mut commands, prompts, changes } = self;
        let told = ground.lines.iter().flat_map(|line| line.checkpoints.iter().zip(&line.line.steps));
        let mut order: Vec<_> = told.map(|(id, step)| (step.at, id)).collect();
        order.sort_by_key(|(at, _)| *at);
        let order = order.into_iter().map(|(_, id)| id);
        let checkpoints =
            order.filter_map(|id| Some(Link { what: *id, how: *checkpoints.get(id)? })).collect();
        let mut prompts: Vec<_> = prompts.into_values().map(|(what, how)| Link { what, how }).collect();
        prompts.sort_by_key(|link| link.what.started);
        let told = ground.lines.iter().flat_map(|line| &line.record.commands);
        let commands: Vec<_> = told
            .filter_map(|one| Some(Link { what: one.id.clone(), how: commands.remove(&one.id)? }))
            .collect();
        let seen = ground.lines.iter().flat_map(|line| line.sessions());
        let mut in_order: Vec<_> =
            seen.filter_map(|id| Some(Link { how: sessions.remove(&id)?, what: id })).collect();
        // Those that only a trailer knows of.
        let mut others: Vec<_> = sessions.into_iter().map(|(what, how)| Link { what, how }).collect();
        others.sort_by(|a, b| a.what.cmp(&b.what));
        in_order.extend(others);
        Links { commit, parent, checkpoints, sessions: in_order, prompts, commands, changes, trailers }
    }
}
