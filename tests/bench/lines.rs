//! Where the lines of a file come from, against git's blame over as many versions.

use crate::Wanted;
use crate::child;
use crate::report::{Target, memory, millis, row};
use crate::world::{TRACE, World, builds};

/// How many lines the file has.
const LINES: usize = 2_000;
/// How many versions of it there are, each a checkpoint and a commit.
const VERSIONS: usize = 300;

/// A file that changed often, a few lines at a time.
pub fn rows(wanted: &Wanted) {
    if !wanted.has("why") {
        return;
    }
    let world = World::new(1_000);
    let mut lines: Vec<String> =
        (0..LINES).map(|at| format!("line {at} of a file that is as long as files get\n")).collect();
    for version in 0..VERSIONS {
        for at in 0..4 {
            lines[(version * 37 + at * 611) % LINES] =
                format!("line {at} of version {version}, and no older\n");
        }
        std::fs::write(world.repo.join("long"), lines.concat()).unwrap();
        let input = world.input("payload", world.payload("lines", &format!("edit {version}")).as_bytes());
        child::run(&mut world.hook(TRACE), Some(&input));
        world.trace(&["checkpoint"]);
        world.git(&["add", "long"]);
        world.git(&["commit", "-qm", &format!("version {version}")]);
    }
    let builds = builds();
    let (mut git, mut ours) = (Vec::new(), vec![Vec::new(); builds.len()]);
    for _ in 0..wanted.scans {
        git.push(world.git(&["blame", "-s", "HEAD", "--", "long"]));
        for (at, (_, path)) in builds.iter().enumerate() {
            ours[at].push(child::run(world.command(path).args(["why", "long"]), None));
        }
    }
    for ((build, _), ours) in builds.iter().zip(&ours) {
        row(&format!("why-{LINES}-{build}"), &millis(&git), &millis(ours), Target::Ratio(2.0));
        row(&format!("why-{LINES}-{build}-MiB"), &memory(&git), &memory(ours), Target::None);
    }
}
