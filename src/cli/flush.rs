//! A flush that its caller waits for, as the commands that need one order it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::world::World;
use crate::model::checkpoint::Kind;
use crate::store::flush::{self, Order, Outcome, Patience};
use crate::store::home::Home;

/// A person waits so long for others before they are told to try again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a checkpoint now, and waits for it.
pub fn now(world: &World, home: &Home, kind: Kind, paths: Option<Vec<Vec<u8>>>) -> Result<Outcome> {
    let (settings, excludes_file) = home.settings(&world.user);
    for refused in &settings.refused {
        super::output::say(&format!("trace: ignored setting: {refused}"));
    }
    let order = Order {
        kind,
        paths,
        patience: Patience::Until(Instant::now() + PATIENCE),
        budget: None,
        settings: &settings,
        excludes_file,
    };
    flush::flush(home, &order)
}
