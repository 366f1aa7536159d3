//! Whether an app computes, told by the CPU time that its processes use: the mean of a minute.
//!
//! Make a [`Load`] when the app has come up, and give it the CPU time used so far now and then, a few times in
//! [`WINDOW`]. What the start took, and what came within [`SETTLING`] after it, does not count: programs load
//! their libraries then, and draw their first page.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::Nanos;

/// By which work is known that the CPU time shows, in place of a rule.
pub const RULE: &str = "cpu";
/// What the mean is taken of.
pub const WINDOW: Duration = Duration::from_secs(60);
const WINDOW_NANOS: u64 = 60_000_000_000;
/// How long after an app has come up its CPU time still belongs to the start.
pub const SETTLING: Duration = Duration::from_secs(10);

/// The CPU time of one run of an app.
#[derive(Clone, Debug)]
pub struct Load {
    /// From when it counts.
    settled: Nanos,
    /// CPU time at moments, the oldest first: one that is no later than the window's begin, and those in it.
    samples: VecDeque<(Nanos, Duration)>,
}

impl Load {
    /// One of an app that came up at `ready`.
    #[must_use]
    pub fn new(ready: Nanos) -> Load {
        Load { settled: ready + SETTLING, samples: VecDeque::new() }
    }

    /// All of its processes have used so much by `now`. Returns how much of it in the last minute, without the
    /// start.
    pub fn sample(&mut self, now: Nanos, used: Duration) -> Duration {
        // Less than before: somebody counts anew.
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

    /// How much had been used at a moment, on the line between the samples around it.
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

/// Whether so much CPU time in [`WINDOW`] is more than `percent` of one core.
#[must_use]
pub fn is_above(used: Duration, percent: u32) -> bool {
    used * 100 > WINDOW * percent
}

#[cfg(test)]
#[path = "cpu_tests.rs"]
mod tests;
