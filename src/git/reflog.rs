//! What git noted last about HEAD. Only its end is read, however long it is.

use std::path::Path;

use anyhow::Result;

use super::file;
use crate::model::oid::Oid;

/// More than a line takes; a longer message is a line that says nothing.
const MOST: u64 = 16 << 10;

/// One move of HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// `None` where there was no commit before.
    pub old: Option<Oid>,
    pub new: Oid,
    /// What git calls it: `commit (amend)`, `rebase (pick)`, … The words behind it are the user's, and
    /// are left out.
    pub action: String,
}

/// The last move of HEAD; `None` if git keeps no record of it, or the record makes no sense.
pub fn last(git_dir: &Path) -> Result<Option<Moved>> {
    let end = file::read_end(&git_dir.join("logs").join("HEAD"), MOST)?.unwrap_or_default();
    let whole = end.strip_suffix(b"\n");
    Ok(whole.and_then(|lines| parse(lines.rsplit(|byte| *byte == b'\n').next()?)))
}

/// `<old> <new> A <a@b> <time> <zone>TAB<action>: <words>`
fn parse(line: &[u8]) -> Option<Moved> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let mut ids = line[..tab].split(|byte| *byte == b' ').map(Oid::parse);
    let (old, new) = (ids.next()??, ids.next()??);
    let words = std::str::from_utf8(&line[tab + 1..]).ok()?;
    let action = words.split_once(": ").map_or(words, |(action, _)| action);
    let known = |c: char| c.is_ascii_lowercase() || " -()".contains(c);
    let action = if action.len() <= 40 && action.chars().all(known) { action } else { "" };
    Some(Moved { old: Some(old).filter(|old| !old.is_null()), new, action: action.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;

    #[test]
    fn the_last_move_is_what_git_did_last_without_the_user_s_words() {
        let dir = Dir::repository(HashKind::Sha1);
        assert_eq!(last(&dir.git_dir()).unwrap(), None);
        let first = dir.commit(1);
        let told = last(&dir.git_dir()).unwrap().unwrap();
        assert_eq!((told.old, told.new, told.action.as_str()), (None, first, "commit (initial)"));
        dir.git(&["commit", "-q", "--amend", "--allow-empty", "-m", "secret: words"]);
        let told = last(&dir.git_dir()).unwrap().unwrap();
        assert_eq!(
            (told.old, told.new, told.action.as_str()),
            (Some(first), dir.id("HEAD"), "commit (amend)")
        );
    }

    #[test]
    fn what_is_no_such_line_says_nothing() {
        let id = "1".repeat(40);
        for line in [String::new(), "x".into(), format!("{id} {id}"), format!("{id} nonsense a\tcommit: x")] {
            assert_eq!(parse(line.as_bytes()), None, "{line:?}");
        }
        let odd = format!("{id} {id} A <a> 1 +0\tmy own secret WORDS");
        assert_eq!(parse(odd.as_bytes()).unwrap().action, "");
    }
}
