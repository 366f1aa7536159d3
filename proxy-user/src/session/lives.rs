//! How an app has spent its time, and how often it was started and suspended.

use std::time::Duration;

use parking_lot::Mutex;

use super::Status;
use crate::core::lifecycle::{Facts, Failure, State, Step};
use crate::core::time::Nanos;
use crate::events::EventKind;

/// An app counts as used for this long after its last activity.
const USED: Duration = Duration::from_secs(60);
/// A longer gap between two calls means that the machine slept; it is not counted.
const LOOK: Duration = Duration::from_secs(10);

/// Why an app is awake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody is using it.
    Used,
    /// It is at work.
    Busy,
    /// It is within its `keep_awake` hours.
    Kept,
    /// No reason.
    Idle,
}

impl Why {
    /// All of them.
    pub const ALL: [Why; 4] = [Why::Used, Why::Busy, Why::Kept, Why::Idle];

    /// The label used in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Used => "used",
            Why::Busy => "busy",
            Why::Kept => "kept",
            Why::Idle => "idle",
        }
    }

    /// Why an app with these facts is awake.
    #[must_use]
    pub fn of(facts: &Facts, is_busy: bool, now: Nanos) -> Why {
        if facts.activity.is_some_and(|at| now.since(at) < USED) {
            Why::Used
        } else if is_busy {
            Why::Busy
        } else if facts.kept {
            Why::Kept
        } else {
            Why::Idle
        }
    }
}

/// Totals over an app's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Time awake, in the order of [`Why::ALL`].
    pub awake: [Duration; 4],
    /// Time not running: suspended, failed, disabled.
    pub asleep: [Duration; 3],
    /// Suspensions that succeeded, failed, or were cancelled because somebody came.
    pub suspends: [u64; 3],
    /// Starts that succeeded or failed.
    pub wakes: [u64; 2],
}

/// The labels of [`Totals::asleep`], [`Totals::suspends`] and [`Totals::wakes`].
impl Totals {
    /// States.
    pub const ASLEEP: [&'static str; 3] = ["suspended", "failed", "disabled"];
    /// Results.
    pub const SUSPENDS: [&'static str; 3] = ["success", "failure", "cancelled"];
    /// Results.
    pub const WAKES: [&'static str; 2] = ["success", "failure"];
}

/// One app's running totals.
#[derive(Debug, Default)]
pub struct Lives(Mutex<(Totals, Option<Nanos>)>);

impl Lives {
    /// The totals so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.0.lock().0
    }

    /// Accounts for the time passed in this state. Call once a second.
    pub fn pass(&self, state: State, why: Why, now: Nanos) {
        let mut inner = self.0.lock();
        let before = inner.1.replace(now);
        let passed = before.map_or(Duration::ZERO, |before| now.since(before));
        if passed > LOOK {
            return;
        }
        let totals = &mut inner.0;
        let total = match state {
            State::Running | State::Starting | State::Suspending(_) => {
                let index = Why::ALL.iter().position(|each| *each == why);
                index.and_then(|index| totals.awake.get_mut(index))
            }
            State::Suspended => totals.asleep.get_mut(0),
            State::Failed { .. } => totals.asleep.get_mut(1),
            State::Disabled => totals.asleep.get_mut(2),
        };
        if let Some(total) = total {
            *total += passed;
        }
    }

    /// Records a change of state. `is_failed_stop`: it comes of an app that could not be suspended. Returns the
    /// event to publish, if any.
    pub(super) fn note(
        &self,
        before: &Status,
        after: &Status,
        is_failed_stop: bool,
        now: Nanos,
    ) -> Option<EventKind> {
        let totals = &mut self.0.lock().0;
        match (before.state, after.state) {
            (State::Suspending(_), State::Running | State::Starting) if is_failed_stop => {
                totals.suspends[1] += 1;
                None
            }
            (State::Suspending(Step::Stopping { .. }), State::Suspended | State::Starting) => {
                totals.suspends[0] += 1;
                Some(EventKind::Suspend)
            }
            (State::Suspending(_), State::Running) => {
                totals.suspends[2] += 1;
                None
            }
            (State::Starting, State::Running) => {
                totals.wakes[0] += 1;
                Some(EventKind::Wake { took: before.elapsed(now) })
            }
            (State::Starting, State::Failed { .. }) => {
                totals.wakes[1] += 1;
                Some(failed(after))
            }
            (State::Running, State::Failed { .. }) => Some(failed(after)),
            _ => None,
        }
    }
}

fn failed(status: &Status) -> EventKind {
    let reason = status.failure.as_ref().map_or(String::new(), Failure::to_string);
    EventKind::Failed { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FAILED: State = State::Failed { until: Nanos(9), tried: Nanos(1) };
    const STOPPING: State = State::Suspending(Step::Stopping { ran: true, wanted: false });

    fn status(state: State) -> Status {
        Status { state, since: Nanos(1), failure: Some(Failure::new("no such program")) }
    }

    #[test]
    fn each_second_belongs_to_one_state() {
        let lives = Lives::default();
        let times = (0..5).map(|second| Nanos(1) + SECOND * second).collect::<Vec<_>>();
        lives.pass(State::Running, Why::Used, times[0]);
        lives.pass(State::Running, Why::Used, times[1]);
        lives.pass(State::Starting, Why::Idle, times[2]);
        lives.pass(State::Suspended, Why::Idle, times[3]);
        lives.pass(FAILED, Why::Idle, times[4]);
        lives.pass(FAILED, Why::Idle, times[4] + SECOND * 3600);
        let totals = lives.totals();
        assert_eq!(totals.awake, [SECOND, Duration::ZERO, Duration::ZERO, SECOND]);
        assert_eq!(
            totals.asleep,
            [SECOND, SECOND, Duration::ZERO],
            "the machine slept for an hour"
        );
    }

    #[test]
    fn a_change_is_counted_and_told() {
        let lives = Lives::default();
        let note =
            |before, after| lives.note(&status(before), &status(after), false, Nanos(1) + SECOND);
        let failed =
            |before, after| lives.note(&status(before), &status(after), true, Nanos(1) + SECOND);
        let probing = State::Suspending(Step::Probing { asked: false });
        assert_eq!(note(STOPPING, State::Suspended), Some(EventKind::Suspend));
        assert_eq!(failed(STOPPING, State::Running), None);
        assert_eq!(
            failed(STOPPING, State::Starting),
            None,
            "it was starting when it was to be stopped"
        );
        assert_eq!(failed(probing, State::Running), None);
        assert_eq!(note(probing, State::Running), None);
        assert_eq!(note(State::Starting, State::Running), Some(EventKind::Wake { took: SECOND }));
        let reason = "no such program".into();
        assert_eq!(note(State::Starting, FAILED), Some(EventKind::Failed { reason }));
        let totals = lives.totals();
        assert_eq!((totals.suspends, totals.wakes), ([1, 3, 1], [1, 1]));
    }

    #[test]
    fn an_app_is_awake_for_a_person_first() {
        let now = Nanos(1) + SECOND * 100;
        let mut facts = Facts { activity: Some(now), kept: true, ..Facts::default() };
        assert_eq!(Why::of(&facts, true, now), Why::Used);
        facts.activity = Some(Nanos(1));
        assert_eq!(Why::of(&facts, true, now), Why::Busy);
        assert_eq!(Why::of(&facts, false, now), Why::Kept);
        facts.kept = false;
        assert_eq!(Why::of(&facts, false, now), Why::Idle);
    }
}
