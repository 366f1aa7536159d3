//! Wakes a connection when its client's time is up. It is part of the connection's own task, polled after
//! every event there.

use std::task::{Context, Poll, ready};

use super::Times;
use crate::clock;
use crate::core::client_timeouts::{ClientTimeouts, Overdue, Step};
use crate::http::alarm::Alarm;

/// What to do with the connection.
#[derive(Debug)]
pub(super) enum WatchdogAction {
    Look,
    Retire,
    Cut(Overdue),
}

#[derive(Debug)]
pub(super) struct Watchdog {
    times: Times,
    alarm: Alarm,
}

impl Watchdog {
    pub(super) fn new(times: Times) -> Watchdog {
        Watchdog { times, alarm: Alarm::default() }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<WatchdogAction> {
        let mut now = clock::coarse();
        loop {
            let deadline = match self.times.tell_at(now, ClientTimeouts::step) {
                Step::Look => return Poll::Ready(WatchdogAction::Look),
                Step::Retire => return Poll::Ready(WatchdogAction::Retire),
                Step::Cut(overdue) => return Poll::Ready(WatchdogAction::Cut(overdue)),
                Step::Wait(None) => return Poll::Pending,
                Step::Wait(Some(deadline)) => deadline,
            };
            ready!(self.alarm.poll(deadline, cx));
            // The coarse clock may lag behind.
            now = clock::now();
        }
    }
}
