//! How a session's pump is called by others: each session has a waker, and the thread that runs it
//! hears all of its sessions'.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use mio::{Registry, Token, Waker};
use parking_lot::{Mutex, MutexGuard};

use super::thread::Turns;

/// What waits for a thread.
#[derive(Debug)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    alarm: Waker,
}

/// A session and its waker.
pub(super) type Arrival = (Arc<SessionWaker>, Box<dyn Turns>);

/// Sessions that have arrived, and wakers that were woken.
#[derive(Debug, Default)]
pub(super) struct Mail {
    pub(super) arrived: Vec<Arrival>,
    pub(super) woken: Vec<Arc<SessionWaker>>,
}

#[derive(Debug, Default)]
struct Waiting {
    left: Mail,
    /// The thread is to end.
    stopped: bool,
    /// It has been woken and has not come yet.
    called: bool,
    /// Places that no waker has, of those below `places`.
    free: Vec<u32>,
    places: u32,
}

/// Calls one session's pump: a [`std::task::Waker`] is made of it.
#[derive(Debug)]
pub struct SessionWaker {
    /// Where the session is among those of its thread. No other waker has it while this one exists.
    place: u32,
    /// Rung and not yet heard.
    woken: AtomicBool,
    mailbox: Arc<Mailbox>,
}

impl Mailbox {
    /// A mailbox whose thread polls `registry`, and hears of it under `token`.
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

    /// How many wakers are out: one for each session, until nobody looks at it any more.
    pub(super) fn wakers(&self) -> usize {
        let waiting = self.waiting();
        waiting.places as usize - waiting.free.len()
    }

    /// Leaves a session for the thread, which is not woken for it. True = it is the first that waits, and
    /// whoever left it owes a [`Mailbox::call`].
    pub(super) fn arrive(&self, arrival: Arrival) -> bool {
        let mut waiting = self.waiting();
        waiting.left.arrived.push(arrival);
        waiting.left.arrived.len() == 1 && !waiting.called
    }

    /// Tells the thread to end.
    pub(super) fn stop(&self) {
        self.waiting().stopped = true;
        self.call();
    }

    /// Wakes the thread, unless it is on its way.
    pub(super) fn call(&self) {
        let on_its_way = std::mem::replace(&mut self.waiting().called, true);
        if !on_its_way && let Err(error) = self.alarm.wake() {
            tracing::error!(%error, "cannot wake a pump's thread");
        }
    }

    /// Takes what was left, in exchange for empty lists. True = the thread is to end.
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
    /// Where its session is.
    pub(super) fn place(&self) -> u32 {
        self.place
    }

    /// It has been heard: what is woken from now on is heard again.
    pub(super) fn heard(&self) {
        // What was done before it was woken last is seen from here on.
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
            // From the lowest place on, so that few sessions need room for few.
            (waiting.free, waiting.places) = (Vec::new(), 0);
        }
    }
}
