//! The objects in one directory, its packs and loose files, read with few calls to the system.
//!
//! gix looks at each file of a store twice, and for a loose object after each index that it opens, the
//! largest first; with thirty young packs that was most of what a checkpoint asked of the system. Refuses
//! to be the last word: what is not found here, or cannot be read, may be there all the same. Follows
//! no alternates.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gix::objs::Kind;
use gix::odb::loose;
use gix::odb::pack::{self, data, data::decode::entry::ResolvedBase, index};
use gix::zlib::Inflate;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::recent::Recent;
use super::scan::root::{self, Sort};
use super::{HashKind, to_gix};
use crate::model::oid::Oid;

/// What lies in a directory of objects.
pub(super) struct Objects {
    kind: HashKind,
    /// How many packs were listed.
    pub(super) packs: usize,
    /// The packs' indices that were not opened yet.
    closed: Vec<PathBuf>,
    /// First the pack that had what was asked for last.
    open: Vec<Pack>,
    loose: loose::Store,
    recent: Recent,
}

struct Pack {
    /// Different for each, as the memory of objects put together needs it.
    number: u32,
    index: Index,
    /// Opened for the first object that is read.
    data: Option<data::File>,
}

/// The index of a pack. That of a young one is read: to map so few bytes takes four times as long.
enum Index {
    Read(Box<index::File<Vec<u8>>>),
    Mapped(Box<index::File<pack::MMap>>),
}

/// An index of up to so many bytes is read: five hundred objects.
const FEW: u64 = 16 << 10;

impl Index {
    fn open(path: &Path, kind: HashKind) -> Result<Self> {
        let mut file = fs::File::open(path)?;
        let len = file.metadata()?.len();
        if len > FEW {
            return Ok(Self::Mapped(index::File::at(path, kind.gix())?.into()));
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact(&mut bytes)?;
        Ok(Self::Read(index::File::from_data(bytes, path.to_owned(), kind.gix())?.into()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Read(file) => file.path(),
            Self::Mapped(file) => file.path(),
        }
    }

    /// Where in the index an object stands.
    fn lookup(&self, id: &gix::oid) -> Option<u32> {
        match self {
            Self::Read(file) => file.lookup(id),
            Self::Mapped(file) => file.lookup(id),
        }
    }

    /// Where in the pack the object is that stands there in the index.
    fn offset(&self, at: u32) -> u64 {
        match self {
            Self::Read(file) => file.pack_offset_at_index(at),
            Self::Mapped(file) => file.pack_offset_at_index(at),
        }
    }
}

impl Objects {
    /// Lists the packs in `dir`; there are none in a directory that is not there.
    pub(super) fn list(dir: &Path, kind: HashKind) -> Result<Self> {
        let packs = dir.join("pack");
        let names = files(&packs)?;
        // An index that lost its pack has nothing to rely on.
        let is_whole = |index: &[u8]| {
            let pack = index.strip_suffix(b".idx").map(|stem| [stem, b".pack"].concat());
            pack.is_some_and(|pack| names.binary_search(&pack).is_ok())
        };
        let whole = names.iter().filter(|name| is_whole(name));
        let closed: Vec<_> = whole.map(|name| packs.join(OsStr::from_bytes(name))).collect();
        Ok(Self {
            kind,
            packs: closed.len(),
            closed,
            open: Vec::new(),
            loose: loose::Store::at(dir, kind.gix()),
            recent: Recent::default(),
        })
    }

    /// True if the object is here. A pack whose index cannot be read has nothing.
    pub(super) fn hold(&mut self, id: Oid) -> bool {
        let id = to_gix(id);
        self.seek(&id).is_some() || self.loose.contains(&id)
    }

    /// How many of them were opened.
    #[cfg(test)]
    pub(super) fn opened(&self) -> usize {
        self.open.len()
    }

    /// Has this pack opened first, if it is there.
    pub(super) fn begin_with(&mut self, name: &str) {
        let is_it = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == name);
        if let Some(at) = self.closed.iter().position(is_it) {
            let last = self.closed.len() - 1;
            self.closed.swap(at, last);
        }
    }

    /// The same as [`find`](Self::find) among the packs that are open, which asks nothing of the system.
    pub(super) fn find_open(&mut self, id: Oid, out: &mut Vec<u8>, inflate: &mut Inflate) -> Option<Kind> {
        let at = self.seek_open(&to_gix(id))?;
        self.unpack(at, out, inflate).ok()
    }

    /// Reads an object into `out`; `None` also if it cannot be read.
    pub(super) fn find(&mut self, id: Oid, out: &mut Vec<u8>, inflate: &mut Inflate) -> Option<Kind> {
        self.read(id, out, inflate).ok().flatten()
    }

    /// Reads an object into `out`; `None` if it is not here.
    pub(super) fn read(&mut self, id: Oid, out: &mut Vec<u8>, inflate: &mut Inflate) -> Result<Option<Kind>> {
        let id = to_gix(id);
        match self.seek(&id) {
            Some(at) => self.unpack(at, out, inflate).map(Some),
            None => Ok(self.loose.try_find(&id, out)?.map(|found| found.kind)),
        }
    }

    /// Reads the object that stands there in the index of the first pack.
    fn unpack(&mut self, at: u32, out: &mut Vec<u8>, inflate: &mut Inflate) -> Result<Kind> {
        let Pack { number, index, data } = &mut self.open[0];
        let data = match data {
            Some(data) => data,
            none => {
                let mut opened = data::File::at(index.path().with_extension("pack"), self.kind.gix())?;
                opened.id = *number;
                none.insert(opened)
            }
        };
        let entry = data.entry(index.offset(at))?;
        // Whatever a delta in a pack on disk is made from is in the same pack.
        let base = |id: &gix::oid, _: &mut Vec<u8>| match index.lookup(id) {
            Some(at) => data.entry(index.offset(at)).map(|entry| Some(ResolvedBase::InPack(entry))),
            None => Ok(None),
        };
        let read = data.decode_entry(entry, out, inflate, &base, &mut self.recent)?;
        Ok(read.kind)
    }

    /// Brings the pack that has the object to the front; where in its index the object stands.
    fn seek(&mut self, id: &gix::oid) -> Option<u32> {
        self.seek_open(id).or_else(|| self.seek_closed(id))
    }

    fn seek_open(&mut self, id: &gix::oid) -> Option<u32> {
        let found = |(pack, open): (usize, &Pack)| Some((pack, open.index.lookup(id)?));
        let (pack, at) = self.open.iter().enumerate().find_map(found)?;
        self.open.swap(0, pack);
        Some(at)
    }

    /// Opens more packs, until one has the object.
    fn seek_closed(&mut self, id: &gix::oid) -> Option<u32> {
        while let Some(path) = self.closed.pop() {
            let Ok(index) = Index::open(&path, self.kind) else { continue };
            let (at, last) = (index.lookup(id), self.open.len());
            self.open.push(Pack { number: last as u32, index, data: None });
            if at.is_some() {
                self.open.swap(0, last);
                return at;
            }
        }
        None
    }
}

/// The names of the regular files in a directory, sorted; there are none in one that is not there. A FIFO
/// would be waited for, and a link is left to who is asked last.
pub(super) fn files(dir: &Path) -> Result<Vec<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let listed = match rustix::fs::open(dir, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        opened => opened.and_then(|dir| root::list(&dir)),
    };
    let listed = listed.with_context(|| format!("list {}", dir.display()))?;
    let files = listed.into_iter().filter(|(_, sort)| *sort == Sort::File);
    let mut names: Vec<_> = files.map(|(name, _)| name).collect();
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::ObjectKind;
    use crate::git::pack::Pack;
    use crate::git::sandbox::Dir;
    use std::collections::HashSet;

    fn read(objects: &mut Objects, id: Oid) -> Option<(Kind, Vec<u8>)> {
        let mut bytes = Vec::new();
        objects.find(id, &mut bytes, &mut Inflate::default()).map(|kind| (kind, bytes))
    }

    #[test]
    fn loose_objects_and_those_that_git_made_deltas_of_are_read_alike() {
        for kind in [HashKind::Sha1, HashKind::Sha256] {
            let dir = Dir::repository(kind);
            let long = |end: &str| (0..400).map(|line| format!("line {line}\n")).collect::<String>() + end;
            let ids: Vec<Oid> = ["one", "two", "three"]
                .map(|end| {
                    dir.write("a", &long(end));
                    dir.commit(1);
                    dir.id("HEAD:a")
                })
                .to_vec();
            let at = dir.path().join(".git/objects");
            for packed in [None, Some("true"), Some("false")] {
                if let Some(by_place) = packed {
                    let named = format!("repack.useDeltaBaseOffset={by_place}");
                    dir.git(&["-c", &named, "repack", "-adfq"]);
                }
                let mut objects = Objects::list(&at, kind).unwrap();
                for (id, end) in ids.iter().zip(["one", "two", "three"]) {
                    assert_eq!(read(&mut objects, *id), Some((Kind::Blob, long(end).into_bytes())));
                    assert!(objects.hold(*id));
                }
                assert_eq!(read(&mut objects, dir.id("HEAD")).map(|(kind, _)| kind), Some(Kind::Commit));
                let absent = kind.hash(ObjectKind::Blob, b"nowhere").unwrap();
                assert!(read(&mut objects, absent).is_none() && !objects.hold(absent));
            }
        }
    }

    #[test]
    fn the_pack_to_begin_with_is_opened_alone_and_only_open_ones_are_asked_for_nothing() {
        let dir = Dir::repository(HashKind::Sha1);
        let packs: Vec<(Oid, String)> = (0..9)
            .map(|at| {
                let mut pack = Pack::new(HashKind::Sha1);
                // An index that is mapped, and eight that are read.
                let many = if at == 8 { 600 } else { 1 };
                let ids =
                    (0..many).map(|n| pack.add(ObjectKind::Blob, format!("{at} {n}").as_bytes()).unwrap());
                let id = ids.last().unwrap();
                let packed = pack.finish().unwrap();
                dir.install(&packed);
                (id, packed.name)
            })
            .collect();
        let mut objects = Objects::list(&dir.store_path().join("objects"), HashKind::Sha1).unwrap();
        let mut inflate = Inflate::default();
        for (opened, (id, name)) in packs.iter().enumerate() {
            objects.begin_with(&format!("pack-{name}"));
            assert_eq!(objects.find_open(*id, &mut Vec::new(), &mut inflate), None);
            assert_eq!(objects.find(*id, &mut Vec::new(), &mut inflate), Some(Kind::Blob));
            assert_eq!(objects.find_open(*id, &mut Vec::new(), &mut inflate), Some(Kind::Blob));
            assert_eq!((objects.open.len(), objects.packs), (opened + 1, 9));
        }
        let numbers: HashSet<u32> = objects.open.iter().map(|pack| pack.number).collect();
        assert_eq!(numbers.len(), 9, "what is remembered of one pack is not taken for another's");
        objects.begin_with("pack-that-is-gone");
    }

    #[test]
    fn a_pack_whose_index_cannot_be_read_still_counts() {
        let dir = Dir::repository(HashKind::Sha1);
        let packs = dir.store_path().join("objects/pack");
        for bytes in [&b""[..], b"torn", &[0xff; 1071], &[0; 1072], &[0xff; 20_000]] {
            let stem = packs.join(format!("pack-{}", bytes.len()));
            std::fs::write(stem.with_extension("idx"), bytes).unwrap();
            std::fs::write(stem.with_extension("pack"), "").unwrap();
        }
        let mut objects = Objects::list(&dir.store_path().join("objects"), HashKind::Sha1).unwrap();
        let absent = HashKind::Sha1.hash(ObjectKind::Blob, b"absent").unwrap();
        assert_eq!((objects.packs, read(&mut objects, absent), objects.packs), (5, None, 5));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "packed");
        dir.commit(1);
        dir.git(&["repack", "-adq"]);
        let (at, id) = (dir.path().join(".git/objects"), dir.id("HEAD:a"));
        dir.run("mkfifo", &[".git/objects/pack/pack-1.idx", ".git/objects/pack/pack-2.pack"]);
        fs::write(at.join("pack/pack-1.pack"), "").unwrap();
        fs::write(at.join("pack/pack-2.idx"), "").unwrap();
        let mut objects = Objects::list(&at, HashKind::Sha1).unwrap();
        assert_eq!(objects.closed.len(), 1);
        assert_eq!(read(&mut objects, id), Some((Kind::Blob, b"packed".to_vec())));
    }

    #[test]
    fn an_index_without_its_pack_has_nothing() {
        let dir = Dir::repository(HashKind::Sha1);
        let mut pack = Pack::new(HashKind::Sha1);
        let id = pack.add(ObjectKind::Blob, b"bytes").unwrap();
        let packed = pack.finish().unwrap();
        dir.install(&packed);
        let at = dir.store_path().join("objects");
        assert!(Objects::list(&at, HashKind::Sha1).unwrap().hold(id));
        let mut before = Objects::list(&at, HashKind::Sha1).unwrap();
        fs::remove_file(at.join(format!("pack/pack-{}.pack", packed.name))).unwrap();
        assert!(!Objects::list(&at, HashKind::Sha1).unwrap().hold(id));
        assert_eq!(read(&mut before, id), None, "it was listed, and went before it was opened");
    }
}
