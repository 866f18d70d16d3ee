//! What a caller of a hook sends. Waits for it, but not for a caller that has gone silent.

use std::io::{IsTerminal, Stdin};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read, retry_on_intr};

use super::call::Call;
use crate::wire::lenient;

/// The largest payload that is read.
const CAP: u64 = 16 << 20;

/// How much is read at first.
const FIRST: usize = 4 << 10;

/// A caller that sends nothing is not waited for any longer.
const SILENCE: Duration = Duration::from_secs(1);

/// Nor is one that sends a little now and then. Below the hard stop: what came is yet to be kept.
const SENT: Duration = Duration::from_millis(1500);

/// Everything on stdin, for as long as it comes.
pub fn read_all(call: &Call) -> Result<Vec<u8>> {
    let mut input = Input::new(call);
    while input.more()? {}
    Ok(input.bytes)
}

/// One JSON value from stdin, without waiting for the end of the input: some callers never close it.
pub fn read_value(call: &Call) -> Result<Vec<u8>> {
    let mut input = Input::new(call);
    // Whether it is whole is asked only where it can be: asking after every read would read all of a
    // long payload again each time.
    while !(ends_an_object(&input.bytes) && lenient::is_whole(&input.bytes)) {
        if !input.more()? {
            break;
        }
    }
    Ok(input.bytes)
}

fn ends_an_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_end().ends_with(b"}")
}

/// Until when the next bytes are waited for, if some came just `now`.
fn deadline(began: Instant, now: Instant) -> Instant {
    (now + SILENCE).min(began + SENT)
}

struct Input<'a> {
    call: &'a Call,
    stdin: Stdin,
    bytes: Vec<u8>,
    deadline: Instant,
}

impl<'a> Input<'a> {
    fn new(call: &'a Call) -> Self {
        let deadline = deadline(call.began, Instant::now());
        Self { call, stdin: std::io::stdin(), bytes: Vec::new(), deadline }
    }

    /// Reads what is there; false at the end, or when nothing more came in time.
    fn more(&mut self) -> Result<bool> {
        if self.stdin.is_terminal() || !self.wait()? {
            return Ok(false);
        }
        // Most payloads are short, and untouched memory costs nothing.
        let (have, room) = (self.bytes.len(), self.bytes.len().clamp(FIRST, 64 << 10));
        self.bytes.resize(have + room, 0);
        // Past std's buffer: of what that has taken in, nobody would say that it is ready.
        let read = retry_on_intr(|| read(&self.stdin, &mut self.bytes[have..]));
        let n = read.context("read stdin")?;
        self.bytes.truncate(have + n);
        ensure!(self.bytes.len() as u64 <= CAP, "more than {CAP} bytes came in");
        self.deadline = deadline(self.call.began, Instant::now());
        Ok(n > 0)
    }

    /// Whether something is there to be read, before the deadline.
    fn wait(&self) -> Result<bool> {
        if self.ready(Duration::ZERO)? {
            return Ok(true);
        }
        self.call.watched();
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.ready(left)? {
                return self.ready(Duration::ZERO);
            }
        }
    }

    /// The same within `limit`. A signal ends the waiting early.
    fn ready(&self, limit: Duration) -> Result<bool> {
        let timeout = Timespec { tv_sec: limit.as_secs().try_into()?, tv_nsec: limit.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&self.stdin, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error).context("wait for stdin"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_come_are_waited_for_anew_but_not_for_ever() {
        let began = Instant::now();
        let after = |millis: u64| deadline(began, began + Duration::from_millis(millis)) - began;
        assert_eq!([0, 200, 700, 1500].map(after).map(|wait| wait.as_millis()), [1000, 1200, 1500, 1500]);
    }

    #[test]
    fn only_what_ends_an_object_is_looked_at_as_a_whole() {
        for (bytes, ends) in [("{}", true), ("{} \n\t", true), ("{\"a\":1", false), ("", false)] {
            assert_eq!(ends_an_object(bytes.as_bytes()), ends, "{bytes:?}");
        }
    }
}
