//! One process from its start to its end: how long, and how much memory at most.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a process took.
#[derive(Clone, Copy)]
pub struct Took {
    pub time: Duration,
    /// Peak of resident memory, in KiB.
    pub memory: i64,
}

/// Runs `command` with `input` as its stdin and nobody who listens; it must succeed.
#[allow(clippy::zombie_processes, reason = "wait4 is what waits for it")]
pub fn run(command: &mut Command, input: Option<&File>) -> Took {
    let stdin = input.map_or(Stdio::null(), |file| Stdio::from(OwnedFd::from(file.try_clone().unwrap())));
    let begin = Instant::now();
    let child = command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (status, memory) = wait(i32::try_from(child.id()).unwrap());
    let time = begin.elapsed();
    assert!(status == 0, "{command:?} failed: {status:#x}");
    Took { time, memory }
}

/// `struct rusage` of Linux on 64 bits: two times of two words each, the peak, and 13 words more.
#[repr(C)]
struct Usage {
    times: [i64; 4],
    peak: i64,
    rest: [i64; 13],
}

unsafe extern "C" {
    fn wait4(pid: i32, status: *mut i32, options: i32, usage: *mut Usage) -> i32;
}

/// Waits for a child of ours with what std does not tell: its peak of memory.
fn wait(pid: i32) -> (i32, i64) {
    let (mut status, mut usage) = (0, Usage { times: [0; 4], peak: 0, rest: [0; 13] });
    loop {
        // SAFETY: both pointers are to live values of the types that the call fills.
        let done = unsafe { wait4(pid, &raw mut status, 0, &raw mut usage) };
        if done == pid {
            return (status, usage.peak);
        }
        let error = std::io::Error::last_os_error();
        assert!(error.kind() == std::io::ErrorKind::Interrupted, "wait for {pid}: {error}");
    }
}
