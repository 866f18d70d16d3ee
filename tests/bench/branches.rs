//! What the list of trails costs where there are many branches.

use crate::Wanted;
use crate::child::{self, Took};
use crate::report::{Target, memory, millis, row};
use crate::world::{World, add, builds};

const MANY: usize = 200;

/// The trails of many branches, against git's list of them and a look at the last commit of each.
pub fn rows(wanted: &Wanted) {
    if !wanted.has("trail-200") {
        return;
    }
    let world = World::new(1_000);
    let names: Vec<String> = (0..MANY).map(|at| format!("branch-{at}")).collect();
    for (at, name) in names.iter().enumerate() {
        world.git(&["checkout", "-q", "-b", name, "main"]);
        world.change(at);
        world.git(&["commit", "-q", "-a", "-m", name]);
        world.trace(&["checkpoint"]);
    }
    let builds = builds();
    let (mut git, mut ours) = (Vec::new(), vec![Vec::new(); builds.len()]);
    for _ in 0..wanted.rounds {
        git.push(listed(&world, &names));
        for (at, (_, path)) in builds.iter().enumerate() {
            ours[at].push(child::run(world.command(path).args(["trail", "--all", "--limit", "0"]), None));
        }
    }
    for ((build, _), ours) in builds.iter().zip(&ours) {
        row(&format!("trail-200-{build}"), &millis(&git), &millis(ours), Target::Ratio(1.0));
        row(&format!("trail-200-{build}-MiB"), &memory(&git), &memory(ours), Target::None);
    }
}

fn listed(world: &World, names: &[String]) -> Took {
    let mut took = world.git(&["for-each-ref", "refs/heads"]);
    for name in names {
        add(&mut took, world.git(&["log", "-1", name]));
    }
    took
}
