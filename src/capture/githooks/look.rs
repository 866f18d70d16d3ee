//! What stands where a hook would: nothing, ours, or whose.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::disk::file;
use crate::disk::place::Place;
use crate::wire::githook::{self, BEFORE, Hook, Manager, Whose};

/// More than a hook or a configuration takes that was made by people.
pub const CAP: u64 = 4 << 20;

/// What other tools call a hook that was there before theirs; ours may be found under these names.
pub const RENAMED: [&str; 3] = ["", ".legacy", ".old"];

/// What stands where a hook would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    Absent,
    Ours,
    /// Ours, but edited; or a line of ours in somebody's.
    Calls,
    Link,
    Managed(Manager),
    /// It asks under which name it was called.
    AsksItsName,
    /// It is no file.
    Strange,
    Theirs,
}

pub fn look(dir: &Path, hook: Hook, suffix: &str) -> Result<Sight> {
    let path = dir.join(format!("{}{suffix}", hook.name()));
    if is_husky(dir) && suffix.is_empty() {
        let theirs = text_of(&dir.with_file_name(hook.name()))?.unwrap_or_default();
        return Ok(match theirs.contains(&call(hook)) {
            true => Sight::Calls,
            false => Sight::Managed(Manager::Husky),
        });
    }
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Sight::Absent),
        Err(error) => return Err(error).with_context(|| format!("look at {}", path.display())),
    };
    let text = text_of(&path)?.unwrap_or_default();
    let asks = ["basename", "${0##", "__FILE__", "$PROGRAM_NAME"];
    Ok(match () {
        () if meta.is_symlink() => Sight::Link,
        () if !meta.is_file() => Sight::Strange,
        () if githook::whose(hook, &text) == Whose::Ours => Sight::Ours,
        () if text.contains(&call(hook)) => Sight::Calls,
        () => match Manager::of(&text) {
            Some(manager) => Sight::Managed(manager),
            None if asks.iter().any(|word| text.contains(word)) => Sight::AsksItsName,
            None => Sight::Theirs,
        },
    })
}

fn call(hook: Hook) -> String {
    format!(" hook git-{}", hook.name())
}

pub fn kept(dir: &Path, hook: Hook) -> PathBuf {
    dir.join(format!("{}{BEFORE}", hook.name()))
}

pub fn config(place: &Place) -> PathBuf {
    place.common.join("config")
}

/// A file's text; a program of another kind is no text of ours, so it does not matter how it reads.
pub fn text_of(path: &Path) -> Result<Option<String>> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => {}
        _ => return Ok(None),
    }
    match file::read(path, CAP) {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        // Whoever keeps a program of such a size there has not got it from us.
        Err(_) if fs::metadata(path).is_ok_and(|meta| meta.len() > CAP) => Ok(Some(String::new())),
        Err(error) => Err(error),
    }
}

/// husky writes a directory of stubs, which run the files of the same names above it.
pub fn is_husky(dir: &Path) -> bool {
    dir.ends_with(".husky/_")
}
