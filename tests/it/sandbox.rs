//! A directory of its own, with its own HOME, its own state and no configuration of the machine's.
//!
//! Nothing is shared with another sandbox, so any number of them, and of whole runs of the suite,
//! live beside each other. Removed on drop, also when the test fails.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process, thread};

use crate::place::Place;

/// A temporary world with one repository, `repo`, in it.
pub struct Sandbox {
    root: PathBuf,
    repo: Place,
}

impl Sandbox {
    /// A world whose `repo` is an empty directory.
    pub fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = env::temp_dir().canonicalize().unwrap().join(name);
        for dir in ["home", "run", "tmp", "repo"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        let repo = Place::new(&root, root.join("repo"));
        Self { root, repo }
    }

    /// A world whose `repo` has one commit, a branch `topic` and a tag `v1`.
    pub fn new() -> Self {
        let sandbox = Self::empty();
        sandbox.begin(&[]);
        sandbox
    }

    /// The same, with recording enabled.
    pub fn enabled() -> Self {
        let sandbox = Self::new();
        sandbox.enable();
        sandbox
    }

    /// The directory that all of this world lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Another directory of this world, seen with the same environment.
    pub fn at(&self, dir: impl AsRef<Path>) -> Place {
        Place::new(&self.root, self.root.join(dir))
    }
}

impl Deref for Sandbox {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.repo
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // What cannot be removed is left for the system's own cleaning; a test must not fail for it.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Runs `work` for 0, 1, … `workers` at once: nobody begins before everybody is there.
pub fn race<T: Send>(workers: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (gate, work) = (&Barrier::new(workers), &work);
    thread::scope(|scope| {
        let start = |at| {
            scope.spawn(move || {
                gate.wait();
                work(at)
            })
        };
        let all: Vec<_> = (0..workers).map(start).collect();
        all.into_iter().map(|one| one.join().expect("a worker failed; its message is above")).collect()
    })
}

/// True in the full form of the suite (`TRACE_TEST_FULL=1`); the figures of the README come from it.
pub fn full() -> bool {
    env::var_os("TRACE_TEST_FULL").is_some_and(|value| value == "1")
}

/// True if `tool` is there; if not, says visibly that the test is skipped.
pub fn have(tool: &str, why: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).any(|dir| dir.join(tool).is_file());
    if !found {
        skipped(&format!("{tool} is not installed ({why})"));
    }
    found
}

/// Says on a line of its own that something was not tested; `scripts/test` counts these lines.
pub fn skipped(why: &str) {
    use std::io::Write;
    // Past the capture of the test harness: a skip must be seen in a green run too.
    let _ = writeln!(std::io::stderr().lock(), "\nskipped: {why}");
}
