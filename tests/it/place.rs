//! One working directory as a user sees it: git, `trace` and files, in a hermetic environment.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

use serde_json::{Value, json};

/// The program under test.
pub const TRACE: &str = env!("CARGO_BIN_EXE_trace");
/// What hooks call, beside it.
pub const GIT_TRACE: &str = env!("CARGO_BIN_EXE_git-trace");

/// A directory, and the environment in which everything below runs.
#[derive(Clone)]
pub struct Place {
    /// Where commands run.
    pub dir: PathBuf,
    env: Vec<(OsString, OsString)>,
}

/// What became of a command.
#[derive(Debug)]
pub struct Ran {
    /// The exit code, or 128 and the signal, as a shell says it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Place {
    /// `dir` in the world under `root`.
    pub fn new(root: &Path, dir: PathBuf) -> Self {
        let own = Path::new(TRACE).parent().expect("a binary lies in a directory");
        let path = env::join_paths([own.to_owned()].into_iter().chain(inherited_path())).unwrap();
        let at = |name: &str| root.join(name).into_os_string();
        let date = OsString::from("1700000000 +0000");
        let env = [
            ("PATH", path),
            ("HOME", at("home")),
            ("TMPDIR", at("tmp")),
            ("XDG_CONFIG_HOME", at("home/.config")),
            ("XDG_STATE_HOME", at("home/.local/state")),
            ("XDG_DATA_HOME", at("home/.local/share")),
            ("XDG_CACHE_HOME", at("home/.cache")),
            ("XDG_RUNTIME_DIR", at("run")),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_AUTHOR_NAME", "A".into()),
            ("GIT_AUTHOR_EMAIL", "a@example.com".into()),
            ("GIT_AUTHOR_DATE", date.clone()),
            ("GIT_COMMITTER_NAME", "A".into()),
            ("GIT_COMMITTER_EMAIL", "a@example.com".into()),
            ("GIT_COMMITTER_DATE", date),
            ("LC_ALL", "C".into()),
            ("TERM", "dumb".into()),
            ("RUST_BACKTRACE", "1".into()),
        ];
        Self { dir, env: env.map(|(name, value)| (name.into(), value)).into() }
    }

    /// The same place with one more variable.
    pub fn with(&self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let mut place = self.clone();
        place.env.push((name.into(), value.as_ref().to_owned()));
        place
    }

    /// Another directory of the same world.
    pub fn cd(&self, dir: impl AsRef<Path>) -> Self {
        Self { dir: self.dir.join(dir), env: self.env.clone() }
    }

    /// A command that runs here and knows nothing of the machine it runs on.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = heeding_keys(program);
        command.current_dir(&self.dir).env_clear().envs(self.env.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Runs `program` to its end.
    pub fn run<A: AsRef<OsStr>>(&self, program: &str, args: &[A]) -> Ran {
        finish(self.command(program).args(args), b"")
    }

    /// Runs git, which must succeed; what it printed, without the last newline.
    pub fn git(&self, args: &[&str]) -> String {
        self.run("git", args).good(&format!("git {}", args.join(" ")))
    }

    /// Runs `trace`.
    pub fn trace(&self, args: &[&str]) -> Ran {
        self.run(TRACE, args)
    }

    /// Runs `trace … --json`, which must succeed, and checks that it is one document of ours.
    pub fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        let text = self.trace(&args).good(&format!("trace {}", args.join(" ")));
        let document: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} in {text}"));
        let schema = document["schema"].as_str().unwrap_or_default();
        assert!(schema.starts_with("trace/v1/"), "no schema in {text}");
        document
    }

    /// The rows of a listing: `trace NAME --json --limit 0`.
    pub fn list(&self, name: &str, rows: &str) -> Vec<Value> {
        let document = self.json(&[name, "--limit", "0"]);
        document[rows].as_array().unwrap_or_else(|| panic!("no {rows} in {document}")).clone()
    }

    /// Calls a hook as an agent does: a payload on stdin.
    pub fn hook(&self, payload: &[u8]) -> Ran {
        finish(self.command(GIT_TRACE).args(["hook", "generic"]), payload)
    }

    /// Tells of a finished command, and checks that the hook was silent about it.
    pub fn tell(&self, session: &str, command: &str) {
        self.hook(payload(&self.dir, session, command).to_string().as_bytes()).silent();
    }

    /// Turns recording on.
    pub fn enable(&self) {
        self.trace(&["enable", "--yes"]).good("trace enable --yes");
    }

    /// Takes a checkpoint and returns its id.
    pub fn checkpoint(&self) -> String {
        self.checkpoint_and_retries().0
    }

    /// The same, and how often the ref had moved under it.
    pub fn checkpoint_and_retries(&self) -> (String, u64) {
        let document = self.json(&["checkpoint", "-m", "test"]);
        let id = document["id"].as_str().unwrap_or_else(|| panic!("no id in {document}")).to_owned();
        (id, document["retries"].as_u64().unwrap_or_else(|| panic!("no retries in {document}")))
    }

    /// Makes a repository of this directory: one commit, a branch `topic`, a tag `v1`.
    pub fn begin(&self, options: &[&str]) {
        self.git(&[&["init", "-q", "-b", "main"], options].concat());
        self.commit_something();
    }

    /// Commits a few files and names the commit `topic` and `v1` too.
    pub fn commit_something(&self) {
        for (path, text) in
            [("README", "read me\n"), ("src/a", "a\n"), ("src/deep/b", "b\n"), (".gitignore", "out/\n")]
        {
            self.write(path, text);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "begin"]);
        self.git(&["branch", "topic"]);
        self.git(&["tag", "v1"]);
    }

    /// Writes a file, and the directories above it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.dir.join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a directory")).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The git directory of this worktree.
    pub fn git_dir(&self) -> PathBuf {
        self.git(&["rev-parse", "--absolute-git-dir"]).into()
    }

    /// The git directory that all worktrees share.
    pub fn common_dir(&self) -> PathBuf {
        self.git(&["rev-parse", "--path-format=absolute", "--git-common-dir"]).into()
    }

    /// Our folder.
    pub fn own_dir(&self) -> PathBuf {
        self.common_dir().join("trace")
    }

    /// The private repository.
    pub fn store(&self) -> PathBuf {
        self.own_dir().join("store.git")
    }

    /// The id of this worktree.
    pub fn worktree_id(&self) -> String {
        let path = self.git_dir().join("trace/worktree-id");
        fs::read_to_string(&path)
            .unwrap_or_else(|e| panic!("{e}: {}", path.display()))
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// The file of this worktree's shadow ref.
    pub fn ref_file(&self) -> PathBuf {
        self.store().join("refs/trace/shadow").join(self.worktree_id())
    }

    /// The directory of this worktree's journal files.
    pub fn journal(&self) -> PathBuf {
        self.own_dir().join("journal").join(self.worktree_id())
    }

    /// Runs git in the store, which must succeed.
    pub fn store_git(&self, args: &[&str]) -> String {
        finish(&mut self.store_command(args), b"").good(&format!("git {} in the store", args.join(" ")))
    }

    /// Runs git in the store with something on stdin; the bytes it printed.
    pub fn store_bytes(&self, args: &[&str], stdin: &[u8]) -> Vec<u8> {
        let output = outcome(&mut self.store_command(args), stdin);
        assert!(output.status.success(), "git {args:?} in the store: {output:?}");
        output.stdout
    }

    fn store_command(&self, args: &[&str]) -> Command {
        let mut command = self.command("git");
        command
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .arg("--git-dir")
            .arg(self.store())
            .args(args);
        command
    }

    /// Keeps packs from being merged under git's eyes, by holding the lock that merging takes.
    fn no_maintenance(&self) -> Option<fs::File> {
        let lock = self.store().join("../locks").join(trace::model::digest::name(&[b"store"]));
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(lock).ok()?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).ok()?;
        Some(file)
    }

    /// Waits until the file system's clock has gone past now, by as much as it may be late: nobody types
    /// two commands within one tick of it, and what is changed within one tick has the same time.
    pub fn tick(&self) {
        let (probe, now) =
            (self.dir.parent().unwrap().join("probe"), SystemTime::now() + Duration::from_millis(10));
        while fs::write(&probe, "").and_then(|()| probe.metadata()?.modified()).unwrap() <= now {}
        fs::remove_file(probe).unwrap();
    }

    /// Fails unless git finds nothing wrong in the store.
    pub fn fsck(&self) {
        let _quiet = self.no_maintenance();
        let ran = finish(
            &mut self.store_command(&["fsck", "--full", "--strict", "--no-dangling", "--no-progress"]),
            b"",
        );
        assert!(ran.code == 0 && ran.stdout.is_empty(), "the store is not clean: {ran:?}");
    }

    /// Does what users do, and fails if git does: whatever became of us, their repository works.
    pub fn user_works(&self) {
        self.git(&["branch", "-f", "spare"]);
        self.git(&["tag", "-f", "spare"]);
        for args in [
            &["commit", "-q", "--allow-empty", "-m", "more"][..],
            &["branch", "-q", "-D", "spare"],
            &["tag", "-d", "spare"],
            &["gc", "-q"],
        ] {
            self.git(args);
        }
    }
}

impl Ran {
    /// What it printed, if it succeeded; else the test fails and says what `what` said.
    pub fn good(self, what: &str) -> String {
        assert!(self.code == 0, "{what}: exit {}\n{}{}", self.code, self.stdout, self.stderr);
        self.stdout.trim_end_matches('\n').to_owned()
    }

    /// Fails unless it was as a hook must be: exit 0, and nothing that its caller would read.
    pub fn silent(self) {
        assert!(self.code == 0 && self.stdout.is_empty(), "a hook that is not silent: {self:?}");
    }
}

/// A payload of the generic hook: `session` ran `command` in `dir`, and it went well.
pub fn payload(dir: &Path, session: &str, command: &str) -> Value {
    json!({
        "v": 1, "agent": "tester", "session": session, "event": "tool_post", "cwd": dir,
        "tool": "shell", "tool_id": command, "command": command, "exit": 0,
    })
}

/// A program that Ctrl-C ends, also where the tests run in the background of a script: there it is ignored,
/// by whoever is started too, and no shell undoes that.
pub fn heeding_keys(program: impl AsRef<OsStr>) -> Command {
    static IGNORED: LazyLock<bool> = LazyLock::new(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
        // SIGINT and SIGQUIT are 2 and 3, and the first signal is the lowest bit.
        u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 0b110 != 0)
    });
    if !*IGNORED {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal=INT,QUIT").arg(program);
    command
}

/// Runs `command` to its end with `stdin`.
pub fn finish(command: &mut Command, stdin: &[u8]) -> Ran {
    let output = outcome(command, stdin);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn outcome(command: &mut Command, stdin: &[u8]) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if stdin.is_empty() {
        return command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    }
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut pipe = child.stdin.take().expect("stdin is a pipe");
    thread::scope(|scope| {
        // A reader that stops early is the reader's right.
        scope.spawn(move || drop(pipe.write_all(stdin)));
        child.wait_with_output().unwrap()
    })
}

fn inherited_path() -> Vec<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect()
}
