//! Why a file is as it is: what brought each of its lines, and who was at work then.
//!
//! A line is followed from the file as it is now through the checkpoints that changed it; what is older
//! than the record, through the commits of the user's. A line that came with somebody's older commit,
//! by a checkout or a pull, is told with whoever wrote it, if that was recorded in any worktree ([`past`]);
//! else it is that commit's, and the command is told beside it.

mod past;

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result, anyhow};

use super::attribution::{Found, Windows, by_when};
use super::commands::{self, Record};
use super::deeds::Deeds;
use super::links::Ground;
use super::versions::{self, File, Version};
use crate::git::blame::{self, Brought, Sought};
use crate::git::store::Store;
use crate::git::{head, signed};
use crate::model::change::{Change, Confidence, Side, Status};
use crate::model::event::What;
use crate::model::oid::Oid;
use crate::model::origin::{Deed, Origin, Signed, Source, Stretch};
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::{chain, tip};
use past::{Borrowed, Past, Way};

/// A file as it is now.
pub struct Now<'a> {
    /// From the worktree's top.
    pub path: &'a [u8],
    pub bytes: &'a [u8],
    pub meta: &'a Metadata,
    pub at: Timestamp,
}

/// What brought the lines of a file, numbered from 1 and both included.
///
/// # Errors
/// Something that these lines need is damaged. What is damaged elsewhere only makes it uncertain who
/// did what: the second half says it.
pub fn lines(
    home: &Home,
    store: &Store,
    now: &Now<'_>,
    range: (u32, u32),
) -> Result<(Vec<Stretch>, Result<()>)> {
    let (record, read) = commands::read(home, store);
    let top = home.place.top()?.as_os_str().as_encoded_bytes();
    let sought = (range.0 - 1..range.1).map(|at| Sought { at, here: at }).collect();
    let mut inquiry = Inquiry {
        store,
        record: &record,
        windows: Windows::new(&record.commands, &record.others, top),
        deeds: Deeds::of(&record),
        signed: HashMap::new(),
        borrowed: Vec::new(),
        answers: Answers::default(),
    };
    inquiry.follow(home, now, sought)?;
    let Inquiry { borrowed, mut answers, .. } = inquiry;
    let told = ask_the_past(home, store, record, borrowed, &mut answers)?;
    Ok((answers.stretches(), read.and(told)))
}

struct Inquiry<'a> {
    store: &'a Store,
    record: &'a Record,
    windows: Windows,
    deeds: Deeds<'a>,
    signed: HashMap<Oid, Signed>,
    /// What is asked of the past once all is followed.
    borrowed: Vec<Borrowed>,
    answers: Answers,
}

/// What is known of lines.
#[derive(Default)]
struct Answers {
    origins: Vec<Origin>,
    /// Lines, and the place of their origin.
    brought: Vec<(u32, usize)>,
}

impl Inquiry<'_> {
    fn follow(&mut self, home: &Home, now: &Now<'_>, sought: Vec<Sought>) -> Result<()> {
        let tip = tip::intact(home)?.map(|id| chain::checkpoint(self.store, id)).transpose()?;
        let versions = match &tip {
            Some(tip) => versions::of(self.store, self.record, tip, now.path)?,
            None => None,
        };
        let Some(versions) = versions else { return self.unrecorded(home, now, sought) };
        let newest =
            tip.as_ref().map(|tip| chain::newest_worktree(self.store, Some(tip))).transpose()?.flatten();
        let side = newest.map(|tree| self.store.lookup(tree, now.path)).transpose()?.flatten();
        let mut file =
            File { path: now.path.to_vec(), side: side.context("the newest checkpoint lost the file")? };
        let mut newer = blame::bytes_of(self.store, file.side.id)?;
        let (mut left, fresh) = blame::split(&newer, now.bytes, sought);
        self.now(now, file.side, fresh);
        for version in &versions {
            if left.is_empty() {
                return Ok(());
            }
            let Some(old) = &version.old else { return self.version(version, left) };
            if old.side.id != version.new.side.id {
                let older = blame::bytes_of(self.store, old.side.id)?;
                let (kept, fresh) = blame::split(&older, &newer, left);
                self.version(version, fresh)?;
                (left, newer) = (kept, older);
            }
            file = old.clone();
        }
        self.older(&file, &newer, left)
    }

    /// Lines of a file that no checkpoint has: it may be new, or recorded nowhere but in git.
    fn unrecorded(&mut self, home: &Home, now: &Now<'_>, sought: Vec<Sought>) -> Result<()> {
        let head = head::read(&home.place.git_dir, &home.place.common)?.commit;
        let (left, fresh) = match head.map(|head| self.committed(head, now.path)).transpose()?.flatten() {
            Some(bytes) => blame::split(&bytes, now.bytes, sought),
            None => (Vec::new(), sought),
        };
        self.keep(self.uncertain(Source::Now, Some(now.at), now.path), fresh);
        match head {
            Some(head) if !left.is_empty() => self.commits(head, now.path, left),
            _ => Ok(()),
        }
    }

    /// Lines that no checkpoint has yet.
    fn now(&mut self, now: &Now<'_>, old: Side, fresh: Vec<Sought>) {
        if fresh.is_empty() {
            return;
        }
        let time = |secs: i64, nanos: i64| {
            Some(Timestamp(secs.saturating_mul(1_000_000).saturating_add(nanos / 1_000)))
        };
        let change = Change {
            path: now.path.into(),
            status: Status::Modified,
            old: Some(old),
            new: None,
            mtime: time(now.meta.mtime(), now.meta.mtime_nsec()),
            ctime: time(now.meta.ctime(), now.meta.ctime_nsec()),
            by: Vec::new(),
            confidence: Confidence::Unknown,
        };
        let since = self.record.changes.last().map_or(Timestamp(0), |last| last.began);
        let at = change.mtime;
        let attributed = self.windows.attribute_one(change, since, now.at);
        let origin = self.done(Source::Now, attributed, at.unwrap_or(now.at), now.at);
        self.keep(origin, fresh);
    }

    /// Lines that a checkpoint found.
    fn version(&mut self, version: &Version, fresh: Vec<Sought>) -> Result<()> {
        if fresh.is_empty() {
            return Ok(());
        }
        let found = self.record.changes.iter().find(|found| found.checkpoint == version.checkpoint);
        let is_it = |change: &&Change| change.path.as_bytes() == version.new.path;
        let origin = match found.and_then(|found| Some((found, found.changes.iter().find(is_it)?))) {
            Some((found, change)) => {
                let at = found.moment(change);
                let attributed = self.windows.attribute_one(change.clone(), found.since, found.at);
                self.done(Source::Checkpoint(version.checkpoint), attributed, at, found.at)
            }
            None => {
                let at = chain::checkpoint(self.store, version.checkpoint)?.header.time;
                self.uncertain(Source::Checkpoint(version.checkpoint), Some(at), &version.new.path)
            }
        };
        let lines = self.came_by_commit(version, found, &origin, fresh)?;
        if origin.deeds.iter().any(puts_back) {
            let way = Way::Edit(version.old.as_ref().map(|old| old.side), version.new.side);
            self.borrowed.push(Borrowed { origin, path: version.new.path.clone(), lines, way });
        } else {
            self.keep(origin, lines);
        }
        Ok(())
    }

    /// Of lines that a checkpoint found, those that came with a commit: HEAD had moved to it, or to one
    /// that has them from it. Returns the others, which are new.
    fn came_by_commit(
        &mut self,
        version: &Version,
        found: Option<&Found>,
        origin: &Origin,
        fresh: Vec<Sought>,
    ) -> Result<Vec<Sought>> {
        let made = chain::checkpoint(self.store, version.checkpoint)?;
        let (Some(head), Some(before), Some(found)) = (made.header.head, made.parent, found) else {
            return Ok(fresh);
        };
        let is_news = chain::checkpoint(self.store, before)?.header.head != Some(head);
        if !is_news || self.at_commit(head, &version.new.path)? != Some(version.new.side) {
            return Ok(fresh);
        }
        let mut own = Vec::new();
        for brought in blame::commits(self.store, head, &version.new.path, fresh)? {
            if self.is_plain(brought.commit, version.checkpoint) {
                own.extend(brought.lines);
                continue;
            }
            let (signed, at) = self.signature(brought.commit)?;
            let mut origin = origin.clone();
            // A commit knows its second only.
            if at.secs() < found.since.secs() {
                (origin.source, origin.at) = (Source::Commit(signed), Some(at));
                origin.path = Text(brought.path.clone());
            }
            self.borrow(origin, at, brought);
        }
        Ok(own)
    }

    /// Whether git told in this checkpoint that somebody committed what was in the files.
    fn is_plain(&self, commit: Oid, checkpoint: Oid) -> bool {
        self.record.git.iter().any(|(held_by, event)| match &event.what {
            What::Committed(made) => {
                *held_by == Some(checkpoint)
                    && made.commit == commit
                    && made.action.as_ref().is_some_and(|action| action.starts_with("commit"))
            }
            _ => false,
        })
    }

    /// Lines that were there when recording began.
    fn older(&mut self, file: &File, bytes: &[u8], left: Vec<Sought>) -> Result<()> {
        if left.is_empty() {
            return Ok(());
        }
        let oldest = self.record.oldest.context("there is no oldest checkpoint")?;
        let oldest = chain::checkpoint(self.store, oldest)?;
        let committed =
            oldest.header.head.map(|head| self.committed(head, &file.path)).transpose()?.flatten();
        let (kept, fresh) = match committed {
            Some(committed) => blame::split(&committed, bytes, left),
            None => (Vec::new(), left),
        };
        self.keep(self.uncertain(Source::Before(oldest.id), Some(oldest.header.time), &file.path), fresh);
        match oldest.header.head {
            Some(head) if !kept.is_empty() => self.commits(head, &file.path, kept),
            _ => Ok(()),
        }
    }

    /// Lines that the file at `path` in the commit `head` has.
    fn commits(&mut self, head: Oid, path: &[u8], sought: Vec<Sought>) -> Result<()> {
        for brought in blame::commits(self.store, head, path, sought)? {
            let (signed, at) = self.signature(brought.commit)?;
            let origin = self.uncertain(Source::Commit(signed), Some(at), &brought.path);
            self.borrow(origin, at, brought);
        }
        Ok(())
    }

    fn borrow(&mut self, origin: Origin, at: Timestamp, brought: Brought) {
        let Brought { commit, path, lines } = brought;
        self.borrowed.push(Borrowed { origin, path, lines, way: Way::Commit(commit, at) });
    }

    fn at_commit(&self, commit: Oid, path: &[u8]) -> Result<Option<Side>> {
        match self.store.commit(commit)? {
            Some(commit) => self.store.lookup(commit.tree, path),
            None => Ok(None),
        }
    }

    fn committed(&self, commit: Oid, path: &[u8]) -> Result<Option<Vec<u8>>> {
        let side = self.at_commit(commit, path)?;
        side.map(|side| blame::bytes_of(self.store, side.id)).transpose()
    }

    fn signature(&mut self, commit: Oid) -> Result<(Signed, Timestamp)> {
        let (signed, at) = signed::read(self.store, commit)?;
        Ok((self.signed.entry(commit).or_insert(signed).clone(), at))
    }

    fn done(&self, source: Source, change: Change, at: Timestamp, found: Timestamp) -> Origin {
        let until = by_when(at, found);
        let deeds: Vec<Deed> = change.by.iter().map(|author| self.deeds.deed(author, until)).collect();
        Origin { source, at: Some(at), path: change.path, deeds, confidence: change.confidence }
    }

    fn uncertain(&self, source: Source, at: Option<Timestamp>, path: &[u8]) -> Origin {
        Origin { source, at, path: path.into(), deeds: Vec::new(), confidence: Confidence::Unknown }
    }

    fn keep(&mut self, origin: Origin, lines: Vec<Sought>) {
        self.answers.keep(origin, lines);
    }
}

/// Asks of the lines that only came here who wrote them, if any of these may be recorded; the second half
/// says what of the record is damaged.
fn ask_the_past(
    home: &Home,
    store: &Store,
    record: Record,
    borrowed: Vec<Borrowed>,
    answers: &mut Answers,
) -> Result<Result<()>> {
    let began = match record.oldest {
        // Others may have begun earlier.
        Some(oldest) if home.worktrees()?.len() == 1 => chain::checkpoint(store, oldest)?.header.time,
        _ => Timestamp(i64::MIN),
    };
    if !borrowed.iter().any(|one| one.is_since(began)) {
        borrowed.into_iter().for_each(|one| answers.keep(one.origin, one.lines));
        return Ok(Ok(()));
    }
    let (ground, troubles) = Ground::around(home, store, record)?;
    let (past, began) = (Past::of(store, &ground), ground.began());
    for mut one in borrowed {
        if began.is_some_and(|began| one.is_since(began)) {
            let written = past.written(&mut one)?;
            written.into_iter().for_each(|(origin, lines)| answers.keep(origin, lines));
        }
        answers.keep(one.origin, one.lines);
    }
    Ok(if troubles.is_empty() { Ok(()) } else { Err(anyhow!(troubles.join("; "))) })
}

impl Answers {
    fn keep(&mut self, origin: Origin, lines: Vec<Sought>) {
        if !lines.is_empty() {
            self.brought.extend(lines.iter().map(|line| (line.at, self.origins.len())));
            self.origins.push(origin);
        }
    }

    /// The lines in order; those next to each other that came together are one stretch.
    fn stretches(mut self) -> Vec<Stretch> {
        self.brought.sort_unstable();
        let mut all: Vec<Stretch> = Vec::new();
        for (at, origin) in self.brought {
            let origin = &self.origins[origin];
            match all.last_mut() {
                Some(last) if last.last == at && last.origin == *origin => last.last = at + 1,
                _ => all.push(Stretch { first: at + 1, last: at + 1, origin: origin.clone() }),
            }
        }
        all
    }
}

/// Whether somebody may have put back what was written before: git does, and so do we.
fn puts_back(deed: &Deed) -> bool {
    let is_gits = |text: &Text| {
        let mut words = text.as_bytes().split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'-'));
        words.any(|word| word == b"git")
    };
    deed.command.as_ref().is_some_and(|(_, text)| is_gits(text))
        || deed.tool.as_ref().is_some_and(|tool| tool.starts_with("trace "))
}
