//! Up to where a transcript was read, so that the next reader takes only what it gained.
//!
//! Numbers of lines would not do: agents rewrite their files.

use super::{key, split};
use crate::model::agent::Agent;
use crate::model::digest;

/// A position in a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// In bytes; a line begins there.
    pub offset: usize,
    /// Of all bytes before it.
    pub digest: [u8; 32],
    /// The last record id before it.
    pub last: Option<String>,
}

impl Position {
    /// The position after the last complete line of a transcript.
    pub fn after(agent: Agent, bytes: &[u8]) -> Self {
        let lines = split(agent, bytes);
        let offset = lines.complete();
        let last = lines.filter_map(|line| key(agent, line.bytes).0).last();
        Self { offset, digest: digest::sha256(&[&bytes[..offset]]), last }
    }

    /// What the transcript gained since; `None` if it is not the same up to here: then it is read from
    /// its start, and what is known already is told by its [`key`].
    pub fn gained<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (before, gained) = bytes.split_at_checked(self.offset)?;
        (digest::sha256(&[before]) == self.digest).then_some(gained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;

    const OLD: &[u8] = b"{\"uuid\":\"a\"}\n{\"uuid\":\"b\"}\n{\"type\":\"mode\"}\n{\"uu";

    #[test]
    fn what_a_transcript_gained_begins_with_the_line_that_was_torn() {
        let position = Position::after(Agent::Claude, OLD);
        assert_eq!((position.offset, position.last.as_deref()), (OLD.len() - 4, Some("b")));
        let grown = [OLD, b"id\":\"c\"}\n"].concat();
        assert_eq!(position.gained(&grown), Some(&b"{\"uuid\":\"c\"}\n"[..]));
    }

    #[test]
    fn a_transcript_that_shrank_or_was_rewritten_is_read_from_its_start() {
        let position = Position::after(Agent::Claude, OLD);
        assert_eq!(position.gained(&OLD[..20]), None);
        assert_eq!(position.gained(&OLD.replace("a", "z")), None);
        assert_eq!(position.gained(b""), None);
        assert_eq!(Position::after(Agent::Claude, b"").gained(OLD), Some(OLD));
    }
}
