//! Puts our hooks into the files of agents, and takes them out again.
//!
//! Deciding comes first: a [`Change`] says what a file holds and what it would hold. Nothing but our own
//! entries differs between the two, and a file of our own is known by its mark: one without it is
//! somebody's, and stays. A file is replaced as a whole, with its permissions, through links; but what
//! a repository brings along may lead nowhere outside of it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::agents::{Body, MARK, Plan};
use crate::disk::consent::UserState;
use crate::disk::file;
use crate::disk::installed::{Installed, fingerprint};
use crate::wire::{hookfile, jsonc};

/// The largest settings that are edited, bytes.
const CAP: u64 = 4 << 20;

/// It is not ours to change.
#[derive(Debug)]
pub struct NotOurs(String);

impl std::fmt::Display for NotOurs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotOurs {}

/// What is to become of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it really is.
    pub path: PathBuf,
    /// `None` if it is not there.
    pub old: Option<String>,
    /// `None` if it is to go.
    pub new: Option<String>,
    record: Installed,
}

impl Change {
    /// Whether there is anything to do.
    pub fn is_needed(&self) -> bool {
        self.old != self.new
    }
}

/// What setting an agent up would change. `within` bounds where the links of a repository may lead.
pub fn install(plan: &Plan, within: Option<&Path>, state: Option<&UserState>) -> Result<Change> {
    let (path, old) = look(&plan.path, within)?;
    let text = old.clone().unwrap_or_default();
    let mut record = Installed { created: old.is_none(), ..Installed::default() };
    let new = match &plan.body {
        Body::Own(own) => {
            refuse_strangers(&path, old.as_deref())?;
            own.clone()
        }
        Body::Shared(entries) => {
            let insertions = hookfile::add(&text, entries).with_context(|| unreadable(&path))?;
            let mut shift = 0;
            for insertion in &insertions {
                let start = insertion.at + shift;
                shift += insertion.text.len();
                record.inserted.push(start..start + insertion.text.len());
            }
            jsonc::apply(&text, &insertions)
        }
    };
    if let Some(before) = known(state, &path, &text)? {
        (record.created, record.made) = (before.created, before.made);
    }
    record.digest = fingerprint(new.as_bytes());
    Ok(Change { path, old, new: Some(new), record })
}

/// What taking our hooks out would change.
pub fn uninstall(plan: &Plan, within: Option<&Path>, state: Option<&UserState>) -> Result<Change> {
    let (path, old) = look(&plan.path, within)?;
    let same = |record| Change { path: path.clone(), old: old.clone(), new: old.clone(), record };
    let Some(text) = &old else { return Ok(same(Installed::default())) };
    let entries = match &plan.body {
        Body::Own(_) if !text.contains(MARK) => return Ok(same(Installed::default())),
        Body::Own(_) => {
            let record = known(state, &path, text)?.unwrap_or_default();
            return Ok(Change { new: None, ..same(record) });
        }
        Body::Shared(entries) => entries,
    };
    let known = known(state, &path, text)?;
    // As it was before us, to the byte, if nobody has written to it since.
    let exact = known.as_ref().and_then(|record| jsonc::without(text, &record.inserted));
    let rest = exact.clone().unwrap_or_else(|| text.clone());
    let left = hookfile::remove(&rest).with_context(|| unreadable(&path))?;
    let left = left.unwrap_or(rest);
    let record = match (known, state) {
        (Some(record), _) => record,
        (None, Some(state)) => Installed::read(state, &path)?.unwrap_or_default(),
        (None, None) => Installed::default(),
    };
    let gone = record.created && hookfile::is_bare(&left, entries);
    Ok(Change { new: (!gone).then_some(left), ..same(record) })
}

/// Carries it out, if there is anything to do.
pub fn carry_out(change: &Change, state: Option<&UserState>) -> Result<()> {
    if !change.is_needed() {
        return Ok(());
    }
    if read(&change.path)? != change.old {
        bail!("{} was changed just now by somebody else: try again", change.path.display());
    }
    match &change.new {
        Some(new) => put(change, new, state),
        None => take_away(change, state),
    }
}

fn put(change: &Change, new: &str, state: Option<&UserState>) -> Result<()> {
    let made = make_directories(&change.path)?;
    file::rewrite(&change.path, new.as_bytes())?;
    let Some(state) = state else { return Ok(()) };
    let ours = !change.record.digest.is_empty() && change.record.digest == fingerprint(new.as_bytes());
    if !ours {
        Installed::forget(state, &change.path);
        return Ok(());
    }
    let made = change.record.made.max(made);
    Installed { made, ..change.record.clone() }.write(state, &change.path)
}

fn take_away(change: &Change, state: Option<&UserState>) -> Result<()> {
    fs::remove_file(&change.path).with_context(|| format!("remove {}", change.path.display()))?;
    for dir in change.path.ancestors().skip(1).take(change.record.made) {
        // Somebody put something into it: it stays, and what is above it too.
        if fs::remove_dir(dir).is_err() {
            break;
        }
    }
    if let Some(state) = state {
        Installed::forget(state, &change.path);
    }
    Ok(())
}

/// Whether our hooks are in a file, as far as it can be read.
pub fn is_installed(plan: &Plan) -> bool {
    let text = read(&plan.path).ok().flatten().unwrap_or_default();
    match &plan.body {
        Body::Own(_) => text.contains(MARK),
        Body::Shared(_) => hookfile::has(&text),
    }
}

/// What we put in, if the file still is as we left it.
fn known(state: Option<&UserState>, path: &Path, text: &str) -> Result<Option<Installed>> {
    let Some(state) = state else { return Ok(None) };
    let record = Installed::read(state, path)?;
    Ok(record.filter(|record| record.digest == fingerprint(text.as_bytes())))
}

fn look(path: &Path, within: Option<&Path>) -> Result<(PathBuf, Option<String>)> {
    let path = resolved(path)?;
    if let Some(top) = within
        && !path.starts_with(top)
    {
        let what = format!("{} lies outside {}: a link leads there", path.display(), top.display());
        bail!(NotOurs(what + ", so trace does not write to it"));
    }
    let old = read(&path)?;
    Ok((path, old))
}

/// Where a path leads. What is not there yet will be below the nearest directory that is.
pub(super) fn resolved(path: &Path) -> Result<PathBuf> {
    for above in path.ancestors() {
        match fs::canonicalize(above) {
            Ok(found) => {
                let rest = path.strip_prefix(above).unwrap_or(Path::new(""));
                return Ok(if rest.as_os_str().is_empty() { found } else { found.join(rest) });
            }
            Err(error) if error.kind() == ErrorKind::NotFound && !above.is_symlink() => {}
            Err(error) => return Err(error).with_context(|| format!("find {}", above.display())),
        }
    }
    bail!("{} is no place for a file", path.display())
}

fn read(path: &Path) -> Result<Option<String>> {
    let path = match fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("find {}", path.display())),
    };
    let Some(bytes) = file::read(&path, CAP)? else { return Ok(None) };
    let text = String::from_utf8(bytes).with_context(|| unreadable(&path))?;
    Ok(Some(text))
}

fn refuse_strangers(path: &Path, old: Option<&str>) -> Result<()> {
    if old.is_some_and(|old| !old.contains(MARK)) {
        let what = format!("{} was not made by trace: move it away, and enable again", path.display());
        bail!(NotOurs(what));
    }
    Ok(())
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be edited: put it in order first", path.display())
}

/// Makes the directories above a file and says how many there were to make.
fn make_directories(path: &Path) -> Result<usize> {
    let Some(dir) = path.parent() else { return Ok(0) };
    let made = dir.ancestors().take_while(|dir| !dir.exists()).count();
    fs::create_dir_all(dir).with_context(|| format!("make directory {}", dir.display()))?;
    Ok(made)
}
