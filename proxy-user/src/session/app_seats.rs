//! An app's seats (`max_sessions`) as handshakes, navigations and waiting pages share them.
//!
//! `core::seat_queue` decides.

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
    /// Something has changed for those who wait.
    changed: watch::Sender<()>,
}

/// A seat taken by a session, given back when this is dropped.
#[derive(Debug)]
pub struct AppSeat(Box<(Arc<AppSeats>, Browser)>);

/// The place of a page that listens, given up when this is dropped.
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

    /// Changes how many there are. Whoever has a seat keeps it.
    pub(super) fn set_limit(&self, limit: usize, now: Nanos) {
        self.with(|queue| queue.set_limit(bound(limit), now));
    }

    /// Takes a seat for a session of this browser, or `None` when there is none for it.
    #[must_use]
    pub fn take(self: &Arc<Self>, browser: Browser, now: Nanos) -> Option<AppSeat> {
        let taken = self.with(|queue| queue.take(browser, now));
        taken.then(|| AppSeat(Box::new((Arc::clone(self), browser))))
    }

    /// Somebody opens the app.
    ///
    /// # Errors
    /// All seats are taken; the value is how many wait ahead of this browser.
    pub fn enter(&self, browser: Browser, now: Nanos) -> Result<(), usize> {
        self.with(|queue| queue.enter(browser, now))
    }

    /// A page listens from now on; `None` = it need not, as it can come in.
    #[must_use]
    pub fn listen(self: &Arc<Self>, browser: Browser, now: Nanos) -> Option<QueuePlace> {
        match self.with(|queue| queue.listen(browser, now)) {
            Turn::Enter => None,
            Turn::Wait(id, _) => Some(QueuePlace { seats: Arc::clone(self), id }),
        }
    }

    /// A page asks how many wait before it; `None` = it can come in.
    #[must_use]
    pub fn ask(&self, browser: Browser, now: Nanos) -> Option<usize> {
        ahead(self.with(|queue| queue.ask(browser, now)))
    }

    /// Somebody who does not wait asks how many wait; `None` = there is a free seat.
    #[must_use]
    pub fn look(&self, browser: Browser, now: Nanos) -> Option<usize> {
        self.with(|queue| queue.look(browser, now))
    }

    /// To be called once a second.
    pub fn pass(&self, now: Nanos) {
        self.with(|queue| queue.pass(now));
    }

    /// For those who wait.
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
        let (seats, browser) = &*self.0;
        seats.with(|queue| queue.release(*browser, clock::now()));
    }
}

impl QueuePlace {
    /// How many wait before it; `None` = its turn has come.
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
