//! What may be set, by whom, and what holds if nobody sets it.
//!
//! A repository's own configuration may only make us slower, smaller or more careful: it cannot
//! turn protection off or make us run anything.

use std::time::Duration;

/// How a setting reached us, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The repository's own configuration.
    Repository,
    /// The user's git configuration.
    User,
    /// A `TRACE_*` variable.
    Environment,
}

/// One thing somebody set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The name after `trace.`, lower case.
    pub key: String,
    pub value: String,
    pub scope: Scope,
}

/// Whether the lock on a ref is used. Nothing is lost without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    Auto,
    Off,
}

/// Whether checkpoints are synced before they are acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// Prompts, turn ends and checkpoints are; what lies between rides along.
    Turn,
    /// Every event is.
    Always,
    /// Nothing is: a power cut may lose the last ones, a killed process loses none.
    Never,
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub lock: Locking,
    pub durability: Durable,
    /// Whether something destructive waits for a checkpoint, and for how long.
    pub guard: Option<Duration>,
    /// Flush when so many commands finished.
    pub flush_commands: u64,
    /// Ignore patterns on top of git's.
    pub ignore: Vec<String>,
    /// Largest file taken in, bytes.
    pub file_cap: u64,
    /// Most new bytes in one checkpoint.
    pub checkpoint_cap: u64,
    /// Whether commits name their checkpoint and session in a trailer.
    pub trailer: bool,
    /// Settings that mean nothing or were not theirs to set: shown by `status` and `doctor`.
    pub refused: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lock: Locking::Auto,
            durability: Durable::Turn,
            guard: Some(Duration::from_millis(300)),
            flush_commands: 10,
            ignore: Vec::new(),
            file_cap: 10 << 20,
            checkpoint_cap: 100 << 20,
            trailer: false,
            refused: Vec::new(),
        }
    }
}

impl Settings {
    /// Applies what was set, later ones over earlier ones.
    pub fn of(all: &[Setting]) -> Self {
        let mut settings = Self::default();
        for one in all {
            if let Err(why) = settings.apply(one) {
                settings.refused.push(format!("trace.{} = {}: {why}", one.key, one.value));
            }
        }
        settings
    }

    fn apply(&mut self, one: &Setting) -> Result<(), &'static str> {
        let theirs = one.scope == Scope::Repository;
        match one.key.as_str() {
            "lock" => self.lock = lock(&one.value)?,
            "durability" if theirs && one.value != "always" => {
                return Err("a repository may only ask for always");
            }
            "durability" => self.durability = durability(&one.value)?,
            "guard" if theirs && switch(&one.value) == Some(false) => {
                return Err("a repository may not turn the guard off");
            }
            "guard" => self.guard = guard(&one.value)?,
            "flushcommands" => self.flush_commands = size(&one.value).ok_or("not a number")?.max(3),
            "ignore" => self.ignore.push(one.value.clone()),
            "filecap" => self.file_cap = capped(self.file_cap, one)?,
            "trailer" => self.trailer = switch(&one.value).ok_or("true or false")?,
            "checkpointcap" => self.checkpoint_cap = capped(self.checkpoint_cap, one)?,
            _ => return Err("there is no such setting"),
        }
        Ok(())
    }
}

fn lock(value: &str) -> Result<Locking, &'static str> {
    match (value, switch(value)) {
        ("auto", _) | (_, Some(true)) => Ok(Locking::Auto),
        (_, Some(false)) => Ok(Locking::Off),
        _ => Err("auto or off"),
    }
}

fn durability(value: &str) -> Result<Durable, &'static str> {
    match value {
        "turn" => Ok(Durable::Turn),
        "always" => Ok(Durable::Always),
        "none" => Ok(Durable::Never),
        _ => Err("turn, always or none"),
    }
}

fn guard(value: &str) -> Result<Option<Duration>, &'static str> {
    match (switch(value), value.parse::<u64>()) {
        (_, Ok(millis)) if (1..=10_000).contains(&millis) => Ok(Some(Duration::from_millis(millis))),
        (Some(true), _) => Ok(Settings::default().guard),
        (Some(false), _) => Ok(None),
        _ => Err("true, false, or milliseconds up to 10000"),
    }
}

/// A repository may lower a cap, not raise it.
fn capped(now: u64, one: &Setting) -> Result<u64, &'static str> {
    let wanted = size(&one.value).ok_or("not a size such as 10m")?;
    match one.scope {
        Scope::Repository if wanted > now => Err("a repository may only lower it"),
        _ => Ok(wanted),
    }
}

/// git's own words for a switch (git-config(1), "boolean").
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// git's own sizes: a number with `k`, `m` or `g` behind it.
fn size(value: &str) -> Option<u64> {
    let value = value.to_ascii_lowercase();
    let shift = match value.as_bytes().last()? {
        b'k' => 10,
        b'm' => 20,
        b'g' => 30,
        _ => 0,
    };
    let digits = if shift > 0 { &value[..value.len() - 1] } else { &value };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(key: &str, value: &str, scope: Scope) -> Settings {
        Settings::of(&[Setting { key: key.into(), value: value.into(), scope }])
    }

    #[test]
    fn users_may_set_everything() {
        assert_eq!(with("lock", "off", Scope::User).lock, Locking::Off);
        assert_eq!(with("guard", "false", Scope::User).guard, None);
        assert_eq!(with("guard", "500", Scope::Environment).guard, Some(Duration::from_millis(500)));
        assert_eq!(with("filecap", "1g", Scope::User).file_cap, 1 << 30);
        assert_eq!(with("durability", "none", Scope::User).durability, Durable::Never);
    }

    #[test]
    fn repositories_may_only_make_it_smaller_or_more_careful() {
        for (key, value) in [("guard", "off"), ("filecap", "1g"), ("durability", "none")] {
            let settings = with(key, value, Scope::Repository);
            assert_eq!(settings.refused.len(), 1, "{key}");
            assert_eq!(Settings { refused: Vec::new(), ..settings }, Settings::default(), "{key}");
        }
        assert_eq!(with("filecap", "1m", Scope::Repository).file_cap, 1 << 20);
        assert_eq!(with("lock", "off", Scope::Repository).lock, Locking::Off, "nothing is lost without it");
        assert_eq!(with("ignore", "*.log", Scope::Repository).ignore, ["*.log"]);
    }

    #[test]
    fn nonsense_is_said_and_changes_nothing() {
        for (key, value) in [("lock", "maybe"), ("filecap", "big"), ("guard", "99999999"), ("colour", "red")]
        {
            let settings = with(key, value, Scope::User);
            assert_eq!(settings.refused.len(), 1, "{key}");
        }
    }
}
