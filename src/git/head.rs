//! Where the user's repository stands: its HEAD, its branches, its format.
//!
//! Read from the files, without opening the repository, so that nothing in it has a say. Only
//! where the refs are in a reftable is git asked, which is as harmless as [`run`] makes it.

use super::config::{self, parse};
use super::refs::{Refs, Target};
use super::{HashKind, file, run};
use crate::model::oid::Oid;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What HEAD says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The commit; `None` while unborn.
    pub commit: Option<Oid>,
    /// The branch without `refs/heads/`; `None` if detached.
    pub branch: Option<Vec<u8>>,
}

/// What HEAD names in a repository whose refs are not files.
const ELSEWHERE: &[u8] = b"refs/heads/.invalid";
const HEADS: &[u8] = b"refs/heads/";
/// More than a file of one path takes.
const PATH_CAP: u64 = 64 << 10;

/// Reads HEAD of the worktree whose git directory this is.
pub fn read(git_dir: &Path, common_dir: &Path) -> Result<Head> {
    let refs = Refs { git_dir, common_dir };
    match refs.read(b"HEAD")? {
        None => bail!("{} has no HEAD", git_dir.display()),
        Some(Target::Symbolic(name)) if name == ELSEWHERE => ask_head(git_dir),
        Some(Target::Id(commit)) => Ok(Head { commit: Some(commit), branch: None }),
        Some(Target::Symbolic(name)) => {
            let branch = name.strip_prefix(HEADS).map(<[u8]>::to_vec);
            Ok(Head { commit: refs.resolve(&name)?, branch })
        }
    }
}

/// Reads HEAD of the repository nested at `dir`; `None` if there is none that git would see.
///
/// One that cannot be understood is unborn: there is no commit to point at.
pub fn nested(dir: &Path) -> Option<Head> {
    let git_dir = nested_git_dir(&dir.join(".git"))?;
    let common_dir = match path_in(&git_dir.join("commondir")) {
        Some(common) => git_dir.join(common),
        None => git_dir.clone(),
    };
    let has_head = std::fs::symlink_metadata(git_dir.join("HEAD")).is_ok_and(|meta| !meta.is_dir());
    if !has_head || !common_dir.join("objects").is_dir() || !common_dir.join("refs").is_dir() {
        return None;
    }
    Some(read(&git_dir, &common_dir).unwrap_or_default())
}

/// Which hash names the objects of the repository.
pub fn hash_kind(common_dir: &Path) -> Result<HashKind> {
    config::hash_kind(&parse(&common_dir.join("config"))?)
}

/// True if objects may be missing here because a remote has promised them.
pub fn is_promisor(common_dir: &Path) -> bool {
    let Ok(config) = parse(&common_dir.join("config")) else { return false };
    let promises = |remote: gix::config::file::SectionRef<'_>| match remote.value_implicit("promisor") {
        None => false,
        Some(None) => true,
        Some(Some(word)) => gix::config::Boolean::try_from(word).is_ok_and(|word| word.0),
    };
    config.string("extensions.partialClone").is_some()
        || config.sections_by_name("remote").is_some_and(|mut remotes| remotes.any(promises))
}

/// True if the refs are in a reftable and not in files.
pub fn is_reftable(common_dir: &Path) -> bool {
    let config = parse(&common_dir.join("config")).ok();
    let storage = config.and_then(|config| config.string("extensions.refStorage"));
    storage.is_some_and(|name| name.starts_with(b"reftable"))
}

/// Every local branch with its commit, by name without `refs/heads/`.
pub fn branches(git_dir: &Path, common_dir: &Path) -> Result<Vec<(Vec<u8>, Oid)>> {
    if !in_reftable(git_dir)? {
        return Refs { git_dir, common_dir }.heads();
    }
    let list = ask(git_dir, &["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads"])?;
    let list = list.context("list the branches")?;
    let branch = |line: &[u8]| {
        let space = line.iter().position(|byte| *byte == b' ')?;
        Some((line[space + 1..].strip_prefix(HEADS)?.to_vec(), Oid::parse(&line[..space])?))
    };
    Ok(list.split(|byte| *byte == b'\n').filter_map(branch).collect())
}

/// The branch that others are made from: what `origin` calls its HEAD, else `main` or `master`.
pub fn default_branch(common_dir: &Path) -> Option<Vec<u8>> {
    const ORIGIN: &[u8] = b"refs/remotes/origin/";
    let reftable = in_reftable(common_dir).ok()?;
    let refs = Refs { git_dir: common_dir, common_dir };
    let origin = match reftable {
        true => ask(common_dir, &["symbolic-ref", "-q", "refs/remotes/origin/HEAD"]).ok()?,
        false => match refs.read(&[ORIGIN, b"HEAD"].concat()) {
            Ok(Some(Target::Symbolic(name))) => Some(name),
            _ => None,
        },
    };
    if let Some(branch) = origin.as_deref().and_then(|name| name.strip_prefix(ORIGIN)) {
        return Some(branch.to_vec());
    }
    let exists = |name: &&str| match reftable {
        true => {
            let full = format!("refs/heads/{name}");
            matches!(ask(common_dir, &["rev-parse", "-q", "--verify", &full]), Ok(Some(_)))
        }
        false => matches!(refs.resolve(&[HEADS, name.as_bytes()].concat()), Ok(Some(_))),
    };
    ["main", "master"].iter().find(|name| exists(name)).map(|name| name.as_bytes().to_vec())
}

/// HEAD's own file tells where the refs are, more quickly than the configuration.
fn in_reftable(git_dir: &Path) -> Result<bool> {
    let refs = Refs { git_dir, common_dir: git_dir };
    Ok(matches!(refs.read(b"HEAD"), Ok(Some(Target::Symbolic(name))) if name == ELSEWHERE))
}

fn ask_head(git_dir: &Path) -> Result<Head> {
    let name = ask(git_dir, &["symbolic-ref", "-q", "HEAD"])?;
    let id = ask(git_dir, &["rev-parse", "-q", "--verify", "HEAD"])?;
    let branch = name.and_then(|name| Some(name.strip_prefix(HEADS)?.to_vec()));
    Ok(Head { commit: id.and_then(|hex| Oid::parse(&hex)), branch })
}

/// What git answers, without the last newline; `None` if it says no (exit code 1).
fn ask(git_dir: &Path, args: &[&str]) -> Result<Option<Vec<u8>>> {
    let of = || format!("ask git {} of {}", args.join(" "), git_dir.display());
    let output = run::output(run::command(Some(git_dir)).args(args)).with_context(of)?;
    match output.status.code() {
        Some(0) => Ok(Some(output.stdout.trim_ascii_end().to_vec())),
        Some(1) => Ok(None),
        _ => bail!("{}: {}", of(), String::from_utf8_lossy(output.stderr.trim_ascii())),
    }
}

/// The git directory that a `.git` stands for: itself, or what a file of one line names.
fn nested_git_dir(dot_git: &Path) -> Option<PathBuf> {
    if dot_git.is_dir() {
        return Some(dot_git.to_owned());
    }
    let text = file::read_plain(dot_git, PATH_CAP).ok()??;
    let target = text.strip_prefix(b"gitdir:")?.trim_ascii();
    let dir = dot_git.parent()?.join(OsStr::from_bytes(target));
    dir.is_dir().then_some(dir)
}

/// The path that a file holds, if there is such a file.
fn path_in(path: &Path) -> Option<PathBuf> {
    let text = file::read_plain(path, PATH_CAP).ok()??;
    Some(PathBuf::from(OsStr::from_bytes(text.trim_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::sandbox::Dir;

    fn head(dir: &Dir) -> Head {
        read(&dir.git_dir(), &dir.git_dir()).unwrap()
    }

    fn on(branch: &str, commit: Option<Oid>) -> Head {
        Head { commit, branch: Some(branch.into()) }
    }

    #[test]
    fn head_is_found_wherever_git_puts_it() {
        for format in ["files", "reftable"] {
            let dir = Dir::new();
            dir.git(&["init", "-q", "-b", "main", &format!("--ref-format={format}")]);
            assert_eq!(is_reftable(&dir.git_dir()), format == "reftable");
            assert_eq!(head(&dir), on("main", None));
            let first = dir.commit(1);
            assert_eq!(head(&dir), on("main", Some(first)));
            dir.git(&["checkout", "-q", "-b", "topic/deep/er"]);
            let second = dir.commit(2);
            dir.git(&["pack-refs", "--all"]);
            assert_eq!(head(&dir), on("topic/deep/er", Some(second)));
            dir.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
            dir.git(&["symbolic-ref", "HEAD", "refs/heads/alias"]);
            assert_eq!(head(&dir).commit, Some(first));
            dir.git(&["checkout", "-q", "--detach", "main"]);
            assert_eq!(head(&dir), Head { commit: Some(first), branch: None });
            dir.git(&["worktree", "add", "-q", "-b", "linked", "linked", "main"]);
            let own = dir.git_dir().join("worktrees/linked");
            assert_eq!(read(&own, &dir.git_dir()).unwrap(), on("linked", Some(first)));
            assert_eq!(nested(&dir.path().join("linked")), Some(on("linked", Some(first))));
            let expected = [("alias", first), ("linked", first), ("main", first), ("topic/deep/er", second)];
            let expected: Vec<_> = expected.map(|(name, id)| (name.as_bytes().to_vec(), id)).into();
            assert_eq!(branches(&dir.git_dir(), &dir.git_dir()).unwrap(), expected);
        }
    }

    #[test]
    fn a_loose_ref_counts_more_than_a_packed_one() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.commit(1);
        dir.git(&["branch", "main-2"]);
        dir.git(&["pack-refs", "--all"]);
        let second = dir.commit(2);
        assert_eq!(head(&dir), on("main", Some(second)));
        let list = branches(&dir.git_dir(), &dir.git_dir()).unwrap();
        assert_eq!(list, [(b"main".to_vec(), second), (b"main-2".to_vec(), dir.id("main-2"))]);
    }

    #[test]
    fn a_head_that_says_nothing_is_an_error_and_never_an_absence() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.commit(1);
        let loop_of_two = ["ref: refs/heads/two\n", "ref: refs/heads/one\n"];
        std::fs::write(dir.git_dir().join("refs/heads/one"), loop_of_two[0]).unwrap();
        std::fs::write(dir.git_dir().join("refs/heads/two"), loop_of_two[1]).unwrap();
        let bad =
            ["", "\n", "main", "ref: ../../secret", "ref: refs/heads/../../x", "ref: refs/heads/one", "1234"];
        for text in bad {
            std::fs::write(dir.git_dir().join("HEAD"), text).unwrap();
            assert!(read(&dir.git_dir(), &dir.git_dir()).is_err(), "{text:?}");
        }
        assert_eq!(nested(dir.path()), Some(Head::default()));
        std::fs::remove_file(dir.git_dir().join("HEAD")).unwrap();
        assert!(read(&dir.git_dir(), &dir.git_dir()).is_err());
        std::os::unix::fs::symlink("refs/heads/main", dir.git_dir().join("HEAD")).unwrap();
        assert_eq!(head(&dir).branch, Some(b"main".to_vec()));
        let list = branches(&dir.git_dir(), &dir.git_dir()).unwrap();
        assert_eq!(list.len(), 1, "broken branches are left out");
    }

    #[test]
    fn only_what_git_would_see_is_a_nested_repository() {
        let dir = Dir::new();
        let at = |name: &str| nested(&dir.path().join(name));
        for name in ["plain", "empty/.git", "file", "lost", "fifo/.git/refs", "fifo/.git/objects"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        dir.write("file/.git", "no gitdir");
        dir.write("lost/.git", "gitdir: ../nowhere\n");
        dir.run("mkfifo", &["fifo/.git/HEAD"]);
        for name in ["plain", "empty", "file", "lost", "none"] {
            assert_eq!(at(name), None, "{name}");
        }
        assert_eq!(at("fifo"), Some(Head::default()));
        dir.git(&["init", "-q", "-b", "main", "inner"]);
        assert_eq!(at("inner"), Some(on("main", None)));
        dir.git(&["init", "-q", "-b", "main", "--separate-git-dir", "elsewhere", "apart"]);
        assert_eq!(at("apart"), Some(on("main", None)));
    }

    #[test]
    fn the_format_is_read_from_the_configuration() {
        let dir = Dir::repository(HashKind::Sha256);
        assert_eq!(hash_kind(&dir.git_dir()).unwrap(), HashKind::Sha256);
        assert!(!is_promisor(&dir.git_dir()) && !is_reftable(&dir.git_dir()));
        let dir = Dir::repository(HashKind::Sha1);
        assert_eq!(hash_kind(&dir.git_dir()).unwrap(), HashKind::Sha1);
        dir.git(&["config", "remote.upstream.promisor", "no"]);
        assert!(!is_promisor(&dir.git_dir()));
        dir.git(&["config", "remote.upstream.promisor", "true"]);
        assert!(is_promisor(&dir.git_dir()));
        std::fs::write(dir.git_dir().join("config"), "[extensions]\nobjectformat = sha3\n").unwrap();
        assert!(hash_kind(&dir.git_dir()).is_err());
        assert_eq!(hash_kind(dir.path()).unwrap(), HashKind::Sha1);
    }

    #[test]
    fn the_default_branch_is_what_origin_says_or_a_usual_name() {
        for format in ["files", "reftable"] {
            let dir = Dir::new();
            dir.git(&["init", "-q", "-b", "topic", &format!("--ref-format={format}")]);
            dir.commit(1);
            let default = || default_branch(&dir.git_dir());
            assert_eq!(default(), None);
            for name in ["master", "main"] {
                dir.git(&["branch", name]);
                assert_eq!(default(), Some(name.into()));
            }
            dir.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk/x"]);
            assert_eq!(default(), Some(b"trunk/x".to_vec()));
        }
    }
}
