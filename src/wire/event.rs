//! An event as one line of JSON. The format stands in [`super`].

use std::sync::LazyLock;

use bstr::{ByteSlice, Finder};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::Bad;
use crate::model::event::{CommandHalf, Event, What};
use crate::model::id::{EventId, SessionId};
use crate::model::time::Timestamp;

const VERSION: u64 = 1;

/// Most events take no more bytes than this.
const USUAL: usize = 512;

/// The kind of [`What::TranscriptKept`].
pub const KEPT: &str = "transcript_kept";

/// The kind of [`What::TrailEdited`].
pub const TRAIL_EDITED: &str = "trail_edited";

#[derive(Serialize)]
struct Envelope<'a, B> {
    v: u64,
    id: &'a EventId,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    kind: &'a str,
    body: B,
}

#[derive(Deserialize)]
struct Line<'a> {
    v: u64,
    id: EventId,
    at: Timestamp,
    #[serde(default)]
    session: Option<SessionId>,
    #[serde(default)]
    seq: Option<u64>,
    kind: String,
    #[serde(default, borrow, deserialize_with = "raw")]
    body: Option<&'a RawValue>,
}

/// A body that is `null` is one.
fn raw<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(from).map(Some)
}

/// What stands before the body, which [`encode`] puts last.
const BODY: &[u8] = br#","body":"#;

/// What stands before the kind.
const KIND: &[u8] = br#""kind":""#;

/// Made once for the thousands of lines of a history.
static FIND_BODY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BODY));
static FIND_KIND: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(KIND));

/// Returns the event as a line, without its newline.
///
/// Of an [`What::Unknown`] only the envelope is left: carry on the line it was read from instead.
pub fn encode(event: &Event) -> Vec<u8> {
    match &event.what {
        What::SessionSeen(body) => line(event, body),
        What::SessionEnded(body)
        | What::TurnEnded(body)
        | What::TurnFailed(body)
        | What::ToolBatch(body)
        | What::SubagentStarted(body)
        | What::SubagentStopped(body)
        | What::Compacted(body)
        | What::CheckpointAsked(body) => line(event, body),
        What::Prompt(body) => line(event, body),
        What::CommandStarted(body) | What::CommandFinished(body) => line(event, body),
        What::ToolStarted(body) | What::ToolFinished(body) => line(event, body),
        What::Snapshot(body) => line(event, body),
        What::SessionEdited(body) => line(event, body),
        What::TrailEdited(body) => line(event, body),
        What::Restored(body) => line(event, body),
        What::Looked(body) => line(event, body),
        What::TranscriptKept(body) => line(event, body),
        What::Committed(body) => line(event, body),
        What::Rewritten(body) => line(event, body),
        What::CheckedOut(body) => line(event, body),
        What::Merged(body) => line(event, body),
        What::Unknown(_) => line(event, &serde_json::Map::new()),
    }
}

/// Reads a line, with or without its newline.
pub fn decode(line: &[u8]) -> Result<Event, Bad> {
    if let Some(event) = decode_parts(line) {
        return Ok(event);
    }
    let line: Line<'_> = serde_json::from_slice(line)?;
    let body = line.body.map(RawValue::get).filter(|body| *body != "null");
    event(line, body.unwrap_or("{}"))
}

/// Reads a line in two parts, which can be done where the body stands last, as [`encode`] has it: else all
/// of it is read over to find its end before it is read, a fifth of the work. `None` where it cannot, or
/// where what happened is not known; never another event than the whole line is.
fn decode_parts(line: &[u8]) -> Option<Event> {
    let at = FIND_BODY.find(line)?;
    let blank = |ch| matches!(ch, ' ' | '\t' | '\r' | '\n');
    let body = line[at + BODY.len()..].trim_end_with(blank).strip_suffix(b"}")?;
    let body = str::from_utf8(body).ok()?;
    let envelope = [&line[..at], b"}"].concat();
    let line: Line<'_> =
        serde_json::from_slice(&envelope).ok().filter(|line: &Line<'_>| line.body.is_none())?;
    event(line, body).ok().filter(|event| !matches!(event.what, What::Unknown(_)))
}

fn event(line: Line<'_>, body: &str) -> Result<Event, Bad> {
    if line.v == 0 {
        return Err(Bad::Version);
    }
    if line.at.0 <= 0 {
        return Err(Bad::Field("at"));
    }
    let what = match line.v {
        VERSION => what(line.kind, body)?,
        _ => What::Unknown(line.kind),
    };
    Ok(Event { id: line.id, at: line.at, session: line.session, seq: line.seq, what })
}

/// The kind of a line, without decoding the rest; `None` if it is no line as [`encode`] makes it.
///
/// No id and no session holds a quote, so the first key of this name is the envelope's.
pub fn kind_of(line: &[u8]) -> Option<&[u8]> {
    let envelope = &line[..line.len().min(512)];
    let kind = &envelope[FIND_KIND.find(envelope)? + KIND.len()..];
    kind.get(..kind.find_byte(b'"')?)
}

/// The text of a command in the line of its event, without decoding it; `None` where it is none, or
/// stands there in another way than it is.
pub fn plain_command(line: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = br#""command":""#;
    let is_command = kind_of(line).is_some_and(|kind| kind.starts_with(b"command_"));
    let line = line.get(..if is_command { line.len() } else { 0 })?;
    let mut keys = line.find_iter(KEY);
    let (Some(at), None) = (keys.next(), keys.next()) else { return None };
    let text = &line[at + KEY.len()..];
    let text = &text[..text.find_byte(b'"')?];
    (!text.contains(&b'\\')).then_some(text)
}

/// The name of what happened, as the line has it.
pub fn kind(what: &What) -> &str {
    match what {
        What::SessionSeen(_) => "session_seen",
        What::SessionEnded(_) => "session_ended",
        What::Prompt(_) => "prompt",
        What::TurnEnded(_) => "turn_ended",
        What::TurnFailed(_) => "turn_failed",
        What::CommandStarted(_) => "command_started",
        What::CommandFinished(_) => "command_finished",
        What::ToolStarted(_) => "tool_started",
        What::ToolFinished(_) => "tool_finished",
        What::ToolBatch(_) => "tool_batch",
        What::SubagentStarted(_) => "subagent_started",
        What::SubagentStopped(_) => "subagent_stopped",
        What::Compacted(_) => "compacted",
        What::CheckpointAsked(_) => "checkpoint_asked",
        What::Snapshot(_) => "snapshot",
        What::SessionEdited(_) => "session_edited",
        What::TrailEdited(_) => TRAIL_EDITED,
        What::Restored(_) => "restored",
        What::Looked(_) => "looked",
        What::TranscriptKept(_) => KEPT,
        What::Committed(_) => "committed",
        What::Rewritten(_) => "rewritten",
        What::CheckedOut(_) => "checked_out",
        What::Merged(_) => "merged",
        What::Unknown(kind) => kind,
    }
}

fn line<B: Serialize>(event: &Event, body: &B) -> Vec<u8> {
    let envelope = Envelope {
        v: VERSION,
        id: &event.id,
        at: event.at,
        session: event.session.as_ref(),
        seq: event.seq,
        kind: kind(&event.what),
        body,
    };
    let mut line = Vec::with_capacity(USUAL);
    let written = serde_json::to_writer(&mut line, &envelope);
    written.expect("our own types have string keys only, and memory does not fail");
    line
}

fn what(kind: String, body: &str) -> Result<What, Bad> {
    Ok(match kind.as_str() {
        "session_seen" => What::SessionSeen(read(body)?),
        "session_ended" => What::SessionEnded(read(body)?),
        "prompt" => What::Prompt(read(body)?),
        "turn_ended" => What::TurnEnded(read(body)?),
        "turn_failed" => What::TurnFailed(read(body)?),
        "command_started" => What::CommandStarted(half(body)?),
        "command_finished" => What::CommandFinished(half(body)?),
        "tool_started" => What::ToolStarted(read(body)?),
        "tool_finished" => What::ToolFinished(read(body)?),
        "tool_batch" => What::ToolBatch(read(body)?),
        "subagent_started" => What::SubagentStarted(read(body)?),
        "subagent_stopped" => What::SubagentStopped(read(body)?),
        "compacted" => What::Compacted(read(body)?),
        "checkpoint_asked" => What::CheckpointAsked(read(body)?),
        "snapshot" => What::Snapshot(read(body)?),
        // An op that we do not know is a newer version's.
        "session_edited" => read(body).map_or(What::Unknown(kind), What::SessionEdited),
        TRAIL_EDITED => read(body).map_or(What::Unknown(kind), What::TrailEdited),
        "restored" => What::Restored(read(body)?),
        "looked" => What::Looked(read(body)?),
        KEPT => What::TranscriptKept(read(body)?),
        "committed" => What::Committed(read(body)?),
        "rewritten" => What::Rewritten(read(body)?),
        "checked_out" => What::CheckedOut(read(body)?),
        "merged" => What::Merged(read(body)?),
        _ => What::Unknown(kind),
    })
}

fn read<B: DeserializeOwned>(body: &str) -> Result<B, Bad> {
    Ok(serde_json::from_str(body)?)
}

/// A time of 0 would sort first and be pruned first: it is no time.
fn half(body: &str) -> Result<Box<CommandHalf>, Bad> {
    let half: Box<CommandHalf> = read(body)?;
    match [half.start, half.end].iter().flatten().all(|time| time.0 > 0) {
        true => Ok(half),
        false => Err(Bad::Field("start, end")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{
        Looked, Note, Prompt, RestoreAction, Restored, SessionSeen, SnapshotFacts, Tool,
    };
    use crate::model::gitact::{CheckedOut, Committed, Merged, Rewritten};
    use crate::model::id::CommandId;
    use crate::model::oid::Oid;
    use crate::model::session::Edit;
    use crate::model::text::Text;
    use crate::model::trail::Status;
    use crate::model::trail::said::{self, Said};
    use proptest::prelude::*;

    fn event(what: What) -> Event {
        Event {
            id: EventId::of_call(&[b"x"]),
            at: Timestamp(1_787_220_000_000_000),
            session: Some(SessionId::of_key("claude", b"abc")),
            seq: Some(7),
            what,
        }
    }

    fn oid(mark: u8) -> Oid {
        Oid::from_bytes(&[mark; 20]).unwrap()
    }

    fn half_of(command: &[u8]) -> Box<CommandHalf> {
        Box::new(CommandHalf {
            command_id: CommandId::of_shell(&SessionId::of_key("claude", b"abc"), 7),
            command: Text(command.to_vec()),
            cwd: "/w".into(),
            cwd_after: Some("/w/x".into()),
            start: Some(Timestamp(5)),
            end: None,
            duration_us: None,
            exit: Some(-1),
            pipestatus: vec![1, 2],
            interrupted: true,
            flags: "r".into(),
            shell: Some("zsh".into()),
            actor: None,
            process: None,
            output: None,
        })
    }

    #[test]
    fn every_kind_survives_its_line() {
        let note = || Note { text: "a\nb\u{0}".into(), name: Some("n".into()) };
        for what in [
            What::SessionSeen(Box::new(SessionSeen { agent: "shell".into(), ..SessionSeen::default() })),
            What::SessionEnded(note()),
            What::Prompt(Prompt { text: "do\u{1f}it".into(), model: None }),
            What::TurnEnded(note()),
            What::TurnFailed(note()),
            What::CommandStarted(half_of(b"caf\xe9")),
            What::CommandFinished(half_of(b"make \x1b[0m")),
            What::ToolStarted(Box::new(Tool { name: "Edit".into(), ..Tool::default() })),
            What::ToolFinished(Box::default()),
            What::ToolBatch(Note::default()),
            What::SubagentStarted(note()),
            What::SubagentStopped(note()),
            What::Compacted(note()),
            What::CheckpointAsked(note()),
            What::Snapshot(Box::<SnapshotFacts>::default()),
            What::Restored(Box::new(Restored {
                action: RestoreAction::Undo,
                label: "rm -rf src".into(),
                of: Some("cmd:1".into()),
                saved: Oid::from_bytes(&[7; 20]).unwrap(),
                start: Timestamp(1),
                end: Timestamp(2),
                changed: 1,
                paths: vec!["src/a".into()],
            })),
            What::SessionEdited(Edit::AliasSet { alias: Some("retry".into()) }),
            What::SessionEdited(Edit::ParentSet { parent: None, kind: None }),
            What::TrailEdited(Box::new(Said {
                branch: Text(b"fix/\xff".to_vec()),
                by: Some("Ada".into()),
                edit: said::Edit::StatusSet { status: Some(Status::InReview), reason: Some("a".into()) },
            })),
            What::TrailEdited(Box::new(Said {
                branch: "b".into(),
                by: None,
                edit: said::Edit::LabelsAdded { labels: vec!["slow".into()] },
            })),
            What::Looked(Looked { tip: Oid::from_bytes(&[7; 32]).unwrap() }),
            What::Committed(Committed {
                commit: oid(1),
                before: Some(oid(2)),
                branch: Some("topic".into()),
                action: Some("commit (amend)".into()),
            }),
            What::Rewritten(Rewritten {
                by: "rebase".into(),
                pairs: vec![(oid(1), oid(3)), (oid(2), oid(3))],
            }),
            What::CheckedOut(CheckedOut { old: None, new: oid(1), branch: None }),
            What::Merged(Merged { commit: Some(oid(1)), squash: true }),
            What::Unknown("from_the_future".into()),
        ] {
            let event = event(what);
            let line = encode(&event);
            assert!(!line.iter().any(|byte| *byte < b' '), "a line has no control characters");
            assert_eq!(decode(&line).as_ref(), Ok(&event));
            let is_known = !matches!(event.what, What::Unknown(_));
            assert_eq!(
                decode_parts(&line),
                is_known.then(|| event.clone()),
                "the quick way is the usual one"
            );
            assert_eq!(kind_of(&line), Some(kind(&event.what).as_bytes()));
        }
    }

    #[test]
    fn an_event_is_this_line() {
        let mut event = event(What::Prompt(Prompt { text: "go".into(), model: None }));
        event.session = None;
        event.seq = None;
        let line = String::from_utf8(encode(&event)).unwrap();
        let id = &event.id;
        let expected =
            format!(r#"{{"v":1,"id":"{id}","at":1787220000000000,"kind":"prompt","body":{{"text":"go"}}}}"#);
        assert_eq!(line, expected);
    }

    #[test]
    fn a_line_says_the_same_in_any_order() {
        let edited = What::SessionEdited(Edit::AliasSet { alias: Some("a".into()) });
        for event in [event(edited), event(What::CommandStarted(half_of(b"a,\"body\":{}")))] {
            let line = String::from_utf8(encode(&event)).unwrap();
            let (envelope, body) = line.split_once(r#","body":"#).unwrap();
            let (envelope, body) = (&envelope[1..], &body[..body.len() - 1]);
            for line in [
                line.clone(),
                format!("{line} \n"),
                format!(r#"{{"body":{body},{envelope}}}"#),
                format!(r#"{{{envelope},"body":{body},"more":{{"body":{body}}}}}"#),
                format!(r#"{{"more":{{"v":2,"body":{body}}},{envelope},"body":{body}}}"#),
                format!(r#"{{{envelope}, "body" : {body} }}"#),
            ] {
                assert_eq!(decode(line.as_bytes()).as_ref(), Ok(&event), "{line}");
            }
        }
    }

    #[test]
    fn what_is_newer_is_unknown_and_not_an_error() {
        for line in [
            r#"{"v":1,"id":"e","at":1,"kind":"dreamt","body":{"deep":[[1]]},"more":{}}"#,
            r#"{"v":2,"id":"e","at":1,"kind":"dreamt","body":7}"#,
            r#"{"v":1,"id":"e","at":1,"kind":"dreamt"}"#,
            r#"{"v":1,"id":"e","at":1,"kind":"dreamt","body":null}"#,
        ] {
            assert_eq!(decode(line.as_bytes()).unwrap().what, What::Unknown("dreamt".into()), "{line}");
        }
        let more = br#"{"v":1,"id":"e","at":1,"kind":"prompt","body":{"text":"x","mood":"good"}}"#;
        assert!(
            matches!(decode(more).unwrap().what, What::Prompt(_)),
            "unknown fields do not hide known ones"
        );
    }

    #[test]
    fn what_is_no_event_is_refused_in_words() {
        for line in [
            &b""[..],
            b"null",
            b"[]",
            b"{}",
            br#"{"v":0,"id":"e","at":1,"kind":"prompt","body":{}}"#,
            br#"{"v":1,"id":"e","at":0,"kind":"prompt","body":{}}"#,
            br#"{"v":1,"id":"e","at":-5,"kind":"prompt","body":{}}"#,
            br#"{"v":1,"id":"../e f","at":1,"kind":"prompt","body":{}}"#,
            br#"{"v":1,"id":"e","at":1,"session":"nobody","kind":"prompt","body":{}}"#,
            br#"{"v":1,"id":"e","at":1,"kind":"command_started","body":{}}"#,
            br#"{"v":1,"id":"e","at":1,"kind":"command_started","body":{"command_id":"a.1","command":"x","cwd":"/","start":0}}"#,
            br#"{"v":1,"id":"e","at":1,"kind":"prompt","body":[]"#,
            br#"{"v":1,"id":"e","at":1,"kind":"prompt","body":{}} {}"#,
            b"{\"v\":1,\"id\":\"e\",\"at\":1,\"kind\":\"prompt\",\"body\":{\"text\":\"\xff\"}}",
            b"{\"v\":1,\"id\":\"e\",\"at\":1,\"kind\":\"prompt\",\"body\":{\"text\":\"\",\"mood\":\"\xff\"}}",
            br#"{"v":1,"id":"e","at":1,"kind":"prompt","body":{"text":""},"body":{"text":""}}"#,
            br#"{"v":1,"id":"e","at":1,"kind":"prompt","bod\u0079":{"text":""},"body":{"text":""}}"#,
            br#"{"v":1,"id":"e","at":1,"kind":"prompt","bod\u0079":null,"body":{"text":""}}"#,
            br#"{"body":null,"v":1,"id":"e","at":1,"kind":"prompt","body":{"text":""}}"#,
            b"{\"v\":1,\"id\":\"e\",\"at\":1,\"kind\":\"prompt\",\"body\":{\"text\":\"\"}}\x0c",
        ] {
            let bad = decode(line).expect_err(&String::from_utf8_lossy(line));
            assert!(!bad.to_string().is_empty());
        }
    }

    #[test]
    fn a_line_cut_at_any_byte_is_refused() {
        let line = encode(&event(What::CommandFinished(half_of("é make".as_bytes()))));
        for cut in 0..line.len() {
            assert!(decode(&line[..cut]).is_err(), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_command_that_is_read_without_decoding_is_the_same(
            command in prop_oneof![
                "[ -~\\n]{0,40}".prop_map(String::into_bytes),
                Just(br#"x","command":"y"#.to_vec()),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
        ) {
            let line = encode(&event(What::CommandStarted(half_of(&command))));
            let is_plain = command.iter().all(|byte| (b' '..=b'~').contains(byte) && !b"\"\\".contains(byte));
            match plain_command(&line) {
                Some(plain) => prop_assert_eq!(plain, command),
                None => prop_assert!(!is_plain),
            }
        }
    }
}
