//! Up to where the transcripts of a worktree's sessions were read: the blob `transcripts/positions` of
//! a checkpoint, one line per transcript, the one that grew last at the end.
//!
//! ```text
//! {"session":"sess_…","agent":"claude","path":"/home/u/.claude/…","offset":4096,"proof":"…"}
//! ```
//! It is part of the commit, so it moves with the swap of the ref or not at all.

use serde::{Deserialize, Serialize};

use crate::model::id::SessionId;
use crate::model::redact::Redacted;
use crate::model::transcript::Mark;

#[derive(Serialize, Deserialize)]
struct Line {
    session: SessionId,
    #[serde(flatten)]
    mark: Mark,
}

/// Writes the lines.
pub fn encode(marks: &[(SessionId, Mark)]) -> Redacted<Vec<u8>> {
    let mut lines = Redacted::default();
    for (session, mark) in marks {
        let line = Line { session: session.clone(), mark: mark.clone() };
        lines.add_line(&serde_json::to_vec(&line).expect("our own types have string keys only"));
    }
    lines
}

/// Reads them. A line that makes no sense is left out: its transcript is read from its start.
pub fn decode(bytes: &[u8]) -> Vec<(SessionId, Mark)> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    lines.map(|line| (line.session, line.mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::transcript::proof;

    #[test]
    fn positions_read_back_as_they_were_written_and_damage_hides_nothing_but_itself() {
        let mark =
            Mark { offset: 7, proof: proof(b"a", b"b"), ..Mark::start("claude", &"/h/a.jsonl".into()) };
        let marks: Vec<_> =
            [1, 2].iter().map(|n| (SessionId::of_key("claude", &[*n]), mark.clone())).collect();
        let bytes = encode(&marks).into_inner();
        assert_eq!(decode(&bytes), marks);
        assert_eq!(decode(&[b"{\"session\":1}\nx\n", &bytes[..]].concat()), marks);
        assert_eq!(decode(b""), []);
    }
}
