//! The queue for an app's seats: first come, first served.
//!
//! A seat belongs to a session. A waiting page keeps its place in the queue as long as it listens for events or
//! polls. A seat that becomes free is reserved for the first in the queue for a while: until its page opens the
//! app, and then until the app's page opens a session. Nobody else can take a reserved seat.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::Nanos;

/// How long a seat is reserved for a page whose turn it is, until it opens the app.
pub const OFFER: Duration = Duration::from_secs(10);
/// How long it is reserved from then on, until the app's page opens its session.
pub const OPENING: Duration = Duration::from_secs(30);
/// The longest time between two polls of a page that keeps its place by polling.
pub const ASKING: Duration = Duration::from_secs(15);
/// How long a page may be disconnected before it loses its place. Meanwhile others are served first.
pub const GRACE: Duration = Duration::from_secs(10);

/// When the queue is this long, pages that poll get no place in it. The number of pages that listen is limited by
/// the number of streams.
pub const MAX_PLACES: usize = 2000;

/// A browser, identified by its cookie, or by its address and `User-Agent` if it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Browser(pub u128);

/// One page's place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaceId(u64);

/// What a page may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Open the app: a seat is reserved for it, or there is no limit.
    Enter,
    /// Wait: it has this place, and this many people are ahead.
    Wait(PlaceId, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// It listens for events.
    Listens,
    /// It polls, and counts as present until this time.
    Asks(Nanos),
    /// Its event stream has ended, and it can reconnect until this time.
    Gone(Nanos),
}

#[derive(Clone, Copy, Debug)]
struct Place {
    id: PlaceId,
    browser: Browser,
    presence: Presence,
}

impl Place {
    /// Whether it would open the app if it were its turn.
    fn is_there(&self) -> bool {
        !matches!(self.presence, Presence::Gone(_))
    }

    fn is_over(&self, now: Nanos) -> bool {
        match self.presence {
            Presence::Listens => false,
            Presence::Asks(until) | Presence::Gone(until) => until <= now,
        }
    }
}

/// The seats of one app and the queue for them. Call [`SeatQueue::pass`] once a second.
#[derive(Debug)]
pub struct SeatQueue {
    /// `None` = no limit.
    limit: Option<usize>,
    taken: usize,
    /// Reserved seats: for whom and until when.
    kept: Vec<(Browser, Nanos)>,
    places: VecDeque<Place>,
    next: u64,
}

impl SeatQueue {
    /// `limit` seats; `None` = no limit.
    #[must_use]
    pub fn new(limit: Option<usize>) -> SeatQueue {
        SeatQueue { limit, taken: 0, kept: Vec::new(), places: VecDeque::new(), next: 0 }
    }

    /// Changes the number of seats. Open sessions keep theirs.
    pub fn set_limit(&mut self, limit: Option<usize>, now: Nanos) {
        self.limit = limit;
        self.pass(now);
    }

    /// A page opens its event stream, for the first time or again.
    pub fn listen(&mut self, browser: Browser, now: Nanos) -> Turn {
        let back = |place: &Place| !matches!(place.presence, Presence::Listens);
        self.arrive(browser, Presence::Listens, back, now)
    }

    /// A page polls.
    pub fn ask(&mut self, browser: Browser, now: Nanos) -> Turn {
        let back = |place: &Place| !matches!(place.presence, Presence::Listens);
        let is_known = self.places.iter().any(|place| place.browser == browser && back(place));
        if self.places.len() >= MAX_PLACES && !is_known {
            self.pass(now);
            // It gets the last place if there is room for it at its next poll.
            return Turn::Wait(PlaceId(self.next), self.ahead(self.places.len()));
        }
        self.arrive(browser, Presence::Asks(now + ASKING), back, now)
    }

    fn arrive(
        &mut self,
        browser: Browser,
        presence: Presence,
        back: impl Fn(&Place) -> bool,
        now: Nanos,
    ) -> Turn {
        self.pass(now);
        if self.limit.is_none() || self.kept.iter().any(|(kept, _)| *kept == browser) {
            return Turn::Enter;
        }
        let known = self.places.iter_mut().find(|place| place.browser == browser && back(place));
        let id = match known {
            Some(place) => {
                place.presence = presence;
                place.id
            }
            None => {
                let id = PlaceId(self.next);
                self.next += 1;
                self.places.push_back(Place { id, browser, presence });
                id
            }
        };
        self.settle(now);
        self.turn(id)
    }

    /// Whether it is this place's turn.
    #[must_use]
    pub fn turn(&self, id: PlaceId) -> Turn {
        let at = self.places.iter().position(|place| place.id == id);
        at.map_or(Turn::Enter, |at| Turn::Wait(id, self.ahead(at)))
    }

    /// How many pages ahead of this one are present.
    fn ahead(&self, at: usize) -> usize {
        self.places.iter().take(at).filter(|place| place.is_there()).count()
    }

    /// A page's event stream has ended.
    pub fn leave(&mut self, id: PlaceId, now: Nanos) {
        if let Some(place) = self.places.iter_mut().find(|place| place.id == id) {
            place.presence = Presence::Gone(now + GRACE);
        }
    }

    /// A browser opens the app. `Err`: the number of people ahead of it.
    ///
    /// # Errors
    /// All seats are taken or reserved for others.
    pub fn enter(&mut self, browser: Browser, now: Nanos) -> Result<(), usize> {
        self.pass(now);
        if let Some((_, until)) = self.kept.iter_mut().find(|(kept, _)| *kept == browser) {
            *until = now + OPENING;
            return Ok(());
        }
        self.look(browser, now).map_or(Ok(()), Err)
    }

    /// How many people are ahead of a browser, without giving it a place. `None`: it can open the app now.
    pub fn look(&mut self, browser: Browser, now: Nanos) -> Option<usize> {
        self.pass(now);
        if self.free() > 0 || self.kept.iter().any(|(kept, _)| *kept == browser) {
            return None;
        }
        let known = self.places.iter().position(|place| place.browser == browser);
        Some(self.ahead(known.unwrap_or(self.places.len())))
    }

    /// Takes a seat for a session. False: no seat is free or reserved for this browser.
    #[must_use]
    pub fn take(&mut self, browser: Browser, now: Nanos) -> bool {
        self.pass(now);
        if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == browser) {
            self.kept.swap_remove(at);
        } else if self.free() == 0 {
            return false;
        }
        self.taken += 1;
        true
    }

    /// A session of this browser has ended. If the same browser waits, it gets the seat back: somebody has
    /// reloaded the page.
    pub fn release(&mut self, browser: Browser, now: Nanos) {
        self.taken = self.taken.saturating_sub(1);
        self.drop_overdue(now);
        if self.free() > 0 {
            let own = |place: &Place| place.browser == browser && place.is_there();
            self.offer(own, now);
        }
        self.settle(now);
    }

    /// Expires reservations and places.
    pub fn pass(&mut self, now: Nanos) {
        self.drop_overdue(now);
        self.settle(now);
    }

    /// The number of seats taken by sessions.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Changes whenever something changes for the pages in the queue.
    #[must_use]
    pub fn mark(&self) -> (Option<PlaceId>, usize, usize) {
        let last = self.places.back().map(|place| place.id);
        (last, self.places.len(), self.ahead(self.places.len()))
    }

    fn free(&self) -> usize {
        self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.taken + self.kept.len()))
    }

    fn drop_overdue(&mut self, now: Nanos) {
        self.kept.retain(|(_, until)| *until > now);
        self.places.retain(|place| !place.is_over(now));
    }

    /// Reserves free seats for those in the queue, in its order.
    fn settle(&mut self, now: Nanos) {
        while self.free() > 0 && self.offer(Place::is_there, now) {}
        if self.limit.is_none() {
            self.kept.clear();
        }
    }

    /// Reserves a seat for the first page that fits. False: there is none.
    fn offer(&mut self, fits: impl Fn(&Place) -> bool, now: Nanos) -> bool {
        let at = self.places.iter().position(fits);
        let place = at.and_then(|at| self.places.remove(at));
        let Some(place) = place else { return false };
        self.kept.push((place.browser, now + OFFER));
        true
    }
}

#[cfg(test)]
#[path = "seat_queue_tests.rs"]
mod tests;
