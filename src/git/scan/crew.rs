//! Looks at many paths on several threads, and hands what was seen to one.

use super::look::Look;
use anyhow::Result;
use std::sync::Mutex;
use std::sync::mpsc::{SendError, SyncSender, sync_channel};

/// How many paths a thread takes at once: handing over each alone costs more than reading it.
const PIECE: usize = 32;
/// How many bytes a thread holds before it hands them over.
const HEAVY: usize = 1 << 20;

/// Whether to go on.
#[derive(PartialEq, Eq)]
pub(super) enum Go {
    On,
    Stop,
}

/// Looks at all jobs, on several threads if there are many, and hands each answer to `take`.
pub(super) fn each<'j, J: Sync>(
    jobs: &'j [J],
    threads: usize,
    look: impl Fn(&J) -> Look + Sync,
    mut take: impl FnMut(&J, Look) -> Result<Go>,
) -> Result<()> {
    let pieces = Mutex::new(jobs.chunks(PIECE));
    let work = |sender: SyncSender<Looks<'j, J>>| {
        while let Ok(Some(piece)) = pieces.lock().map(|mut pieces| pieces.next()) {
            // The other side is gone once the time is up.
            if hand_over(piece, &look, &sender).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let (sender, looks) = sync_channel(threads);
        let start = |_: &usize| {
            let (sender, work) = (sender.clone(), &work);
            std::thread::Builder::new().spawn_scoped(scope, move || work(sender)).is_ok()
        };
        // Where one would do, or the system gives none, nothing is handed over.
        if threads <= 1 || (0..threads).filter(start).count() == 0 {
            return alone(jobs, &look, take);
        }
        drop(sender);
        for (job, look) in looks.into_iter().flatten() {
            if take(job, look)? == Go::Stop {
                break;
            }
        }
        Ok(())
    })
}

fn alone<J>(
    jobs: &[J],
    look: impl Fn(&J) -> Look,
    mut take: impl FnMut(&J, Look) -> Result<Go>,
) -> Result<()> {
    for job in jobs {
        if take(job, look(job))? == Go::Stop {
            break;
        }
    }
    Ok(())
}

/// Jobs and what was seen.
type Looks<'j, J> = Vec<(&'j J, Look)>;

fn hand_over<'j, J>(
    piece: &'j [J],
    look: impl Fn(&J) -> Look,
    to: &SyncSender<Looks<'j, J>>,
) -> Result<(), SendError<Looks<'j, J>>> {
    let (mut looks, mut weight) = (Vec::with_capacity(piece.len()), 0);
    for job in piece {
        let look = look(job);
        weight += look.weight();
        looks.push((job, look));
        if weight > HEAVY {
            weight = 0;
            to.send(std::mem::take(&mut looks))?;
        }
    }
    to.send(looks)
}
