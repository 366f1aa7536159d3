//! When an app's activity is told to the control plane: at most once per interval, again with
//! back-off when it failed, and never forgotten.
//!
//! Order of calls: `poll` until it returns an activity, send that, then `answered`.

use std::time::Duration;

use super::gate::Activity;
use super::time::Nanos;

/// The longest pause between two tries.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// What one app still has to tell.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The newest activity that the control plane has accepted.
    accepted: Option<Activity>,
    /// The one on its way.
    in_flight: Option<Activity>,
    /// Not before this.
    due: Nanos,
    /// Tries that failed since the last success.
    failures: u32,
}

impl Outbox {
    /// The activity to send now, if any, given the app's newest.
    pub fn poll(
        &mut self,
        newest: Option<Activity>,
        now: Nanos,
        interval: Duration,
    ) -> Option<Activity> {
        if self.in_flight.is_some() || now < self.due {
            return None;
        }
        self.start(newest, now, interval)
    }

    /// The activity that must be sent before the process ends, whatever the interval says.
    pub fn last(&mut self, newest: Option<Activity>) -> Option<Activity> {
        self.in_flight = None;
        self.start(newest, Nanos(0), Duration::ZERO)
    }

    fn start(
        &mut self,
        newest: Option<Activity>,
        now: Nanos,
        interval: Duration,
    ) -> Option<Activity> {
        let newest = newest.filter(|_| newest != self.accepted)?;
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
            self.failures = 0;
        } else {
            let pause = Duration::from_secs(1 << self.failures.min(6)).min(MAX_BACKOFF);
            self.failures = self.failures.saturating_add(1);
            self.due = now + pause;
        }
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
