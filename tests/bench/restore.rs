//! Putting files back: a plan of ten differences, and an undo of one changed file.

use std::fs;

use crate::Wanted;
use crate::child::{self, Took};
use crate::report::{Target, label, millis, row};
use crate::world::{World, builds};

/// Files that differ in the plan.
const DIFFERENT: usize = 10;

/// The rows, in a repository of `size` files.
pub fn rows(wanted: &Wanted, size: usize) {
    if !["plan", "undo"].iter().any(|name| wanted.has(name)) {
        return;
    }
    let world = World::new(size);
    let label = label(size);
    if wanted.has("plan") {
        plan(&world, wanted, &label);
    }
    if wanted.has("undo") {
        undo(&world, wanted, &label);
    }
}

/// What git says of the differences to HEAD, against the plan that would put HEAD back.
fn plan(world: &World, wanted: &Wanted, label: &str) {
    for at in 0..DIFFERENT {
        fs::write(world.file(at * 31), format!("different {at}\n")).unwrap();
    }
    let (mut git, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..wanted.scans {
        git.push(world.git(&["status", "--porcelain", "-uall"]));
        ours.push(world.trace(&["restore", "HEAD", "--dry-run"]));
    }
    row(&format!("plan-{label}"), &millis(&git), &millis(&ours), Target::Ratio(0.5));
    world.git(&["checkout", "-q", "--", "."]);
    world.trace(&["checkpoint"]);
}

/// One file of a tool's making is put back, by `git checkout` and a snapshot, and by an undo.
fn undo(world: &World, wanted: &Wanted, label: &str) {
    let (mut git, mut ours) = (Vec::new(), Vec::new());
    for round in 0..wanted.scans {
        let path = world.file(round * 17);
        let name = path.strip_prefix(&world.repo).unwrap().to_str().unwrap().to_owned();
        fs::write(&path, format!("changed {round}\n")).unwrap();
        let mut took = world.git(&["checkout", "-q", "--", &name]);
        let also = world.full();
        took.time += also.time;
        git.push(took);
        world.trace(&["checkpoint"]);
        tell(world, "tool_pre", round);
        fs::write(&path, format!("changed by a tool {round}\n")).unwrap();
        tell(world, "tool_post", round);
        ours.push(world.trace(&["undo"]));
        assert!(!fs::read_to_string(&path).unwrap().starts_with("changed by"), "the undo did nothing");
    }
    row(&format!("undo-{label}"), &millis(&git), &millis(&ours), Target::Ratio(1.0));
}

fn tell(world: &World, event: &str, round: usize) -> Took {
    let cwd = world.repo.display();
    let call = format!(
        r#"{{"v":1,"agent":"bench","session":"undo","event":"{event}","cwd":"{cwd}","tool":"shell","tool_id":"u{round}","command":"sed -i {round}","exit":0}}"#
    );
    let input = world.input("tool", call.as_bytes());
    child::run(&mut world.hook(&builds()[0].1), Some(&input))
}
