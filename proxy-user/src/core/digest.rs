//! What may happen thousands of times and is to be told of now and then: at once, then with how often it
//! happened, once a minute at most.

use std::time::Duration;

use super::time::Nanos;

/// The least time between two times of telling.
const PERIOD: Duration = Duration::from_secs(60);

/// How often something happened since it was last told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Digest {
    count: u64,
    /// Not told before this.
    due: Nanos,
}

impl Digest {
    /// It happened so often.
    pub fn add(&mut self, count: u64) {
        self.count += count;
    }

    /// How often it happened, if that is to be told now.
    pub fn take(&mut self, now: Nanos) -> Option<u64> {
        if self.count == 0 || now < self.due {
            return None;
        }
        self.due = now + PERIOD;
        Some(std::mem::take(&mut self.count))
    }

    /// How often it happened since it was last told.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.count
    }

    /// When there is something to tell; `None` = nothing has happened.
    #[must_use]
    pub fn due(&self) -> Option<Nanos> {
        (self.count > 0).then_some(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_once_a_minute() {
        let (mut digest, start) = (Digest::default(), Nanos(1) + PERIOD);
        assert_eq!((digest.take(start), digest.due()), (None, None));
        digest.add(2);
        assert_eq!(digest.take(start), Some(2));
        digest.add(3);
        digest.add(4);
        assert_eq!((digest.take(start), digest.due()), (None, Some(start + PERIOD)));
        assert_eq!(digest.rest(), 7);
        assert_eq!(digest.take(start + PERIOD), Some(7));
        assert_eq!(digest.take(start + PERIOD * 9), None);
    }
}
