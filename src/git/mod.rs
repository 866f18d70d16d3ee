//! Floor 1: the only user of gix. Objects, trees, packs, and what the user's repository says.
//!
//! Two repositories meet here and are never mixed up. The *store* is ours: [`store`] reads it, and
//! what is to be written leaves this floor as the bytes of one pack ([`pack`]), because the order
//! of writes and syncs is `store/`'s promise and not git's. The *user's repository* is only looked
//! at, file by file ([`head`], [`config`]), and never written. Nothing here runs a program but
//! [`run`] and [`hooks`], and only git, only where a file cannot answer.

pub mod absorb;
pub mod ancestry;
pub mod blame;
pub mod commit;
pub mod config;
mod deflate;
pub mod diff;
pub mod head;
pub mod hooks;
pub mod merge;
pub mod own;
pub mod pack;
pub mod patch;
pub mod reflog;
pub mod run;
pub mod scan;
pub mod signed;
pub mod store;
pub mod table;
pub mod tree;
pub mod words;

mod file;
mod ignore;
mod objects;
mod places;
mod recent;
mod refs;
#[cfg(test)]
mod sandbox;

use crate::model::oid::Oid;
use anyhow::Result;

/// Which hash names the objects of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    Sha1,
    Sha256,
}

/// What an object is. Tags have no place in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    Blob,
    Tree,
    Commit,
}

/// The mode of a directory in a tree.
pub const TREE: u32 = 0o040000;
/// The mode of a plain file.
pub const FILE: u32 = 0o100644;
/// The mode of a file that may be executed.
pub const EXECUTABLE: u32 = 0o100755;
/// The mode of a symbolic link.
pub const LINK: u32 = 0o120000;
/// The mode of a nested repository's commit.
pub const GITLINK: u32 = 0o160000;

impl HashKind {
    /// The id that git gives to an object with these bytes.
    pub fn hash(self, kind: ObjectKind, bytes: &[u8]) -> Result<Oid> {
        Ok(from_gix(&gix::objs::compute_hash(self.gix(), kind.gix(), bytes)?))
    }

    /// The id of the tree that holds nothing.
    pub fn empty_tree(self) -> Oid {
        from_gix(&self.gix().empty_tree())
    }

    pub(crate) fn gix(self) -> gix::hash::Kind {
        match self {
            Self::Sha1 => gix::hash::Kind::Sha1,
            Self::Sha256 => gix::hash::Kind::Sha256,
        }
    }

    /// How many bytes an id has.
    pub(crate) fn id_len(self) -> usize {
        self.gix().len_in_bytes()
    }
}

impl ObjectKind {
    pub(crate) fn gix(self) -> gix::objs::Kind {
        match self {
            Self::Blob => gix::objs::Kind::Blob,
            Self::Tree => gix::objs::Kind::Tree,
            Self::Commit => gix::objs::Kind::Commit,
        }
    }
}

/// Our id in gix's clothes.
pub(crate) fn to_gix(id: Oid) -> gix::ObjectId {
    gix::ObjectId::from_bytes_or_panic(id.as_bytes())
}

/// gix's id in ours.
pub(crate) fn from_gix(id: &gix::oid) -> Oid {
    Oid::from_bytes(id.as_bytes()).expect("gix knows ids of 20 and of 32 bytes")
}
