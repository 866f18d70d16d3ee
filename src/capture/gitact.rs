//! What a git hook tells: which commit was made, which were rewritten, where HEAD went. As few files
//! are read as that takes, no object among them: git waits for us.

use anyhow::{Context, Result};

use super::present::Doer;
use crate::disk::backoff::random;
use crate::disk::file::Durability;
use crate::git::{head, reflog};
use crate::model::event::{Event, What};
use crate::model::gitact::{CheckedOut, Committed, Merged, Rewritten};
use crate::model::id::EventId;
use crate::model::oid::Oid;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::store::home::Home;
use crate::store::record;
use crate::wire::githook::Hook;

/// So many pairs stand in one event.
const PAIRS: usize = 4096;

/// One call of a hook.
pub struct Call<'a> {
    pub hook: Hook,
    pub arguments: &'a [String],
    pub stdin: &'a [u8],
    /// Whose shell or agent git was started by, if that is known.
    pub doer: Option<Doer>,
}

/// Records what the hook tells.
pub fn take(home: &Home, call: &Call<'_>, now: Timestamp) -> Result<()> {
    let told = told(home, call)?;
    if told.is_empty() {
        return Ok(());
    }
    let seen = call.doer.as_ref().and_then(|doer| doer.introduction(now));
    let told = told.into_iter().map(|what| event(home, call, what, now));
    let events: Vec<Event> = seen.into_iter().chain(told).collect();
    record::record(&home.journal(), &record::stem("git", b""), &events, Durability::Buffered).map(drop)
}

fn told(home: &Home, call: &Call<'_>) -> Result<Vec<What>> {
    let place = &home.place;
    let head = || head::read(&place.git_dir, &place.common);
    let argument = |at: usize| call.arguments.get(at).map(String::as_str);
    Ok(match call.hook {
        Hook::PostCommit => {
            let head = head()?;
            let commit = head.commit.context("git committed, and HEAD has no commit")?;
            // The record may lag behind, or be switched off: then it says nothing of this commit.
            let moved = reflog::last(&place.git_dir)?.filter(|moved| moved.new == commit);
            vec![What::Committed(Committed {
                commit,
                before: moved.as_ref().and_then(|moved| moved.old),
                branch: head.branch.map(Text),
                action: moved.map(|moved| moved.action).filter(|action| !action.is_empty()),
            })]
        }
        Hook::PostRewrite => {
            let by = argument(0).filter(|by| ["amend", "rebase"].contains(by)).unwrap_or("rewrite");
            let rewritten = |pairs: &[(Oid, Oid)]| Rewritten { by: by.to_owned(), pairs: pairs.to_vec() };
            pairs(call.stdin).chunks(PAIRS).map(rewritten).map(What::Rewritten).collect()
        }
        // With the flag 0 files were taken out of the index or a commit, and HEAD stayed.
        Hook::PostCheckout if argument(2) == Some("0") => Vec::new(),
        Hook::PostCheckout => {
            let id = |at| argument(at).and_then(|hex| Oid::parse(hex.as_bytes()));
            let old = id(0).filter(|old| !old.is_null());
            let new = id(1).context("post-checkout was told of no commit")?;
            let branch = head()?.branch.map(Text);
            vec![What::CheckedOut(CheckedOut { old, new, branch })]
        }
        Hook::PostMerge => {
            vec![What::Merged(Merged { commit: head()?.commit, squash: argument(0) == Some("1") })]
        }
        Hook::PrepareCommitMsg => Vec::new(),
    })
}

/// `<old> SP <new>`, and perhaps more, line by line.
fn pairs(stdin: &[u8]) -> Vec<(Oid, Oid)> {
    let pair = |line: &[u8]| {
        let mut ids = line.split(|byte| *byte == b' ').map(Oid::parse);
        Some((ids.next()??, ids.next()??))
    };
    stdin.split(|byte| *byte == b'\n').filter_map(pair).collect()
}

/// A commit is made once, and so is what it became: where a hook is called twice, by a file and by the
/// configuration, it tells one event.
fn event(home: &Home, call: &Call<'_>, what: What, now: Timestamp) -> Event {
    let worktree = home.worktree.as_str().as_bytes();
    let id = match &what {
        What::Committed(made) => EventId::of_call(&[b"committed", worktree, made.commit.as_bytes()]),
        What::Rewritten(told) => {
            let pairs: Vec<u8> =
                told.pairs.iter().flat_map(|(old, new)| [old.as_bytes(), new.as_bytes()].concat()).collect();
            EventId::of_call(&[b"rewritten", worktree, &pairs])
        }
        _ => EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random()),
    };
    let session = call.doer.as_ref().map(|doer| doer.session.clone());
    Event { id, at: now, session, seq: None, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_what_is_none_is_left() {
        let [a, b] = ["a", "b"].map(|digit| digit.repeat(40));
        let text = format!("{a} {b}\n{b} {a} more words\n\nnonsense\n{a}\n");
        let id = |hex: &str| Oid::parse(hex.as_bytes()).unwrap();
        assert_eq!(pairs(text.as_bytes()), [(id(&a), id(&b)), (id(&b), id(&a))]);
    }
}
