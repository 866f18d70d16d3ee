//! SIGKILL at every system call of what writes: the next checkpoint succeeds with nobody's help,
//! what was acknowledged is there once, and the user's git works.

use crate::person;
use crate::place::{GIT_TRACE, TRACE, finish, payload};
use crate::sandbox::{Sandbox, full, have};
use crate::sweep::{DURING, Sweep, Swept, checkpoint};

/// Kills the command at each of its system calls, of which there are at least `least`; where it
/// came to its end all the same, it has acknowledged `told`.
fn sweep(sweep: &Sweep, least: usize, told: &[&str]) {
    let points = sweep.points();
    // An empty sweep must not pass.
    assert!(!full() || points.len() >= least, "only {} system calls", points.len());
    for point in &points {
        let ran = sweep.fault(point, "signal=SIGKILL");
        eprintln!("killed at {}#{}: exit {}", point.call, point.nth, ran.code);
        sweep.check(if ran.code == 0 { told } else { &[] });
    }
}

#[test]
fn a_checkpoint_that_is_killed_anywhere_loses_nothing() {
    let Some(prepared) = Sweep::prepare(|_| checkpoint()) else { return };
    sweep(&prepared, 150, &[]);
}

#[test]
fn an_agents_hook_that_is_killed_anywhere_loses_nothing() {
    let swept = |sandbox: &Sandbox| Swept {
        program: GIT_TRACE,
        args: vec!["hook".into(), "generic".into()],
        stdin: payload(&sandbox.dir, "s", DURING).to_string().into_bytes(),
    };
    let Some(prepared) = Sweep::prepare(swept) else { return };
    sweep(&prepared, 20, &[DURING]);
}

#[test]
fn a_shells_event_that_is_killed_anywhere_loses_nothing() {
    let swept = |sandbox: &Sandbox| {
        let journal = person::open(sandbox, "01987f00-1111-7000-8000-00000000000a");
        let cwd = sandbox.dir.display();
        let record = [
            "1",
            "C",
            "1",
            "1795218000000000",
            "1795218000450000",
            "0",
            "0",
            "",
            &cwd.to_string(),
            &cwd.to_string(),
            DURING,
        ];
        Swept {
            program: GIT_TRACE,
            args: vec!["hook".into(), "shell-event".into(), journal],
            stdin: format!("\0{}\0", record.join("\x1f")).into_bytes(),
        }
    };
    let Some(prepared) = Sweep::prepare(swept) else { return };
    sweep(&prepared, 20, &[DURING]);
}

#[test]
fn an_enable_that_is_killed_is_simply_done_again() {
    if !have("strace", "faults at system calls") {
        return;
    }
    for call in ["mkdir", "openat", "write", "rename", "fsync"] {
        for nth in [1, 2, 3, 5, 8, 13] {
            let sandbox = Sandbox::new();
            let (trace, kill) = (format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={nth}"));
            let mut strace = sandbox.command("strace");
            strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &kill]);
            finish(strace.args([TRACE, "enable", "--yes"]), b"");
            eprintln!("killed at {call}#{nth}");
            sandbox.enable();
            sandbox.checkpoint();
            sandbox.fsck();
            sandbox.user_works();
        }
    }
}
