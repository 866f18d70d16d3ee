//! Whether one commit comes from another.
//!
//! A commit that cannot be found ends its line without a word: shallow and partial histories are
//! ordinary. The answer "no" is always safe, for it only makes the caller copy more.

use super::file;
use super::store::{RawCommit, Store};
use crate::model::oid::Oid;
use anyhow::Result;
use std::collections::{BinaryHeap, HashSet};

/// More than any list of shallow commits takes.
const SHALLOW_CAP: u64 = 64 << 20;

/// True if `old` is `new`, or one of the commits it was made from.
///
/// Commits are visited newest first, until they are older than `old`; a history whose clocks
/// went backwards may thus answer "no". What lies behind a shallow border does not count, even
/// if it can still be read: git's `gc` does not count it either.
pub fn is_ancestor(store: &Store, old: Oid, new: Oid) -> Result<bool> {
    reaches(store, &shallow(store)?, old, new)
}

/// The same, where `heir` is known to come from `old`: if `new` was made from that, which takes few
/// steps to see while commits are only added, it was made from `old` as well.
///
/// A shallow border may have moved across `old` since then, so where there is one nothing is known.
pub fn is_ancestor_by(store: &Store, old: Oid, heir: Option<Oid>, new: Oid) -> Result<bool> {
    let border = shallow(store)?;
    match heir.filter(|_| border.is_empty()) {
        Some(heir) if reaches(store, &border, heir, new)? => Ok(true),
        _ => reaches(store, &border, old, new),
    }
}

fn reaches(store: &Store, border: &HashSet<Oid>, old: Oid, new: Oid) -> Result<bool> {
    if old == new {
        return Ok(true);
    }
    let Some(RawCommit { time_secs: oldest, .. }) = store.commit(old)? else { return Ok(false) };
    let mut seen = HashSet::from([new]);
    let mut queue = BinaryHeap::new();
    queue.extend(store.dated_parents(new)?.map(|(time, parents)| (time, new, parents)));
    while let Some((time, id, parents)) = queue.pop() {
        if id == old {
            return Ok(true);
        }
        if time < oldest {
            return Ok(false);
        }
        if border.contains(&id) {
            continue;
        }
        for parent in parents.into_iter().filter(|parent| seen.insert(*parent)) {
            queue.extend(store.dated_parents(parent)?.map(|(time, above)| (time, parent, above)));
        }
    }
    Ok(false)
}

/// The tree of a commit; `None` if the commit is not there.
pub fn tree_of(store: &Store, commit: Oid) -> Result<Option<Oid>> {
    Ok(store.commit(commit)?.map(|commit| commit.tree))
}

/// The parents of a commit, the first one first; none if it is not there, or not to be understood.
pub fn parents(store: &Store, commit: Oid) -> Result<Vec<Oid>> {
    Ok(store.dated_parents(commit)?.map(|(_, parents)| parents).unwrap_or_default())
}

/// The commits whose parents the user's repository does not count as its own.
pub(super) fn shallow(store: &Store) -> Result<HashSet<Oid>> {
    let Some(common_dir) = store.dir().ancestors().nth(2) else { return Ok(HashSet::new()) };
    let text = file::read_plain(&common_dir.join("shallow"), SHALLOW_CAP)?.unwrap_or_default();
    Ok(text.split(|byte| *byte == b'\n').filter_map(Oid::parse).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;

    #[test]
    fn git_agrees_about_who_comes_from_whom() {
        let dir = Dir::repository(HashKind::Sha1);
        let mut commits = vec![dir.commit(1), dir.commit(2)];
        dir.git(&["checkout", "-q", "-b", "side", "HEAD~"]);
        commits.push(dir.commit(3));
        dir.git(&["checkout", "-q", "main"]);
        commits.push(dir.commit(4));
        dir.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
        commits.push(dir.id("HEAD"));
        dir.git(&["checkout", "-q", "--orphan", "other"]);
        commits.push(dir.commit(5));
        let store = dir.store();
        let listed = |tip: &Oid| dir.git(&["rev-list", &tip.to_string()]);
        for new in &commits {
            let list = listed(new);
            for old in &commits {
                let expected = list.contains(&old.to_string());
                assert_eq!(is_ancestor(&store, *old, *new).unwrap(), expected, "{old} {new}");
            }
        }
        assert_eq!(tree_of(&store, commits[0]).unwrap(), Some(dir.id("main^{tree}")));
    }

    #[test]
    fn what_cannot_be_found_ends_a_line_without_an_error() {
        let dir = Dir::repository(HashKind::Sha1);
        let [first, second, third] = [1, 2, 3].map(|second| dir.commit(second));
        let absent = Oid::from_bytes(&[7; 20]).unwrap();
        let store = dir.store();
        assert!(!is_ancestor(&store, absent, third).unwrap());
        assert!(!is_ancestor(&store, first, absent).unwrap());
        assert!(is_ancestor(&store, absent, absent).unwrap());
        assert_eq!(tree_of(&store, absent).unwrap(), None);
        // The commit is still there, but `gc` will take it.
        std::fs::write(dir.git_dir().join("shallow"), format!("{second}\n")).unwrap();
        assert!(is_ancestor(&store, second, third).unwrap());
        assert!(!is_ancestor(&store, first, third).unwrap());
    }

    #[test]
    fn an_heir_spares_the_way_to_its_ancestor_unless_there_is_a_border() {
        let dir = Dir::repository(HashKind::Sha1);
        let [first, second, third, fourth] = [1, 2, 3, 4].map(|second| dir.commit(second));
        let hex = second.to_string();
        std::fs::remove_file(dir.git_dir().join("objects").join(&hex[..2]).join(&hex[2..])).unwrap();
        let store = dir.store();
        let by = |heir, new| is_ancestor_by(&store, first, heir, new).unwrap();
        assert!(by(Some(third), fourth) && by(Some(third), third), "nobody walks past the heir");
        assert!(!by(None, fourth) && !by(Some(fourth), third), "what lies between is gone");
        assert!(by(Some(fourth), first), "the heir says nothing of a HEAD that went back");
        std::fs::write(dir.git_dir().join("shallow"), format!("{third}\n")).unwrap();
        assert!(!by(Some(third), fourth));
    }
}
