//! A person at a shell, as the shell's integration tells of them: a record before each command and one
//! after it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::place::{GIT_TRACE, Place, finish};

/// Before what holds one of these words the shell has the files saved: they are some of those that its
/// integration knows.
const GUARDED: [&str; 7] = ["checkout", "stash", "rebase", "cherry-pick", "worktree", "merge", "pull"];

/// A shell, wherever it is: it counts its commands on, and has a journal in each worktree.
pub struct Shell {
    session: &'static str,
    seq: u64,
    journals: BTreeMap<PathBuf, String>,
}

impl Shell {
    /// A shell whose session is this UUID.
    pub fn new(session: &'static str) -> Self {
        Self { session, seq: 0, journals: BTreeMap::new() }
    }

    /// Types a command in `place`: `work` is what it does.
    pub fn types(&mut self, place: &Place, command: &str, work: impl FnOnce()) {
        self.seq += 1;
        let start = now();
        if GUARDED.iter().any(|word| command.contains(word)) {
            let journal = self.journal(place);
            place.run(GIT_TRACE, &["hook", "shell-guard", &journal]).silent();
        }
        self.tell(place, "S", [&start, ""], "", command);
        work();
        self.tell(place, "C", [&start, &now()], "0", command);
    }

    fn tell(&mut self, place: &Place, half: &str, times: [&str; 2], exit: &str, command: &str) {
        let (seq, cwd) = (self.seq.to_string(), place.dir.to_str().expect("a plain path"));
        let fields = ["1", half, &seq, times[0], times[1], exit, exit, "", cwd, cwd, command];
        let record = format!("\0{}\0", fields.join("\x1f"));
        let journal = self.journal(place);
        let mut hook = place.command(GIT_TRACE);
        finish(hook.args(["hook", "shell-event", &journal]), record.as_bytes()).silent();
    }

    fn journal(&mut self, place: &Place) -> String {
        let open = || open(place, self.session);
        self.journals.entry(place.dir.clone()).or_insert_with(open).clone()
    }
}

/// Opens the journal of a shell's session in a worktree that is recorded, and names it.
pub fn open(place: &Place, session: &str) -> String {
    let mut open = place.command(GIT_TRACE);
    open.env("TRACE_SHELL_SESSION", session);
    open.args(["hook", "shell-open", "bash", &process::id().to_string()]).arg(&place.dir).arg("");
    let journal = finish(&mut open, b"").good("hook shell-open");
    assert!(!journal.is_empty(), "an enabled repository has a journal for a shell");
    journal
}

fn now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_micros().to_string()
}
