//! Makes one checkpoint of everything that waits: lock, read, look, pack, swap.
//!
//! Between the lock and the swap nothing is visible; after the swap everything it names is durable.
//! Dying anywhere leaves the journals and the ref as they were, and the next flush does it again.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::compose::{self, Scope};
use super::home::Home;
use super::led::{self, Led};
use super::pending::{self, Pending};
use super::snapshot::{self, Camera, Taken};
use super::swap::{self, Swap};
use super::tip::{self, Tip};
use super::{Busy, chain, land, maintain, models, trim, trouble};
use crate::disk::backoff::{Backoff, dice, random};
use crate::disk::clock;
use crate::disk::file::{self, Durability};
use crate::disk::lock::{Attempt, RefLock};
use crate::git::head::{self, Head};
use crate::git::pack::Pack;
use crate::git::store::Store;
use crate::git::table::log::Write;
use crate::git::{ObjectKind, commit, tree};
use crate::model::change::Skip;
use crate::model::checkpoint::{Checkpoint, Excuse, FORMAT, Files, Header, Kind, Snapshot};
use crate::model::event::{Event, SnapshotFacts, What};
use crate::model::id::EventId;
use crate::model::oid::Oid;
use crate::model::redact;
use crate::model::settings::{Durable, Locking, Settings};
use crate::model::text::Text;
use crate::wire::{event, message};

/// A leader that was beaten tries again at once so often, before it pauses.
const AT_ONCE: usize = 3;

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
    /// Nothing had changed and no event waited; what was left out all the same.
    Nothing { tip: Option<Oid>, skipped: Vec<Skip> },
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
        if let Some(outcome) = covered(home, arrival) {
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
fn covered(home: &Home, arrival: u64) -> Option<Outcome> {
    let led = led::last(home).filter(|led| led.began > arrival && led.full)?;
    Some(Outcome::Covered { tip: led.tip, made: led.made })
}

fn busy(what: &str) -> anyhow::Error {
    Busy(format!("{what}; your events are safe, try again")).into()
}

/// Writes until a swap succeeds, or the deadline passes.
fn lead(home: &Home, order: &Order<'_>, arrival: u64, lock: Option<&RefLock>) -> Result<Outcome> {
    if lock.is_some() {
        trim::sweep(home);
    }
    let deadline = match order.patience {
        Patience::Until(deadline) => deadline,
        // Alone under the lock there is nobody to be beaten by; without one, others may be faster.
        Patience::Leave => Instant::now() + Duration::from_secs(30),
    };
    let mut pauses = Backoff::new(dice(), Duration::from_millis(1), Duration::from_millis(16));
    for attempt in 0.. {
        // While we waited for the lock, or lost a race, somebody may have done our work.
        if let Some(outcome) = covered(home, arrival) {
            return Ok(outcome);
        }
        match try_once(home, order, lock, attempt)? {
            Some(outcome) => return Ok(outcome),
            None if Instant::now() >= deadline => {
                return Err(busy("the ref kept moving while we wrote to it"));
            }
            None if usize::try_from(attempt).is_ok_and(|attempt| attempt < AT_ONCE) => {}
            None => thread::sleep(pauses.next().unwrap_or_default()),
        }
    }
    unreachable!("the loop above ends by its deadline")
}

/// One whole attempt; `None` if the ref moved under it.
fn try_once(home: &Home, order: &Order<'_>, lock: Option<&RefLock>, retries: u32) -> Result<Option<Outcome>> {
    let began = clock::monotonic();
    let seen = match tip::read(home)? {
        Tip::Malformed(_) => {
            trouble::note(&home.place.common, "flush", "the shadow held no object id; it was set aside");
            tip::recover(home)?
        }
        intact => intact,
    };
    let store = Store::open(&home.place.store())?;
    let before = seen.id().map(|id| chain::checkpoint(&store, id)).transpose()?;
    let mut known = models::catch_up(home, &store, seen.id())?;
    let cursor = before.as_ref().map(|before| before.header.cursor.clone()).unwrap_or_default();
    let mut pending = pending::gather(&home.journal(), &cursor)?;
    pending.drop_known(&known);
    report(home, &pending);
    let head = head::read(&home.place.git_dir, &home.place.common)?;
    let draft = Draft::make(home, order, &store, before.as_ref(), &mut pending, &head)?;
    let full = matches!(draft.taken.as_ref().map(|taken| taken.state), Some(Snapshot::Full));
    let news = draft.is_news(before.as_ref(), &pending);
    if !news {
        let skipped = draft.keep_index(home);
        led::leave(home, &Led { began, tip: seen.id(), made: false, full })?;
        return Ok(Some(Outcome::Nothing { tip: seen.id(), skipped }));
    }
    // Without the lock others move on meanwhile: what has lost already need not be written and synced.
    if lock.is_none() && tip::read(home)? != seen {
        return Ok(None);
    }
    let durability = durability(order.settings);
    set_aside(home, &pending)?;
    let (id, header, facts, lines, taken) =
        draft.land(home, order, before.as_ref(), &pending, &head, durability)?;
    match swap::swap(home, &seen, id, lock, durability)? {
        Swap::Moved => return Ok(None),
        Swap::Done => {}
    }
    // From here on it is kept: what follows only makes the next one quicker, and must not fail us.
    let done = led::leave(home, &Led { began, tip: Some(id), made: true, full })
        .and_then(|()| models::follow(home, &mut known, id, &lines));
    if let Err(error) = done {
        trouble::note(&home.place.common, "after a flush", &format!("{error:#}"));
    }
    if let Some(taken) = taken {
        keep(home, taken);
    }
    if durability == Durability::Synced {
        trim::journals(home, &header.cursor);
    }
    maintain::if_due(home);
    Ok(Some(Outcome::Made(Box::new(Made { id, header, facts, retries }))))
}

/// Everything of a checkpoint but its commit.
struct Draft {
    pack: Pack,
    base: Option<Oid>,
    taken: Option<Taken>,
    state: Snapshot,
}

impl Draft {
    fn make(
        home: &Home,
        order: &Order<'_>,
        store: &Store,
        before: Option<&Checkpoint>,
        pending: &mut Pending,
        head: &Head,
    ) -> Result<Self> {
        let mut pack = Pack::new(store.hash_kind());
        let (base, missing) = snapshot::base(store, &mut pack, before, head)?;
        if !missing.is_empty() {
            let what = format!("{} objects that checkpoints borrowed are gone already", missing.len());
            trouble::note(&home.place.common, "keep borrowed objects", &what);
        }
        let top = home.place.top()?.as_os_str().as_encoded_bytes();
        let scope = match &order.paths {
            Some(paths) => Scope::Known(paths.clone()),
            None => {
                compose::scope(order.kind, &pending.items, before.map(|before| before.header.snapshot), top)
            }
        };
        let camera = Camera {
            home,
            store,
            settings: order.settings,
            excludes_file: order.excludes_file.clone(),
            deadline: order.budget.map(|budget| Instant::now() + budget),
        };
        // Files that cannot be read are no reason to lose the commands.
        let (taken, state) = match camera.take(&mut pack, &scope, base, before) {
            Ok(taken) => {
                let state = taken.state;
                (Some(taken), state)
            }
            Err(error) => {
                trouble::note(&home.place.common, "take a snapshot", &format!("{error:#}"));
                (None, Snapshot::Skipped(Excuse::Failed))
            }
        };
        Ok(Self { pack, base, taken, state })
    }

    /// Whether there is anything that the checkpoint before does not say.
    fn is_news(&self, before: Option<&Checkpoint>, pending: &Pending) -> bool {
        let files = self.taken.as_ref().is_some_and(|taken| taken.files != Files::default());
        before.is_none() || files || pending.consumed > 0
    }

    /// Keeps what a look without news found out: the next one is quicker. Returns what was left out.
    fn keep_index(self, home: &Home) -> Vec<Skip> {
        let Some(mut taken) = self.taken else { return Vec::new() };
        let skipped = std::mem::take(&mut taken.facts.skipped);
        keep(home, taken);
        skipped
    }

    /// Adds the commit, and brings all objects into the store.
    #[allow(clippy::type_complexity)]
    fn land(
        mut self,
        home: &Home,
        order: &Order<'_>,
        before: Option<&Checkpoint>,
        pending: &Pending,
        head: &Head,
        durability: Durability,
    ) -> Result<(Oid, Header, SnapshotFacts, Vec<u8>, Option<Taken>)> {
        let now = clock::now();
        let files = self.taken.as_ref().map(|taken| taken.files).unwrap_or_default();
        let facts = self.taken.as_mut().map(|taken| std::mem::take(&mut taken.facts)).unwrap_or_default();
        let mut lines = pending.lines();
        if facts != SnapshotFacts::default() {
            let found = Event {
                id: EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random()),
                at: now,
                session: None,
                seq: None,
                what: What::Snapshot(Box::new(facts.clone())),
            };
            lines.extend_from_slice(redact::json_line(&event::encode(&found)).get());
            lines.push(b'\n');
        }
        let header = Header {
            subject: compose::subject(&pending.items, files),
            kind: compose::kind(order.kind, &pending.items),
            time: now,
            worktree: home.worktree.clone(),
            worktree_path: Text::from(home.place.top()?.as_os_str().as_encoded_bytes()),
            head: head.commit,
            branch: head.branch.clone().map(Text),
            base: self.base,
            sessions: compose::sessions(&pending.items),
            commands: compose::commands(pending.events()),
            files,
            snapshot: self.state,
            skipped: facts.skipped.len() as u64,
            set_aside: pending.set_aside.len() as u64,
            continues: None,
            cursor: pending.cursor.clone(),
            unique: random(),
            format: FORMAT,
        };
        let events = match lines.is_empty() {
            true => None,
            false => Some(self.pack.add(ObjectKind::Blob, &lines)?),
        };
        let worktree = match &self.taken {
            Some(taken) => taken.tree.or(Some(empty_tree(&mut self.pack)?)),
            None => None,
        };
        let tree = tree::checkpoint(&mut self.pack, events, worktree)?;
        let parent = before.map(|before| before.id);
        let id = commit::write(&mut self.pack, tree, parent, &message::encode(&header), now.secs())?;
        land::land(home, &self.pack.finish()?, durability).context("write the checkpoint")?;
        Ok((id, header, facts, lines, self.taken))
    }
}

fn empty_tree(pack: &mut Pack) -> Result<Oid> {
    pack.add(ObjectKind::Tree, b"")
}

fn durability(settings: &Settings) -> Durability {
    match settings.durability {
        Durable::Turn | Durable::Always => Durability::Synced,
        Durable::Never => Durability::Buffered,
    }
}

/// Writes the stat table's news. It is a cache: failing costs time, so it is noted and no more.
fn keep(home: &Home, taken: Taken) {
    let Some(update) = taken.update else { return };
    let (main, log) = (home.place.index(&home.worktree), home.place.index_log(&home.worktree));
    let kept = match update.into_write(taken.tree) {
        Write::Nothing => Ok(()),
        Write::Replace(bytes) => file::replace(&main, &bytes, Durability::Buffered).and_then(|()| {
            match std::fs::remove_file(&log) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            }
        }),
        Write::Append(bytes) => file::append(&log, &bytes),
    };
    if let Err(error) = kept {
        trouble::note(&home.place.common, "keep the stat table", &format!("{error:#}"));
    }
}

fn report(home: &Home, pending: &Pending) {
    for name in &pending.unreadable {
        trouble::note(&home.place.common, "read a journal", name);
    }
}

/// Keeps what was no event, before the cursor moves past it.
fn set_aside(home: &Home, pending: &Pending) -> Result<()> {
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
