//! Commands in numbers: how many, how many failed, how long they took; by directory, and by the word
//! that each begins with.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::command::{Command, State};
use super::text::Text;

/// Some commands in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub commands: u64,
    /// Ended with anything but 0.
    pub failed: u64,
    /// Neither over nor known to have ended.
    pub open: u64,
    /// Of those whose duration is known.
    pub took_us: u64,
}

/// All of them, and those of each directory and each word, the most frequent first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub all: Sum,
    pub directories: Vec<(Text, Sum)>,
    pub words: Vec<(Text, Sum)>,
}

impl Stats {
    /// Counts commands. Of directories and of words, the first `most` are kept.
    pub fn of<'a>(commands: impl IntoIterator<Item = (&'a Command, State)>, most: usize) -> Self {
        let mut stats = Self::default();
        let (mut directories, mut words) = (HashMap::new(), HashMap::new());
        for (command, state) in commands {
            stats.all.add(command, state);
            directories.entry(command.cwd.clone()).or_insert_with(Sum::default).add(command, state);
            words.entry(word(&command.command)).or_insert_with(Sum::default).add(command, state);
        }
        (stats.directories, stats.words) = (top(directories, most), top(words, most));
        stats
    }
}

impl Sum {
    fn add(&mut self, command: &Command, state: State) {
        self.commands += 1;
        self.failed += u64::from(state == State::Done && command.exit.is_some_and(|exit| exit != 0));
        self.open += u64::from(matches!(state, State::Running | State::Lost));
        self.took_us = self.took_us.saturating_add(command.duration_us.unwrap_or(0));
    }
}

fn top(counts: HashMap<Text, Sum>, most: usize) -> Vec<(Text, Sum)> {
    let mut all: Vec<(Text, Sum)> = counts.into_iter().collect();
    all.sort_by(|(a, of_a), (b, of_b)| (Reverse(of_a.commands), a).cmp(&(Reverse(of_b.commands), b)));
    all.truncate(most);
    all
}

/// Words that only say how the next one is run.
const BEFORE: [&[u8]; 7] = [b"sudo", b"env", b"time", b"command", b"exec", b"nohup", b"builtin"];

/// The program that a command begins with, without its directory and what stands before it.
fn word(command: &Text) -> Text {
    let words = command.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is_setting = |word: &[u8]| {
        let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.len() < word.len() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    let mut programs = words.filter(|word| !is_setting(word) && !BEFORE.contains(word));
    let program = programs.next().unwrap_or_default();
    let name = program.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    Text(if name.is_empty() { program } else { name }.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_begins_with_a_program() {
        let cases = [
            ("cargo test", "cargo"),
            ("  RUST_LOG=x A=1 ./target/debug/trace log", "trace"),
            ("sudo env A=b make -C x", "make"),
            ("a=b", ""),
            ("/", "/"),
            ("--x=y z", "--x=y"),
            ("", ""),
        ];
        for (command, expected) in cases {
            assert_eq!(word(&command.into()), expected.into(), "{command:?}");
        }
    }
}
