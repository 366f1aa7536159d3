//! A bounded number of places, each released when its holder drops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A semaphore that never waits, with a limit that can change.
#[derive(Debug)]
pub struct Seats {
    taken: Arc<AtomicUsize>,
    limit: AtomicUsize,
}

/// One place, held.
#[derive(Debug)]
pub struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// `limit` places; 0 = unlimited.
    #[must_use]
    pub fn new(limit: usize) -> Seats {
        let seats = Seats { taken: Arc::default(), limit: AtomicUsize::new(0) };
        seats.set_limit(limit);
        seats
    }

    /// Changes the limit. Places that are already taken stay taken.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(if limit == 0 { usize::MAX } else { limit }, Relaxed);
    }

    /// Takes a place, or returns `None` if all are taken.
    #[must_use]
    pub fn take(&self) -> Option<Seat> {
        let limit = self.limit.load(Relaxed);
        let more = |taken| (taken < limit).then(|| taken + 1);
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

    #[test]
    fn fewer_seats_drive_nobody_out() {
        let seats = Seats::new(2);
        let (first, _second) = (seats.take(), seats.take());
        seats.set_limit(1);
        assert_eq!(seats.taken(), 2);
        drop(first);
        assert!(seats.take().is_none());
        seats.set_limit(0);
        assert!(seats.take().is_some());
    }
}
