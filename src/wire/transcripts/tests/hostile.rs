//! Transcripts that are cut, mixed or made to deceive.

use proptest::prelude::*;

use super::*;

#[test]
fn a_transcript_cut_anywhere_gives_all_of_its_whole_lines() {
    for (agent, whole) in [
        (Agent::Claude, CLAUDE),
        (Agent::Codex, CODEX),
        (Agent::Gemini, GEMINI),
        (Agent::Copilot, COPILOT),
        (Agent::Droid, DROID),
        (Agent::Pi, PI),
    ] {
        for cut in (0..whole.len()).step_by(37).chain([whole.len()]) {
            let bytes = &whole.as_bytes()[..cut];
            let lines = split(agent, bytes);
            let rest = lines.complete();
            assert_eq!(
                lines.filter(|line| line.state == State::Whole).count(),
                bytes.iter().filter(|byte| **byte == b'\n').count()
            );
            let both = [split(agent, bytes), split(agent, &whole.as_bytes()[rest..])];
            let records: Vec<_> =
                both.into_iter().flatten().flat_map(|line| read(agent, line.bytes)).collect();
            assert_eq!(Summary::of(agent, &records), summary(agent, whole), "{agent:?} cut at {cut}");
        }
    }
}

const ALL: [(Agent, &str); 7] = [
    (Agent::Claude, CLAUDE),
    (Agent::Codex, CODEX),
    (Agent::Copilot, COPILOT),
    (Agent::Droid, DROID),
    (Agent::Gemini, GEMINI),
    (Agent::OpenCode, OPENCODE),
    (Agent::Pi, PI),
];

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        agent in prop::sample::select(Agent::ALL.to_vec()),
    ) {
        let _ = read(agent, &bytes);
        let _ = droid_settings(&bytes);
        let _ = place::named(agent, &bytes);
    }

    #[test]
    fn lines_of_any_agent_cut_and_mixed_make_nothing_panic(
        agent in prop::sample::select(Agent::ALL.to_vec()),
        cuts in prop::collection::vec((0usize..ALL.len(), 0usize..4000, 0usize..1500, "[\n}{\0]{0,2}"), 1..12),
    ) {
        let mut bytes = Vec::new();
        for (which, start, length, gap) in &cuts {
            let whole = ALL[*which].1.as_bytes();
            let start = start % whole.len();
            bytes.extend_from_slice(&whole[start..(start + length).min(whole.len())]);
            bytes.extend_from_slice(gap.as_bytes());
        }
        bytes.push(b'\n');
        let records: Vec<_> = split(agent, &bytes).flat_map(|line| read(agent, line.bytes)).collect();
        let seen = Summary::of(agent, &records);
        prop_assert!(seen.chain.len() <= seen.ids.len());
    }

    #[test]
    fn a_record_with_any_word_changed_is_still_read(
        (agent, whole) in prop::sample::select(ALL.to_vec()),
        at in 0usize..4000,
        with in prop::sample::select(vec!["null", "7", "[]", "{}", "\"\"", "true", "[[[[\"x\"]]]]", "-1", "1e400"]),
    ) {
        // Any value of the format may be of any other kind.
        let colons: Vec<usize> = whole.match_indices("\":").map(|(at, _)| at + 2).collect();
        let from = colons[at % colons.len()];
        let line_end = whole[from..].find('\n').map_or(whole.len(), |end| from + end);
        let mut values = serde_json::Deserializer::from_str(&whole[from..line_end]).into_iter::<serde_json::Value>();
        if let Some(Ok(_)) = values.next() {
            let to = from + values.byte_offset();
            let changed = format!("{}{with}{}", &whole[..from], &whole[to..]);
            let _ = summary(agent, &changed);
        }
    }
}
