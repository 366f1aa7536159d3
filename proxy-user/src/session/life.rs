//! An app's lifecycle as requests, the sweep and metrics share it: the machine behind a lock, its state for
//! whoever waits, and what is to be done for whoever does it.
//!
//! `core::lifecycle` decides. Must not know drivers or requests.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::config::Upstream;
use crate::core::lifecycle::{Command, Facts, Failure, Lifecycle, LifecycleEvent, State};
use crate::core::time::Nanos;

/// One app's lifecycle.
#[derive(Debug)]
pub struct Life {
    /// `None` = the app has no driver, and always runs.
    machine: Mutex<Option<Lifecycle>>,
    /// It runs and is not about to be suspended, so that a request need not ask any further.
    runs: AtomicBool,
    /// For whoever waits.
    status: watch::Sender<Status>,
    /// Where the driver has it, if that is for the driver to say.
    upstream: ArcSwapOption<Upstream>,
}

/// What can be seen of a lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: Nanos,
    /// The newest failure, until it has run for a while.
    pub failure: Option<Failure>,
}

/// What came of an event.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The state before.
    pub(super) before: Status,
    /// And after.
    pub(super) after: Status,
    /// What is to be done.
    pub(super) command: Option<Command>,
}

impl Life {
    /// Of an app with a driver or without.
    pub(super) fn new(has_driver: bool, now: Nanos) -> Life {
        let always = Status { state: State::Running, since: now, failure: None };
        let life = Life {
            machine: Mutex::new(None),
            runs: AtomicBool::new(true),
            status: watch::Sender::new(always),
            upstream: ArcSwapOption::empty(),
        };
        life.configure(has_driver, now);
        life
    }

    /// The app has a driver from now on, or has none any more.
    pub(super) fn configure(&self, has_driver: bool, now: Nanos) {
        let mut machine = self.machine.lock();
        match (has_driver, machine.is_some()) {
            (true, false) => *machine = Some(Lifecycle::new(State::Suspended, now)),
            (false, true) => {
                *machine = None;
                self.upstream.store(None);
            }
            _ => return,
        }
        let state = machine.as_ref().map_or(State::Running, Lifecycle::state);
        self.publish(Status { state, since: now, failure: None });
    }

    /// Something has happened. `None` = the app has no driver, so that nothing comes of it.
    pub(super) fn on(&self, event: LifecycleEvent, facts: &Facts, now: Nanos) -> Option<Outcome> {
        let mut machine = self.machine.lock();
        let machine = machine.as_mut()?;
        let before = Status::of(machine);
        let command = machine.on(event, facts, now);
        let after = Status::of(machine);
        if after != before {
            self.publish(after.clone());
        }
        Some(Outcome { before, after, command })
    }

    /// When it will be suspended if it stays as the facts say; `None` = it will not.
    pub(super) fn suspends_at(&self, facts: &Facts) -> Option<Nanos> {
        self.machine.lock().as_ref().and_then(|machine| machine.suspends_at(facts))
    }

    /// Since when the app itself says that it is at work.
    pub(super) fn busy(&self) -> Option<Nanos> {
        self.machine.lock().as_ref().and_then(Lifecycle::busy)
    }

    /// Whether it has a driver.
    #[must_use]
    pub fn is_driven(&self) -> bool {
        self.machine.lock().is_some()
    }

    /// Whether it runs and is not about to be suspended. Whoever has noted activity before asking is
    /// seen by whoever decides on the suspension after this has become false.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.runs.load(SeqCst)
    }

    /// What can be seen of it now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// For whoever waits for it to change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Where the driver has it, if that is for the driver to say.
    #[must_use]
    pub fn upstream(&self) -> Option<std::sync::Arc<Upstream>> {
        self.upstream.load_full()
    }

    /// The driver has it there.
    pub fn set_upstream(&self, upstream: Option<Upstream>) {
        self.upstream.store(upstream.map(std::sync::Arc::new));
    }

    fn publish(&self, status: Status) {
        self.runs.store(status.state == State::Running, SeqCst);
        self.status.send_replace(status);
    }
}

impl Status {
    fn of(machine: &Lifecycle) -> Status {
        let failure = machine.failure().cloned();
        Status { state: machine.state(), since: machine.since(), failure }
    }

    /// How long it has been so.
    #[must_use]
    pub fn elapsed(&self, now: Nanos) -> Duration {
        now.since(self.since)
    }
}
