//! Keeps track of the free places in a table. The lowest is taken first, so that places in use lie close
//! together and a walk over them is short.
//!
//! A released place rests until a whole period between two sweeps has passed. By then, a kernel callback that
//! was running on another CPU when its row was released has long finished, before the row gets a new owner.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    ops::Range,
};

/// The places in a range, by number.
#[derive(Debug)]
pub(super) struct Places {
    /// Places that have never been taken.
    fresh: Range<u32>,
    free: BinaryHeap<Reverse<u32>>,
    /// The oldest first.
    resting: VecDeque<u32>,
    /// How many of them, counted from the oldest, were already resting at the previous sweep.
    seen: usize,
}

impl Places {
    pub(super) fn new(range: Range<u32>) -> Places {
        Places { fresh: range, free: BinaryHeap::new(), resting: VecDeque::new(), seen: 0 }
    }

    /// Takes the lowest free place. If there is none, takes the one that has rested longest: a full table
    /// must not refuse what it can serve.
    pub(super) fn take(&mut self) -> Option<u32> {
        if let Some(Reverse(place)) = self.free.pop() {
            return Some(place);
        }
        self.fresh.next().or_else(|| {
            self.seen = self.seen.saturating_sub(1);
            self.resting.pop_front()
        })
    }

    /// Releases a place.
    pub(super) fn give_back(&mut self, place: u32) {
        self.resting.push_back(place);
    }

    /// Called at each sweep: places that were resting at the previous one are now free.
    pub(super) fn swept(&mut self) {
        self.free.extend(self.resting.drain(..self.seen).map(Reverse));
        self.seen = self.resting.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_place_is_taken_once_it_has_rested_from_sweep_to_sweep() {
        let mut places = Places::new(0..10);
        assert_eq!([(); 4].map(|()| places.take().unwrap()), [0, 1, 2, 3]);
        places.swept();
        places.give_back(2);
        places.give_back(1);
        assert_eq!(places.take(), Some(4));
        places.swept();
        places.give_back(0);
        assert_eq!(places.take(), Some(5));
        places.swept();
        assert_eq!([(); 3].map(|()| places.take().unwrap()), [1, 2, 6]);
        places.swept();
        assert_eq!([(); 2].map(|()| places.take().unwrap()), [0, 7]);
    }

    #[test]
    fn a_full_table_lends_what_rests_longest_and_forgets_nothing() {
        let mut places = Places::new(5..8);
        assert_eq!([(); 4].map(|()| places.take()), [Some(5), Some(6), Some(7), None]);
        places.give_back(7);
        places.give_back(5);
        places.swept();
        assert_eq!(places.take(), Some(7));
        places.give_back(6);
        places.swept();
        assert_eq!([(); 3].map(|()| places.take()), [Some(5), Some(6), None]);
        places.swept();
        assert_eq!(places.take(), None);
    }
}
