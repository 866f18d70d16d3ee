//! What the machine itself takes for the least of each kind of work: what a row has beyond its floor is
//! ours to save.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use rustix::fs::{AtFlags, statat};

use crate::Wanted;
use crate::child;
use crate::report::{Target, label, millis, row};
use crate::world::World;

/// A program that does nothing, against the smallest thing that git does.
pub fn processes(wanted: &Wanted) {
    if !wanted.has("floor-process") {
        return;
    }
    let world = World::new(20);
    for (name, flags) in [("default", &["-O1"][..]), ("static", &["-O1", "-static"])] {
        let Some(program) = idle(&world, name, flags) else {
            println!("skipped: floor-process-{name}: there is no C compiler that makes such a program");
            continue;
        };
        let (mut git, mut idle) = (Vec::new(), Vec::new());
        for _ in 0..wanted.rounds {
            git.push(world.git(&["rev-parse", "HEAD"]));
            idle.push(child::run(&mut world.command(&program), None));
        }
        row(&format!("floor-process-{name}"), &millis(&git), &millis(&idle), Target::None);
    }
}

fn idle(world: &World, name: &str, flags: &[&str]) -> Option<PathBuf> {
    let (source, program) = (world.home().join("idle.c"), world.home().join(name));
    fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let status = Command::new("cc").args(flags).arg("-o").arg(&program).arg(&source).status();
    status.is_ok_and(|status| status.success()).then_some(program)
}

/// Two threads that ask the system for the state of each file and do nothing with the answer, against
/// git's snapshot of everything.
pub fn sweep(wanted: &Wanted, size: usize) {
    if !wanted.has("floor-lstat") {
        return;
    }
    let world = World::new(size);
    let top = File::open(&world.repo).unwrap();
    let below = |at| world.file(at).strip_prefix(&world.repo).unwrap().to_owned();
    let files: Vec<PathBuf> = (0..size).map(below).collect();
    let (first, second) = files.split_at(size / 2);
    let look = |files: &[PathBuf]| {
        for file in files {
            statat(&top, file, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
    };
    let (mut git, mut ours) = (Vec::new(), Vec::new());
    for round in 0..wanted.scans {
        world.change(round);
        world.settle();
        git.push(world.full());
        let begin = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| look(first));
            look(second);
        });
        ours.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    row(&format!("floor-lstat-{}", label(size)), &millis(&git), &ours, Target::None);
}
