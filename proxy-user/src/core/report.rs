//! When an app's activity is told to the control plane: at most once per interval, again with
//! back-off when it failed, and never forgotten.
//!
//! Order of calls: `poll` until it returns something to tell, send that, then `answered`.

use std::time::Duration;

use super::backoff::Backoff;
use super::gate::Activity;
use super::time::Nanos;

/// When an app was last used, as the control plane is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Nanos,
    /// What it was, as reports have it.
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

/// What one app still has to tell.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The newest that the control plane has accepted.
    accepted: Option<LastUse>,
    /// The one on its way.
    in_flight: Option<LastUse>,
    /// Not before this.
    due: Nanos,
    backoff: Backoff,
}

impl Outbox {
    /// What to send now, if anything, given when the app was last used.
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

    /// What must be sent before the process ends, whatever the interval says.
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
        // Work was told after the activity that began it. When it is over, that is no news.
        let is_news = |newest: &LastUse| {
            self.accepted.is_none_or(|told| newest.at >= told.at && *newest != told)
        };
        let newest = newest.filter(is_news)?;
        self.in_flight = Some(newest);
        self.due = now + interval;
        Some(newest)
    }

    /// What was sent has been accepted or has failed. A failure is tried again after 1, 2, 4 … 60
    /// seconds, with what is newest then.
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
