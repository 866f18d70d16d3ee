//! The power goes: what was acknowledged as durable is there after the file system came back.
//!
//! A file system of its own on a loop device, and ext4's own way to drop all that was not written
//! (`EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, kernel `fs/ext4/ext4.h`).

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::place::Place;
use crate::sandbox::{Sandbox, full, have, skipped};
use crate::story::Story;

/// `_IOR('X', 125, __u32)`.
const EXT4_IOC_SHUTDOWN: libc::c_ulong = 0x8004_587d;
/// Without writing the journal first.
static NO_LOG_FLUSH: u32 = 2;

/// A file system that can lose its power.
struct Disk<'a> {
    sandbox: &'a Sandbox,
    image: PathBuf,
    mounted_at: PathBuf,
}

impl<'a> Disk<'a> {
    /// `None`, said visibly, where this machine does not let us.
    fn make(sandbox: &'a Sandbox) -> Option<Self> {
        if !have("mkfs.ext4", "power cuts") {
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skipped("power cuts need root");
            return None;
        }
        let (image, mounted_at) = (sandbox.root().join("image"), sandbox.root().join("disk"));
        File::create(&image).unwrap().set_len(96 << 20).unwrap();
        fs::create_dir(&mounted_at).unwrap();
        sandbox.run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), image.as_os_str()]).good("mkfs.ext4");
        let disk = Self { sandbox, image, mounted_at };
        if disk.mount() != 0 {
            skipped("this machine has no loop devices");
            return None;
        }
        Some(disk)
    }

    fn mount(&self) -> i32 {
        let args =
            ["-o".as_ref(), "loop,commit=1".as_ref(), self.image.as_os_str(), self.mounted_at.as_os_str()];
        self.sandbox.run("mount", &args).code
    }

    /// Everything that is not on the device is gone.
    fn cut(&self) {
        let top = File::open(&self.mounted_at).unwrap();
        // SAFETY: the descriptor is open for as long as `top` lives, and the call reads one u32, which
        // outlives it.
        let done = unsafe { libc::ioctl(top.as_raw_fd(), EXT4_IOC_SHUTDOWN, &raw const NO_LOG_FLUSH) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    fn come_back(&self) {
        // A flush in the background may still be about to find out that there is no disk any more.
        let gone = (0..400).any(|_| {
            self.unmount() == 0 || {
                thread::sleep(Duration::from_millis(25));
                false
            }
        });
        assert!(gone, "somebody still uses the dead file system");
        assert_eq!(self.mount(), 0, "the file system does not come back");
    }

    fn unmount(&self) -> i32 {
        self.sandbox.run("umount", &[self.mounted_at.as_os_str()]).code
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        self.sandbox.run("umount", &["-l".as_ref(), self.mounted_at.as_os_str()]);
    }
}

/// What was acknowledged while there was power.
#[derive(Default)]
struct Acknowledged {
    checkpoints: Vec<String>,
    prompts: Vec<String>,
}

/// Prompts, and checkpoints, again and again, until the power goes.
fn write(place: &Place, worker: usize, gone: &AtomicBool, kept: &Mutex<Acknowledged>) {
    for round in 0.. {
        if gone.load(Ordering::SeqCst)
            || fs::write(place.dir.join(format!("f{worker}")), round.to_string()).is_err()
        {
            return;
        }
        let text = format!("prompt {worker} {round}");
        let call = json!({"v": 1, "agent": "a", "session": worker.to_string(), "event": "turn_start",
            "cwd": place.dir.to_str(), "prompt": text});
        let told = place.hook(call.to_string().as_bytes());
        if told.code == 0 && !gone.load(Ordering::SeqCst) {
            kept.lock().unwrap().prompts.push(text);
        }
        let made = place.trace(&["checkpoint", "--json"]);
        let made: Value = serde_json::from_str(&made.stdout).unwrap_or_default();
        if let (Some(id), false) = (made["id"].as_str(), gone.load(Ordering::SeqCst)) {
            kept.lock().unwrap().checkpoints.push(id.to_owned());
        }
    }
}

/// One life: writes for a while, loses power, comes back, and holds what it said.
fn one(after: Duration) -> Option<usize> {
    let sandbox = Sandbox::empty();
    let disk = Disk::make(&sandbox)?;
    let place = sandbox.at(Path::new("disk").join("repo"));
    fs::create_dir(&place.dir).unwrap();
    place.begin(&[]);
    place.enable();
    rustix::fs::sync();
    let (gone, kept) = (AtomicBool::new(false), Mutex::new(Acknowledged::default()));
    thread::scope(|scope| {
        for worker in 0..3 {
            let (place, gone, kept) = (&place, &gone, &kept);
            scope.spawn(move || write(place, worker, gone, kept));
        }
        // The moment of the cut is what varies.
        thread::sleep(after);
        gone.store(true, Ordering::SeqCst);
        disk.cut();
    });
    disk.come_back();
    let kept = kept.into_inner().unwrap();
    place.checkpoint();
    let story = Story::of(&place);
    for id in &kept.checkpoints {
        assert!(story.chain.contains(id), "{id} was acknowledged, and is gone after a cut at {after:?}");
    }
    let prompts = place.json(&["session", "list", "--limit", "0"]);
    let told: u64 =
        prompts["sessions"].as_array().unwrap().iter().filter_map(|one| one["prompts"].as_u64()).sum();
    assert!(
        told >= kept.prompts.len() as u64,
        "{told} prompts of {} after a cut at {after:?}",
        kept.prompts.len()
    );
    place.fsck();
    place.user_works();
    Some(kept.checkpoints.len())
}

#[test]
fn what_was_acknowledged_outlives_a_power_cut() {
    let cuts = if full() { 60 } else { 4 };
    let mut acknowledged = 0;
    for cut in 0..cuts {
        // From the first write on to well after the file system's own commits, once a second.
        let Some(number) = one(Duration::from_millis(150 + cut * 97 % 2400 + cut % 7 * 31)) else { return };
        acknowledged += number;
    }
    assert!(acknowledged > 0, "no checkpoint was acknowledged, so nothing was shown");
    eprintln!("{acknowledged} acknowledged checkpoints outlived {cuts} power cuts");
}
