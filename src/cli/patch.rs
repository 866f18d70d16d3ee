//! How differences are told: what `trace diff` and `trace show` have in common.

use crate::git::patch as git;
use crate::git::words;
use crate::model::text::Text;
use crate::recall::diff::Differs;
use crate::view::patch::{Body, FilePatch, Form, Hunk, Line, LineEnd, Sign};
use crate::view::words::Piece;

#[derive(clap::Args)]
pub struct FormArgs {
    /// Count lines per file
    #[arg(long, group = "form")]
    stat: bool,
    /// Only name the files
    #[arg(long, group = "form")]
    name_status: bool,
    /// Mark words instead of lines: [-old-]{+new+}
    #[arg(long, group = "form")]
    word_diff: bool,
    /// Lines around each change
    #[arg(short = 'U', long, value_name = "N", default_value_t = 3)]
    pub unified: usize,
}

impl FormArgs {
    /// What was asked for, if anything was.
    pub fn form(&self) -> Option<Form> {
        match (self.stat, self.name_status, self.word_diff) {
            (true, _, _) => Some(Form::Stat),
            (_, true, _) => Some(Form::NameStatus),
            (_, _, true) => Some(Form::Words),
            _ => None,
        }
    }
}

/// The files as the view wants them.
pub fn shown(files: Vec<Differs>, form: Form) -> Vec<FilePatch> {
    files.into_iter().flat_map(|file| file_patches(file, form)).collect()
}

/// One file; a path that changed its type is taken away and put there anew, as git tells it.
fn file_patches(file: Differs, form: Form) -> Vec<FilePatch> {
    let Differs { path, old, new, patch } = file;
    let body = match patch {
        git::Patch::Binary => Body::Binary,
        git::Patch::Lines(hunks) => Body::Lines(hunks.into_iter().map(|it| hunk(it, form)).collect()),
    };
    match (old, new) {
        (Some(old), Some(new)) if old.mode & 0o170_000 != new.mode & 0o170_000 => {
            let half = |sign: Sign, body: &Body| match body {
                Body::Binary => Body::Binary,
                Body::Lines(hunks) => {
                    Body::Lines(hunks.iter().filter_map(|hunk| one_sided(hunk, sign)).collect())
                }
            };
            let gone =
                FilePatch { path: path.clone(), old: Some(old), new: None, body: half(Sign::Removed, &body) };
            vec![gone, FilePatch { path, old: None, new: Some(new), body: half(Sign::Added, &body) }]
        }
        _ => vec![FilePatch { path, old, new, body }],
    }
}

/// The lines of one side of a hunk, all of them gone or all of them new.
fn one_sided(hunk: &Hunk, sign: Sign) -> Option<Hunk> {
    let lines: Vec<Line> = hunk
        .lines
        .iter()
        .filter(|line| line.sign == sign || line.sign == Sign::Same)
        .map(|line| Line { sign, ..line.clone() })
        .collect();
    let words = hunk.words.iter().filter(|piece| piece.sign == sign || piece.sign == Sign::Same);
    let words = words.map(|piece| Piece { sign, ..piece.clone() }).collect();
    let count = lines.len() as u64;
    let (old_start, old_len, new_start, new_len) = match sign {
        Sign::Removed => (hunk.old_start, count, 0, 0),
        _ => (0, 0, hunk.new_start, count),
    };
    (count > 0).then_some(Hunk { old_start, old_len, new_start, new_len, lines, words })
}

fn hunk(hunk: git::Hunk, form: Form) -> Hunk {
    let words = match form {
        Form::Words => words::of(&hunk),
        Form::Patch | Form::Stat | Form::NameStatus => Vec::new(),
    };
    let words = words.into_iter().map(|(sign, text)| Piece { sign: side(sign), text: Text(text) });
    let lines = hunk.lines.into_iter().map(|(sign, mut text)| {
        let end = match text.last() {
            Some(b'\n') => {
                text.pop();
                LineEnd::Newline
            }
            _ => LineEnd::File,
        };
        Line { sign: side(sign), text: Text(text), end }
    });
    Hunk {
        old_start: hunk.old_start.into(),
        old_len: hunk.old_len.into(),
        new_start: hunk.new_start.into(),
        new_len: hunk.new_len.into(),
        words: words.collect(),
        lines: lines.collect(),
    }
}

fn side(sign: git::Sign) -> Sign {
    match sign {
        git::Sign::Context => Sign::Same,
        git::Sign::Old => Sign::Removed,
        git::Sign::New => Sign::Added,
    }
}
