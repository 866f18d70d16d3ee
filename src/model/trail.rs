//! The story of one branch, told from its checkpoints.
//!
//! Nothing of a trail is stored: it follows from the checkpoints that name a branch and from what
//! the branch is now. What people said of it (a title, a status) is laid over that: see [`said`].

pub mod said;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::checkpoint::Header;
use super::digest;
use super::id::SessionId;
use super::oid::Oid;
use super::text::Text;
use super::time::Timestamp;
use said::{Document, Edits};

/// The story of one branch.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    /// 12 hex digits that follow from the branch's name: the same in every worktree and clone.
    pub id: String,
    pub branch: Text,
    /// One line.
    pub title: Text,
    pub status: Status,
    pub author: Option<String>,
    /// The branch it is to be merged into.
    pub base: Option<Text>,
    /// The time of its first checkpoint, or of what was said before that.
    pub created: Timestamp,
    /// The time of its last checkpoint, or of what was last said of it.
    pub updated: Timestamp,
    pub sessions: u64,
    pub checkpoints: u64,
    pub commands: u64,
    pub commits: u64,
    pub said: Document,
}

/// How far a trail has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is such a branch, and nobody works on it now.
    Open,
    /// Something was recorded on it in the last day.
    InProgress,
    /// Somebody said so; it never follows from the checkpoints.
    InReview,
    /// Its base holds it.
    Merged,
    /// The branch is gone, or somebody said so.
    Closed,
}

impl Status {
    /// Every status, in the order help lists them.
    pub const ALL: [Self; 5] = [Self::Open, Self::InProgress, Self::InReview, Self::Merged, Self::Closed];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::InReview => "in_review",
            Self::Merged => "merged",
            Self::Closed => "closed",
        }
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// True while there is something left to do.
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Merged | Self::Closed)
    }
}

/// What a branch is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Without `refs/heads/`.
    pub name: Text,
    /// `None` if the branch is gone.
    pub tip: Option<Oid>,
    /// True if the base holds its tip, which is so for a branch that was just begun as well.
    pub merged: bool,
    /// Commits of its own; of a branch that was merged, those since it was first seen.
    pub commits: u64,
    /// What the first of them says.
    pub subject: Option<Text>,
    pub base: Option<Text>,
    pub author: Option<String>,
}

/// The first words recorded on a branch: of each, its first line that says something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FirstWords {
    pub prompt: Option<Text>,
    pub command: Option<Text>,
}

/// Microseconds without a checkpoint after which nobody is at work any more.
const QUIET: i64 = 24 * 60 * 60 * 1_000_000;

/// What checkpoints say of one branch. Those of later checkpoints add up with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    pub branch: Text,
    /// The time of the first checkpoint.
    pub created: Timestamp,
    /// The time of the last checkpoint.
    pub updated: Timestamp,
    pub sessions: BTreeSet<SessionId>,
    /// HEAD when the first checkpoint was made; `None` while it was unborn.
    pub first_head: Option<Oid>,
    /// HEAD when the last one was made: what a branch that is gone was then.
    pub last_head: Option<Oid>,
    /// Two of the commits that HEAD was at: whether there was more than one is all that matters.
    pub heads: BTreeSet<Oid>,
    pub checkpoints: u64,
    pub commands: u64,
    pub words: FirstWords,
}

/// As many heads as say that it moved.
const HEADS: usize = 2;

impl Tally {
    /// What one checkpoint says, and the first words of its events; `None` if HEAD was detached.
    pub fn of(header: &Header, words: FirstWords) -> Option<Self> {
        Some(Self {
            branch: header.branch.clone()?,
            created: header.time,
            updated: header.time,
            sessions: header.sessions.iter().cloned().collect(),
            first_head: header.head,
            last_head: header.head,
            heads: header.head.into_iter().collect(),
            checkpoints: 1,
            commands: header.commands,
            words,
        })
    }

    /// What no checkpoint says of a branch: somebody spoke of it, at this moment first.
    fn silent(branch: &Text, at: Timestamp) -> Self {
        Self {
            branch: branch.clone(),
            created: at,
            updated: at,
            sessions: BTreeSet::new(),
            first_head: None,
            last_head: None,
            heads: BTreeSet::new(),
            checkpoints: 0,
            commands: 0,
            words: FirstWords::default(),
        }
    }

    /// Adds what later checkpoints say of the same branch.
    fn add(&mut self, later: Self) {
        if later.updated >= self.updated {
            self.last_head = later.last_head.or(self.last_head);
        }
        self.created = self.created.min(later.created);
        self.updated = self.updated.max(later.updated);
        self.sessions.extend(later.sessions);
        let room = HEADS.saturating_sub(self.heads.len());
        let new: Vec<Oid> = later.heads.difference(&self.heads).take(room).copied().collect();
        self.heads.extend(new);
        self.checkpoints = self.checkpoints.saturating_add(later.checkpoints);
        self.commands = self.commands.saturating_add(later.commands);
        let FirstWords { prompt, command } = later.words;
        self.words.prompt = self.words.prompt.take().or(prompt);
        self.words.command = self.words.command.take().or(command);
    }

    fn tell(&self, branch: Option<&Branch>, said: Document, now: Timestamp) -> Trail {
        let quiet_for = if self.checkpoints == 0 { QUIET } else { now.since(self.updated) };
        let derived = || status(branch, self.has_moved(branch), quiet_for);
        let (first, last) = said.span.unwrap_or((self.created, self.updated));
        let author = match self.checkpoints {
            0 => said.by.clone(),
            _ => branch.and_then(|branch| branch.author.clone()),
        };
        Trail {
            id: id(&self.branch),
            branch: self.branch.clone(),
            title: said.title.clone().unwrap_or_else(|| self.title(branch)),
            status: said.status.unwrap_or_else(derived),
            author,
            base: branch.and_then(|branch| branch.base.clone()),
            created: self.created.min(first),
            updated: self.updated.max(last),
            sessions: self.sessions.len() as u64,
            checkpoints: self.checkpoints,
            commands: self.commands,
            commits: branch.map_or(0, |branch| branch.commits),
            said,
        }
    }

    /// The first prompt, else what the first commit says, else the first command, else the branch.
    fn title(&self, branch: Option<&Branch>) -> Text {
        let subject = branch.and_then(|branch| branch.subject.as_ref());
        let spoken = self.words.prompt.as_ref().or(subject).or(self.words.command.as_ref());
        spoken.unwrap_or(&self.branch).clone()
    }

    /// True if something was committed on the branch. One that was just begun stands where its
    /// base stands, too, and must not pass for merged.
    fn has_moved(&self, branch: Option<&Branch>) -> bool {
        let Some(branch) = branch else { return false };
        let stood_elsewhere = branch.tip.is_some_and(|tip| self.heads.iter().any(|head| *head != tip));
        branch.commits > 0 || self.heads.len() > 1 || stood_elsewhere
    }
}

/// The tallies of all branches, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tallies(pub BTreeMap<Text, Tally>);

impl Tallies {
    /// Makes room for branches that somebody spoke of, although nothing was recorded on them.
    pub fn hear(&mut self, edits: &Edits) {
        for (branch, said) in edits.documents() {
            let at = said.span.map(|(first, _)| first).unwrap_or_default();
            self.0.entry(branch).or_insert_with_key(|branch| Tally::silent(branch, at));
        }
    }

    /// Adds what a later checkpoint says, or several.
    pub fn add(&mut self, later: Tally) {
        match self.0.get_mut(&later.branch) {
            Some(tally) => tally.add(later),
            None => drop(self.0.insert(later.branch.clone(), later)),
        }
    }
}

/// Tells the trails, the last updated first; a detached HEAD leaves none.
pub fn derive(tallies: &Tallies, branches: &[Branch], edits: &Edits, now: Timestamp) -> Vec<Trail> {
    let of: BTreeMap<&Text, &Branch> = branches.iter().map(|branch| (&branch.name, branch)).collect();
    let mut said = edits.documents();
    let mut tell = |(name, tally): (&Text, &Tally)| {
        tally.tell(of.get(name).copied(), said.remove(name).unwrap_or_default(), now)
    };
    let mut trails: Vec<Trail> = tallies.0.iter().map(&mut tell).collect();
    trails.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.branch.cmp(&b.branch)));
    trails
}

/// The id of the trail of a branch.
pub fn id(branch: &Text) -> String {
    let mut id = digest::name(&[b"trail", branch.as_bytes()]);
    id.truncate(12);
    id
}

fn status(branch: Option<&Branch>, has_moved: bool, quiet_for: i64) -> Status {
    let Some(branch) = branch else { return Status::Closed };
    let into_another = branch.base.as_ref().is_some_and(|base| *base != branch.name);
    if branch.merged && into_another && (has_moved || branch.tip.is_none()) {
        return Status::Merged;
    }
    match (branch.tip, quiet_for < QUIET) {
        (None, _) => Status::Closed,
        (Some(_), true) => Status::InProgress,
        (Some(_), false) => Status::Open,
    }
}

/// The first line of a text that says something; `None` if none does.
pub fn first_line(text: &Text) -> Option<Text> {
    let lines = text.as_bytes().split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    lines.into_iter().find(|line| !line.is_empty()).map(Text::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checkpoint::{FORMAT, Files, Header, Kind, Snapshot};
    use crate::model::id::WorktreeId;

    const HOUR: i64 = 3_600_000_000;
    const NOW: Timestamp = Timestamp(1_000 * HOUR);

    fn oid(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn checkpoint(branch: Option<&str>, hours_ago: i64, head: u8, session: &[u8]) -> Header {
        Header {
            subject: "s".to_owned(),
            kind: Kind::Auto,
            time: Timestamp(NOW.0 - hours_ago * HOUR),
            worktree: WorktreeId::parse("0123456789abcdef").unwrap(),
            worktree_path: "/w".into(),
            head: Some(oid(head)),
            branch: branch.map(Text::from),
            base: None,
            sessions: vec![SessionId::of_key("codex", session)],
            commands: 2,
            files: Files::default(),
            snapshot: Snapshot::Full,
            skipped: 0,
            set_aside: 0,
            continues: None,
            cursor: Default::default(),
            unique: [0; 16],
            format: FORMAT,
        }
    }

    fn tallies<'a>(chain: impl IntoIterator<Item = &'a Header>) -> Tallies {
        let mut tallies = Tallies::default();
        let told = chain.into_iter().filter_map(|header| Tally::of(header, FirstWords::default()));
        told.for_each(|tally| tallies.add(tally));
        tallies
    }

    fn spoken(prompt: Option<&str>, command: Option<&str>) -> FirstWords {
        FirstWords { prompt: prompt.map(Text::from), command: command.map(Text::from) }
    }

    fn branch(name: &str, tip: Option<u8>, merged: bool, base: Option<&str>) -> Branch {
        Branch {
            name: name.into(),
            tip: tip.map(oid),
            merged,
            commits: 0,
            subject: None,
            base: base.map(Text::from),
            author: Some("Ada".to_owned()),
        }
    }

    /// Its name; the branch, the heads of its checkpoints, the hours since the last of them.
    type Case = (&'static str, Option<Branch>, &'static [u8], i64, Status);

    #[test]
    fn a_status_follows_from_the_branch_and_its_last_checkpoint() {
        let main = Some("main");
        let cases: [Case; 11] = [
            ("at work", Some(branch("b", Some(1), false, main)), &[1], 1, Status::InProgress),
            ("to the microsecond", Some(branch("b", Some(1), false, main)), &[1], 24, Status::Open),
            ("quiet", Some(branch("b", Some(1), false, main)), &[1], 48, Status::Open),
            ("merged", Some(branch("b", Some(2), true, main)), &[1, 2], 1, Status::Merged),
            ("committed after", Some(branch("b", Some(2), true, main)), &[1], 1, Status::Merged),
            ("just begun", Some(branch("b", Some(1), true, main)), &[1], 1, Status::InProgress),
            ("begun and left", Some(branch("b", Some(1), true, main)), &[1], 48, Status::Open),
            ("the base itself", Some(branch("b", Some(2), true, Some("b"))), &[1, 2], 1, Status::InProgress),
            ("no base", Some(branch("b", Some(2), true, None)), &[1, 2], 1, Status::InProgress),
            ("gone", None, &[1], 1, Status::Closed),
            ("gone after the merge", Some(branch("b", None, true, main)), &[1], 1, Status::Merged),
        ];
        for (case, branch, heads, hours, status) in cases {
            let chain: Vec<Header> =
                heads.iter().map(|head| checkpoint(Some("b"), hours, *head, b"a")).collect();
            let branches: Vec<Branch> = branch.into_iter().collect();
            let trails = derive(&tallies(&chain), &branches, &Edits::default(), NOW);
            assert_eq!(trails[0].status, status, "{case}");
        }
    }

    #[test]
    fn one_trail_per_branch_the_last_updated_first_and_none_while_detached() {
        let chain = [
            checkpoint(Some("old"), 50, 1, b"a"),
            checkpoint(None, 0, 1, b"a"),
            checkpoint(Some("new"), 2, 1, b"b"),
            checkpoint(Some("new"), 5, 1, b"a"),
            checkpoint(Some("new"), 1, 1, b"a"),
        ];
        let branches = [branch("new", Some(1), false, Some("main"))];
        let trails = derive(&tallies(&chain), &branches, &Edits::default(), NOW);
        let names: Vec<_> = trails.iter().map(|trail| trail.branch.lossy().into_owned()).collect();
        assert_eq!(names, ["new", "old"]);
        let new = &trails[0];
        assert_eq!((new.sessions, new.checkpoints, new.commands, new.commits), (2, 3, 6, 0));
        assert_eq!((NOW.since(new.created), NOW.since(new.updated)), (5 * HOUR, HOUR));
        assert_eq!((new.author.as_deref(), new.base.clone()), (Some("Ada"), Some("main".into())));
        assert_eq!((new.id.as_str(), new.id.len()), (id(&"new".into()).as_str(), 12));
        assert_eq!(trails[1].status, Status::Closed);
    }

    #[test]
    fn the_title_is_the_prompt_else_the_commit_else_the_command_else_the_branch() {
        let cases = [
            (spoken(Some("fix the parser"), Some("ls")), Some("parser: fix"), "fix the parser"),
            (spoken(None, Some("make test")), Some("parser: fix"), "parser: fix"),
            (spoken(None, Some("make test")), None, "make test"),
            (spoken(None, None), None, "b"),
        ];
        for (words, subject, expected) in cases {
            let branch = Branch { subject: subject.map(Text::from), ..branch("b", Some(1), false, None) };
            let tally = Tally { words, ..Tally::silent(&"b".into(), NOW) };
            assert_eq!(tally.title(Some(&branch)), expected.into());
        }
        assert_eq!(first_line(&"\r\n  fix the parser \nplease".into()), Some("fix the parser".into()));
        assert_eq!(first_line(&" \n".into()), None);
    }

    #[test]
    fn tallies_of_parts_of_a_chain_add_up_to_that_of_the_whole() {
        let chain: Vec<Header> = [(9, 1, b"a"), (8, 1, b"b"), (7, 2, b"a"), (6, 3, b"c"), (7, 4, b"c")]
            .map(|(hours, head, session)| checkpoint(Some("b"), hours, head, session))
            .to_vec();
        let mut whole = tallies(&chain);
        assert_eq!(whole.0[&"b".into()].heads, [oid(1), oid(2)].into(), "two say as much as four");
        for cut in 0..=chain.len() {
            let mut parts = tallies(&chain[..cut]);
            tallies(&chain[cut..]).0.into_values().for_each(|later| parts.add(later));
            let ends = (parts.0[&"b".into()].first_head, parts.0[&"b".into()].last_head);
            assert_eq!(ends, (Some(oid(1)), Some(oid(3))), "the last is the one made last");
            assert_eq!(parts, whole, "cut at {cut}");
        }
        let late = Tally::of(&chain[0], spoken(Some("late"), Some("ls"))).unwrap();
        whole.add(Tally { words: spoken(None, Some("make")), ..late.clone() });
        whole.add(late);
        assert_eq!(whole.0[&"b".into()].words, spoken(Some("late"), Some("make")), "the first of each");
    }

    #[test]
    fn every_status_has_a_word_that_is_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.word()), Some(status));
        }
        assert_eq!(Status::parse("Open"), None);
    }
}
