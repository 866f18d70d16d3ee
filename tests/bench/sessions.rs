//! What a hook costs where there are many sessions.

use trace::disk::clock;
use trace::disk::file::Durability;
use trace::store::record;
use trace::wire::{call, generic};

use crate::Wanted;
use crate::child;
use crate::report::{Target, memory, millis, row};
use crate::world::{World, builds};

/// How many sessions there are.
const MANY: usize = 20_000;

/// One hook of a new session beside twenty thousand others, against the smallest thing that git does:
/// while their events wait in as many journals, and when a checkpoint holds them.
pub fn rows(wanted: &Wanted) {
    if !wanted.has("hook20k") {
        return;
    }
    let world = World::new(1_000);
    fill(&world, MANY);
    hook(&world, wanted, "hook20k-waiting");
    world.trace(&["checkpoint"]);
    hook(&world, wanted, "hook20k-kept");
}

/// Records a command of each of so many sessions.
pub fn fill(world: &World, count: usize) {
    let worktree = std::fs::read_to_string(world.repo.join(".git/trace/worktree-id")).unwrap();
    let journal = world.repo.join(".git/trace/journal").join(worktree.lines().next().unwrap());
    for at in 0..count {
        let (session, text) = (format!("many-{at}"), format!("make {at}"));
        let call = generic::parse(world.payload(&session, &text).as_bytes()).unwrap();
        let stem = record::stem(&call.agent, call.session.as_bytes());
        let events = call::events(&call, clock::now());
        record::record(&journal, &stem, &events, Durability::Buffered).unwrap();
    }
}

fn hook(world: &World, wanted: &Wanted, name: &str) {
    let builds = builds();
    let (mut git, mut ours) = (Vec::new(), vec![Vec::new(); builds.len()]);
    for round in 0..wanted.rounds {
        git.push(world.git(&["rev-parse", "HEAD"]));
        for (at, (build, path)) in builds.iter().enumerate() {
            let payload = world.payload(&format!("{name}-{build}-{round}"), "make");
            let input = world.input("payload", payload.as_bytes());
            ours[at].push(child::run(&mut world.hook(path), Some(&input)));
        }
    }
    for ((build, _), ours) in builds.iter().zip(&ours) {
        row(&format!("{name}-{build}"), &millis(&git), &millis(ours), Target::Ours(50.0));
        row(&format!("{name}-{build}-MiB"), &memory(&git), &memory(ours), Target::None);
    }
}
