//! An app's seats (`max_sessions`), shared by handshakes, navigations and waiting pages.
//!
//! `core::seat_queue` decides who gets them; this module adds the lock and the notifications.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::clock;
use crate::core::seat_queue::{Browser, PlaceId, SeatQueue, Turn};
use crate::core::time::Nanos;

/// The seats of one app.
#[derive(Debug)]
pub struct AppSeats {
    queue: Mutex<SeatQueue>,
    /// Notified when the queue changes.
    changed: watch::Sender<()>,
}

/// A session's seat, released on drop.
#[derive(Debug)]
pub struct AppSeat {
    seats: Arc<AppSeats>,
    /// The number of its browser. As bytes, because sessions keep it and a `u128` would be aligned.
    browser: [u8; 16],
}

/// The place of a page that listens for events. The page leaves the queue on drop.
#[derive(Debug)]
pub struct QueuePlace {
    seats: Arc<AppSeats>,
    id: PlaceId,
}

impl AppSeats {
    /// `limit` seats; 0 = no limit.
    pub(super) fn new(limit: usize) -> Arc<AppSeats> {
        let queue = Mutex::new(SeatQueue::new(bound(limit)));
        Arc::new(AppSeats { queue, changed: watch::Sender::new(()) })
    }

    /// Changes the number of seats. Open sessions keep theirs.
    pub(super) fn set_limit(&self, limit: usize, now: Nanos) {
        self.with(|queue| queue.set_limit(bound(limit), now));
    }

    /// Takes a seat for a session of this browser. `None`: no seat is free or reserved for it.
    #[must_use]
    pub fn take(self: &Arc<Self>, browser: Browser, now: Nanos) -> Option<AppSeat> {
        let taken = self.with(|queue| queue.take(browser, now));
        taken.then(|| AppSeat { seats: Arc::clone(self), browser: browser.0.to_ne_bytes() })
    }

    /// Lets a browser open the app.
    ///
    /// # Errors
    /// All seats are taken; the value is the number of people ahead of this browser.
    pub fn enter(&self, browser: Browser, now: Nanos) -> Result<(), usize> {
        self.with(|queue| queue.enter(browser, now))
    }

    /// Puts a page that listens for events into the queue. `None`: it can open the app now.
    #[must_use]
    pub fn listen(self: &Arc<Self>, browser: Browser, now: Nanos) -> Option<QueuePlace> {
        match self.with(|queue| queue.listen(browser, now)) {
            Turn::Enter => None,
            Turn::Wait(id, _) => Some(QueuePlace { seats: Arc::clone(self), id }),
        }
    }

    /// Puts a page that polls into the queue, and returns how many people are ahead of it. `None`: it can open the
    /// app now.
    #[must_use]
    pub fn ask(&self, browser: Browser, now: Nanos) -> Option<usize> {
        ahead(self.with(|queue| queue.ask(browser, now)))
    }

    /// How many people are ahead of a browser, without putting it into the queue. `None`: it can open the app now.
    #[must_use]
    pub fn look(&self, browser: Browser, now: Nanos) -> Option<usize> {
        self.with(|queue| queue.look(browser, now))
    }

    /// Expires reservations and places. Call once a second.
    pub fn pass(&self, now: Nanos) {
        self.with(|queue| queue.pass(now));
    }

    /// A receiver that is notified when the queue changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn with<T>(&self, act: impl FnOnce(&mut SeatQueue) -> T) -> T {
        let mut queue = self.queue.lock();
        let before = queue.mark();
        let result = act(&mut queue);
        let has_changed = queue.mark() != before;
        drop(queue);
        if has_changed {
            self.changed.send_replace(());
        }
        result
    }
}

impl Drop for AppSeat {
    fn drop(&mut self) {
        let browser = Browser(u128::from_ne_bytes(self.browser));
        self.seats.with(|queue| queue.release(browser, clock::now()));
    }
}

impl QueuePlace {
    /// How many people are ahead of it. `None`: it is this page's turn.
    #[must_use]
    pub fn ahead(&self) -> Option<usize> {
        ahead(self.seats.queue.lock().turn(self.id))
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.seats.with(|queue| queue.leave(self.id, clock::now()));
    }
}

fn bound(limit: usize) -> Option<usize> {
    (limit > 0).then_some(limit)
}

fn ahead(turn: Turn) -> Option<usize> {
    match turn {
        Turn::Enter => None,
        Turn::Wait(_, ahead) => Some(ahead),
    }
}
