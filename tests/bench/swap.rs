//! Moving a ref: a call of the library against the process that git is for it.

use std::time::Instant;

use trace::disk::consent::UserState;
use trace::disk::file::Durability;
use trace::disk::place::{Place, Told};
use trace::model::oid::Oid;
use trace::store::home::Home;
use trace::store::swap::{self, Swap};
use trace::store::tip::{self, Tip};

use crate::Wanted;
use crate::report::{Target, millis, row};
use crate::world::World;

/// The ref that git's side moves.
const REF: &str = "refs/bench/swap";

pub fn rows(wanted: &Wanted) {
    if !wanted.has("swap") {
        return;
    }
    let world = World::new(20);
    let home = home(&world);
    let first = world.said_by_git(&["rev-parse", "HEAD"]);
    world.git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    let second = world.said_by_git(&["rev-parse", "HEAD"]);
    world.git(&["update-ref", REF, &first]);
    // The shadow moves between the same two commits: a swap asks nothing of what it moves to.
    let begun = tip::read(&home).unwrap();
    let mut at = Oid::parse(first.as_bytes()).unwrap();
    done(swap::swap(&home, &begun, at, None, Durability::Buffered));
    let (mut git, mut ours, mut synced) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..wanted.rounds {
        let (old, new) = if round % 2 == 0 { (&first, &second) } else { (&second, &first) };
        git.push(world.git(&["update-ref", REF, new, old]));
        for (durability, list) in [(Durability::Buffered, &mut ours), (Durability::Synced, &mut synced)] {
            let to = if at.to_string() == first { &second } else { &first };
            let to = Oid::parse(to.as_bytes()).unwrap();
            let begin = Instant::now();
            done(swap::swap(&home, &Tip::At(at), to, None, durability));
            list.push(begin.elapsed().as_secs_f64() * 1e3);
            at = to;
        }
    }
    row("swap", &millis(&git), &ours, Target::Ratio(0.15));
    row("swap-synced", &millis(&git), &synced, Target::None);
}

fn done(swap: anyhow::Result<Swap>) {
    assert_eq!(swap.unwrap(), Swap::Done, "nobody else moves this ref");
}

fn home(world: &World) -> Home {
    let place = Place::find(&world.repo, &Told::default()).unwrap().unwrap();
    let state = UserState::locate(None, Some(world.home())).unwrap();
    Home::of(place, &state).unwrap().unwrap()
}
