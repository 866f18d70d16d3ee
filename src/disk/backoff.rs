//! Dice: random ids, and pauses with jitter. The only user of `rand`.

use std::time::Duration;

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::{Rng, RngExt as _};

/// Pauses that grow, each drawn from zero to a ceiling (full jitter), for ever.
///
/// It does not sleep: whoever waits decides what a pause is and when to give up.
pub struct Backoff<R> {
    rng: R,
    ceiling: Duration,
    last: Duration,
}

impl<R: Rng> Backoff<R> {
    /// Ceilings double from `first` to `last`.
    pub fn new(rng: R, first: Duration, last: Duration) -> Self {
        Self { rng, ceiling: first, last }
    }
}

impl<R: Rng> Iterator for Backoff<R> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.rng.random_range(Duration::ZERO..=self.ceiling);
        self.ceiling = (self.ceiling * 2).min(self.last);
        Some(pause)
    }
}

/// The system's own generator. A process of ours throws few dice, and to seed a quicker generator it
/// would first ask what this processor can do: in a virtual machine that takes longer than all throws.
pub fn dice() -> impl Rng {
    UnwrapErr(SysRng)
}

/// Random bytes, good enough to be unique among all machines.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    dice().fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_ceiling_that_doubles_to_its_limit() {
        let (first, last) = (Duration::from_millis(1), Duration::from_millis(16));
        let ceilings = [1, 2, 4, 8, 16, 16, 16];
        for (pause, ceiling) in Backoff::new(dice(), first, last).zip(ceilings) {
            assert!(pause <= Duration::from_millis(ceiling), "{pause:?} over {ceiling} ms");
        }
    }
}
