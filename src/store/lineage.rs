//! Whose records a new transcript begins with.
//!
//! Some agents copy a conversation's history into a new file when it is resumed or forked, ids and all:
//! its first id leads to the other session, the longest common beginning to where they part. Some give
//! the copies new ids, and say in the file where they are from. What follows from either is decided when
//! sessions are read.

use std::cell::OnceCell;

use anyhow::Result;
use bstr::ByteSlice;

use super::transcripts::{Held, Piece, piece};
use crate::git::store::Store;
use crate::model::agent::Agent;
use crate::model::id::SessionId;
use crate::model::session::{self, Edit, ParentKind};
use crate::model::text::Text;
use crate::model::transcript::Kept;
use crate::wire::transcripts::{Record, Said, keep, read, summary::Summary};

/// Of more sessions that begin with the same record only the newest are looked at.
const MOST: usize = 16;

/// A transcript that comes from another says so before so many words of the conversation, or never.
const BEGINS: usize = 256;

/// Where a new transcript comes from: as it says itself, else by what its beginning has in common with
/// another session of the same agent: one that is `held`, or is taken in by the same checkpoint as
/// `older` pieces.
pub fn find(store: &Store, new: &Piece, held: &[Held], older: &[Piece]) -> Result<Option<Edit>> {
    let Some(agent) = Agent::parse(&new.kept.mark.agent) else { return Ok(None) };
    if let Some(said) = said(agent, new) {
        return Ok(Some(said));
    }
    let Some(first) = &new.kept.first else { return Ok(None) };
    let ids = OnceCell::new();
    let ids = || ids.get_or_init(|| keep::ids(agent, new.lines.get()));
    let mut best: Option<(usize, Edit)> = None;
    let begins_alike = |(session, kept): &Named<'_>| {
        **session != new.session
            && kept.first.as_ref() == Some(first)
            && kept.mark.agent == new.kept.mark.agent
    };
    let here = older.iter().map(|one| (&one.session, &one.kept));
    let all = held.iter().map(|one| (&one.session, &one.kept)).chain(here);
    for other in all.rev().filter(begins_alike).take(MOST) {
        let theirs = of(store, agent, other, held).chain(of_these(agent, other, older));
        let (shared, whole) = common(ids(), theirs)?;
        if best.as_ref().is_none_or(|(most, _)| shared > *most)
            && let Some(last) = shared.checked_sub(1)
        {
            let edit = Edit::LineageFound {
                of: other.0.clone(),
                at_message: Text::from(ids()[last].as_str()),
                shared: shared as u64,
                whole,
                named: None,
            };
            best = Some((shared, edit));
        }
    }
    Ok(best.map(|(_, edit)| edit))
}

/// What a transcript says of the conversation that it comes from. One that says it on every line says
/// where they part on the last of them.
fn said(agent: Agent, new: &Piece) -> Option<Edit> {
    let lines = || new.lines.get().lines().map(|line| read(agent, line));
    let told =
        |records: &mut dyn Iterator<Item = Record>| Summary::of(agent, &records.collect::<Vec<_>>()).session;
    let mut words = 0;
    let begins = lines().take_while(|records| {
        let goes_on = words < BEGINS;
        words += records.iter().filter(|record| record.says.iter().any(is_word)).count();
        goes_on
    });
    told(&mut begins.flatten()).parent?;
    let told = told(&mut lines().flatten());
    let parent = told.parent?;
    let of = SessionId::of_key(agent.name(), session::id_in(parent.as_bytes()));
    let at_message = Text::from(told.fork_at.unwrap_or_default().as_str());
    let named = Some(told.parent_kind.unwrap_or(ParentKind::Fork));
    // A sub-agent's own file is told of under the session that it works for.
    (of != new.session).then_some(Edit::LineageFound { of, at_message, shared: 0, whole: false, named })
}

fn is_word(said: &Said) -> bool {
    matches!(said, Said::Prompt(_) | Said::Answer(_) | Said::Tool(_) | Said::Done(_))
}

/// With how many of these ids another list begins, and whether that is all of it. Of what comes after,
/// nothing is read.
fn common(ids: &[String], mut theirs: impl Iterator<Item = Result<String>>) -> Result<(usize, bool)> {
    let mut shared = 0;
    while let Some(id) = theirs.next().transpose()? {
        if ids.get(shared) != Some(&id) {
            return Ok((shared, false));
        }
        shared += 1;
    }
    Ok((shared, true))
}

/// A piece, by whose it is and what is known of it.
type Named<'a> = (&'a SessionId, &'a Kept);

/// Whether two pieces are of one transcript.
fn is_of_one(one: Named<'_>, other: Named<'_>) -> bool {
    one.0 == other.0 && one.1.mark.path == other.1.mark.path
}

/// The ids of the records of a transcript that the chain holds, from its first piece on, a piece at a time.
fn of<'h>(
    store: &'h Store,
    agent: Agent,
    first: Named<'h>,
    held: &'h [Held],
) -> impl Iterator<Item = Result<String>> + 'h {
    let same = move |one: &&Held| is_of_one((&one.session, &one.kept), first);
    held.iter().filter(same).flat_map(move |one| match piece(store, one) {
        Ok(lines) => keep::ids(agent, &lines).into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    })
}

/// The same, of what the checkpoint in the making takes in.
fn of_these<'p>(
    agent: Agent,
    first: Named<'p>,
    pieces: &'p [Piece],
) -> impl Iterator<Item = Result<String>> + 'p {
    let same = move |one: &&Piece| is_of_one((&one.session, &one.kept), first);
    pieces.iter().filter(same).flat_map(move |one| keep::ids(agent, one.lines.get())).map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::redact;
    use crate::model::transcript::Mark;

    fn piece_of(lines: &str) -> Piece {
        let kept = Kept {
            mark: Mark::start("claude", &"/h/new.jsonl".into()),
            piece: 0,
            records: 0,
            bytes: 0,
            known: 0,
            first: None,
        };
        let lines = redact::text(lines.as_bytes());
        Piece { session: SessionId::of_key("claude", b"new"), kept, begins: true, lines }
    }

    #[test]
    fn a_copy_says_on_its_last_copied_line_where_they_part_however_long_it_is() {
        let line = |n: usize| {
            format!(
                "{{\"type\":\"user\",\"uuid\":\"n{n}\",\"forkedFrom\":{{\"sessionId\":\"old\",\"messageUuid\":\"o{n}\"}},\
                 \"message\":{{\"role\":\"user\",\"content\":\"go on\"}}}}\n"
            )
        };
        let before = "{\"type\":\"summary\",\"summary\":\"x\",\"leafUuid\":\"y\"}\n".repeat(BEGINS * 2);
        let copied: String = (0..BEGINS * 2).map(line).collect();
        let new = piece_of(&(before + &copied + "{\"type\":\"user\",\"uuid\":\"own\"}\n"));
        let Some(Edit::LineageFound { of, at_message, .. }) = said(Agent::Claude, &new) else { panic!() };
        assert_eq!(of, SessionId::of_key("claude", b"old"));
        assert_eq!(at_message, Text::from(format!("o{}", BEGINS * 2 - 1).as_str()));
    }

    #[test]
    fn a_conversation_that_says_nothing_of_another_comes_from_none() {
        assert!(said(Agent::Claude, &piece_of("{\"type\":\"user\",\"uuid\":\"own\"}\n")).is_none());
    }

    #[test]
    fn another_transcript_is_read_as_far_as_it_is_the_same() {
        let ours = ["a", "b", "c"].map(str::to_owned);
        for (theirs, wanted) in
            [("", (0, true)), ("a", (1, true)), ("abc", (3, true)), ("abcd", (3, false)), ("axc", (1, false))]
        {
            let ids = theirs.chars().map(|id| Ok(id.to_string()));
            assert_eq!(common(&ours, ids).unwrap(), wanted, "{theirs:?}");
        }
        let ends = ["a", "x"].map(|id| Ok(id.to_owned())).into_iter();
        let damaged = std::iter::once_with(|| panic!("nothing behind the first difference is read"));
        assert_eq!(common(&ours, ends.chain(damaged)).unwrap(), (1, false));
    }
}
