//! The terminal while a whole screen of it is ours, and how it is given back: at the end, after an
//! error, after a panic, and when a signal asks us to end.

use std::io::{self, Write};
use std::panic;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{self, OptionalActions, Termios};

use crate::disk::inherited::{Undisturbed, go_on};
use crate::view::browse::{Key, Size, decode};

/// The other screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";

/// The cursor, and the screen as it was.
const LEAVE: &str = "\x1b[0m\x1b[?25h\x1b[?1049l";

/// How long a key is waited for until somebody may have changed the size, or asked us to end.
const LOOK: Duration = Duration::from_millis(200);

/// What follows an escape comes within this time, or it was the key.
const SEQUENCE: Duration = Duration::from_millis(30);

/// The terminal while it is ours.
#[must_use = "the terminal is given back when it is dropped"]
pub struct Terminal {
    before: Termios,
    shown: Vec<String>,
    _undisturbed: Undisturbed,
}

impl Terminal {
    /// Takes it: stdin gives each key at once, stdout shows another screen.
    pub fn enter() -> Result<Self> {
        let context = "make the terminal give each key";
        let before = termios::tcgetattr(io::stdin()).context(context)?;
        let undisturbed = Undisturbed::until_asked_to_end();
        let (theirs, saved) = (panic::take_hook(), before.clone());
        // A release ends at a panic and drops nothing; so the hook gives it back before it says why.
        panic::set_hook(Box::new(move |why| {
            leave(&saved);
            theirs(why);
        }));
        let terminal = Self { before, shown: Vec::new(), _undisturbed: undisturbed };
        let mut raw = terminal.before.clone();
        raw.make_raw();
        termios::tcsetattr(io::stdin(), OptionalActions::Now, &raw).context(context)?;
        write(ENTER)?;
        Ok(terminal)
    }

    /// How large it is now.
    pub fn size(&self) -> Size {
        let size = termios::tcgetwinsize(io::stdout());
        let side = |asked: u16, usual: usize| if asked == 0 { usual } else { usize::from(asked) };
        size.map_or(Size { columns: 80, lines: 24 }, |size| Size {
            columns: side(size.ws_col, 80),
            lines: side(size.ws_row, 24),
        })
    }

    /// Shows a frame, if it is not shown already.
    pub fn show(&mut self, frame: Vec<String>) -> Result<()> {
        if frame == self.shown {
            return Ok(());
        }
        // Each line is emptied before it is written: after a full one, that would take its end.
        let lines: Vec<String> = frame.iter().map(|line| format!("\x1b[2K{line}")).collect();
        write(&format!("\x1b[H{}\x1b[J\x1b[H", lines.join("\r\n")))?;
        self.shown = frame;
        Ok(())
    }

    /// The keys that were pressed, or none for a while; `None` when nobody will press any more.
    ///
    /// # Errors
    /// A signal asked us to end.
    pub fn keys(&self) -> Result<Option<Vec<Key>>> {
        go_on()?;
        if !is_ready(LOOK)? {
            return Ok(Some(Vec::new()));
        }
        let mut bytes = read()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.ends_with(b"\x1b") && is_ready(SEQUENCE)? {
            bytes.extend(read()?);
        }
        Ok(Some(decode(&bytes)))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        leave(&self.before);
        if !std::thread::panicking() {
            drop(panic::take_hook());
        }
    }
}

/// Gives it back. If it is gone, nothing can be done about it.
fn leave(before: &Termios) {
    let _ = write(LEAVE);
    let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, before);
}

fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("write to the terminal")
}

fn is_ready(wait: Duration) -> Result<bool> {
    let stdin = io::stdin();
    let mut asked = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut asked, Some(&wait)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error).context("wait for a key"),
    }
}

fn read() -> Result<Vec<u8>> {
    let mut bytes = [0; 256];
    match rustix::io::read(io::stdin(), &mut bytes) {
        Ok(len) => Ok(bytes[..len].to_vec()),
        Err(error) => Err(error).context("read a key"),
    }
}
