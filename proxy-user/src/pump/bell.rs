//! How a session's pump is called by others: each session has a bell, and the thread that runs it
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
pub(super) struct Desk {
    waiting: Mutex<Waiting>,
    alarm: Waker,
}

/// A session and its bell.
pub(super) type Arrival = (Arc<Bell>, Box<dyn Turns>);

/// Sessions that have arrived, and bells that were rung.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) arrived: Vec<Arrival>,
    pub(super) rung: Vec<Arc<Bell>>,
}

#[derive(Debug, Default)]
struct Waiting {
    left: Left,
    /// The thread is to end.
    stopped: bool,
    /// It has been woken and has not come yet.
    called: bool,
    /// Places that no bell has, of those below `places`.
    free: Vec<u32>,
    places: u32,
}

/// Calls one session's pump: a [`std::task::Waker`] is made of it.
#[derive(Debug)]
pub struct Bell {
    /// Where the session is among those of its thread. No other bell has it while this one exists.
    place: u32,
    /// Rung and not yet heard.
    rung: AtomicBool,
    desk: Arc<Desk>,
}

impl Desk {
    /// A desk whose thread polls `registry`, and hears of it under `token`.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Desk> {
        let alarm = Waker::new(registry, token)?;
        Ok(Desk { waiting: Mutex::default(), alarm })
    }

    /// A bell for another session.
    pub(super) fn bell(self: &Arc<Self>) -> Arc<Bell> {
        let mut waiting = self.waiting();
        let place = waiting.free.pop().unwrap_or_else(|| {
            waiting.places += 1;
            waiting.places - 1
        });
        Arc::new(Bell { place, rung: AtomicBool::new(false), desk: Arc::clone(self) })
    }

    /// How many bells are out: one for each session, until nobody looks at it any more.
    pub(super) fn bells(&self) -> usize {
        let waiting = self.waiting();
        waiting.places as usize - waiting.free.len()
    }

    /// Leaves a session for the thread, which is not woken for it. True = it is the first that waits, and
    /// whoever left it owes a [`Desk::call`].
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
    pub(super) fn take(&self, taken: &mut Left) -> bool {
        let mut waiting = self.waiting();
        std::mem::swap(&mut waiting.left, taken);
        waiting.called = false;
        waiting.stopped
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}

impl Bell {
    /// Where its session is.
    pub(super) fn place(&self) -> u32 {
        self.place
    }

    /// It has been heard: what is rung from now on is heard again.
    pub(super) fn heard(&self) {
        // What was done before it was rung last is seen from here on.
        self.rung.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.desk.waiting().left.rung.push(Arc::clone(self));
            self.desk.call();
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut waiting = self.desk.waiting();
        waiting.free.push(self.place);
        if waiting.free.len() == waiting.places as usize {
            // From the lowest place on, so that few sessions need room for few.
            (waiting.free, waiting.places) = (Vec::new(), 0);
        }
    }
}
