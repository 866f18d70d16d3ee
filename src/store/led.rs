//! What the last leader did, for those who wait: if it began after they came, it did their work too.
//!
//! A leader reads the journals and the files after it began, so its checkpoint holds whatever a
//! caller that came before had recorded and written. The times are of one monotonic clock, and the
//! record names the boot: another boot's says nothing.

use anyhow::Result;

use super::home::Home;
use crate::disk::file::{self, Durability};
use crate::disk::process;
use crate::model::digest;
use crate::model::oid::Oid;

/// Room for the longest: a boot, a time, two words, two ids of 64 digits.
const LONGEST: usize = 192;

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
///
/// It is written over the last one, which a file system does quicker than to put another into its place.
/// Who reads it meanwhile may see half of each: the digest tells.
pub fn leave(home: &Home, led: &Led) -> Result<()> {
    let (path, record) = (path(home), sealed(&text(&process::boot_id(), led)));
    // What somebody else put there, and we may not write to, can still make room for another.
    let written = file::overwrite(&path, record.as_bytes());
    written.or_else(|_| file::replace(&path, record.as_bytes(), Durability::Buffered))
}

fn text(boot: &str, led: &Led) -> String {
    let [tip, pack] = [led.tip, led.pack].map(|id| id.map_or_else(|| "-".to_owned(), |id| id.to_string()));
    format!("{boot} {} {} {} {tip} {pack}", led.began, u8::from(led.made), u8::from(led.full))
}

/// With its digest, and always as long, so that nothing is left of the one before.
fn sealed(text: &str) -> String {
    format!("{} {text:<LONGEST$}\n", digest::name(&[text.as_bytes()]))
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

fn parse(record: &str, boot: &str) -> Option<Led> {
    let (seal, text) = record.split_once(' ')?;
    let text = text.trim_end();
    let mut words = text.split(' ');
    if words.next()? != boot || boot.is_empty() || seal != digest::name(&[text.as_bytes()]) {
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

    fn led(began: u64, tip: Option<&str>) -> Led {
        let [tip, pack] = [tip, Some("cd")].map(|two| Oid::parse(two?.repeat(20).as_bytes()));
        Led { began, tip, made: true, full: true, pack }
    }

    #[test]
    fn a_record_of_another_boot_or_a_torn_one_says_nothing() {
        for led in [led(17, Some("ab")), led(17, None), Led { pack: None, made: false, ..led(1, None) }] {
            let record = sealed(&text("b1", &led));
            assert_eq!(parse(&record, "b1"), Some(led.clone()));
            assert_eq!(parse(&record, "b2"), None);
            assert_eq!(record.len(), sealed("").len());
            let said = record.trim_end().len();
            assert!((0..said).all(|cut| parse(&record[..cut], "b1").is_none()));
        }
        assert_eq!(parse("", ""), None);
    }

    #[test]
    fn half_of_one_and_half_of_another_say_nothing() {
        let [old, new] = [led(17, Some("ab")), led(92, Some("ef"))].map(|led| sealed(&text("b1", &led)));
        let longest =
            Led { tip: Oid::parse(&[b'f'; 64]), pack: Oid::parse(&[b'e'; 64]), ..led(u64::MAX, None) };
        assert_eq!(sealed(&text(&"b".repeat(36), &longest)).len(), old.len());
        let differ = |at: usize| old.as_bytes()[at] != new.as_bytes()[at];
        let (first, last) = ((0..old.len()).find(|at| differ(*at)), (0..old.len()).rfind(|at| differ(*at)));
        for cut in first.unwrap() + 1..=last.unwrap() {
            let mixed = format!("{}{}", &new[..cut], &old[cut..]);
            assert_eq!(parse(&mixed, "b1"), None, "{mixed}");
        }
    }
}
