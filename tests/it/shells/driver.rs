//! A real interactive shell at a real terminal, typed into line by line.
//!
//! Nothing here waits for a time: each prompt carries its number and the `$?` that the user's own
//! hook saw, and the next line is typed when that prompt is on the screen.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::place::heeding_keys;
use trace::capture::init::{self, Guard, Shell};
use trace::model::id::Half;
use trace::wire::frame::{self, Piece};
use trace::wire::shell::{self as record, Record};

/// How long anything may take before the test gives up on it.
const DEADLINE: Duration = Duration::from_secs(30);

const COMPLETIONS: &str = "home/.local/share/fish/generated_completions";

/// A home, a repository, and the program that the scripts call.
pub struct Place {
    root: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("trace-shells-{}-{count}", std::process::id());
        // Not below `target`: that is inside a repository, which the scripts and git would find.
        let place = Self { root: fs::canonicalize(std::env::temp_dir()).unwrap().join(name) };
        // fish would fill the last one from every manual page there is.
        for dir in
            ["home", "bin", "stub", "state/trace", "run", "repo/.git", "repo/sub", "outside", COMPLETIONS]
        {
            fs::create_dir_all(place.path(dir)).unwrap();
        }
        place.install_program();
        place
    }

    /// A repository that the real program records.
    pub fn real() -> Self {
        let place = Self::new();
        for name in ["git-trace", "git"] {
            fs::remove_file(place.path("bin").join(name)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_git-trace"), place.path("bin/git-trace")).unwrap();
        fs::remove_dir(place.path("repo/.git")).unwrap();
        place.command("git", &["init", "-q"]);
        place.command(env!("CARGO_BIN_EXE_trace"), &["enable"]);
        place
    }

    /// Runs the real program here and returns what it prints.
    pub fn trace(&self, args: &[&str]) -> String {
        self.command(env!("CARGO_BIN_EXE_trace"), args)
    }

    /// The events of the whole chain, as plain git reads them.
    pub fn events(&self) -> String {
        let store = ["--git-dir", ".git/trace/store.git"];
        let chain = self.command("git", &[&store[..], &["rev-list", "--glob=refs/trace/*"]].concat());
        let read = |id: &str| {
            let listed = self.command("git", &[&store[..], &["ls-tree", "--name-only", id]].concat());
            let events = format!("{id}:events.jsonl");
            listed
                .contains("events.jsonl")
                .then(|| self.command("git", &[&store[..], &["show", &events]].concat()))
        };
        chain.lines().filter_map(read).collect()
    }

    /// True if some checkpoint holds a file of this name.
    pub fn kept(&self, name: &str) -> bool {
        let store = ["--git-dir", ".git/trace/store.git"];
        let listed = ["log", "--format=", "--name-only", "--glob=refs/trace/*"];
        self.command("git", &[&store[..], &listed].concat()).lines().any(|line| line.ends_with(name))
    }

    fn command(&self, program: &str, args: &[&str]) -> String {
        let output = Command::new(program)
            .args(args)
            .current_dir(self.path("repo"))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Puts the program on PATH: the one place that says which.
    fn install_program(&self) {
        // A line that is typed to be judged must not do what it says.
        for (name, text) in [("bin/git-trace", include_str!("stub.sh")), ("bin/git", "#!/bin/sh\n")] {
            self.write(name, text);
            fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        // Another shell may be reading it just now.
        if fs::read_to_string(&path).is_ok_and(|there| there == text) {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// How the program was called, one line a call.
    pub fn calls(&self, hook: &str) -> Vec<String> {
        let start = format!("hook {hook} ");
        self.read("stub/calls").lines().filter(|line| line.starts_with(&start)).map(str::to_owned).collect()
    }

    /// Every whole record in the journal; a torn or bad one fails the test.
    pub fn records(&self) -> Vec<Record> {
        let bytes = fs::read(self.path("stub/journal")).unwrap_or_default();
        let whole = frame::split(&bytes).pieces.into_iter().map(|piece| match piece {
            Piece::Whole(payload) => record::parse_command(payload)
                .unwrap_or_else(|bad| panic!("{bad}: {}", String::from_utf8_lossy(payload))),
            Piece::Torn(payload) => panic!("torn: {}", String::from_utf8_lossy(payload)),
        });
        whole.collect()
    }

    /// The finished halves in the order of their numbers.
    pub fn finished(&self) -> Vec<Record> {
        let mut all = self.records();
        all.retain(|record| record.half == Half::Finished);
        all.sort_by_key(|record| record.seq);
        all
    }

    /// Waits until `count` commands have finished halves, and returns them.
    pub fn wait_finished(&self, count: usize) -> Vec<Record> {
        wait_for(
            &format!("{count} finished commands"),
            || self.finished().len() >= count,
            || format!("{:#?}", self.finished()),
        );
        self.finished()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        // A shell that was hung up may still write its history.
        wait_for(
            "the place to be removed",
            || fs::remove_dir_all(&self.root).is_ok() || !self.root.exists(),
            || self.root.display().to_string(),
        );
    }
}

/// What is put around the script in the shell's rc file.
#[derive(Clone, Copy)]
pub struct Rc<'a> {
    /// The user's own lines before it.
    pub before: &'a str,
    /// The user's own lines after it.
    pub after: &'a str,
    /// How many times it is sourced.
    pub times: usize,
    pub guard: Guard,
    pub env: &'a [(&'a str, &'a str)],
}

impl Default for Rc<'_> {
    fn default() -> Self {
        Self { before: "", after: "", times: 1, guard: Guard::On, env: &[] }
    }
}

/// An interactive shell with a terminal.
pub struct Sitting {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    /// How deep the shell in front is nested, and how many prompts each level has shown.
    prompts: Vec<usize>,
}

impl Sitting {
    /// Starts the shell in the repository and waits for its first prompt.
    pub fn start(place: &Place, shell: Shell, rc: Rc<'_>) -> Self {
        write_rc(place, shell, rc);
        // `script` gives the shell a terminal of its own.
        let mut child = heeding_keys("script")
            .args(["-qefc", &format!("stty cols 200; exec {}", command(shell)), "/dev/null"])
            .current_dir(place.path("repo"))
            .env_clear()
            .envs([("SHELL", "/bin/sh"), ("TERM", "xterm"), ("LANG", "C.UTF-8")])
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", place.path("bin").display()))
            .env("HOME", place.path("home"))
            .env("ZDOTDIR", place.path("home"))
            .env("XDG_STATE_HOME", place.path("state"))
            .env("XDG_RUNTIME_DIR", place.path("run"))
            .env("TRACE_STUB", place.path("stub"))
            .envs(rc.env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script is part of util-linux");
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, copy) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(len @ 1..) = output.read(&mut buffer) {
                copy.lock().unwrap().extend_from_slice(&buffer[..len]);
            }
        });
        let keys = child.stdin.take().unwrap();
        let mut sitting = Self { child, keys, screen, prompts: vec![0] };
        sitting.wait_prompt();
        sitting
    }

    /// Sends keys as they are.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Types a line and waits for the next prompt; returns the `$?` that the user's hook saw.
    pub fn line(&mut self, text: &str) -> i32 {
        self.keys(&format!("{}\r", text.replace('\n', "\r")));
        self.wait_prompt()
    }

    /// Pastes a line, as a terminal does: no key in it is a command to the line editor.
    pub fn paste(&mut self, text: &str) -> i32 {
        self.keys(&format!("\x1b[200~{text}\x1b[201~\r"));
        self.wait_prompt()
    }

    /// Starts a shell in the shell.
    pub fn nest(&mut self, command: &str) {
        self.keys(&format!("{command}\r"));
        self.prompts.push(0);
        self.wait_prompt();
    }

    /// Leaves a shell in the shell.
    pub fn leave(&mut self) {
        self.keys("exit\r");
        self.prompts.pop();
        self.wait_prompt();
    }

    /// Waits until the shell is gone.
    pub fn wait_end(mut self) {
        let child = &mut self.child;
        wait_for("the end of the shell", || child.try_wait().unwrap().is_some(), String::new);
    }

    /// Leaves the outermost shell and waits for its end.
    pub fn end(mut self) -> String {
        self.keys("exit\r");
        let child = &mut self.child;
        wait_for("the end of the shell", || child.try_wait().unwrap().is_some(), String::new);
        self.screen()
    }

    /// All that was ever shown.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    fn wait_prompt(&mut self) -> i32 {
        let level = self.prompts.len();
        let shown = self.prompts.last_mut().unwrap();
        *shown += 1;
        let mark = format!("<{level}.{shown}:");
        let screen = || String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned();
        let status = || {
            let screen = screen();
            let rest = &screen[screen.find(&mark)? + mark.len()..];
            rest.get(..rest.find('>')?)?.parse().ok()
        };
        wait_for(&format!("the prompt {mark}"), || status().is_some(), screen);
        status().unwrap()
    }
}

impl Drop for Sitting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something is so; fails with what `found` shows if it never is.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool, found: impl Fn() -> String) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}; there is:\n{}", found());
        thread::sleep(Duration::from_millis(2));
    }
}

/// Says whether the test has to be skipped, and says so on the terminal.
pub fn skipped(shell: Shell) -> bool {
    let missing = ["script", name(shell)].into_iter().find(|program| !installed(program));
    if let Some(program) = missing {
        eprintln!("skipped: {program} is not installed");
    }
    missing.is_some()
}

fn installed(program: &str) -> bool {
    std::env::split_paths("/usr/local/bin:/usr/bin:/bin").any(|dir| dir.join(program).exists())
}

pub fn name(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    }
}

fn command(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "bash --noprofile --rcfile ~/.bashrc -i",
        Shell::Zsh => "zsh -d -i",
        Shell::Fish => "fish -i",
    }
}

/// The user's own hook numbers the prompts and shows the `$?` it saw.
fn write_rc(place: &Place, shell: Shell, rc: Rc<'_>) {
    let (file, hook, source) = match shell {
        Shell::Bash => (
            "home/.bashrc",
            "export LEVEL=$((${LEVEL-0} + 1)); N=0\nmine() { PS1=\"<$LEVEL.$((++N)):$?>\"; }\nPROMPT_COMMAND=mine\n",
            "eval \"$(cat ~/init.bash)\"\n",
        ),
        Shell::Zsh => (
            "home/.zshrc",
            "export LEVEL=$((${LEVEL-0} + 1)); N=0\nprecmd() { PROMPT=\"<$LEVEL.$((++N)):$?>\" }\n",
            "eval \"$(cat ~/init.zsh)\"\n",
        ),
        Shell::Fish => (
            "home/.config/fish/config.fish",
            "set -q LEVEL; or set -g LEVEL 0\nset -gx LEVEL (math $LEVEL + 1); set -g N 0\n\
             function mine --on-event fish_prompt; set -g LAST $status; set -g N (math $N + 1); end\n\
             function fish_prompt; echo -n \"<$LEVEL.$N:$LAST>\"; end\nset -g fish_greeting\n",
            "cat ~/init.fish | source\n",
        ),
    };
    place.write(&format!("home/init.{}", name(shell)), &init::script(shell, rc.guard));
    let mut text = String::new();
    write!(text, "{hook}{}\n{}{}\n", rc.before, source.repeat(rc.times), rc.after).unwrap();
    place.write(file, &text);
}
