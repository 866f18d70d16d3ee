//! What is printed: where it was measured, and a line for each row.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::child::Took;

/// How good a row must be.
#[derive(Clone, Copy)]
pub enum Target {
    /// Ours in proportion to git's, at most.
    Ratio(f64),
    /// The same, and so much more at most.
    RatioAndMore(f64, f64),
    /// In proportion where more is better.
    AtLeast(f64),
    /// Ours alone, at most.
    Ours(f64),
    /// Ours alone where more is better.
    OursAtLeast(f64),
    /// It is shown beside another.
    None,
}

/// Says on what it is measured: the figures of another file system are other figures.
pub fn place(dir: &Path) {
    let output = Command::new("git").arg("--version").output().unwrap();
    let git = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("# {git}, Linux {}, {cores} cores", kernel.trim());
    println!("# {}: {}", dir.display(), file_system(dir));
    println!(
        "{:<34} {:>10} {:>10} {:>7} {:>8}  {:<19} {:<19}",
        "name", "git", "ours", "ratio", "target", "git p10-p90", "ours p10-p90"
    );
}

/// The mount that `dir` is on. An ext4 without a journal is named: there each rename over a file
/// and each unlink may cost a millisecond, which is nobody's doing here.
fn file_system(dir: &Path) -> String {
    let device = fs::metadata(dir).unwrap().dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let wanted = format!("{major}:{minor}");
    let line = mounts.lines().rev().find(|line| line.split(' ').nth(2) == Some(&wanted));
    let Some((before, after)) = line.and_then(|line| line.split_once(" - ")) else {
        return format!("device {wanted}");
    };
    let options = before.split(' ').nth(5).unwrap_or_default();
    let mut words = after.split(' ');
    let (kind, source) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let name = source.rsplit('/').next().unwrap_or_default();
    let has_journal = fs::read_dir("/proc/fs/jbd2").into_iter().flatten().flatten().any(|entry| {
        let journal = entry.file_name().to_string_lossy().into_owned();
        journal.rsplit_once('-').is_some_and(|(device, _)| device == name)
    });
    let journal = match (kind, has_journal) {
        ("ext4", false) => " WITHOUT A JOURNAL",
        ("ext4", true) => " with a journal",
        _ => "",
    };
    format!("{kind}{journal} on {source} ({options})")
}

/// A line: medians of both sides, their proportion, and how far they spread.
pub fn row(name: &str, git: &[f64], ours: &[f64], target: Target) {
    let (theirs, own) = (at(git, 50), at(ours, 50));
    let (wanted, met) = match target {
        Target::Ratio(most) => (format!("<= {most}"), own / theirs <= most),
        Target::RatioAndMore(most, more) => (format!("<={most}x+{more}"), own <= most * theirs + more),
        Target::AtLeast(least) => (format!(">= {least}"), own / theirs >= least),
        Target::Ours(most) => (format!("<= {most}"), own <= most),
        Target::OursAtLeast(least) => (format!(">= {least}"), own >= least),
        Target::None => (String::new(), true),
    };
    let spread = |values: &[f64]| match values {
        [] | [_] => String::new(),
        _ => format!("{:.3}-{:.3}", at(values, 10), at(values, 90)),
    };
    let (theirs, ratio) = match git {
        [] => ("-".to_owned(), "-".to_owned()),
        _ => (format!("{theirs:.3}"), format!("{:.3}", own / theirs)),
    };
    println!(
        "{name:<34} {theirs:>10} {own:>10.3} {ratio:>7} {wanted:>8}  {:<19} {:<19}{}",
        spread(git),
        spread(ours),
        if met { "" } else { " MISSED" }
    );
}

/// A line for something that git has nothing to compare with.
pub fn only(name: &str, ours: f64, target: Target) {
    row(name, &[], &[ours], target);
}

/// How a row calls so many files.
pub fn label(size: usize) -> String {
    if size.is_multiple_of(1_000) { format!("{}k", size / 1_000) } else { size.to_string() }
}

/// Milliseconds of each.
pub fn millis(took: &[Took]) -> Vec<f64> {
    took.iter().map(|one| one.time.as_secs_f64() * 1e3).collect()
}

/// Peak memory of each, in MiB.
pub fn memory(took: &[Took]) -> Vec<f64> {
    took.iter().map(|one| one.memory as f64 / 1024.0).collect()
}

/// The value below which `percent` of all lie.
pub fn at(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or(f64::NAN)
}
