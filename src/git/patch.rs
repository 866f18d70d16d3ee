//! Two blobs as lines that went and lines that came.
//!
//! Refuses to look for sense in binary files, and to print: colours and headers are `view/`'s.

use gix::diff::blob::{Algorithm, Diff, InternedInput, diff_with_slider_heuristics, sources::byte_lines};
use std::ops::Range;

/// How two blobs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// One of them is not text.
    Binary,
    /// The stretches that differ, in order; none if the blobs are equal.
    Lines(Vec<Hunk>),
}

/// One stretch that differs, with the lines around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// The first line, counted from 1; of an empty range, the line before it.
    pub old_start: u32,
    pub old_len: u32,
    pub new_start: u32,
    pub new_len: u32,
    /// Each with its newline, unless the file ends without one.
    pub lines: Vec<(Sign, Vec<u8>)>,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Context,
    Old,
    New,
}

/// Where a NUL byte makes a file binary, as git has it.
const LOOK: usize = 8000;

/// Compares two blobs, with `context` unchanged lines around each change.
pub fn unified(old: &[u8], new: &[u8], context: usize) -> Patch {
    if is_binary(old) || is_binary(new) {
        return Patch::Binary;
    }
    let input = InternedInput::new(byte_lines(old), byte_lines(new));
    let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
    let groups = grouped(&diff, context.min(u32::MAX as usize / 4) as u32);
    Patch::Lines(groups.iter().map(|group| hunk(&input, group, context)).collect())
}

/// Counts the lines that came and went: (added, removed). Binary files count as none.
pub fn stat(old: &[u8], new: &[u8]) -> (u32, u32) {
    if is_binary(old) || is_binary(new) {
        return (0, 0);
    }
    let input = InternedInput::new(byte_lines(old), byte_lines(new));
    let diff = Diff::compute(Algorithm::Histogram, &input);
    (diff.count_additions(), diff.count_removals())
}

/// True if git would not show it as text.
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(LOOK)].contains(&0)
}

/// One change: lines of the old blob, and the lines of the new one in their place.
type Swap = (Range<u32>, Range<u32>);

/// Changes whose contexts touch go into one hunk.
fn grouped(diff: &Diff, context: u32) -> Vec<Vec<Swap>> {
    let mut groups: Vec<Vec<Swap>> = Vec::new();
    for change in diff.hunks() {
        let swap = (change.before, change.after);
        match groups.last_mut() {
            Some(group) if swap.0.start - group[group.len() - 1].0.end <= 2 * context => group.push(swap),
            _ => groups.push(vec![swap]),
        }
    }
    groups
}

fn hunk(input: &InternedInput<&[u8]>, group: &[Swap], context: usize) -> Hunk {
    let (first, last) = (&group[0], &group[group.len() - 1]);
    let before = context.min(first.0.start as usize) as u32;
    let after = context.min(input.before.len() - last.0.end as usize) as u32;
    let old = first.0.start - before..last.0.end + after;
    let new = first.1.start - before..last.1.end + after;
    let mut lines = Vec::new();
    let mut at = old.start;
    for (gone, come) in group {
        push(&mut lines, Sign::Context, input, &input.before[at as usize..gone.start as usize]);
        push(&mut lines, Sign::Old, input, &input.before[gone.start as usize..gone.end as usize]);
        push(&mut lines, Sign::New, input, &input.after[come.start as usize..come.end as usize]);
        at = gone.end;
    }
    push(&mut lines, Sign::Context, input, &input.before[at as usize..old.end as usize]);
    Hunk {
        old_start: old.start + u32::from(!old.is_empty()),
        old_len: old.len() as u32,
        new_start: new.start + u32::from(!new.is_empty()),
        new_len: new.len() as u32,
        lines,
    }
}

fn push(
    lines: &mut Vec<(Sign, Vec<u8>)>,
    sign: Sign,
    input: &InternedInput<&[u8]>,
    tokens: &[gix::diff::blob::Token],
) {
    lines.extend(tokens.iter().map(|token| (sign, input.interner[*token].to_vec())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;
    use proptest::prelude::*;

    /// As `git diff` has it, without the names.
    fn printed(patch: &Patch) -> String {
        let Patch::Lines(hunks) = patch else { return "binary".to_owned() };
        let mut text = String::new();
        let range = |start, len| if len == 1 { format!("{start}") } else { format!("{start},{len}") };
        for hunk in hunks {
            let (old, new) = (range(hunk.old_start, hunk.old_len), range(hunk.new_start, hunk.new_len));
            text += &format!("@@ -{old} +{new} @@\n");
            for (sign, line) in &hunk.lines {
                let sign = match sign {
                    Sign::Context => ' ',
                    Sign::Old => '-',
                    Sign::New => '+',
                };
                let end = if line.ends_with(b"\n") { "" } else { "\n\\ No newline at end of file\n" };
                text += &format!("{sign}{}{end}", String::from_utf8_lossy(line));
            }
        }
        text
    }

    #[test]
    fn git_prints_the_same_hunks() {
        let numbers = |from: u32, to: u32| (from..to).map(|n| format!("{n}\n")).collect::<String>();
        let far = numbers(0, 40)
            .replace("\n3\n", "\nthree\n")
            .replace("\n30\n", "\n")
            .replace("\n12\n", "\n12\n12b\n");
        let cases = [
            ("", "a\n"),
            ("a\n", ""),
            ("a", "a\n"),
            ("a\nb", "b"),
            (&numbers(0, 40), &far),
            (&numbers(0, 5), &numbers(2, 9)),
            ("same\n", "same\n"),
        ];
        let dir = Dir::repository(HashKind::Sha1);
        for (old, new) in cases {
            for context in [0, 1, 3, 100] {
                dir.write("file", old);
                dir.git(&["add", "file"]);
                dir.write("file", new);
                let width = format!("-U{context}");
                let diff = dir.git(&["diff", "--histogram", "--no-color", &width]) + "\n";
                let body = diff.find("@@").map_or("", |at| &diff[at..]);
                let headless = |line: &str| line.rfind(" @@").map(|at| line[..at + 3].to_owned());
                let lines = body.lines().map(|line| match line.starts_with("@@") {
                    true => headless(line).unwrap(),
                    false => line.to_owned(),
                });
                let expected: String = lines.map(|line| line + "\n").collect();
                let ours = unified(old.as_bytes(), new.as_bytes(), context);
                assert_eq!(printed(&ours), expected, "{old:?} {new:?} {context}");
            }
        }
    }

    #[test]
    fn a_file_with_a_nul_byte_near_its_beginning_is_not_text() {
        let mut late = vec![b'a'; LOOK];
        late.push(0);
        assert_eq!(unified(b"a\0", b"b", 3), Patch::Binary);
        assert_eq!(stat(b"a", b"b\0"), (0, 0));
        assert!(!is_binary(&late) && is_binary(&late[1..]));
        assert_eq!(stat(b"a\nb\n", b"b\nc\nd\n"), (2, 1));
    }

    proptest! {
        #[test]
        fn a_patch_makes_the_new_blob_out_of_the_old(old in "([ab]\n){0,12}a?", new in "([ab]\n){0,12}a?", context in 0..4usize) {
            let Patch::Lines(hunks) = unified(old.as_bytes(), new.as_bytes(), context) else { unreachable!() };
            let lines: Vec<&[u8]> = old.as_bytes().split_inclusive(|byte| *byte == b'\n').collect();
            let (mut made, mut at) = (Vec::new(), 0);
            for hunk in hunks {
                let start = hunk.old_start as usize - usize::from(hunk.old_len > 0);
                made.extend(lines[at..start].concat());
                at = start + hunk.old_len as usize;
                let left = hunk.lines.iter().filter(|(sign, _)| *sign != Sign::New).map(|(_, line)| line.as_slice());
                prop_assert!(left.eq(lines[start..at].iter().copied()));
                made.extend(hunk.lines.iter().filter(|(sign, _)| *sign != Sign::Old).flat_map(|(_, line)| line.clone()));
            }
            made.extend(lines[at..].concat());
            prop_assert_eq!(made, new.as_bytes());
        }
    }
}
