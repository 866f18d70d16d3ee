//! Takes back what one actor changed, and nothing that others changed since: three ways against now.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result};

use crate::disk::file::Durability;
use crate::git::ObjectKind;
use crate::git::merge::{self, Favour, Labels};
use crate::git::pack::Pack;
use crate::git::store::Store;
use crate::model::change::Side;
use crate::model::oid::Oid;
use crate::model::restore::{Conflict, Edit, Item, Resolve, Step, Verdict, coalesce, take_back};
use crate::model::text::Text;
use crate::store::home::Home;
use crate::store::{Damaged, land};

use super::{Saved, plan};

/// The changes that are to go, path by path, oldest first.
pub type Edits = BTreeMap<Vec<u8>, Vec<Edit>>;

/// Plans how to take `edits` back from what is saved.
pub fn plan(home: &Home, store: &Store, saved: Saved, edits: &Edits, resolve: Resolve) -> Result<Vec<Item>> {
    let mut merger = Merger { store, resolve, fresh: HashMap::new() };
    let mut steps = Vec::new();
    let mut clashes = Vec::new();
    for (path, edits) in edits {
        let from = saved.tree.map(|tree| store.lookup(tree, path)).transpose()?.flatten();
        // A directory in a file's place is nothing the file's history knows of.
        let from = from.filter(|side| side.mode != crate::git::TREE);
        match merger.unwind(path, edits, from)? {
            Some(to) if to == from => {}
            Some(to) => steps.push(Step { path: Text(path.clone()), from, to }),
            None => clashes.push(Step { path: Text(path.clone()), from, to: edits[0].old }),
        }
    }
    merger.keep(home)?;
    let mut items = plan::hindered(home, store, saved.tree, steps)?;
    items.extend(clashes.into_iter().map(|step| Item { step, conflict: Some(Conflict::Edited) }));
    items.sort_by(|a, b| a.step.path.cmp(&b.step.path));
    Ok(items)
}

struct Merger<'a> {
    store: &'a Store,
    resolve: Resolve,
    /// Merged texts that no object holds yet.
    fresh: HashMap<Oid, Vec<u8>>,
}

impl Merger<'_> {
    /// What is to stand at a path, its edits taken back from the newest to the oldest; `None` if
    /// somebody's later work is in the way.
    fn unwind(&mut self, path: &[u8], edits: &[Edit], now: Option<Side>) -> Result<Option<Option<Side>>> {
        let mut here = now;
        for edit in coalesce(edits).into_iter().rev() {
            here = match take_back(edit, here) {
                Verdict::Keep => here,
                Verdict::Put(side) => side,
                Verdict::Merge { base, ours, theirs, mode } => {
                    match self.merge([base.id, ours.id, theirs.id]).with_context(|| name(path))? {
                        Some(id) => Some(Side { mode, id }),
                        None => match self.give_way(edit, here) {
                            Some(side) => side,
                            None => return Ok(None),
                        },
                    }
                }
                Verdict::Clash => match self.give_way(edit, here) {
                    Some(side) => side,
                    None => return Ok(None),
                },
            };
        }
        Ok(Some(here))
    }

    /// Who wins where there is nothing to merge.
    fn give_way(&self, edit: Edit, here: Option<Side>) -> Option<Option<Side>> {
        match self.resolve {
            Resolve::Refuse | Resolve::Markers => None,
            Resolve::Ours => Some(here),
            Resolve::Theirs => Some(edit.old),
        }
    }

    /// The merged text's id; `None` if it cannot be merged, or must not with conflicts.
    fn merge(&mut self, [base, ours, theirs]: [Oid; 3]) -> Result<Option<Oid>> {
        let favour = match self.resolve {
            Resolve::Refuse | Resolve::Markers => Favour::Neither,
            Resolve::Ours => Favour::Ours,
            Resolve::Theirs => Favour::Theirs,
        };
        let labels = Labels { ours: "as it is now", theirs: "as it was before" };
        let (base, ours, theirs) = (self.text(base)?, self.text(ours)?, self.text(theirs)?);
        let Some(merged) = merge::text(&base, &ours, &theirs, &labels, favour) else { return Ok(None) };
        if merged.conflicts > 0 && self.resolve == Resolve::Refuse {
            return Ok(None);
        }
        let id = self.store.hash_blob(&merged.bytes)?;
        self.fresh.insert(id, merged.bytes);
        Ok(Some(id))
    }

    fn text(&self, id: Oid) -> Result<Vec<u8>> {
        match self.fresh.get(&id) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.store.blob(id)?.with_context(|| {
                Damaged(format!("the content {} is missing; see `trace fsck`", id.short(12)))
            }),
        }
    }

    /// Brings merged texts into the store: what is to be put back must be there to be put back.
    fn keep(self, home: &Home) -> Result<()> {
        if self.fresh.is_empty() {
            return Ok(());
        }
        let mut pack = Pack::new(self.store.hash_kind());
        for bytes in self.fresh.values() {
            pack.add(ObjectKind::Blob, bytes)?;
        }
        land::land(home, &pack.finish()?, Durability::Synced).context("keep merged files")
    }
}

fn name(path: &[u8]) -> String {
    format!("merge {}", String::from_utf8_lossy(path))
}
