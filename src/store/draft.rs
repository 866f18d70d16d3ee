//! A checkpoint in the making: the files are looked at, then everything goes into one pack.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use super::base::Base;
use super::compose::{self, Scope};
use super::flush::Order;
use super::home::Home;
use super::pending::Pending;
use super::snapshot::{Camera, Taken};
use super::transcripts::Gains;
use super::{land, trouble};
use crate::disk::backoff::random;
use crate::disk::clock;
use crate::disk::file::{self, Durability};
use crate::git::head::Head;
use crate::git::pack::{Pack, Packed};
use crate::git::store::Store;
use crate::git::table::log::Write;
use crate::git::{ObjectKind, commit, tree};
use crate::model::change::Skip;
use crate::model::checkpoint::{Checkpoint, Excuse, FORMAT, Files, Header, Kind, Snapshot};
use crate::model::event::{Event, SnapshotFacts, What};
use crate::model::id::{EventId, SessionId};
use crate::model::oid::Oid;
use crate::model::redact;
use crate::model::text::Text;
use crate::model::time::Timestamp;
use crate::wire::{event, message};

/// What a leader knows before it looks at the files.
pub struct Scene<'a> {
    pub home: &'a Home,
    pub order: &'a Order<'a>,
    pub store: &'a Store,
    pub before: Option<Checkpoint>,
    pub pending: Pending,
    pub gains: Gains,
    pub head: Head,
}

/// Everything of a checkpoint but its commit.
pub struct Draft {
    pack: Pack,
    base: Base,
    taken: Option<Taken>,
    state: Snapshot,
}

/// A checkpoint whose objects are in the store, and which no ref names yet.
pub struct Landed {
    pub id: Oid,
    pub tree: Oid,
    /// The name of the pack that holds them.
    pub pack: String,
    /// How many packs were landed for it, that one among them.
    pub packs: usize,
    pub header: Header,
    pub facts: SnapshotFacts,
    /// Its events, as they lie in it.
    pub lines: Vec<u8>,
    taken: Option<Taken>,
}

impl Scene<'_> {
    /// Looks at the files.
    pub fn draft(&self) -> Result<Draft> {
        let mut pack = Pack::new(self.store.hash_kind());
        let before = self.before.as_ref();
        let mut base = self.base()?;
        let camera = Camera {
            home: self.home,
            store: self.store,
            settings: self.order.settings,
            excludes_file: self.order.excludes_file.clone(),
            deadline: self.order.budget.map(|budget| Instant::now() + budget),
        };
        // Files that cannot be read are no reason to lose the commands.
        let (taken, state) = match camera.take(&mut pack, &self.scope()?, &base, before) {
            Ok(taken) => {
                let state = taken.state;
                (Some(taken), state)
            }
            Err(error) => {
                trouble::note(&self.home.place.common, "take a snapshot", &format!("{error:#}"));
                (None, Snapshot::Skipped(Excuse::Failed))
            }
        };
        if taken.as_ref().is_some_and(|taken| taken.leans) {
            base.advance(self.store, &mut |packed| self.absorb(&packed))?;
        }
        self.note(&base);
        Ok(Draft { pack, base, taken, state })
    }

    fn base(&self) -> Result<Base> {
        let (store, before) = (self.store, self.before.as_ref());
        match self.order.kind {
            // Somebody waits, and a base may be as large as the user's repository.
            Kind::Guard => Ok(Base::kept(store, before, &self.head)?.fixed()),
            _ => Base::settled(store, before, &self.head, &mut |packed| self.absorb(&packed)),
        }
    }

    fn note(&self, base: &Base) {
        if !base.missing.is_empty() {
            let what = format!("{} objects that checkpoints borrowed are gone already", base.missing.len());
            trouble::note(&self.home.place.common, "keep borrowed objects", &what);
        }
    }

    /// Lands a pack of what the base lent. The user's `gc` may be next, whatever the settings say of
    /// our own losses.
    fn absorb(&self, packed: &Packed) -> Result<()> {
        land::land(self.home, packed, Durability::Synced).context("keep borrowed objects")
    }

    fn scope(&self) -> Result<Scope> {
        let top = self.home.place.top()?.as_os_str().as_encoded_bytes();
        let before = self.before.as_ref().map(|before| before.header.snapshot);
        Ok(match &self.order.paths {
            Some(paths) => Scope::Known(paths.clone()),
            None => compose::scope(self.order.kind, &self.pending.items, before, top),
        })
    }
}

impl Draft {
    /// Whether there is anything to make a checkpoint of.
    ///
    /// A guard is about files: where they are as before, the checkpoint before guards them, and
    /// events alone are left for a flush that nobody waits for.
    pub fn is_news(&self, scene: &Scene<'_>) -> bool {
        let files = self.taken.as_ref().is_some_and(|taken| taken.files != Files::default());
        let events = scene.pending.consumed > 0 && scene.order.kind != Kind::Guard;
        // A base that moved must be recorded, whatever else is new, or it is copied again and again.
        let moved = scene.before.as_ref().is_some_and(|before| before.header.base != self.base.commit);
        scene.before.is_none() || files || events || moved || self.brings_transcripts(scene)
    }

    /// A conversation alone is news to whoever asked for a checkpoint; else it rides along, so that an
    /// agent at work makes none by writing.
    fn brings_transcripts(&self, scene: &Scene<'_>) -> bool {
        !scene.gains.pieces.is_empty() && !matches!(scene.order.kind, Kind::Auto | Kind::Guard)
    }

    /// Whether every file was looked at.
    pub fn is_full(&self) -> bool {
        self.state == Snapshot::Full
    }

    /// Keeps what a look without news found out: the next one is quicker. Returns what was left out.
    pub fn keep_table(self, home: &Home) -> Vec<Skip> {
        let Some(mut taken) = self.taken else { return Vec::new() };
        let skipped = std::mem::take(&mut taken.facts.skipped);
        keep(home, taken);
        skipped
    }

    /// Adds the commit, and brings all objects into the store.
    pub fn land(mut self, scene: &Scene<'_>, durability: Durability) -> Result<Landed> {
        let now = clock::now();
        let mut facts = self.taken.as_mut().map(|taken| std::mem::take(&mut taken.facts)).unwrap_or_default();
        let mut lines = scene.pending.lines();
        if facts != SnapshotFacts::default() {
            facts.began = self.taken.as_ref().map(|taken| taken.began);
            lines.extend(told(now, None, What::Snapshot(Box::new(facts.clone()))));
        }
        lines.extend(scene.gains.lines(now));
        let header = self.header(scene, &facts, now)?;
        let events = match lines.is_empty() {
            true => None,
            false => Some(self.pack.add(ObjectKind::Blob, &lines)?),
        };
        let worktree = match &self.taken {
            // No files at all is a tree too; no tree means that nobody looked.
            Some(taken) => Some(taken.tree.map_or_else(|| self.pack.add(ObjectKind::Tree, b""), Ok)?),
            None => None,
        };
        let transcripts = scene.gains.tree(scene.store, &mut self.pack)?;
        let tree = tree::checkpoint(&mut self.pack, events, transcripts, worktree)?;
        let parent = scene.before.as_ref().map(|before| before.id);
        let id = commit::write(&mut self.pack, tree, parent, &message::encode(&header), now.secs())?;
        let packed = self.pack.finish()?;
        land::land(scene.home, &packed, durability).context("write the checkpoint")?;
        let (pack, packs) = (packed.name, self.base.landed + 1);
        Ok(Landed { id, tree, pack, packs, header, facts, lines, taken: self.taken })
    }

    fn header(&self, scene: &Scene<'_>, facts: &SnapshotFacts, now: Timestamp) -> Result<Header> {
        let (pending, home) = (&scene.pending, scene.home);
        let files = self.taken.as_ref().map(|taken| taken.files).unwrap_or_default();
        Ok(Header {
            subject: compose::subject(&pending.items, &scene.gains, files),
            // Nobody may take it for one whose base was looked at: see `base`.
            kind: match self.base.held {
                true => compose::kind(scene.order.kind, &pending.items),
                false => Kind::Guard,
            },
            time: now,
            worktree: home.worktree.clone(),
            worktree_path: Text::from(home.place.top()?.as_os_str().as_encoded_bytes()),
            head: scene.head.commit,
            branch: scene.head.branch.clone().map(Text),
            base: self.base.commit,
            sessions: compose::sessions(&pending.items, &scene.gains),
            commands: compose::commands(pending.events()),
            files,
            snapshot: self.state,
            skipped: facts.skipped.len() as u64,
            set_aside: pending.set_aside.len() as u64,
            continues: None,
            cursor: pending.cursor.clone(),
            unique: random(),
            format: FORMAT,
        })
    }
}

impl Landed {
    /// Keeps what the look found out, once a ref names the checkpoint.
    pub fn keep_table(&mut self, home: &Home) {
        if let Some(taken) = self.taken.take() {
            keep(home, taken);
        }
    }
}

/// The line that tells what the leader found.
pub(super) fn told(now: Timestamp, session: Option<&SessionId>, what: What) -> Vec<u8> {
    let id = EventId::mint(u64::try_from(now.0 / 1000).unwrap_or(0), random());
    let found = Event { id, at: now, session: session.cloned(), seq: None, what };
    let mut line = redact::json_line(&event::encode(&found)).into_inner();
    line.push(b'\n');
    line
}

/// Writes the stat table's news. It is a cache: failing costs time, so it is noted and no more.
fn keep(home: &Home, taken: Taken) {
    let Some(update) = taken.update else { return };
    let (main, log) = (home.place.index(&home.worktree), home.place.index_log(&home.worktree));
    let kept = match update.into_write(taken.tree) {
        Write::Nothing => Ok(()),
        Write::Replace(bytes) => replace(&main, &log, &bytes),
        Write::Append(bytes) => file::append(&log, &bytes),
    };
    if let Err(error) = kept {
        trouble::note(&home.place.common, "keep the stat table", &format!("{error:#}"));
    }
}

/// All of the table anew: whoever deleted it may have deleted its directory too.
fn replace(main: &Path, log: &Path, bytes: &[u8]) -> Result<()> {
    main.parent().map_or(Ok(()), file::private_dir)?;
    file::replace(main, bytes, Durability::Buffered)?;
    match std::fs::remove_file(log) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
