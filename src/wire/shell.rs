//! What a shell writes into its journal: records of commands, and the header. The format stands in
//! [`super`].
//!
//! Every field is checked: a record that does not hold what it must is set aside by the caller,
//! never filled in with a guess.

use serde::{Deserialize, Serialize};

use super::Bad;
use crate::model::event::{CommandHalf, Event, SessionSeen, What};
use crate::model::id::{CommandId, EventId, Half, SessionId};
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// Between two fields.
pub const US: u8 = 0x1f;

/// How many flags a record may have; there are four kinds.
const MAX_FLAGS: usize = 8;

/// One half of a command, as the shell tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub half: Half,
    pub seq: u64,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub exit: Option<i32>,
    pub pipestatus: Vec<i32>,
    pub flags: String,
    pub cwd: Text,
    pub cwd_after: Option<Text>,
    pub text: Text,
}

#[derive(Serialize, Deserialize)]
struct Header<S> {
    at: Timestamp,
    seen: S,
}

/// Reads the payload of a frame from the journal of the shell session `session_uuid`.
///
/// `shell` is the shell's name, where the caller knows it from the header.
pub fn parse(payload: &[u8], session_uuid: &str, shell: Option<&str>) -> Result<Event, Bad> {
    let session = SessionId::of_key("shell", session_uuid.as_bytes());
    match payload.strip_prefix(b"1\x1fH\x1f") {
        Some(json) => parse_header(json, session),
        None => Ok(parse_command(payload)?.into_event(session, shell)),
    }
}

/// Reads the record of a command.
pub fn parse_command(payload: &[u8]) -> Result<Record, Bad> {
    let fields: Vec<&[u8]> = payload.splitn(11, |byte| *byte == US).collect();
    let [version, half, seq, start, end, exit, pipestatus, flags, cwd, cwd_after, text] = fields[..] else {
        return Err(if payload.starts_with(b"1\x1f") { Bad::Field("text") } else { Bad::Version });
    };
    if version != b"1" {
        return Err(Bad::Version);
    }
    let half = match half {
        b"S" => Half::Started,
        b"C" => Half::Finished,
        _ => return Err(Bad::Field("half")),
    };
    let record = Record {
        half,
        seq: number(seq).filter(|seq| *seq > 0).ok_or(Bad::Field("seq"))?,
        start: time(start).map_err(|()| Bad::Field("start"))?,
        end: time(end).map_err(|()| Bad::Field("end"))?,
        exit: status(exit, half)?,
        pipestatus: pipe(pipestatus)?,
        flags: letters(flags)?,
        cwd: cwd.into(),
        cwd_after: (!cwd_after.is_empty()).then(|| cwd_after.into()),
        text: text.into(),
    };
    record.check()?;
    Ok(record)
}

/// Returns the record as a payload, or what it has that no record can have.
pub fn encode_command(record: &Record) -> Result<Vec<u8>, Bad> {
    record.check()?;
    let micros = |time: Option<Timestamp>| time.map(|time| time.0.to_string()).unwrap_or_default();
    let pipestatus: Vec<String> = record.pipestatus.iter().map(ToString::to_string).collect();
    let half = match record.half {
        Half::Started => "S",
        Half::Finished => "C",
    };
    let front = [
        "1",
        half,
        &record.seq.to_string(),
        &micros(record.start),
        &micros(record.end),
        &record.exit.map(|exit| exit.to_string()).unwrap_or_default(),
        &pipestatus.join(" "),
        &record.flags,
    ]
    .join("\x1f");
    let after = record.cwd_after.as_ref().map(Text::as_bytes).unwrap_or_default();
    let fields = [front.as_bytes(), record.cwd.as_bytes(), after, record.text.as_bytes()];
    Ok(fields.join(&US))
}

/// Returns the header of a shell's journal file as a payload.
pub fn encode_header(seen: &SessionSeen, at: Timestamp) -> Vec<u8> {
    let json = serde_json::to_vec(&Header { at, seen })
        .expect("our own types have string keys only, and memory does not fail");
    [b"1\x1fH\x1f", json.as_slice()].concat()
}

/// A shell has one journal file per worktree and a new one now and then: each header counts, and
/// one that says the same at the same time is the same.
fn parse_header(json: &[u8], session: SessionId) -> Result<Event, Bad> {
    let Header::<Box<SessionSeen>> { at, seen } = serde_json::from_slice(json)?;
    if at.0 <= 0 {
        return Err(Bad::Field("at"));
    }
    Ok(Event {
        id: EventId::of_call(&[b"header", session.as_str().as_bytes(), json]),
        at,
        session: Some(session),
        seq: None,
        what: What::SessionSeen(seen),
    })
}

impl Record {
    /// What its fields must be to each other, whoever made it.
    fn check(&self) -> Result<(), Bad> {
        let path = |path: &Text| path.as_bytes().starts_with(b"/") && !has(path, &[0, US]);
        let finished = self.half == Half::Finished;
        let rules = [
            ("seq", self.seq > 0),
            ("start", self.start.is_none_or(|time| time.0 > 0) && (finished || self.start.is_some())),
            ("end", self.end.is_none_or(|time| time.0 > 0) && self.end.is_some() == finished),
            ("exit", self.exit.is_some() == finished),
            ("flags", letters(self.flags.as_bytes()).is_ok()),
            ("cwd", path(&self.cwd)),
            ("cwd_after", self.cwd_after.as_ref().is_none_or(path)),
            ("text", !self.text.is_empty() && !has(&self.text, &[0])),
        ];
        match rules.iter().find(|(_, kept)| !kept) {
            Some((field, _)) => Err(Bad::Field(field)),
            None => Ok(()),
        }
    }

    fn into_event(self, session: SessionId, shell: Option<&str>) -> Event {
        let command_id = CommandId::of_shell(&session, self.seq);
        let (id, seq, half) = (EventId::of_half(&command_id, self.half), Some(self.seq), self.half);
        // The end stands alone: its moment is the end's. `check` saw that there is one.
        let at = self.end.or(self.start).unwrap_or_default();
        let body = Box::new(self.into_half(command_id, shell));
        let what = match half {
            Half::Started => What::CommandStarted(body),
            Half::Finished => What::CommandFinished(body),
        };
        Event { id, at, session: Some(session), seq, what }
    }

    fn into_half(self, command_id: CommandId, shell: Option<&str>) -> CommandHalf {
        // Where the clock went back there is no duration: a negative one would be a lie.
        let span = self.start.zip(self.end).map(|(start, end)| end.since(start));
        CommandHalf {
            command_id,
            command: self.text,
            cwd: self.cwd,
            cwd_after: self.cwd_after,
            start: self.start,
            end: self.end,
            duration_us: span.and_then(|span| u64::try_from(span).ok()),
            exit: self.exit,
            pipestatus: fresh(self.pipestatus, self.exit),
            interrupted: false,
            flags: self.flags,
            shell: shell.map(str::to_owned),
            actor: None,
            process: None,
            output: None,
        }
    }
}

/// A shell leaves the list of the last pipeline behind a definition or a `cmd &`: a list whose last
/// item is not the exit code is not this command's. A list of one says nothing that `exit` does not.
fn fresh(pipestatus: Vec<i32>, exit: Option<i32>) -> Vec<i32> {
    match pipestatus.len() > 1 && pipestatus.last().copied() == exit {
        true => pipestatus,
        false => Vec::new(),
    }
}

fn has(text: &Text, bytes: &[u8]) -> bool {
    text.as_bytes().iter().any(|byte| bytes.contains(byte))
}

/// Digits only: `parse` alone would take a sign.
fn number<N: std::str::FromStr>(field: &[u8]) -> Option<N> {
    let text = std::str::from_utf8(field).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn time(field: &[u8]) -> Result<Option<Timestamp>, ()> {
    match field {
        b"" => Ok(None),
        _ => number(field).filter(|micros| *micros > 0).map(|micros| Some(Timestamp(micros))).ok_or(()),
    }
}

fn status(field: &[u8], half: Half) -> Result<Option<i32>, Bad> {
    match (half, field) {
        (Half::Started, b"") => Ok(None),
        (Half::Started, _) => Err(Bad::Field("exit")),
        (Half::Finished, _) => number(field).map(Some).ok_or(Bad::Field("exit")),
    }
}

fn pipe(field: &[u8]) -> Result<Vec<i32>, Bad> {
    let items = field.split(|byte| *byte == b' ').filter(|item| !item.is_empty());
    items.map(|item| number(item).ok_or(Bad::Field("pipestatus"))).collect()
}

/// A flag from a newer script is kept; what is no flag at all is refused.
fn letters(field: &[u8]) -> Result<String, Bad> {
    match field.len() <= MAX_FLAGS && field.iter().all(u8::is_ascii_lowercase) {
        true => Ok(String::from_utf8_lossy(field).into_owned()),
        false => Err(Bad::Field("flags")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Process;
    use proptest::prelude::*;

    const UUID: &str = "01987f00-1111-7000-8000-00000000000a";

    /// A record with `|` for the separator.
    fn record(text: &str) -> Vec<u8> {
        text.replace('|', "\x1f").into_bytes()
    }

    fn half(text: &str) -> Result<(Event, CommandHalf), Bad> {
        let event = parse(&record(text), UUID, Some("bash"))?;
        match event.what.clone() {
            What::CommandStarted(half) | What::CommandFinished(half) => Ok((event, *half)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_end_stands_alone() {
        let (event, half) =
            half("1|C|17|1787220000000000|1787220004200000|101|0 101|r|/w/core|/w|cargo test -q").unwrap();
        assert_eq!(event.id.as_str(), format!("{UUID}.17/e"));
        assert_eq!(event.session.unwrap().as_str(), format!("sess_{UUID}"));
        assert_eq!((event.at, event.seq), (Timestamp(1_787_220_004_200_000), Some(17)));
        assert_eq!((half.command.lossy(), half.cwd.lossy()), ("cargo test -q".into(), "/w/core".into()));
        assert_eq!(
            (half.duration_us, half.exit, half.pipestatus),
            (Some(4_200_000), Some(101), vec![0, 101])
        );
        assert_eq!((half.flags.as_str(), half.shell.as_deref()), ("r", Some("bash")));
        assert_eq!(half.cwd_after, Some("/w".into()));
    }

    #[test]
    fn a_start_has_no_end_and_shares_the_id_of_its_command() {
        let (event, half) = half("1|S|17|1787220000000000|||||/w||make").unwrap();
        assert_eq!(event.id.as_str(), format!("{UUID}.17/s"));
        assert_eq!((half.end, half.exit, half.cwd_after), (None, None, None));
        assert_eq!(event.at, Timestamp(1_787_220_000_000_000));
    }

    #[test]
    fn the_text_may_hold_anything_but_a_nul() {
        let (_, half) = half("1|C|1|1|2|0|0||/w|/w|a|b\nc\t\u{1f}").unwrap();
        assert_eq!(half.command, "a\u{1f}b\nc\t\u{1f}".into());
        let latin = [record("1|C|1|1|2|0|0||/w|/w|").as_slice(), b"caf\xe9"].concat();
        assert_eq!(parse_command(&latin).unwrap().text.as_bytes(), b"caf\xe9");
    }

    #[test]
    fn a_list_that_the_last_command_left_behind_is_dropped() {
        for (exit, list, kept) in [
            ("0", "1 0", &[1, 0][..]),
            ("0", "3", &[]),
            ("0", "0", &[]),
            ("0", "0 1", &[]),
            ("1", "0 1", &[0, 1]),
            ("0", "", &[]),
        ] {
            let (_, half) = half(&format!("1|C|1|1|2|{exit}|{list}||/w|/w|x")).unwrap();
            assert_eq!(half.pipestatus, kept, "{exit} after {list:?}");
        }
    }

    #[test]
    fn unknown_times_are_none_and_a_clock_that_went_back_gives_no_duration() {
        let (event, half) = self::half("1|C|1||9|0|0||/w|/w|x").unwrap();
        assert_eq!((half.start, half.duration_us, event.at), (None, None, Timestamp(9)));
        let (_, half) = self::half("1|C|1|9|5|0|0||/w|/w|x").unwrap();
        assert_eq!((half.start, half.end, half.duration_us), (Some(Timestamp(9)), Some(Timestamp(5)), None));
    }

    #[test]
    fn every_field_is_checked() {
        for (text, bad) in [
            ("", Bad::Version),
            ("garbage", Bad::Version),
            ("2|C|1|1|2|0|0||/w|/w|x", Bad::Version),
            ("1|C|1|1|2|0|0||/w|/w", Bad::Field("text")),
            ("1|C|1|1|2|0|0||/w|/w|", Bad::Field("text")),
            ("1|X|1|1|2|0|0||/w|/w|x", Bad::Field("half")),
            ("1|C||1|2|0|0||/w|/w|x", Bad::Field("seq")),
            ("1|C|0|1|2|0|0||/w|/w|x", Bad::Field("seq")),
            ("1|C|+1|1|2|0|0||/w|/w|x", Bad::Field("seq")),
            ("1|C|99999999999999999999|1|2|0|0||/w|/w|x", Bad::Field("seq")),
            ("1|C|1|0|2|0|0||/w|/w|x", Bad::Field("start")),
            ("1|C|1|-1|2|0|0||/w|/w|x", Bad::Field("start")),
            ("1|C|1|1|0|0|0||/w|/w|x", Bad::Field("end")),
            ("1|C|1|1||0|0||/w|/w|x", Bad::Field("end")),
            ("1|C|1|1|2,5|0|0||/w|/w|x", Bad::Field("end")),
            ("1|C|1|1|2||0||/w|/w|x", Bad::Field("exit")),
            ("1|C|1|1|2|x|0||/w|/w|x", Bad::Field("exit")),
            ("1|C|1|1|2|0|0 x||/w|/w|x", Bad::Field("pipestatus")),
            ("1|C|1|1|2|0|0|R|/w|/w|x", Bad::Field("flags")),
            ("1|C|1|1|2|0|0|rrrrrrrrr|/w|/w|x", Bad::Field("flags")),
            ("1|C|1|1|2|0|0||w|/w|x", Bad::Field("cwd")),
            ("1|C|1|1|2|0|0|||/w|x", Bad::Field("cwd")),
            ("1|C|1|1|2|0|0||/w|w|x", Bad::Field("cwd_after")),
            ("1|S|1||||||/w||x", Bad::Field("start")),
            ("1|S|1|1|2||||/w||x", Bad::Field("end")),
            ("1|S|1|1||0|||/w||x", Bad::Field("exit")),
        ] {
            assert_eq!(half(text).map(|(event, _)| event), Err(bad), "{text}");
        }
    }

    #[test]
    fn what_is_encoded_is_read_back_and_what_cannot_be_is_refused() {
        let whole = Record {
            half: Half::Finished,
            seq: 3,
            start: Some(Timestamp(5)),
            end: Some(Timestamp(9)),
            exit: Some(1),
            pipestatus: vec![0, 1],
            flags: "t".into(),
            cwd: "/w".into(),
            cwd_after: Some("/".into()),
            text: "make\u{1f}".into(),
        };
        assert_eq!(encode_command(&whole).unwrap(), record("1|C|3|5|9|1|0 1|t|/w|/|make|"));
        assert_eq!(parse_command(&encode_command(&whole).unwrap()), Ok(whole.clone()));
        let nul = Record { text: "a\u{0}b".into(), ..whole.clone() };
        assert_eq!(encode_command(&nul), Err(Bad::Field("text")));
        let separator = Record { cwd: "/w\u{1f}x".into(), ..whole };
        assert_eq!(encode_command(&separator), Err(Bad::Field("cwd")));
    }

    #[test]
    fn a_header_tells_of_the_session() {
        let seen = SessionSeen {
            agent: "shell".into(),
            external_id: UUID.into(),
            shell: Some("fish".into()),
            process: Some(Process { pid: 4242, start: 77, boot: "b".into() }),
            env: vec![("LANG".into(), "C".into())],
            ..SessionSeen::default()
        };
        let payload = encode_header(&seen, Timestamp(7));
        let event = parse(&payload, UUID, None).unwrap();
        assert_eq!(event.what, What::SessionSeen(Box::new(seen.clone())));
        assert_eq!(event.session.unwrap().uuid(), UUID);
        let later = parse(&encode_header(&seen, Timestamp(8)), UUID, None).unwrap();
        assert_ne!(event.id, later.id, "each file's header is an event of its own");
        for bad in ["1|H|", "1|H|{}", r#"1|H|{"at":0,"seen":{}}"#, r#"1|H|{"at":1,"seen":[]"#] {
            assert!(parse(&record(bad), UUID, None).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, UUID, None);
            let fields: Vec<u8> = bytes.iter().map(|byte| if byte % 5 == 0 { US } else { *byte }).collect();
            let _ = parse(&[b"1\x1fC\x1f", fields.as_slice()].concat(), UUID, None);
        }

        #[test]
        fn every_record_survives(seq in 1u64.., exit in 0i32..256, text in "[^\u{0}]{1,40}") {
            let whole = Record {
                half: Half::Finished, seq, start: None, end: Some(Timestamp(1)), exit: Some(exit), pipestatus: vec![],
                flags: String::new(), cwd: "/".into(), cwd_after: None, text: text.into(),
            };
            prop_assert_eq!(parse_command(&encode_command(&whole).unwrap()), Ok(whole));
        }
    }
}
