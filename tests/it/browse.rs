//! `trace trail -i` in a real terminal.

use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::place::{Place, Ran};
use crate::sandbox::{Sandbox, have};

/// A screen is waited for so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shell in a terminal of its own, ended when it is dropped.
struct Screen<'a> {
    place: &'a Place,
    socket: String,
}

impl<'a> Screen<'a> {
    fn open(sandbox: &'a Sandbox, columns: u32) -> Self {
        let socket = sandbox.root().join("tmux").to_str().unwrap().to_owned();
        let screen = Self { place: sandbox, socket };
        let columns = columns.to_string();
        let shell = "PS1='ready> ' exec sh";
        let new = ["new-session", "-d", "-s", "t", "-x", &columns, "-y", "12", shell];
        screen.tmux(&[&["-f", "/dev/null"][..], &new].concat()).good("tmux new-session");
        screen.wait("a prompt", |lines| lines.iter().any(|line| line.starts_with("ready>")));
        screen
    }

    fn tmux(&self, args: &[&str]) -> Ran {
        self.place.run("tmux", &[&["-S", &self.socket][..], args].concat())
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys", "-t", "t"][..], keys].concat()).good("send-keys");
    }

    fn start(&self) {
        self.keys(&["trace trail -i", "Enter"]);
        self.wait("the timeline", |lines| lines.last().is_some_and(|foot| foot.contains("? help")));
    }

    fn lines(&self) -> Vec<String> {
        let text = self.tmux(&["capture-pane", "-p", "-t", "t"]).good("capture-pane");
        text.lines().map(str::to_owned).collect()
    }

    /// The screen once it is as wanted.
    fn wait(&self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let lines = self.lines();
            if is_so(&lines) {
                return lines;
            }
            assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}: {lines:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask(&self, what: &str) -> String {
        self.tmux(&["display-message", "-p", "-t", "t", what]).good("display-message")
    }

    /// The terminal is as a shell has it: the usual screen, a cursor, lines with an echo.
    fn is_given_back(&self) {
        let is_back = |_: &[String]| self.ask("#{alternate_on} #{cursor_flag}") == "0 1";
        self.wait("the usual screen", is_back);
        let lines = self.lines();
        assert!(lines.iter().any(|line| line.contains("trail -i")), "what was there is there: {lines:#?}");
        self.keys(&[
            "stty -a | tr ' ;' '\\n\\n' | grep -x -e icanon -e echo -e opost | xargs echo is:",
            "Enter",
        ]);
        self.wait("the settings", |lines| lines.iter().any(|line| line == "is: opost icanon echo"));
        self.keys(&["clear", "Enter"]);
        self.wait("a clear screen", |lines| lines.iter().filter(|line| !line.is_empty()).count() == 1);
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn worked() -> Sandbox {
    let sandbox = Sandbox::enabled();
    sandbox.write("src/a", "changed by hand\n");
    sandbox.tell("s", "make the first thing that is long enough to be cut where there is little room");
    sandbox.checkpoint();
    sandbox.tell("s", "make more");
    sandbox.checkpoint();
    sandbox.trace(&["trail", "set", "--title", "A long way"]).good("set");
    sandbox
}

/// A line from its kind on: when it was says the clock.
fn from_kind(line: &str) -> String {
    let kinds = ["prompt", "command", "checkpoint", "commit", "said"];
    let at = kinds.iter().filter_map(|kind| line.find(kind)).min();
    at.map(|at| line[at..].split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

#[test]
fn a_timeline_is_walked_through_at_80_and_200_columns() {
    if !have("tmux", "a timeline in a real terminal") {
        return;
    }
    for columns in [80, 200] {
        let sandbox = worked();
        let screen = Screen::open(&sandbox, columns);
        screen.start();
        let lines = screen.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (12, "A long way"), "{lines:#?}");
        assert_eq!(lines[1], "-".repeat(columns as usize));
        let rows: Vec<&String> = lines[2..11].iter().filter(|line| !line.is_empty()).collect();
        let last = rows.last().unwrap();
        assert!(last.starts_with("> "), "the newest is chosen: {rows:#?}");
        assert_eq!(from_kind(last), "said - title: A long way");
        let long = rows.iter().find(|row| row.contains("make the first")).unwrap();
        assert_eq!(long.ends_with("little room"), columns == 200, "{long}");
        // Up to the last checkpoint, what changed in it, and back.
        screen.keys(&["Up"]);
        screen.wait("the checkpoint", |lines| {
            lines.iter().any(|line| line.starts_with('>') && line.contains("checkpoint"))
        });
        screen.keys(&["/"]);
        screen.keys(&["-l", "first"]);
        screen.wait("what was found", |lines| lines[11] == "/first_" && lines[3].is_empty());
        screen.keys(&["Enter"]);
        screen.keys(&["d"]);
        screen.wait("what changed", |lines| lines[0] == "A long way: what changed");
        screen.keys(&["G"]);
        screen.wait("the patch", |lines| lines.iter().any(|line| line == "+changed by hand"));
        screen.keys(&["q"]);
        screen.keys(&["Escape"]);
        screen.wait("everything", |lines| lines[11].contains(" of ") && !lines[11].contains("/first"));
        screen.keys(&["g", "r"]);
        let plan = screen.wait("the plan", |lines| lines[0] == "A long way: what a restore would do");
        assert!(plan.iter().any(|line| line.contains("src/a")), "{plan:#?}");
        screen.keys(&["Escape", "?"]);
        screen.wait("the keys", |lines| lines[0] == "A long way: keys");
        screen.keys(&["q", "q"]);
        screen.is_given_back();
        let is_now = fs::read_to_string(sandbox.dir.join("src/a")).unwrap();
        assert_eq!(is_now, "changed by hand\n", "a plan changes nothing");
    }
}

#[test]
fn a_terminal_is_given_back_whoever_ends_it_and_follows_its_size() {
    if !have("tmux", "signals in a real terminal") || !have("pgrep", "signals in a real terminal") {
        return;
    }
    let sandbox = worked();
    let screen = Screen::open(&sandbox, 80);
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        screen.start();
        let shell = screen.ask("#{pane_pid}");
        let child = sandbox.run("pgrep", &["-P", &shell]).good("pgrep");
        sandbox.run("kill", &["-s", signal, &child]).good("kill");
        screen.is_given_back();
    }
    screen.start();
    screen.tmux(&["resize-window", "-t", "t", "-x", "120", "-y", "20"]).good("resize");
    screen.wait("the new size", |lines| lines.len() == 20 && lines[1].len() == 120);
    screen.keys(&["C-c"]);
    screen.is_given_back();
}

#[test]
fn a_pager_is_told_that_what_it_shows_is_utf_8() {
    if !have("tmux", "it needs a terminal") {
        return;
    }
    let sandbox = worked();
    let screen = Screen::open(&sandbox, 80);
    screen.keys(&["TRACE_PAGER='cat >/dev/null; echo charset=$LESSCHARSET' trace log", "Enter"]);
    screen.wait("the pager", |lines| lines.iter().any(|line| line == "charset=utf-8"));
    screen.keys(&[
        "clear; LESSCHARSET=latin1 TRACE_PAGER='cat >/dev/null; echo charset=$LESSCHARSET' trace log",
        "Enter",
    ]);
    screen.wait("the user's own", |lines| lines.iter().any(|line| line == "charset=latin1"));
}

#[test]
fn off_a_terminal_it_is_refused() {
    let sandbox = worked();
    for args in [&["trail", "-i"][..], &["trail", "show", "-i"]] {
        let ran = sandbox.trace(args);
        assert!(ran.code == 2 && ran.stderr.contains("needs a terminal"), "{ran:?}");
        assert_eq!(ran.stdout, "");
    }
}
