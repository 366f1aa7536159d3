//! Durations and sizes: whole numbers with units, in the forms that the contract shows and, for durations, as
//! printed by `ebbtide explain` ("1 d 1 h").
//!
//! Numbers without a unit and fractions ("30", "1.5h") are refused, so that nothing can be read in two ways.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::kind::Kind;
use super::mistake::ValueError;
use super::quote::quote;

/// Milliseconds per unit, largest first.
const DURATIONS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units that are accepted but never printed.
const MORE_DURATIONS: [(&str, u64); 2] = [("d", 86_400_000), ("min", 60_000)];

/// Bytes per unit, largest first.
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Parses a duration such as `1500ms`, `30s`, `15m`, `1h`, `1d` or `1 d 1 h`: larger units come first.
///
/// # Errors
///
/// For any other form, and for more than 2^64 − 1 milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    sum(text).map(Duration::from_millis).ok_or_else(|| {
        ValueError::new(
            format!("{} is not a duration", quote(text)),
            "write a whole number and a unit (ms, s, m, h, d), such as \"30s\"",
        )
    })
}

/// Parses a size in bytes such as `512B`, `64KiB`, `1MiB` or `1GiB`.
///
/// # Errors
///
/// For any other form, and for more than 2^64 − 1 bytes.
pub fn parse_size(text: &str) -> Result<u64, ValueError> {
    amount(text, &SIZES).ok_or_else(|| {
        ValueError::new(
            format!("{} is not a size", quote(text)),
            "write a whole number and a unit (B, KiB, MiB, GiB), such as \"64KiB\"",
        )
    })
}

/// Formats a duration for [`parse_duration`], in the largest unit that keeps it a whole number. Fractions of
/// a millisecond are dropped.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 { "0s".to_owned() } else { show(millis, &DURATIONS) }
}

/// Formats a size in bytes for [`parse_size`], in the largest unit that keeps it a whole number.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    if bytes == 0 { "0B".to_owned() } else { show(bytes, &SIZES) }
}

/// A duration within a range.
pub(crate) fn duration(
    range: RangeInclusive<Duration>,
) -> Kind<impl Fn(&str) -> Result<Duration, ValueError>> {
    let parse = move |text: &str| within(text, parse_duration(text)?, &range, show_duration);
    Kind { wants: "a duration", example: "\"30s\"", parse }
}

/// A size in bytes within a range.
pub(crate) fn size(range: RangeInclusive<u64>) -> Kind<impl Fn(&str) -> Result<u64, ValueError>> {
    let parse = move |text: &str| within(text, parse_size(text)?, &range, show_size);
    Kind { wants: "a size", example: "\"64KiB\"", parse }
}

fn within<T: PartialOrd + Copy>(
    text: &str,
    value: T,
    range: &RangeInclusive<T>,
    show: fn(T) -> String,
) -> Result<T, ValueError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let side = if value < *range.start() { "little" } else { "much" };
    let (least, most) = (show(*range.start()), show(*range.end()));
    let why = format!("{} is too {side}", quote(text));
    Err(ValueError::new(why, format!("write from \"{least}\" to \"{most}\"")))
}

/// The sum of amounts in milliseconds, each in a smaller unit than the one before. Spaces are allowed between
/// any two parts.
fn sum(text: &str) -> Option<u64> {
    let (mut rest, mut sum, mut before) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let (digits, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let behind = behind.strip_prefix(' ').unwrap_or(behind);
        let end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let (_, scale) = DURATIONS.iter().chain(&MORE_DURATIONS).find(|(name, _)| *name == unit)?;
        if *scale >= before {
            return None;
        }
        before = *scale;
        sum = sum.checked_add(digits.parse::<u64>().ok()?.checked_mul(*scale)?)?;
        rest = match behind.strip_prefix(' ') {
            // Nothing follows the last one.
            Some("") => return None,
            Some(next) => next,
            None => behind,
        };
    }
    (!text.is_empty()).then_some(sum)
}

fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*scale)
}

fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().find(|(_, scale)| amount.is_multiple_of(*scale));
    whole.map(|(unit, scale)| format!("{}{unit}", amount / scale)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_contracts_forms_are_read() {
        let cases = [("30s", 30_000), ("15m", 900_000), ("1h", 3_600_000), ("1500ms", 1_500)];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        // As printed by `explain`, and with fewer spaces.
        let (hour, day) = (3_600_000, 86_400_000);
        let cases = [
            ("1d", day),
            ("1 d 1 h", day + hour),
            ("1d1h", day + hour),
            ("1h30m", hour + 1_800_000),
            ("2 min 5 s", 125_000),
            ("30 s", 30_000),
            ("1d 2h 3m 4s 5ms", day + 2 * hour + 184_005),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("1MiB", 1_048_576)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let over = "18446744073709551615h";
        for text in [
            "", "30", "s", "-1s", "+1s", "1.5h", " 30s", "30s ", "30  s", "30S", "1h 30", "30m1h",
            "1h1h", "1min1m", "1h,30m", "1 d  1 h", "1w", over,
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for text in ["", "64", "64KB", "64kib", "64K", "1.5MiB", "-1B", "18446744073709551615KiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn durations_survive_being_written(millis: u64) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }

        #[test]
        fn whole_hours_are_written_as_hours(hours in 1_u64..10_000) {
            let duration = Duration::from_secs(hours * 3600);
            prop_assert_eq!(show_duration(duration), format!("{hours}h"));
        }

        #[test]
        fn sizes_survive_being_written(bytes: u64) {
            prop_assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
