//! What may be typed where a state of the files or a session is asked for, and how it is read.

use anyhow::{Result, anyhow};

use super::exit::Misuse;
use crate::model::selector::{self, Selector};

/// Every form, for the help of whoever takes one.
const FORMS: &str = "\
What names a state of the files (SELECTOR):
  @                    the files as they are now
  @-1, @-2             the newest checkpoint, the one before it
  @{10 minutes ago}    the newest checkpoint that is at least so old
  3f2a                 a checkpoint: its id, or 4 digits of it or more
  cmd:ID, cmd:ID^      before and after a command; `trace commands` tells its id
  turn:S.N, turn:S.N^  before and after the N-th prompt of session S and what was done for it;
                       turn:S is the last one. `trace show` tells them
  S                    the newest checkpoint that holds something of session S
  HEAD, topic          a commit of yours; refs/heads/topic if the name means something else too

What names a session (S):
  sess_01987f00-…      its id, or 4 digits of it or more, with or without sess_
  7c1e…                the id its agent gave it, in full";

/// The end of a command's help: how it is used, and the forms.
pub fn help(examples: &str) -> String {
    format!("{examples}\n\n{FORMS}")
}

/// Reads a selector.
pub fn parse(text: &str) -> Result<Selector> {
    selector::parse(text).map_err(|why| anyhow!(Misuse(why)))
}
