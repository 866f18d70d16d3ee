//! What differs between two snapshots, and who did it.

use serde::{Deserialize, Serialize};

use super::id::{CommandId, SessionId};
use super::oid::Oid;
use super::text::Text;
use super::time::Timestamp;

/// One path that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// From the worktree's top, `/` between names, bytes.
    pub path: Text,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Side>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Side>,
    /// Modification time when it was read; `None` if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtime: Option<Timestamp>,
    /// Time of the last change of the inode; of a path that is gone, of its directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctime: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Author>,
    #[serde(default)]
    pub confidence: Confidence,
}

/// One side of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// git's mode: `0o100644`, `0o100755`, `0o120000`, `0o160000`.
    pub mode: u32,
    pub id: Oid,
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Added,
    Modified,
    Deleted,
}

impl Status {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
        }
    }
}

/// Who may have made a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The command, or the tool call, whose window holds the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandId>,
    /// A tool's name, where it was no command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
}

/// How sure the record is of who made a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// One window in this worktree holds it.
    Exact,
    /// Several windows overlap there; all are listed.
    Shared,
    /// No window holds it: an editor, or something unrecorded.
    External,
    /// There was nothing to judge by.
    #[default]
    Unknown,
}

/// A path that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    pub path: Text,
    pub reason: Reason,
}

/// Why a path was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Larger than the cap for one file.
    TooLarge,
    /// The checkpoint's cap for new bytes was reached.
    CheckpointFull,
    /// Its name is on the deny-list of secret files.
    SecretName,
    /// Its first megabyte holds what looks like a credential.
    SecretContent,
    /// A FIFO, socket or device.
    Special,
    /// It could not be read.
    Unreadable,
    /// A name git refuses to store.
    BadName,
    /// A nested repository without a commit to point at.
    NestedUnborn,
    /// A newer version's reason.
    #[serde(other)]
    Other,
}

/// A stretch of time in which somebody was at work.
#[derive(Clone, Debug)]
pub struct Window {
    pub author: Author,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Named files only, where the window is that of a tool that names its files (absolute or
    /// relative to the worktree's top, already resolved to the latter).
    pub paths: Option<Vec<Text>>,
}

/// When a change was made, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// At one of these: times that the file system gave to the path.
    At([Option<Timestamp>; 2]),
    /// Between two looks at the files. Whoever renames a directory changes no time of what is in it.
    Between(Timestamp, Timestamp),
}

impl Made {
    /// The earliest and the latest moment; `None` if nothing is known.
    pub fn bounds(self) -> Option<(Timestamp, Timestamp)> {
        match self {
            Self::At(times) => {
                let known = || times.iter().flatten().copied();
                Some((known().min()?, known().max()?))
            }
            Self::Between(from, to) => Some((from, to)),
        }
    }

    fn is_in(self, window: &Window, slack_us: i64) -> bool {
        // A stamp is older than the deed, never younger; but an end may be told in whole milliseconds.
        let late_us = slack_us.min(1000);
        let (from, to) = (window.from.0.saturating_sub(slack_us), window.to.0.saturating_add(late_us));
        match self {
            Self::At(times) => times.iter().flatten().any(|time| (from..=to).contains(&time.0)),
            Self::Between(first, last) => from <= last.0 && to >= first.0,
        }
    }
}

impl Change {
    /// When it was made, if the files were last looked at, before it was found, at `since`, and it
    /// was found at `found`. Times from before that are those of a file that was only moved.
    ///
    /// Anybody can set an `mtime`, as `touch -d` and `tar x` do; a `ctime` is the kernel's. One that is
    /// not between the look before and the `ctime` tells nothing.
    pub fn made(&self, since: Timestamp, found: Timestamp, slack_us: i64) -> Made {
        // A clock that was set back meanwhile has no before and after.
        if since > found {
            return Made::At([self.mtime, self.ctime]);
        }
        let earliest = since.0.saturating_sub(slack_us);
        let latest = self.ctime.map_or(i64::MAX, |ctime| ctime.0.saturating_add(slack_us));
        let mtime = self.mtime.filter(|time| (earliest..=latest).contains(&time.0));
        let ctime = self.ctime.filter(|time| time.0 >= earliest);
        match (Made::At([self.mtime, self.ctime]).bounds(), Made::At([mtime, ctime]).bounds()) {
            (Some(_), None) => Made::Between(since, found),
            _ => Made::At([mtime, ctime]),
        }
    }
}

/// The windows that hold a change of `path`, by their place in `windows`.
///
/// `slack_us` widens every window, for the file system's clock ticks coarsely: on the side of its
/// start in full, on the side of its end by a millisecond at most.
/// A tool that names the path beats windows that merely hold its time.
pub fn holders(path: &Text, made: Made, windows: &[Window], slack_us: i64) -> Vec<usize> {
    let names = |window: &Window| window.paths.as_ref().is_some_and(|paths| paths.contains(path));
    let all = |wanted: &dyn Fn(&Window) -> bool| -> Vec<usize> {
        let numbered = windows.iter().enumerate();
        let held = numbered.filter(|(_, window)| wanted(window) && made.is_in(window, slack_us));
        held.map(|(at, _)| at).collect()
    };
    let naming = all(&names);
    if naming.is_empty() { all(&|window| window.paths.is_none()) } else { naming }
}

/// Names the authors of a change: those of the windows that hold it.
pub fn attribute(change: &mut Change, made: Made, windows: &[Window], slack_us: i64) {
    if made.bounds().is_none() {
        change.confidence = Confidence::Unknown;
        return;
    }
    change.by = Vec::new();
    for at in holders(&change.path, made, windows, slack_us) {
        if !change.by.contains(&windows[at].author) {
            change.by.push(windows[at].author.clone());
        }
    }
    change.confidence = match change.by.len() {
        0 => Confidence::External,
        1 => Confidence::Exact,
        _ => Confidence::Shared,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(name: &str, from: i64, to: i64, paths: Option<&[&str]>) -> Window {
        Window {
            author: Author { session: None, command: CommandId::parse(name), tool: None },
            from: Timestamp(from),
            to: Timestamp(to),
            paths: paths.map(|paths| paths.iter().map(|path| Text::from(*path)).collect()),
        }
    }

    fn judged(mtime: Option<i64>, windows: &[Window]) -> (Vec<String>, Confidence) {
        let mut change = Change {
            path: "a".into(),
            status: Status::Modified,
            old: None,
            new: None,
            mtime: mtime.map(Timestamp),
            ctime: None,
            by: Vec::new(),
            confidence: Confidence::Unknown,
        };
        let made = change.made(Timestamp(50), Timestamp(1000), 5);
        attribute(&mut change, made, windows, 5);
        let by = change.by.into_iter().filter_map(|author| author.command);
        (by.map(|id| id.to_string()).collect(), change.confidence)
    }

    #[test]
    fn a_change_belongs_to_the_windows_that_hold_its_time() {
        let two = [window("one", 100, 200, None), window("two", 190, 300, None)];
        let cases: [(Option<i64>, &[&str], Confidence); 7] = [
            (Some(150), &["one"], Confidence::Exact),
            (Some(96), &["one"], Confidence::Exact),
            (Some(195), &["one", "two"], Confidence::Shared),
            (Some(94), &[], Confidence::External),
            (Some(306), &[], Confidence::External),
            (None, &[], Confidence::Unknown),
            // Only moved, some time between the two looks.
            (Some(40), &["one", "two"], Confidence::Shared),
        ];
        for (mtime, by, confidence) in cases {
            let by = by.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(judged(mtime, &two), (by, confidence), "{mtime:?}");
        }
    }

    #[test]
    fn a_time_that_somebody_set_is_nobodys_proof() {
        let change = |mtime, ctime| Change {
            path: "a".into(),
            status: Status::Modified,
            old: None,
            new: None,
            mtime: Some(Timestamp(mtime)),
            ctime: Some(Timestamp(ctime)),
            by: Vec::new(),
            confidence: Confidence::Unknown,
        };
        let made = |mtime, ctime, since| change(mtime, ctime).made(Timestamp(since), Timestamp(1000), 5);
        let at = |mtime: Option<i64>, ctime| Made::At([mtime.map(Timestamp), Some(Timestamp(ctime))]);
        assert_eq!(made(200, 300, 100), at(Some(200), 300), "written, then its mode was changed");
        assert_eq!(made(400, 300, 100), at(None, 300), "touch -d tomorrow");
        assert_eq!(made(50, 300, 100), at(None, 300), "cp -p, tar x");
        assert_eq!(made(50, 60, 100), Made::Between(Timestamp(100), Timestamp(1000)), "only moved");
        assert_eq!(made(50, 60, 2000), at(Some(50), 60), "the clock was set back");
    }

    #[test]
    fn a_time_from_before_the_last_look_says_nothing_of_a_change_found_since() {
        // `mv old-name a` sets the one time and keeps the other.
        let change = Change {
            path: "a".into(),
            status: Status::Modified,
            old: None,
            new: None,
            mtime: Some(Timestamp(30)),
            ctime: Some(Timestamp(150)),
            by: Vec::new(),
            confidence: Confidence::Unknown,
        };
        let made = change.made(Timestamp(50), Timestamp(1000), 5);
        let windows = [window("before", 20, 40, Some(&["a"])), window("mv", 100, 200, None)];
        assert_eq!(holders(&change.path, made, &windows, 5), [1]);
    }

    #[test]
    fn a_tool_that_names_the_file_beats_a_command_that_ran_beside_it() {
        let windows = [
            window("build", 0, 1000, None),
            window("edit", 100, 200, Some(&["a"])),
            window("other", 100, 200, Some(&["b"])),
        ];
        assert_eq!(judged(Some(150), &windows), (vec!["edit".to_owned()], Confidence::Exact));
    }
}
