//! What happens to a request when its app may not be running: it is passed on, held, shown a page, or
//! refused.
//!
//! Must not know what the page looks like, where requests wait, or how a request was judged.

use super::lifecycle::{LifecycleEvent, State, Step};
use super::time::Nanos;

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Somebody opens or reloads a page.
    Person,
    /// A page or a program on its own: a poll, or a connection that a page re-opens.
    Poll,
    /// Anything else.
    Other,
}

/// The setting `wake`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakePolicy {
    /// People get the page, other requests wait.
    Auto,
    /// Every request waits.
    Hold,
    /// People get the page, other requests are refused.
    Page,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// Pass it to the app.
    Pass,
    /// Hold it until the app runs, or is known not to start.
    Wait,
    /// Show the page that reports the app's progress.
    Page,
    /// Refuse it: the app is suspended, and this request does not wake it.
    Paused,
    /// Refuse it: the app is starting, and this request does not wait.
    Starting,
    /// Refuse it: the app could not start, and is not tried again before `until`.
    Failed {
        /// The end of the pause.
        until: Nanos,
    },
    /// Refuse it: the app may not run.
    Disabled,
}

/// The event that a request causes in the lifecycle of an app in this state; `None` = none.
#[must_use]
pub fn knock(state: State, arrival: Arrival) -> Option<LifecycleEvent> {
    match (state, arrival) {
        (State::Running | State::Disabled, _) | (_, Arrival::Poll) => None,
        (_, Arrival::Person) => Some(LifecycleEvent::Wanted { person: true }),
        (_, Arrival::Other) => Some(LifecycleEvent::Wanted { person: false }),
    }
}

/// What happens to a request whose app is in this state, after the lifecycle has handled the request's event.
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
        State::Running | State::Suspending(Step::Probing { .. } | Step::Closing { .. }) => {
            Meeting::Pass
        }
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
        for state in [State::Running, State::Suspending(Step::Probing { asked: false })] {
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
