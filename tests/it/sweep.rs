//! A fault at every system call of a command, one run per call, through strace.
//!
//! The faults come from outside the process: the program has no switch for tests. strace sees the
//! raw calls, whatever library made them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::{Place, Ran, TRACE, finish};
use crate::sandbox::{Sandbox, full, have};
use crate::story::Story;

/// Commands that were acknowledged before each fault.
const BEFORE: [&str; 3] = ["make before", "make waiting", "make also waiting"];
/// A command whose hook may be the one that dies.
pub const DURING: &str = "make during";

/// One world that is put back before each fault.
pub struct Sweep {
    sandbox: Sandbox,
    saved: PathBuf,
    /// What is swept.
    swept: Swept,
}

/// A command under the sweep.
pub struct Swept {
    pub program: &'static str,
    pub args: Vec<String>,
    pub stdin: Vec<u8>,
}

/// One place where a fault can happen: the `nth` time that a thread makes `call`.
#[derive(Clone)]
pub struct Point {
    pub call: String,
    pub nth: u32,
}

impl Sweep {
    /// Prepares a world with a checkpoint, events that wait and files that changed; `None`, said
    /// visibly, where strace is missing.
    pub fn prepare(swept: impl FnOnce(&Sandbox) -> Swept) -> Option<Self> {
        if !have("strace", "faults at system calls") {
            return None;
        }
        let sandbox = Sandbox::enabled();
        sandbox.tell("s", BEFORE[0]);
        sandbox.checkpoint();
        let swept = swept(&sandbox);
        for command in &BEFORE[1..] {
            sandbox.tell("s", command);
        }
        sandbox.write("src/a", "changed\n");
        sandbox.write("new/file", "new\n");
        Some(Self::of(sandbox, swept))
    }

    /// Takes a world as it is.
    pub fn of(sandbox: Sandbox, swept: Swept) -> Self {
        let saved = sandbox.root().join("saved");
        fs::create_dir(&saved).unwrap();
        copy(&sandbox, &sandbox.dir, &saved);
        Self { sandbox, saved, swept }
    }

    /// The same world under another command.
    pub fn with(self, swept: Swept) -> Self {
        Self { swept, ..self }
    }

    /// The world as it is now, under another command.
    pub fn here(self, swept: Swept) -> Self {
        fs::remove_dir_all(&self.saved).unwrap();
        Self::of(self.sandbox, swept)
    }

    /// The command, without a fault.
    pub fn command(&self) -> std::process::Command {
        let mut command = self.sandbox.command(self.swept.program);
        command.args(&self.swept.args);
        command
    }

    /// The repository under the sweep.
    pub fn place(&self) -> &Place {
        &self.sandbox
    }

    /// Every system call that the command makes, sampled in the quick form of the suite.
    pub fn points(&self) -> Vec<Point> {
        self.points_of(|_| true, 11)
    }

    /// Every system call of a kind that is wanted; in the quick form of the suite one of so many.
    pub fn points_of(&self, is_wanted: impl Fn(&str) -> bool, of: usize) -> Vec<Point> {
        self.put_back();
        let counts = self.sandbox.root().join("counts");
        let ran = self.strace(&["-c".into(), "-o".into(), counts.display().to_string()]);
        assert_eq!(ran.code, 0, "the command fails without a fault: {ran:?}");
        let table = fs::read_to_string(counts).unwrap();
        let all = table.lines().filter_map(row).flat_map(every);
        let step = if full() { 1 } else { of };
        all.filter(|point| is_wanted(&point.call)).step_by(step).collect()
    }

    /// Puts everything back, runs the command with `fault` at `point`, and returns what became of it.
    pub fn fault(&self, point: &Point, fault: &str) -> Ran {
        self.put_back();
        self.inject(point, fault, "")
    }

    /// The same, from that point on: whatever is tried again fails again.
    pub fn fault_from(&self, point: &Point, fault: &str) -> Ran {
        self.put_back();
        self.inject(point, fault, "+")
    }

    fn inject(&self, point: &Point, fault: &str, on: &str) -> Ran {
        let Point { call, nth } = point;
        self.strace(&[
            "-qq".into(),
            "-o".into(),
            "/dev/null".into(),
            "-e".into(),
            format!("trace={call}"),
            "-e".into(),
            format!("inject={call}:{fault}:when={nth}{on}"),
        ])
    }

    /// Checks, after a fault, that nothing is lost and nothing stands in the way of what comes next.
    pub fn check(&self, acknowledged: &[&str]) {
        let place = self.place();
        let after = place.checkpoint();
        let story = Story::of(place);
        story.holds_once(BEFORE.into_iter().chain(acknowledged.iter().copied()));
        let half = story.commands().get(&format!("{DURING:?}")).copied().unwrap_or(0);
        assert!(half <= 1, "a command that was cut off is there {half} times");
        for path in ["src/a", "new/file"] {
            let id = format!("{after}:worktree/{path}");
            let kept = place.store_git(&["cat-file", "-p", &id]);
            assert_eq!(kept, fs::read_to_string(place.dir.join(path)).unwrap().trim_end(), "{path}");
        }
        story.complete(place);
        place.fsck();
        place.user_works();
    }

    fn strace(&self, options: &[String]) -> Ran {
        let mut command = self.sandbox.command("strace");
        command.arg("-f").args(options).arg(self.swept.program).args(&self.swept.args);
        finish(&mut command, &self.swept.stdin)
    }

    /// Empties the repository and fills it again. Its git directory stays the same directory:
    /// recording is enabled for that one, by its inode.
    pub fn put_back(&self) {
        let repo = &self.sandbox.dir;
        let git_dir = repo.join(".git");
        let all = [repo.as_os_str(), "-mindepth".as_ref(), "1".as_ref(), "!".as_ref(), "-path".as_ref()];
        let all = [&all[..], &[git_dir.as_os_str(), "-delete".as_ref()]].concat();
        self.sandbox.run("find", &all).good("empty the repository");
        copy(&self.sandbox, &self.saved, repo);
    }
}

/// `trace checkpoint`, to be swept.
pub fn checkpoint() -> Swept {
    Swept { program: TRACE, args: vec!["checkpoint".into(), "-m".into(), "probe".into()], stdin: Vec::new() }
}

fn copy(place: &Place, from: &Path, to: &Path) {
    place.run("cp", &["-a".as_ref(), from.join(".").as_os_str(), to.as_os_str()]).good("copy the repository");
}

/// The name and the count in a row of `strace -c`; `None` for its head, its foot, and the two calls
/// at which there is no process yet or none any more.
fn row(line: &str) -> Option<(String, u32)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let (name, count) = (words.last()?, words.get(3)?.parse().ok()?);
    let odd = ["total", "execve", "exit_group"].contains(name);
    (!odd).then(|| ((*name).to_owned(), count))
}

fn every((call, count): (String, u32)) -> impl Iterator<Item = Point> {
    (1..=count).map(move |nth| Point { call: call.clone(), nth })
}
