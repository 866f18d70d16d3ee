//! Writes the commit of a checkpoint.
//!
//! Nobody's name stands in it: who did what is in the events.

use super::ObjectKind;
use super::pack::Pack;
use crate::model::oid::Oid;
use anyhow::{Result, ensure};

const AUTHOR: &str = "trace <trace@localhost>";

/// Adds a commit to the pack and returns its id.
pub fn write(pack: &mut Pack, tree: Oid, parent: Option<Oid>, message: &[u8], at_secs: i64) -> Result<Oid> {
    ensure!(!message.contains(&0), "a commit's message cannot hold a NUL byte");
    // git has no dates before its epoch.
    let at = at_secs.max(0);
    let parent = parent.map(|id| format!("parent {id}\n")).unwrap_or_default();
    let header =
        format!("tree {tree}\n{parent}author {AUTHOR} {at} +0000\ncommitter {AUTHOR} {at} +0000\n\n");
    pack.add(ObjectKind::Commit, &[header.as_bytes(), message].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;

    #[test]
    fn a_commit_has_git_s_very_bytes() {
        let mut pack = Pack::new(HashKind::Sha1);
        let tree = HashKind::Sha1.empty_tree();
        let id = write(&mut pack, tree, Some(tree), b"subject\n", 7).unwrap();
        let expected = format!(
            "tree {tree}\nparent {tree}\nauthor trace <trace@localhost> 7 +0000\n\
             committer trace <trace@localhost> 7 +0000\n\nsubject\n"
        );
        assert_eq!(pack.get(id).unwrap(), (ObjectKind::Commit, expected.into_bytes()));
        assert!(write(&mut pack, tree, None, b"a\0b", 7).is_err());
    }
}
