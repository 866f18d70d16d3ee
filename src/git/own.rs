//! What the store itself holds, object by object, alternates not counted.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::store::Store;
use super::{HashKind, from_gix, objects};
use crate::model::oid::Oid;

/// The ids that a pack's index lists.
pub fn ids_of_index(path: &Path, kind: HashKind) -> Result<Vec<Oid>> {
    let index = gix::odb::pack::index::File::at(path, kind.gix());
    let index = index.with_context(|| format!("read the pack index {}", path.display()))?;
    Ok(index.iter().map(|entry| from_gix(&entry.oid)).collect())
}

impl Store {
    /// Every object in the store's own packs, each once. An index that cannot be read lists nothing.
    pub fn own_ids(&self) -> Result<Vec<Oid>> {
        let dir = self.dir().join("objects").join("pack");
        let mut all = Vec::new();
        for path in objects::files(&dir)?.iter().map(|name| dir.join(OsStr::from_bytes(name))) {
            if path.extension().is_some_and(|end| end == "idx") {
                all.extend(ids_of_index(&path, self.hash_kind()).unwrap_or_default());
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// Whether the bytes of the store's own copy still hash to the object's id. That somebody else has a
    /// good one counts for nothing: it may go.
    ///
    /// # Errors
    /// It is not there, or does not even unpack.
    pub fn is_intact(&self, id: Oid) -> Result<bool> {
        let mut buffer = Vec::new();
        let (kind, bytes) =
            self.find_own(id, &mut buffer)?.with_context(|| format!("the object {id} is missing"))?;
        let hash = gix::objs::compute_hash(self.hash_kind().gix(), kind, bytes)?;
        Ok(from_gix(&hash) == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::ObjectKind;
    use crate::git::pack::Pack;
    use crate::git::sandbox::Dir;
    use std::fs;

    #[test]
    fn a_damaged_object_is_damaged_though_the_user_has_a_good_one() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "borrowed");
        dir.commit(1);
        let mut pack = Pack::new(HashKind::Sha1);
        let id = pack.add(ObjectKind::Blob, b"borrowed").unwrap();
        let packed = pack.finish().unwrap();
        dir.install(&packed);
        assert!(dir.store().is_intact(id).unwrap());
        let path = dir.store_path().join(format!("objects/pack/pack-{}.pack", packed.name));
        let mut bytes = fs::read(&path).unwrap();
        bytes[14] ^= 0xff;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        let store = dir.store();
        assert_eq!(store.blob(id).unwrap().unwrap(), b"borrowed");
        assert!(store.is_intact(id).is_err());
        assert!(dir.store().is_intact(HashKind::Sha1.hash(ObjectKind::Blob, b"none").unwrap()).is_err());
    }
}
