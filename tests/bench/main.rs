//! Ours against the git command line: whole processes, in turns, in one run.
//!
//! Only ratios mean anything: times drift with the machine, and both sides drift together. Each row
//! says `name git ours ratio`; the figures are medians, in milliseconds unless the name says else.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a benchmark that cannot run should say why and stop"
)]

mod branches;
mod child;
mod commit;
mod floors;
mod history;
mod import;
mod lines;
mod report;
mod restore;
mod rows;
mod sessions;
mod swap;
mod world;
mod writers;

use std::env;

/// What was asked for.
pub struct Wanted {
    /// Beginnings of the names of rows; all rows if empty.
    names: Vec<String>,
    /// How many files the repositories have.
    pub sizes: Vec<usize>,
    /// How often each side of a row of short processes runs.
    pub rounds: usize,
    /// How often each side of a row of full scans runs.
    pub scans: usize,
    /// How many checkpoints the lists and the size are measured on.
    pub history: usize,
    /// How many files git ignores where it is measured beside many of them.
    pub ignored: usize,
}

impl Wanted {
    fn parse(args: impl Iterator<Item = String>) -> Self {
        let mut wanted = Self {
            names: Vec::new(),
            sizes: vec![1_000, 10_000],
            rounds: 31,
            scans: 11,
            history: 1_000,
            ignored: 20_000,
        };
        let mut args = args.filter(|arg| arg != "--bench");
        while let Some(arg) = args.next() {
            let mut value = || args.next().unwrap_or_else(|| panic!("{arg} wants a value"));
            match &*arg {
                "--full" => {
                    wanted.sizes = vec![1_000, 10_000, 100_000];
                    (wanted.rounds, wanted.scans, wanted.history) = (101, 15, 10_000);
                    wanted.ignored = 500_000;
                }
                "--sizes" => wanted.sizes = value().split(',').map(|size| size.parse().unwrap()).collect(),
                "--rounds" => wanted.rounds = value().parse().unwrap(),
                "--scans" => wanted.scans = value().parse().unwrap(),
                "--history" => wanted.history = value().parse().unwrap(),
                _ => wanted.names.push(arg),
            }
        }
        wanted
    }

    /// True if this row, or a row that begins so, is asked for.
    pub fn has(&self, name: &str) -> bool {
        let fits = |asked: &String| name.starts_with(&**asked) || asked.starts_with(name);
        self.names.is_empty() || self.names.iter().any(fits)
    }
}

fn main() {
    let wanted = Wanted::parse(env::args().skip(1));
    report::place(&world::base());
    floors::processes(&wanted);
    rows::record(&wanted);
    sessions::rows(&wanted);
    swap::rows(&wanted);
    for size in &wanted.sizes {
        floors::sweep(&wanted, *size);
        rows::checkpoint(&wanted, *size);
        restore::rows(&wanted, *size);
    }
    writers::rows(&wanted);
    lines::rows(&wanted);
    commit::rows(&wanted);
    branches::rows(&wanted);
    import::rows(&wanted);
    history::rows(&wanted);
}
