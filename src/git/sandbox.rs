//! A directory of a test's own, and the real git in it.

use super::HashKind;
use super::pack::Packed;
use super::store::{Store, layout};
use crate::model::oid::Oid;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory that goes away with its value.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        let name = format!("trace-git-{:016x}", dice());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    /// A user's repository, with our store in it.
    pub(crate) fn repository(kind: HashKind) -> Self {
        let dir = Self::new();
        let format = match kind {
            HashKind::Sha1 => "--object-format=sha1",
            HashKind::Sha256 => "--object-format=sha256",
        };
        dir.git(&["init", "-q", "-b", "main", format]);
        for (name, bytes) in layout(kind, false) {
            let path = dir.store_path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        for name in ["objects/pack", "refs"] {
            std::fs::create_dir_all(dir.store_path().join(name)).unwrap();
        }
        dir
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn git_dir(&self) -> PathBuf {
        self.0.join(".git")
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.0.join(".git/trace/store.git")
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.store_path()).unwrap()
    }

    /// Gives the user's repository a pack of two objects whose index says of each that it is where the
    /// other one is: what is read there is whole, and something else.
    pub(crate) fn lend_crossed(&self, pack: crate::git::pack::Pack) {
        let mut packed = pack.finish().unwrap();
        let offsets = 8 + 1024 + 2 * (20 + 4);
        packed.idx[offsets..offsets + 8].rotate_left(4);
        let stem = self.git_dir().join(format!("objects/pack/pack-{}", packed.name));
        std::fs::write(stem.with_extension("pack"), &packed.pack).unwrap();
        std::fs::write(stem.with_extension("idx"), &packed.idx).unwrap();
    }

    /// Puts a finished pack where the store finds it.
    pub(crate) fn install(&self, packed: &Packed) {
        let stem = self.store_path().join(format!("objects/pack/pack-{}", packed.name));
        std::fs::write(stem.with_extension("pack"), &packed.pack).unwrap();
        std::fs::write(stem.with_extension("idx"), &packed.idx).unwrap();
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs git in the user's repository.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.run("git", args)
    }

    /// Runs git in the store.
    pub(crate) fn git_store(&self, args: &[&str]) -> String {
        let store = self.store_path();
        let mut all = vec!["--git-dir", store.to_str().unwrap()];
        all.extend_from_slice(args);
        self.run("git", &all)
    }

    /// The id a revision of the user's repository names.
    pub(crate) fn id(&self, revision: &str) -> Oid {
        Oid::parse(self.git(&["rev-parse", revision]).as_bytes()).unwrap()
    }

    /// Commits whatever stands in the user's worktree, at a second of its own.
    pub(crate) fn commit(&self, second: u32) -> Oid {
        self.git(&["add", "-A"]);
        let date = format!("{} +0000", 1_000_000_000 + second);
        let dates = [("GIT_AUTHOR_DATE", date.as_str()), ("GIT_COMMITTER_DATE", &date)];
        self.call("git", &["commit", "-q", "--allow-empty", "-m", &date], &dates);
        self.id("HEAD")
    }

    /// Runs a program in the directory; its output without the last newline.
    pub(crate) fn run(&self, program: &str, args: &[&str]) -> String {
        self.call(program, args, &[])
    }

    fn call(&self, program: &str, args: &[&str], environment: &[(&str, &str)]) -> String {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", &self.0).env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "somebody");
            command.env(format!("GIT_{role}_EMAIL"), "somebody@localhost");
        }
        command.envs(environment.iter().copied());
        let output = command.current_dir(&self.0).args(args).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {error}");
        String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// A number nobody can foresee, without a crate for it.
pub(crate) fn dice() -> u64 {
    RandomState::new().build_hasher().finish()
}
