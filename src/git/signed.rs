//! What a commit of the user's says of itself.

use super::store::Store;
use crate::model::oid::Oid;
use crate::model::origin::Signed;
use crate::model::time::Timestamp;
use anyhow::{Context, Result, ensure};
use gix::objs::CommitRef;

/// Reads the author's name and the subject, and when it was committed.
pub fn read(store: &Store, id: Oid) -> Result<(Signed, Timestamp)> {
    let mut buffer = Vec::new();
    let found = store.find(id, &mut buffer)?;
    let (kind, bytes) = found.with_context(|| format!("the commit {id} is missing"))?;
    ensure!(kind == gix::objs::Kind::Commit, "{id} is a {kind} and no commit");
    let commit = CommitRef::from_bytes(bytes, store.hash_kind().gix());
    let commit = commit.with_context(|| format!("decode the commit {id}"))?;
    let author = commit.author().map(|author| author.name.to_vec()).unwrap_or_default();
    let secs = commit.committer().map_or(0, |committer| committer.seconds());
    let subject = commit.message.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok((Signed { id, author: author.into(), subject: subject.into() }, Timestamp::from_secs(secs)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;

    #[test]
    fn a_commit_names_its_author_and_its_subject() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("a", "a");
        let id = dir.commit(7);
        let (signed, at) = read(&dir.store(), id).unwrap();
        assert_eq!(signed, Signed { id, author: "somebody".into(), subject: "1000000007 +0000".into() });
        assert_eq!(at, Timestamp::from_secs(1_000_000_007));
        assert!(read(&dir.store(), dir.id("HEAD:a")).is_err());
        assert!(read(&dir.store(), Oid::from_bytes(&[7; 20]).unwrap()).is_err());
    }
}
