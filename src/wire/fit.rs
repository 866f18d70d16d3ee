//! Makes the line of an event fit into a frame: texts that are too long for one are cut, and say so.
//!
//! Works on the line, not on the event, so that no field can be forgotten. Ids, times and whatever
//! else is short stay as they are.

use serde_json::Value;

use super::{Bad, frame};

/// What is cut is cut to half a frame, since the reader's redaction may make it longer again.
const ROOM: usize = frame::CAP / 2;

/// A text of so many bytes is never cut: no id is longer.
const FEWEST: usize = 1 << 10;

/// How many items of a list are kept for each byte of a text that is.
const BYTES_PER_ITEM: usize = 64;

/// Returns the line of an event with its longest texts cut; `None` if it fits as it is.
///
/// # Errors
/// It is no line of an event, or does not fit even so.
pub fn fit(line: &[u8]) -> Result<Option<Vec<u8>>, Bad> {
    match line.len() > frame::CAP {
        true => cut_to(line, ROOM).map(Some),
        false => Ok(None),
    }
}

fn cut_to(line: &[u8], room: usize) -> Result<Vec<u8>, Bad> {
    let whole: Value = serde_json::from_slice(line)?;
    let mut keep = room;
    while keep > FEWEST {
        keep /= 2;
        let mut event = whole.clone();
        cut(&mut event["body"], keep.max(FEWEST));
        mark(&mut event["body"]);
        // An escape is up to six times as long as what it stands for, so only the result counts.
        let line = event.to_string();
        if line.len() <= room {
            return Ok(line.into_bytes());
        }
    }
    Err(Bad::Field("body"))
}

fn cut(value: &mut Value, keep: usize) {
    match value {
        Value::String(text) => cut_text(text, keep),
        Value::Array(items) => {
            items.truncate(keep / BYTES_PER_ITEM);
            items.iter_mut().for_each(|item| cut(item, keep));
        }
        Value::Object(fields) => match fields.get_mut("hex") {
            // Two digits are a byte, and a word about the cut is none.
            Some(Value::String(digits)) => digits.truncate(keep & !1),
            _ => fields.values_mut().for_each(|field| cut(field, keep)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn cut_text(text: &mut String, keep: usize) {
    let whole = text.len();
    if whole <= keep {
        return;
    }
    let end = (0..=keep).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text.push_str(&format!("… [{} bytes cut]", whole - end));
}

/// A command has a flag of its own for it, as the shells' records do.
fn mark(body: &mut Value) {
    let Some(body) = body.as_object_mut().filter(|body| body.contains_key("command_id")) else { return };
    let flags = body.get("flags").and_then(Value::as_str).unwrap_or_default().replace('t', "");
    body.insert("flags".into(), (flags + "t").into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{CommandHalf, Event, Note, Tool, What};
    use crate::model::id::{CommandId, EventId, Half};
    use crate::model::text::Text;
    use crate::model::time::Timestamp;
    use crate::wire::event;

    fn line(what: What) -> Vec<u8> {
        event::encode(&Event {
            id: EventId::parse("e").unwrap(),
            at: Timestamp(1),
            session: None,
            seq: None,
            what,
        })
    }

    fn note(text: impl Into<Text>) -> Vec<u8> {
        line(What::TurnEnded(Note { text: text.into(), name: None }))
    }

    fn told(line: &[u8], room: usize) -> What {
        let fitted = cut_to(line, room).unwrap();
        assert!(fitted.len() <= room, "{} of {room}", fitted.len());
        event::decode(&fitted).unwrap().what
    }

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(fit(&note("short")), Ok(None));
        let long = note(vec![b'x'; frame::CAP]);
        assert!(fit(&long).unwrap().is_some_and(|line| line.len() <= ROOM));
    }

    #[test]
    fn a_text_of_any_kind_is_cut_until_it_fits_and_says_so() {
        for letter in ["x", "\u{1}", "é", "🦀"] {
            let What::TurnEnded(note) = told(&note(letter.repeat(100_000)), 20_000) else {
                panic!("{letter}")
            };
            let text = note.text.lossy().into_owned();
            assert!(text.starts_with(&letter.repeat(100)) && text.ends_with(" bytes cut]"), "{letter:?}");
        }
        let What::TurnEnded(note) = told(&note(vec![0xff; 100_000]), 20_000) else { panic!("bytes") };
        assert!(note.text.as_bytes().len() > 1000 && note.text.as_bytes().iter().all(|byte| *byte == 0xff));
    }

    #[test]
    fn a_command_gets_its_flag_and_a_list_is_shortened() {
        let json = r#"{"command_id":"s.1","command":"","cwd":"/","flags":"rt"}"#;
        let mut half: CommandHalf = serde_json::from_str(json).unwrap();
        half.command = "make ".repeat(10_000).into();
        let What::CommandStarted(half) = told(&line(What::CommandStarted(Box::new(half))), 20_000) else {
            panic!("a command stays one")
        };
        assert_eq!((half.flags.as_str(), half.cwd), ("rt", "/".into()));
        let id = EventId::of_half(&CommandId::parse("s.1").unwrap(), Half::Started);
        assert_eq!(id, EventId::of_half(&half.command_id, Half::Started));
        let mut tool: Tool = serde_json::from_str(r#"{"name":"edit"}"#).unwrap();
        tool.paths = (0..10_000).map(|n| format!("/w/{n}").into()).collect();
        let What::ToolFinished(tool) = told(&line(What::ToolFinished(Box::new(tool))), 20_000) else {
            panic!("a tool stays one")
        };
        assert!((100..10_000).contains(&tool.paths.len()), "{}", tool.paths.len());
    }

    #[test]
    fn what_does_not_fit_even_so_is_an_error() {
        assert!(cut_to(&note("x"), 10).is_err() && cut_to(b"{", 100).is_err());
    }
}
