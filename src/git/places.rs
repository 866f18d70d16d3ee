//! Where the store's objects are looked for: in its own packs, in the user's, and by gix in all of git's.
//!
//! The first two are asked by us, with few calls to the system; gix is asked for what neither has, and has
//! the last word. Nothing is believed absent while an index could not be opened.

use super::objects::Objects;
use super::recent::Recent;
use super::{HashKind, file, to_gix};
use crate::model::oid::Oid;
use anyhow::{Context, Result};
use gix::objs::{Find, FindHeader, Header, Kind};
use gix::odb;
use gix::zlib::Inflate;
use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

/// The places; [`Whose`] says in which order they are asked.
pub(super) struct Places {
    dir: PathBuf,
    kind: HashKind,
    own: RefCell<Objects>,
    /// The user's, if the store borrows from there and from nowhere else.
    lent: OnceCell<Option<RefCell<Objects>>>,
    /// All that git would find, opened when the others do not have something.
    all: OnceCell<odb::Handle>,
    /// For what the first two have: to make one takes longer than to read a tree.
    inflate: RefCell<Inflate>,
}

/// Whose an object is likely to be, and so where it is looked for first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The store's.
    Ours,
    /// Anyone's. The user's repository has few packs, the store many small ones, which are opened last.
    Anyones,
}

/// Room for so many packs that land while we read: each takes time to make, whether it is used or not.
const SLOTS: usize = 256;

/// Where the user's objects are, from the store's.
pub(super) const LENDER: &str = "../../../objects";
pub(super) const ALTERNATES: &str = "objects/info/alternates";

impl Places {
    /// Lists the packs of the store at `dir`; the others are listed when they are asked.
    pub(super) fn open(dir: &Path, kind: HashKind) -> Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            kind,
            own: Objects::list(&dir.join("objects"), kind)?.into(),
            lent: OnceCell::new(),
            all: OnceCell::new(),
            inflate: RefCell::default(),
        })
    }

    /// Where the store is.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Has this pack of the store's opened first, if it is there.
    pub(super) fn begin_with(&self, pack: &str) {
        self.own.borrow_mut().begin_with(pack);
    }

    /// How many packs the store had when it was opened.
    pub(super) fn packs(&self) -> usize {
        self.own.borrow().packs
    }

    /// True if the store itself has the object.
    pub(super) fn hold_own(&self, id: Oid) -> bool {
        self.own.borrow_mut().hold(id)
    }

    /// Reads an object into `buffer`; `None` if it is nowhere.
    pub(super) fn find(&self, id: Oid, whose: Whose, buffer: &mut Vec<u8>) -> Result<Option<Kind>> {
        if let Some(kind) = self.near(id, whose, buffer) {
            return Ok(Some(kind));
        }
        let find = |places: &Self, buffer: &mut Vec<u8>| {
            let found = places.all()?.try_find(&to_gix(id), buffer);
            Ok(found.with_context(|| format!("read the object {id}"))?.map(|data| data.kind))
        };
        match find(self, buffer)? {
            None if !self.saw_all()? => self.anew(|fresh| find(fresh, buffer)),
            kind => Ok(kind),
        }
    }

    /// Reads an object's kind and size.
    pub(super) fn header(&self, id: Oid) -> Result<Option<Header>> {
        let header = |places: &Self| {
            let header = places.all()?.try_header(&to_gix(id));
            header.with_context(|| format!("read the header of {id}"))
        };
        match header(self)? {
            None if !self.saw_all()? => self.anew(header),
            header => Ok(header),
        }
    }

    /// Reads an object of the store's own, or one that the user's repository lends.
    fn near(&self, id: Oid, whose: Whose, buffer: &mut Vec<u8>) -> Option<Kind> {
        let inflate = &mut *self.inflate.borrow_mut();
        let mut own = self.own.borrow_mut();
        let first = match whose {
            Whose::Ours => own.find(id, buffer, inflate),
            Whose::Anyones => own.find_open(id, buffer, inflate),
        };
        let lent = || self.lent.get_or_init(|| self.lender().map(RefCell::new)).as_ref();
        first.or_else(|| lent()?.borrow_mut().find(id, buffer, inflate)).or_else(|| match whose {
            Whose::Ours => None,
            Whose::Anyones => own.find(id, buffer, inflate),
        })
    }

    fn lender(&self) -> Option<Objects> {
        let named = file::read_plain(&self.dir.join(ALTERNATES), 4096).ok()??;
        let is_only = named.strip_suffix(b"\n")? == LENDER.as_bytes();
        is_only.then(|| Objects::list(&self.dir.join("objects").join(LENDER), self.kind).ok())?
    }

    /// Reads the store's own copy of an object into `buffer`, listing its packs anew if that fails.
    pub(super) fn find_own(&self, id: Oid, buffer: &mut Vec<u8>) -> Result<Option<Kind>> {
        let inflate = &mut *self.inflate.borrow_mut();
        let first = self.own.borrow_mut().read(id, buffer, inflate);
        let found = match first {
            Ok(Some(kind)) => Ok(Some(kind)),
            _ => Self::open(&self.dir, self.kind)?.own.borrow_mut().read(id, buffer, inflate),
        };
        found.with_context(|| format!("read the object {id}"))
    }

    fn all(&self) -> Result<&odb::Handle> {
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        // gix counts the packs once; others may land more while we read (it then fails for want of slots).
        let slots = odb::store::init::Slots::AsNeededByDiskState { multiplier: 2.0, minimum: SLOTS };
        let options = odb::store::init::Options { slots, ..Default::default() };
        let opened = odb::at_opts(self.dir.join("objects"), self.kind.gix(), None, options);
        let mut opened = opened.with_context(|| format!("open the objects of {}", self.dir.display()))?;
        opened.set_pack_cache(|| Box::new(Recent::default()));
        Ok(self.all.get_or_init(|| opened))
    }

    /// Whether every pack's index was opened, once an object was not found. gix takes one that the system
    /// would not open (too many files, no memory, a failing disk) for one that is not there.
    fn saw_all(&self) -> Result<bool> {
        let metrics = self.all()?.store_ref().metrics();
        Ok(metrics.open_reachable_indices >= metrics.known_reachable_indices)
    }

    /// Looks once more, with every file opened anew.
    ///
    /// # Errors
    /// [`Unsure`], if an index still cannot be opened.
    fn anew<T>(&self, look: impl FnOnce(&Self) -> Result<Option<T>>) -> Result<Option<T>> {
        let fresh = Self::open(&self.dir, self.kind)?;
        match look(&fresh)? {
            None if !fresh.saw_all()? => Err(Unsure.into()),
            found => Ok(found),
        }
    }
}

/// A pack's index cannot be opened for now: what is not found may be there.
#[derive(Debug)]
pub struct Unsure;

impl std::fmt::Display for Unsure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the index of a pack cannot be opened for now, so what is not found may be there")
    }
}

impl std::error::Error for Unsure {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::ObjectKind;
    use crate::git::pack::Pack;
    use crate::git::sandbox::Dir;

    fn packed(dir: &Dir, text: &str) -> Oid {
        let mut pack = Pack::new(HashKind::Sha1);
        let id = pack.add(ObjectKind::Blob, text.as_bytes()).unwrap();
        dir.install(&pack.finish().unwrap());
        id
    }

    #[test]
    fn what_the_user_lends_opens_no_pack_of_ours_and_what_is_ours_no_pack_of_the_user_s() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "lent");
        dir.commit(1);
        let lent = dir.id("HEAD:a");
        let ours = ["one", "two", "three"].map(|text| packed(&dir, text));
        let places = || Places::open(&dir.store_path(), HashKind::Sha1).unwrap();
        let find = |places: &Places, id, whose| places.find(id, whose, &mut Vec::new()).unwrap();

        let first = places();
        assert_eq!(find(&first, lent, Whose::Anyones), Some(Kind::Blob));
        assert_eq!((first.own.borrow().opened(), first.packs()), (0, 3));
        for id in ours {
            assert_eq!(find(&first, id, Whose::Anyones), Some(Kind::Blob));
        }
        assert!(first.all.get().is_none(), "gix was not asked");

        let first = places();
        assert_eq!(find(&first, ours[1], Whose::Ours), Some(Kind::Blob));
        assert!(first.lent.get().is_none());
        assert_eq!(find(&first, lent, Whose::Ours), Some(Kind::Blob));
    }

    #[test]
    fn a_copy_that_cannot_be_read_hides_no_other() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "both have it");
        dir.commit(1);
        let id = packed(&dir, "both have it");
        let hex = id.to_string();
        let theirs = dir.path().join(".git/objects").join(&hex[..2]).join(&hex[2..]);
        std::fs::remove_file(&theirs).unwrap();
        std::fs::write(&theirs, "no object").unwrap();
        for whose in [Whose::Ours, Whose::Anyones] {
            let mut bytes = Vec::new();
            let places = Places::open(&dir.store_path(), HashKind::Sha1).unwrap();
            assert_eq!(places.find(id, whose, &mut bytes).unwrap(), Some(Kind::Blob));
            assert_eq!(bytes, b"both have it");
        }
    }
}
