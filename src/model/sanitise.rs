//! The first prompt of a session, without what the agent's tools put around it.
//!
//! The rules feed fingerprints that others compute too (sessions-db 0.1, `first_human_prompt_v1`), so
//! they do not change.

use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::digest;

/// The longest preview, in code points.
const LONGEST: usize = 200;

/// Text within these is no person's. `\b` is ASCII's, as where the rules come from.
static WRAPPED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let paired = [
        "system-reminder",
        "system",
        "thinking",
        "tool_use",
        "tool_result",
        "parameter",
        "ide_opened_file",
        "ide_selection",
    ];
    let mut all: Vec<String> =
        paired.iter().map(|tag| format!(r"(?is)<{tag}(?-u:\b)[^>]*>.*?</{tag}>")).collect();
    all.push(r"(?is)<command-name(?-u:\b)[^>]*>.*?</command-message>".to_owned());
    all.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

static MANY_NEWLINES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\n{3,}").ok());

/// The prompt as a person wrote it, at most 200 code points.
pub fn prompt(text: &str) -> String {
    let mut text: String = text.nfkc().collect();
    // A deletion can join two halves of a tag.
    for _ in 0..2 {
        for wrapped in WRAPPED.iter() {
            text = wrapped.replace_all(&text, "").into_owned();
        }
    }
    text = text.replace("\r\n", "\n");
    if let Some(many) = MANY_NEWLINES.as_ref() {
        text = many.replace_all(&text, "\n\n").into_owned();
    }
    clip(text.trim_matches(is_space), LONGEST)
}

/// What the trim of the rules takes for space: U+FEFF is, U+0085 is not.
fn is_space(letter: char) -> bool {
    letter == '\u{feff}' || (letter.is_whitespace() && letter != '\u{85}')
}

fn clip(text: &str, longest: usize) -> String {
    match text.chars().count() > longest {
        true => text.chars().take(longest - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// `first_human_prompt_v1`: 16 hex digits of the sanitised prompt; `None` if nothing is left of it.
pub fn fingerprint(sanitised: &str) -> Option<String> {
    (!sanitised.is_empty()).then(|| digest::hex(&digest::once(&[sanitised.as_bytes()])[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_wrap_around_a_prompt_is_taken_away() {
        let cases = [
            ("<system-reminder>x</system-reminder>hello", "hello"),
            ("keep <system-reminder>x</system-reminder> this", "keep  this"),
            (
                "a\n<system-reminder>\nx\n</system-reminder>\nb\n<system-reminder>y</system-reminder>c",
                "a\n\nb\nc",
            ),
            ("＜system-reminder＞x＜/system-reminder＞hi", "hi"),
            ("ＡＢＣ １２", "ABC 12"),
            ("ﬁle ①", "file 1"),
            ("<system-reminder >x</system-reminder>hi", "hi"),
            ("<system-reminder data-k=\"v\">x</system-reminder>hi", "hi"),
            ("<system-reminder\nid=\"1\">x</system-reminder>hi", "hi"),
            ("<SYSTEM-Reminder>x</system-REMINDER>hi", "hi"),
            ("<system>x</system><thinking>x</thinking><tool_use>x</tool_use>hi", "hi"),
            ("<tool_result>x</tool_result><parameter>x</parameter>hi", "hi"),
            ("<ide_opened_file>/w/a.rs</ide_opened_file>hi", "hi"),
            ("<ide_selection lines=\"1-3\">code</ide_selection>hi", "hi"),
            ("<ide_opened_file>A</ide_opened_file>hi<ide_opened_file>B</ide_opened_file>", "hi"),
            ("<ide_opened_file>\np\n<system-reminder>x</system-reminder>\n</ide_opened_file>hi", "hi"),
            ("<command-name>/x</command-name><command-message>x</command-message>go", "go"),
            (
                "<command-name>/x</command-name><command-args>y</command-args><command-message>x</command-message>go",
                "go",
            ),
            ("<command-name>/x</command-name>go", "<command-name>/x</command-name>go"),
            (
                "<command-message>x</command-message><command-name>/x</command-name>go",
                "<command-message>x</command-message><command-name>/x</command-name>go",
            ),
            ("<sys<ide_selection>q</ide_selection>tem>boo</system>ok", "ok"),
            ("<system-reminder>H</system-<ide_opened_file>/p</ide_opened_file>reminder>ok", "ok"),
            (
                "<sys<sys<ide_selection>q</ide_selection>tem>a</system>tem>b</system>ok",
                "<system>b</system>ok",
            ),
            (
                "<system-reminder>a<system-reminder>b</system-reminder>c</system-reminder>d",
                "c</system-reminder>d",
            ),
            ("<system-reminder>a</system>b", "b"),
            ("<system-reminderé>a</system-reminder>b", "b"),
            ("<system-reminderXYZ>a</system-reminderXYZ>", "<system-reminderXYZ>a</system-reminderXYZ>"),
            ("<system-reminder>unclosed", "<system-reminder>unclosed"),
            ("&lt;system-reminder&gt;a", "&lt;system-reminder&gt;a"),
            ("<function_calls>a</function_calls>b", "<function_calls>a</function_calls>b"),
            ("a\r\n\r\n\r\n\r\nb", "a\n\nb"),
            ("a\n\n\n\n\nb", "a\n\nb"),
            ("a\r\r\rb", "a\r\r\rb"),
            ("  \t hi \n", "hi"),
            ("\u{feff}hi", "hi"),
            ("\u{a0}hi\u{3000}", "hi"),
            ("\u{85}hi", "\u{85}hi"),
            ("\u{200b}hi", "\u{200b}hi"),
            ("<system-reminder>only</system-reminder>", ""),
            ("", ""),
        ];
        for (given, expected) in cases {
            assert_eq!(prompt(given), expected, "{given:?}");
        }
    }

    #[test]
    fn lengths_are_code_points() {
        let x = |n: usize| "x".repeat(n);
        let smile = |n: usize| "😀".repeat(n);
        assert_eq!(prompt(&x(200)), x(200));
        assert_eq!(prompt(&smile(200)), smile(200));
        assert_eq!(prompt(&x(201)), x(199) + "…");
        assert_eq!(prompt(&smile(201)), smile(199) + "…");
    }

    #[test]
    fn fingerprints_are_those_of_others() {
        let cases = [
            ("hello world", "b94d27b9934d3e08"),
            ("add a retry", "fcd652680435256e"),
            ("continue", "e256ee8e7aff6957"),
        ];
        for (text, expected) in cases {
            assert_eq!(fingerprint(text).as_deref(), Some(expected));
        }
        assert_eq!(fingerprint(""), None);
    }
}
