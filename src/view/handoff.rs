//! A briefing for another agent: what was wanted, how it stands, what is open, which files changed.
//! Markdown, for it is read by programs and by people. What is in it was redacted when it was recorded.

use std::collections::HashSet;
use std::io::{self, Write};

use super::commands::CommandView;
use super::count;
use super::explain::StoryView;
use super::safe::Safe;
use crate::model::session::{Outcome, Session};
use crate::model::text::Text;

/// So many of the later prompts, of the last commands and of the files are told.
const MOST: usize = 20;

/// A text is cut behind so many characters.
const LONGEST: usize = 1200;

/// What a briefing is made of.
pub struct BriefingView<'a> {
    pub session: &'a Session,
    pub story: &'a StoryView,
    /// What the conversation is called.
    pub title: Option<&'a str>,
    /// For whom it is, if that is known.
    pub to: Option<&'a str>,
}

/// Writes it.
pub fn write(to: &mut dyn Write, briefing: &BriefingView<'_>) -> io::Result<()> {
    let BriefingView { session, story, .. } = briefing;
    let title = briefing.title.map(str::to_owned).or_else(|| session.alias.clone());
    let title = title.or_else(|| session.first_prompt.clone()).unwrap_or_else(|| session.id.to_string());
    writeln!(to, "# Handoff: {}\n", line(&title, 80))?;
    let whom = briefing.to.map(|name| format!(", for {name}")).unwrap_or_default();
    writeln!(to, "From {} (session {}){whom}.", word(session.agent.as_bytes()), session.id)?;
    for (name, value) in [("Directory", session.cwd.as_ref()), ("Branch", session.branch.as_ref())] {
        if let Some(value) = value {
            writeln!(to, "{name}: `{}`", word(value.as_bytes()))?;
        }
    }
    if let Some(head) = session.head {
        writeln!(to, "Commit: `{head}`")?;
    }
    goal(to, story)?;
    state(to, session, story)?;
    open_ends(to, session, story)?;
    files(to, story)?;
    writeln!(to, "\n## To know more\n")?;
    let id = &session.id;
    for (command, tells) in [
        (format!("trace explain {id}"), "the whole story"),
        (format!("trace session transcript {id}"), "what was said, as far as it is kept"),
        (format!("trace restore --session {id} --dry-run"), "what taking its changes back would do"),
        (format!("trace resume {id}"), "going on with the conversation itself"),
    ] {
        writeln!(to, "- `{command}`: {tells}")?;
    }
    Ok(())
}

fn goal(to: &mut dyn Write, story: &StoryView) -> io::Result<()> {
    writeln!(to, "\n## Goal\n")?;
    let Some((first, later)) = story.asked.split_first() else {
        return writeln!(to, "No prompt was recorded.");
    };
    quote(to, &first.prompt)?;
    let skipped = later.len().saturating_sub(MOST);
    if !later.is_empty() {
        writeln!(to, "\nThen, in this order{}:\n", left_out(skipped))?;
    }
    for asked in &later[skipped..] {
        writeln!(to, "- {}", line(&asked.prompt.lossy(), LONGEST / 4))?;
    }
    Ok(())
}

fn state(to: &mut dyn Write, session: &Session, story: &StoryView) -> io::Result<()> {
    writeln!(to, "\n## State\n")?;
    match session.outcome {
        Outcome::Open => {}
        outcome => writeln!(to, "It was closed: {}.", outcome.word())?,
    }
    if let Some(answer) = story.asked.iter().rev().find_map(|asked| asked.answer.as_ref()) {
        writeln!(to, "The last answer:\n")?;
        quote(to, answer)?;
        writeln!(to)?;
    }
    let failed = story.commands.iter().filter(|one| has_failed(one)).count();
    let ran = count(story.commands.len() as u64, "command");
    writeln!(to, "{ran} ran, {failed} failed.")?;
    let skipped = story.commands.len().saturating_sub(MOST);
    if !story.commands.is_empty() {
        writeln!(to, "\nThe last ones:\n")?;
    }
    for one in &story.commands[skipped..] {
        let mark = if has_failed(one) { " (failed)" } else { "" };
        writeln!(to, "- `{}`{mark}", line(&one.command.command.lossy(), LONGEST / 4))?;
    }
    Ok(())
}

/// Commands that failed and did not succeed since, turns without an answer, and what somebody said.
fn open_ends(to: &mut dyn Write, session: &Session, story: &StoryView) -> io::Result<()> {
    writeln!(to, "\n## Open ends\n")?;
    let mut settled: HashSet<&[u8]> = HashSet::new();
    let mut open = Vec::new();
    for one in story.commands.iter().rev() {
        let text = one.command.command.as_bytes();
        if settled.insert(text) && has_failed(one) {
            let exit = one.command.exit.map(|exit| format!(" with exit {exit}")).unwrap_or_default();
            open.push(format!(
                "`{}` failed{exit}, and was not run since",
                line(&one.command.command.lossy(), LONGEST / 4)
            ));
        }
    }
    open.reverse();
    let unanswered = story.asked.iter().filter(|asked| asked.end != "answered");
    open.extend(
        unanswered.map(|asked| format!("{}: {}", asked.end, line(&asked.prompt.lossy(), LONGEST / 4))),
    );
    open.extend(session.closed_reason.iter().map(|reason| line(reason, LONGEST)));
    if open.is_empty() {
        writeln!(to, "None that the record shows.")?;
    }
    open.iter().try_for_each(|one| writeln!(to, "- {one}"))
}

fn files(to: &mut dyn Write, story: &StoryView) -> io::Result<()> {
    writeln!(to, "\n## Changed files\n")?;
    if story.touched.is_empty() {
        writeln!(to, "None.")?;
    }
    for file in story.touched.iter().take(MOST * 5) {
        writeln!(to, "- {} `{}`", file.status.word(), word(file.path.as_bytes()))?;
    }
    match story.touched.len().saturating_sub(MOST * 5) {
        0 => Ok(()),
        more => writeln!(to, "- and {more} more"),
    }
}

fn has_failed(one: &CommandView) -> bool {
    one.command.exit.is_some_and(|exit| exit != 0)
}

fn left_out(skipped: usize) -> String {
    match skipped {
        0 => String::new(),
        _ => format!(" ({skipped} before them are left out)"),
    }
}

/// A text as a quotation: nothing in it is a heading of ours.
fn quote(to: &mut dyn Write, text: &Text) -> io::Result<()> {
    let text = clip(&text.lossy(), LONGEST);
    text.lines().try_for_each(|line| writeln!(to, "> {}", Safe(line.as_bytes())))
}

/// A text on one line, without the marks that would end a code span.
fn line(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    word(clip(&words, most).as_bytes())
}

fn word(bytes: &[u8]) -> String {
    Safe(bytes).to_string().replace('`', "'")
}

fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
