//! Lines of JSON as the engine leaves them.

use super::*;

#[test]
fn strings_of_json_are_searched_however_they_are_written() {
    let secret = random();
    let aws = ["AKIA", "ABCDEFGHIJKLMNOP"].concat();
    let escaped: String = aws.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let key = mark("key-value");
    let id = mark("aws-access-key-id");
    for (line, wanted) in [
        (
            format!(r#"{{"path":"{aws}","n":1.5e3,"b":[true,null]}}"#),
            format!(r#"{{"path":"{id}","n":1.5e3,"b":[true,null]}}"#),
        ),
        (format!(r#" {{ "a\u00e9" : "x {escaped}\n" }} "#), format!(" {{ \"a\\u00e9\" : \"x {id}\\n\" }} ")),
        (format!(r#"{{"{aws}":1}}"#), format!(r#"{{"{id}":1}}"#)),
        (
            r#"{"password":"x","pin":1,"secret":1234,"secret_key":[1,"a"]}"#.into(),
            format!(r#"{{"password":"{key}","pin":1,"secret":"{key}","secret_key":["{key}","{key}"]}}"#),
        ),
        (
            format!(r#"{{"token":"{secret}","token":"word","tokens":12}}"#),
            format!(r#"{{"token":"{key}","token":"word","tokens":12}}"#),
        ),
        (
            r#"{"name":"DB_PASSWORD","value":"x"}"#.into(),
            format!(r#"{{"name":"DB_PASSWORD","value":"{key}"}}"#),
        ),
        (
            r#"[["DB_PASSWORD","x"],["--token","y","z"],["password","user"]]"#.into(),
            format!(r#"[["DB_PASSWORD","{key}"],["--token","{key}","z"],["password","user"]]"#),
        ),
        (
            format!(r#"{{"in":"{{\"password\":\"x\",\"a\":[\"{aws}\"]}}"}}"#),
            format!(r#"{{"in":"{{\"password\":\"{key}\",\"a\":[\"{id}\"]}}"}}"#),
        ),
        (
            format!(r#"{{"hex":"{}"}}"#, crate::model::digest::hex(aws.as_bytes())),
            format!(r#"{{"hex":"{}"}}"#, crate::model::digest::hex(id.as_bytes())),
        ),
        (format!("not json: {escaped}"), id.clone()),
    ] {
        let got = redacted_line(&line);
        assert_eq!(got, wanted);
        assert_eq!(redacted_line(&got), got);
    }
}

#[test]
fn a_key_in_an_array_of_lines_goes_until_its_end() {
    let key = pem("\n");
    let lines: Vec<String> = key.lines().chain(["after"]).map(|line| format!("{line:?}")).collect();
    let got = redacted_line(&format!("[{}]", lines.join(",")));
    assert!(!got.contains(&random()) && got.contains("after"), "{got}");
}

#[test]
fn our_own_ids_survive() {
    let uuid = "01987f00-1111-7000-8000-00000000000a";
    let oid = "0123456789abcdef0123456789abcdef01234567";
    let line = format!(
        r#"{{"v":1,"id":"{uuid}.7/s","at":1,"session":"sess_{uuid}","seq":7,"kind":"command_started","body":{{"command_id":"{uuid}.7","command":"git show {oid}","cwd":"/home/x/token","head":"{oid}","tool_use_id":"toolu_01AbCdEfGhIjKlMnOpQrStUv"}}}}"#
    );
    assert_eq!(redacted_line(&line), line);
}

#[test]
fn a_deep_array_is_walked_without_recursion() {
    let depth = 100_000;
    let line = format!("{}\"{}\"{}", "[".repeat(depth), jwt(), "]".repeat(depth));
    assert_eq!(count(redacted_line(&line).as_bytes()), 1);
}
