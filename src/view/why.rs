//! What brought the lines of a file: `trace why`.
//!
//! Lines that came together are one row; if all did, there is room for everything that is known.

use std::io::{self, Write};

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table, cut};
use super::{Look, short, time, who};
use crate::model::change::Confidence;
use crate::model::origin::{Deed, Origin, Source, Stretch};
use crate::model::text::Text;

/// Of lines that came together, so many are shown.
const SHOWN: usize = 12;

/// Of several that may have brought a line, so many are named.
const NAMED: usize = 4;

/// In a row a prompt takes so many columns at most, terminal or not: it is there to be recognised.
const PROMPT: usize = 40;

/// Writes a row per stretch, or all that is known of the only one. `text` is the file as it is.
pub fn write(to: &mut dyn Write, path: &Text, text: &[u8], all: &[Stretch], look: &Look) -> io::Result<()> {
    match all {
        [only] => {
            heading(to, path, only, look)?;
            quote(to, text, only, look)?;
            detail(to, &only.origin, look)
        }
        several => rows(to, several, look),
    }
}

fn rows(to: &mut dyn Write, all: &[Stretch], look: &Look) -> io::Result<()> {
    let deeds = all.iter().flat_map(|one| &one.origin.deeds);
    let ids = who::room(deeds.map(|deed| &deed.who));
    let mut columns = vec![
        Column::text("LINES"),
        Column::text("FROM"),
        Column::text("WHEN"),
        Column::flexible("WHO", ids.max(10)),
    ];
    let has_prompts = all.iter().any(|one| prompt(&one.origin).is_some());
    if has_prompts {
        columns.push(Column::flexible("PROMPT", 12).spare());
    }
    columns.push(Column::flexible("WHAT", 14));
    let mut table = Table::new(Headings::Shown, &columns);
    for stretch in all {
        let origin = &stretch.origin;
        let mut cells = vec![
            Cell::new(Style::Text, range(stretch)),
            from(origin),
            Cell::new(Style::Text, time::relative(origin.at, look.now)),
            Cell::new(Style::Text, by(origin)),
        ];
        if has_prompts {
            cells.push(Cell::new(Style::Dim, cut(&prompt(origin).unwrap_or_default(), PROMPT)));
        }
        cells.push(what(origin));
        table.row(cells);
    }
    table.write(to, look)
}

fn range(of: &Stretch) -> String {
    match of.last - of.first {
        0 => of.first.to_string(),
        _ => format!("{}-{}", of.first, of.last),
    }
}

fn from(origin: &Origin) -> Cell {
    match &origin.source {
        Source::Now => Cell::new(Style::Live, "now"),
        Source::Checkpoint(id) => Cell::new(Style::Id, short(*id)),
        Source::Before(_) => Cell::new(Style::Dim, "before"),
        Source::Commit(commit) => Cell::new(Style::Id, short(commit.id)),
    }
}

/// The author of a commit, else whoever was at work.
fn by(origin: &Origin) -> String {
    if let Source::Commit(commit) = &origin.source {
        return Safe(commit.author.as_bytes()).to_string();
    }
    let mut names: Vec<String> = origin.deeds.iter().map(|deed| who::word(&deed.who)).collect();
    names.dedup();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn what(origin: &Origin) -> Cell {
    let mut deeds: Vec<String> = origin.deeds.iter().take(NAMED).map(words).collect();
    deeds.extend(more(origin));
    match (&origin.source, origin.confidence) {
        (Source::Commit(commit), _) => Cell::new(Style::Text, Safe(commit.subject.as_bytes())),
        (Source::Before(_), _) => Cell::new(Style::Dim, "older than the record, in no commit"),
        (_, Confidence::Exact) => Cell::new(Style::Text, deeds.join(", ")),
        (_, Confidence::Shared) => Cell::new(Style::Live, format!("one of {}", deeds.join(", "))),
        (_, Confidence::External) => Cell::new(Style::Dim, "something unrecorded"),
        (_, Confidence::Unknown) => Cell::new(Style::Dim, "not known"),
    }
}

/// What is said of those that are not named one by one.
fn more(origin: &Origin) -> Option<String> {
    let more = origin.deeds.len().saturating_sub(NAMED);
    (more > 0).then(|| format!("{more} more"))
}

fn words(deed: &Deed) -> String {
    match (&deed.command, &deed.tool) {
        (Some((_, text)), _) => Safe(text.as_bytes()).to_string(),
        (None, Some(tool)) => Safe(tool.as_bytes()).to_string(),
        (None, None) => "-".to_owned(),
    }
}

/// The prompt that led there, if it is one and the same.
fn prompt(origin: &Origin) -> Option<String> {
    let first = origin.deeds.first()?.prompt.as_ref()?;
    let is_it = |deed: &Deed| deed.prompt.as_ref() == Some(first);
    origin.deeds.iter().all(is_it).then(|| Safe(first.text.as_bytes()).to_string())
}

fn heading(to: &mut dyn Write, path: &Text, of: &Stretch, look: &Look) -> io::Result<()> {
    let noun = if of.first == of.last { "line" } else { "lines" };
    let path = Safe(path.as_bytes());
    writeln!(to, "{}", look.paint.on(Style::Head, format_args!("{path}, {noun} {}", range(of))))
}

fn quote(to: &mut dyn Write, text: &[u8], of: &Stretch, look: &Look) -> io::Result<()> {
    let (first, count) = (of.first as usize - 1, (of.last - of.first) as usize + 1);
    let lines = text.split_inclusive(|byte| *byte == b'\n').skip(first).take(count.min(SHOWN));
    for line in lines {
        let line = Safe(line.strip_suffix(b"\n").unwrap_or(line)).to_string();
        let line = look.width.map_or(line.clone(), |width| cut(&line, width.saturating_sub(4)));
        writeln!(to, "{}", format!("    {line}").trim_end())?;
    }
    match count.saturating_sub(SHOWN) {
        0 => writeln!(to),
        more => writeln!(to, "    {}\n", look.paint.on(Style::Dim, format_args!("and {more} more"))),
    }
}

fn detail(to: &mut dyn Write, origin: &Origin, look: &Look) -> io::Result<()> {
    let room = look.width.map(|width| width.saturating_sub(12));
    let mut line = |name: &str, style: Style, words: String| {
        let words = room.map_or(words.clone(), |room| cut(&words, room));
        look.field(to, name, look.paint.on(style, words))
    };
    let text = |bytes: &[u8]| Safe(bytes).to_string();
    match &origin.source {
        Source::Now => line("from", Style::Live, "the file as it is: no checkpoint has it yet".to_owned())?,
        Source::Checkpoint(id) => line("checkpoint", Style::Id, id.to_string())?,
        Source::Before(id) => {
            let words = format!("before the record: {} found it, and no commit has it", short(*id));
            line("from", Style::Text, words)?;
        }
        Source::Commit(commit) => {
            line("commit", Style::Id, commit.id.to_string())?;
            line("author", Style::Text, text(commit.author.as_bytes()))?;
            line("subject", Style::Text, text(commit.subject.as_bytes()))?;
        }
    }
    if let Some(at) = origin.at {
        line("time", Style::Text, look.moment(at))?;
    }
    line("file", Style::Text, text(origin.path.as_bytes()))?;
    let mut told = None;
    for deed in origin.deeds.iter().take(NAMED) {
        match &deed.command {
            Some((id, words)) => {
                line("command", Style::Text, text(words.as_bytes()))?;
                line("", Style::Dim, format!("cmd:{id}"))?;
            }
            None => line("tool", Style::Text, words(deed))?,
        }
        if deed.who.session.is_some() {
            line("by", Style::Text, who::word(&deed.who))?;
        }
        if let Some(prompt) = deed.prompt.as_ref().filter(|prompt| told != Some(*prompt)) {
            told = Some(prompt);
            line("prompt", Style::Text, text(prompt.text.as_bytes()))?;
            line("", Style::Dim, text(prompt.turn.as_bytes()))?;
        }
    }
    if let Some(more) = more(origin) {
        line("or", Style::Text, more)?;
    }
    match certainty(origin) {
        Some(words) => line("certainty", Style::Text, words.to_owned()),
        None => Ok(()),
    }
}

/// How sure that is.
fn certainty(origin: &Origin) -> Option<&'static str> {
    let is_commit = matches!(origin.source, Source::Commit(_));
    match (is_commit, origin.confidence) {
        (true, Confidence::Exact) => Some("the commit is older; this command brought it here"),
        (true, Confidence::Shared) => Some("the commit is older; one of these commands brought it here"),
        (true, _) | (_, Confidence::Unknown) => None,
        (_, Confidence::Exact) => Some("exact: nobody else was at work then"),
        (_, Confidence::Shared) => Some("shared: several were at work then"),
        (_, Confidence::External) => Some("by something that was not recorded, such as an editor"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::CommandId;
    use crate::model::origin::{Asked, Signed};
    use crate::model::who::Who;
    use crate::view::testing::{ago, colour, fits, look, oid, screen, shell};

    fn deed(words: &str, prompt: Option<&str>) -> Deed {
        let turn = format!("turn:{}.1", shell().uuid());
        Deed {
            who: Who { session: Some(shell()), agent: "claude".to_owned(), ..Who::default() },
            command: Some((CommandId::of_shell(&shell(), 7), words.into())),
            tool: None,
            prompt: prompt.map(|text| Asked { turn, text: text.into() }),
        }
    }

    fn origin(source: Source, confidence: Confidence, deeds: Vec<Deed>) -> Origin {
        Origin { source, at: Some(ago(180)), path: "src/a.rs".into(), deeds, confidence }
    }

    fn stretch(first: u32, last: u32, origin: Origin) -> Stretch {
        Stretch { first, last, origin }
    }

    fn commit() -> Source {
        Source::Commit(Signed { id: oid(0xaa), author: "Ada".into(), subject: "begin\u{1b}".into() })
    }

    fn all() -> Vec<Stretch> {
        let made = Source::Checkpoint(oid(0x3f));
        let sed =
            deed("sed -i 's/one/two/' src/a.rs", Some("count\nbetter, and do not stop before it is right"));
        vec![
            stretch(1, 12, origin(commit(), Confidence::Unknown, vec![])),
            stretch(13, 13, origin(made.clone(), Confidence::Exact, vec![sed.clone()])),
            stretch(14, 15, origin(made.clone(), Confidence::Shared, vec![sed, deed("make", None)])),
            stretch(16, 16, origin(made, Confidence::External, vec![])),
            stretch(17, 18, origin(Source::Before(oid(1)), Confidence::Unknown, vec![])),
            stretch(19, 19, origin(Source::Now, Confidence::Unknown, vec![])),
        ]
    }

    fn shown(all: &[Stretch], text: &str, width: Option<usize>) -> String {
        screen(|to| write(to, &"src/a.rs".into(), text.as_bytes(), all, &look(width)))
    }

    #[test]
    fn lines_that_came_together_are_one_row() {
        assert_eq!(
            shown(&all(), "", None),
            "\
LINES  FROM        WHEN    WHO              PROMPT                                    WHAT
1-12   aaaaaaaaaa  3m ago  Ada                                                        begin\\x1b
13     3f3f3f3f3f  3m ago  claude 01987f00  count\\nbetter, and do not stop before i…  sed -i 's/one/two/' src/a.rs
14-15  3f3f3f3f3f  3m ago  claude 01987f00                                            one of sed -i 's/one/two/' src/a.rs, make
16     3f3f3f3f3f  3m ago  -                                                          something unrecorded
17-18  before      3m ago  -                                                          older than the record, in no commit
19     now         3m ago  -                                                          not known
"
        );
        fits(&shown(&all(), "", Some(80)), 80);
    }

    #[test]
    fn of_the_only_stretch_everything_is_told() {
        let text = "\n".repeat(12) + "let two = 1;\t\n";
        assert_eq!(
            shown(&all()[1..2], &text, None),
            format!(
                "\
src/a.rs, line 13
    let two = 1;\\t

checkpoint  {}
time        2026-11-21 09:57:00 +0000 (3m ago)
file        src/a.rs
command     sed -i 's/one/two/' src/a.rs
            cmd:01987f00-1111-7000-8000-00000000000a.7
by          claude 01987f00
prompt      count\\nbetter, and do not stop before it is right
            turn:01987f00-1111-7000-8000-00000000000a.1
certainty   exact: nobody else was at work then
",
                oid(0x3f)
            )
        );
        for one in all() {
            fits(&shown(&[one], &"x".repeat(200), Some(80)), 80);
        }
    }

    #[test]
    fn a_long_stretch_is_quoted_from_its_beginning() {
        let lines = shown(&all()[..1], &"x\n".repeat(20), None);
        assert!(lines.starts_with("src/a.rs, lines 1-12\n    x\n"), "{lines}");
        let long = [stretch(1, 20, origin(commit(), Confidence::Exact, vec![deed("git pull", None)]))];
        let lines = screen(|to| write(to, &"a".into(), "x\n".repeat(20).as_bytes(), &long, &colour(80)));
        assert!(lines.contains("and 8 more") && lines.contains("this command brought it here"), "{lines}");
    }
}
