//! What a person types to name a checkpoint, a session, a turn, a command or a moment.
//!
//! Only the form is judged here. Whether there is such a thing is the reader's to find out.

use super::id::{CommandId, SessionId};

/// What was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// `@`: the files as they are.
    Now,
    /// `@-N`: N steps back from now; `@-1` is the newest checkpoint.
    Back(u64),
    /// `@{…}`: the newest checkpoint that is not younger than a moment.
    At(When),
    /// `HEAD`: the user's own commit.
    Head,
    /// `cmd:ID` or `cmd:ID^`: the files before or after a command.
    Command { id: CommandName, side: Side },
    /// `turn:NAME` or `turn:NAME^`: the files before or after a turn.
    Turn { name: TurnName, side: Side },
    /// `sess_…`, in full.
    Session(SessionId),
    /// The beginning of an id, an agent's own id, or a branch: only the reader can tell.
    Word(String),
}

/// A moment as it was typed. Its meaning depends on the clock and the time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When(pub String);

/// On which side of a command or a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `cmd:ID`: as it found them.
    Before,
    /// `cmd:ID^`: as it left them.
    After,
}

/// `SESSION.N`, or `SESSION` for its last turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnName {
    /// Whatever names a session; it may hold dots of its own.
    pub session: String,
    /// The prompt of the session, counted from 1.
    pub n: Option<u64>,
}

/// The start of a command's id, or the short form that lists print: `SESSION.SEQ`, where the
/// session's part may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandName(String);

/// The longest text that can name anything.
const LONGEST: usize = 512;

/// The digits of a tool call's hash that do to name it; the number of a shell's line must be whole.
const TAIL: usize = 4;

impl CommandName {
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the command with this id may be meant.
    pub fn names(&self, id: &CommandId) -> bool {
        if id.as_str() == self.0 {
            return true;
        }
        let (Some((session, tail)), Some((whole, full))) =
            (self.0.split_once('.'), id.as_str().split_once('.'))
        else {
            return id.as_str().starts_with(&self.0);
        };
        let is_hash = full.len() == 16;
        whole.starts_with(session)
            && (full == tail || is_hash && tail.len() >= TAIL && full.starts_with(tail))
    }
}

/// Reads a selector; the error says what is wrong with it.
pub fn parse(text: &str) -> Result<Selector, String> {
    if text.is_empty() {
        return Err("a selector cannot be empty".to_owned());
    }
    if text.len() > LONGEST {
        return Err(format!("a selector has at most {LONGEST} bytes, this one has {}", text.len()));
    }
    if text.starts_with('-') || text.chars().any(char::is_control) {
        return Err(format!("{text:?} names nothing"));
    }
    match text {
        "@" => return Ok(Selector::Now),
        "HEAD" => return Ok(Selector::Head),
        _ => {}
    }
    if let Some(steps) = text.strip_prefix("@-") {
        return back(steps).ok_or_else(|| format!("{text:?}: after @- comes a number, 1 or more"));
    }
    if let Some(moment) = text.strip_prefix("@{") {
        return at(moment).ok_or_else(|| format!("{text:?}: a moment is written @{{10 minutes ago}}"));
    }
    if let Some(command) = text.strip_prefix("cmd:") {
        return of_command(command).ok_or_else(|| format!("{text:?}: after cmd: comes a command's id"));
    }
    if let Some(turn) = text.strip_prefix("turn:") {
        return of_turn(turn).ok_or_else(|| {
            format!("{text:?}: after turn: comes a session, then .N for its N-th prompt, counted from 1")
        });
    }
    Ok(match SessionId::parse(text) {
        Some(session) => Selector::Session(session),
        None => Selector::Word(text.to_owned()),
    })
}

fn back(steps: &str) -> Option<Selector> {
    if !steps.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    steps.parse().ok().filter(|steps| *steps > 0).map(Selector::Back)
}

fn at(moment: &str) -> Option<Selector> {
    let moment = moment.strip_suffix('}')?.trim();
    (!moment.is_empty()).then(|| Selector::At(When(moment.to_owned())))
}

fn of_command(text: &str) -> Option<Selector> {
    let (id, side) = sided(text);
    CommandId::parse(id)?;
    Some(Selector::Command { id: CommandName(id.to_owned()), side })
}

fn of_turn(text: &str) -> Option<Selector> {
    let (name, side) = sided(text);
    let counted =
        name.rsplit_once('.').filter(|(_, n)| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()));
    let (session, n) = match counted {
        Some((session, n)) => (session, Some(n.parse().ok().filter(|n| *n > 0)?)),
        None => (name, None),
    };
    let name = TurnName { session: session.to_owned(), n };
    (!session.is_empty()).then_some(Selector::Turn { name, side })
}

fn sided(text: &str) -> (&str, Side) {
    match text.strip_suffix('^') {
        Some(name) => (name, Side::After),
        None => (text, Side::Before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01987f00-1111-7000-8000-00000000000a";

    fn command(id: &str, side: Side) -> Selector {
        Selector::Command { id: CommandName(id.to_owned()), side }
    }

    fn turn(session: &str, n: Option<u64>, side: Side) -> Selector {
        Selector::Turn { name: TurnName { session: session.to_owned(), n }, side }
    }

    #[test]
    fn every_form_is_told_from_the_others() {
        let session = format!("sess_{UUID}");
        let word = |text: &str| Selector::Word(text.to_owned());
        let at = |text: &str| Selector::At(When(text.to_owned()));
        let cases = [
            ("@", Selector::Now),
            ("HEAD", Selector::Head),
            ("@-1", Selector::Back(1)),
            ("@-007", Selector::Back(7)),
            ("@{10 minutes ago}", at("10 minutes ago")),
            ("@{ 2026-11-21 10:00 }", at("2026-11-21 10:00")),
            ("cmd:0198.3", command("0198.3", Side::Before)),
            ("cmd:0198.3^", command("0198.3", Side::After)),
            ("turn:0198.3", turn("0198", Some(3), Side::Before)),
            ("turn:sess_0198.12^", turn("sess_0198", Some(12), Side::After)),
            ("turn:0198", turn("0198", None, Side::Before)),
            ("turn:0198^", turn("0198", None, Side::After)),
            ("turn:my.talk", turn("my.talk", None, Side::Before)),
            ("turn:my.talk.1", turn("my.talk", Some(1), Side::Before)),
            (session.as_str(), Selector::Session(SessionId::parse(&session).unwrap())),
            ("sess_0198", word("sess_0198")),
            ("3f2a", word("3f2a")),
            ("feature/größe", word("feature/größe")),
            ("@scope/name", word("@scope/name")),
            ("HEAD~1", word("HEAD~1")),
        ];
        for (text, meant) in cases {
            assert_eq!(parse(text), Ok(meant), "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused_without_an_echo_of_its_escapes() {
        let long = "a".repeat(LONGEST + 1);
        let bad = [
            "",
            "-rf",
            "--all",
            "@-",
            "@-0",
            "@-x",
            "@--1",
            "@-+1",
            "@-1.5",
            "@-99999999999999999999",
            "@{",
            "@{}",
            "@{ }",
            "@{now",
            "cmd:",
            "cmd:^",
            "cmd:a b",
            "cmd:$(id)",
            "turn:",
            "turn:^",
            "turn:.1",
            "turn:0198.0",
            "turn:0198.99999999999999999999",
            "a\nb",
            "\u{1b}[2J",
            "a\0",
            "\u{9b}1m",
            &long,
        ];
        for text in bad {
            let error = parse(text).expect_err(text);
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn the_short_form_of_a_command_names_it_and_no_other() {
        let shell = CommandId::parse(&format!("{UUID}.12")).unwrap();
        let tool = CommandId::parse(&format!("{UUID}.3fa9c1d2e4b50617")).unwrap();
        let whole = format!("{UUID}.12");
        let cases = [
            (whole.as_str(), true, false),
            ("01987f00.12", true, false),
            ("0.12", true, false),
            ("01987f00.1", false, false),
            ("01987f00.", false, false),
            ("01987f00.3fa9", false, true),
            ("01987f00.3fa", false, false),
            ("01987f00", true, true),
            ("01987f01", false, false),
        ];
        for (text, of_shell, of_tool) in cases {
            let name = CommandName(text.to_owned());
            assert_eq!((name.names(&shell), name.names(&tool)), (of_shell, of_tool), "{text}");
        }
    }
}
