//! What surrounds the program: environment, directory, clock, terminal. Read once.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use jiff::tz::TimeZone;

use super::Colour;
use super::exit::{Misuse, Refusal};
use crate::disk::clock;
use crate::disk::consent::UserState;
use crate::disk::place::{Place, Told};
use crate::model::settings::{Scope, Setting};
use crate::model::time::Timestamp;
use crate::store::home::{Home, User};
use crate::view::Look;
use crate::view::paint::Paint;

/// Settings that have a `TRACE_*` variable.
const VARIABLES: [(&str, &str); 6] = [
    ("TRACE_LOCK", "lock"),
    ("TRACE_GUARD", "guard"),
    ("TRACE_DURABILITY", "durability"),
    ("TRACE_FLUSH_COMMANDS", "flushcommands"),
    ("TRACE_FILE_CAP", "filecap"),
    ("TRACE_CHECKPOINT_CAP", "checkpointcap"),
];

/// What surrounds us.
pub struct World {
    pub cwd: PathBuf,
    /// The same without links, found when it is first asked for.
    real: OnceLock<PathBuf>,
    pub told: Told,
    pub user: User,
    pub now: Timestamp,
    pub paint: Paint,
    /// Columns, if stdout is a terminal.
    pub width: Option<usize>,
    pub pager: Pager,
}

/// Whether long output is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pager {
    Allowed,
    Never,
}

impl World {
    /// Looks around.
    pub fn read(dir: Option<&Path>, colour: Colour, no_pager: bool) -> Result<Self> {
        let cwd = std::env::current_dir().context("find the present directory")?;
        let cwd = dir.map_or(cwd.clone(), |dir| cwd.join(dir));
        let terminal = std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Ok(Self {
            cwd,
            real: OnceLock::new(),
            told: told(),
            user: user(),
            now: clock::now(),
            paint: match colour {
                Colour::Always => Paint::Colour,
                Colour::Auto if terminal && !plain => Paint::Colour,
                _ => Paint::Plain,
            },
            width: terminal.then(columns),
            pager: if no_pager || !terminal { Pager::Never } else { Pager::Allowed },
        })
    }

    /// How listings are to look.
    pub fn look(&self) -> Look {
        Look { paint: self.paint, width: self.width, now: self.now, zone: zone() }
    }

    /// The repository here.
    pub fn place(&self) -> Result<Place> {
        match Place::find(&self.cwd, &self.told)? {
            Some(place) => Ok(place),
            None => bail!(
                "{} is not in a git repository: go to one, name it with `-C DIR`, or begin one with `git init`",
                self.cwd.display()
            ),
        }
    }

    /// The enabled worktree here, or an error that says what to do.
    pub fn home(&self) -> Result<Home> {
        let place = self.place()?;
        place.top()?;
        let state = self.state()?;
        match Home::of(place.clone(), state)? {
            Some(home) => {
                super::putting::heal(self, &home);
                Ok(home)
            }
            None => bail!(Refusal(format!(
                "nothing is recorded in {}: `trace enable` turns it on",
                place.top()?.display()
            ))),
        }
    }

    /// Where this user's consent is kept.
    pub fn state(&self) -> Result<&UserState> {
        let state = self.user.state.as_ref();
        state.context(
            "neither XDG_STATE_HOME nor HOME is an absolute path: there is no place to keep your consent",
        )
    }

    /// A moment as somebody typed it.
    pub fn when(&self, text: &str) -> Result<Timestamp> {
        let moment = crate::view::time::parse_when(text, self.now, &zone());
        moment.with_context(|| {
            Misuse(format!("{text:?} is no time: try \"2h\", \"yesterday\" or \"2026-08-20 10:00\""))
        })
    }

    fn real(&self) -> Result<&Path> {
        if let Some(real) = self.real.get() {
            return Ok(real);
        }
        let real =
            std::fs::canonicalize(&self.cwd).with_context(|| format!("find {}", self.cwd.display()))?;
        Ok(self.real.get_or_init(|| real))
    }

    /// A path as somebody typed it, from the worktree's top.
    pub fn below_top(&self, place: &Place, path: &Path) -> Result<Vec<u8>> {
        let top = place.top()?;
        let cwd = self.real()?;
        let mut names = Vec::new();
        let full = cwd.join(path);
        for part in full.components() {
            match part {
                std::path::Component::ParentDir => drop(names.pop()),
                std::path::Component::Normal(name) => names.push(name),
                _ => {}
            }
        }
        let full = Path::new("/").join(names.into_iter().collect::<PathBuf>());
        match full.strip_prefix(top) {
            Ok(below) => Ok(below.as_os_str().as_encoded_bytes().to_vec()),
            Err(_) => bail!(Misuse(format!("{} is outside {}", full.display(), top.display()))),
        }
    }
}

/// What the environment says of the user.
pub fn user() -> User {
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let environment = VARIABLES.iter().filter_map(|(name, key)| {
        let value = std::env::var(name).ok()?;
        Some(Setting { key: (*key).to_owned(), value, scope: Scope::Environment })
    });
    User {
        home: path("HOME"),
        xdg_config: path("XDG_CONFIG_HOME"),
        state: UserState::locate(path("XDG_STATE_HOME"), path("HOME")),
        environment: environment.collect(),
    }
}

/// What git, or whoever started us, says about the repository.
pub fn told() -> Told {
    let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    Told { git_dir: path("GIT_DIR"), work_tree: path("GIT_WORK_TREE") }
}

/// The zone people here live in.
///
/// Only who shows or reads a time asks. Without `TZ` it is the rules in `/etc/localtime`, taken as
/// they are: to find their name, one would have to list every zone there is.
fn zone() -> TimeZone {
    let local = || TimeZone::tzif("Local", &std::fs::read("/etc/localtime").ok()?).ok();
    match std::env::var_os("TZ") {
        Some(named) if !named.is_empty() => TimeZone::system(),
        Some(_) => TimeZone::UTC,
        None => local().unwrap_or_else(TimeZone::system),
    }
}

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(80, |size| usize::from(size.ws_col).max(20))
}
