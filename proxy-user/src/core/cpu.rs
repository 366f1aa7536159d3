//! Whether an app is computing, judged by its CPU time: the mean over a minute.
//!
//! Create a [`Load`] when the app has come up, and pass it the CPU time used so far a few times per
//! [`WINDOW`]. CPU time before that, and in the first [`SETTLING`] after it, does not count: programs load
//! their libraries and draw their first page then.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::Nanos;

/// The name shown in place of a rule for work detected by CPU time.
pub const RULE: &str = "cpu";
/// The period of the mean.
pub const WINDOW: Duration = Duration::from_secs(60);
const WINDOW_NANOS: u64 = 60_000_000_000;
/// CPU time used this soon after the app has come up still belongs to its start.
pub const SETTLING: Duration = Duration::from_secs(10);

/// The CPU time of one run of an app.
#[derive(Clone, Debug)]
pub struct Load {
    /// When counting starts.
    settled: Nanos,
    /// CPU time at points in time, the oldest first. One sample is at or before the start of the window, the
    /// others are within it.
    samples: VecDeque<(Nanos, Duration)>,
}

impl Load {
    /// For an app that came up at `ready`.
    #[must_use]
    pub fn new(ready: Nanos) -> Load {
        Load { settled: ready + SETTLING, samples: VecDeque::new() }
    }

    /// All processes together have used this much by `now`. Returns how much of it belongs to the last
    /// minute, without the start.
    pub fn sample(&mut self, now: Nanos, used: Duration) -> Duration {
        // Less than before: the counter was reset.
        let is_void =
            |&(at, before): &(Nanos, Duration)| at < self.settled || used < before || now < at;
        if self.samples.back().is_some_and(is_void) {
            self.samples.clear();
        }
        self.samples.push_back((now, used));
        let begin = Nanos(now.0.saturating_sub(WINDOW_NANOS));
        while self.samples.get(1).is_some_and(|(at, _)| *at <= begin) {
            self.samples.pop_front();
        }
        used.saturating_sub(self.used_by(begin))
    }

    /// CPU time used by a point in time, interpolated between samples.
    fn used_by(&self, moment: Nanos) -> Duration {
        let Some(&(before, used)) = self.samples.front() else { return Duration::ZERO };
        let Some(&(after, more)) = self.samples.get(1) else { return used };
        if moment <= before {
            return used;
        }
        let share = moment.since(before).as_secs_f64() / after.since(before).as_secs_f64();
        used + more.saturating_sub(used).mul_f64(share.clamp(0.0, 1.0))
    }
}

/// Whether this much CPU time per [`WINDOW`] is more than `percent` of one core.
#[must_use]
pub fn is_above(used: Duration, percent: u32) -> bool {
    used * 100 > WINDOW * percent
}

#[cfg(test)]
#[path = "cpu_tests.rs"]
mod tests;
