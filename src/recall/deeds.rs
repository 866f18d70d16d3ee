//! From the author of a change to what somebody did: the command or the tool, whose it was, and the
//! prompt it was done for.

use std::collections::HashMap;

use super::commands::Record;
use super::names::Names;
use super::turns::{self, Turn};
use crate::model::change::Author;
use crate::model::command::Command;
use crate::model::id::{CommandId, SessionId};
use crate::model::origin::{Asked, Deed};
use crate::model::time::Timestamp;

/// What a record knows of deeds.
pub struct Deeds<'a> {
    commands: HashMap<&'a CommandId, &'a Command>,
    pub names: Names,
    /// The turns of each session, in their order.
    turns: HashMap<SessionId, Vec<Turn>>,
}

impl<'a> Deeds<'a> {
    /// Of a record.
    pub fn of(record: &'a Record) -> Self {
        let mut by_session: HashMap<SessionId, Vec<Turn>> = HashMap::new();
        for turn in turns::of(record) {
            by_session.entry(turn.session.clone()).or_default().push(turn);
        }
        Self {
            commands: record.commands.iter().map(|command| (&command.id, &**command)).collect(),
            names: Names::of(&record.others),
            turns: by_session,
        }
    }

    /// What an author did. `at` is when the change was found, or made.
    pub fn deed(&self, author: &Author, at: Timestamp) -> Deed {
        let command = author.command.as_ref().and_then(|id| self.commands.get(id));
        let began = command.map_or(at, |command| command.moment());
        Deed {
            who: self.names.who(author.session.as_ref()),
            command: command.map(|command| (command.id.clone(), command.command.clone())),
            tool: author.tool.clone(),
            prompt: author.session.as_ref().and_then(|session| self.asked(session, began)),
        }
    }

    /// The last prompt of a session that is not younger than a moment.
    pub fn asked(&self, session: &SessionId, at: Timestamp) -> Option<Asked> {
        let turns = self.turns.get(session)?;
        let turn = turns.iter().rev().find(|turn| turn.started <= at)?;
        Some(Asked { turn: turn.name(), text: turn.prompt.clone() })
    }
}
