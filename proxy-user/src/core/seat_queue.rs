//! Who gets an app's seats when all are taken: whoever has waited longest.
//!
//! A seat belongs to a session. A page that waits has a place in the queue for as long as it listens, or asks
//! now and then. A seat that becomes free is kept for the first of them for a while: its page opens the app,
//! and the app's page opens a session. Nobody who comes later can take a seat that is kept.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::Nanos;

/// How long a seat is kept for a page whose turn has come, until it opens the app.
pub const OFFER: Duration = Duration::from_secs(10);
/// How long it is kept from then on, until the app's page opens its session.
pub const OPENING: Duration = Duration::from_secs(30);
/// How long a page that asks now and then may take until it asks again.
pub const ASKING: Duration = Duration::from_secs(15);
/// How long a page that listened may be gone, and find its place again. Meanwhile others are let in first.
pub const GRACE: Duration = Duration::from_secs(10);

/// Places in the queue from which on a page that only asks gets none. Those that listen are bounded by whoever
/// gives them their streams.
pub const MAX_PLACES: usize = 2000;

/// A browser: by the cookie that it was given, else by what tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Browser(pub u128);

/// One page's place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaceId(u64);

/// What becomes of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A seat is kept for it, or there is no limit.
    Enter,
    /// It has this place, and so many before it.
    Wait(PlaceId, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    /// It listens.
    Listens,
    /// It asks now and then, and is counted as there until then.
    Asks(Nanos),
    /// It listened, and can come back until then.
    Gone(Nanos),
}

#[derive(Clone, Copy, Debug)]
struct Place {
    id: PlaceId,
    browser: Browser,
    presence: Presence,
}

impl Place {
    /// It would come if it were told to.
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

/// The seats of one app, and who waits for one. Call [`SeatQueue::pass`] once a second.
#[derive(Debug)]
pub struct SeatQueue {
    /// `None` = no limit.
    limit: Option<usize>,
    taken: usize,
    /// Seats that are kept, for whom and until when.
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

    /// Changes how many there are. Whoever has a seat keeps it.
    pub fn set_limit(&mut self, limit: Option<usize>, now: Nanos) {
        self.limit = limit;
        self.pass(now);
    }

    /// A page begins to listen, or listens again.
    pub fn listen(&mut self, browser: Browser, now: Nanos) -> Turn {
        let back = |place: &Place| !matches!(place.presence, Presence::Listens);
        self.arrive(browser, Presence::Listens, back, now)
    }

    /// A page asks whether its turn has come.
    pub fn ask(&mut self, browser: Browser, now: Nanos) -> Turn {
        let back = |place: &Place| !matches!(place.presence, Presence::Listens);
        let is_known = self.places.iter().any(|place| place.browser == browser && back(place));
        if self.places.len() >= MAX_PLACES && !is_known {
            self.pass(now);
            // It comes after all others, if there is room for it when it asks again.
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

    /// Whether the turn of this place has come.
    #[must_use]
    pub fn turn(&self, id: PlaceId) -> Turn {
        let at = self.places.iter().position(|place| place.id == id);
        at.map_or(Turn::Enter, |at| Turn::Wait(id, self.ahead(at)))
    }

    /// How many are there who come before this one.
    fn ahead(&self, at: usize) -> usize {
        self.places.iter().take(at).filter(|place| place.is_there()).count()
    }

    /// A page listens no longer.
    pub fn leave(&mut self, id: PlaceId, now: Nanos) {
        if let Some(place) = self.places.iter_mut().find(|place| place.id == id) {
            place.presence = Presence::Gone(now + GRACE);
        }
    }

    /// Somebody opens the app. `Err`: all seats are taken, and so many wait before them.
    ///
    /// # Errors
    /// All seats are taken or kept for others.
    pub fn enter(&mut self, browser: Browser, now: Nanos) -> Result<(), usize> {
        self.pass(now);
        if let Some((_, until)) = self.kept.iter_mut().find(|(kept, _)| *kept == browser) {
            *until = now + OPENING;
            return Ok(());
        }
        self.look(browser, now).map_or(Ok(()), Err)
    }

    /// How many wait before a browser that would come now; `None` = it could come in. It gets no place by this.
    pub fn look(&mut self, browser: Browser, now: Nanos) -> Option<usize> {
        self.pass(now);
        if self.free() > 0 || self.kept.iter().any(|(kept, _)| *kept == browser) {
            return None;
        }
        let known = self.places.iter().position(|place| place.browser == browser);
        Some(self.ahead(known.unwrap_or(self.places.len())))
    }

    /// Takes a seat for a session; false = none is free for this browser.
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

    /// A session of this browser is over. Where the browser itself waits, it gets the seat back: somebody
    /// has loaded the page again.
    pub fn release(&mut self, browser: Browser, now: Nanos) {
        self.taken = self.taken.saturating_sub(1);
        self.drop_overdue(now);
        if self.free() > 0 {
            let own = |place: &Place| place.browser == browser && place.is_there();
            self.offer(own, now);
        }
        self.settle(now);
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Nanos) {
        self.drop_overdue(now);
        self.settle(now);
    }

    /// Seats that are taken by sessions.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// What has changed for those who wait is seen by this having changed.
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

    /// Keeps what is free for those who wait, in their order.
    fn settle(&mut self, now: Nanos) {
        while self.free() > 0 && self.offer(Place::is_there, now) {}
        if self.limit.is_none() {
            self.kept.clear();
        }
    }

    /// Keeps a seat for the first that fits; false = there is none.
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
