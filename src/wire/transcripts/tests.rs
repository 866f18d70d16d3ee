//! What each agent's transcript is read as; the formats are those of the agents, the words are ours.

use self::claude::CLAUDE;
use super::*;
use crate::model::text::Text;

mod claude;
mod hostile;

fn records(agent: Agent, transcript: &str) -> Vec<Record> {
    split(agent, transcript.as_bytes()).flat_map(|line| read(agent, line.bytes)).collect()
}

fn summary(agent: Agent, transcript: &str) -> Summary {
    Summary::of(agent, &records(agent, transcript))
}

fn prompts(summary: &Summary) -> Vec<&str> {
    summary.prompts().collect()
}

fn files(summary: &Summary) -> Vec<String> {
    summary.files.iter().map(|path| path.lossy().into_owned()).collect()
}

/// Tokens in and out, and all of them.
fn tokens(summary: &Summary) -> (u64, u64, u64) {
    summary.usage.map(|usage| (usage.input, usage.output, usage.sum())).unwrap_or_default()
}

/// The calls as `id name ok`.
fn calls(summary: &Summary) -> Vec<String> {
    let shown = |call: &summary::Call| {
        let ok = call.ok.map_or("?", |ok| if ok { "ok" } else { "failed" });
        format!("{} {} {ok}", call.tool.id.as_deref().unwrap_or("-"), call.tool.name)
    };
    summary.calls.iter().map(shown).collect()
}

const CODEX: &str = r#"{"timestamp":"2026-09-01T08:00:00.000Z","type":"session_meta","payload":{"id":"01990000-0000-7000-8000-0000000000bb","forked_from_id":"01990000-0000-7000-8000-0000000000aa","timestamp":"2026-09-01T08:00:00.000Z","cwd":"/w/shop","originator":"codex_cli_rs","cli_version":"0.99.0","source":"cli","model_provider":"p","git":{"commit_hash":"89abcdef0123456789abcdef0123456789abcdef","branch":"cart"}}}
{"timestamp":"2026-09-01T07:00:00.000Z","type":"session_meta","payload":{"id":"01990000-0000-7000-8000-0000000000aa","cwd":"/elsewhere"}}
{"timestamp":"2026-09-01T08:00:01.000Z","type":"turn_context","payload":{"turn_id":"t1","cwd":"/w/shop","model":"large"}}
{"timestamp":"2026-09-01T08:00:01.000Z","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>x</environment_context>"}]}}
{"timestamp":"2026-09-01T08:00:01.000Z","type":"event_msg","payload":{"type":"user_message","message":"round the totals"}}
{"timestamp":"2026-09-01T08:00:02.000Z","type":"response_item","payload":{"type":"custom_tool_call","name":"apply_patch","call_id":"k1","input":"*** Begin Patch\n*** Update File: sum.rs\n@@\n-a\n+b\n*** Move to: total.rs\n*** End Patch"}}
{"timestamp":"2026-09-01T08:00:03.000Z","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":50,"cached_input_tokens":0,"output_tokens":4,"total_tokens":54}}}}
{"timestamp":"2026-09-01T08:00:04.000Z","type":"response_item","payload":{"type":"function_call","name":"shell","call_id":"k2","arguments":"{\"command\":[\"bash\",\"-lc\",\"make\"]}"}}
{"timestamp":"2026-09-01T08:00:05.000Z","type":"response_item","payload":{"type":"function_call_output","call_id":"k2","output":"{\"output\":\"no rule\",\"metadata\":{\"exit_code\":2,\"duration_seconds\":0.1}}"}}
{"timestamp":"2026-09-01T08:00:06.000Z","type":"event_msg","payload":{"type":"agent_message","message":"done"}}
{"timestamp":"2026-09-01T08:00:06.000Z","type":"response_item","payload":{"type":"message","id":"im1","role":"assistant","content":[{"type":"output_text","text":"done"}]}}
{"timestamp":"2026-09-01T08:00:07.000Z","type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":110,"cached_input_tokens":40,"output_tokens":12,"total_tokens":122}}}}
"#;

#[test]
fn the_first_meta_of_codex_is_the_identity_and_the_last_count_is_all() {
    let seen = summary(Agent::Codex, CODEX);
    let id = |last: &str| format!("01990000-0000-7000-8000-0000000000{last}");
    assert_eq!(seen.session.external_id, Some(id("bb")));
    assert_eq!(
        (seen.session.parent.clone(), seen.session.parent_kind),
        (Some(id("aa")), Some(ParentKind::Fork))
    );
    assert_eq!(
        (seen.session.cwd.as_deref(), seen.session.branch.as_deref()),
        (Some("/w/shop"), Some("cart"))
    );
    assert_eq!(seen.session.head.as_deref(), Some("89abcdef0123456789abcdef0123456789abcdef"));
    assert_eq!(prompts(&seen), ["round the totals"]);
    assert_eq!((seen.turns[0].answer.as_deref(), seen.answers), (Some("done"), 1));
    assert_eq!(calls(&seen), ["k1 apply_patch ?", "k2 shell failed"]);
    assert_eq!((seen.calls[1].tool.command.as_deref(), seen.calls[1].exit), (Some("bash -lc make"), Some(2)));
    assert_eq!(files(&seen), ["/w/shop/sum.rs", "/w/shop/total.rs"]);
    assert_eq!((tokens(&seen), seen.models), ((110, 12, 122), vec!["large".to_owned()]));
}

#[test]
fn a_codex_agent_that_was_spawned_names_its_thread() {
    for payload in [
        r#"{"id":"c","thread_source":"subagent","parent_thread_id":"p","agent_nickname":"nick"}"#,
        r#"{"id":"c","agent_nickname":"nick","source":{"subagent":{"thread_spawn":{"parent_thread_id":"p"}}}}"#,
    ] {
        let seen = summary(Agent::Codex, &format!("{{\"type\":\"session_meta\",\"payload\":{payload}}}\n"));
        assert_eq!(
            (seen.session.parent.as_deref(), seen.session.parent_kind),
            (Some("p"), Some(ParentKind::Subagent))
        );
        assert_eq!(seen.session.subagent.as_deref(), Some("nick"));
    }
}

#[test]
fn codex_tells_a_code_in_several_ways() {
    for (output, expected) in [
        (r#""Exit code: 0\nWall time: 1\nOutput:\nExit code: 9""#, (Some(true), Some(0))),
        (r#""Chunk ID: 1\nProcess exited with code 3\nOutput:\n""#, (Some(false), Some(3))),
        (r#""Wall time: 1\nOutput:\nExit code: 9""#, (None, None)),
        (r#"{"content":"fine","success":true}"#, (Some(true), None)),
        (r#""just words""#, (None, None)),
    ] {
        let line = format!(
            r#"{{"type":"response_item","payload":{{"type":"function_call_output","call_id":"k","output":{output}}}}}"#
        );
        let seen = summary(Agent::Codex, &(line + "\n"));
        assert_eq!((seen.calls[0].ok, seen.calls[0].exit), expected, "{output}");
    }
}

#[test]
fn cursor_tells_words_and_nothing_else() {
    let seen = summary(
        Agent::Cursor,
        "{\"role\":\"user\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"<open_files>x</open_files>\\n<user_query>\\nround the totals\\n</user_query>\"}]}}\n{\"role\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}}\n",
    );
    assert_eq!(prompts(&seen), ["round the totals"]);
    assert_eq!(seen.turns[0].answer.as_deref(), Some("done"));
    assert_eq!(
        (seen.first, seen.usage, seen.calls.len(), seen.files.len(), seen.ids.len()),
        (None, None, 0, 0, 0)
    );
    assert_eq!(seen.session, Meta::default());
}

const GEMINI: &str = r#"{"sessionId":"0f0f0f0f-0000-4000-8000-000000000001","projectHash":"shop","startTime":"2026-09-01T08:00:00.000Z","lastUpdated":"2026-09-01T08:00:00.000Z","kind":"main"}
{"id":"g1","timestamp":"2026-09-01T08:00:01.000Z","type":"user","content":[{"text":"round the totals"}]}
{"id":"g2","timestamp":"2026-09-01T08:00:02.000Z","type":"gemini","content":"","model":"flash"}
{"id":"g2","timestamp":"2026-09-01T08:00:03.000Z","type":"gemini","content":"done","model":"flash","toolCalls":[{"id":"x1","name":"replace","args":{"file_path":"/w/shop/sum.rs"},"status":"success"},{"id":"x2","name":"write_file","args":{"file_path":"/home/u/.gemini/tmp/shop/notes.md"},"status":"success"}],"tokens":{"input":12,"output":6,"total":18}}
{"$set":{"summary":"Round the totals","lastUpdated":"2026-09-01T08:00:04.000Z"}}
"#;

#[test]
fn a_gemini_message_that_comes_again_replaces_the_first() {
    let seen = summary(Agent::Gemini, GEMINI);
    assert_eq!(seen.session.external_id.as_deref(), Some("0f0f0f0f-0000-4000-8000-000000000001"));
    assert_eq!(
        (seen.title.as_deref(), &seen.chain[..]),
        (Some("Round the totals"), &["g1".to_owned(), "g2".to_owned()][..])
    );
    assert_eq!((prompts(&seen), seen.turns[0].answer.as_deref()), (vec!["round the totals"], Some("done")));
    assert_eq!((seen.answers, tokens(&seen)), (1, (12, 6, 18)));
    assert_eq!(calls(&seen), ["x1 replace ok", "x2 write_file ok"]);
    assert_eq!(files(&seen), ["/w/shop/sum.rs"]);
}

#[test]
fn what_gemini_takes_back_is_dropped_and_its_files_stay() {
    let seen = summary(Agent::Gemini, &format!("{GEMINI}{}\n", r#"{"$rewindTo":"g2"}"#));
    assert_eq!(
        (&seen.chain[..], &seen.ids[..]),
        (&["g1".to_owned()][..], &["g1".to_owned(), "g2".to_owned()][..])
    );
    assert_eq!((seen.answers, seen.usage, files(&seen)), (0, None, vec!["/w/shop/sum.rs".to_owned()]));
    assert_eq!((prompts(&seen), seen.turns[0].answer.as_deref()), (vec!["round the totals"], None));
    let all = summary(Agent::Gemini, &format!("{GEMINI}{}\n", r#"{"$rewindTo":"nobody"}"#));
    assert_eq!((prompts(&all).len(), all.turns.len()), (0, 1));
    let set = r#"{"$set":{"messages":[{"id":"g1","type":"user","content":"round the totals"},{"id":"g9","type":"user","content":"and more"}]}}"#;
    let replaced = summary(Agent::Gemini, &format!("{GEMINI}{set}\n"));
    assert_eq!(prompts(&replaced), ["round the totals", "and more"]);
    assert_eq!((replaced.turns.len(), &replaced.chain[..]), (2, &["g1".to_owned(), "g9".to_owned()][..]));
}

#[test]
fn an_old_gemini_document_holds_all_messages() {
    let old = "{\n  \"sessionId\": \"g\",\n  \"kind\": \"subagent\",\n  \"messages\": [{\"id\": \"1\", \"type\": \"user\", \"content\": \"@a.rs expanded\", \"displayContent\": \"@a.rs\"}]\n}";
    let seen = summary(Agent::Gemini, old);
    assert_eq!((seen.session.external_id.as_deref(), prompts(&seen)), (Some("g"), vec!["@a.rs"]));
    assert_eq!(seen.session.parent_kind, Some(ParentKind::Subagent));
}

const OPENCODE: &str = r#"{"info":{"id":"ses_7","projectID":"p","directory":"/w/shop","title":"Round the totals","version":"1.2.0","parentID":"ses_6","time":{"created":1788249600000,"updated":1788249603000}},
 "messages":[{"info":{"id":"msg_1","sessionID":"ses_7","role":"user","time":{"created":1788249600000}},"parts":[{"id":"prt_1","type":"text","text":"round the totals"},{"id":"prt_9","type":"text","synthetic":true,"text":"file contents"}]},
             {"info":{"id":"msg_2","sessionID":"ses_7","role":"assistant","parentID":"msg_1","modelID":"large","tokens":{"input":12,"output":6,"cache":{"read":4,"write":1}}},"parts":[{"id":"prt_2","type":"text","text":"done"},{"id":"prt_3","type":"tool","tool":"edit","callID":"y1","state":{"status":"completed","input":{"filePath":"sum.rs"}}},{"id":"prt_4","type":"tool","tool":"bash","callID":"y2","state":{"status":"completed","input":{"command":"make"},"metadata":{"exit":2}}}]}]}"#;

#[test]
fn an_opencode_export_is_a_conversation() {
    let seen = summary(Agent::OpenCode, OPENCODE);
    assert_eq!(
        (seen.session.external_id.as_deref(), seen.session.parent.as_deref()),
        (Some("ses_7"), Some("ses_6"))
    );
    assert_eq!((seen.title.as_deref(), prompts(&seen)), (Some("Round the totals"), vec!["round the totals"]));
    assert_eq!(calls(&seen), ["y1 edit ok", "y2 bash ok"]);
    assert_eq!((seen.calls[1].exit, files(&seen)), (Some(2), vec!["/w/shop/sum.rs".to_owned()]));
    assert_eq!((tokens(&seen), &seen.models[..]), ((12, 6, 23), &["large".to_owned()][..]));
    assert_eq!(seen.ids, ["msg_1", "msg_2"]);
    assert_eq!(seen.first, Some(Timestamp(1_788_249_600_000_000)));
    assert_eq!(Summary::of(Agent::OpenCode, &read(Agent::OpenCode, OPENCODE.as_bytes())), seen);
}

const COPILOT: &str = r#"{"type":"session.start","id":"v1","parentId":null,"timestamp":"2026-09-01T08:00:00.000Z","data":{"sessionId":"0c0c0c0c-0000-4000-8000-000000000007","version":1,"producer":"copilot-agent","copilotVersion":"1.0.0","startTime":"2026-09-01T08:00:00.000Z","context":{"cwd":"/w/shop","gitRoot":"/w/shop","branch":"cart","headCommit":"89abcdef0123456789abcdef0123456789abcdef"}}}
{"type":"user.message","id":"v2","parentId":"v1","timestamp":"2026-09-01T08:00:01.000Z","data":{"content":"round the totals"}}
{"type":"assistant.message","id":"v3","parentId":"v2","timestamp":"2026-09-01T08:00:01.500Z","data":{"messageId":"am1","content":"done","outputTokens":3,"toolRequests":[{"toolCallId":"z0","name":"view","arguments":{"path":"/w/shop/other.rs"}}]}}
{"type":"tool.execution_complete","id":"v4","parentId":"v3","timestamp":"2026-09-01T08:00:02.000Z","data":{"toolCallId":"z1","success":true,"toolTelemetry":{"properties":{"filePaths":"[\"/w/shop/sum.rs\"]"}}}}
{"type":"session.resume","id":"v5","parentId":"v4","timestamp":"2026-09-02T08:00:00.000Z","data":{"eventCount":4,"resumeTime":"2026-09-02T08:00:00.000Z","alreadyInUse":false}}
{"type":"session.shutdown","id":"v6","parentId":"v5","timestamp":"2026-09-02T09:00:00.000Z","data":{"modelMetrics":{"m1":{"usage":{"inputTokens":10,"outputTokens":3}},"m2":{"usage":{"inputTokens":1,"outputTokens":1,"cacheReadTokens":5}}}}}
"#;

#[test]
fn copilot_goes_on_in_the_same_session_and_counts_at_its_end() {
    let seen = summary(Agent::Copilot, COPILOT);
    assert_eq!(seen.session.external_id.as_deref(), Some("0c0c0c0c-0000-4000-8000-000000000007"));
    assert_eq!((seen.session.branch.as_deref(), seen.resumed, seen.others.len()), (Some("cart"), 1, 0));
    assert_eq!(prompts(&seen), ["round the totals"]);
    assert_eq!(calls(&seen), ["z0 view ?", "z1  ok"]);
    assert_eq!((files(&seen), tokens(&seen)), (vec!["/w/shop/sum.rs".to_owned()], (11, 4, 20)));
    assert_eq!(seen.chain.len(), 6);
    let unfinished: String = COPILOT.lines().take(5).map(|line| format!("{line}\n")).collect();
    assert_eq!(summary(Agent::Copilot, &unfinished).usage, None);
    let spawned =
        r#"{"type":"session.start","data":{"sessionId":"c","detachedFromSpawningParentSessionId":"p"}}"#;
    let spawned = summary(Agent::Copilot, &format!("{spawned}\n")).session;
    assert_eq!((spawned.parent.as_deref(), spawned.parent_kind), (Some("p"), Some(ParentKind::Subagent)));
}

const DROID: &str = r#"{"type":"session_start","id":"0d0d0d0d-0000-4000-8000-000000000007","title":"round the totals","sessionTitle":"New Session","owner":"u","version":2,"cwd":"/w/shop"}
{"type":"message","id":"w1","timestamp":"2026-09-01T08:00:01.000Z","message":{"role":"user","content":[{"type":"text","text":"round the totals"},{"type":"text","text":"Contents of /w/shop/sum.rs (lines 1-1 of 1):\na\n"}]}}
{"type":"message","id":"w2","timestamp":"2026-09-01T08:00:02.000Z","message":{"role":"assistant","content":[{"type":"tool_use","id":"call_7","name":"ApplyPatch","input":{"input":"*** Begin Patch\n*** Update File: /w/shop/sum.rs\n@@\n-a\n+b\n*** End Patch"}}]}}
{"type":"message","id":"w3","timestamp":"2026-09-01T08:00:03.000Z","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_7","content":"{\"success\":true,\"file_path\":\"/w/shop/sum.rs\"}"}]}}
"#;

#[test]
fn only_the_first_text_of_droid_is_the_prompt() {
    let seen = summary(Agent::Droid, DROID);
    assert_eq!(prompts(&seen), ["round the totals"]);
    assert_eq!(calls(&seen), ["call_7 ApplyPatch ok"]);
    assert_eq!((files(&seen), seen.models.len(), seen.usage), (vec!["/w/shop/sum.rs".to_owned()], 0, None));
    assert_eq!(seen.session.external_id.as_deref(), Some("0d0d0d0d-0000-4000-8000-000000000007"));
    let mut all = records(Agent::Droid, DROID);
    all.push(droid_settings(
        br#"{"model":"large","tokenUsage":{"inputTokens":9,"outputTokens":2,"cacheReadTokens":1}}"#,
    ));
    let seen = Summary::of(Agent::Droid, &all);
    assert_eq!((tokens(&seen), seen.models), ((9, 2, 12), vec!["large".to_owned()]));
}

const PI: &str = r#"{"type":"session","version":3,"id":"0e0e0e0e-0000-4000-8000-000000000007","timestamp":"2026-09-01T08:00:00.000Z","cwd":"/w/shop","parentSession":"/h/sessions/--w-shop--/2026-08-31T08-00-00-000Z_0e0e0e0e-0000-4000-8000-000000000006.jsonl"}
{"type":"message","id":"00000001","parentId":null,"timestamp":"2026-09-01T08:00:01.000Z","message":{"role":"user","content":"round the totals","timestamp":1788249601000}}
{"type":"message","id":"00000002","parentId":"00000001","timestamp":"2026-09-01T08:00:02.000Z","message":{"role":"assistant","content":[{"type":"toolCall","id":"o1","name":"edit","arguments":{"path":"sum.rs"}}],"provider":"p","model":"m1","usage":{"input":12,"output":6,"cacheRead":0,"cacheWrite":0,"totalTokens":18},"stopReason":"toolUse"}}
{"type":"message","id":"00000003","parentId":"00000002","timestamp":"2026-09-01T08:00:03.000Z","message":{"role":"toolResult","toolCallId":"o1","toolName":"edit","content":[{"type":"text","text":"ok"}],"isError":false}}
{"type":"message","id":"00000004","parentId":"00000001","timestamp":"2026-09-01T08:00:04.000Z","message":{"role":"assistant","content":[{"type":"text","text":"another way"}],"provider":"p","model":"m2","usage":{"input":4,"output":2,"cacheRead":0,"cacheWrite":0,"totalTokens":6},"stopReason":"stop"}}
"#;

#[test]
fn the_branch_that_pi_left_counts_for_files_alone() {
    let seen = summary(Agent::Pi, PI);
    assert_eq!(seen.chain, ["00000001", "00000004"]);
    assert_eq!((prompts(&seen), tokens(&seen)), (vec!["round the totals"], (4, 2, 6)));
    assert_eq!(
        (calls(&seen), files(&seen)),
        (vec!["o1 edit ok".to_owned()], vec!["/w/shop/sum.rs".to_owned()])
    );
    assert_eq!(
        (seen.turns[0].answer.as_deref(), &seen.models[..]),
        (Some("another way"), &["m2".to_owned()][..])
    );
    assert_eq!(seen.session.parent.as_deref(), Some("0e0e0e0e-0000-4000-8000-000000000006"));
    assert_eq!(seen.session.parent_kind, Some(ParentKind::Fork));
}

#[test]
fn a_command_that_a_person_ran_within_pi_has_its_code_unless_it_was_stopped() {
    let ran = |more: &str| {
        let line = format!(
            r#"{{"type":"message","id":"b","message":{{"role":"bashExecution","command":"make",{more}}}}}"#
        );
        let seen = summary(Agent::Pi, &(line + "\n"));
        assert_eq!(seen.calls[0].tool.command.as_deref(), Some("make"));
        (seen.calls[0].ok, seen.calls[0].exit)
    };
    assert_eq!(ran(r#""exitCode":0"#), (Some(true), Some(0)));
    assert_eq!(ran(r#""exitCode":1,"cancelled":true"#), (Some(false), None));
}

#[test]
fn a_path_stays_as_written_where_no_directory_is_known() {
    let line = r#"{"type":"message","id":"1","message":{"role":"assistant","content":[{"type":"toolCall","id":"o","name":"edit","arguments":{"path":"../a.rs"}}]}}"#;
    assert_eq!(summary(Agent::Pi, &format!("{line}\n")).files, [Text::from("../a.rs")]);
}
