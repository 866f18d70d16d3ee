//! The trailers of commit messages that name checkpoints and sessions: ours, and those of tools that
//! came before us. Pure.

use crate::model::id::SessionId;
use crate::model::oid::Oid;

/// The names of the tools whose trailers are understood.
const TOOLS: [&str; 2] = ["Trace", "Entire"];

/// One trailer that names something of ours or of such a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// As it stands there: `Trace-Checkpoint`, `Entire-Session`, …
    pub key: String,
    pub value: String,
}

impl Trailer {
    /// The checkpoint of ours that it names.
    pub fn checkpoint(&self) -> Option<Oid> {
        Oid::parse(self.of_kind("Checkpoint")?.as_bytes())
    }

    /// The session of ours that it names.
    pub fn session(&self) -> Option<SessionId> {
        SessionId::parse(self.of_kind("Session")?)
    }

    fn of_kind(&self, kind: &str) -> Option<&str> {
        let (_, own) = self.key.split_once('-')?;
        own.eq_ignore_ascii_case(kind).then_some(&self.value)
    }
}

/// The trailers of a message that are of this sort; those of others are passed over.
pub fn parse(message: &[u8]) -> Vec<Trailer> {
    let text = String::from_utf8_lossy(message);
    // A squash leaves the messages of all its commits, each with its own.
    text.lines().filter_map(trailer).collect()
}

fn trailer(line: &str) -> Option<Trailer> {
    let (key, value) = line.split_once(": ")?;
    let (tool, kind) = key.split_once('-')?;
    let known = TOOLS.iter().any(|name| name.eq_ignore_ascii_case(tool))
        && ["Checkpoint", "Session"].iter().any(|name| name.eq_ignore_ascii_case(kind));
    let value = value.trim();
    let plain = !value.is_empty() && value.len() <= 100 && value.bytes().all(|byte| byte.is_ascii_graphic());
    (known && plain).then(|| Trailer { key: key.to_owned(), value: value.to_owned() })
}

/// The message with our trailers at its end; `None` if it is to stay as it is: it names a checkpoint
/// already, or it says nothing yet, and git gives up a commit whose message stays empty.
///
/// What git's comments say, and what lies below its scissors, is no part of the message.
pub fn add(message: &str, comment: char, trailers: &[Trailer]) -> Option<String> {
    let lines: Vec<&str> = message.split_inclusive('\n').collect();
    let is_comment = |line: &&str| line.starts_with(comment);
    let scissors = lines.iter().position(|line| is_comment(line) && line.contains(">8"));
    let own = scissors.unwrap_or(lines.len());
    let last = lines[..own].iter().rposition(|line| !is_comment(line) && !line.trim().is_empty())?;
    if lines[..=last].iter().any(|line| trailer(line).is_some()) {
        return None;
    }
    let begin = lines[..=last].iter().rposition(|line| line.trim().is_empty()).map_or(0, |at| at + 1);
    let joins = begin > 0 && lines[begin..=last].iter().all(|line| is_any_trailer(line));
    let mut new = lines[..=last].concat();
    if !new.ends_with('\n') {
        new.push('\n');
    }
    if !joins {
        new.push('\n');
    }
    trailers.iter().for_each(|one| new.push_str(&format!("{}: {}\n", one.key, one.value)));
    Some(new + &lines[last + 1..].concat())
}

/// Whether a line is a trailer of anybody's.
fn is_any_trailer(line: &str) -> bool {
    let key = line.split_once(": ").map(|(key, _)| key);
    key.is_some_and(|key| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Vec<Trailer> {
        vec![Trailer { key: "Trace-Checkpoint".into(), value: "1".repeat(40) }]
    }

    #[test]
    fn trailers_are_put_where_git_would_put_them() {
        let ones = "1".repeat(40);
        let line = format!("Trace-Checkpoint: {ones}\n");
        for (before, after) in [
            ("fix\n", format!("fix\n\n{line}")),
            ("fix", format!("fix\n\n{line}")),
            ("fix: it\n", format!("fix: it\n\n{line}")),
            ("fix\n\nbody\n", format!("fix\n\nbody\n\n{line}")),
            ("fix\n\nSigned-off-by: A\n", format!("fix\n\nSigned-off-by: A\n{line}")),
            ("fix\n\n# Please enter\n", format!("fix\n\n{line}\n# Please enter\n")),
            ("fix\n# ---- >8 ----\ndiff\n", format!("fix\n\n{line}# ---- >8 ----\ndiff\n")),
        ] {
            let added = add(before, '#', &ours()).unwrap();
            assert_eq!(added, after, "{before:?}");
            assert_eq!(parse(added.as_bytes()), ours());
            assert_eq!(add(&added, '#', &ours()), None, "once is enough");
        }
        for empty in ["", "\n\n", "\n# Please enter\n", "# x\n# ---- >8 ----\ndiff\n"] {
            assert_eq!(add(empty, '#', &ours()), None, "{empty:?}");
        }
    }

    #[test]
    fn trailers_of_ours_and_of_earlier_tools_are_understood() {
        let session = SessionId::of_key("claude", b"s");
        let text = format!(
            "x\n\nEntire-Checkpoint: a3b2c4d5e6f7\nTrace-Session: {session}\ntrace-checkpoint: {}\nSigned-off-by: A\nTrace-Session: \x1b[31m\n",
            "2".repeat(40)
        );
        let found = parse(text.as_bytes());
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!((found[0].checkpoint(), &*found[0].value), (None, "a3b2c4d5e6f7"));
        assert_eq!(found[1].session(), Some(session));
        assert_eq!(found[2].checkpoint(), Oid::parse("2".repeat(40).as_bytes()));
    }
}
