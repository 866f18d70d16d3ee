//! The story of a checkpoint, a session or a commit: what was asked, done and changed, how it ended,
//! and what was put back later. From the record alone.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use anyhow::Result;

use super::attribution::{Found, Windows};
use super::commands::Record;
use super::deeds::Deeds;
use super::ops;
use super::turns::{self, End, Turn};
use crate::model::change::{Change, Confidence, Side, Status};
use crate::model::command::Command;
use crate::model::event::What;
use crate::model::id::SessionId;
use crate::model::oid::Oid;
use crate::model::origin::Deed;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::view::commands::CommandView;
use crate::view::explain::{AfterView, AskedView, StoryView, Subject, TouchedView};

/// What belongs to a story.
pub enum Scope {
    /// Everything that these checkpoints hold.
    Checkpoints(HashSet<Oid>),
    /// Everything that a session did.
    Session(SessionId),
}

/// Tells the story of `of`, which reaches as far as `scope`.
pub fn tell(home: &Home, record: &Record, of: Subject, scope: &Scope) -> Result<StoryView> {
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let teller = Teller {
        record,
        deeds: Deeds::of(record),
        windows: Windows::new(&record.commands, &record.others, top),
        turns: turns::of(record),
        scope,
    };
    Ok(teller.story(of))
}

struct Teller<'a> {
    record: &'a Record,
    deeds: Deeds<'a>,
    windows: Windows,
    turns: Vec<Turn>,
    scope: &'a Scope,
}

/// What a path was before the first change, and is after the last.
struct Path {
    old: Option<Side>,
    new: Option<Side>,
    times: u64,
    by: Vec<Deed>,
    confidence: Confidence,
}

impl Teller<'_> {
    fn story(&self, of: Subject) -> StoryView {
        let commands = self.commands();
        let (paths, checkpoints) = self.paths(&commands);
        let asked = self.asked(&commands, &paths);
        let mut sessions: Vec<&SessionId> = Vec::new();
        let of_commands = commands.iter().filter_map(|one| one.command.session.as_ref());
        let of_deeds = paths.values().flat_map(|path| &path.by).filter_map(|deed| deed.who.session.as_ref());
        for session in of_commands.chain(of_deeds).chain(asked.iter().map(|turn| &turn.session)) {
            if !sessions.contains(&session) {
                sessions.push(session);
            }
        }
        let ends = commands.iter().flat_map(|one| [one.command.started, one.command.finished]).flatten();
        let marks = asked.iter().flat_map(|turn| [Some(turn.started), turn.ended]).flatten();
        let times: Vec<Timestamp> = ends.chain(marks).collect();
        StoryView {
            of,
            span: times.iter().min().copied().zip(times.iter().max().copied()),
            sessions: sessions.into_iter().map(|session| self.deeds.names.who(Some(session))).collect(),
            checkpoints,
            after: self.after(&commands, &asked, &paths),
            asked: asked.iter().map(|turn| self.shown(turn)).collect(),
            commands,
            touched: paths.into_iter().filter_map(touched).collect(),
        }
    }

    fn commands(&self) -> Vec<CommandView> {
        let is_in = |command: &&Rc<Command>| match self.scope {
            Scope::Checkpoints(ids) => command.checkpoint.is_some_and(|id| ids.contains(&id)),
            Scope::Session(session) => command.session.as_ref() == Some(session),
        };
        let shown = |command: &Rc<Command>| CommandView {
            command: Rc::clone(command),
            state: self.record.state(command),
            changes: Vec::new(),
        };
        self.record.commands.iter().filter(is_in).map(shown).collect()
    }

    /// The paths that changed, and the checkpoints that hold any of it, oldest first.
    fn paths(&self, commands: &[CommandView]) -> (BTreeMap<Text, Path>, Vec<Oid>) {
        let held: HashSet<Oid> = commands.iter().filter_map(|one| one.command.checkpoint).collect();
        let mut paths: BTreeMap<Text, Path> = BTreeMap::new();
        let mut checkpoints = Vec::new();
        for found in &self.record.changes {
            let changes = self.own(found);
            if !changes.is_empty() || held.contains(&found.checkpoint) {
                checkpoints.push(found.checkpoint);
            }
            for change in changes {
                self.add(&mut paths, change, found);
            }
        }
        (paths, checkpoints)
    }

    /// The changes of a checkpoint that belong to the story.
    fn own(&self, found: &Found) -> Vec<Change> {
        match self.scope {
            Scope::Checkpoints(ids) if !ids.contains(&found.checkpoint) => Vec::new(),
            Scope::Checkpoints(_) => self.windows.attribute(found),
            Scope::Session(session) => {
                let is_own =
                    |change: &Change| change.by.iter().any(|by| by.session.as_ref() == Some(session));
                self.windows.attribute(found).into_iter().filter(is_own).collect()
            }
        }
    }

    fn add(&self, paths: &mut BTreeMap<Text, Path>, change: Change, found: &Found) {
        let by: Vec<Deed> = change.by.iter().map(|author| self.deeds.deed(author, found.at)).collect();
        let (old, new, confidence) = (change.old, change.new, change.confidence);
        match paths.get_mut(&change.path) {
            None => drop(paths.insert(change.path, Path { old, new, times: 1, by, confidence })),
            Some(path) => {
                (path.new, path.times) = (new, path.times + 1);
                path.confidence = less(path.confidence, confidence);
                by.into_iter().for_each(|deed| {
                    if !path.by.contains(&deed) {
                        path.by.push(deed);
                    }
                });
            }
        }
    }

    /// The turns of the story, in their order: a session's own, or those in which what the checkpoints
    /// hold was done.
    fn asked(&self, commands: &[CommandView], paths: &BTreeMap<Text, Path>) -> Vec<&Turn> {
        let of_paths = paths.values().flat_map(|path| &path.by).filter_map(|deed| deed.prompt.as_ref());
        let mut names: HashSet<String> = of_paths.map(|asked| asked.turn.clone()).collect();
        if let Scope::Checkpoints(ids) = self.scope {
            let told = self.record.prompts.iter().filter(|(id, _)| ids.contains(id));
            let told = told.map(|(_, event)| (event.session.as_ref(), event.at));
            let ran = commands.iter().map(|one| (one.command.session.as_ref(), one.command.moment()));
            for (session, at) in told.chain(ran) {
                names.extend(
                    session.and_then(|session| self.deeds.asked(session, at)).map(|asked| asked.turn),
                );
            }
        }
        let is_in = |turn: &&Turn| match self.scope {
            Scope::Session(session) => turn.session == *session,
            Scope::Checkpoints(_) => names.contains(&turn.name()),
        };
        self.turns.iter().filter(is_in).collect()
    }

    fn shown(&self, turn: &Turn) -> AskedView {
        let answer = self.record.others.iter().rev().find_map(|event| match &event.what {
            What::TurnEnded(note) if turn.is_marked_by(event) => Some(note.text.clone()),
            _ => None,
        });
        AskedView {
            who: self.deeds.names.who(Some(&turn.session)),
            turn: turn.name(),
            prompt: turn.prompt.clone(),
            started: turn.started,
            ended: turn.ended,
            end: word(turn.end),
            answer: answer.filter(|answer| !answer.is_empty()),
        }
    }

    /// What was put back later: an act or a turn of the story, or a path that it changed.
    fn after(
        &self,
        commands: &[CommandView],
        asked: &[&Turn],
        paths: &BTreeMap<Text, Path>,
    ) -> Vec<AfterView> {
        let last = commands.iter().filter_map(|one| one.command.finished).max();
        let mut keys: HashSet<String> =
            commands.iter().map(|one| format!("cmd:{}", one.command.id)).collect();
        keys.extend(asked.iter().map(|turn| turn.name()));
        let all = ops::list(self.record).into_iter();
        let about = all.filter(|one| {
            let is_named = one.restored.of.as_ref().is_some_and(|of| keys.contains(of));
            let is_later = last.is_none_or(|last| one.restored.end >= last);
            is_named || is_later && one.restored.paths.iter().any(|path| paths.contains_key(path))
        });
        about
            .map(|one| AfterView {
                action: one.restored.action,
                label: one.restored.label,
                at: one.restored.end,
                changed: one.restored.changed,
                undone: one.undone,
            })
            .collect()
    }
}

/// A path that is as it was before did not change.
fn touched((path, told): (Text, Path)) -> Option<TouchedView> {
    let status = match (told.old, told.new) {
        (None, Some(_)) => Status::Added,
        (Some(_), None) => Status::Deleted,
        (Some(old), Some(new)) if old != new => Status::Modified,
        _ => return None,
    };
    Some(TouchedView { path, status, times: told.times, by: told.by, confidence: told.confidence })
}

/// The less sure of two.
fn less(a: Confidence, b: Confidence) -> Confidence {
    let order = [Confidence::Unknown, Confidence::External, Confidence::Shared, Confidence::Exact];
    order.into_iter().find(|one| *one == a || *one == b).unwrap_or_default()
}

fn word(end: End) -> &'static str {
    match end {
        End::Answered => "answered",
        End::Failed => "failed",
        End::Interrupted => "interrupted",
        End::Open => "not over",
    }
}
