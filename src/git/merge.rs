//! Three-way merge of text: one file out of what two sides made of a common base.
//!
//! Does what `git merge-file` does, byte for byte, and refuses binary files. gix has a merge of its
//! own, which is not used on purpose: where changes of both sides touch it was seen to repeat lines
//! that only one of them had moved, and it does not count what is left to a person.

use super::patch::is_binary;
use gix::diff::blob::{Algorithm, Diff, InternedInput};
use std::ops::Range;

/// Whose lines stand where both sides changed the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Favour {
    /// Both, between conflict markers.
    Neither,
    Ours,
    Theirs,
}

/// What the conflict markers call the two sides. One line each.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    pub ours: &'a str,
    pub theirs: &'a str,
}

/// One file out of three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub bytes: Vec<u8>,
    /// The stretches that both sides changed, each in its own way: marked, or given to the favoured.
    pub conflicts: usize,
}

/// Merges what `ours` and `theirs` made of `base`; `None` if one of the three is not text.
pub fn text(base: &[u8], ours: &[u8], theirs: &[u8], labels: &Labels<'_>, favour: Favour) -> Option<Merged> {
    if [base, ours, theirs].into_iter().any(is_binary) {
        return None;
    }
    let sides = Sides { base: lines(base), ours: lines(ours), theirs: lines(theirs) };
    Some(sides.merged(labels, favour))
}

/// Each with its newline, unless the file ends without one.
type Lines<'a> = Vec<&'a [u8]>;

struct Sides<'a> {
    base: Lines<'a>,
    ours: Lines<'a>,
    theirs: Lines<'a>,
}

/// Who changed a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Ours,
    Theirs,
    Both,
}

/// Lines of ours, and those of theirs that stand for the same lines of the base.
#[derive(Clone, Debug)]
struct Place {
    by: By,
    ours: Range<usize>,
    theirs: Range<usize>,
}

/// How many lines between two conflicts are too few to leave them apart.
const TOO_CLOSE: usize = 3;

impl Sides<'_> {
    fn merged(&self, labels: &Labels<'_>, favour: Favour) -> Merged {
        let mut merged = Merged { bytes: Vec::new(), conflicts: 0 };
        let mut at = 0;
        for place in self.joined() {
            copy(&mut merged.bytes, &self.ours[at..place.ours.start]);
            at = place.ours.end;
            merged.conflicts += usize::from(place.by == By::Both);
            match (place.by, favour) {
                (By::Ours, _) | (By::Both, Favour::Ours) => copy(&mut merged.bytes, &self.ours[place.ours]),
                (By::Theirs, _) | (By::Both, Favour::Theirs) => {
                    copy(&mut merged.bytes, &self.theirs[place.theirs]);
                }
                (By::Both, Favour::Neither) => self.mark(&mut merged.bytes, &place, labels),
            }
        }
        copy(&mut merged.bytes, &self.ours[at..]);
        merged
    }

    /// The places that differ, in order; conflicts with next to nothing between them are one.
    fn joined(&self) -> Vec<Place> {
        let mut joined: Vec<Place> = Vec::new();
        for place in self.places().into_iter().flat_map(|place| self.refined(place)) {
            match joined.last_mut() {
                Some(last) if self.belong_together(last, &place) => {
                    last.ours.end = place.ours.end;
                    last.theirs.end = place.theirs.end;
                }
                _ => joined.push(place),
            }
        }
        joined
    }

    fn belong_together(&self, one: &Place, next: &Place) -> bool {
        let between = &self.ours[one.ours.end..next.ours.start];
        let says_nothing = |line: &&[u8]| !line.iter().any(u8::is_ascii_alphanumeric);
        let both = one.by == By::Both && next.by == By::Both;
        both && (between.len() <= TOO_CLOSE || between.iter().all(says_nothing))
    }

    /// What is left of a place when lines that both sides have are taken out of it.
    fn refined(&self, place: Place) -> Vec<Place> {
        if place.by != By::Both || place.ours.is_empty() || place.theirs.is_empty() {
            return vec![place];
        }
        let swaps = changes(&self.ours[place.ours.clone()], &self.theirs[place.theirs.clone()]);
        let moved = |range: Range<usize>, by: usize| range.start + by..range.end + by;
        let parts = swaps.into_iter().map(|(ours, theirs)| Place {
            by: By::Both,
            ours: moved(ours, place.ours.start),
            theirs: moved(theirs, place.theirs.start),
        });
        parts.collect()
    }

    /// The places where the sides differ from the base; changes that touch are one place.
    fn places(&self) -> Vec<Place> {
        let mut ours = Road::new(changes(&self.base, &self.ours));
        let mut theirs = Road::new(changes(&self.base, &self.theirs));
        let mut places = Vec::new();
        while let Some(start) = [ours.next(), theirs.next()].into_iter().flatten().min() {
            let begin = (ours.place(start), theirs.place(start));
            let (mut by, mut end) = (None, start);
            while let Some((who, reach)) = ours
                .take(end)
                .map(|reach| (By::Ours, reach))
                .or_else(|| theirs.take(end).map(|reach| (By::Theirs, reach)))
            {
                by = Some(by.map_or(who, |before| if before == who { who } else { By::Both }));
                end = end.max(reach);
            }
            let by = by.expect("the first change of the two begins here");
            places.push(Place { by, ours: begin.0..ours.place(end), theirs: begin.1..theirs.place(end) });
        }
        places.retain(|place| self.ours[place.ours.clone()] != self.theirs[place.theirs.clone()]);
        places
    }

    /// Writes both sides of a conflict.
    fn mark(&self, into: &mut Vec<u8>, place: &Place, labels: &Labels<'_>) {
        let newline: &[u8] = if self.is_crlf(place) { b"\r\n" } else { b"\n" };
        let mut put = |mark: &str, lines: &[&[u8]]| {
            into.extend_from_slice(mark.as_bytes());
            into.extend_from_slice(newline);
            copy(into, lines);
            if lines.last().is_some_and(|line| !line.ends_with(b"\n")) {
                into.extend_from_slice(newline);
            }
        };
        put(&format!("<<<<<<< {}", labels.ours), &self.ours[place.ours.clone()]);
        put("=======", &self.theirs[place.theirs.clone()]);
        put(&format!(">>>>>>> {}", labels.theirs), &[]);
    }

    /// True if markers end as Windows has it: nobody's line before the conflict says no, the base yes.
    fn is_crlf(&self, place: &Place) -> bool {
        let ours = crlf(&self.ours, place.ours.start.saturating_sub(1));
        let theirs = crlf(&self.theirs, place.theirs.start.saturating_sub(1));
        ours != Some(false) && theirs != Some(false) && crlf(&self.base, 0) == Some(true)
    }
}

/// One change: lines of the old text, and the lines of the new one in their place.
type Swap = (Range<usize>, Range<usize>);

/// The changes of one side, gone through along the base.
struct Road {
    left: std::iter::Peekable<std::vec::IntoIter<Swap>>,
    /// Where in the base and in the side the last change that was taken ended.
    passed: (usize, usize),
}

impl Road {
    fn new(swaps: Vec<Swap>) -> Self {
        Self { left: swaps.into_iter().peekable(), passed: (0, 0) }
    }

    /// Where in the base the next change begins.
    fn next(&mut self) -> Option<usize> {
        self.left.peek().map(|(gone, _)| gone.start)
    }

    /// Takes the next change if it begins at `end` or before; returns where in the base it ends.
    fn take(&mut self, end: usize) -> Option<usize> {
        let (gone, come) = self.left.next_if(|(gone, _)| gone.start <= end)?;
        self.passed = (gone.end, come.end);
        Some(gone.end)
    }

    /// The line of the side that stands for `line` of the base, which no change left covers.
    fn place(&self, line: usize) -> usize {
        self.passed.1 + (line - self.passed.0)
    }
}

fn changes(old: &[&[u8]], new: &[&[u8]]) -> Vec<Swap> {
    let mut input = InternedInput::default();
    input.update_before(old.iter().copied());
    input.update_after(new.iter().copied());
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_no_heuristic(&input);
    let wide = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| (wide(hunk.before), wide(hunk.after))).collect()
}

fn lines(text: &[u8]) -> Lines<'_> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

fn copy(into: &mut Vec<u8>, lines: &[&[u8]]) {
    lines.iter().for_each(|line| into.extend_from_slice(line));
}

/// Whether a line ends in CR LF; a last line without an end is taken to be as the one before it.
fn crlf(lines: &[&[u8]], at: usize) -> Option<bool> {
    let line = lines.get(at)?;
    match line.ends_with(b"\n") {
        true => Some(line.ends_with(b"\r\n")),
        false => Some(lines.get(at.checked_sub(1)?)?.ends_with(b"\r\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::sandbox::Dir;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::test_runner::RngSeed;
    use std::process::Command;

    const LABELS: Labels<'_> = Labels { ours: "now", theirs: "then" };

    /// What git makes of it: the bytes, and how many conflicts it left.
    fn git(dir: &Dir, [base, ours, theirs]: [&str; 3], favour: Favour) -> (Vec<u8>, usize) {
        dir.write("base", base);
        dir.write("ours", ours);
        dir.write("theirs", theirs);
        let mut command = Command::new("git");
        command.args(["merge-file", "-p", "-L", "now", "-L", "base", "-L", "then"]);
        match favour {
            Favour::Neither => &mut command,
            Favour::Ours => command.arg("--ours"),
            Favour::Theirs => command.arg("--theirs"),
        };
        let output = command.args(["ours", "base", "theirs"]).current_dir(dir.path()).output().unwrap();
        (output.stdout, output.status.code().unwrap() as usize)
    }

    fn merged([base, ours, theirs]: [&str; 3], favour: Favour) -> Merged {
        text(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), &LABELS, favour).unwrap()
    }

    /// Fails unless git makes the same of it, whomever we favour.
    fn as_git(dir: &Dir, texts: [&str; 3]) -> Result<(), TestCaseError> {
        for favour in [Favour::Neither, Favour::Ours, Favour::Theirs] {
            let (bytes, conflicts) = git(dir, texts, favour);
            let merged = merged(texts, favour);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            prop_assert_eq!(text(&merged.bytes), text(&bytes), "{:?} {:?}", texts, favour);
            prop_assert!(favour != Favour::Neither || merged.conflicts == conflicts, "{texts:?}");
        }
        Ok(())
    }

    #[test]
    fn git_merges_the_same() {
        let numbers = |from: u32, to: u32| (from..to).map(|n| format!("{n}\n")).collect::<String>();
        let ten = numbers(0, 10);
        let with = |changes: &[(&str, &str)]| {
            changes.iter().fold(ten.clone(), |text, (old, new)| text.replace(&format!("{old}\n"), new))
        };
        let crlf = |text: &str| text.replace('\n', "\r\n");
        let cases = [
            // Nothing, all, and one side alone.
            ["".to_owned(), "".to_owned(), "".to_owned()],
            ["".to_owned(), "a\n".to_owned(), "b\n".to_owned()],
            ["".to_owned(), ten.clone(), ten.clone()],
            [ten.clone(), "".to_owned(), ten.clone()],
            [ten.clone(), "".to_owned(), with(&[("5", "five\n")])],
            [ten.clone(), with(&[("5", "five\n")]), ten.clone()],
            // Apart, next to each other, one line between, and the same.
            [ten.clone(), with(&[("1", "one\n")]), with(&[("8", "eight\n")])],
            [ten.clone(), with(&[("4", "four\n")]), with(&[("5", "five\n")])],
            [ten.clone(), with(&[("4", "four\n")]), with(&[("6", "six\n")])],
            [ten.clone(), with(&[("5", "five\n")]), with(&[("5", "five\n")])],
            [ten.clone(), with(&[("5", "")]), with(&[("5", "")])],
            [ten.clone(), with(&[("5", "5\nnew\n")]), with(&[("5", "5\nother\n")])],
            [ten.clone(), with(&[("5", "5\nnew\n")]), with(&[("6", "")])],
            // Two conflicts near each other and far apart; one that shares its beginning and its end.
            [ten.clone(), with(&[("1", "a\n"), ("4", "a\n")]), with(&[("1", "b\n"), ("4", "b\n")])],
            [ten.clone(), with(&[("1", "a\n"), ("8", "a\n")]), with(&[("1", "b\n"), ("8", "b\n")])],
            [ten.clone(), with(&[("5", "x\na\ny\n")]), with(&[("5", "x\nb\ny\n")])],
            // Without a last newline.
            ["a\nb".to_owned(), "a\nb\n".to_owned(), "a\nb".to_owned()],
            ["a\nb".to_owned(), "a\nc".to_owned(), "a\nd".to_owned()],
            ["a\nb\n".to_owned(), "a\nb".to_owned(), "a\nd\n".to_owned()],
            ["a\n\nb\nc".to_owned(), "A\n\nb\nc".to_owned(), "a\n\nb\nd".to_owned()],
            // As Windows writes.
            [crlf(&ten), crlf(&with(&[("1", "one\n")])), crlf(&with(&[("8", "eight\n")]))],
            [crlf(&ten), crlf(&with(&[("5", "five\n")])), crlf(&with(&[("5", "V\n")]))],
            [crlf(&ten), crlf(&with(&[("5", "five\n")])), with(&[("5", "V\n")])],
            [crlf(&ten), ten.clone(), crlf(&with(&[("5", "V\n")]))],
            ["".to_owned(), crlf("a\n"), crlf("b\n")],
            ["x\r\na".to_owned(), "x\r\nb".to_owned(), "x\r\nc".to_owned()],
            ["a".to_owned(), "b".to_owned(), "c\r\n".to_owned()],
        ];
        let dir = Dir::new();
        for [base, ours, theirs] in &cases {
            as_git(&dir, [base, ours, theirs]).unwrap();
            as_git(&dir, [base, theirs, ours]).unwrap();
        }
    }

    #[test]
    fn what_is_not_text_is_not_merged() {
        for texts in [["\0", "a", "b"], ["a", "\0", "b"], ["a", "b", "\0"]] {
            let [base, ours, theirs] = texts.map(str::as_bytes);
            assert_eq!(text(base, ours, theirs, &LABELS, Favour::Ours), None);
        }
    }

    #[test]
    fn a_conflict_is_counted_also_where_one_side_is_favoured() {
        let texts = ["a\nb\n", "a\nmine\n", "a\nyours\n"];
        let one = |text: &str| Merged { bytes: text.as_bytes().to_vec(), conflicts: 1 };
        assert_eq!(merged(texts, Favour::Ours), one("a\nmine\n"));
        assert_eq!(merged(texts, Favour::Theirs), one("a\nyours\n"));
        let marked = "a\n<<<<<<< now\nmine\n=======\nyours\n>>>>>>> then\n";
        assert_eq!(merged(texts, Favour::Neither), one(marked));
    }

    /// A small text, and what is done to it: at which line, what, and with which word.
    type Edits = Vec<(Index, u8, String)>;

    fn edited(base: &[String], edits: &Edits, newline: bool) -> String {
        let mut lines = base.to_vec();
        for (at, what, word) in edits {
            let at = at.index(lines.len() + 1);
            match what {
                0 => lines.insert(at, word.clone()),
                1 => drop(lines.drain(at..(at + 1).min(lines.len()))),
                _ => drop(lines.splice(at..(at + 1).min(lines.len()), [word.clone()])),
            }
        }
        lines.join("\n") + if newline { "\n" } else { "" }
    }

    fn edits() -> impl Strategy<Value = Edits> {
        vec((any::<Index>(), 0..3u8, "[a-e]?\r?"), 0..4)
    }

    proptest! {
        // The same texts each time: what differs from git is for a person to judge, not for a dice.
        #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(1), ..Default::default() })]
        #[test]
        fn git_merges_random_texts_the_same(
            base in vec("[a-e]?\r?", 1..20),
            ours in edits(),
            theirs in edits(),
            newlines in any::<[bool; 3]>(),
        ) {
            let dir = Dir::new();
            let base_text = edited(&base, &Vec::new(), newlines[0]);
            let (ours, theirs) = (edited(&base, &ours, newlines[1]), edited(&base, &theirs, newlines[2]));
            as_git(&dir, [&base_text, &ours, &theirs])?;
        }
    }
}
