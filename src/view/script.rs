//! Recorded commands as a shell script: `trace commands export`.
//!
//! Commands stand there as they were typed, byte by byte. What should not be run once more just so is
//! commented out, and the comment says why. Nothing is run here.

use std::collections::BTreeSet;
use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::commands::CommandView;
use super::safe::Safe;
use super::{count, time};
use crate::model::command::State;
use crate::model::quote;
use crate::model::redact;

/// Which commands a script would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Those that went well; the others are commented out.
    Succeeded,
    /// Those that failed too.
    All,
}

/// Writes the script: the directory where it changed, then each command below its time and its end.
pub fn write(
    to: &mut dyn Write,
    commands: &[CommandView],
    extent: Extent,
    zone: &TimeZone,
) -> io::Result<()> {
    writeln!(to, "#!{}", interpreter(commands))?;
    writeln!(to, "# {}, as they were recorded.", count(commands.len() as u64, "command"))?;
    let mut here: Option<&[u8]> = None;
    for view in commands {
        let command = &view.command;
        let cwd = command.cwd.as_bytes();
        writeln!(to)?;
        if here != Some(cwd) && !cwd.is_empty() {
            to.write_all(&[b"cd ", &*quote::always(cwd), b" || exit\n\n"].concat())?;
            here = Some(cwd);
        }
        writeln!(to, "# {}  {}", time::local(command.moment(), zone), ended(view))?;
        // Where it leads is not where the next one is sure to begin.
        let stays = match &command.cwd_after {
            Some(after) => after.as_bytes() == cwd,
            None => !command.command.as_bytes().windows(2).any(|two| two == b"cd"),
        };
        here = here.filter(|_| stays);
        match obstacle(view, extent) {
            None => to.write_all(&[command.command.as_bytes(), b"\n"].concat())?,
            Some(why) => {
                if !why.is_empty() {
                    writeln!(to, "# not to be run as it is: {why}")?;
                }
                for line in command.command.as_bytes().split(|byte| *byte == b'\n') {
                    to.write_all(&[b"# ", line, b"\n"].concat())?;
                }
            }
        }
    }
    Ok(())
}

/// The shell they were typed in, if it was one and the same.
fn interpreter(commands: &[CommandView]) -> &'static str {
    let shells: BTreeSet<Option<&str>> = commands.iter().map(|view| view.command.shell.as_deref()).collect();
    match shells.into_iter().collect::<Vec<_>>().as_slice() {
        [Some("bash")] => "/usr/bin/env bash",
        [Some("zsh")] => "/usr/bin/env zsh",
        [Some("fish")] => "/usr/bin/env fish",
        _ => "/bin/sh",
    }
}

fn ended(view: &CommandView) -> String {
    let took = view.command.duration_us.map(|took| format!(", {}", time::duration(took))).unwrap_or_default();
    match (view.state, view.command.exit) {
        (State::Done, Some(exit)) => format!("exit {exit}{took}"),
        (State::Done, None) => format!("exit code not known{took}"),
        (State::Running, _) => "still running".to_owned(),
        (State::Lost, _) => "lost: nobody told how it ended".to_owned(),
        (State::Interrupted, _) => format!("interrupted{took}"),
    }
}

/// Why a command is commented out; empty if its end, which stands above it, says all.
fn obstacle(view: &CommandView, extent: Extent) -> Option<&'static str> {
    let command = &view.command;
    if redact::is_marked(command.command.as_bytes()) {
        return Some("a secret was left out");
    }
    if command.flags.contains('t') {
        return Some("its text was cut");
    }
    let succeeded = view.state == State::Done && command.exit == Some(0);
    (extent == Extent::Succeeded && !succeeded).then_some("")
}

/// What a terminal is shown of a script: the same lines, and nothing that it would obey.
pub fn harmless(to: &mut dyn Write, script: &[u8]) -> io::Result<()> {
    let lines = script.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
        .try_for_each(|line| writeln!(to, "{}", Safe(line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::command;
    use std::rc::Rc;

    fn view(text: &str, exit: i32, state: State) -> CommandView {
        CommandView { command: command(1, text, exit).into(), state, changes: vec![] }
    }

    fn script(commands: &[CommandView], extent: Extent) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes, commands, extent, &TimeZone::UTC).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_went_well_is_run_and_the_rest_is_said() {
        let mut all = vec![
            view("make\nmake install", 0, State::Done),
            view("cargo test\ncargo fmt", 101, State::Done),
            view("curl ⟦trace:redacted bearer 00000000⟧", 0, State::Done),
            view("vi", 0, State::Running),
        ];
        Rc::make_mut(&mut all[3].command).cwd = "/it's\nhere".into();
        let written = script(&all, Extent::Succeeded);
        assert_eq!(
            written,
            "\
#!/usr/bin/env bash
# 4 commands, as they were recorded.

cd '/home/ada/work' || exit

# 2026-11-21 09:57:00 +0000  exit 0, 1.2s
make
make install

# 2026-11-21 09:57:00 +0000  exit 101, 1.2s
# cargo test
# cargo fmt

# 2026-11-21 09:57:00 +0000  exit 0, 1.2s
# not to be run as it is: a secret was left out
# curl ⟦trace:redacted bearer 00000000⟧

cd '/it'\\''s
here' || exit

# 2026-11-21 09:57:00 +0000  still running
# vi
"
        );
        let whole = script(&all, Extent::All);
        assert!(
            whole.contains("\ncargo test\ncargo fmt\n")
                && whole.contains("\n# curl ")
                && whole.ends_with("\nvi\n"),
            "{whole}"
        );
    }

    #[test]
    fn after_a_cd_the_directory_is_said_again() {
        let mut all = vec![view("cd x", 0, State::Done), view("make", 0, State::Done)];
        Rc::make_mut(&mut all[0].command).cwd_after = Some("/home/ada/work/x".into());
        assert_eq!(script(&all, Extent::All).matches("cd '/home/ada/work'").count(), 2);
        Rc::make_mut(&mut all[0].command).cwd_after = Some("/home/ada/work".into());
        assert_eq!(script(&all, Extent::All).matches("cd '/home/ada/work'").count(), 1);
    }

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        let mut shown = Vec::new();
        harmless(&mut shown, b"a\x1b[2J\nb\n").unwrap();
        assert_eq!(shown, b"a\\x1b[2J\nb\n");
    }
}
