//! A repository of a given size, and what both sides do in it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, process};

use crate::child::{self, Took};

pub const TRACE: &str = env!("CARGO_BIN_EXE_trace");
/// How many files change before each round.
const CHANGED: usize = 3;
/// The ref that git's side moves, as ours moves its shadow.
const REF: &str = "refs/bench/tip";

/// The builds that are measured side by side: ours as cargo makes it, and the static one if it is
/// there.
pub fn builds() -> Vec<(&'static str, String)> {
    let mut builds = vec![("default", TRACE.to_owned())];
    builds.extend(env::var("TRACE_BENCH_STATIC").ok().map(|path| ("static", path)));
    builds
}

/// Where the repositories are made.
pub fn base() -> PathBuf {
    let base = env::var_os("TRACE_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    base.canonicalize().unwrap()
}

/// A temporary repository, enabled, with one commit of `size` files. Removed on drop.
pub struct World {
    root: PathBuf,
    pub repo: PathBuf,
    size: usize,
}

impl World {
    pub fn new(size: usize) -> Self {
        let root = base().join(format!("trace-bench-{}-{size}", process::id()));
        let world = Self { repo: root.join("repo"), root, size };
        fs::create_dir_all(world.root.join("home")).unwrap();
        for at in 0..size {
            let path = world.file(at);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text(at)).unwrap();
        }
        fs::write(world.repo.join(".gitignore"), "ignored/\n").unwrap();
        fs::create_dir_all(world.repo.join("ignored")).unwrap();
        for at in 0..2_000 {
            fs::write(world.repo.join(format!("ignored/{at}")), "").unwrap();
        }
        for args in [
            &["init", "-q", "-b", "main"][..],
            // So many new objects would start a gc in the background, which ours would have to wait for.
            &["config", "gc.auto", "0"],
            &["add", "-A"],
            &["commit", "-q", "-m", "begin"],
            &["gc", "-q"],
        ] {
            world.git(args);
        }
        world.git(&["update-ref", REF, "HEAD"]);
        world.trace(&["enable", "--yes"]);
        world.trace(&["checkpoint"]);
        world.full();
        world
    }

    /// The file number `at`: 20 to a directory, 20 directories to a directory.
    pub fn file(&self, at: usize) -> PathBuf {
        self.repo.join(name(at % self.size))
    }

    /// A hermetic command in the repository.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.repo).env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.root.join("home")).env("LC_ALL", "C").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "B").env(format!("GIT_{who}_EMAIL"), "b@example.com");
        }
        command
    }

    /// The hook of a build of ours, which lies beside its `trace`.
    pub fn hook(&self, trace: &str) -> Command {
        let mut command = self.command(Path::new(trace).with_file_name("git-trace"));
        command.args(["hook", "generic"]);
        command
    }

    /// Has the file system write out what waits. git leaves what it writes unsynced: whoever syncs next
    /// would pay for that too.
    pub fn settle(&self) {
        rustix::fs::syncfs(File::open(&self.root).unwrap()).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> Took {
        child::run(self.command("git").args(args), None)
    }

    pub fn trace(&self, args: &[&str]) -> Took {
        child::run(self.command(TRACE).args(args), None)
    }

    /// What git answers, without the newline; not measured.
    pub fn said_by_git(&self, args: &[&str]) -> String {
        let output = self.command("git").args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// How many commands are recorded here.
    pub fn commands_held(&self) -> usize {
        let output = self.command(TRACE).args(["commands", "--limit", "0"]).output().unwrap();
        output
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| line.windows(5).any(|word| word == b"make "))
            .count()
    }

    /// Writes so many more files that git ignores: a thousand to a directory.
    pub fn ignore(&self, count: usize) {
        for at in 0..count {
            let path = self.repo.join(format!("ignored/d{}/{at}", at / 1_000));
            if at.is_multiple_of(1_000) {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
            }
            fs::write(path, "").unwrap();
        }
    }

    /// The home of whoever works here.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Changes a few files, untimed, and returns their names.
    pub fn change(&self, round: usize) -> Vec<String> {
        let step = self.size / CHANGED + 7;
        let names: Vec<_> = (0..CHANGED).map(|at| name((round * 13 + at * step) % self.size)).collect();
        for name in &names {
            let mut file = File::options().append(true).open(self.repo.join(name)).unwrap();
            writeln!(file, "round {round}").unwrap();
        }
        names
    }

    /// What git does for a snapshot of everything, as a script of plain commands.
    pub fn full(&self) -> Took {
        self.script(&["git add -A"], None)
    }

    /// What git does for a snapshot of paths it is told.
    pub fn known(&self, names: &[String]) -> Took {
        let list = self.input("names", (names.join("\n") + "\n").as_bytes());
        self.script(&["git update-index --add --remove --stdin"], Some(&list))
    }

    /// Each command of a checkpoint by git is a process; the shell between them is not counted, so
    /// they are run one by one.
    fn script(&self, first: &[&str], input: Option<&File>) -> Took {
        let tip = self.said_by_git(&["rev-parse", REF]);
        let mut took = self.stage(first[0], input);
        let tree = self.said("git write-tree", &mut took);
        self.said(&format!("git rev-parse {REF}"), &mut took);
        let commit = self.said(&format!("git commit-tree -p {tip} -m checkpoint {tree}"), &mut took);
        let swap = self.stage(&format!("git update-ref {REF} {commit} {tip}"), None);
        add(&mut took, swap);
        took
    }

    fn stage(&self, line: &str, input: Option<&File>) -> Took {
        child::run(&mut self.staged(line), input)
    }

    fn staged(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        let mut command = self.command(words.next().unwrap());
        command.args(words).env("GIT_INDEX_FILE", self.root.join("private-index"));
        command
    }

    /// Runs a command whose output is needed; it goes to a file, so that nobody waits for a pipe.
    fn said(&self, line: &str, took: &mut Took) -> String {
        let path = self.root.join("said");
        let begin = std::time::Instant::now();
        let status = self.staged(line).stdout(File::create(&path).unwrap()).status().unwrap();
        assert!(status.success(), "{line}");
        add(took, Took { time: begin.elapsed(), memory: 0 });
        fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// A file with `bytes`, to be the stdin of what follows.
    pub fn input(&self, name: &str, bytes: &[u8]) -> File {
        let path = self.root.join(name);
        let mut file = File::options().create(true).truncate(true).read(true).write(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    /// The payload of one command of `session`.
    pub fn payload(&self, session: &str, command: &str) -> String {
        let cwd = self.repo.display();
        format!(
            r#"{{"v":1,"agent":"bench","session":"{session}","event":"tool_post","cwd":"{cwd}","tool":"shell","tool_id":"{command}","command":"{command}","exit":0}}"#
        )
    }

    /// The end of a turn of `session`: a flush in the background follows.
    pub fn turn_end(&self, session: &str) -> String {
        let cwd = self.repo.display();
        format!(r#"{{"v":1,"agent":"bench","session":"{session}","event":"turn_end","cwd":"{cwd}"}}"#)
    }

    /// What lies below a path takes so much of the disk, in MB.
    pub fn bytes(&self, path: &str) -> f64 {
        size(&self.repo.join(path)) as f64 / 1e6
    }

    /// How many packs the store has.
    pub fn packs(&self) -> usize {
        let entries = fs::read_dir(self.repo.join(".git/trace/store.git/objects/pack")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "pack"))
            .count()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Puts what came after to what came before.
pub fn add(to: &mut Took, more: Took) {
    to.time += more.time;
    to.memory = to.memory.max(more.memory);
}

fn name(at: usize) -> String {
    format!("d{}/d{}/f{at}", at / 400, at / 20 % 20)
}

/// About 2.4 KB that deflate no better and no worse than source does.
pub fn text(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut text = String::new();
    while text.len() < 2_400 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = ["let", "match", "tree", "commit", "=", "the", "snapshot", "ref", "self", "\n"]
            [(state >> 60) as usize % 10];
        text += &format!("{word} {:x} ", state >> 50);
    }
    text
}

/// Blocks of all files below `dir`; what vanishes meanwhile weighs nothing.
fn size(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let blocks = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.blocks() * 512);
    entries.map(|path| if path.is_dir() { size(&path) } else { blocks(&path) }).sum()
}
