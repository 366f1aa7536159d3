//! An app's lifecycle as requests, the sweep and metrics share it: the state machine behind a lock, and its
//! state for tasks that wait.
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
    /// `None` = the app has no driver and is always running.
    machine: Mutex<Option<Lifecycle>>,
    /// It is running and not about to be suspended, so a request need not look any further.
    runs: AtomicBool,
    /// For tasks that wait for a change.
    status: watch::Sender<Status>,
    /// The app's address, if the driver determines it.
    upstream: ArcSwapOption<Upstream>,
}

/// The visible state of a lifecycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: Nanos,
    /// The last failure, kept until the app has run for a while.
    pub failure: Option<Failure>,
}

/// The result of an event.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The state before.
    pub(super) before: Status,
    /// And after.
    pub(super) after: Status,
    /// The command to execute.
    pub(super) command: Option<Command>,
}

impl Life {
    /// The lifecycle of an app with or without a driver.
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

    /// The app has gained or lost its driver.
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

    /// Handles an event. Without a driver events have no effect. `then` gets the outcome while the lock is
    /// held, so that outcomes come in order; it must not ask this lifecycle.
    pub(super) fn on(
        &self,
        event: LifecycleEvent,
        facts: &Facts,
        now: Nanos,
        then: impl FnOnce(Outcome),
    ) {
        let mut machine = self.machine.lock();
        let Some(machine) = machine.as_mut() else { return };
        let before = Status::of(machine);
        let command = machine.on(event, facts, now);
        let after = Status::of(machine);
        if after != before {
            self.publish(after.clone());
        }
        then(Outcome { before, after, command });
    }

    /// When it will be suspended if the facts stay as they are; `None` = never.
    pub(super) fn suspends_at(&self, facts: &Facts) -> Option<Nanos> {
        self.machine.lock().as_ref().and_then(|machine| machine.suspends_at(facts))
    }

    /// Since when the app itself has reported that it is at work.
    pub(super) fn busy(&self) -> Option<Nanos> {
        self.machine.lock().as_ref().and_then(Lifecycle::busy)
    }

    /// From when its idleness counts, if nobody has used it since.
    #[must_use]
    pub fn floor(&self) -> Option<Nanos> {
        self.machine.lock().as_ref().map(Lifecycle::floor)
    }

    /// It runs already: another process has handed it over, with its idle clock.
    pub fn resume(&self, floor: Nanos, now: Nanos) {
        let mut machine = self.machine.lock();
        if let Some(machine) = machine.as_mut() {
            machine.resume(floor, now);
            self.publish(Status::of(machine));
        }
    }

    /// Whether it has a driver.
    #[must_use]
    pub fn is_driven(&self) -> bool {
        self.machine.lock().is_some()
    }

    /// Whether it is running and not about to be suspended. Activity that was recorded before a call that
    /// returned true is visible to the decision to suspend, which first makes this false.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.runs.load(SeqCst)
    }

    /// The current status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// A receiver that is notified of changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The app's address, if the driver determines it.
    #[must_use]
    pub fn upstream(&self) -> Option<std::sync::Arc<Upstream>> {
        self.upstream.load_full()
    }

    /// Sets the address that the driver reported.
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

    /// How long this state has lasted.
    #[must_use]
    pub fn elapsed(&self, now: Nanos) -> Duration {
        now.since(self.since)
    }
}
