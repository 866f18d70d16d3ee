//! One writer: what a hook costs, and a checkpoint.

use crate::Wanted;
use crate::child::{self, Took};
use crate::report::{Target, label, memory, millis, row};
use crate::world::{World, builds};

/// Recording an event, against the smallest thing that git does.
pub fn record(wanted: &Wanted) {
    if !wanted.has("record") {
        return;
    }
    let world = World::new(1_000);
    let builds = builds();
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); builds.len() + 1];
    for round in 0..wanted.rounds {
        took[0].push(world.git(&["rev-parse", "HEAD"]));
        for (at, (name, path)) in builds.iter().enumerate() {
            let input = world.input("payload", world.payload(name, &format!("make {round}")).as_bytes());
            took[at + 1].push(child::run(&mut world.hook(path), Some(&input)));
        }
    }
    for (at, (name, _)) in builds.iter().enumerate() {
        let most = if *name == "static" { 0.30 } else { 0.80 };
        row(&format!("record-{name}"), &millis(&took[0]), &millis(&took[at + 1]), Target::Ratio(most));
        let name = format!("record-{name}-memory-MiB");
        row(&name, &memory(&took[0]), &memory(&took[at + 1]), Target::Ours(16.0));
    }
}

/// Checkpoints of nothing new, of paths that are told, and of everything.
pub fn checkpoint(wanted: &Wanted, size: usize) {
    let names = ["nothing-changed", "checkpoint-known", "checkpoint-full"];
    if !names.iter().any(|name| wanted.has(name)) {
        return;
    }
    let world = World::new(size);
    let label = label(size);
    let status = ["status", "--porcelain", "-uall"];
    // First of all: what the user did not add yet costs git's status no more than ours.
    show(&world, wanted, names[0], &label, |side, _| match side {
        Side::Git => world.git(&status),
        Side::Ours(ours) => ours.run(&world, &["checkpoint"]),
    });
    show(&world, wanted, names[1], &label, |side, changed| match side {
        Side::Git => world.known(changed),
        Side::Ours(ours) => {
            let args: Vec<_> = ["checkpoint"].into_iter().chain(changed.iter().map(String::as_str)).collect();
            ours.run(&world, &args)
        }
    });
    // What was told by its path is read once more by the next full look, which is not this row.
    world.trace(&["checkpoint"]);
    show(&world, wanted, names[2], &label, |side, _| match side {
        Side::Git => world.full(),
        Side::Ours(ours) => ours.run(&world, &["checkpoint"]),
    });
}

/// Who is running.
enum Side<'a> {
    Git,
    Ours(&'a Ours),
}

/// One of our builds, as it comes or without a sync.
struct Ours {
    name: String,
    program: String,
    durability: &'static str,
}

impl Ours {
    /// Each build as it comes, and the default one without a sync: what is left is what we compute,
    /// and the difference is what the disk takes.
    fn all() -> Vec<Self> {
        let ours = |name: &str, program: &String, durability| Self {
            name: name.to_owned(),
            program: program.clone(),
            durability,
        };
        let builds = builds();
        let mut all: Vec<_> = builds.iter().map(|(name, path)| ours(name, path, "turn")).collect();
        all.push(ours("unsynced", &builds[0].1, "none"));
        all
    }

    fn run(&self, world: &World, args: &[&str]) -> Took {
        let mut command = world.command(&self.program);
        child::run(command.args(args).env("TRACE_DURABILITY", self.durability), None)
    }
}

fn show(world: &World, wanted: &Wanted, name: &str, label: &str, run: impl Fn(Side<'_>, &[String]) -> Took) {
    if !wanted.has(name) {
        return;
    }
    let all = Ours::all();
    let rounds = if name == "checkpoint-known" { wanted.rounds } else { wanted.scans };
    let change = |round| if name == "nothing-changed" { Vec::new() } else { world.change(round) };
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); all.len() + 1];
    for round in 0..rounds {
        if name == "checkpoint-full" {
            // What changed for ours since its last turn would be git's work now.
            world.full();
        }
        let first = round * all.len();
        let mut changed = change(first);
        world.settle();
        took[0].push(run(Side::Git, &changed));
        // Another of ours each time is the one that runs right after git.
        for turn in 0..all.len() {
            let at = (round + turn) % all.len();
            if turn > 0 {
                changed = change(first + turn);
            }
            world.settle();
            took[at + 1].push(run(Side::Ours(&all[at]), &changed));
        }
    }
    for (at, ours) in all.iter().enumerate() {
        let title = format!("{name}-{label}-{}", ours.name);
        row(&title, &millis(&took[0]), &millis(&took[at + 1]), target(name, label));
        if ours.durability == "turn" {
            row(&format!("{title}-MiB"), &memory(&took[0]), &memory(&took[at + 1]), Target::Ours(150.0));
        }
    }
}

fn target(name: &str, label: &str) -> Target {
    Target::Ratio(match (name, label) {
        ("checkpoint-known", _) => 0.15,
        ("checkpoint-full", "1k") => 0.25,
        ("checkpoint-full", "10k") => 0.30,
        ("checkpoint-full", "100k") => 0.35,
        ("nothing-changed", "10k" | "100k") => 0.50,
        _ => return Target::None,
    })
}
