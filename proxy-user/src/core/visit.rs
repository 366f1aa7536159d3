//! Who has come to a page lately, so that a connection that a page re-opens by itself is not taken for a
//! visit.
//!
//! A fixed table: clients that share a slot are taken for attended, never for absent. Mistaking a first
//! connection for a re-opened one does no harm: the navigation before it has already counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::time::Nanos;

/// For how long everything that the page opens belongs to a navigation.
pub const VISIT: Duration = Duration::from_secs(30);
/// How long a page may take to load its parts, and to open each of its connections for the first time.
const LOADING: Duration = Duration::from_secs(90);

/// Slots in the table; a power of two.
const PLACES: usize = 4096;
/// The table's unit of time in nanoseconds, as a power of two: about a second.
const STEP: u32 = 30;

/// When clients last navigated. A client is a number that the caller derives from what tells browsers apart.
#[derive(Debug)]
pub struct Visits {
    places: Box<[AtomicU64]>,
    /// When clients last re-opened a connection by themselves: steps (32 bits), then 32 bits of the client.
    back: Box<[AtomicU64]>,
}

/// The contents of a slot: the time in steps (32 bits), whether the page reloaded itself (1 bit), some bits
/// of the client (15), and which connections it has opened since (16, hashed by path).
#[derive(Clone, Copy)]
struct LastVisit(u64);

/// The bit for a path. Paths that share a bit with an earlier one count as opened before.
fn bit(path: &str) -> u64 {
    // FNV-1a: draft-eastlake-fnv.
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = path.bytes().fold(0x811c_9dc5, step);
    1 << (hash >> 28)
}

impl LastVisit {
    fn new(client: u64, now: Nanos, reload: bool) -> LastVisit {
        // Never 0, which means an empty slot; 2^32 steps are 146 years.
        let steps = ((now.0 >> STEP) + 1) << 32;
        LastVisit(steps | u64::from(reload) << 31 | client >> 49 << 16)
    }

    /// Whether it was less than `span` ago.
    fn within(self, span: Duration, now: Nanos) -> bool {
        let then = Nanos((self.0 >> 32) << STEP);
        self.0 != 0 && then + span > now
    }

    fn reload(self) -> bool {
        self.0 >> 31 & 1 == 1
    }

    fn is_of(self, client: u64) -> bool {
        self.0 >> 16 & 0x7fff == client >> 49
    }
}

impl Default for Visits {
    fn default() -> Visits {
        let empty = || (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Visits { places: empty(), back: empty() }
    }
}

impl Visits {
    /// Somebody came to a page.
    pub fn navigated(&self, client: u64, now: Nanos) {
        self.place(client).store(LastVisit::new(client, now, false).0, Relaxed);
    }

    /// A page reloaded itself. This is not a visit, and does not end one.
    pub fn reloaded(&self, client: u64, now: Nanos) {
        if self.reloads_unattended(client, now) {
            self.place(client).store(LastVisit::new(client, now, true).0, Relaxed);
        }
    }

    /// Whether nobody is there when a page reloads itself now.
    #[must_use]
    pub fn reloads_unattended(&self, client: u64, now: Nanos) -> bool {
        let place = self.look(client);
        place.reload() || !place.within(VISIT, now)
    }

    /// Whether a connection for this path is part of a visit: less than [`VISIT`] ago, or a little longer if
    /// the page has not opened it before.
    #[must_use]
    pub fn attended(&self, client: u64, path: &str, now: Nanos) -> bool {
        let place = self.look(client);
        let first = place.within(LOADING, now) && place.0 & bit(path) == 0;
        (place.within(VISIT, now) || first) && !place.reload()
    }

    /// Whether a page probably re-opens this connection by itself, if nothing else is known about the page:
    /// nobody has come to it lately, and it has opened this connection since somebody did, or was already
    /// open before anything was seen of it.
    #[must_use]
    pub fn opens_again(&self, client: u64, path: &str, now: Nanos) -> bool {
        let place = self.look(client);
        let first = place.is_of(client) && place.0 & bit(path) == 0 && !place.reload();
        !self.attended(client, path, now) && !first
    }

    /// The page has opened a connection for this path.
    pub fn opened(&self, client: u64, path: &str) {
        self.place(client).fetch_or(bit(path), Relaxed);
    }

    /// A page has re-opened a connection by itself.
    pub fn came_back(&self, client: u64, now: Nanos) {
        let back = ((now.0 >> STEP) + 1) << 32 | client >> 32;
        self.back[index(client)].store(back, Relaxed);
    }

    /// How long ago a page re-opened a connection by itself, to within a second and rounded up; `None` if
    /// unknown, or if somebody has come to a page lately.
    #[must_use]
    pub fn since_back(&self, client: u64, now: Nanos) -> Option<Duration> {
        let back = self.back[index(client)].load(Relaxed);
        let visited = self.look(client);
        if back >> 32 == 0 || back & 0xffff_ffff != client >> 32 {
            return None;
        }
        let attended = visited.within(VISIT, now) && !visited.reload();
        (!attended).then(|| now.since(Nanos(((back >> 32) - 1) << STEP)))
    }

    /// Whether a page has reloaded itself lately with nobody there.
    #[must_use]
    pub fn reloading(&self, client: u64, now: Nanos) -> bool {
        let place = self.look(client);
        place.within(LOADING, now) && place.reload() && place.is_of(client)
    }

    fn look(&self, client: u64) -> LastVisit {
        LastVisit(self.place(client).load(Relaxed))
    }

    fn place(&self, client: u64) -> &AtomicU64 {
        &self.places[index(client)]
    }
}

/// A client's slot in the table.
fn index(client: u64) -> usize {
    #[allow(clippy::cast_possible_truncation, reason = "reduced to the table's size first")]
    let index = (client % PLACES as u64) as usize;
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Nanos {
        Nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_visit_lasts_half_a_minute_and_first_connections_longer() {
        let visits = Visits::default();
        assert!(!visits.attended(7, "/ws", seconds(0)));
        visits.navigated(7, seconds(10));
        assert!(visits.attended(7, "/ws", seconds(10)) && visits.attended(7, "/ws", seconds(90)));
        assert!(!visits.attended(7, "/ws", seconds(110)));
        assert!(!visits.attended(8, "/ws", seconds(10)), "somebody else");
        visits.opened(7, "/ws");
        assert!(visits.attended(7, "/ws", seconds(38)), "the page may be loaded again");
        assert!(!visits.attended(7, "/ws", seconds(45)), "it comes back by itself");
        assert!(visits.attended(7, "/other", seconds(45)));
        visits.navigated(7, seconds(50));
        assert!(visits.attended(7, "/ws", seconds(88)));
    }

    #[test]
    fn a_connection_is_opened_again_by_whoever_has_opened_it() {
        let visits = Visits::default();
        let again = |path, now| visits.opens_again(7 << 49, path, seconds(now));
        assert!(again("/ws", 5), "a tab from before");
        visits.navigated(7 << 49, seconds(10));
        assert!(!again("/ws", 15) && !again("/ws", 300), "somebody presses a button");
        visits.opened(7 << 49, "/ws");
        assert!(!again("/ws", 15) && again("/ws", 300) && !again("/other", 300));
        visits.reloaded(7 << 49, seconds(400));
        assert!(again("/other", 401));
    }

    #[test]
    fn a_page_that_loads_itself_is_no_visit() {
        let visits = Visits::default();
        visits.reloaded(7, seconds(10));
        assert!(visits.reloading(7, seconds(11)) && !visits.attended(7, "/", seconds(11)));
        visits.navigated(7, seconds(12));
        visits.reloaded(7, seconds(13));
        assert!(visits.attended(7, "/", seconds(14)) && !visits.reloading(7, seconds(14)));
    }

    #[test]
    fn a_page_that_came_back_is_known_until_somebody_comes() {
        let visits = Visits::default();
        assert_eq!(visits.since_back(7, seconds(100)), None);
        visits.navigated(7, seconds(10));
        visits.came_back(7, seconds(100));
        let since = visits.since_back(7, seconds(103)).map(|since| since.as_secs());
        assert!(since.is_some_and(|since| (3..=4).contains(&since)), "{since:?}");
        let shares = 7 | 1 << 40;
        assert_eq!(visits.since_back(shares, seconds(103)), None, "somebody else");
        visits.reloaded(7, seconds(104));
        assert!(visits.since_back(7, seconds(105)).is_some());
        visits.navigated(7, seconds(106));
        assert_eq!(visits.since_back(7, seconds(107)), None);
    }

    #[test]
    fn those_who_share_a_place_are_taken_for_attended() {
        let visits = Visits::default();
        let other = 7 | 1 << 60;
        visits.navigated(other, seconds(10));
        assert!(visits.attended(7, "/", seconds(10)));
        visits.reloaded(7 | 1 << 61, seconds(200));
        assert!(!visits.reloading(7, seconds(200)));
    }
}
