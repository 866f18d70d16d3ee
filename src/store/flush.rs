//! Makes one checkpoint of everything that waits: lock, read, look, pack, swap.
//!
//! Between the lock and the swap nothing is visible; after the swap everything it names is durable.
//! Dying anywhere leaves the journals and the ref as they were, and the next flush does it again.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::draft::{Landed, Scene};
use super::home::Home;
use super::led::{self, Led};
use super::models::News;
use super::pending::{self, Pending};
use super::swap::{self, Swap};
use super::tip::{self, Standing, Tip};
use super::transcripts::{self, Gains};
use super::{Busy, maintain, models, record, trim, trouble};
use crate::disk::backoff::{Backoff, dice};
use crate::disk::clock;
use crate::disk::file::{self, Durability};
use crate::disk::lock::{Attempt, RefLock};
use crate::git::head;
use crate::git::store::Store;
use crate::model::change::Skip;
use crate::model::checkpoint::{Checkpoint, Header, Kind};
use crate::model::event::SnapshotFacts;
use crate::model::oid::Oid;
use crate::model::settings::{Durable, Locking, Settings};

/// Under the lock only a stranger can have moved the ref: a leader that was beaten looks again soon.
const SOON: Duration = Duration::from_millis(16);

/// Without it whoever pauses longest is done by whoever leads meanwhile, and spares them a rival.
const POLITE: Duration = Duration::from_millis(256);

/// What somebody wants of a flush.
pub struct Order<'a> {
    pub kind: Kind,
    /// Only these paths, from the worktree's top, if they are all that can have changed.
    pub paths: Option<Vec<Vec<u8>>>,
    pub patience: Patience,
    /// How long looking at the files may take.
    pub budget: Option<Duration>,
    pub settings: &'a Settings,
    pub excludes_file: Option<std::path::PathBuf>,
}

/// How long a caller waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: the leader takes our events along.
    Leave,
    /// Until then.
    Until(Instant),
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This checkpoint was made by us.
    Made(Box<Made>),
    /// Another leader's work holds all we had: its newest checkpoint, and whether it made it then.
    Covered { tip: Option<Oid>, made: bool },
    /// Nothing had changed and no event waited; what was left out all the same, and whether every file
    /// was looked at.
    Nothing { tip: Option<Oid>, skipped: Vec<Skip>, full: bool },
    /// Somebody else leads, and we did not want to wait.
    Left,
}

/// A checkpoint that was just made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub id: Oid,
    pub header: Header,
    pub facts: SnapshotFacts,
    /// How often the ref had moved under us.
    pub retries: u32,
    /// There was more in the journals than one batch takes.
    pub more: bool,
}

/// Does what was ordered.
///
/// # Errors
/// [`Busy`] when the deadline passed; nothing is lost then, the events stay in the journal.
pub fn flush(home: &Home, order: &Order<'_>) -> Result<Outcome> {
    let arrival = clock::monotonic();
    let mut pauses = Backoff::new(dice(), Duration::from_millis(1), Duration::from_millis(5));
    file::private_dir(&home.place.trace().join("locks"))?;
    loop {
        if let Some(outcome) = covered(led::last(home).as_ref(), arrival) {
            return Ok(outcome);
        }
        let attempt = match order.settings.lock {
            Locking::Auto => RefLock::attempt(&home.place.lock(&home.shadow()))?,
            Locking::Off => Attempt::Unsupported,
        };
        match (attempt, order.patience) {
            (Attempt::Held(lock), _) => return lead(home, order, arrival, Some(&lock)),
            (Attempt::Unsupported, _) => return lead(home, order, arrival, None),
            (Attempt::Busy, Patience::Leave) => return Ok(Outcome::Left),
            (Attempt::Busy, Patience::Until(deadline)) if Instant::now() >= deadline => {
                return Err(busy("another trace is making a checkpoint here and did not finish in time"));
            }
            (Attempt::Busy, Patience::Until(_)) => thread::sleep(pauses.next().unwrap_or_default()),
        }
    }
}

/// Whoever began after we came has read what we wrote, and looked at every file.
fn covered(last: Option<&Led>, arrival: u64) -> Option<Outcome> {
    let led = last.filter(|led| led.began > arrival && led.full)?;
    Some(Outcome::Covered { tip: led.tip, made: led.made })
}

fn busy(what: &str) -> anyhow::Error {
    Busy(format!("{what}; your events are safe, try again")).into()
}

/// Writes until a swap succeeds, or the deadline passes.
fn lead(home: &Home, order: &Order<'_>, arrival: u64, lock: Option<&RefLock>) -> Result<Outcome> {
    if let Some(lock) = lock {
        swap::heal(home, lock)?;
        if lock.previous_holder_died() {
            trim::sweep(home);
        }
    }
    let deadline = match order.patience {
        Patience::Until(deadline) => deadline,
        // Alone under the lock there is nobody to be beaten by; without one, others may be faster.
        Patience::Leave => Instant::now() + Duration::from_secs(30),
    };
    let (first, last) = match lock {
        Some(_) => (Duration::from_millis(1), SOON),
        None => (Duration::from_millis(32), POLITE),
    };
    let mut pauses = Backoff::new(dice(), first, last);
    if lock.is_none() && led::left_at(home).is_some_and(|at| at.elapsed().is_ok_and(|age| age < POLITE)) {
        thread::sleep(pauses.next().unwrap_or_default());
    }
    for retries in 0.. {
        // While we waited for the lock, or lost a race, somebody may have done our work.
        let last = led::last(home);
        if let Some(outcome) = covered(last.as_ref(), arrival) {
            return Ok(outcome);
        }
        // What is made while somebody moves the ref is made for nothing.
        let tried = match swap::is_claimed(home, lock) {
            true => None,
            false => {
                let newest = last.and_then(|led| led.pack);
                let began = clock::monotonic();
                try_once(home, order, &Round { lock, retries, newest, began, seen: tip::read(home)? })?
            }
        };
        match tried {
            Some(Outcome::Made(made)) if made.more && Instant::now() < deadline => {}
            Some(outcome) => return Ok(outcome),
            None if Instant::now() >= deadline => {
                return Err(busy("the ref kept moving while we wrote to it"));
            }
            None => thread::sleep(pauses.next().unwrap_or_default()),
        }
    }
    unreachable!("the loop above ends by its deadline")
}

/// What an attempt begins with.
struct Round<'a> {
    lock: Option<&'a RefLock>,
    /// How many attempts there were before.
    retries: u32,
    /// The pack that the newest checkpoint came with, as the last leader left word.
    newest: Option<Oid>,
    /// When it began, by the monotonic clock.
    began: u64,
    /// Where the ref was.
    seen: Tip,
}

/// One whole attempt; `None` if the ref moved under it.
fn try_once(home: &Home, order: &Order<'_>, round: &Round<'_>) -> Result<Option<Outcome>> {
    let store = Store::open(&home.place.store())?;
    if let Some(newest) = round.newest {
        store.begin_with(newest);
    }
    let tried = attempt(home, order, round, &store);
    if matches!(&tried, Ok(None)) || matches!(&tried, Ok(Some(Outcome::Made(made))) if made.more) {
        // Another attempt follows in this process, with a store of its own.
        store.close();
    }
    tried
}

fn attempt(home: &Home, order: &Order<'_>, round: &Round<'_>, store: &Store) -> Result<Option<Outcome>> {
    let Round { lock, retries, newest, began, ref seen } = *round;
    let (before, standing) = tip::followed(home, store, seen)?;
    let before_id = before.as_ref().map(|before| before.id);
    let mut known = models::catch_up(home, store, before_id)?;
    let cursor = before.as_ref().map(|before| before.header.cursor.clone()).unwrap_or_default();
    let mut pending = pending::gather(&home.journal(), &cursor)?;
    pending.drop_known(&known);
    report(home, &pending);
    let head = head::read(&home.place.git_dir, &home.place.common)?;
    let gains = gains(home, store, order.kind, before.as_ref(), &pending);
    let scene = Scene { home, order, store, before, pending, gains, head };
    let draft = scene.draft()?;
    // What was not read is in no checkpoint: nobody who waits for theirs may think so.
    // Of a long conversation that nobody waits for, the rest is for the next leader: until then guards
    // must not wait either.
    let more = scene.pending.more || scene.gains.more && order.patience != Patience::Leave;
    let full = draft.is_full() && !more && !scene.gains.more && scene.pending.unreadable.is_empty();
    if standing == Standing::Named && !draft.is_news(&scene) {
        // Nor are events that a guard left lying.
        let covers = full && scene.pending.consumed == 0;
        led::leave(home, &Led { began, tip: before_id, made: false, full: covers, pack: newest })?;
        if let (Kind::Guard | Kind::Run, true, Some(tip)) = (order.kind, full, before_id) {
            record::looked(home, tip, clock::now())?;
        }
        let is_full = draft.is_full();
        let skipped = draft.keep_table(home);
        return Ok(Some(Outcome::Nothing { tip: before_id, skipped, full: is_full }));
    }
    // Without the lock others move on meanwhile: what has lost already need not be written and synced.
    if lock.is_none() && tip::read(home)? != *seen {
        return Ok(None);
    }
    let durability = durability(order.settings);
    set_aside(home, &scene.pending)?;
    let mut landed = draft.land(&scene, durability)?;
    match swap::swap(home, seen, landed.id, lock, durability)? {
        Swap::Moved => return Ok(None),
        Swap::Done => {}
    }
    // From here on it is kept: what follows only makes the next one quicker, and must not fail us.
    let pack = Oid::parse(landed.pack.as_bytes());
    let led = Led { began, tip: Some(landed.id), made: true, full, pack };
    let done = led::leave(home, &led).and_then(|()| {
        let Landed { id, tree, pack, header, lines, .. } = &landed;
        let prints = &scene.pending.prints;
        let made = News { id: *id, before: before_id, tree: *tree, pack, header, lines, prints };
        models::follow(home, &mut known, &made)
    });
    if let Err(error) = done {
        trouble::note(&home.place.common, "after a flush", &format!("{error:#}"));
    }
    landed.keep_table(home);
    if durability == Durability::Synced {
        trim::journals(home, &landed.header.cursor);
    }
    maintain::if_due(home, store.packs()..store.packs() + landed.packs);
    let Landed { id, header, facts, .. } = landed;
    Ok(Some(Outcome::Made(Box::new(Made { id, header, facts, retries, more }))))
}

/// What the conversations gained. Whoever is about to change files waits for no reading of them; and
/// what cannot be told of them holds up no checkpoint.
pub(super) fn gains(
    home: &Home,
    store: &Store,
    kind: Kind,
    before: Option<&Checkpoint>,
    pending: &Pending,
) -> Gains {
    let found = match kind {
        Kind::Guard => transcripts::carry(store, before),
        _ => transcripts::gather(home, store, before, pending.events().chain(&pending.again)),
    };
    found.unwrap_or_else(|error| {
        trouble::note(&home.place.common, "keep the transcripts", &format!("{error:#}"));
        transcripts::carry(store, before).unwrap_or_default()
    })
}

fn durability(settings: &Settings) -> Durability {
    match settings.durability {
        Durable::Turn | Durable::Always => Durability::Synced,
        Durable::Never => Durability::Buffered,
    }
}

fn report(home: &Home, pending: &Pending) {
    for name in &pending.unreadable {
        trouble::note(&home.place.common, "read a journal", name);
    }
}

/// Keeps what was no event, before the cursor moves past it.
pub(super) fn set_aside(home: &Home, pending: &Pending) -> Result<()> {
    if pending.set_aside.is_empty() {
        return Ok(());
    }
    file::private_dir(&home.place.quarantine())?;
    let path = home.place.quarantine().join(format!("journal-{}", home.worktree));
    for piece in &pending.set_aside {
        let framed = [piece.as_slice(), b"\0"].concat();
        file::append(&path, &framed)?;
    }
    let what =
        format!("{} torn or foreign pieces were set aside in {}", pending.set_aside.len(), path.display());
    trouble::note(&home.place.common, "read a journal", &what);
    Ok(())
}
