//! Wakes a connection when its client's time is up. Part of the connection's own task: it is polled
//! after every event there, and ends with it.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Sleep, sleep};

use super::Times;
use crate::clock;
use crate::core::patience::{Overdue, Patience, Step};
use crate::core::time::Nanos;

/// What is to be done with the connection.
#[derive(Debug)]
pub(super) enum Verdict {
    Retire,
    Cut(Overdue),
}

#[derive(Debug)]
pub(super) struct Watchdog {
    times: Times,
    /// The timer, and when it goes off. A later deadline leaves it be: most of them have moved on
    /// by then, so that a busy connection sets a timer once in a while and not with each request.
    timer: Option<(Pin<Box<Sleep>>, Nanos)>,
}

impl Watchdog {
    pub(super) fn new(times: Times) -> Watchdog {
        Watchdog { times, timer: None }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        let mut now = clock::coarse();
        loop {
            let deadline = match self.times.tell_at(now, Patience::step) {
                Step::Retire => return Poll::Ready(Verdict::Retire),
                Step::Cut(overdue) => return Poll::Ready(Verdict::Cut(overdue)),
                Step::Wait(None) => return Poll::Pending,
                Step::Wait(Some(deadline)) => deadline,
            };
            let timer = match &mut self.timer {
                Some((timer, at)) if *at <= deadline => timer,
                timer => {
                    let left = deadline.since(clock::now());
                    &mut timer.insert((Box::pin(sleep(left)), deadline)).0
                }
            };
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
            // The coarse clock may not have come so far.
            now = clock::now();
        }
    }
}
