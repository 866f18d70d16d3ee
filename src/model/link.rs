//! What a commit has to do with checkpoints, decided from what each of them changed.
//!
//! A commit is found again by the contents that it brought: the change of a path from what the parent
//! has to what the commit has was recorded, in one step or in several. So a link outlives whatever is
//! done to commits, also where none of our hooks was called. What HEAD was, and what git's hooks told,
//! say the same of changes whose contents were never recorded as such, and say it more surely.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use super::oid::Oid;
use super::time::Timestamp;

/// How a link is known, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// git's hook told of the commit there.
    Hook,
    /// The commit was made from one that is linked, and git's hook told of that.
    Rewrite,
    /// HEAD became the commit there.
    Head,
    /// The contents, or the lines that changed, are the same.
    Content,
    /// The commit's message says so.
    Trailer,
}

impl How {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Rewrite => "rewrite",
            Self::Head => "head",
            Self::Content => "content",
            Self::Trailer => "trailer",
        }
    }
}

/// Something that is linked, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<T> {
    pub what: T,
    pub how: How,
}

/// The change of one path: what it held before and after; `None` where it was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub path: Vec<u8>,
    pub old: Option<Oid>,
    pub new: Option<Oid>,
}

/// One checkpoint: when it was made, what HEAD was, and what it found changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Timestamp,
    pub head: Option<Oid>,
    pub edits: Vec<Edit>,
}

/// The steps in which a commit came about, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub steps: RangeInclusive<usize>,
    pub how: How,
}

/// A change that went into a commit: its step, and its place there.
pub type Place = (usize, usize);

/// The checkpoints of a worktree in their order.
#[derive(Debug, Default)]
pub struct Line {
    pub steps: Vec<Step>,
    by_path: HashMap<Vec<u8>, Vec<Place>>,
}

impl Line {
    pub fn new(steps: Vec<Step>) -> Self {
        let mut by_path: HashMap<Vec<u8>, Vec<Place>> = HashMap::new();
        for (at, step) in steps.iter().enumerate() {
            for (nth, edit) in step.edits.iter().enumerate() {
                by_path.entry(edit.path.clone()).or_default().push((at, nth));
            }
        }
        Self { steps, by_path }
    }

    /// The steps in which HEAD went from a commit's parent to the commit. `leads` says of two HEADs
    /// in a row whether the commit came between them.
    pub fn led(&self, leads: &dyn Fn(Option<Oid>, Oid) -> bool) -> Option<Stretch> {
        let moved = |at: &usize| {
            let (before, after) = (self.steps[*at - 1].head, self.steps[*at].head);
            before != after && after.is_some_and(|after| leads(before, after))
        };
        let last = (1..self.steps.len()).find(moved)?;
        Some(Stretch { steps: self.since(last, self.steps[last - 1].head)..=last, how: How::Head })
    }

    /// The steps that a hook's word of a commit ends, which is in the step `at`, or waits for one yet
    /// to be made. Where there is no step at all there is no stretch.
    pub fn told(&self, at: Option<usize>, parent: Option<Oid>) -> Option<Stretch> {
        let last = at.or(self.steps.len().checked_sub(1))?;
        Some(Stretch { steps: self.since(last, parent)..=last, how: How::Hook })
    }

    /// The first step of those before `last` that began with HEAD at `head`. The one in which HEAD came
    /// there is not among them: what it found was changed before, for all that is known.
    fn since(&self, last: usize, head: Option<Oid>) -> usize {
        let same = (0..last).rev().take_while(|at| self.steps[*at].head == head).count();
        (last - same + 1).min(last)
    }

    /// The changes of a path, in their order.
    fn places(&self, edit: &Edit) -> &[Place] {
        self.by_path.get(&edit.path).map_or(&[], Vec::as_slice)
    }

    /// The first run of changes, each from where the one before it left off, that lead from the old
    /// content to the new one and end in a step that `may_end` it.
    fn chain(&self, edit: &Edit, may_end: &dyn Fn(usize) -> bool) -> Vec<Place> {
        let places = self.places(edit);
        let ends = |at: &usize| self.edit(places[*at]).new == edit.new && may_end(places[*at].0);
        let whole = |end: usize| {
            let mut begin = end;
            while self.edit(places[begin]).old != edit.old {
                let before = begin.checked_sub(1)?;
                if self.edit(places[before]).new != self.edit(places[begin]).old {
                    return None;
                }
                begin = before;
            }
            Some(places[begin..=end].to_vec())
        };
        (0..places.len()).filter(ends).find_map(whole).unwrap_or_default()
    }

    fn edit(&self, (step, nth): Place) -> &Edit {
        &self.steps[step].edits[nth]
    }
}

/// A worktree's checkpoints, and where a commit came about among them.
#[derive(Debug)]
pub struct Scene<'a> {
    pub line: &'a Line,
    pub stretches: Vec<Stretch>,
}

impl Scene<'_> {
    fn in_stretch(&self, step: usize) -> Option<How> {
        let holding = self.stretches.iter().filter(|stretch| stretch.steps.contains(&step));
        holding.map(|stretch| stretch.how).min()
    }

    /// The runs that end where the commit came about.
    fn near(&self, edit: &Edit) -> Vec<Place> {
        let of = |stretch: &Stretch| self.line.chain(edit, &|at| stretch.steps.contains(&at));
        self.stretches.iter().flat_map(of).collect()
    }

    /// Every change of the path where the commit came about.
    fn inside(&self, edit: &Edit) -> Vec<Place> {
        self.line.places(edit).iter().filter(|place| self.in_stretch(place.0).is_some()).copied().collect()
    }

    /// When the commit had come about here, if it did.
    fn end(&self) -> Option<Timestamp> {
        let last = self.stretches.iter().map(|stretch| *stretch.steps.end()).max()?;
        self.line.steps.get(last).map(|step| step.at)
    }

    fn at(&self, places: &[Place]) -> Option<Timestamp> {
        places.last().map(|place| self.line.steps[place.0].at)
    }
}

/// The changes that went into a commit, worktree by worktree, each once, with the surest way in which
/// it is known.
pub fn trace(delta: &[Edit], scenes: &[Scene<'_>]) -> Vec<BTreeMap<Place, How>> {
    let mut found = vec![BTreeMap::new(); scenes.len()];
    for edit in delta {
        for (own, (scene, places)) in found.iter_mut().zip(scenes.iter().zip(origin(edit, scenes))) {
            let known = |place: Place| (place, scene.in_stretch(place.0).unwrap_or(How::Content));
            own.extend(places.into_iter().map(known));
        }
    }
    found
}

/// Where one path came to what the commit has, worktree by worktree.
fn origin(edit: &Edit, scenes: &[Scene<'_>]) -> Vec<Vec<Place>> {
    // What was found once the commit was made did not lead to it.
    let until = scenes.iter().filter_map(Scene::end).max();
    let in_time =
        |scene: &Scene<'_>, step: usize| until.is_none_or(|until| scene.line.steps[step].at <= until);
    // The first time: what comes later may be git itself, which puts there what was made elsewhere.
    let mut all = earliest(scenes, &|scene| scene.line.chain(edit, &|step| in_time(scene, step)));
    for (own, scene) in all.iter_mut().zip(scenes) {
        own.extend(scene.near(edit));
    }
    if all.iter().all(Vec::is_empty) {
        // What was committed was never seen as such: parts of a file, or two changes between looks.
        all = scenes.iter().map(|scene| scene.inside(edit)).collect();
    }
    if all.iter().all(Vec::is_empty) && edit.new.is_some() {
        // What it was before is another matter: the commit may have been moved to another parent.
        let same = |scene: &Scene<'_>| {
            let mut places = scene.line.places(edit).iter();
            let is_it = |place: &&Place| scene.line.edit(**place).new == edit.new && in_time(scene, place.0);
            places.find(is_it).copied().into_iter().collect()
        };
        all = earliest(scenes, &same);
    }
    all
}

/// What was found in each worktree, but only where it was found first.
fn earliest(scenes: &[Scene<'_>], find: &dyn Fn(&Scene<'_>) -> Vec<Place>) -> Vec<Vec<Place>> {
    let mut all: Vec<Vec<Place>> = scenes.iter().map(find).collect();
    let times = all.iter().zip(scenes).map(|(places, scene)| scene.at(places));
    let first = times.enumerate().filter_map(|(at, time)| Some((time?, at))).min().map(|(_, at)| at);
    let others = all.iter_mut().enumerate().filter(|(at, _)| Some(*at) != first);
    others.for_each(|(_, places)| places.clear());
    all
}

/// Every commit that one was made from, nearest first; of a rewritten map, old before new.
pub fn ancestry_of(commit: Oid, rewritten: &[(Oid, Oid)]) -> Vec<Oid> {
    let mut all = vec![commit];
    let mut at = 0;
    while let Some(new) = all.get(at).copied() {
        for (old, _) in rewritten.iter().filter(|(_, made)| *made == new) {
            if !all.contains(old) {
                all.push(*old);
            }
        }
        at += 1;
    }
    all.remove(0);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(mark: u8) -> Oid {
        Oid::from_bytes(&[mark; 20]).unwrap()
    }

    /// `a 12` says that the path `a` went from 1 to 2; `-` is nothing.
    fn edit(text: &str) -> Edit {
        let side = |digit: u8| (digit != b'-').then(|| oid(digit));
        let [path, b' ', old, new] = text.as_bytes() else { panic!("{text}") };
        Edit { path: vec![*path], old: side(*old), new: side(*new) }
    }

    /// Steps as HEAD and their edits: `A: a 12, b -3`.
    fn line(steps: &[&str]) -> Line {
        let step = |(at, text): (i64, &&str)| {
            let (head, edits) = text.split_once(':').unwrap();
            let head = head.bytes().next().map(oid);
            let edits = edits.split(',').map(str::trim).filter(|text| !text.is_empty()).map(edit).collect();
            Step { at: Timestamp(at), head, edits }
        };
        Line::new((0..).zip(steps).map(step).collect())
    }

    /// The links of the commit `B`, made from `A`, of these edits: `step word`.
    fn links(line: &Line, delta: &[&str], told: Option<usize>) -> Vec<String> {
        let delta: Vec<Edit> = delta.iter().map(|text| edit(text)).collect();
        let leads = |before, after| (before, after) == (Some(oid(b'A')), oid(b'B'));
        let hook = told.and_then(|at| line.told(Some(at), Some(oid(b'A'))));
        let stretches: Vec<Stretch> = hook.into_iter().chain(line.led(&leads)).collect();
        let found = trace(&delta, &[Scene { line, stretches }]).remove(0);
        found.iter().map(|((step, _), how)| format!("{step} {}", how.word())).collect()
    }

    #[test]
    fn a_commit_is_linked_to_the_changes_that_went_into_it() {
        let plain = line(&["A:", "A: a 12", "A: b 12", "B: c 12", "B: a 23"]);
        assert_eq!(links(&plain, &["a 12", "b 12", "c 12"], None), ["1 head", "2 head", "3 head"]);
        assert_eq!(links(&plain, &["a 12"], None), ["1 head"], "a partial commit");
        assert_eq!(links(&plain, &["a 12"], Some(3)), ["1 hook"]);
        // What is found once it is made did not lead to it, be it the same.
        let later = line(&["A:", "B: a 13", "C: a 31", "D: a 12"]);
        assert_eq!(links(&later, &["a 12"], Some(1)), ["1 hook"]);
        // A file that was changed twice before it was committed.
        let twice = line(&["A:", "A: a 12", "A: a 23", "B:"]);
        assert_eq!(links(&twice, &["a 13"], None), ["1 head", "2 head"]);
        // Parts of a file: its content never was in the worktree.
        assert_eq!(links(&twice, &["a 19"], None), ["1 head", "2 head"]);
        assert_eq!(links(&twice, &["b 19"], None), [""; 0]);
    }

    #[test]
    fn contents_find_a_commit_again_whatever_became_of_it() {
        // Two commits, squashed elsewhere: HEAD never was what B was made from.
        let squashed = line(&["A:", "A: a 12", "C: a 23", "D: b 12", "X: a 31, b 21", "B: a 13, b 12"]);
        assert_eq!(links(&squashed, &["a 13", "b 12"], None), ["1 content", "2 content", "3 content"]);
        // Moved to another parent, with the same content.
        assert_eq!(links(&squashed, &["b 92"], None), ["3 content"]);
        // Gone, from another content: that says nothing.
        assert_eq!(links(&squashed, &["b 9-"], None), [""; 0]);
        // What was left over from the commit before was changed before HEAD came to the parent.
        let left = line(&["X: a 12, b 12", "A: c 12", "B:"]);
        assert_eq!(links(&left, &["b 12"], None), ["0 content"]);
        // The same change once more, after it was taken back: both are told.
        let again = line(&["X:", "X: a 12", "A: a 21", "A: a 12", "B:"]);
        assert_eq!(links(&again, &["a 12"], None), ["1 content", "3 head"]);
    }

    #[test]
    fn of_two_worktrees_the_first_counts_and_the_one_where_it_was_committed() {
        let steps = [
            line(&["A:", "A:", "A: a 12", "B: a 21"]),
            line(&["A:", "A: a 12"]),
            line(&["A: b 12", "A: b 21", "A: a 12"]),
        ];
        let stretches = [vec![steps[0].told(Some(2), Some(oid(b'A'))).unwrap()], Vec::new(), Vec::new()];
        let scenes: Vec<Scene<'_>> =
            steps.iter().zip(stretches).map(|(line, stretches)| Scene { line, stretches }).collect();
        let found = trace(&[edit("a 12")], &scenes);
        let told: Vec<Vec<_>> = found.into_iter().map(|own| own.into_iter().collect()).collect();
        assert_eq!(told, [vec![((2, 0), How::Hook)], vec![((1, 0), How::Content)], vec![]]);
    }

    #[test]
    fn whatever_a_commit_was_made_from_is_found_through_every_map() {
        let rewritten = [(1, 2), (2, 3), (7, 3), (8, 9), (3, 1)].map(|(old, new)| (oid(old), oid(new)));
        assert_eq!(ancestry_of(oid(3), &rewritten), [2, 7, 1].map(oid));
        assert_eq!(ancestry_of(oid(8), &rewritten), []);
    }

    #[test]
    fn a_hook_s_word_that_waits_counts_for_what_was_seen_before() {
        let waiting = line(&["A:", "A: a 12"]);
        let stretch = waiting.told(None, Some(oid(b'A'))).unwrap();
        assert_eq!(stretch.steps, 1..=1);
        assert_eq!(line(&[]).told(None, None), None);
    }
}
