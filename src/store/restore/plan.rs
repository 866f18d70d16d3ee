//! What is to be done to get from one tree to another, and what stands in the way. Reads, and
//! changes nothing.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Result, bail};

use super::ground::{Ground, is_absent};
use crate::disk::put::{self, Missing, Sort, Spot};
use crate::git::store::Store;
use crate::git::{TREE, diff, head, tree};
use crate::model::oid::Oid;
use crate::model::restore::{Conflict, Item, Step};
use crate::model::text::Text;
use crate::store::home::Home;
use crate::store::{Damaged, Refused};

/// Which paths a restore is about, from the worktree's top; all if there are none.
pub struct Within<'a>(pub &'a [Vec<u8>]);

impl Within<'_> {
    /// True if a path is one of these, or lies below one.
    pub fn holds(&self, path: &[u8]) -> bool {
        let at_or_below = |named: &Vec<u8>| {
            let rest = path.strip_prefix(named.as_slice());
            named.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        self.0.is_empty() || self.0.iter().any(at_or_below)
    }
}

/// Which files a restore may take away that the wanted state does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surplus {
    /// All that the present checkpoint holds.
    Removed,
    /// Only those that HEAD has: a commit says nothing of files that git does not track.
    TrackedOnly { head: Option<Oid> },
}

/// The steps from the tree `now` to the tree `wanted`.
pub fn whole(
    home: &Home,
    store: &Store,
    now: Option<Oid>,
    wanted: Option<Oid>,
    within: &Within<'_>,
    surplus: Surplus,
) -> Result<Vec<Item>> {
    let mut steps = Vec::new();
    diff::trees(store, None, now, wanted, &mut |delta| {
        if within.holds(&delta.path) {
            steps.push(Step { path: Text(delta.path), from: delta.old, to: delta.new });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let Surplus::TrackedOnly { head } = surplus {
        let mut kept = Vec::new();
        for step in steps {
            let tracked = head.map(|head| store.lookup(head, step.path.as_bytes())).transpose()?.flatten();
            if step.to.is_some() || tracked.is_some() {
                kept.push(step);
            }
        }
        steps = kept;
    }
    hindered(home, store, now, steps)
}

/// Finds what hinders each step away from the tree `now`. Steps that have nothing to do are left out.
pub fn hindered(home: &Home, store: &Store, now: Option<Oid>, steps: Vec<Step>) -> Result<Vec<Item>> {
    let ground = Ground::open(home, store)?;
    let gone = steps.iter().filter(|step| step.to.is_none()).map(|step| step.path.0.clone()).collect();
    let mut way = Way { ground, top: home.place.top()?, now, gone, foreign: HashMap::new() };
    let mut items = Vec::new();
    for step in steps {
        match way.of(&step)? {
            Judged::Clear => items.push(Item { step, conflict: None }),
            Judged::Conflict(conflict) => items.push(Item { step, conflict: Some(conflict) }),
            Judged::NothingToDo => {}
        }
    }
    Ok(items)
}

enum Judged {
    Clear,
    Conflict(Conflict),
    NothingToDo,
}

struct Way<'a> {
    ground: Ground<'a>,
    top: &'a Path,
    now: Option<Oid>,
    /// What the plan takes away, so that it is in nobody's way.
    gone: HashSet<Vec<u8>>,
    /// Directories, and whether they are, or lie in, a repository of their own.
    foreign: HashMap<Vec<u8>, bool>,
}

impl Way<'_> {
    fn of(&mut self, step: &Step) -> Result<Judged> {
        let path = step.path.as_bytes();
        if step.is_nested() || self.is_foreign(put::split(path).0)? {
            return Ok(Judged::Conflict(Conflict::Nested));
        }
        let sort = self.sort(path)?;
        Ok(match (sort, step.from, step.to) {
            (Sort::File | Sort::Link, Some(_), _) => Judged::Clear,
            // Not checked out, or gone since: there is nothing to take away.
            (Sort::Nothing, Some(_), None) => Judged::NothingToDo,
            (Sort::Nothing, Some(_), Some(_)) => Judged::Conflict(Conflict::NotThere),
            (Sort::Directory | Sort::Special, Some(_), _) => Judged::Conflict(Conflict::InTheWay),
            (Sort::Nothing, None, _) if self.is_open(path)? => Judged::Clear,
            (Sort::Directory, None, _) if self.empties(path)? => Judged::Clear,
            // No checkpoint took it in, because git came to ignore it: it stands there all the same.
            (Sort::File | Sort::Link, None, to) if self.ground.standing(path)?.is(to) => Judged::NothingToDo,
            (_, None, _) => Judged::Conflict(Conflict::InTheWay),
        })
    }

    /// True if a directory is, or lies in, a repository of its own: one that snapshots do not enter.
    fn is_foreign(&mut self, dir: &[u8]) -> Result<bool> {
        if dir.is_empty() {
            return Ok(false);
        }
        if let Some(known) = self.foreign.get(dir) {
            return Ok(*known);
        }
        let has_own = head::nested(&self.top.join(OsStr::from_bytes(dir))).is_some();
        let entered = || self.now.map(|now| self.ground.store.lookup(now, dir)).transpose();
        let is_foreign = match has_own {
            true => entered()?.flatten().is_none_or(|side| side.mode != TREE),
            false => self.is_foreign(put::split(dir).0)?,
        };
        self.foreign.insert(dir.to_vec(), is_foreign);
        Ok(is_foreign)
    }

    fn sort(&self, path: &[u8]) -> Result<Sort> {
        match self.ground.parent(path, Missing::Fail) {
            Err(error) if is_absent(&error) => Ok(Sort::Nothing),
            dir => Ok(put::look_at_kind(Spot { dir: dir?.as_fd(), name: put::split(path).1 })?),
        }
    }

    /// True if nothing but directories, and what the plan takes away, stands on the way to a path.
    fn is_open(&self, path: &[u8]) -> Result<bool> {
        let mut dir = put::split(path).0;
        while !dir.is_empty() {
            match self.sort(dir)? {
                Sort::Directory => return Ok(true),
                Sort::Nothing => {}
                _ if self.gone.contains(dir) => return Ok(true),
                _ => return Ok(false),
            }
            dir = put::split(dir).0;
        }
        Ok(true)
    }

    /// True if the plan takes away every file below a directory.
    fn empties(&self, path: &[u8]) -> Result<bool> {
        let dir = put::open_below(self.ground.top.as_fd(), path, Missing::Fail)?;
        for name in put::names(&dir)? {
            let inner = [path, b"/", &name].concat();
            let empties = match put::look_at_kind(Spot { dir: dir.as_fd(), name: &name })? {
                Sort::Nothing => true,
                Sort::Directory => self.empties(&inner)?,
                _ => self.gone.contains(&inner),
            };
            if !empties {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Refuses a plan that would write a name which some system takes for something else: all of it.
///
/// What no checkpoint could have taken in comes from a damaged or a foreign store. A name that is
/// only odd elsewhere is put back if the user's own commit has it, if it stands there already, or if
/// it is among those that were `named`.
pub fn check_names(home: &Home, store: &Store, steps: &[Step], named: &[Vec<u8>]) -> Result<()> {
    let mut seen: HashSet<&[u8]> = HashSet::new();
    for step in steps {
        let path = step.path.as_bytes();
        if !tree::valid_path(path) || !seen.insert(path) {
            let what =
                format!("the tree holds {:?}, which is never put back: nothing was changed", step.path);
            bail!(Damaged(what));
        }
    }
    let puts: Vec<&Step> = steps.iter().filter(|step| step.to.is_some()).collect();
    let written: HashSet<&[u8]> = puts.iter().map(|step| step.path.as_bytes()).collect();
    let mut folded: HashMap<String, &Step> = HashMap::new();
    let user = UserTree::read(home, store);
    let known =
        |step: &Step| step.from.is_some() || named.contains(&step.path.0) || user.has(step.path.as_bytes());
    for step in puts {
        let path = step.path.as_bytes();
        let mut above = put::split(path).0;
        while !above.is_empty() {
            if written.contains(above) {
                let what = format!("{:?} lies below what is no directory: nothing was changed", step.path);
                bail!(Damaged(what));
            }
            above = put::split(above).0;
        }
        let twin = folded.insert(String::from_utf8_lossy(path).to_lowercase(), step);
        let is_odd = !tree::is_portable(path) || twin.is_some();
        if is_odd && !(known(step) && twin.is_none_or(known)) {
            bail!(Refused(format!(
                "some systems take {:?} for something else: nothing was changed; if you want it, name this path",
                step.path
            )));
        }
    }
    Ok(())
}

/// The tree of the user's own HEAD.
struct UserTree<'a> {
    store: &'a Store,
    tree: Option<Oid>,
}

impl<'a> UserTree<'a> {
    fn read(home: &Home, store: &'a Store) -> Self {
        let commit = head::read(&home.place.git_dir, &home.place.common).ok().and_then(|head| head.commit);
        let tree = commit.and_then(|id| store.commit(id).ok().flatten()).map(|commit| commit.tree);
        Self { store, tree }
    }

    fn has(&self, path: &[u8]) -> bool {
        self.tree.is_some_and(|tree| self.store.lookup(tree, path).is_ok_and(|found| found.is_some()))
    }
}
