//! How other threads wake a session's pump: each session has a waker, and all wakers of a thread share its
//! mailbox.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use mio::{Registry, Token, Waker};
use parking_lot::{Mutex, MutexGuard};

use super::thread::Turns;

/// New sessions and woken wakers, waiting for a thread.
#[derive(Debug)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    alarm: Waker,
}

/// A session and its waker.
pub(super) type Arrival = (Arc<SessionWaker>, Box<dyn Turns>);

/// The contents of a mailbox: sessions handed over, and wakers that were woken.
#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) arrived: Vec<Arrival>,
    pub(super) woken: Vec<Arc<SessionWaker>>,
}

#[derive(Debug, Default)]
struct Waiting {
    left: Mail,
    /// The thread is to exit.
    stopped: bool,
    /// The thread has been woken and has not emptied the mailbox yet.
    called: bool,
    /// Free places below `places`.
    free: Vec<u32>,
    places: u32,
}

/// Wakes the pump of one session; can be turned into a [`std::task::Waker`].
#[derive(Debug)]
pub struct SessionWaker {
    /// The session's slot in its thread. No other waker has the same place while this one exists.
    place: u32,
    /// Woken, but the thread has not handled it yet.
    woken: AtomicBool,
    mailbox: Arc<Mailbox>,
}

impl Mailbox {
    /// The mailbox of the thread that polls `registry`; it is woken with an event under `token`.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Mailbox> {
        let alarm = Waker::new(registry, token)?;
        Ok(Mailbox { waiting: Mutex::default(), alarm })
    }

    /// A waker for another session.
    pub(super) fn waker(self: &Arc<Self>) -> Arc<SessionWaker> {
        let mut waiting = self.waiting();
        let place = waiting.free.pop().unwrap_or_else(|| {
            waiting.places += 1;
            waiting.places - 1
        });
        Arc::new(SessionWaker { place, woken: AtomicBool::new(false), mailbox: Arc::clone(self) })
    }

    /// How many wakers exist: one per session, until its last reference is dropped.
    pub(super) fn wakers(&self) -> usize {
        let waiting = self.waiting();
        waiting.places as usize - waiting.free.len()
    }

    /// Hands over a session without waking the thread. True = it is the first one waiting, and the caller
    /// must call [`Mailbox::call`].
    pub(super) fn arrive(&self, arrival: Arrival) -> bool {
        let mut waiting = self.waiting();
        waiting.left.arrived.push(arrival);
        waiting.left.arrived.len() == 1 && !waiting.called
    }

    /// Tells the thread to exit.
    pub(super) fn stop(&self) {
        self.waiting().stopped = true;
        self.call();
    }

    /// Wakes the thread, unless it has already been woken.
    pub(super) fn call(&self) {
        let on_its_way = std::mem::replace(&mut self.waiting().called, true);
        if !on_its_way && let Err(error) = self.alarm.wake() {
            tracing::error!(%error, "cannot wake a pump's thread");
        }
    }

    /// Takes the contents in exchange for empty lists. True = the thread is to exit.
    pub(super) fn take(&self, taken: &mut Mail) -> bool {
        let mut waiting = self.waiting();
        std::mem::swap(&mut waiting.left, taken);
        waiting.called = false;
        waiting.stopped
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}

impl SessionWaker {
    /// The slot of its session.
    pub(super) fn place(&self) -> u32 {
        self.place
    }

    /// The thread handles this wake-up: any later one is delivered again.
    pub(super) fn heard(&self) {
        // Acquire: sees everything that was done before the last wake-up.
        self.woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for SessionWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.mailbox.waiting().left.woken.push(Arc::clone(self));
            self.mailbox.call();
        }
    }
}

impl Drop for SessionWaker {
    fn drop(&mut self) {
        let mut waiting = self.mailbox.waiting();
        waiting.free.push(self.place);
        if waiting.free.len() == waiting.places as usize {
            // Start again from the lowest place, so that few sessions need few slots.
            (waiting.free, waiting.places) = (Vec::new(), 0);
        }
    }
}
