//! What happened on one branch, in every worktree of the clone: prompts, commands, checkpoints,
//! restores, the branch's commits, and what people said of it.

use std::collections::HashMap;

use anyhow::{Context, Result};

use super::became::Branches;
use crate::git::store::Store;
use crate::git::{head, signed};
use crate::model::change::{Change, Status};
use crate::model::checkpoint::Checkpoint;
use crate::model::event::What;
use crate::model::id::SessionId;
use crate::model::link::Edit;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::model::trail::Tally;
use crate::model::trail::said::Edits;
use crate::model::who::Who;
use crate::recall::attribution::Found;
use crate::recall::commands::{self, Filter, Record};
use crate::recall::names::Names;
use crate::recall::{links, turns};
use crate::store::home::Home;
use crate::store::models::Chain;
use crate::store::tip;
use crate::view::commands::CommandView;
use crate::view::timeline::{Happened, MomentView};

/// So many of a branch's commits are told, the newest.
const MOST_COMMITS: usize = 1_000;

/// What one worktree recorded, and when it was on the branch.
pub struct Line<'a> {
    branch: &'a Text,
    record: Record,
    /// Oldest first.
    chain: Vec<Checkpoint>,
    /// The branch that what waits in the journals happens on, as far as that is known.
    present: Option<Text>,
    top: Vec<u8>,
    names: Names,
}

impl<'a> Line<'a> {
    /// Reads what `home` recorded; `here` is the worktree that we are in.
    ///
    /// # Errors
    /// Something is damaged; the line is what remains.
    pub fn read(home: &Home, here: &Home, store: &Store, branch: &'a Text) -> (Self, Result<()>) {
        let (record, read) = commands::read(home, store);
        let walked = walk(home, store);
        let (mut chain, walked) = match walked {
            Ok(chain) => (chain, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        chain.reverse();
        let last = chain.last().map(|last| &last.header);
        let present = match home.worktree == here.worktree {
            true => head::read(&here.place.git_dir, &here.place.common).ok().and_then(|head| head.branch),
            false => last.and_then(|last| last.branch.clone()).map(|branch| branch.0),
        };
        let top = last.map(|last| last.worktree_path.0.clone()).unwrap_or_default();
        let names = Names::of(&record.others);
        let line = Self { branch, record, chain, present: present.map(Text), top, names };
        (line, read.and(walked))
    }

    /// The checkpoints that were made on the branch, oldest first.
    pub fn checkpoints(&self) -> impl Iterator<Item = &Checkpoint> {
        self.chain.iter().filter(|one| one.header.branch.as_ref() == Some(self.branch))
    }

    /// Everything that happened on the branch, in no order.
    pub fn moments(&self) -> Vec<MomentView> {
        let mut all = self.commands();
        all.extend(self.prompts());
        all.extend(self.kept());
        all.extend(self.restores());
        all
    }

    /// When commits were made, as git told.
    pub fn committed(&self) -> impl Iterator<Item = (Oid, Timestamp)> {
        self.record.git.iter().filter_map(|(_, event)| match &event.what {
            What::Committed(made) => Some((made.commit, event.at)),
            _ => None,
        })
    }

    fn who(&self, session: Option<&SessionId>) -> Who {
        self.names.who(session)
    }

    /// Whether a moment was on the branch: what is recorded goes into the next checkpoint.
    fn was_on(&self, at: Timestamp) -> bool {
        let next = self.chain.partition_point(|one| one.header.time < at);
        let branch = self.chain.get(next).map_or(self.present.as_ref(), |one| one.header.branch.as_ref());
        branch == Some(self.branch)
    }

    fn commands(&self) -> Vec<MomentView> {
        let on: HashMap<Oid, bool> =
            self.chain.iter().map(|one| (one.id, one.header.branch.as_ref() == Some(self.branch))).collect();
        let is_on = |held_by: Option<Oid>| match held_by {
            Some(id) => on.get(&id).copied().unwrap_or(false),
            None => self.present.as_ref() == Some(self.branch),
        };
        let told = self.record.list(&Filter::default(), &self.top, true).into_iter();
        told.filter(|told| is_on(told.command.checkpoint))
            .map(|told| MomentView {
                at: told.command.moment(),
                who: self.who(told.command.session.as_ref()),
                files: files(&told.changes),
                what: Happened::Command(Box::new(CommandView {
                    command: told.command,
                    state: told.state,
                    changes: told.changes,
                })),
            })
            .collect()
    }

    fn prompts(&self) -> Vec<MomentView> {
        let turns = turns::of(&self.record).into_iter().filter(|turn| self.was_on(turn.started));
        turns
            .map(|turn| MomentView {
                at: turn.started,
                who: self.who(Some(&turn.session)),
                files: Vec::new(),
                what: Happened::Prompt { turn: turn.name(), text: turn.prompt },
            })
            .collect()
    }

    fn kept(&self) -> Vec<MomentView> {
        let found: HashMap<Oid, &Found> =
            self.record.changes.iter().map(|found| (found.checkpoint, found)).collect();
        self.checkpoints()
            .map(|one| MomentView {
                at: one.header.time,
                who: Who::default(),
                files: found.get(&one.id).map(|found| files(&found.changes)).unwrap_or_default(),
                what: Happened::Checkpoint(Box::new(one.clone())),
            })
            .collect()
    }

    fn restores(&self) -> Vec<MomentView> {
        let mut all = Vec::new();
        for event in self.record.others.iter().filter(|event| self.was_on(event.at)) {
            let What::Restored(restored) = &event.what else { continue };
            let (id, action, label) = (event.id.clone(), restored.action, restored.label.clone());
            all.push(MomentView {
                at: restored.end,
                who: self.who(event.session.as_ref()),
                files: restored.paths.iter().map(|path| (path.clone(), Status::Modified)).collect(),
                what: Happened::Restore { id, action, label },
            });
        }
        all
    }
}

fn walk(home: &Home, store: &Store) -> Result<Vec<Checkpoint>> {
    Chain { home, open: &|| Ok(store), tip: tip::intact(home)? }.walk().collect()
}

fn files(changes: &[Change]) -> Vec<(Text, Status)> {
    let mut files: Vec<_> = changes.iter().map(|change| (change.path.clone(), change.status)).collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup_by(|a, b| a.0 == b.0);
    files
}

/// The commits of a branch. Where git told when it `made` one, that is more exact than what it says.
pub fn commits(
    branches: &Branches<'_>,
    store: &Store,
    tally: &Tally,
    made: &HashMap<Oid, Timestamp>,
) -> Result<Vec<MomentView>> {
    let own = branches.own(tally)?;
    let told = own.commits.iter().take(MOST_COMMITS).map(|id| {
        let moment = commit(store, *id)?;
        Ok(MomentView { at: made.get(id).copied().unwrap_or(moment.at), ..moment })
    });
    told.collect()
}

fn commit(store: &Store, id: Oid) -> Result<MomentView> {
    let (signed, at) = signed::read(store, id).with_context(|| format!("read commit {id}"))?;
    let file = |edit: Edit| {
        let status = match (edit.old, edit.new) {
            (None, _) => Status::Added,
            (_, None) => Status::Deleted,
            _ => Status::Modified,
        };
        (Text(edit.path), status)
    };
    let files = links::delta(store, id)?.into_iter().map(file).collect();
    Ok(MomentView { at, who: Who::default(), files, what: Happened::Commit(signed) })
}

/// What people said of a branch.
pub fn said(edits: &Edits, branch: &Text) -> Vec<MomentView> {
    let mut all = Vec::new();
    for event in edits.events() {
        let What::TrailEdited(said) = event.what else { continue };
        if said.branch == *branch {
            let who = Who { agent: said.by.unwrap_or_default(), ..Who::default() };
            let what = Happened::Said { id: event.id, edit: said.edit };
            all.push(MomentView { at: event.at, who, files: Vec::new(), what });
        }
    }
    all
}
