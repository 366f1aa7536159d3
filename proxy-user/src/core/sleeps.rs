//! How long and when the machine has slept. `CLOCK_MONOTONIC` stands still during sleep, so its timestamps
//! are further in the past than they seem.
//!
//! Call [`Sleeps::note`] at least once a second, with both clocks read at the same time.

use std::collections::VecDeque;

use super::time::Nanos;

/// Smaller differences come from reading two clocks one after the other, in nanoseconds.
const LEAST: i64 = 100_000_000;
/// How far a timestamp may be rounded down: 4 ms each by the coarse clock and by the gate.
const ROUNDED: u64 = 10_000_000;
/// How many sleeps are kept separately; of older ones only the sum.
const KEPT: usize = 64;

/// The machine's sleeps since the first call.
#[derive(Clone, Debug, Default)]
pub struct Sleeps {
    /// The difference between the clocks in nanoseconds, with the time from which (exclusive) it holds.
    differences: VecDeque<(Nanos, i64)>,
    noted: Nanos,
}

impl Sleeps {
    /// No sleep is known.
    #[must_use]
    pub const fn new() -> Sleeps {
        Sleeps { differences: VecDeque::new(), noted: Nanos(0) }
    }

    /// Records that it is `now` while `CLOCK_BOOTTIME`, which does not stand still, shows `boot`.
    ///
    /// A sleep happened some time since the last call. It is taken to have begun right after that, so that
    /// activity within this second is shown too new rather than too old.
    pub fn note(&mut self, now: Nanos, boot: Nanos) {
        let difference = boot.0.cast_signed().wrapping_sub(now.0.cast_signed());
        match self.differences.back() {
            Some((_, known)) if difference.saturating_sub(*known) < LEAST => {}
            Some(_) => {
                let from = Nanos(self.noted.0.saturating_sub(ROUNDED));
                self.differences.push_back((from, difference));
            }
            None => self.differences.push_back((Nanos(0), difference)),
        }
        if self.differences.len() > KEPT {
            self.differences.pop_front();
        }
        self.noted = self.noted.max(now);
    }

    /// What `CLOCK_BOOTTIME` showed, or will show, at a time.
    #[must_use]
    pub fn boot(&self, at: Nanos) -> Nanos {
        let held = self.differences.iter().rev().find(|(from, _)| *from < at);
        let (_, difference) = held.or(self.differences.front()).copied().unwrap_or_default();
        Nanos(at.0.saturating_add_signed(difference))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3600 * SECOND;

    fn at(seconds: u64) -> Nanos {
        Nanos(seconds * SECOND)
    }

    #[test]
    fn what_was_before_a_sleep_is_further_away() {
        let mut sleeps = Sleeps::new();
        // It had slept before the first call.
        for second in 100..=110 {
            sleeps.note(at(second), Nanos(HOUR + second * SECOND + second % 100));
        }
        sleeps.note(at(111), Nanos(9 * HOUR + 111 * SECOND));
        assert_eq!(sleeps.boot(at(50)), Nanos(HOUR + 50 * SECOND));
        let before = Nanos(110 * SECOND - ROUNDED);
        assert_eq!(sleeps.boot(before), Nanos(HOUR + before.0));
        let unsure = Nanos(before.0 + 1);
        assert_eq!(sleeps.boot(unsure), Nanos(9 * HOUR + unsure.0), "too new rather than too old");
        assert_eq!(sleeps.boot(at(5000)), Nanos(9 * HOUR + 5000 * SECOND));
    }

    #[test]
    fn many_sleeps_cost_little_and_the_newest_are_exact() {
        let mut sleeps = Sleeps::new();
        for day in 0..1000 {
            sleeps.note(at(day * 10), Nanos(day * HOUR + day * 10 * SECOND));
        }
        assert!(sleeps.differences.len() <= KEPT);
        for day in 950..999 {
            let evening = at(day * 10 + 5);
            assert_eq!(sleeps.boot(evening), Nanos((day + 1) * HOUR + evening.0), "or later");
        }
        assert!(sleeps.boot(at(10)) < sleeps.boot(at(9000)));
    }

    #[test]
    fn nothing_is_known_before_the_first_note() {
        assert_eq!(Sleeps::new().boot(at(7)), at(7));
    }
}
