//! Claude's transcripts.

use super::*;

pub const CLAUDE: &str = r#"{"type":"mode","mode":"normal","sessionId":"cl-7"}
{"type":"user","uuid":"p1","parentUuid":null,"isSidechain":false,"userType":"external","sessionId":"cl-7","timestamp":"2026-09-01T08:00:00.000Z","cwd":"/w/shop","version":"2.1.219","gitBranch":"cart","message":{"role":"user","content":"round the totals"}}
{"type":"assistant","uuid":"q1","parentUuid":"p1","sessionId":"cl-7","timestamp":"2026-09-01T08:00:02.000Z","cwd":"/w/shop","gitBranch":"cart","requestId":"r9","message":{"id":"msg9","role":"assistant","model":"large","content":[{"type":"text","text":"looking"}],"usage":{"input_tokens":21,"output_tokens":3}}}
{"type":"assistant","uuid":"q2","parentUuid":"q1","sessionId":"cl-7","timestamp":"2026-09-01T08:00:03.000Z","cwd":"/w/shop","gitBranch":"cart","requestId":"r9","message":{"id":"msg9","role":"assistant","model":"large","content":[{"type":"tool_use","id":"tu1","name":"Edit","input":{"file_path":"/w/shop/sum.rs","old_string":"a","new_string":"b"}}],"usage":{"input_tokens":21,"output_tokens":14}}}
{"type":"user","uuid":"p2","parentUuid":"q2","sourceToolAssistantUUID":"q2","sessionId":"cl-7","timestamp":"2026-09-01T08:00:04.000Z","cwd":"/w/shop","gitBranch":"cart","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"tu1","content":"done"}]}}
{"type":"system","subtype":"compact_boundary","uuid":"b1","parentUuid":null,"logicalParentUuid":"p2","sessionId":"cl-7","timestamp":"2026-09-01T09:00:00.000Z","compactMetadata":{"trigger":"auto","preTokens":120000}}
{"type":"user","uuid":"p3","parentUuid":"b1","isCompactSummary":true,"sessionId":"cl-7","timestamp":"2026-09-01T09:00:01.000Z","message":{"role":"user","content":"This session is being continued"}}
{"type":"ai-title","aiTitle":"Round the totals","sessionId":"cl-7"}
"#;

#[test]
fn claude_is_read_along_its_chain_and_an_answer_counts_once() {
    let seen = summary(Agent::Claude, CLAUDE);
    assert_eq!(seen.title.as_deref(), Some("Round the totals"));
    assert_eq!(prompts(&seen), ["round the totals"]);
    assert_eq!(seen.turns[0].answer.as_deref(), Some("looking"));
    assert_eq!((seen.answers, tokens(&seen)), (1, (21, 14, 35)));
    assert_eq!(seen.models, ["large"]);
    assert_eq!(calls(&seen), ["tu1 Edit ok"]);
    assert_eq!(files(&seen), ["/w/shop/sum.rs"]);
    assert_eq!(seen.chain, ["p1", "q1", "q2", "p2", "b1", "p3"]);
    assert_eq!(
        (seen.compactions[0].trigger.as_deref(), seen.compactions[0].tokens),
        (Some("auto"), Some(120_000))
    );
    assert_eq!(seen.session.external_id.as_deref(), Some("cl-7"));
    assert_eq!(
        (seen.session.cwd.as_deref(), seen.session.branch.as_deref()),
        (Some("/w/shop"), Some("cart"))
    );
    assert_eq!((seen.session.parent, seen.session.parent_kind), (None, None));
    assert_eq!(seen.first.unwrap().since(Timestamp(1_788_249_600_000_000)), 0);
}

#[test]
fn a_claude_branch_names_its_parent_and_where_it_left() {
    let copied = |uuid: &str| {
        format!(
            r#"{{"type":"user","uuid":"{uuid}","sessionId":"new","forkedFrom":{{"sessionId":"cl-7","messageUuid":"{uuid}"}},"message":{{"role":"user","content":"x"}}}}"#
        )
    };
    let own = r#"{"type":"user","uuid":"n1","parentUuid":"p2","sessionId":"new","message":{"role":"user","content":"y"}}"#;
    let seen = summary(Agent::Claude, &format!("{}\n{}\n{own}\n", copied("p1"), copied("p2")));
    assert_eq!(seen.session.external_id.as_deref(), Some("new"));
    assert_eq!((seen.session.parent.as_deref(), seen.session.fork_at.as_deref()), (Some("cl-7"), Some("p2")));
    assert_eq!(seen.session.parent_kind, Some(ParentKind::Fork));
    assert_eq!(seen.ids, ["p1", "p2", "n1"]);
}

#[test]
fn a_claude_file_with_copied_lines_is_the_one_its_last_line_names() {
    let line = |uuid: &str, session: &str| {
        format!("{{\"type\":\"user\",\"uuid\":\"{uuid}\",\"sessionId\":\"{session}\"}}\n")
    };
    let seen = summary(Agent::Claude, &(line("", "new") + &line("b", "old") + &line("c", "new")));
    assert_eq!(
        (seen.session.external_id.as_deref(), &seen.others[..]),
        (Some("new"), &["old".to_owned()][..])
    );
}

#[test]
fn what_no_person_typed_is_no_prompt() {
    for fields in [
        r#""isMeta":true,"message":{"role":"user","content":"x"}"#,
        r#""isSidechain":true,"message":{"role":"user","content":"x"}"#,
        r#""message":{"role":"user","content":"<command-name>/clear</command-name>"}"#,
        r#""message":{"role":"user","content":"<command-message>x</command-message>"}"#,
        r#""message":{"role":"user","content":[{"type":"text","text":"<local-command-stdout>x"}]}"#,
        r#""message":{"role":"user","content":"[Request interrupted by user for tool use]"}"#,
        r#""message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}"#,
        r#""message":{"role":"user","content":" "}"#,
        r#""message":7"#,
    ] {
        let seen = summary(Agent::Claude, &format!("{{\"type\":\"user\",\"uuid\":\"u\",{fields}}}\n"));
        assert_eq!(seen.turns, [], "{fields}");
    }
}

#[test]
fn a_claude_rewind_drops_the_prompt_and_keeps_the_files() {
    let rewound = CLAUDE.to_owned()
        + r#"{"type":"user","uuid":"z1","parentUuid":null,"sessionId":"cl-7","message":{"role":"user","content":"from the start"}}"#
        + "\n";
    let seen = summary(Agent::Claude, &rewound);
    assert_eq!(prompts(&seen), ["from the start"]);
    assert_eq!((seen.turns.len(), seen.turns[0].dropped), (2, true));
    assert_eq!((files(&seen), tokens(&seen)), (vec!["/w/shop/sum.rs".to_owned()], (21, 14, 35)));
}

#[test]
fn a_claude_failure_tells_its_code_and_a_success_none() {
    let result = |more: &str| {
        let line = format!(
            r#"{{"type":"user","uuid":"u","message":{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t",{more}}}]}}}}"#
        );
        let seen = summary(Agent::Claude, &(line + "\n"));
        (seen.calls[0].ok, seen.calls[0].exit)
    };
    assert_eq!(result(r#""is_error":true,"content":"Exit code 7\noops""#), (Some(false), Some(7)));
    assert_eq!(result(r#""content":[{"type":"text","text":"Exit code 7"}]"#), (Some(true), None));
    assert_eq!(result(r#""is_error":true,"content":"rejected""#), (Some(false), None));
}

#[test]
fn a_claude_sub_agent_is_a_child_of_its_session() {
    let line = r#"{"type":"user","uuid":"s1","isSidechain":true,"agentId":"a77","sessionId":"cl-7","cwd":"/w","message":{"role":"user","content":"look"}}"#;
    let seen = summary(Agent::Claude, &format!("{line}\n"));
    assert_eq!(
        (seen.session.external_id.as_deref(), seen.session.parent.as_deref()),
        (Some("a77"), Some("cl-7"))
    );
    assert_eq!(
        (seen.session.parent_kind, seen.session.subagent.as_deref()),
        (Some(ParentKind::Subagent), Some("a77"))
    );
    let aside = r#"{"type":"mode","mode":"normal","sessionId":"cl-7"}"#;
    assert_eq!(summary(Agent::Claude, &format!("{aside}\n{line}\n{aside}\n")).session, seen.session);
    // Within the transcript of the parent it changes nothing.
    let both = summary(Agent::Claude, &format!("{CLAUDE}{line}\n"));
    assert_eq!((both.session.external_id.as_deref(), both.session.parent), (Some("cl-7"), None));
    let pointer =
        r#"{"type":"fork-context-ref","agentId":"a78","parentSessionId":"cl-7","parentLastUuid":"q2"}"#;
    let seen = summary(Agent::Claude, &format!("{pointer}\n"));
    assert_eq!(
        (seen.session.fork_at.as_deref(), seen.session.subagent.as_deref()),
        (Some("q2"), Some("a78"))
    );
}

#[test]
fn a_title_that_a_person_gave_stays() {
    let lines = [
        "{\"type\":\"custom-title\",\"customTitle\":\"mine\"}",
        "{\"type\":\"ai-title\",\"aiTitle\":\"its\"}",
        "{\"type\":\"summary\",\"summary\":\"old\"}",
    ];
    assert_eq!(summary(Agent::Claude, &(lines.join("\n") + "\n")).title.as_deref(), Some("mine"));
    let reversed = [lines[2], lines[1], ""].join("\n");
    assert_eq!(summary(Agent::Claude, &reversed).title.as_deref(), Some("its"));
}
