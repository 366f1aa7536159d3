//! When each session is told to leave at shutdown: spread evenly over the drain time, so that clients do not
//! all reconnect at once.
//!
//! Of `n` sessions the `k`th is told after `k / n` of the time, the last one at its end. Sessions that end by
//! themselves leave more time for the others. Call [`Drain::due`] often: it returns everything that has
//! become due since the last call.

use std::time::Duration;

use super::time::Nanos;

/// One session, in the unit of [`Drain::owed`].
const ONE: u128 = 1 << 32;

/// The schedule of one drain.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    looked: Nanos,
    end: Nanos,
    /// The fraction of a session that is due but has not been told, below [`ONE`].
    owed: u128,
}

impl Drain {
    /// A drain that begins at `start` and has told every session after `time`.
    #[must_use]
    pub fn new(start: Nanos, time: Duration) -> Drain {
        Drain { looked: start, end: start + time, owed: 0 }
    }

    /// How many of the `live` sessions that have not been told yet to tell now; all of them once the time is
    /// over.
    pub fn due(&mut self, now: Nanos, live: usize) -> usize {
        let (gone, left) = (now.since(self.looked), self.end.since(self.looked));
        if gone >= left {
            return live;
        }
        // The remaining time is shared equally by the remaining sessions.
        let parts = (live as u128 * ONE).saturating_sub(self.owed);
        self.owed += parts * gone.as_nanos() / left.as_nanos();
        self.looked = self.looked.max(now);
        let due = (self.owed / ONE).min(live as u128);
        self.owed %= ONE;
        usize::try_from(due).unwrap_or(live)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Nanos = Nanos(7_000_000_000);

    #[test]
    fn nine_thousand_leave_300_a_second() {
        let mut drain = Drain::new(START, Duration::from_secs(30));
        let mut live = 9000;
        for second in 1..=30 {
            let due = drain.due(START + Duration::from_secs(second), live);
            assert_eq!(due, 300, "in second {second}");
            live -= due;
        }
        assert_eq!(live, 0);
    }

    #[test]
    fn one_session_has_all_the_time() {
        let mut drain = Drain::new(START, Duration::from_secs(30));
        assert_eq!(drain.due(START + Duration::from_millis(29_999), 1), 0);
        assert_eq!(drain.due(START + Duration::from_secs(30), 1), 1);
    }

    #[test]
    fn no_time_is_no_mercy() {
        assert_eq!(Drain::new(START, Duration::ZERO).due(START, 5), 5);
    }

    proptest! {
        /// At any polling pace, the number told is what the time demands, to within one.
        #[test]
        fn it_is_even_and_all_are_told(
            sessions in 0_usize..20_000,
            time in 1_u64..600_000,
            looks in prop::collection::vec(0_u64..5_000, 1..200),
        ) {
            let time = Duration::from_millis(time);
            let mut drain = Drain::new(START, time);
            let (mut now, mut told) = (START, 0);
            for step in looks {
                now = now + Duration::from_millis(step);
                told += drain.due(now, sessions - told);
                let gone = now.since(START).min(time);
                let fair = sessions as u128 * gone.as_nanos() / time.as_nanos();
                prop_assert!((told as u128).abs_diff(fair) <= 1, "{told} told, {fair} due");
            }
            told += drain.due(START + time, sessions - told);
            prop_assert_eq!(told, sessions);
        }

        /// With sessions coming and going: never more are told than there are, the pace never exceeds an
        /// equal share of the remaining time, and at the end all have been told.
        #[test]
        fn comings_and_goings_are_followed(
            looks in prop::collection::vec((1_u64..2_000, 0_usize..50, 0_usize..50), 1..200),
        ) {
            let time = Duration::from_secs(60);
            let mut drain = Drain::new(START, time);
            let (mut now, mut live) = (START, 1000_usize);
            let mut slack = 1.0;
            for (step, left, came) in looks {
                live = live.saturating_sub(left) + came;
                let remaining = (START + time).since(now).as_secs_f64();
                now = now + Duration::from_millis(step);
                let due = drain.due(now, live);
                prop_assert!(due <= live);
                if now >= START + time {
                    prop_assert_eq!(due, live);
                    return Ok(());
                }
                #[allow(clippy::cast_precision_loss, reason = "small numbers")]
                let (fair, due_now) = (live as f64 * step as f64 / 1000.0 / remaining, due as f64);
                slack += fair - due_now;
                prop_assert!(slack >= -0.001, "{due} of {live} told, {fair} due");
                live -= due;
            }
            prop_assert_eq!(drain.due(START + time, live), live);
        }
    }
}
