//! When a session last counted as activity, and from which side, packed into four bytes.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::core::gate::{Activity, Reason};
use crate::core::side::Side;
use crate::core::time::Nanos;

/// The unit of time, in nanoseconds as a power of two: about 17 ms, which lasts for 416 days.
const UNIT: u32 = 24;

/// The newest activity of a session. Single writer.
#[derive(Debug, Default)]
pub(super) struct LastActivity {
    /// Units since the session was opened, plus one; the lowest bit is set for the app's side. 0 = none yet.
    packed: AtomicU32,
}

impl LastActivity {
    /// Something from this side counted. `opened`: when the session was opened.
    pub(super) fn note(&self, opened: Nanos, now: Nanos, from: Side) {
        let units = u32::try_from(now.0.saturating_sub(opened.0) >> UNIT).unwrap_or(u32::MAX);
        let units = units.saturating_add(1).min(u32::MAX >> 1);
        self.packed.store(units << 1 | u32::from(from == Side::App), Relaxed);
    }

    /// The newest, if there is one.
    pub(super) fn read(&self, opened: Nanos) -> Option<Activity> {
        let packed = self.packed.load(Relaxed);
        let units = u64::from(packed >> 1).checked_sub(1)?;
        let reason = if packed & 1 == 1 { Reason::Output } else { Reason::Input };
        Some(Activity { at: Nanos(opened.0.saturating_add(units << UNIT)), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600 * 1_000_000_000;

    #[test]
    fn it_is_exact_to_17_ms_for_more_than_a_year() {
        let (last, opened) = (LastActivity::default(), Nanos(77 * DAY));
        assert_eq!(last.read(opened), None);
        for (after, side, reason) in [
            (0, Side::Client, Reason::Input),
            (123_456_789, Side::App, Reason::Output),
            (400 * DAY, Side::Client, Reason::Input),
        ] {
            let now = Nanos(opened.0 + after);
            last.note(opened, now, side);
            let read = last.read(opened).unwrap();
            assert_eq!(read.reason, reason);
            assert!(read.at <= now && now.since(read.at).as_millis() < 17, "{read:?}");
        }
        last.note(opened, Nanos(u64::MAX), Side::App);
        let read = last.read(opened).unwrap();
        assert!(read.at.0 > opened.0 + 400 * DAY && read.reason == Reason::Output);
    }
}
