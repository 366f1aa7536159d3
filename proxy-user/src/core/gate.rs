//! An app's newest activity: one word that every frame may touch.
//!
//! The common case, activity in a second that has already seen some, is one atomic load and a
//! compare. It must not count, report or log; those read it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::time::Nanos;

/// What kind of traffic counted as activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// A data frame from the client.
    Input = 1,
    /// A data frame from the app.
    Output = 2,
    /// A plain HTTP request.
    Request = 3,
    /// A WebSocket was opened.
    Upgrade = 4,
}

impl Reason {
    /// All of them, in the order of their numbers.
    pub const ALL: [Reason; 4] = [Reason::Input, Reason::Output, Reason::Request, Reason::Upgrade];

    /// The word used in reports and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Input => "input",
            Reason::Output => "output",
            Reason::Request => "request",
            Reason::Upgrade => "upgrade",
        }
    }
}

/// Activity at a moment, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When, rounded down to a whole second.
    pub at: Nanos,
    /// What it was.
    pub reason: Reason,
}

/// The newest activity of one app.
#[derive(Debug, Default)]
pub struct Gate {
    /// Second of `CLOCK_MONOTONIC` times 8, plus the reason's number; 0 = none yet.
    word: AtomicU64,
}

impl Gate {
    /// Notes activity at `now`. True for the first in its second.
    #[inline]
    pub fn touch(&self, now: Nanos, reason: Reason) -> bool {
        let second = now.0 / 1_000_000_000;
        if self.word.load(Relaxed) >> 3 == second {
            return false;
        }
        let word = second << 3 | reason as u64;
        // `fetch_max`: a thread that was held up between the load and here must not turn time back.
        self.word.fetch_max(word, Relaxed) >> 3 < second
    }

    /// The newest activity.
    #[must_use]
    pub fn newest(&self) -> Option<Activity> {
        let word = self.word.load(Relaxed);
        let reason = *Reason::ALL.get(usize::try_from(word & 7).ok()?.checked_sub(1)?)?;
        Some(Activity { at: Nanos((word >> 3) * 1_000_000_000), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn first_of_a_second_wins() {
        let gate = Gate::default();
        assert_eq!(gate.newest(), None);
        assert!(gate.touch(Nanos(5 * SECOND + 7), Reason::Request));
        assert!(!gate.touch(Nanos(5 * SECOND + 999), Reason::Input));
        assert_eq!(
            gate.newest(),
            Some(Activity { at: Nanos(5 * SECOND), reason: Reason::Request })
        );
        assert!(gate.touch(Nanos(6 * SECOND), Reason::Output));
        assert_eq!(gate.newest().map(|a| a.reason), Some(Reason::Output));
    }

    #[test]
    fn time_never_turns_back() {
        let gate = Gate::default();
        assert!(gate.touch(Nanos(9 * SECOND), Reason::Input));
        assert!(!gate.touch(Nanos(8 * SECOND), Reason::Output));
        assert_eq!(gate.newest(), Some(Activity { at: Nanos(9 * SECOND), reason: Reason::Input }));
    }
}
