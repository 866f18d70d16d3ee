//! How a tool went, as its response says: a code, success, or that somebody stopped it.
//!
//! What the response does not say stays unknown: no code is ever made up.

use serde_json::Value;

use crate::wire::lenient;

/// How a tool went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub exit: Option<i32>,
    pub ok: Option<bool>,
    pub interrupted: bool,
}

const EXITS: [&str; 5] = ["exit_code", "exitCode", "exit", "returnCode", "return_code"];

/// Words by which agents say how it went: whether it did go well, and whether somebody stopped it.
const STATES: [(&str, bool, bool); 12] = [
    ("success", true, false),
    ("completed", true, false),
    ("ok", true, false),
    ("error", false, false),
    ("failed", false, false),
    ("failure", false, false),
    ("denied", false, true),
    ("rejected", false, true),
    ("cancelled", false, true),
    ("canceled", false, true),
    ("aborted", false, true),
    ("interrupted", false, true),
];

/// Reads a response: an object, the text of one, or mere words.
pub fn of(response: &Value) -> Outcome {
    let parsed;
    let object = match response {
        Value::Object(object) => object,
        Value::String(text) => {
            parsed = lenient::value(text);
            match &parsed {
                Some(Value::Object(object)) => object,
                _ => return Outcome::default(),
            }
        }
        _ => return Outcome::default(),
    };
    let below = object.get("metadata").and_then(Value::as_object);
    let number = |key: &&str| object.get(*key).or_else(|| below?.get(*key))?.as_i64()?.try_into().ok();
    let is = |key: &str| object.get(key).and_then(Value::as_bool);
    let word = ["status", "resultType", "result_type"].iter().find_map(|key| object.get(*key)?.as_str());
    let state = word.and_then(|word| STATES.iter().find(|(state, ..)| *state == word));
    let error = object.get("error").is_some_and(|error| !error.is_null() && error != false && error != "");
    let failed = [is("is_error"), is("isError"), error.then_some(true)];
    Outcome {
        exit: EXITS.iter().find_map(number),
        ok: is("success")
            .or_else(|| is("ok"))
            .or_else(|| failed.iter().flatten().next().map(|failed| !failed))
            .or(state.map(|(_, ok, _)| *ok)),
        interrupted: ["interrupted", "cancelled", "aborted"].iter().any(|key| is(key) == Some(true))
            || state.is_some_and(|(.., stopped)| *stopped),
    }
}

/// The words of a response, wherever it keeps them.
pub fn words(response: &Value) -> String {
    match response {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(words).collect::<Vec<_>>().join("\n"),
        Value::Object(object) => ["textResultForLlm", "llmContent", "text", "content", "output", "message"]
            .iter()
            .find_map(|key| object.get(*key))
            .map(words)
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// The number behind `mark` at the beginning of a line.
pub fn number_after(line: &str, mark: &str) -> Option<i32> {
    let rest = line.trim().strip_prefix(mark)?.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Milliseconds as microseconds.
pub fn micros(millis: &Value) -> Option<i64> {
    let millis = millis.as_f64().filter(|millis| (0.0..=8.64e10).contains(millis))?;
    Some((millis * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_response_does_not_say_stays_unknown() {
        let none = Outcome::default();
        for (response, expected) in [
            (json!({}), none),
            (json!(null), none),
            (json!("exit 3"), none),
            (json!({"exit": "3"}), none),
            (json!({"exit_code": 99999999999_i64}), none),
            (json!({"exitCode": 3}), Outcome { exit: Some(3), ..none }),
            (json!("{\"metadata\":{\"exit_code\":0}}"), Outcome { exit: Some(0), ..none }),
            (json!({"success": false}), Outcome { ok: Some(false), ..none }),
            (json!({"isError": true}), Outcome { ok: Some(false), ..none }),
            (json!({"error": null, "status": "completed"}), Outcome { ok: Some(true), ..none }),
            (json!({"error": {"message": "no"}}), Outcome { ok: Some(false), ..none }),
            (json!({"resultType": "rejected"}), Outcome { ok: Some(false), interrupted: true, ..none }),
            (json!({"stdout": "", "interrupted": true}), Outcome { interrupted: true, ..none }),
        ] {
            assert_eq!(of(&response), expected, "{response}");
        }
    }

    #[test]
    fn words_and_numbers_are_found_where_agents_put_them() {
        assert_eq!(words(&json!({"llmContent": [{"text": "a"}, "b"]})), "a\nb");
        assert_eq!(words(&json!(7)), "");
        assert_eq!(number_after("  Exit Code: 3", "Exit Code:"), Some(3));
        assert_eq!(number_after("Exit Code: (none)", "Exit Code:"), None);
        assert_eq!((micros(&json!(1.5)), micros(&json!(-1)), micros(&json!("1"))), (Some(1500), None, None));
    }
}
