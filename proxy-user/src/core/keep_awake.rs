//! The times of the week during which an app is kept awake.
//!
//! A window opens and closes by the local time of its time zone. If daylight saving time skips one of these
//! times, the moment of the change is used, so a window inside a skipped hour never opens. If a time occurs
//! twice, the window opens at the first and closes at the last.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

/// Days to look ahead: a week, and another for a window that a clock change swallows.
const AHEAD: i32 = 15;

/// A weekly window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The days on which it opens.
    pub days: Days,
    /// When it opens, in minutes since midnight: 0 to 1439.
    pub opens: u16,
    /// When it closes, in minutes since midnight, 1 to 1440: on the same day if later than `opens`, otherwise
    /// on the next.
    pub closes: u16,
    /// The time zone of these times.
    pub zone: TimeZone,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const ALL: Days = Days(0b111_1111);

    /// Adds a day, Monday being 0.
    pub fn insert(&mut self, day: u8) {
        self.0 |= 1 << (day % 7);
    }

    fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }
}

/// Whether any window is open at a time, in seconds since 1970-01-01 UTC.
#[must_use]
pub fn is_open(windows: &[Window], unix_time: i64) -> bool {
    let Ok(now) = Timestamp::from_second(unix_time) else { return false };
    let open = |(opens, closes): (Timestamp, Timestamp)| opens <= now && now < closes;
    windows.iter().any(|window| window.spans(now, 1).any(open))
}

/// When the result of [`is_open`] next changes, in seconds since 1970-01-01 UTC; `None` = not within the next
/// two weeks.
#[must_use]
pub fn next_change(windows: &[Window], unix_time: i64) -> Option<i64> {
    let now = Timestamp::from_second(unix_time).ok()?;
    let horizon = now.checked_add(SignedDuration::from_hours(24 * 14)).ok()?;
    let spans = windows.iter().flat_map(|window| window.spans(now, AHEAD));
    let mut spans: Vec<_> = spans.filter(|(opens, closes)| opens < closes).collect();
    spans.sort_unstable();
    let opening = spans.iter().map(|(opens, _)| *opens).find(|opens| *opens > now);
    // Windows that touch or overlap are merged.
    let mut end = now;
    for (opens, closes) in spans {
        if opens <= end {
            end = end.max(closes);
        }
    }
    let change = if end > now { Some(end) } else { opening };
    change.filter(|change| *change <= horizon).map(Timestamp::as_second)
}

impl Window {
    /// The spans during which it is open, from the day before `now` until `ahead` days after it.
    fn spans(&self, now: Timestamp, ahead: i32) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = self.zone.to_datetime(now).date();
        (-1..=ahead).filter_map(move |offset| {
            let day = plus(today, offset)?;
            if !self.days.contains(day.weekday()) {
                return None;
            }
            let next = i32::from(self.closes <= self.opens);
            let opens = self.moment(day, self.opens)?.0;
            let closes = self.moment(plus(day, next)?, self.closes)?.1;
            Some((opens, closes))
        })
    }

    /// The first and last instant with this local time.
    fn moment(&self, day: Date, minutes: u16) -> Option<(Timestamp, Timestamp)> {
        let day = plus(day, i32::from(minutes / 1440))?;
        let (hour, minute) = (minutes % 1440 / 60, minutes % 60);
        let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
        let shown = self.zone.to_ambiguous_timestamp(day.to_datetime(time));
        let (earlier, later) = (shown.earlier().ok()?, shown.later().ok()?);
        if let AmbiguousOffset::Gap { .. } = shown.offset() {
            let skip = self.zone.following(earlier).next()?.timestamp();
            return Some((skip, skip));
        }
        Some((earlier, later))
    }
}

fn plus(day: Date, days: i32) -> Option<Date> {
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
#[path = "keep_awake_tests.rs"]
mod tests;
