//! The event log of sessions-db, line by line to events of ours.
//!
//! Its format: a JSON object per line, `ts`, `event_id`, `op`, `stable_id`, `payload`
//! (druumen/sessions-db 0.1.0). The order of its lines is the order of its events, whatever `ts` says,
//! so each is told a microsecond after the one before at the earliest.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Bad;
use crate::model::event::{Actor, ActorKind, Event, Prompt, SessionSeen, What};
use crate::model::id::{EventId, SessionId};
use crate::model::session::{Edit, Outcome};
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// The name of the log.
pub const LOG: &str = "sessions-db-events.jsonl";

/// The agent whose sessions these are.
const AGENT: &str = "claude";

/// The longest name of an op, bytes.
const LONGEST_OP: usize = 64;

#[derive(Deserialize)]
struct Line<'a> {
    ts: String,
    event_id: String,
    op: String,
    stable_id: String,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Seen {
    claude_session_id: Option<String>,
    branch_at_start: Option<String>,
    branch_current: Option<String>,
    cwd: Option<String>,
    first_prompt_preview: Option<String>,
    transcript_file: Option<File>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    path: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Close {
    outcome: String,
    closed_reason: Option<String>,
}

/// Reads lines, and remembers what must not be told twice.
#[derive(Default)]
pub struct Log {
    last: i64,
    /// Whose first prompt was told: each line of a session repeats it.
    asked: HashSet<SessionId>,
}

impl Log {
    /// The events of a line. Of an op that has no place here only that it was there: a session that
    /// nothing else tells of is one all the same.
    pub fn read(&mut self, line: &[u8]) -> Result<Vec<Event>, Bad> {
        let line: Line<'_> = serde_json::from_slice(line)?;
        if line.stable_id.is_empty() {
            return Err(Bad::Field("stable_id"));
        }
        let at: jiff::Timestamp = line.ts.parse().map_err(|_| Bad::Field("ts"))?;
        self.last = at.as_microsecond().max(self.last + 1);
        let session = session(&line.stable_id);
        let event = |part: &str, what: What| Event {
            id: EventId::of_call(&[b"sessions-db", line.event_id.as_bytes(), part.as_bytes()]),
            at: Timestamp(self.last),
            session: Some(session.clone()),
            seq: None,
            what,
        };
        let noted = |op: &str| match op.len() <= LONGEST_OP {
            true => Ok(vec![event("", What::Unknown(format!("sessions-db/{op}")))]),
            false => Err(Bad::Field("op")),
        };
        let edit = |edit: Edit| Ok(vec![event("", What::SessionEdited(edit))]);
        let payload = line.payload.get();
        match line.op.as_str() {
            "session_seen" => {
                let seen: Seen = serde_json::from_str(payload)?;
                let preview =
                    seen.first_prompt_preview.clone().filter(|_| self.asked.insert(session.clone())).map(
                        |text| event("preview", What::Prompt(Prompt { text: text.into(), model: None })),
                    );
                let seen = event("", What::SessionSeen(Box::new(of(seen))));
                Ok(std::iter::once(seen).chain(preview).collect())
            }
            // What an old version wrote by mistake changes nothing.
            "session_link" if payload.contains("\"remove\":true") => noted("session_link"),
            // Names with the same fields as ours.
            "session_link" | "session_unlink" => {
                let mut tagged: Map<String, Value> = serde_json::from_str(payload)?;
                tagged.insert("op".to_owned(), line.op.clone().into());
                edit(serde_json::from_value(tagged.into())?)
            }
            "alias_set" => match field(payload, "alias")? {
                Field::Set(alias) => edit(Edit::AliasSet { alias: Some(alias) }),
                Field::Cleared => edit(Edit::AliasSet { alias: None }),
                Field::Other => noted("alias_set"),
            },
            "parent_set" => match field(payload, "parent_session_id")? {
                Field::Set(id) => edit(Edit::ParentSet { parent: Some(self::session(&id)), kind: None }),
                Field::Cleared => edit(Edit::ParentSet { parent: None, kind: None }),
                Field::Other => noted("parent_set"),
            },
            "close" => {
                let close: Close = serde_json::from_str(payload)?;
                let outcome = Outcome::parse(&close.outcome).unwrap_or_default();
                edit(Edit::Close { outcome, closed_reason: close.closed_reason })
            }
            // States are computed at reading, and candidates found anew.
            op => noted(op),
        }
    }
}

fn of(seen: Seen) -> SessionSeen {
    SessionSeen {
        agent: AGENT.to_owned(),
        external_id: seen.claude_session_id.unwrap_or_default().into(),
        cwd: seen.cwd.map(Text::from),
        branch: seen.branch_current.or(seen.branch_at_start).map(Text::from),
        transcript: seen.transcript_file.and_then(|file| file.path).map(Text::from),
        actor: Actor { kind: ActorKind::Agent, name: Some(AGENT.to_owned()), ..Actor::default() },
        ..SessionSeen::default()
    }
}

/// Its ids are of the same form as ours; any other is a key.
fn session(stable: &str) -> SessionId {
    SessionId::parse(stable).unwrap_or_else(|| SessionId::of_key("sessions-db", stable.as_bytes()))
}

/// What a line says of a field.
enum Field {
    Set(String),
    Cleared,
    /// Nothing that its own program would heed.
    Other,
}

fn field(object: &str, name: &str) -> Result<Field, Bad> {
    let mut object: Map<String, Value> = serde_json::from_str(object)?;
    Ok(match object.remove(name) {
        Some(Value::Null) => Field::Cleared,
        Some(Value::String(text)) if !text.is_empty() => Field::Set(text),
        _ => Field::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::session::{Fold, ParentKind};

    const A: &str = "sess_01987f00-0000-7000-8000-00000000000a";
    const B: &str = "sess_01987f00-0000-7000-8000-00000000000b";

    fn lines(lines: &[(&str, &str, &str, &str)]) -> Vec<Event> {
        let mut log = Log::default();
        let read = |(n, (ts, op, stable, payload)): (usize, &(&str, &str, &str, &str))| {
            let line = format!(
                r#"{{"ts":"{ts}","event_id":"evt_{n}","op":"{op}","stable_id":"{stable}","payload":{payload}}}"#
            );
            log.read(line.as_bytes()).unwrap()
        };
        lines.iter().enumerate().flat_map(read).collect()
    }

    #[test]
    fn its_sessions_aliases_links_and_parents_are_ours() {
        let events = lines(&[
            (
                "2026-08-20T10:00:00.000Z",
                "session_seen",
                A,
                r#"{"claude_session_id":"c-1","cwd":"/w","branch_current":"topic","first_prompt_preview":"add"}"#,
            ),
            ("2026-08-20T10:00:00.000Z", "session_seen", B, r#"{"claude_session_id":"c-2"}"#),
            ("2026-08-20T09:00:00.000Z", "alias_set", A, r#"{"alias":"retry"}"#),
            ("2026-08-20T10:00:02.000Z", "session_link", A, r#"{"tasks":["t1","t2"],"projects":["p"]}"#),
            ("2026-08-20T10:00:03.000Z", "session_link", A, r#"{"tasks":["t2"],"remove":true}"#),
            ("2026-08-20T10:00:04.000Z", "session_unlink", A, r#"{"tasks":["t1"]}"#),
            ("2026-08-20T10:00:05.000Z", "parent_set", B, &format!(r#"{{"parent_session_id":"{A}"}}"#)),
            (
                "2026-08-20T10:00:06.000Z",
                "close",
                B,
                r#"{"outcome":"done","closed_reason":"merged by hand"}"#,
            ),
            ("2026-08-20T10:00:07.000Z", "alias_set", B, r#"{"alias":null}"#),
            ("2026-08-20T10:00:08.000Z", "mood_set", B, r#"{"mood":"good"}"#),
        ]);
        let all = Fold::of(events.into_iter().map(|event| (event, None)).collect()).finish();
        assert_eq!(all.len(), 2);
        let of = |id: &str| all.iter().find(|one| one.id.as_str() == id).unwrap();
        let (a, b) = (of(A), of(B));
        assert_eq!(
            (a.alias.as_deref(), &a.tasks[..], &a.projects[..]),
            (Some("retry"), &["t2".to_owned()][..], &["p".to_owned()][..])
        );
        assert_eq!(
            (a.first_prompt.as_deref(), a.branch.as_ref().map(|name| name.lossy())),
            (Some("add"), Some("topic".into()))
        );
        assert_eq!(
            (b.parent.as_ref().map(|id| id.as_str()), b.parent_kind),
            (Some(A), Some(ParentKind::Manual))
        );
        assert_eq!(
            (b.outcome, b.closed_reason.as_deref(), &b.alias),
            (Outcome::Done, Some("merged by hand"), &None)
        );
    }

    #[test]
    fn lines_keep_their_order_and_damage_is_an_error() {
        let events = lines(&[
            ("2026-08-20T10:00:00.000Z", "alias_set", A, r#"{"alias":"one"}"#),
            ("2026-08-20T09:00:00.000Z", "alias_set", A, r#"{"alias":"two"}"#),
            ("2026-08-20T10:00:00.000Z", "alias_set", "any text", "{}"),
        ]);
        assert!(events.windows(2).all(|pair| pair[0].at < pair[1].at));
        let mut log = Log::default();
        for bad in [
            "",
            "{}",
            r#"{"ts":"x","event_id":"e","op":"o","stable_id":"s","payload":{}}"#,
            r#"{"ts":"2026-08-20T10:00:00Z","event_id":"e","op":"o","stable_id":"","payload":{}}"#,
        ] {
            assert!(log.read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
