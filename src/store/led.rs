//! What the last leader did, for those who wait: if it began after they came, it did their work too.
//!
//! A leader reads the journals and the files after it began, so its checkpoint holds whatever a
//! caller that came before had recorded and written. The times are of one monotonic clock, and the
//! record names the boot: another boot's says nothing.

use anyhow::Result;

use super::home::Home;
use crate::disk::file::{self, Durability};
use crate::disk::process;
use crate::model::oid::Oid;

/// What a leader did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// Nanoseconds since boot when it began, before it read anything.
    pub began: u64,
    /// The newest checkpoint when it was done.
    pub tip: Option<Oid>,
    /// Whether that checkpoint is of its making.
    pub made: bool,
    /// Every file was looked at.
    pub full: bool,
    /// The pack that the newest checkpoint came with, if that is known: a hint, for packs are merged.
    pub pack: Option<Oid>,
}

/// Leaves the record. Losing it costs a waiting caller a flush of their own.
pub fn leave(home: &Home, led: &Led) -> Result<()> {
    let [tip, pack] = [led.tip, led.pack].map(|id| id.map(|id| id.to_string()).unwrap_or_default());
    let (made, full) = (u8::from(led.made), u8::from(led.full));
    let text = format!("{} {} {made} {full} {tip} {pack}\n", process::boot_id(), led.began);
    file::replace(&path(home), text.as_bytes(), Durability::Buffered)
}

/// The last leader's record of this boot.
pub fn last(home: &Home) -> Option<Led> {
    let bytes = file::read(&path(home), 1 << 10).ok().flatten()?;
    parse(std::str::from_utf8(&bytes).ok()?, &process::boot_id())
}

/// When the last record was left, by the file system's clock.
pub fn left_at(home: &Home) -> Option<std::time::SystemTime> {
    std::fs::metadata(path(home)).and_then(|meta| meta.modified()).ok()
}

fn path(home: &Home) -> std::path::PathBuf {
    home.place.cache().join(format!("led-{}", home.worktree))
}

fn parse(text: &str, boot: &str) -> Option<Led> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    if words.next()? != boot || boot.is_empty() {
        return None;
    }
    let began = words.next()?.parse().ok()?;
    let made = words.next()? == "1";
    let full = words.next()? == "1";
    let tip = Oid::parse(words.next()?.as_bytes());
    Some(Led { began, made, full, tip, pack: Oid::parse(words.next()?.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_boot_or_a_torn_one_says_nothing() {
        let [tip, pack] = ["ab", "cd"].map(|two| two.repeat(20));
        let text = format!("b1 17 1 1 {tip} {pack}\n");
        let [tip, pack] = [tip, pack].map(|id| Oid::parse(id.as_bytes()));
        let led = Led { began: 17, tip, made: true, full: true, pack };
        assert_eq!(parse(&text, "b1"), Some(led));
        assert_eq!(parse(&text, "b2"), None);
        assert!((0..text.len()).all(|cut| parse(&text[..cut], "b1").is_none()));
        assert_eq!(parse("b1 17 0 1  \n", "b1").map(|led| (led.tip, led.pack)), Some((None, None)));
    }
}
