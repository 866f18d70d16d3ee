//! Two pieces of work at once.

use std::thread::{Builder, scope};

/// What both come to. Where no thread is to be had, one is done after the other.
pub fn both<A, B: Send>(mine: impl FnOnce() -> A, other: impl Fn() -> B + Sync) -> (A, B) {
    scope(|scope| {
        let thread = Builder::new().spawn_scoped(scope, &other);
        let mine = mine();
        let other = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => other(),
        };
        (mine, other)
    })
}

/// What each of these comes to, in their order; from so `many` on each half is for one.
pub fn each<T: Sync, R: Send>(all: &[T], many: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if all.len() < many {
        return all.iter().map(work).collect();
    }
    let (first, second) = all.split_at(all.len() / 2);
    let half = |half: &[T]| half.iter().map(&work).collect::<Vec<R>>();
    let (mut first, second) = both(|| half(first), || half(second));
    first.extend(second);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_stays_whoever_did_the_work() {
        for length in [0, 1, 9, 10, 11, 1000] {
            let all: Vec<usize> = (0..length).collect();
            let wanted: Vec<usize> = all.iter().map(|n| n * n).collect();
            assert_eq!(each(&all, 10, |n| n * n), wanted);
        }
    }
}
