//! Looks at every path that may have changed, and decides what becomes of it.
//!
//! Reading and hashing run on several threads; deciding and writing to the pack on one.

use super::super::ignore::What;
use super::super::pack::Pack;
use super::super::table::{Part, Row, Stat};
use super::super::tree::valid_path;
use super::super::{EXECUTABLE, FILE, ObjectKind, head};
use super::base::Base;
use super::crew::{Go, each};
use super::look::{self, Content, Look};
use super::root::fstat;
use super::state::{Claim, Scan};
use crate::model::change::{Reason, Side};
use crate::model::oid::Oid;
use crate::model::redact::{secret_content, secret_name};
use anyhow::Result;

/// A path to look at.
struct Job {
    path: Vec<u8>,
    claim: Claim,
    /// Why it is left out unread, whatever it is.
    unread: Option<Reason>,
    /// What the tree that is edited has there.
    before: Option<Side>,
    /// What may be borrowed.
    base: Option<Side>,
    /// What the index has there, if that need not be on disk.
    away: Option<Side>,
}

impl Job {
    /// True if the store has what was read, and nothing is to be said against it: then only its id
    /// is of interest.
    fn is_settled(&self, row: &Row) -> bool {
        let taken = self.is_taken(row);
        match self.claim {
            Claim::Tracked | Claim::Away(_) => taken || self.base == row.side(),
            Claim::Unknown => taken,
            Claim::Untracked | Claim::Rules => false,
        }
    }

    /// True if these bytes are in the tree already.
    fn is_taken(&self, row: &Row) -> bool {
        self.before.map(|side| side.id) == row.id
    }
}

/// What is to happen to a path's row.
enum Verdict {
    Put(Row),
    Remove,
    /// Nothing could be found out, or it is known already.
    Leave,
}

/// Where secrets are looked for in a file.
const SECRETS_WITHIN: usize = 1 << 20;
/// Fewer paths than this are not worth a thread, nor a cache of whole trees.
const FEW: usize = 32;

impl Scan<'_> {
    /// Looks at every candidate and takes in what belongs.
    pub fn settle(&mut self, pack: &mut Pack) -> Result<()> {
        let candidates = std::mem::take(&mut self.candidates);
        let mut base = Base::new(self.ground, candidates.len() > FEW);
        let jobs = candidates.into_iter().map(|(path, claim)| self.job(path, claim, &mut base));
        let jobs: Vec<Job> = jobs.collect();
        let (root, kind, limit) = (self.root, self.kind, self.ground.limits.file);
        let look = |job: &Job| match job.unread {
            Some(_) => look::seen(root, &job.path),
            None => match look::at(root, &job.path, kind, limit) {
                // Memory that another thread must free is dear.
                Look::Content(content) if job.is_settled(&stored(&content)) => {
                    Look::Content(Content { bytes: Vec::new(), ..content })
                }
                look => look,
            },
        };
        let threads = if jobs.len() > FEW { self.ground.threads } else { 1 };
        each(&jobs, threads, look, |job, look| {
            if self.expired() {
                return Ok(Go::Stop);
            }
            match self.judge(job, look, pack)? {
                Verdict::Put(row) => self.put(job.path.clone(), row),
                Verdict::Remove => self.lose(job),
                Verdict::Leave => {}
            }
            Ok(Go::On)
        })
    }

    fn job(&mut self, path: Vec<u8>, mut claim: Claim, base: &mut Base<'_>) -> Job {
        let (mut unread, mut away) = (None, None);
        if let Claim::Away(side) = claim {
            (away, claim) = (Some(side), Claim::Tracked);
        }
        if claim != Claim::Rules && !valid_path(&path) {
            unread = Some(Reason::BadName);
        } else if matches!(claim, Claim::Unknown | Claim::Untracked) && secret_name(&path) {
            if self.tracked.has(&path) == Some(true) {
                claim = Claim::Tracked;
            } else {
                unread = Some(Reason::SecretName);
            }
        }
        let (before, base) = (self.before(&path), base.side(&path));
        Job { path, claim, unread, before, base, away }
    }

    fn judge(&mut self, job: &Job, look: Look, pack: &mut Pack) -> Result<Verdict> {
        if let Some(side) = self.excused(&job.path, job.away, &look) {
            let row = match job.unread {
                Some(reason) => Some(Row::away(side, Some(reason))),
                None => self.away(&job.path, side, job.base, pack)?,
            };
            return Ok(row.map_or(Verdict::Remove, Verdict::Put));
        }
        let skip = |scan: &Self, stat, reason| Ok(Verdict::Put(scan.skip(job, stat, reason, None)));
        match look {
            Look::Gone => Ok(Verdict::Remove),
            Look::Directory => Ok(self.directory(job)),
            Look::Seen(stat) => skip(self, stat, job.unread.unwrap_or(Reason::Other)),
            _ if job.claim == Claim::Rules => Ok(self.rules_file(look)),
            Look::Special(stat) => skip(self, stat, Reason::Special),
            Look::Unreadable(stat) => skip(self, stat, Reason::Unreadable),
            Look::Large(stat) => self.large(job, stat),
            Look::Content(content) => self.content(job, content, pack),
        }
    }

    fn skip(&self, job: &Job, stat: Stat, reason: Reason, id: Option<Oid>) -> Row {
        let tracked = job.claim == Claim::Tracked;
        Row { tracked, id, ..self.fresh(stat, Part::Skipped(reason)) }
    }

    /// A `.gitignore` that is ignored: its id tells when its rules change.
    fn rules_file(&self, look: Look) -> Verdict {
        match look {
            Look::Content(Content { stat, id, steady, .. }) if stat.is_file() => {
                let row = self.fresh(stat, Part::Rules);
                Verdict::Put(Row { id: Some(id), dirty: row.dirty || !steady, ..row })
            }
            Look::Large(stat) | Look::Unreadable(stat) => Verdict::Put(self.fresh(stat, Part::Rules)),
            _ => Verdict::Remove,
        }
    }

    /// A directory where a file was expected: the walk knows it, or the index has it as a nested
    /// repository.
    fn directory(&mut self, job: &Job) -> Verdict {
        let walked = self.row(&job.path).is_some_and(|row| matches!(row.part, Part::Listed | Part::Passed));
        if walked {
            return Verdict::Leave;
        }
        if job.claim != Claim::Tracked {
            return Verdict::Remove;
        }
        let stat = self.root.dir(&job.path).ok().as_ref().and_then(fstat);
        match (stat, head::nested(&self.full_path(&job.path))) {
            (Some(stat), Some(head)) => {
                self.nested(&job.path, stat, head.commit);
                if let Some(row) = self.row(&job.path) {
                    return Verdict::Put(Row { tracked: true, ..row });
                }
                Verdict::Leave
            }
            _ => Verdict::Remove,
        }
    }

    /// A file over the limit is kept only if its bytes are in the user's repository already.
    fn large(&mut self, job: &Job, stat: Stat) -> Result<Verdict> {
        let path = &job.path;
        let ours = [job.base, job.before].into_iter().flatten();
        let mut stored: Vec<Side> = Vec::new();
        for side in ours.chain(self.at_head(job)).filter(|side| matches!(side.mode, FILE | EXECUTABLE)) {
            if self.ground.store.blob_size(side.id)? == Some(stat.size) {
                stored.push(side);
            }
        }
        if stored.is_empty() {
            return Ok(Verdict::Put(self.skip(job, stat, Reason::TooLarge, None)));
        }
        // Skipped before, and the same since: there is no need to read it all again.
        let same = self.table.get(path).filter(|row| row.stat == stat && !row.dirty);
        let known = same.and_then(|row| Some((row.stat, row.id?)));
        let read = || look::streamed(self.root, path, self.kind, self.ground.deadline);
        match known.or_else(read) {
            Some((stat, id)) if stored.iter().any(|side| side.id == id) => {
                let held = [job.base, job.before].into_iter().flatten().any(|side| side.id == id);
                self.leans |= !held;
                let tracked = job.claim == Claim::Tracked;
                Ok(Verdict::Put(Row { id: Some(id), tracked, ..self.fresh(stat, Part::Stored) }))
            }
            Some((stat, id)) => Ok(Verdict::Put(self.skip(job, stat, Reason::TooLarge, Some(id)))),
            None if self.expired() => Ok(Verdict::Leave),
            None => {
                let row = self.skip(job, stat, Reason::TooLarge, None);
                Ok(Verdict::Put(Row { dirty: true, ..row }))
            }
        }
    }

    /// What HEAD has there. As with the base, what cannot be read lends nothing.
    fn at_head(&self, job: &Job) -> Option<Side> {
        // A worktree may be full of large files that are nobody's; in a full scan the index told.
        let asked = job.claim == Claim::Tracked || self.tip.is_some();
        self.ground.store.lookup(self.ground.head_tree.filter(|_| asked)?, &job.path).ok()?
    }

    fn content(&mut self, job: &Job, found: Content, pack: &mut Pack) -> Result<Verdict> {
        let Content { stat, bytes, id, steady } = found;
        let mut row = Row { id: Some(id), ..self.fresh(stat, Part::Stored) };
        row.dirty |= !steady;
        row.tracked = job.claim == Claim::Tracked;
        let taken = job.is_taken(&row);
        // What is in the tree already was judged before, unless it has just lost its standing.
        let vetted = row.tracked || (taken && job.claim == Claim::Unknown);
        if !vetted && secret_content(&bytes[..bytes.len().min(SECRETS_WITHIN)]) {
            row.tracked = self.tracked.has(&job.path) == Some(true);
            if !row.tracked {
                return Ok(Verdict::Put(self.skip(job, stat, Reason::SecretContent, Some(id))));
            }
        }
        if !taken && !pack.has(id) && job.base != row.side() {
            if pack.new_bytes() + bytes.len() as u64 > self.ground.limits.checkpoint {
                let row = self.skip(job, stat, Reason::CheckpointFull, None);
                return Ok(Verdict::Put(Row { dirty: true, ..row }));
            }
            pack.add(ObjectKind::Blob, &bytes)?;
        }
        if !steady {
            self.unstable.push(job.path[..].into());
        }
        Ok(Verdict::Put(row))
    }

    /// A path is not there.
    fn lose(&mut self, job: &Job) {
        if job.claim == Claim::Tracked && self.rules.excluded(&job.path, What::File) {
            self.quiet = false;
        }
        self.remove(&job.path);
    }
}

/// The row of a file or link as it was read, as far as its side goes.
fn stored(content: &Content) -> Row {
    let Content { stat, id, .. } = *content;
    Row { stat, part: Part::Stored, dirty: false, tracked: false, id: Some(id) }
}
