//! An app's newest activity, in one word that every frame may touch.
//!
//! The common case, a moment that has already seen activity, costs one atomic load and a compare. It must not
//! count, report or log; readers do that.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::time::Nanos;

/// The length of a moment in nanoseconds, as a power of two: 2^22 ns are 4 ms, the resolution of the coarse
/// clock.
const MOMENT: u32 = 22;

/// What kind of traffic counted as activity. Within one moment a later variant outranks an earlier one,
/// because it says more about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// A data frame from the app.
    Output = 1,
    /// A WebSocket was opened.
    Upgrade = 2,
    /// A plain HTTP request.
    Request = 3,
    /// A data frame from the client.
    Input = 4,
}

impl Reason {
    /// All of them, by name.
    pub const ALL: [Reason; 4] = [Reason::Input, Reason::Output, Reason::Request, Reason::Upgrade];

    /// The word used in reports and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Output => "output",
            Reason::Upgrade => "upgrade",
            Reason::Request => "request",
            Reason::Input => "input",
        }
    }
}

/// Activity at a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When, to within 4 ms.
    pub at: Nanos,
    /// What it was.
    pub reason: Reason,
}

/// The newest activity of one app.
#[derive(Debug, Default)]
pub struct Gate {
    /// The moment times 8, plus the reason's number; 0 = none yet.
    word: AtomicU64,
}

impl Gate {
    /// Records activity at `now`.
    #[inline]
    pub fn touch(&self, now: Nanos, reason: Reason) {
        let word = (now.0 >> MOMENT) << 3 | reason as u64;
        if self.word.load(Relaxed) < word {
            // `fetch_max`: a thread that was delayed after the load must not turn time back.
            self.word.fetch_max(word, Relaxed);
        }
    }

    /// The newest activity.
    #[must_use]
    pub fn newest(&self) -> Option<Activity> {
        let word = self.word.load(Relaxed);
        let reason = Reason::ALL.into_iter().find(|&reason| reason as u64 == word & 7)?;
        Some(Activity { at: Nanos((word >> 3) << MOMENT), reason })
    }
}

/// When something last happened.
#[derive(Debug, Default)]
pub struct Moment(AtomicU64);

impl Moment {
    /// Records that it happens at `now`.
    pub fn note(&self, now: Nanos) {
        self.0.store(now.0, Relaxed);
    }

    /// How long ago it happened; `None` = never.
    #[must_use]
    pub fn age(&self, now: Nanos) -> Option<Duration> {
        let then = self.0.load(Relaxed);
        (then > 0).then(|| now.since(Nanos(then)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn newest(touches: &[(u64, Reason)]) -> Option<(u64, Reason)> {
        let gate = Gate::default();
        touches.iter().for_each(|&(at, reason)| gate.touch(Nanos(at), reason));
        gate.newest().map(|activity| (activity.at.0, activity.reason))
    }

    #[test]
    fn the_newest_moment_wins_and_in_it_the_person() {
        let moment = 1 << MOMENT;
        assert_eq!(newest(&[]), None);
        let one =
            [(moment, Reason::Upgrade), (moment + 9, Reason::Input), (moment, Reason::Output)];
        assert_eq!(newest(&one), Some((moment, Reason::Input)));
        let two = [(moment, Reason::Input), (2 * moment, Reason::Output)];
        assert_eq!(newest(&two), Some((2 * moment, Reason::Output)));
    }

    #[test]
    fn time_never_turns_back() {
        let late = newest(&[(9 * SECOND, Reason::Output), (8 * SECOND, Reason::Input)]);
        assert_eq!(late, newest(&[(9 * SECOND, Reason::Output)]));
    }
}
