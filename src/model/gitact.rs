//! What git did, as its hooks tell it: facts about the user's commits, none of their words.

use serde::{Deserialize, Serialize};

use super::oid::Oid;
use super::text::Text;

/// A commit was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    pub commit: Oid,
    /// What HEAD was before; the parent, or what was amended. `None` for a first commit, or if unsure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Oid>,
    /// Without `refs/heads/`; `None` if detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
    /// How git's reflog calls it: `commit`, `commit (amend)`, `cherry-pick`, `rebase (pick)`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// Commits were made anew: each old one, and what it became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rewritten {
    /// `amend` or `rebase`, as git says it.
    pub by: String,
    /// Several old ones may have become one.
    pub pairs: Vec<(Oid, Oid)>,
}

/// HEAD was moved to another branch or commit, and the files with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckedOut {
    /// `None` where there was none, as in a new worktree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Oid>,
    pub new: Oid,
    /// Without `refs/heads/`; `None` if detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Text>,
}

/// Another history was merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// HEAD afterwards: the merge, or where a fast-forward led. Of a squash, what it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Oid>,
    /// The changes were taken without their history; the commit is yet to be made.
    #[serde(default)]
    pub squash: bool,
}
