//! When to report an app's activity to the control plane: at most once per interval, with back-off after a
//! failure, and never lost.
//!
//! Call `poll` until it returns something to report, send that, then call `answered`.

use std::time::Duration;

use super::backoff::Backoff;
use super::gate::Activity;
use super::time::Nanos;

/// When an app was last used, for the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Nanos,
    /// Why, as written in reports.
    pub reason: &'static str,
}

impl LastUse {
    /// The app is or was at work for somebody at `at`.
    #[must_use]
    pub fn work(at: Nanos) -> LastUse {
        LastUse { at, reason: "work" }
    }
}

impl From<Activity> for LastUse {
    fn from(activity: Activity) -> LastUse {
        LastUse { at: activity.at, reason: activity.reason.as_str() }
    }
}

/// What still has to be reported for one app.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The newest report that the control plane has accepted.
    accepted: Option<LastUse>,
    /// The report being sent.
    in_flight: Option<LastUse>,
    /// Do not send before this.
    due: Nanos,
    backoff: Backoff,
}

impl Outbox {
    /// What to send now, if anything. `newest`: when the app was last used.
    pub fn poll(
        &mut self,
        newest: Option<LastUse>,
        now: Nanos,
        interval: Duration,
    ) -> Option<LastUse> {
        if self.in_flight.is_some() || now < self.due {
            return None;
        }
        self.start(newest, now, interval)
    }

    /// What must be sent before the process exits, regardless of the interval.
    pub fn last(&mut self, newest: Option<LastUse>) -> Option<LastUse> {
        self.in_flight = None;
        self.start(newest, Nanos(0), Duration::ZERO)
    }

    fn start(
        &mut self,
        newest: Option<LastUse>,
        now: Nanos,
        interval: Duration,
    ) -> Option<LastUse> {
        // Work was reported after the activity that started it, so that activity is not news once the work is
        // over.
        let is_news = |newest: &LastUse| {
            self.accepted.is_none_or(|told| newest.at >= told.at && *newest != told)
        };
        let newest = newest.filter(is_news)?;
        self.in_flight = Some(newest);
        self.due = now + interval;
        Some(newest)
    }

    /// The report was accepted or failed. After a failure it is retried after 1, 2, 4 … 60 seconds, with
    /// whatever is newest then.
    pub fn answered(&mut self, accepted: bool, now: Nanos) {
        let sent = self.in_flight.take();
        if accepted {
            self.accepted = sent;
            self.backoff.reset();
        } else {
            self.due = now + self.backoff.failed();
        }
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
