//! The store, opened when somebody asks for it: a page that the read models tell needs none.

use std::cell::OnceCell;

use anyhow::Result;

use super::home::Home;
use crate::git::store::Store;

/// Gives the store of a worktree.
pub type Open<'a> = &'a dyn Fn() -> Result<&'a Store>;

/// The store of a worktree, opened at most once.
pub struct Late<'a> {
    home: &'a Home,
    store: OnceCell<Store>,
}

impl<'a> Late<'a> {
    /// Opens nothing yet.
    pub fn new(home: &'a Home) -> Self {
        Self { home, store: OnceCell::new() }
    }

    /// The store.
    pub fn store(&self) -> Result<&Store> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = Store::open(&self.home.place.store())?;
        Ok(self.store.get_or_init(|| store))
    }
}
