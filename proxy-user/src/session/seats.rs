//! A bounded number of places, each given back when its holder drops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Places for sessions.
#[derive(Debug)]
pub struct Seats {
    taken: Arc<AtomicUsize>,
    limit: AtomicUsize,
}

/// A place taken.
#[derive(Debug)]
pub struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// `limit` places; 0 = no limit.
    #[must_use]
    pub fn new(limit: usize) -> Seats {
        let seats = Seats { taken: Arc::default(), limit: AtomicUsize::new(0) };
        seats.set_limit(limit);
        seats
    }

    /// Changes how many there are. Whoever has a place keeps it.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(if limit == 0 { usize::MAX } else { limit }, Relaxed);
    }

    /// Takes a place, or `None` when all are taken.
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
