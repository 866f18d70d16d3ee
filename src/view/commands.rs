//! Recorded commands, one a line: `trace commands`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::rc::Rc;

use super::paint::Style;
use super::safe::Safe;
use super::table::{Cell, Column, Headings, Table};
use super::{Look, short, time};
use crate::model::change::Change;
use crate::model::command::{Command, State};
use crate::model::id::CommandId;
use crate::model::time::Timestamp;

/// What is said where there are none.
pub const EMPTY: &str = "no commands recorded yet: `trace init` sets a shell up, `trace run` records one";

/// A command, how it stands, and what it changed.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandView {
    pub command: Rc<Command>,
    pub state: State,
    pub changes: Vec<Change>,
}

/// The length of a UUID.
const UUID: usize = 36;

/// The digits of a session that a listing shows at least, and those of a tool call.
const DIGITS: usize = 8;

/// Columns below which the command needs the room more than its checkpoint, which `cmd:ID` names.
const WIDE: usize = 100;

/// Writes one line per command, in the order given.
pub fn write(to: &mut dyn Write, commands: &[CommandView], look: &Look) -> io::Result<()> {
    let mut columns = vec![
        Column::text("ID"),
        Column::text("EXIT"),
        Column::text("STARTED").spare(),
        Column::number("TOOK"),
    ];
    let is_wide = look.width.is_none_or(|width| width >= WIDE);
    if is_wide {
        columns.push(Column::text("CHECKPOINT"));
    }
    columns.extend([Column::path("CWD", 8).spare(), Column::flexible("COMMAND", 20)]);
    let mut table = Table::new(Headings::Shown, &columns);
    let digits = digits(commands.iter().map(|view| &view.command.id));
    for view in commands {
        let command = &view.command;
        let verdict = verdict(view);
        let style = if verdict.0 == Style::Bad { Style::Bad } else { Style::Text };
        let mut cells = vec![
            Cell::new(Style::Id, short_id(&command.id, digits)),
            Cell::new(verdict.0, verdict.1),
            Cell::new(Style::Text, time::relative(command.started.or(command.finished), look.now)),
            took(view, look.now),
        ];
        if is_wide {
            cells.push(Cell::maybe(Style::Id, command.checkpoint.map(short)));
        }
        cells.push(Cell::new(Style::Text, Safe(command.cwd.as_bytes())));
        cells.push(Cell::new(style, Safe(command.command.as_bytes())));
        table.row(cells);
    }
    table.write(to, look)
}

/// The exit code, or the word for what there is in its place.
pub(super) fn verdict(view: &CommandView) -> (Style, String) {
    match (view.state, view.command.exit) {
        (State::Done, Some(0)) => (Style::Ok, "0".to_owned()),
        (State::Done, Some(exit)) => (Style::Bad, exit.to_string()),
        (State::Done, None) => (Style::Dim, "?".to_owned()),
        (State::Running, _) => (Style::Live, "running".to_owned()),
        (State::Lost, _) => (Style::Bad, "lost".to_owned()),
        (State::Interrupted, _) => (Style::Bad, "interrupted".to_owned()),
    }
}

/// How long it took, or has taken so far.
fn took(view: &CommandView, now: Timestamp) -> Cell {
    let so_far = |started| u64::try_from(now.since(started)).unwrap_or(0);
    match (view.state, view.command.started) {
        (State::Running, Some(started)) => Cell::new(Style::Live, time::duration(so_far(started))),
        _ => Cell::maybe(Style::Text, view.command.duration_us.map(time::duration)),
    }
}

/// How many digits of their sessions keep these commands apart.
fn digits<'a>(ids: impl Iterator<Item = &'a CommandId>) -> usize {
    let sessions: BTreeSet<&str> = ids.filter_map(|id| Some(parts(id)?.0)).collect();
    let tell_apart = |digits: &usize| {
        let cut: BTreeSet<&str> = sessions.iter().map(|session| &session[..*digits]).collect();
        cut.len() == sessions.len()
    };
    (DIGITS..UUID).find(tell_apart).unwrap_or(UUID)
}

/// The short form of a command's id, which [`crate::model::selector::CommandName`] takes back.
fn short_id(id: &CommandId, digits: usize) -> String {
    match parts(id) {
        Some((session, tail)) if tail.len() == 16 => format!("{}.{}", &session[..digits], &tail[..DIGITS]),
        Some((session, tail)) => format!("{}.{tail}", &session[..digits]),
        None => id.to_string(),
    }
}

fn parts(id: &CommandId) -> Option<(&str, &str)> {
    id.as_str().split_once('.').filter(|(session, _)| session.len() == UUID)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::SessionId;
    use crate::model::selector::{self, Selector};
    use crate::view::testing::{SHELL, colour, command, fits, look, screen, shell};

    fn view(seq: u64, text: &str, exit: i32, state: State) -> CommandView {
        CommandView { command: command(seq, text, exit).into(), state, changes: vec![] }
    }

    fn four() -> Vec<CommandView> {
        let long = "cargo test --workspace --all-targets -- --nocapture the_parser_survives_an_empty_line";
        let mut all = vec![
            view(7, "make", 0, State::Done),
            view(12, long, 101, State::Done),
            view(13, "sleep 100\necho \u{202e}done", 0, State::Running),
            view(14, "vi", 0, State::Lost),
        ];
        Rc::make_mut(&mut all[1].command).cwd = "/home/ada/work/crates/parser".into();
        Rc::make_mut(&mut all[2].command).checkpoint = None;
        Rc::make_mut(&mut all[3].command).duration_us = None;
        all
    }

    #[test]
    fn a_line_tells_a_command() {
        let wide = "\
ID           EXIT     STARTED   TOOK  CHECKPOINT  CWD                           COMMAND
01987f00.7   0        3m ago    1.2s  3f3f3f3f3f  /home/ada/work                make
01987f00.12  101      3m ago    1.2s  3f3f3f3f3f  /home/ada/work/crates/parser  cargo test --workspace --all-targets -- --nocapture the_parser_survives_an_empty_line
01987f00.13  running  3m ago   3m00s  -           /home/ada/work                sleep 100\\necho \\u{202e}done
01987f00.14  lost     3m ago       -  3f3f3f3f3f  /home/ada/work                vi
";
        assert_eq!(screen(|to| write(to, &four(), &look(None))), wide);
        assert_eq!(screen(|to| write(to, &four(), &look(Some(200)))), wide);
    }

    #[test]
    fn paths_lose_their_beginning_and_commands_their_end_at_80_columns() {
        let narrow = screen(|to| write(to, &four(), &look(Some(80))));
        fits(&narrow, 80);
        assert_eq!(
            narrow,
            "\
ID           EXIT     STARTED   TOOK  CWD             COMMAND
01987f00.7   0        3m ago    1.2s  /home/ada/work  make
01987f00.12  101      3m ago    1.2s  …crates/parser  cargo test --workspace --…
01987f00.13  running  3m ago   3m00s  /home/ada/work  sleep 100\\necho \\u{202e}d…
01987f00.14  lost     3m ago       -  /home/ada/work  vi
"
        );
    }

    #[test]
    fn failures_are_red() {
        let lines = screen(|to| write(to, &four()[1..2], &colour(200)));
        assert!(lines.contains("\u{1b}[31m101\u{1b}[0m"), "{lines}");
        assert!(lines.contains("\u{1b}[31mcargo test"), "{lines}");
    }

    #[test]
    fn ids_are_as_long_as_it_takes_and_are_taken_back() {
        let near = SessionId::parse(&format!("sess_{}", SHELL.replace("1111-7", "1112-7"))).unwrap();
        let ids = [
            CommandId::of_shell(&shell(), 3),
            CommandId::of_tool(&near, b"toolu_1"),
            CommandId::parse("own").unwrap(),
        ];
        let digits = digits(ids.iter());
        let shorts: Vec<String> = ids.iter().map(|id| short_id(id, digits)).collect();
        assert_eq!(shorts[0], "01987f00-1111.3");
        assert_eq!(shorts[1].len(), "01987f00-1112.".len() + DIGITS);
        for (at, short) in shorts.iter().enumerate() {
            let Ok(Selector::Command { id, .. }) = selector::parse(&format!("cmd:{short}")) else {
                panic!("{short}")
            };
            let named: Vec<bool> = ids.iter().map(|other| id.names(other)).collect();
            assert_eq!(named, [at == 0, at == 1, at == 2], "{short}");
        }
    }
}
