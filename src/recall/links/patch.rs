//! What a commit does to lines, whatever stands around them: two commits that do the same are the same
//! change, made at two places of the history.

use anyhow::Result;

use crate::git::patch::{self, Patch, Sign};
use crate::git::store::Store;
use crate::model::digest;
use crate::model::link::Edit;
use crate::model::oid::Oid;

/// Of a commit that changes more paths, or in larger files, nothing is computed.
const PATHS: usize = 200;
const BYTES: u64 = 1 << 20;

/// The id of a change; `None` if there is none, or it is too large.
pub fn id(store: &Store, delta: &[Edit]) -> Result<Option<String>> {
    if delta.is_empty() || delta.len() > PATHS {
        return Ok(None);
    }
    let mut text = Vec::new();
    for edit in delta {
        let (Some(old), Some(new)) = (content(store, edit.old)?, content(store, edit.new)?) else {
            return Ok(None);
        };
        text.extend_from_slice(&edit.path);
        text.push(0);
        match patch::unified(&old, &new, 0) {
            Patch::Binary => return Ok(None),
            Patch::Lines(hunks) => hunks.into_iter().flat_map(|hunk| hunk.lines).for_each(|(sign, line)| {
                text.push(if sign == Sign::New { b'+' } else { b'-' });
                text.extend_from_slice(&line);
            }),
        }
    }
    Ok(Some(digest::name(&[&text])))
}

/// The bytes of a file; none of one that is not there, `None` if they are not to be had.
fn content(store: &Store, id: Option<Oid>) -> Result<Option<Vec<u8>>> {
    let Some(id) = id else { return Ok(Some(Vec::new())) };
    match store.blob_size(id)? {
        Some(size) if size <= BYTES => store.blob(id),
        _ => Ok(None),
    }
}
