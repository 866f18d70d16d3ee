//! Where everything is. One function computes each path; nothing else joins names.
//!
//! Finding a repository reads directory entries and two tiny files. It opens no repository, follows
//! no configuration, and takes no bare repository for one it was not told of.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::file;
use crate::model::digest;
use crate::model::id::WorktreeId;

/// A repository and the worktree one stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The worktree's top; `None` in a bare repository.
    pub work_tree: Option<PathBuf>,
    /// The worktree's own git dir.
    pub git_dir: PathBuf,
    /// The git dir all worktrees share.
    pub common: PathBuf,
}

/// What the environment says about the repository; read once, at the rim.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub git_dir: Option<PathBuf>,
    pub work_tree: Option<PathBuf>,
}

impl Place {
    /// The place of `start`, or what the environment names; `None` outside any repository.
    pub fn find(start: &Path, told: &Told) -> Result<Option<Self>> {
        match &told.git_dir {
            Some(git_dir) => Self::named(start, git_dir, told.work_tree.as_deref()).map(Some),
            None => Self::upward(start),
        }
    }

    fn named(start: &Path, git_dir: &Path, work_tree: Option<&Path>) -> Result<Self> {
        let git_dir = resolve(&start.join(git_dir))?;
        let git_dir = if git_dir.is_file() { pointed(&git_dir)? } else { git_dir };
        let common = common_of(&git_dir)?;
        let work_tree = match work_tree {
            Some(named) => Some(resolve(&start.join(named))?),
            // git takes the present directory for the top if GIT_DIR is all it is told.
            None if is_bare(&common) && common == git_dir => None,
            None => Some(home_of(&git_dir).unwrap_or_else(|| start.to_owned())),
        };
        Ok(Self { work_tree, git_dir, common })
    }

    fn upward(start: &Path) -> Result<Option<Self>> {
        let start = resolve(start)?;
        for dir in start.ancestors() {
            let dot = dir.join(".git");
            let Ok(meta) = fs::symlink_metadata(&dot) else {
                if dir == start && looks_bare(dir) {
                    return Ok(Some(Self {
                        work_tree: None,
                        git_dir: dir.to_owned(),
                        common: common_of(dir)?,
                    }));
                }
                continue;
            };
            let git_dir = match meta.file_type() {
                kind if kind.is_dir() => dot,
                kind if kind.is_file() => pointed(&dot)?,
                _ => resolve(&dot)?,
            };
            if !git_dir.join("HEAD").exists() {
                continue;
            }
            let common = common_of(&git_dir)?;
            return Ok(Some(Self { work_tree: Some(dir.to_owned()), git_dir, common }));
        }
        Ok(None)
    }

    /// The worktree's top, or an error that says what to do instead.
    pub fn top(&self) -> Result<&Path> {
        let advice =
            || format!("{} is a bare repository: go to one of its worktrees", self.git_dir.display());
        self.work_tree.as_deref().with_context(advice)
    }

    /// Our folder.
    pub fn trace(&self) -> PathBuf {
        self.common.join("trace")
    }

    /// The private repository.
    pub fn store(&self) -> PathBuf {
        self.trace().join("store.git")
    }

    /// Where packs are before they count; what an attempt writes there is named after its worktree.
    pub fn incoming(&self) -> PathBuf {
        self.store().join("incoming")
    }

    /// Where damaged pieces go.
    pub fn quarantine(&self) -> PathBuf {
        self.store().join("quarantine")
    }

    /// The journals of all worktrees.
    pub fn journals(&self) -> PathBuf {
        self.trace().join("journal")
    }

    /// The journals of one worktree.
    pub fn journal(&self, worktree: &WorktreeId) -> PathBuf {
        self.journals().join(worktree.as_str())
    }

    /// The stat tables. May be deleted.
    pub fn indices(&self) -> PathBuf {
        self.trace().join("index")
    }

    /// The stat table of one worktree. A cache.
    pub fn index(&self, worktree: &WorktreeId) -> PathBuf {
        self.indices().join(worktree.as_str())
    }

    /// What has happened to the table since it was written whole.
    pub fn index_log(&self, worktree: &WorktreeId) -> PathBuf {
        self.indices().join(format!("{worktree}.log"))
    }

    /// Read models. May be deleted.
    pub fn cache(&self) -> PathBuf {
        self.trace().join("cache")
    }

    /// The flock file of a ref: no part of the ref's name is part of the path.
    pub fn lock(&self, full_ref_name: &str) -> PathBuf {
        self.trace().join("locks").join(digest::name(&[full_ref_name.as_bytes()]))
    }

    /// The restores of one worktree: those under way, and what the others did.
    pub fn ops(&self, worktree: &WorktreeId) -> PathBuf {
        self.trace().join("ops").join(worktree.as_str())
    }

    /// Whose telling by an import was begun, a file each, until a checkpoint holds all of it.
    pub fn importing(&self) -> PathBuf {
        self.trace().join("importing")
    }

    /// The record of what went wrong inside hooks.
    pub fn trouble(&self) -> PathBuf {
        self.trace().join("trouble.jsonl")
    }

    /// The id of this clone.
    pub fn clone_id(&self) -> PathBuf {
        self.trace().join("clone-id")
    }

    /// The id of this worktree, in its own git dir so that it goes where the worktree goes.
    pub fn worktree_id(&self) -> PathBuf {
        worktree_id(&self.git_dir)
    }

    /// The loose file of a ref of the store.
    pub fn ref_file(&self, full_ref_name: &str) -> PathBuf {
        self.store().join(full_ref_name)
    }
}

/// The full name of a worktree's shadow.
pub fn shadow(worktree: &WorktreeId) -> String {
    format!("refs/trace/shadow/{worktree}")
}

/// The path with every link resolved.
fn resolve(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("find {}", path.display()))
}

/// What a `gitdir: …` file points at.
fn pointed(file: &Path) -> Result<PathBuf> {
    let bytes = file::read(file, 64 << 10)?.unwrap_or_default();
    let text =
        bytes.strip_prefix(b"gitdir: ").with_context(|| format!("{} names no git dir", file.display()))?;
    let target = as_path(text.trim_ascii_end());
    resolve(&file.parent().unwrap_or(Path::new("/")).join(target))
}

fn common_of(git_dir: &Path) -> Result<PathBuf> {
    match file::read(&git_dir.join("commondir"), 64 << 10)? {
        Some(bytes) => resolve(&git_dir.join(as_path(bytes.trim_ascii_end()))),
        None => Ok(git_dir.to_owned()),
    }
}

/// The worktree that a linked worktree's git dir, or a plain `.git`, belongs to.
fn home_of(git_dir: &Path) -> Option<PathBuf> {
    if let Ok(Some(bytes)) = file::read(&git_dir.join("gitdir"), 64 << 10) {
        return as_path(bytes.trim_ascii_end()).parent().map(Path::to_owned);
    }
    match git_dir.components().next_back() {
        Some(Component::Normal(name)) if name == ".git" => git_dir.parent().map(Path::to_owned),
        _ => None,
    }
}

fn looks_bare(dir: &Path) -> bool {
    ["HEAD", "objects", "refs"].iter().all(|name| dir.join(name).exists())
}

fn is_bare(common: &Path) -> bool {
    let config = file::read(&common.join("config"), 1 << 20).ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&config).to_ascii_lowercase();
    text.lines().any(|line| line.split_whitespace().collect::<String>() == "bare=true")
}

fn as_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

/// The place whose journal directory holds `journal_file`, and that journal's worktree.
///
/// The file comes from a shell variable: anything but `…/trace/journal/<worktree>/<file>` is refused.
pub fn of_journal(journal_file: &Path) -> Result<(PathBuf, WorktreeId)> {
    let mut names = journal_file.ancestors().skip(1);
    let parts = (names.next(), names.next(), names.next(), names.next());
    if let (Some(worktree), Some(journals), Some(trace), Some(common)) = parts
        && journals.ends_with("journal")
        && trace.ends_with("trace")
        && let Some(id) = worktree.file_name().and_then(|name| name.to_str()).and_then(WorktreeId::parse)
    {
        return Ok((common.to_owned(), id));
    }
    bail!("{} is not a journal file", journal_file.display())
}

/// Where the id of the worktree with this git dir is.
pub fn worktree_id(git_dir: &Path) -> PathBuf {
    git_dir.join("trace").join("worktree-id")
}

/// The git dirs of all worktrees of a repository: the common one first, then those of linked ones.
/// A link among them is not git's making, and is not followed.
///
/// # Errors
/// It cannot be told which there are; whoever takes one for gone must know.
pub fn git_dirs(common: &Path) -> Result<Vec<PathBuf>> {
    let linked = common.join("worktrees");
    let context = || format!("list {}", linked.display());
    let mut dirs = vec![common.to_owned()];
    match fs::symlink_metadata(&linked) {
        Ok(meta) if meta.is_dir() => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).with_context(context),
        _ => return Ok(dirs),
    }
    for entry in fs::read_dir(&linked).with_context(context)? {
        let entry = entry.with_context(context)?;
        if entry.file_type().with_context(context)?.is_dir() {
            dirs.push(entry.path());
        }
    }
    Ok(dirs)
}

impl Place {
    /// Every worktree of the repository with this common git dir: its own, and the linked ones.
    pub fn all_of(common: &Path) -> Vec<Self> {
        let dirs = git_dirs(common).unwrap_or_else(|_| vec![common.to_owned()]);
        dirs.into_iter()
            .filter_map(|git_dir| {
                let work_tree = home_of(&git_dir)?;
                Some(Self { work_tree: Some(work_tree), git_dir, common: common.to_owned() })
            })
            .collect()
    }
}
