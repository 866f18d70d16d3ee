//! Work on many lines, by two threads.

use super::{Lines, Record, read};
use crate::model::agent::Agent;
use crate::model::both::both;

/// What the work on the lines comes to; if these are many, on their first half and on their second.
pub fn halves<T: Send>(lines: Lines<'_>, work: impl Fn(Lines<'_>) -> T + Sync) -> (T, Option<T>) {
    let (first, Some(second)) = lines.halves() else { return (work(lines), None) };
    let (first, second) = both(|| work(first), || work(second.clone()));
    (first, Some(second))
}

/// What the lines tell.
pub fn records(agent: Agent, lines: Lines<'_>) -> impl Iterator<Item = Record> {
    let work = |lines: Lines<'_>| -> Vec<Record> { lines.flat_map(|line| read(agent, line.bytes)).collect() };
    let (first, second) = halves(lines, work);
    first.into_iter().chain(second.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::transcripts::split;

    #[test]
    fn many_lines_are_told_in_their_order() {
        for many in [3, 40_000] {
            let lines: String = (0..many).map(|n| format!("{{\"uuid\":\"{n}\"}}\n")).collect();
            let told = records(Agent::Claude, split(Agent::Claude, lines.as_bytes()));
            let wanted: Vec<_> = (0..many).map(|n| Some(n.to_string())).collect();
            assert_eq!(told.map(|record| record.id).collect::<Vec<_>>(), wanted);
        }
    }
}
