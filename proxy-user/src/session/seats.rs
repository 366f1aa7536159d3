//! A bounded number of places, each given back when its holder drops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Places for sessions.
#[derive(Clone, Debug)]
pub struct Seats {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

/// A place taken.
#[derive(Debug)]
pub struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// `limit` places; 0 = no limit.
    #[must_use]
    pub fn new(limit: usize) -> Seats {
        let limit = if limit == 0 { usize::MAX } else { limit };
        Seats { taken: Arc::default(), limit }
    }

    /// Takes a place, or `None` when all are taken.
    #[must_use]
    pub fn take(&self) -> Option<Seat> {
        let more = |taken| (taken < self.limit).then(|| taken + 1);
        self.taken.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Seat(Arc::clone(&self.taken)))
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_seat_is_free_again() {
        let seats = Seats::new(2);
        let (first, second) = (seats.take(), seats.take());
        assert!(first.is_some() && second.is_some() && seats.take().is_none());
        drop(first);
        assert_eq!(seats.taken(), 1);
        assert!(seats.take().is_some());
        assert!(Seats::new(0).take().is_some(), "0 = no limit");
    }
}
