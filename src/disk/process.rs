//! Which process is which: a number alone says nothing, numbers are re-used.

use std::fs;
use std::sync::OnceLock;

use crate::model::command::Alive;
use crate::model::event::Process;

/// This boot of this machine; empty where the system does not say. No process outlives it.
pub fn boot_id() -> String {
    static ID: OnceLock<String> = OnceLock::new();
    let read = || fs::read_to_string("/proc/sys/kernel/random/boot_id");
    ID.get_or_init(|| read().map(|id| id.trim().to_owned()).unwrap_or_default()).clone()
}

/// The name of this machine; empty if it has none.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The process with this number, as it is now; `None` if there is none or the system hides it.
pub fn identify(pid: u32) -> Option<Process> {
    Some(Process { pid, start: started(pid)?, boot: boot_id() })
}

/// This process.
pub fn myself() -> Process {
    let pid = std::process::id();
    Process { pid, start: started(pid).unwrap_or(0), boot: boot_id() }
}

/// Whether `process` is still there. A process of another boot is not.
pub fn alive(process: &Process) -> Alive {
    match process.boot == boot_id() && started(process.pid) == Some(process.start) {
        true => Alive::Yes,
        false => Alive::No,
    }
}

/// Field 22 of `/proc/<pid>/stat` (proc_pid_stat(5)): the name in field 2 may hold anything, so
/// counting begins behind its last parenthesis. A zombie has ended.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&stat);
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_used_again_is_another_process() {
        let me = myself();
        assert_eq!(alive(&me), Alive::Yes);
        assert_eq!(alive(&Process { start: me.start + 1, ..me.clone() }), Alive::No);
        assert_eq!(alive(&Process { boot: "another".into(), ..me }), Alive::No);
    }
}
