//! Who has come to a page lately, so that a connection which a page opens again by itself is not taken
//! for a visit.
//!
//! A fixed table: clients that share a place are taken for attended, never for absent.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::time::Nanos;

/// How long a navigation stands for the connections that the page opens. One that is opened later is
/// not taken for a visit, which costs nothing: the navigation itself has counted.
pub const VISIT: Duration = Duration::from_secs(30);
/// How long a page that has loaded itself may load its parts.
const LOADING: Duration = Duration::from_secs(60);

/// Places in the table; a power of two.
const PLACES: usize = 4096;
/// Nanoseconds of a step of the table's time, as a power of two: about a second.
const STEP: u32 = 30;

/// When clients last navigated. A client is a number that its caller makes of what tells browsers
/// apart.
#[derive(Debug)]
pub struct Visits {
    places: Box<[AtomicU64]>,
}

/// What a place holds: the time in steps (32 bits), whether the page loaded itself (1 bit), and some
/// bits of the client (31).
#[derive(Clone, Copy)]
struct Place(u64);

impl Place {
    fn new(client: u64, now: Nanos, reload: bool) -> Place {
        // Never 0, which is an empty place; 2^32 steps are 146 years.
        let steps = ((now.0 >> STEP) + 1) << 32;
        Place(steps | u64::from(reload) << 31 | client >> 33)
    }

    /// Less than so long ago.
    fn within(self, span: Duration, now: Nanos) -> bool {
        let then = Nanos((self.0 >> 32) << STEP);
        self.0 != 0 && then + span > now
    }

    fn reload(self) -> bool {
        self.0 >> 31 & 1 == 1
    }

    fn is_of(self, client: u64) -> bool {
        self.0 & 0x7fff_ffff == client >> 33
    }
}

impl Default for Visits {
    fn default() -> Visits {
        Visits { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Visits {
    /// Somebody came to a page.
    pub fn navigated(&self, client: u64, now: Nanos) {
        self.place(client).store(Place::new(client, now, false).0, Relaxed);
    }

    /// A page has loaded itself again. It is no visit, and does not end one.
    pub fn reloaded(&self, client: u64, now: Nanos) {
        if !self.attended(client, now) {
            self.place(client).store(Place::new(client, now, true).0, Relaxed);
        }
    }

    /// Whether somebody came to a page less than [`VISIT`] ago.
    #[must_use]
    pub fn attended(&self, client: u64, now: Nanos) -> bool {
        let place = self.look(client);
        place.within(VISIT, now) && !place.reload()
    }

    /// Whether a page has loaded itself again less than a minute ago, with nobody there.
    #[must_use]
    pub fn reloading(&self, client: u64, now: Nanos) -> bool {
        let place = self.look(client);
        place.within(LOADING, now) && place.reload() && place.is_of(client)
    }

    fn look(&self, client: u64) -> Place {
        Place(self.place(client).load(Relaxed))
    }

    fn place(&self, client: u64) -> &AtomicU64 {
        #[allow(clippy::cast_possible_truncation, reason = "reduced to the table's size first")]
        let index = (client % PLACES as u64) as usize;
        &self.places[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Nanos {
        Nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_visit_lasts_half_a_minute() {
        let visits = Visits::default();
        assert!(!visits.attended(7, seconds(0)));
        visits.navigated(7, seconds(10));
        assert!(visits.attended(7, seconds(10)) && visits.attended(7, seconds(38)));
        assert!(!visits.attended(7, seconds(43)));
        assert!(!visits.attended(8, seconds(10)), "somebody else");
    }

    #[test]
    fn a_page_that_loads_itself_is_no_visit() {
        let visits = Visits::default();
        visits.reloaded(7, seconds(10));
        assert!(visits.reloading(7, seconds(11)) && !visits.attended(7, seconds(11)));
        visits.navigated(7, seconds(12));
        visits.reloaded(7, seconds(13));
        assert!(visits.attended(7, seconds(14)) && !visits.reloading(7, seconds(14)));
    }

    #[test]
    fn those_who_share_a_place_are_taken_for_attended() {
        let visits = Visits::default();
        let other = 7 | 1 << 60;
        visits.navigated(other, seconds(10));
        assert!(visits.attended(7, seconds(10)));
        visits.reloaded(7 | 1 << 61, seconds(100));
        assert!(!visits.reloading(7, seconds(100)));
    }
}
