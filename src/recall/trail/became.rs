//! What became of the branches that checkpoints name: whether they are there, and in their base.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Result;

use crate::git::{ancestry, head};
use crate::model::link::Edit;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::trail::{self, Branch, Tallies, Tally};
use crate::recall::links;
use crate::store::home::Home;
use crate::store::late::Late;

/// Commits of a branch are counted up to here.
const MOST_COMMITS: usize = 10_000;

/// So many of the base's newest commits are asked whether they hold what a branch did.
const SQUASHES: usize = 100;

/// The branches of a clone, and the base that they are merged into.
pub struct Branches<'a> {
    late: &'a Late<'a>,
    heads: HashMap<Vec<u8>, Oid>,
    base: Option<Vec<u8>>,
    base_tip: Option<Oid>,
    /// The base's newest commits, each with its tree and what it changed; read if somebody asks.
    newest: RefCell<Option<Rc<[Step]>>>,
}

/// One commit of the base.
struct Step {
    id: Oid,
    tree: Oid,
    delta: Vec<Edit>,
}

/// The commits that are a branch's own.
pub struct Own {
    /// Newest first.
    pub commits: Vec<Oid>,
    /// The commit that it was begun from.
    fork: Option<Oid>,
}

impl<'a> Branches<'a> {
    /// Reads which there are.
    pub fn read(home: &Home, late: &'a Late<'a>) -> Result<Self> {
        let place = &home.place;
        let heads: HashMap<Vec<u8>, Oid> =
            head::branches(&place.git_dir, &place.common)?.into_iter().collect();
        let base = head::default_branch(&place.common);
        let base_tip = base.as_ref().and_then(|name| heads.get(name)).copied();
        Ok(Self { late, heads, base, base_tip, newest: RefCell::default() })
    }

    /// True if there is such a branch now.
    pub fn has(&self, name: &Text) -> bool {
        self.heads.contains_key(&name.0)
    }

    /// What became of all that are named; `author` worked on them.
    pub fn all(&self, tallies: &Tallies, author: Option<&str>) -> Result<Vec<Branch>> {
        tallies.0.values().map(|tally| self.one(tally, author)).collect()
    }

    fn one(&self, tally: &Tally, author: Option<&str>) -> Result<Branch> {
        let name = &tally.branch;
        let tip = self.heads.get(&name.0).copied();
        let is_base = self.base.as_ref() == Some(&name.0);
        let own = self.own(tally)?;
        // One that is gone is what it was when it was last seen, if anything was done on it.
        let last = tip.or(tally.last_head.filter(|_| !own.commits.is_empty()));
        let merged = match (last, self.base_tip) {
            (Some(tip), Some(base)) if !is_base => {
                self.is_ancestor(tip, base)? || self.is_squashed(&own, tip)?
            }
            _ => false,
        };
        let subject = match own.commits.last() {
            Some(first) if tally.words.prompt.is_none() => self.subject(*first)?,
            _ => None,
        };
        Ok(Branch {
            name: name.clone(),
            tip,
            merged,
            commits: own.commits.len() as u64,
            subject,
            base: self.base.clone().filter(|_| !is_base).map(Text),
            author: author.map(str::to_owned),
        })
    }

    /// The commits of a branch along first parents that its base does not hold; of the base, and of
    /// what the base holds by now, those since it was first seen.
    pub fn own(&self, tally: &Tally) -> Result<Own> {
        let name = &tally.branch.0;
        let mut own = Own { commits: Vec::new(), fork: None };
        let Some(tip) = self.heads.get(name).copied().or(tally.last_head) else { return Ok(own) };
        let is_held = match self.base_tip {
            Some(base) if self.base.as_ref() != Some(name) => self.is_ancestor(tip, base)?,
            _ => true,
        };
        // On one that was only spoken of, nothing was seen to begin.
        let first = tally.first_head.or(self.base_tip.filter(|_| tally.checkpoints == 0));
        let since = if is_held { first } else { self.base_tip };
        let mut next = Some(tip);
        while let Some(id) = next.filter(|_| own.commits.len() < MOST_COMMITS) {
            if since.map_or(Ok(false), |since| self.is_ancestor(id, since))? {
                own.fork = Some(id);
                break;
            }
            let Some(commit) = self.late.store()?.commit(id)? else { break };
            own.commits.push(id);
            next = commit.parent;
        }
        Ok(own)
    }

    fn is_ancestor(&self, old: Oid, new: Oid) -> Result<bool> {
        Ok(old == new || ancestry::is_ancestor(self.late.store()?, old, new)?)
    }

    fn subject(&self, commit: Oid) -> Result<Option<Text>> {
        let commit = self.late.store()?.commit(commit)?;
        Ok(commit.and_then(|commit| trail::first_line(&commit.message.into())))
    }

    /// Whether a commit of the base since the fork holds every file as the branch left it, or changes
    /// the same lines as the whole branch.
    fn is_squashed(&self, own: &Own, tip: Oid) -> Result<bool> {
        let (Some(fork), false) = (own.fork, own.commits.is_empty()) else { return Ok(false) };
        let store = self.late.store()?;
        let trees = (ancestry::tree_of(store, fork)?, ancestry::tree_of(store, tip)?);
        let (Some(old), Some(new)) = trees else { return Ok(false) };
        let done = links::between(store, Some(old), new)?;
        if done.is_empty() {
            return Ok(false);
        }
        for step in self.newest()?.iter().take_while(|step| step.id != fork) {
            if self.holds(step.tree, &done)? || links::is_alike(store, &done, &step.delta)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn holds(&self, tree: Oid, done: &[Edit]) -> Result<bool> {
        for edit in done {
            let found = self.late.store()?.lookup(tree, &edit.path)?;
            if found.map(|side| side.id) != edit.new {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn newest(&self) -> Result<Rc<[Step]>> {
        if let Some(known) = &*self.newest.borrow() {
            return Ok(Rc::clone(known));
        }
        let store = self.late.store()?;
        let (mut steps, mut next) = (Vec::new(), self.base_tip);
        while let Some(id) = next.filter(|_| steps.len() < SQUASHES) {
            let Some(commit) = store.commit(id)? else { break };
            steps.push(Step { id, tree: commit.tree, delta: links::delta(store, id)? });
            next = commit.parent;
        }
        let steps: Rc<[Step]> = steps.into();
        Ok(Rc::clone(self.newest.borrow_mut().insert(steps)))
    }
}
