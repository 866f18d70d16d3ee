//! Faults at every system call of what puts files back: the tree is the one before or the one
//! after, never between, and whoever was killed is finished or taken back by the next command.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::place::{Place, Ran, TRACE, finish};
use crate::sandbox::{Sandbox, full, have};
use crate::story::Story;
use crate::sweep::{Point, Sweep, Swept};

/// Everything below a directory but `.git`: kinds, permission bits, bytes, targets.
type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn tree(dir: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![dir.to_owned()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path == dir.join(".git") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            let bytes = match (meta.is_dir(), meta.is_symlink()) {
                (true, _) => Vec::new(),
                (_, true) => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                _ => fs::read(&path).unwrap(),
            };
            tree.insert(path.strip_prefix(dir).unwrap().to_owned(), (meta.permissions().mode(), bytes));
            if meta.is_dir() {
                open.push(path);
            }
        }
    }
    tree
}

/// What `trace run` does to the files of [`world`]: a plan back has every kind of step.
const DEED: &str = "rm -r gone deep && echo B >changed && chmod +x mode && ln -sf b link &&
    rm file && mkdir -p file/in && echo x >file/in/x && rm -r dir && echo d >dir &&
    mkdir -p extra/dir && echo n >extra/dir/new && echo private-too >private";

/// A world in which [`DEED`] was done, the checkpoint and the files from before it, and those of now.
struct World {
    sandbox: Sandbox,
    saved: String,
    was: Tree,
    is: Tree,
}

fn world() -> World {
    let sandbox = Sandbox::enabled();
    for (path, text) in [
        ("gone/one", "1\n"),
        ("deep/er/and/deeper/f", "f\n"),
        ("changed", "A\n"),
        ("mode", "m\n"),
        ("file", "file\n"),
        ("dir/inner/x", "x\n"),
        ("private", "private\n"),
        ("out/ignored", "ignored\n"),
    ] {
        sandbox.write(path, text);
    }
    symlink("a", sandbox.dir.join("link")).unwrap();
    fs::set_permissions(sandbox.dir.join("private"), fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-q", "-m", "all kinds"]);
    let (saved, was) = (sandbox.checkpoint(), tree(&sandbox.dir));
    sandbox.trace(&["run", "--", "sh", "-c", DEED]).good("trace run");
    let is = tree(&sandbox.dir);
    assert_ne!(was, is);
    World { sandbox, saved, was, is }
}

/// A command that puts files back, under the sweep.
struct Mend {
    sweep: Sweep,
    before: Tree,
    after: Tree,
    /// The checkpoint of the files as they are after it.
    saved: String,
    /// What takes it back, and what does it again.
    back: &'static str,
    again: &'static str,
}

impl Mend {
    /// `trace restore ID --yes`; `None`, said visibly, where strace is missing.
    fn restore() -> Option<Self> {
        if !have("strace", "faults at system calls") {
            return None;
        }
        let World { sandbox, saved, was, is } = world();
        let swept = trace(&["restore", &saved, "--yes"]);
        let sweep = Sweep::of(sandbox, swept);
        Some(Self { sweep, before: is, after: was, saved, back: "undo", again: "redo" })
    }

    /// `trace undo`.
    fn undo() -> Option<Self> {
        let all = Self::restore()?;
        let sweep = all.sweep.with(trace(&["undo"]));
        Some(Self { sweep, back: "redo", again: "undo", ..all })
    }

    fn place(&self) -> &Place {
        self.sweep.place()
    }

    fn now(&self) -> Tree {
        tree(&self.place().dir)
    }

    /// True if nothing waits to be finished.
    fn is_clean(&self) -> bool {
        self.in_ops().iter().all(|name| name.ends_with(".done"))
    }

    fn ops_dir(&self) -> PathBuf {
        self.place().own_dir().join("ops").join(self.place().worktree_id())
    }

    fn in_ops(&self) -> Vec<String> {
        let names =
            fs::read_dir(self.ops_dir()).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    /// Checks that `ran` left one of the two trees, at once or after the next command, and that what it
    /// said was true.
    fn check_said(&self, ran: &Ran, what: &str) {
        assert!(ran.code != 101 && ran.code < 128, "{what}: {ran:?}");
        let (was_clean, at_once) = (self.is_clean(), self.now());
        let is_recorded = self.in_ops().iter().any(|name| name.ends_with(".done"));
        match (ran.code, was_clean) {
            // What nobody could look at is in no plan, and that is said.
            (0, _) if ran.stderr.contains("could not be read") => return,
            // Nor is a directory in any that was emptied, and is not ours to take away.
            (0, _) if ran.stderr.contains("which is empty, could not be taken away") => {
                assert!(self.after.iter().all(|(path, is)| at_once.get(path) == Some(is)), "{what}: {ran:?}");
                return;
            }
            (0, _) => assert!(at_once == self.after, "{what}: it said 0: {ran:?}"),
            (_, true) if is_recorded => assert!(at_once == self.after, "{what}: a plan is done: {ran:?}"),
            (_, true) => assert!(at_once == self.before, "{what}: it said an error: {ran:?}"),
            _ => assert!(!ran.stderr.contains("nothing was changed"), "{what}: {ran:?}"),
        }
        self.check(what);
    }

    /// Checks that the next command heals, that the tree is one of the two, and that all goes on.
    fn check(&self, what: &str) {
        let place = self.place();
        let healing = place.trace(&["status"]);
        assert_eq!(healing.code, 0, "{what}: {healing:?}");
        let now = self.now();
        let is_after = now == self.after;
        if !is_after {
            self.is_like(&self.before, &format!("{what}: between: {healing:?}"));
        }
        assert!(self.is_clean(), "{what}: left: {:?}", self.in_ops());
        if is_after {
            place.trace(&[self.back]).good(what);
            self.is_like(&self.before, &format!("{what}: {} does not lead back", self.back));
        }
        let again =
            if is_after { place.trace(&[self.again]) } else { finish(&mut self.sweep.command(), b"") };
        again.good(what);
        self.is_like(&self.after, &format!("{what}: it cannot be done again"));
        assert!(self.is_clean(), "{what}: left: {:?}", self.in_ops());
        place.git(&["status", "--porcelain"]);
        place.fsck();
        Story::of(place).ids_are_unique();
    }

    /// Fails if the files are not those of `tree`, and names those that differ.
    fn is_like(&self, tree: &Tree, what: &str) {
        let now = self.now();
        let odd: Vec<_> =
            now.keys().chain(tree.keys()).filter(|path| now.get(*path) != tree.get(*path)).collect();
        assert!(odd.is_empty(), "{what}: {odd:?} differ");
    }

    fn kill_everywhere(&self, least: usize) {
        let points = self.sweep.points();
        // An empty sweep must not pass.
        assert!(!full() || points.len() >= least, "only {} system calls", points.len());
        for point in points.iter().step_by(sparse(2)) {
            let ran = self.sweep.fault(point, "signal=SIGKILL");
            self.check(&format!("killed at {}#{}: exit {}", point.call, point.nth, ran.code));
        }
    }

    /// The system calls at which an error says something, sampled in the quick form.
    fn fallible(&self) -> Vec<Point> {
        let calls = [
            "openat",
            "write",
            "pwrite64",
            "mkdir",
            "mkdirat",
            "rename",
            "renameat",
            "renameat2",
            "link",
            "linkat",
            "unlink",
            "unlinkat",
            "symlinkat",
            "rmdir",
            "fsync",
            "fdatasync",
            "syncfs",
            "sync_file_range",
            "ftruncate",
            "flock",
            "getdents64",
            "read",
            "fchmod",
            "newfstatat",
            "readlinkat",
        ];
        self.sweep.points().into_iter().filter(|point| calls.contains(&&*point.call)).collect()
    }

    fn fail_everywhere(&self) {
        let errors = if full() { &["ENOSPC", "EIO", "EACCES"][..] } else { &["EIO"] };
        for point in self.fallible().into_iter().step_by(sparse(2)) {
            for error in errors {
                let ran = self.sweep.fault(&point, &format!("error={error}"));
                self.check_said(&ran, &format!("{error} at {}#{}", point.call, point.nth));
            }
        }
    }

    fn fail_from_everywhere(&self) {
        for point in self.fallible().into_iter().step_by(sparse(3)) {
            let ran = self.sweep.fault_from(&point, "error=ENOSPC");
            self.check_said(&ran, &format!("ENOSPC from {}#{} on", point.call, point.nth));
        }
    }
}

/// The quick form takes one of so many points of a sweep, and the full form all.
fn sparse(quick: usize) -> usize {
    if full() { 1 } else { quick }
}

fn trace(args: &[&str]) -> Swept {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    Swept { program: TRACE, args, stdin: Vec::new() }
}

#[test]
fn a_restore_that_is_killed_anywhere_is_finished_or_was_never_begun() {
    let Some(mend) = Mend::restore() else { return };
    mend.kill_everywhere(300);
}

#[test]
fn an_undo_that_is_killed_anywhere_is_finished_or_was_never_begun() {
    let Some(mend) = Mend::undo() else { return };
    mend.kill_everywhere(300);
}

#[test]
fn an_error_at_any_system_call_of_a_restore_leaves_one_of_two_trees() {
    let Some(mend) = Mend::restore() else { return };
    mend.fail_everywhere();
}

#[test]
fn an_error_at_any_system_call_of_an_undo_leaves_one_of_two_trees() {
    let Some(mend) = Mend::undo() else { return };
    mend.fail_everywhere();
}

#[test]
fn a_disk_that_fills_up_under_a_restore_leaves_one_of_two_trees() {
    let Some(mend) = Mend::restore() else { return };
    mend.fail_from_everywhere();
}

#[test]
fn a_file_system_that_cannot_exchange_names_is_put_back_all_the_same() {
    for mend in [Mend::restore, Mend::undo] {
        let Some(mend) = mend() else { return };
        for error in ["EINVAL", "ENOSYS"] {
            let every = Point { call: "renameat2".to_owned(), nth: 1 };
            let ran = mend.sweep.fault_from(&every, &format!("error={error}"));
            assert_eq!(ran.code, 0, "{ran:?}");
            mend.check_said(&ran, error);
        }
    }
}

/// A restore that was killed between two of its steps, and the command that is to heal it.
fn half_done() -> Option<Mend> {
    let mend = Mend::restore()?;
    let killed = Point { call: "renameat2".to_owned(), nth: 5 };
    mend.sweep.fault(&killed, "signal=SIGKILL");
    let now = mend.now();
    assert!(now != mend.before && now != mend.after, "it was not killed between two steps");
    let sweep = mend.sweep.here(trace(&["status"]));
    Some(Mend { sweep, ..mend })
}

#[test]
fn a_healing_that_is_killed_anywhere_is_done_by_the_next_command() {
    let Some(mend) = half_done() else { return };
    for point in mend.sweep.points().iter().step_by(sparse(2)) {
        mend.sweep.fault(point, "signal=SIGKILL");
        mend.check_healed(&format!("killed at {}#{}", point.call, point.nth));
    }
}

#[test]
fn a_healing_that_fails_anywhere_is_done_by_a_later_command() {
    let Some(mend) = half_done() else { return };
    for point in mend.fallible().into_iter().step_by(sparse(3)) {
        let what = format!("ENOSPC at {}#{}", point.call, point.nth);
        let ran = mend.sweep.fault(&point, "error=ENOSPC");
        assert!(ran.code != 101 && ran.code < 128, "{what}: {ran:?}");
        mend.check_healed(&what);
        let ran = mend.sweep.fault_from(&point, "error=ENOSPC");
        assert!(ran.code != 101 && ran.code < 128, "{what} and on: {ran:?}");
        mend.check_healed(&format!("{what} and on"));
    }
}

impl Mend {
    fn check_healed(&self, what: &str) {
        let healing = self.place().trace(&["status"]);
        assert_eq!(healing.code, 0, "{what}: {healing:?}");
        let now = self.now();
        let is_after = now == self.after;
        if !is_after {
            self.is_like(&self.before, &format!("{what}: between: {healing:?}"));
        }
        assert!(self.is_clean(), "{what}: left: {:?}", self.in_ops());
        let [back, there] = if is_after { [self.back, self.again] } else { ["undo", "redo"] };
        self.place().trace(&[back]).good(what);
        self.place().trace(&[there]).good(what);
        assert!(self.now() == now, "{what}: {back} and {there} lead elsewhere");
        self.place().fsck();
    }
}

#[test]
fn a_plan_that_is_damaged_is_set_aside_and_said() {
    let Some(mend) = half_done() else { return };
    let damages: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |_| Vec::new(),
        |plan| plan[..plan.len() / 2].to_vec(),
        |plan| [b"\x00", &plan[1..]].concat(),
        |plan| String::from_utf8(plan).unwrap().replacen("\"v\":1", "\"v\":9", 1).into_bytes(),
    ];
    for damage in damages {
        mend.sweep.put_back();
        let between = mend.now();
        let plan =
            mend.ops_dir().join(mend.in_ops().into_iter().find(|name| name.ends_with(".open")).unwrap());
        fs::write(&plan, damage(fs::read(&plan).unwrap())).unwrap();
        let ran = mend.place().trace(&["status"]);
        assert!(ran.code == 0 && ran.stderr.contains("cannot be read"), "{ran:?}");
        mend.is_like(&between, "what nobody can read is carried out by nobody");
        assert_eq!(mend.in_ops().len(), 1, "its room is empty and gone");
        let quiet = mend.place().trace(&["status"]);
        assert!(quiet.stderr.is_empty(), "it is said once: {quiet:?}");
        let saved = &mend.saved;
        mend.place().trace(&["restore", saved, "--yes"]).good("restore");
        // An empty directory is nothing that a checkpoint knows of.
        let files = |tree: &Tree| -> Tree {
            tree.clone().into_iter().filter(|(_, (mode, _))| mode & 0o170_000 != 0o040_000).collect()
        };
        assert!(files(&mend.now()) == files(&mend.after), "the checkpoint from before it is whole");
        mend.place().fsck();
    }
}

#[test]
fn what_somebody_wrote_into_a_room_is_kept_and_changes_nothing() {
    let Some(mend) = half_done() else { return };
    let room = mend.ops_dir().join(mend.in_ops().into_iter().find(|name| name.ends_with(".d")).unwrap());
    let mut written = 0;
    for slot in fs::read_dir(room).unwrap().map(|entry| entry.unwrap().path()) {
        if fs::symlink_metadata(&slot).unwrap().is_file() {
            fs::write(slot, "foreign\n").unwrap();
            written += 1;
        }
    }
    assert!(written > 3, "only {written} slots");
    let ran = mend.place().trace(&["status"]);
    assert!(ran.stderr.contains("was written to"), "{ran:?}");
    mend.is_like(&mend.after, "it is finished from the store");
    let kept: Vec<_> = mend.in_ops().into_iter().filter(|name| name.ends_with(".kept")).collect();
    assert_eq!(kept.len(), written);
    assert!(kept.iter().all(|name| fs::read(mend.ops_dir().join(name)).unwrap() == b"foreign\n"));
}

#[test]
fn a_plan_that_is_gone_or_damaged_is_said_by_redo_and_stands_in_nobodys_way() {
    let damages: [fn(&Path); 2] =
        [|plan| fs::remove_file(plan).unwrap(), |plan| fs::write(plan, b"").unwrap()];
    for damage in damages {
        let World { sandbox, was, is, .. } = world();
        sandbox.trace(&["undo"]).good("undo");
        assert!(tree(&sandbox.dir) == was);
        let ops = sandbox.own_dir().join("ops").join(sandbox.worktree_id());
        damage(&fs::read_dir(ops).unwrap().next().unwrap().unwrap().path());
        let ran = sandbox.trace(&["redo"]);
        assert!(ran.code == 1 && ran.stderr.contains("trace restore"), "{ran:?}");
        assert!(tree(&sandbox.dir) == was, "nothing was changed");
        // What it advises works.
        let advice = ran.stderr.split('`').find_map(|part| part.strip_prefix("trace restore ")).unwrap();
        sandbox.trace(&["restore", advice, "--yes"]).good("restore");
        assert!(tree(&sandbox.dir) == is);
        sandbox.trace(&["undo"]).good("undo");
        assert!(tree(&sandbox.dir) == was);
    }
}

#[test]
fn things_in_the_place_of_the_plans_are_refused_and_change_nothing() {
    let things: [fn(&Path); 3] = [
        |dir| fs::write(dir, "a file").unwrap(),
        |dir| symlink("nowhere", dir).unwrap(),
        |dir| symlink("/dev/null", dir).unwrap(),
    ];
    for thing in things {
        let World { sandbox, was, is, .. } = world();
        let ops = sandbox.own_dir().join("ops");
        let own = ops.join(sandbox.worktree_id());
        fs::create_dir_all(&ops).unwrap();
        let _ = fs::remove_dir_all(&own);
        thing(&own);
        let ran = sandbox.trace(&["undo"]);
        assert!(ran.code != 0 && ran.code != 101 && ran.stderr.contains("ops"), "{ran:?}");
        assert!(tree(&sandbox.dir) == is, "nothing was changed");
        sandbox.trace(&["status"]).good("status");
        fs::remove_file(own).unwrap();
        sandbox.trace(&["undo"]).good("undo");
        assert!(tree(&sandbox.dir) == was);
    }
}

#[test]
fn what_is_written_late_to_an_old_file_that_was_open_is_kept() {
    use std::io::{Read, Write};
    use std::process::Stdio;
    let World { sandbox, saved, .. } = world();
    sandbox.run("touch", &["-d", "3 days ago", "changed"]).good("touch");
    // Another process: what this one has open, whatever it starts beside has open too for a moment.
    let mut bash = sandbox.command("bash");
    bash.args(["-c", "exec 3>>changed; echo; read -r; echo late >&3"]);
    let mut writer = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writer.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    sandbox.trace(&["restore", &saved, "--yes", "changed"]).good("restore");
    writer.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(writer.wait().unwrap().success());
    let ran = sandbox.trace(&["status"]);
    let path = ran.stderr.split("that is in ").nth(1).unwrap_or_else(|| panic!("{ran:?}")).trim();
    assert_eq!(fs::read_to_string(path).unwrap(), "B\nlate\n");
    assert_eq!(fs::read_to_string(sandbox.dir.join("changed")).unwrap(), "A\n");
}

#[test]
fn nothing_is_written_into_a_repository_that_took_a_directorys_place() {
    for has_commit in [true, false] {
        let World { sandbox, saved, .. } = world();
        sandbox.write("loose/file", "f\n");
        let with = sandbox.checkpoint();
        fs::remove_dir_all(sandbox.dir.join("loose")).unwrap();
        let inner = sandbox.at("repo/loose");
        fs::create_dir(&inner.dir).unwrap();
        inner.git(&["init", "-q"]);
        if has_commit {
            inner.git(&["commit", "-q", "--allow-empty", "-m", "own"]);
        }
        sandbox.trace(&["restore", &with, "--yes"]).good("restore");
        assert!(!inner.dir.join("file").exists(), "its files are its own");
        sandbox.trace(&["restore", &saved, "--yes"]).good("restore");
        assert!(inner.dir.join(".git").exists());
    }
}
