//! How a request is met whose app may not be running: passed on, made to wait, shown a page, or refused.
//!
//! Must not know what a page looks like, who waits where, nor how a request was judged.

use super::lifecycle::{LifecycleEvent, State, Step};
use super::time::Nanos;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Somebody opens or reloads a page.
    Person,
    /// A page, or a program, asks by itself: a poll, or a connection that a page opens again.
    Poll,
    /// Anything else.
    Other,
}

/// What `wake` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakePolicy {
    /// People get the page, others wait.
    Auto,
    /// All wait.
    Hold,
    /// People get the page, others are refused.
    Page,
}

/// How a request is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// It goes to the app.
    Pass,
    /// It waits until the app runs or it is known that it will not.
    Wait,
    /// The page that shows how far the app is.
    Page,
    /// The app is suspended, and this does not wake it.
    Paused,
    /// The app is starting, and this does not wait for it.
    Starting,
    /// The app could not start, and is not tried again before this.
    Failed {
        /// The end of the pause.
        until: Nanos,
    },
    /// The app may not run.
    Disabled,
}

/// What is told to the lifecycle of an app in this state when somebody comes; `None` = nothing.
#[must_use]
pub fn knock(state: State, arrival: Arrival) -> Option<LifecycleEvent> {
    match (state, arrival) {
        (State::Running | State::Disabled, _) | (_, Arrival::Poll) => None,
        (_, Arrival::Person) => Some(LifecycleEvent::Wanted { person: true }),
        (_, Arrival::Other) => Some(LifecycleEvent::Wanted { person: false }),
    }
}

/// How a request is met by an app that is in this state once it has been told of it.
#[must_use]
pub fn meet(state: State, arrival: Arrival, policy: WakePolicy) -> Meeting {
    let to_come = match (arrival, policy) {
        (Arrival::Person, WakePolicy::Auto | WakePolicy::Page) => Meeting::Page,
        (Arrival::Other, WakePolicy::Page) => Meeting::Starting,
        (Arrival::Person | Arrival::Other, _) => Meeting::Wait,
        (Arrival::Poll, _) => Meeting::Paused,
    };
    let shows_page = to_come == Meeting::Page;
    match state {
        State::Running | State::Suspending(Step::Probing | Step::Closing { .. }) => Meeting::Pass,
        State::Suspending(Step::Stopping { .. }) | State::Suspended | State::Starting => to_come,
        State::Failed { .. } | State::Disabled if shows_page => Meeting::Page,
        State::Failed { until, .. } => Meeting::Failed { until },
        State::Disabled => Meeting::Disabled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVALS: [Arrival; 3] = [Arrival::Person, Arrival::Poll, Arrival::Other];
    const STOPPING: State = State::Suspending(Step::Stopping { ran: true, wanted: false });
    const FAILED: State = State::Failed { until: Nanos(9), tried: Nanos(1) };

    fn met(state: State, policy: WakePolicy) -> [Meeting; 3] {
        ARRIVALS.map(|arrival| meet(state, arrival, policy))
    }

    #[test]
    fn a_running_app_gets_all() {
        for state in [State::Running, State::Suspending(Step::Probing)] {
            assert_eq!(met(state, WakePolicy::Page), [Meeting::Pass; 3]);
        }
        assert_eq!(ARRIVALS.map(|arrival| knock(State::Running, arrival)), [None, None, None]);
    }

    #[test]
    fn who_comes_to_a_suspended_app_waits_or_sees_the_page() {
        for state in [State::Suspended, State::Starting, STOPPING] {
            let (page, wait, paused) = (Meeting::Page, Meeting::Wait, Meeting::Paused);
            assert_eq!(met(state, WakePolicy::Auto), [page, paused, wait]);
            assert_eq!(met(state, WakePolicy::Hold), [wait, paused, wait]);
            assert_eq!(met(state, WakePolicy::Page), [page, paused, Meeting::Starting]);
        }
    }

    #[test]
    fn a_poll_tells_the_lifecycle_nothing() {
        for state in [State::Suspended, STOPPING, FAILED, State::Starting] {
            assert_eq!(knock(state, Arrival::Poll), None);
            assert_eq!(
                knock(state, Arrival::Person),
                Some(LifecycleEvent::Wanted { person: true })
            );
            assert_eq!(
                knock(state, Arrival::Other),
                Some(LifecycleEvent::Wanted { person: false })
            );
        }
    }

    #[test]
    fn what_failed_or_may_not_run_is_said_to_all() {
        let failed = Meeting::Failed { until: Nanos(9) };
        assert_eq!(met(FAILED, WakePolicy::Auto), [Meeting::Page, failed, failed]);
        assert_eq!(met(FAILED, WakePolicy::Hold), [failed; 3]);
        let disabled = Meeting::Disabled;
        assert_eq!(met(State::Disabled, WakePolicy::Page), [Meeting::Page, disabled, disabled]);
        assert_eq!(ARRIVALS.map(|arrival| knock(State::Disabled, arrival)), [None, None, None]);
    }
}
