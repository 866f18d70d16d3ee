//! What an agent tells through the generic door: one JSON object per call.
//!
//! Which directory is really meant, and whether anybody enabled it, is decided elsewhere.

use serde_json::Value;

use super::call::{Call, Kind, Origin, Subagent, ToolId, derived_id};
use super::lenient::{self, Object};
use super::{Bad, tools};
use crate::model::digest;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// The last moment that is a date at all; what is later was no time in milliseconds.
const MAX_MILLIS: i64 = 253_402_300_799_999;

/// The longest name of an agent. It is foreign text like any other: kept, hashed, never a path.
const MAX_AGENT: usize = 8 << 10;

/// Reads one call.
///
/// [`Bad::Version`] means that the object is whole but newer than we are: keep it as it is.
pub fn parse(json: &[u8]) -> Result<Call, Bad> {
    let mut object = lenient::object(json)?;
    match object.take(&["v"]).as_ref().and_then(Value::as_u64) {
        Some(1) => {}
        Some(2..) => return Err(Bad::Version),
        _ => return Err(Bad::Field("v")),
    }
    let agent = object.text(&["agent"]).filter(|name| is_agent(name)).ok_or(Bad::Field("agent"))?;
    read(object, agent, json)
}

/// Reads one call of an agent that is known already, whatever version it writes.
pub fn parse_of(agent: &str, json: &[u8]) -> Result<Call, Bad> {
    let mut object = lenient::object(json)?;
    object.take(&["v", "agent"]);
    read(object, agent.to_owned(), json)
}

fn read(mut object: Object, agent: String, json: &[u8]) -> Result<Call, Bad> {
    let transcript = object.text(&["transcript", "transcript_path"]);
    let session = object.text(&["session", "session_id"]).or_else(|| transcript.clone());
    let event = object.text(&["event", "hook_event_name"]).and_then(|name| Kind::parse(&name));
    let session = session.ok_or(Bad::Field("session"))?.into();
    let event = event.ok_or_else(|| Bad::Event(Kind::names()))?;
    let cwd = object.text(&["cwd"]).filter(|cwd| cwd.starts_with('/')).ok_or(Bad::Field("cwd"))?.into();
    let mut call = Call {
        tool: object.text(&["tool", "tool_name"]),
        command: object.text(&["command"]).map(Text::from),
        exit: object.take(&["exit", "exit_code"]).and_then(|exit| exit.as_i64()?.try_into().ok()),
        start: object.take(&["start_ms"]).and_then(|millis| moment(&millis)),
        end: object.take(&["end_ms"]).and_then(|millis| moment(&millis)),
        prompt: object.text(&["prompt"]).map(Text::from),
        text: object.text(&["last_message", "message", "reason", "text"]).map(Text::from),
        transcript: transcript.map(Text::from),
        parent: object.text(&["parent"]),
        turn: object.text(&["turn", "turn_id"]).map(Text::from),
        origin: origin(&mut object),
        model: object.text(&["model"]),
        ok: object.flag(&["ok"]),
        interrupted: object.flag(&["interrupted"]).unwrap_or(false),
        payload: digest::name(&[json]),
        ..Call::new(&agent, session, event, cwd)
    };
    if let Some(id) = object.text(&["subagent", "agent_id"]) {
        call.subagent = Some(Subagent { id: id.into(), kind: object.text(&["agent_type"]) });
    }
    take_tool(&mut call, &mut object);
    call.meta = rest(object);
    Ok(call)
}

/// Where the session says it comes from.
fn origin(object: &mut Object) -> Origin {
    Origin {
        source: object.text(&["source"]),
        forked_from: object.text(&["forked_from"]).map(Text::from),
        parent: object.text(&["parent_session"]).map(Text::from),
        parent_kind: object.text(&["parent_kind"]),
    }
}

/// Fills what the tool's input tells: the command, the paths, and an id where none was given.
fn take_tool(call: &mut Call, object: &mut Object) {
    let input = object.take(&["input", "tool_input"]);
    let cwd = call.cwd.lossy().into_owned();
    call.paths = tools::paths_in(object.take(&["paths"]).as_ref(), input.as_ref(), &cwd);
    if call.command.is_none() {
        call.command = tools::command_in(call.tool.as_deref(), input.as_ref()).map(Text::from);
    }
    call.tool_id = Some(match object.text(&["tool_id", "tool_use_id"]) {
        Some(id) => ToolId::Given(id.into()),
        None => {
            let input = match &call.command {
                Some(command) => command.clone(),
                None => input.map(|input| input.to_string()).unwrap_or_default().into(),
            };
            derived_id(&call.session, call.tool.as_deref(), input.as_bytes())
        }
    });
}

/// A name that can be shown, and that is not the shells' own: their sessions are keyed by a UUID,
/// which nobody else may claim.
fn is_agent(name: &str) -> bool {
    name != "shell" && (1..=MAX_AGENT).contains(&name.len())
}

/// A moment in milliseconds; 0 and what is no date are none.
fn moment(millis: &Value) -> Option<Timestamp> {
    let whole = millis.as_i64().or_else(|| Some(millis.as_f64()? as i64))?;
    (1..=MAX_MILLIS).contains(&whole).then(|| Timestamp::from_millis(whole))
}

/// The caller's own `meta`, with every key that has no meaning here beside it.
fn rest(mut object: Object) -> Option<String> {
    let meta = object.nested(&["meta"]).unwrap_or_default();
    meta.with(object).rest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::command::{End, Join};
    use crate::model::event::What;
    use crate::wire::call::{Effect, effect, events};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_795_218_000_500_000);

    fn call(fields: &str) -> Call {
        let json = format!(r#"{{"v":1,"agent":"my-agent","session":"abc","cwd":"/repo",{fields}}}"#);
        parse(json.as_bytes()).unwrap_or_else(|bad| panic!("{bad}: {json}"))
    }

    fn commands(calls: &[(&str, i64)]) -> Vec<std::rc::Rc<crate::model::command::Command>> {
        let mut join = Join::default();
        for (fields, now) in calls {
            let events = events(&call(fields), Timestamp(*now));
            events.into_iter().for_each(|event| drop(join.take(event, None)));
        }
        assert_eq!(join.repeated_ends, 0);
        join.finish()
    }

    #[test]
    fn the_example_of_the_contract_is_read_in_full() {
        let call = parse(
            br#"{ "v": 1, "agent": "my-agent", "session": "abc", "event": "tool_post", "cwd": "/repo", "tool": "shell",
            "tool_id": "42", "command": "make", "paths": ["src/a.c"], "exit": 0, "start_ms": 1795218000000,
            "end_ms": 1795218000450, "prompt": null, "transcript": null, "parent": null, "model": "m", "input": {},
            "ok": true, "meta": {} }"#,
        )
        .unwrap();
        assert_eq!((call.agent.as_str(), call.event), ("my-agent", Kind::ToolPost));
        assert_eq!((call.session.lossy(), call.tool_id), ("abc".into(), Some(ToolId::Given("42".into()))));
        assert_eq!((call.exit, call.ok, call.model.as_deref()), (Some(0), Some(true), Some("m")));
        assert_eq!(call.start, Some(Timestamp(1_795_218_000_000_000)));
        assert_eq!(call.end, Some(Timestamp(1_795_218_000_450_000)));
        assert_eq!(call.paths, ["/repo/src/a.c".into()]);
        assert_eq!((call.prompt, call.parent, call.meta), (None, None, None));
    }

    #[test]
    fn both_spellings_are_one_and_unknown_keys_go_to_meta() {
        let snake =
            call(r#""event":"tool_post","tool_id":"t","exit_code":3,"start_ms":5,"meta":{"a":1},"mood":[1]"#);
        let camel =
            call(r#""event":"toolPost","toolUseId":"t","exitCode":3,"startMs":5,"meta":{"a":1},"mood":[1]"#);
        assert_eq!(
            Call { payload: String::new(), ..snake.clone() },
            Call { payload: String::new(), ..camel }
        );
        assert_eq!((snake.exit, snake.start), (Some(3), Some(Timestamp(5_000))));
        assert_eq!(snake.meta.as_deref(), Some(r#"{"a":1,"mood":[1]}"#));
    }

    #[test]
    fn every_event_has_its_name_and_tells_what_it_is() {
        for (kind, name) in Kind::ALL {
            let call = call(&format!(r#""event":"{name}","command":"make","message":"words""#));
            assert_eq!((call.event, kind.name()), (kind, name));
            let told = events(&call, NOW);
            assert!(matches!(told[0].what, What::SessionSeen(_)), "{name}");
            let what = told.get(1).map_or("", |event| crate::wire::event::kind(&event.what));
            let expected = match kind {
                Kind::SessionStart => "",
                Kind::TurnStart => "prompt",
                Kind::ToolPre => "tool_started",
                Kind::ToolPost => "tool_finished",
                Kind::ShellPre => "command_started",
                Kind::ShellPost => "command_finished",
                Kind::ToolBatch => "tool_batch",
                Kind::SubagentStart => "subagent_started",
                Kind::SubagentStop => "subagent_stopped",
                Kind::Compact => "compacted",
                Kind::TurnEnd => "turn_ended",
                Kind::TurnFail => "turn_failed",
                Kind::SessionEnd => "session_ended",
            };
            assert_eq!(what, expected, "{name}");
            for event in told {
                assert_eq!(crate::wire::event::decode(&crate::wire::event::encode(&event)), Ok(event));
            }
        }
    }

    #[test]
    fn what_is_required_is_missed_by_name() {
        let whole = r#"{"v":1,"agent":"a","session":"s","event":"turn_end","cwd":"/w"}"#;
        assert!(parse(whole.as_bytes()).is_ok());
        for (from, to, bad) in [
            (r#""v":1,"#, "", Bad::Field("v")),
            (r#""v":1"#, r#""v":"1""#, Bad::Field("v")),
            (r#""v":1"#, r#""v":0"#, Bad::Field("v")),
            (r#""v":1"#, r#""v":2"#, Bad::Version),
            (r#""agent":"a","#, "", Bad::Field("agent")),
            (r#""agent":"a""#, r#""agent":"""#, Bad::Field("agent")),
            (r#""agent":"a""#, r#""agent":"shell""#, Bad::Field("agent")),
            (r#""session":"s","#, "", Bad::Field("session")),
            ("turn_end", "turn_over", Bad::Event(Kind::names())),
            (r#""cwd":"/w""#, r#""cwd":"w""#, Bad::Field("cwd")),
            (r#""cwd":"/w""#, r#""cwd":{}"#, Bad::Field("cwd")),
        ] {
            assert_eq!(parse(whole.replace(from, to).as_bytes()), Err(bad), "{from} to {to}");
        }
        let transcript = whole.replace(r#""session":"s""#, r#""transcript":"/t/x.jsonl""#);
        assert_eq!(parse(transcript.as_bytes()).unwrap().session, "/t/x.jsonl".into());
    }

    #[test]
    fn a_command_told_twice_is_one_and_its_end_stands_alone() {
        let start = r#""event":"tool_pre","tool":"Bash","tool_id":"4\n2","input":{"command":"make"}"#;
        let end = r#""event":"tool_post","tool":"Bash","tool_id":"4\n2","exit":2,"start_ms":1795218000000,"end_ms":1795218000450"#;
        let (first, again) = (events(&call(start), NOW), events(&call(start), Timestamp(NOW.0 + 9)));
        assert_eq!(first[0].id, again[0].id, "the session");
        assert_eq!(first[1].id, again[1].id, "the start");
        let all = commands(&[(start, NOW.0), (end, NOW.0)]);
        assert_eq!((all.len(), all[0].command.lossy(), all[0].exit), (1, "make".into(), Some(2)));
        assert_eq!((all[0].duration_us, all[0].end), (Some(450_000), End::Done));
        assert_eq!(all[0].actor.tool_use_id, Some("4\n2".into()), "the raw id stays inside the event");
        let alone = commands(&[(end, NOW.0)]);
        assert_eq!((alone[0].started, alone[0].end), (Some(Timestamp(1_795_218_000_000_000)), End::Done));
    }

    #[test]
    fn one_input_run_twice_without_ids_is_two_commands() {
        let pre = |start: i64| format!(r#""event":"shell_pre","command":"make","start_ms":{start}"#);
        let post =
            |start: i64| format!(r#""event":"shell_post","command":"make","exit":0,"start_ms":{start}"#);
        let all = commands(&[(&pre(5), 10), (&post(5), 20), (&pre(30), 40), (&post(30), 50)]);
        assert_eq!(all.len(), 2);
        assert!(all.iter().all(|command| command.end == End::Done), "{all:?}");
        let ids: Vec<_> = [pre(5), post(30)].iter().map(|fields| call(fields).tool_use_id()).collect();
        assert_eq!(ids[0], ids[1], "whoever pairs them finds the open start by this id");
        let unpaired = r#""event":"shell_post","command":"make","exit":0"#;
        assert_eq!(
            commands(&[(unpaired, 10), (unpaired, 20)]).len(),
            2,
            "nothing is lost without a start either"
        );
    }

    #[test]
    fn an_interrupt_has_no_made_up_code() {
        let stopped = r#""event":"shell_post","command":"make","tool_id":"1","interrupted":true,"ok":false"#;
        let all = commands(&[(stopped, NOW.0)]);
        assert_eq!((all[0].exit, all[0].end), (None, End::Interrupted));
        let told = format!("{stopped},\"exit\":130");
        assert_eq!(commands(&[(&told, NOW.0)])[0].end, End::Done);
    }

    #[test]
    fn a_tool_is_told_with_its_files() {
        let edit =
            r#""event":"tool_post","tool":"Edit","tool_id":"7","ok":true,"input":{"file_path":"a.rs"}"#;
        match &events(&call(edit), NOW)[1].what {
            What::ToolFinished(tool) => {
                assert_eq!((tool.name.as_str(), tool.ok), ("Edit", Some(true)));
                assert_eq!((tool.paths.as_slice(), tool.end), (&["/repo/a.rs".into()][..], Some(NOW)));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_session_that_tells_more_of_itself_is_heard() {
        let ids: Vec<_> = [
            r#""event":"session_start""#,
            r#""event":"turn_end","message":"done""#,
            r#""event":"turn_end","model":"m""#,
        ]
        .iter()
        .map(|fields| events(&call(fields), NOW)[0].id.clone())
        .collect();
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[0], ids[2]);
    }

    #[test]
    fn only_known_readers_are_skipped() {
        for (agent, tool, expected) in [
            ("claude", "Read", Effect::ReadsOnly),
            ("claude", "TodoWrite", Effect::ReadsOnly),
            ("claude", "read", Effect::MayWrite),
            ("pi", "read", Effect::ReadsOnly),
            ("claude", "Bash", Effect::MayWrite),
            ("claude", "mcp__files__Read", Effect::MayWrite),
            ("my-agent", "Read", Effect::MayWrite),
        ] {
            let call = Call { agent: agent.into(), tool: Some(tool.into()), ..call(r#""event":"tool_pre""#) };
            assert_eq!(effect(&call), expected, "{agent} {tool}");
        }
        assert_eq!(effect(&call(r#""event":"turn_end""#)), Effect::MayWrite);
    }

    #[test]
    fn times_that_are_none_are_not_made_up() {
        for (millis, expected) in [
            ("0", None),
            ("-1", None),
            ("\"5\"", None),
            ("1e300", None),
            ("99999999999999999999", None),
            ("1.9", Some(Timestamp(1_000))),
            ("1795218000000", Some(Timestamp(1_795_218_000_000_000))),
        ] {
            let call = call(&format!(r#""event":"tool_post","start_ms":{millis}"#));
            assert_eq!(call.start, expected, "{millis}");
        }
    }

    proptest! {
        #[test]
        fn no_object_makes_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            key in "[a-z_]{1,12}", text in ".{0,20}", number in any::<i64>(),
        ) {
            let _ = parse(&bytes);
            for value in [serde_json::json!(text), serde_json::json!(number), serde_json::json!([text])] {
                let mut object = serde_json::json!({"v":1,"agent":"a","session":"s","event":"tool_post","cwd":"/w"});
                object[&key] = value;
                if let Ok(call) = parse(object.to_string().as_bytes()) {
                    for event in events(&call, NOW) {
                        let line = crate::wire::event::encode(&event);
                        prop_assert_eq!(crate::wire::event::decode(&line), Ok(event));
                    }
                }
            }
        }
    }
}
