//! An app's lifecycle: running, suspended when nobody needs it, started again for the next person.
//!
//! Pass events to [`Lifecycle::on`], with the time and facts about the app, and carry out the command that it
//! returns, if any: start the app, check whether it can be suspended, end its sessions, or stop it. The result of a
//! command is reported by another event with the number of the attempt; late results of earlier attempts are
//! ignored. A start is cancelled when the state is no longer [`State::Starting`]. Send
//! [`LifecycleEvent::Tick`] once a second.
//!
//! The machine knows neither requests nor drivers, and keeps no list of waiters.

mod idle;
mod state;

use std::time::Duration;

pub use self::idle::{Facts, Work};
pub use self::state::{Command, Failure, LifecycleEvent, Observed, State, Step};
use super::time::Nanos;

/// The first pause after a failed start; each further one is twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two starts.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A person who opens the page of a failed app makes it start at once, but not more often than this.
pub const PERSON_PAUSE: Duration = Duration::from_secs(5);
/// An app that has run for this long is not in a crash loop: its next failure counts as the first.
pub const STABLE: Duration = Duration::from_secs(60);
/// How long after a failed stop to try again. Each further failure that has cost the app its sessions doubles it.
pub const STOP_PAUSE: Duration = Duration::from_secs(60);
/// The longest such pause.
pub const LONGEST_STOP_PAUSE: Duration = Duration::from_secs(3600);
/// How long to wait before asking an app again that reported being at work.
pub const PROBE_PAUSE: Duration = Duration::from_secs(60);
/// Work shorter than this leaves no result to fetch.
pub const SHORT_WORK: Duration = Duration::from_secs(5);
/// A longer time without any event means that the machine slept, so nobody could have been noticed.
pub const GAP: Duration = Duration::from_secs(10);

/// The lifecycle of one app. See the module's documentation for the order of calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lifecycle {
    state: State,
    /// Since when it is in this state.
    since: Nanos,
    /// The number of the last attempt to start, probe or stop it.
    attempt: u32,
    /// The earliest time from which idleness counts.
    floor: Nanos,
    /// Not suspended for idleness before this time.
    pause: Nanos,
    /// Since when the app has reported being at work.
    busy: Option<Nanos>,
    /// Failed starts in a row.
    failures: u32,
    /// Stops in a row that failed after its sessions were ended.
    failed_stops: u32,
    /// The newest failure, kept until it has run for [`STABLE`].
    failure: Option<Failure>,
    /// When the last event came.
    heard: Nanos,
}

impl Lifecycle {
    /// An app in this state.
    #[must_use]
    pub fn new(state: State, now: Nanos) -> Lifecycle {
        Lifecycle {
            state,
            since: now,
            attempt: 0,
            floor: now,
            pause: now,
            busy: None,
            failures: 0,
            failed_stops: 0,
            failure: None,
            heard: now,
        }
    }

    /// Continues with an app that is running and whose idleness counts from `floor` at the earliest.
    pub fn resume(&mut self, floor: Nanos, now: Nanos) {
        self.floor = floor.min(now);
        self.enter(State::Running, now);
    }

    /// The earliest time from which idleness counts.
    #[must_use]
    pub fn floor(&self) -> Nanos {
        self.floor
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when it is in this state.
    #[must_use]
    pub fn since(&self) -> Nanos {
        self.since
    }

    /// Why it last failed to start, or exited; `None` once it has run for [`STABLE`].
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Since when the app has reported being at work.
    #[must_use]
    pub fn busy(&self) -> Option<Nanos> {
        self.busy
    }

    /// When it will be suspended if the facts stay as they are; `None` = never.
    #[must_use]
    pub fn suspends_at(&self, facts: &Facts) -> Option<Nanos> {
        if self.state != State::Running {
            return None;
        }
        facts.suspends_at(self.floor).map(|at| at.max(self.pause))
    }

    /// Handles an event at `now`.
    pub fn on(&mut self, event: LifecycleEvent, facts: &Facts, now: Nanos) -> Option<Command> {
        self.bridge(facts, now);
        if matches!(event, LifecycleEvent::Wanted { .. } | LifecycleEvent::Wake) {
            self.floor = self.floor.max(now);
            self.busy = None;
        }
        match event {
            LifecycleEvent::Observed(observed) => return self.observed(observed, now),
            LifecycleEvent::Exited(reason) => return self.exited(reason, facts, now),
            LifecycleEvent::Replaced => return self.replaced(facts, now),
            _ => {}
        }
        match self.state {
            State::Running => self.running(event, facts, now),
            State::Suspending(step) => self.suspending(step, event, facts, now),
            State::Suspended => match event {
                LifecycleEvent::Wanted { .. } | LifecycleEvent::Wake => Some(self.start(now)),
                LifecycleEvent::Tick if facts.kept => Some(self.start(now)),
                _ => None,
            },
            State::Starting => self.starting(event, now),
            State::Failed { until, tried } => self.failed(until, tried, event, facts, now),
            State::Disabled => None,
        }
    }

    fn running(&mut self, event: LifecycleEvent, facts: &Facts, now: Nanos) -> Option<Command> {
        if now.since(self.since) >= STABLE {
            (self.failures, self.failure) = (0, None);
        }
        match event {
            LifecycleEvent::Tick if self.suspends_at(facts).is_some_and(|at| at <= now) => {
                Some(self.probe(false, now))
            }
            LifecycleEvent::Suspend => Some(self.probe(true, now)),
            _ => None,
        }
    }

    fn suspending(
        &mut self,
        step: Step,
        event: LifecycleEvent,
        facts: &Facts,
        now: Nanos,
    ) -> Option<Command> {
        let wanted = matches!(event, LifecycleEvent::Wanted { .. } | LifecycleEvent::Wake);
        match step {
            // The driver has not been told, so a request can still cancel the suspension.
            Step::Probing { .. } | Step::Closing { .. } if wanted => {
                self.enter(State::Running, now);
            }
            Step::Probing { asked } => match event {
                LifecycleEvent::StopFailed(attempt) if attempt == self.attempt => {
                    self.pause = now + STOP_PAUSE;
                    self.enter(State::Running, now);
                }
                LifecycleEvent::Busy(attempt) | LifecycleEvent::Idle(attempt)
                    if asked && attempt == self.attempt =>
                {
                    return Some(self.close(true, now));
                }
                LifecycleEvent::Busy(attempt) if attempt == self.attempt => {
                    let since = *self.busy.get_or_insert(now);
                    if now.since(since) >= facts.busy_limit && self.is_due(facts, now) {
                        return Some(self.close(false, now));
                    }
                    self.pause = now + PROBE_PAUSE;
                    self.enter(State::Running, now);
                }
                LifecycleEvent::Idle(attempt) if attempt == self.attempt => {
                    let busy = self.busy.take();
                    if busy.is_some_and(|since| now.since(since) >= SHORT_WORK) {
                        // The result of its work can still be fetched.
                        self.floor = self.floor.max(now);
                    }
                    if self.is_due(facts, now) {
                        return Some(self.close(false, now));
                    }
                    self.enter(State::Running, now);
                }
                LifecycleEvent::Suspend => {
                    self.state = State::Suspending(Step::Probing { asked: true });
                }
                LifecycleEvent::Tick if !asked && !self.is_due(facts, now) => {
                    self.enter(State::Running, now);
                }
                _ => {}
            },
            Step::Closing { asked } => match event {
                LifecycleEvent::Closed(attempt) if attempt == self.attempt => {
                    if asked || self.is_due(facts, now) {
                        return Some(self.stop(now));
                    }
                    self.enter(State::Running, now);
                }
                LifecycleEvent::Suspend => {
                    self.state = State::Suspending(Step::Closing { asked: true })
                }
                LifecycleEvent::Tick if !asked && !self.is_due(facts, now) => {
                    self.enter(State::Running, now);
                }
                _ => {}
            },
            Step::Stopping { ran, .. } if wanted => {
                self.state = State::Suspending(Step::Stopping { ran, wanted: true });
            }
            Step::Stopping { ran, wanted } => match event {
                LifecycleEvent::Stopped(attempt) if attempt == self.attempt => {
                    self.enter(State::Suspended, now);
                    return wanted.then(|| self.start(now));
                }
                LifecycleEvent::StopFailed(attempt) if attempt == self.attempt => {
                    let pause = STOP_PAUSE.saturating_mul(1 << self.failed_stops.min(16));
                    self.failed_stops = self.failed_stops.saturating_add(1);
                    self.pause = now + pause.min(LONGEST_STOP_PAUSE);
                    if !ran {
                        return Some(self.wait(now));
                    }
                    self.enter(State::Running, now);
                }
                LifecycleEvent::Suspend => {
                    self.state = State::Suspending(Step::Stopping { ran, wanted: false });
                }
                _ => {}
            },
        }
        None
    }

    fn starting(&mut self, event: LifecycleEvent, now: Nanos) -> Option<Command> {
        match event {
            LifecycleEvent::Ready(attempt) if attempt == self.attempt => {
                // A wake resets the idle clock.
                self.floor = self.floor.max(now);
                self.enter(State::Running, now);
                None
            }
            LifecycleEvent::StartFailed(attempt, reason) if attempt == self.attempt => {
                self.fail(reason, now);
                None
            }
            LifecycleEvent::Suspend => Some(self.stop(now)),
            _ => None,
        }
    }

    fn failed(
        &mut self,
        until: Nanos,
        tried: Nanos,
        event: LifecycleEvent,
        facts: &Facts,
        now: Nanos,
    ) -> Option<Command> {
        let again = match event {
            LifecycleEvent::Wake => true,
            LifecycleEvent::Wanted { person: true } => now >= until.min(tried + PERSON_PAUSE),
            LifecycleEvent::Wanted { person: false } => now >= until,
            LifecycleEvent::Tick if facts.kept || facts.is_wanted(self.floor, now) => now >= until,
            // Nobody wants it any more. The next request finds it suspended and starts it.
            LifecycleEvent::Tick | LifecycleEvent::Suspend => {
                self.failures = 0;
                self.enter(State::Suspended, now);
                false
            }
            _ => false,
        };
        again.then(|| self.start(now))
    }

    /// Handles what the driver observed without having been asked to do anything.
    fn observed(&mut self, observed: Observed, now: Nanos) -> Option<Command> {
        match (observed, self.state) {
            (Observed::Disabled, State::Disabled) => {}
            (Observed::Disabled, _) => self.enter(State::Disabled, now),
            // The command in progress reports its own result.
            (_, State::Starting | State::Suspending(Step::Stopping { .. })) => {}
            (Observed::Running, State::Suspended | State::Failed { .. } | State::Disabled) => {
                self.floor = self.floor.max(now);
                self.enter(State::Running, now);
            }
            (Observed::Starting, State::Suspended | State::Failed { .. } | State::Disabled) => {
                return Some(self.wait(now));
            }
            (Observed::Suspended, State::Running | State::Suspending(_) | State::Disabled) => {
                self.enter(State::Suspended, now);
            }
            (Observed::Running | Observed::Starting | Observed::Suspended, _) => {}
        }
        None
    }

    /// The app has exited by itself.
    fn exited(&mut self, failure: Failure, facts: &Facts, now: Nanos) -> Option<Command> {
        match self.state {
            State::Starting => self.fail(failure, now),
            // Somebody is using it: it must come back.
            State::Running if facts.kept || facts.is_wanted(self.floor, now) => {
                if now.since(self.since) >= STABLE {
                    self.failures = 0;
                }
                self.fail(failure, now);
            }
            State::Running | State::Suspending(Step::Probing { .. } | Step::Closing { .. }) => {
                self.enter(State::Suspended, now);
            }
            State::Suspending(Step::Stopping { wanted, .. }) => {
                self.enter(State::Suspended, now);
                return wanted.then(|| self.start(now));
            }
            State::Suspended | State::Failed { .. } | State::Disabled => {}
        }
        None
    }

    /// The driver was replaced, so the app is down or on its way down.
    fn replaced(&mut self, facts: &Facts, now: Nanos) -> Option<Command> {
        let start = match self.state {
            State::Starting => true,
            State::Suspending(Step::Stopping { wanted, .. }) => wanted,
            // What made the old driver fail may not affect the new one.
            State::Failed { .. } => facts.kept || facts.is_wanted(self.floor, now),
            State::Running | State::Suspending(_) | State::Suspended | State::Disabled => false,
        };
        self.failures = 0;
        if start {
            return Some(self.start(now));
        }
        if self.state != State::Suspended {
            self.enter(State::Suspended, now);
        }
        None
    }

    fn start(&mut self, now: Nanos) -> Command {
        self.attempt += 1;
        self.enter(State::Starting, now);
        Command::Start(self.attempt)
    }

    /// Somebody else started it, or it could not be kept from starting.
    fn wait(&mut self, now: Nanos) -> Command {
        self.attempt += 1;
        self.enter(State::Starting, now);
        Command::Await(self.attempt)
    }

    /// Checks whether it can be suspended. `asked`: by an operator, even if people are there.
    fn probe(&mut self, asked: bool, now: Nanos) -> Command {
        self.attempt += 1;
        self.enter(State::Suspending(Step::Probing { asked }), now);
        Command::Probe(self.attempt)
    }

    /// Ends the sessions. `asked`: by an operator, even if people are there.
    fn close(&mut self, asked: bool, now: Nanos) -> Command {
        self.attempt += 1;
        self.busy = None;
        self.enter(State::Suspending(Step::Closing { asked }), now);
        Command::Close(self.attempt)
    }

    fn stop(&mut self, now: Nanos) -> Command {
        self.attempt += 1;
        let ran = self.state != State::Starting;
        self.enter(State::Suspending(Step::Stopping { ran, wanted: false }), now);
        Command::Stop(self.attempt)
    }

    fn fail(&mut self, failure: Failure, now: Nanos) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.failure = Some(failure);
        self.enter(State::Failed { until: now + pause, tried: now }, now);
    }

    fn is_due(&self, facts: &Facts, now: Nanos) -> bool {
        facts.suspends_at(self.floor).is_some_and(|at| at <= now)
    }

    fn enter(&mut self, state: State, now: Nanos) {
        (self.state, self.since) = (state, now);
        if !state.is_running_or_suspending() {
            // What was known while it ran no longer holds.
            (self.busy, self.pause, self.failed_stops) = (None, now, 0);
        }
    }

    /// While the machine slept nobody could be noticed, so that time is not idleness.
    fn bridge(&mut self, facts: &Facts, now: Nanos) {
        let gap = now.since(self.heard);
        if gap > GAP {
            self.floor = (facts.base(self.floor) + gap).min(now).max(self.floor);
        }
        self.heard = self.heard.max(now);
    }
}

#[cfg(test)]
mod page;

#[cfg(test)]
mod tests;
