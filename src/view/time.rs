//! Moments and durations in words, and words as moments.
//!
//! The clock and the zone are arguments; nothing here looks them up.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};

use crate::model::time::Timestamp;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// How long ago it was: `just now`, `5m ago`, `3d ago`; `-` where it is not known.
pub fn relative(moment: Option<Timestamp>, now: Timestamp) -> String {
    let Some(moment) = moment else { return "-".to_owned() };
    let micros = now.since(moment);
    let (secs, days) = (micros / SECOND, micros / SECOND / DAY);
    match secs {
        _ if micros < 0 => "in the future".to_owned(),
        0..5 => "just now".to_owned(),
        5..60 => format!("{secs}s ago"),
        60..3_600 => format!("{}m ago", secs / 60),
        3_600..DAY => format!("{}h ago", secs / 3_600),
        _ if days < 30 => format!("{days}d ago"),
        _ if days < 365 => format!("{}mo ago", days / 30),
        _ => format!("{}y ago", days / 365),
    }
}

/// A local date and time with its offset, for details: `2026-11-21 10:00:00 +0100`.
pub fn local(moment: Timestamp, zone: &TimeZone) -> String {
    in_zone(moment, zone).strftime("%Y-%m-%d %H:%M:%S %z").to_string()
}

/// The local time of day: `10:00:00`.
pub fn clock(moment: Timestamp, zone: &TimeZone) -> String {
    in_zone(moment, zone).strftime("%H:%M:%S").to_string()
}

/// RFC 3339 in UTC with microseconds: `2026-11-21T10:00:00.000000Z`.
pub fn rfc3339(moment: Timestamp) -> String {
    in_zone(moment, &TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// How long it took, cut and not rounded, in two units at most: `340ms`, `1.2s`, `3m12s`, `2h05m`.
pub fn duration(micros: u64) -> String {
    let (millis, secs) = (micros / 1_000, micros / 1_000_000);
    match secs {
        0 if millis == 0 && micros > 0 => "<1ms".to_owned(),
        0 => format!("{millis}ms"),
        1..60 => format!("{secs}.{}s", millis % 1_000 / 100),
        60..3_600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3_600..86_400 => format!("{}h{:02}m", secs / 3_600, secs / 60 % 60),
        _ => format!("{}d{:02}h", secs / 86_400, secs / 3_600 % 24),
    }
}

/// The moment that a person means: `10 minutes ago`, `2h`, `1h30m`, `yesterday`, `10:30`,
/// `2026-11-21`, `2026-11-21 10:00` in the zone, or RFC 3339.
///
/// A span is one into the past, with `ago` or without. `yesterday` is a day ago, as git reads it.
pub fn parse_when(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    let now = in_zone(now, zone);
    match text.to_ascii_lowercase().as_str() {
        "now" => return Some(of(&now)),
        "today" => return now.start_of_day().ok().as_ref().map(of),
        "yesterday" => return now.checked_sub(1.day()).ok().as_ref().map(of),
        _ => {}
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(moment.as_microsecond()));
    }
    if let Ok(date) = text.parse::<DateTime>() {
        return date.to_zoned(zone.clone()).ok().as_ref().map(of);
    }
    if text.contains(':') {
        let time = text.parse::<Time>().ok()?;
        return now.with().time(time).build().ok().as_ref().map(of);
    }
    now.checked_sub(span(text)?).ok().as_ref().map(of)
}

/// A span, whatever its direction. `an hour ago` is one hour.
fn span(text: &str) -> Option<Span> {
    let text = text.to_ascii_lowercase();
    let counted = match text.split_once(' ') {
        Some(("a" | "an" | "one", unit)) => format!("1 {unit}"),
        _ => text,
    };
    let span = counted.parse::<Span>().ok()?.abs();
    (!span.is_zero()).then_some(span)
}

fn of(zoned: &Zoned) -> Timestamp {
    Timestamp(zoned.timestamp().as_microsecond())
}

/// The moment in a zone. What no calendar can show becomes its first or its last moment: the
/// record may hold any number, and a listing must not end on it.
fn in_zone(moment: Timestamp, zone: &TimeZone) -> Zoned {
    let nearest = match moment.0 < 0 {
        true => jiff::Timestamp::MIN,
        false => jiff::Timestamp::MAX,
    };
    jiff::Timestamp::from_microsecond(moment.0).unwrap_or(nearest).to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-21T10:00:00Z.
    const NOW: Timestamp = Timestamp(1_795_255_200_000_000);

    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(1))
    }

    #[test]
    fn times_are_told_as_people_tell_them() {
        let day = 86_400;
        let cases = [
            (-1, "in the future"),
            (0, "just now"),
            (4, "just now"),
            (5, "5s ago"),
            (59, "59s ago"),
            (60, "1m ago"),
            (3_599, "59m ago"),
            (3_600, "1h ago"),
            (day - 1, "23h ago"),
            (day, "1d ago"),
            (29 * day, "29d ago"),
            (30 * day, "1mo ago"),
            (359 * day, "11mo ago"),
            (364 * day, "12mo ago"),
            (365 * day, "1y ago"),
            (800 * day, "2y ago"),
        ];
        for (secs, words) in cases {
            assert_eq!(relative(Some(Timestamp(NOW.0 - secs * SECOND)), NOW), words, "{secs}");
        }
        assert_eq!(relative(None, NOW), "-");
        assert_eq!(relative(Some(Timestamp(NOW.0 + 1)), NOW), "in the future");
        assert_eq!(relative(Some(Timestamp(i64::MIN)), NOW), "292471y ago");
    }

    #[test]
    fn dates_have_one_form_for_people_and_one_for_programs() {
        assert_eq!(rfc3339(NOW), "2026-11-21T10:00:00.000000Z");
        assert_eq!(rfc3339(Timestamp(NOW.0 + 12)), "2026-11-21T10:00:00.000012Z");
        assert_eq!(local(NOW, &zone()), "2026-11-21 11:00:00 +0100");
        assert_eq!(clock(NOW, &zone()), "11:00:00");
        assert_eq!(rfc3339(Timestamp(-1)), "1969-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339(Timestamp(i64::MAX)), "9999-12-30T22:00:00.999999Z");
    }

    #[test]
    fn durations_are_short_and_never_round_up() {
        let cases = [
            (0, "0ms"),
            (999, "<1ms"),
            (340_000, "340ms"),
            (999_999, "999ms"),
            (1_250_000, "1.2s"),
            (59_999_999, "59.9s"),
            (192_000_000, "3m12s"),
            (3_599_999_999, "59m59s"),
            (7_500_000_000, "2h05m"),
            (90_000_000_000, "1d01h"),
        ];
        for (micros, words) in cases {
            assert_eq!(duration(micros), words, "{micros}");
        }
    }

    #[test]
    fn a_moment_is_read_in_every_form_people_type() {
        let cases = [
            ("now", "2026-11-21T10:00:00"),
            ("10 minutes ago", "2026-11-21T09:50:00"),
            ("10 Minutes Ago", "2026-11-21T09:50:00"),
            ("2h", "2026-11-21T08:00:00"),
            ("-2h", "2026-11-21T08:00:00"),
            ("1h30m", "2026-11-21T08:30:00"),
            ("90s ago", "2026-11-21T09:58:30"),
            ("an hour ago", "2026-11-21T09:00:00"),
            ("a week ago", "2026-11-14T10:00:00"),
            ("2 weeks ago", "2026-11-07T10:00:00"),
            ("3 days", "2026-11-18T10:00:00"),
            ("1 month ago", "2026-10-21T10:00:00"),
            ("1 year ago", "2025-11-21T10:00:00"),
            ("yesterday", "2026-11-20T10:00:00"),
            ("today", "2026-11-20T23:00:00"),
            ("10:30", "2026-11-21T09:30:00"),
            ("2026-11-20", "2026-11-19T23:00:00"),
            ("2026-11-20 10:00", "2026-11-20T09:00:00"),
            ("2026-11-20T10:00:05", "2026-11-20T09:00:05"),
            ("2026-11-20T10:00:05Z", "2026-11-20T10:00:05"),
            ("2026-11-20T10:00:05+02:00", "2026-11-20T08:00:05"),
            ("  2h  ", "2026-11-21T08:00:00"),
        ];
        for (text, utc) in cases {
            let moment = parse_when(text, NOW, &zone()).map(rfc3339);
            assert_eq!(moment, Some(format!("{utc}.000000Z")), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "soon",
            "0h",
            "10",
            "abc ago",
            "2026-13-40",
            "25:99",
            "999999999 years ago",
            "\u{1b}[2J",
            "a",
        ] {
            assert_eq!(parse_when(text, NOW, &zone()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_number_ends_the_program(text in ".{0,40}", micros in any::<i64>()) {
            parse_when(&text, Timestamp(micros), &zone());
            local(Timestamp(micros), &zone());
            relative(Some(Timestamp(micros)), NOW);
        }
    }
}
