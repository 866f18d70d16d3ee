//! The engine as its callers see it. No secret stands here in one piece: all are made from shapes.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::string::bytes_regex;
use proptest::test_runner::TestRunner;

use super::rules::{Place, RULES, Rule};
use super::*;

mod json;

/// Strings that have the shape of a rule's tokens.
fn samples(rule: &Rule, count: usize) -> Vec<Vec<u8>> {
    let shape = bytes_regex(&rule.pattern.replace(r"\d", "[0-9]")).unwrap();
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| shape.new_tree(&mut runner).unwrap().current()).collect()
}

fn redacted(input: &str) -> String {
    String::from_utf8(text(input.as_bytes()).into_inner()).unwrap()
}

fn redacted_line(line: &str) -> String {
    String::from_utf8(json_line(line.as_bytes()).into_inner()).unwrap()
}

fn mark(rule: &str) -> String {
    String::from_utf8(mark::of(rule)).unwrap()
}

/// 24 characters that look random, in two halves for the scanners of others.
fn random() -> String {
    ["q7Rk2vXm9Lp4", "Zt8Wb3Nc6Hy1"].concat()
}

fn jwt() -> String {
    format!("{}{}.{}{}.{}", "ey", "JhbGciOiJIUzI1NiJ9", "ey", "JzdWIiOiIxMjM0NTY3ODkwIn0", random())
}

fn pem(newline: &str) -> String {
    let dashes = "-----";
    let body = random().repeat(2);
    let line = format!("{body}{newline}");
    let label = ["RSA PRIV", "ATE KEY"].concat();
    format!("{dashes}BEGIN {label}{dashes}{newline}{line}{line}{dashes}END {label}{dashes}")
}

#[test]
fn every_provider_token_is_found_wherever_a_word_may_stand() {
    for rule in RULES {
        for sample in samples(rule, 40) {
            for (before, after) in
                [("", ""), ("use ", " now"), ("x=\"", "\"\n"), ("a\\n", "\\n"), ("\x1b[0m", ",")]
            {
                let input = [before.as_bytes(), &sample, after.as_bytes()].concat();
                let wanted = [before.as_bytes(), mark(rule.id).as_bytes(), after.as_bytes()].concat();
                let got = text(&input).into_inner();
                let shown = String::from_utf8_lossy(&input);
                assert_eq!(
                    String::from_utf8_lossy(&got),
                    String::from_utf8_lossy(&wanted),
                    "{} {shown}",
                    rule.id
                );
            }
            assert!(secret_content(&sample), "{}", rule.id);
        }
    }
}

#[test]
fn a_provider_token_that_is_too_short_or_inside_a_word_is_none() {
    for rule in RULES {
        for sample in samples(rule, 5) {
            for input in [[b"x", &sample[..]].concat(), sample[..sample.len().min(12)].to_vec()] {
                let found = engine::findings(&input, engine::Rules::Files);
                let glued = input.len() > sample.len() && rule.place != Place::First;
                let own = found.iter().any(|finding| finding.rule == rule.id && finding.span.start < 2);
                assert!(glued || !own, "{} {}", rule.id, String::from_utf8_lossy(&input));
            }
        }
    }
}

#[test]
fn every_shape_and_context_takes_its_secret_and_nothing_else() {
    let secret = random();
    let hex: String = "0123456789abcdef".repeat(2);
    let base64 = format!("{}{}", random(), "Ab3dEf6hIj9kLm2n");
    let bot = format!("M{}.{}.{}", &random()[..23], "Ab3dEf", &base64[..30]);
    for (rule, before, secret, after) in [
        ("jwt", "see ", &*jwt(), " there"),
        ("pem", "", &*pem("\n"), "\n"),
        ("pem", "echo '", &*pem("\\n"), "' > key"),
        ("url-userinfo", "git clone https://me:", "hunter2", "@host.example/x.git"),
        ("url-userinfo", "https://", &secret, "@host.example/"),
        ("url-userinfo", "redis://:", "a:b@c", "@localhost:6379/0"),
        ("authorization", "curl -H 'Authorization: Bearer ", &secret, "' x"),
        ("authorization", "{\\\"authorization\\\":\\\"Basic ", "dXNlcjpwYXNz", "\\\"}"),
        ("authorization", "Proxy-Authorization: ", &secret, "\n"),
        ("authorization", "a bearer ", &secret, " was sent"),
        ("secret-header", "-H \"X-Api-Key: ", "abcdef", "\""),
        ("secret-header", "PRIVATE-TOKEN: ", "abc123", "\r\n"),
        ("secret-header", "Set-Cookie: ", "sid=abcd; Path=/", "\n"),
        ("flag-value", "deploy --db-password ", "hunter", " --now"),
        ("flag-value", "deploy --token='", "a b", "'"),
        ("flag-value", "x -api-key ", "abc", ";ls"),
        ("tool-flag", "curl -su me:", "hunter2", " https://x"),
        ("tool-flag", "curl --user 'me:", "hunter 2", "' https://x"),
        ("tool-flag", "mysqldump -h x -p", "hunter2", " db"),
        ("tool-flag", "sshpass -p ", "hunter2", " ssh x"),
        ("tool-flag", "docker login -u me -p ", "hunter2", " registry"),
        ("tool-flag", "redis-cli -h x -a ", "hunter2", " ping"),
        ("connection-string", "Server=x;User Id=y;Password = ", "hunter", ";"),
        ("connection-string", "\"Pwd=", "abc", ";Server=x\""),
        ("netrc", "machine x login y password ", "hunter", "\n"),
        ("npmrc", "//registry.example/:_authToken=", "abcdefgh", "\n"),
        ("dotenv-dump", "HOME=/root\nSTRIPE_KEY=", "abcdefg", "\nLANG=C\n"),
        ("dotenv-dump", "export DB_PASS=\"", "hunter", "\"\nexport A=1\n"),
        ("hex", "the token is ", &hex, " ok"),
        ("base64", "my secret was ", &base64, "."),
        ("discord", "the bot uses ", &bot, " here"),
        ("key-value", "password = \"", "hunter", "\""),
        ("key-value", "password = \"", "hunter", ""),
        ("key-value", "DB_PASSWORD=", "hunter2", " run"),
        ("key-value", "\\\"client_secret\\\": \\\"", "hunter", "\\\","),
        ("key-value", "aws_secret_access_key = ", &secret, "\n"),
        ("key-value", "apiKey: ", "ab12cd34ef56gh78", ", x"),
        ("key-value", "token_2 => '", &secret, "'"),
    ] {
        let input = format!("{before}{secret}{after}");
        assert_eq!(redacted(&input), format!("{before}{}{after}", mark(rule)), "{rule}");
        for cut in 0..input.len() {
            let once = text(&input.as_bytes()[..cut]);
            assert_eq!(text(once.get()), once, "{rule}, cut at {cut}");
            let _ = json_line(&input.as_bytes()[cut..]);
        }
    }
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let sha1 = "0123456789abcdef0123456789abcdef01234567";
    for input in [
        format!("commit {sha1}\ngit show {sha1}:src/token.rs"),
        format!("fix token refresh in {sha1}"),
        format!("uses: actions/create-app-token@{sha1}"),
        format!("secrets-image@sha256:{sha1}0123456789abcdef01234567"),
        format!("integrity sha512-{}==", random().repeat(3)),
        format!("h1:{}=", random().repeat(2)),
        format!("data:image/png;base64,{}", random().repeat(4)),
        "01987f00-1111-7000-8000-00000000000a sess_01987f00-1111-7000-8000-00000000000a".into(),
        "ey.ey.ey eyJ.eyJ. eyJhbGciOiJ".into(),
        ["-----BEGIN PUBLIC", " KEY-----\nabcdefghijklmnopqrstuvwxyz\n-----END PUBLIC KEY-----"].concat(),
        ["if line == \"-----BEGIN PRIV", "ATE KEY-----\" { open() }"].concat(),
        "https://host.example/a@b ssh://git@host.example/x http://u:$PASS@host https://a:<pass>@b".into(),
        "Authorization: Bearer $TOKEN".into(),
        "authorization: Option<String>, bearer of bad news".into(),
        "cookie: Option<Cookie>, Cookie::new(), api-key: ${KEY}".into(),
        "login --password-stdin --token $TOKEN --password <password> --secret id=x,src=y".into(),
        "curl -u me https://x -o y; mysql -p db; docker run -p 80:80 x; redis-cli -n 1; curling -u a:b"
            .into(),
        "let password = read()?; password = prompt;".into(),
        "machine learning is login free".into(),
        "_authToken=${NPM_TOKEN}\nself._auth = authenticated".into(),
        "A=1\nSSH_AUTH_SOCK=/tmp/x\nKEY_PATH=abcdefg\nAUTH_TYPE=abcdefg\nPWD=/home/x\nMAX_TOKEN=1234567"
            .into(),
        "MONKEY_BAR=abcdefg\nPASSAGE=abcdefg".into(),
        "fn token(&self) -> Token { self.tokens[0] }".into(),
        "password: String, secret: &str, let token = self.token_2; token == Token::Word12345678".into(),
        "password=\"\" password=null secret=xxxxxxxx token=\"{{ .Values.token }}\" pwd=$(pwd)".into(),
        "visit v1.2.3.4 abcdefghijklmnopqrstuvwxyz.abcdef.abcdefghijklmnopqrstuvwxyz".into(),
    ] {
        assert_eq!(redacted(&input), input);
        assert_eq!(count(input.as_bytes()), 0);
    }
}

#[test]
fn ordinary_text_compiles_no_expression_and_stays() {
    for input in [
        include_str!("../../../Cargo.lock"),
        include_str!("../event.rs"),
        include_str!("../command.rs"),
        include_str!("../id.rs"),
        include_str!("json.rs"),
    ] {
        prefilter::scan(input.as_bytes(), |job, at| {
            assert!(!matches!(job, prefilter::Job::Provider(_)), "{}", &input[at..at + 20]);
        });
        assert_eq!(redacted(input), input);
        assert!(!secret_content(input.as_bytes()));
    }
}

#[test]
fn a_key_that_was_cut_goes_as_far_as_it_reaches() {
    let whole = pem("\n");
    let (head, tail) = whole.split_at(whole.len() / 2);
    assert_eq!(redacted(head), mark("pem"));
    assert_eq!(redacted(&format!("x: {}", &tail[2..])), format!("x: {}", mark("pem")));
    let putty = format!(
        "{}{}: ssh-rsa\nPrivate-Lines: 1\n{}\nPrivate-MAC: {}\n",
        "PuTTY-User-Key-",
        "File-3",
        random(),
        random()
    );
    assert_eq!(redacted(&format!("{putty}after!")), format!("{}\nafter!", mark("pem")), "{putty}");
}

#[test]
fn a_secret_that_begins_with_the_letter_of_an_escape_is_one_as_it_is_written() {
    let random = "0123456789abcdefghijABCDEFGHIJ012345";
    // As whoever does not know of escapes writes a path.
    for head in [r"C:\npm_", r"C:\tmp\rk_live_", r"\u20AC\npm_"] {
        let line = format!(r#"{{"path":"{head}{random}"}}"#);
        assert!(!redacted_line(&line).contains(random), "{line}");
    }
}

#[test]
fn joined_parts_and_strings_stay_redacted() {
    let mut joined = text(b"a\n");
    joined.append(&text(b"password='hunter'\n\xff"));
    assert_eq!(joined.to_string_lossy().get(), &format!("a\npassword='{}'\n\u{fffd}", mark("key-value")));
}

/// Text made of what rules look for, so that their edges meet.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = RULES.iter().flat_map(|rule| samples(rule, 1)).collect();
    pieces.extend(RULES.iter().flat_map(|rule| rule.keys).map(|key| key.as_bytes().to_vec()));
    pieces.extend([jwt(), pem("\n"), pem("\\n"), random(), mark("jwt")].map(String::into_bytes));
    pieces.extend(
        [
            "password",
            "=",
            ":",
            "\"",
            "'",
            "\\",
            " ",
            "\n",
            "://",
            "@",
            "a",
            "token",
            "--",
            "Authorization:",
            "Bearer ",
            "cookie: ",
            "curl -u ",
            "bot",
            ".",
            "KEY=",
            "machine ",
            " login ",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\\u00",
            "%3D",
            "⟦",
            "⟧",
            "-----END ",
            "-----BEGIN ",
            "PRIVATE KEY-----",
            ";",
            "secret",
            "/",
        ]
        .map(|piece| piece.as_bytes().to_vec()),
    );
    prop::collection::vec(prop::sample::select(pieces), 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn redacting_twice_changes_nothing(input in hostile()) {
        let once = text(&input);
        prop_assert_eq!(text(once.get()), once);
        let once = json_line(&input);
        prop_assert_eq!(json_line(once.get()), once);
    }

    #[test]
    fn json_stays_json_and_twice_changes_nothing(a in hostile(), b in hostile(), key in hostile()) {
        let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let inner = serde_json::json!({ string(&key): string(&a) }).to_string();
        let line = serde_json::json!({ string(&key): [string(&a), string(&b), inner], "password": 1 }).to_string();
        let once = json_line(line.as_bytes());
        prop_assert!(serde_json::from_slice::<serde_json::Value>(once.get()).is_ok());
        prop_assert_eq!(json_line(once.get()), once);
    }

    #[test]
    fn any_bytes_are_taken(input in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = (text(&input), json_line(&input), secret_name(&input), secret_content(&input), count(&input));
    }
}
