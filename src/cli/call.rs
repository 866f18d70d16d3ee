//! One call of a hook: where its troubles are noted, and when it ends whatever it is doing.
//!
//! What a hook does in the common case cannot block, so nobody watches it. Whoever is about to do
//! something that can asks for the [`Call::watched`] end first; that costs a thread.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::{hook, output, world};
use crate::store::trouble;

/// After this a hook ends, whatever it is doing; everything it writes can be interrupted anywhere.
const HARD_STOP: Duration = Duration::from_secs(2);

/// What holds us up may hold up the note of it too.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// One call.
pub struct Call {
    pub began: Instant,
    trouble: Trouble,
    watch: Once,
}

/// Where trouble is noted, and as what.
#[derive(Clone)]
pub struct Trouble {
    doing: String,
    common: Arc<Mutex<Option<PathBuf>>>,
}

impl Call {
    /// Begins now.
    pub fn begin(doing: String) -> Self {
        let trouble = Trouble { doing, common: Arc::default() };
        Self { began: Instant::now(), trouble, watch: Once::new() }
    }

    /// It is about the repository with this common git dir.
    pub fn is_about(&self, common: &Path) {
        if let Ok(mut known) = self.trouble.common.lock() {
            *known = Some(common.to_owned());
        }
    }

    /// Where trouble is noted.
    pub fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }

    /// Makes sure that the call ends in time from here on.
    pub fn watched(&self) {
        self.watch.call_once(|| {
            let left = HARD_STOP.saturating_sub(self.began.elapsed());
            let trouble = self.trouble();
            // Without a thread we go on unwatched: the caller waits longer, but nothing is lost.
            let _ = thread::Builder::new().spawn(move || end(left, trouble));
        });
    }
}

fn end(left: Duration, trouble: Trouble) {
    thread::sleep(left);
    let (told, heard) = mpsc::channel();
    let noting = thread::Builder::new().spawn(move || {
        trouble.note("it took too long and was ended");
        told.send(())
    });
    if noting.is_ok() {
        let _ = heard.recv_timeout(LAST_WORDS);
    }
    std::process::exit(0);
}

impl Trouble {
    /// Notes it in the repository it belongs to, else in the one we stand in, else nowhere.
    pub fn note(&self, what: &str) {
        if std::env::var_os("TRACE_HOOK_DEBUG").is_some() {
            output::say(&format!("{}: {what}", self.doing));
        }
        let known = self.common.lock().ok().and_then(|known| known.clone());
        let here = || hook::home_here().ok().flatten().map(|home| home.place.common);
        if let Some(common) = known.or_else(here) {
            trouble::note_anywhere(&common, world::user().state.as_ref(), &self.doing, what);
        }
    }
}
