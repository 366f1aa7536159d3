//! A timer that is rarely reset.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Sleep, sleep};

use crate::clock;
use crate::core::time::Nanos;

/// The timer, and when it fires. A later deadline does not reset it: by the time it fires, most deadlines
/// have moved on, so a busy connection resets the timer rarely instead of for each deadline.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Pin<Box<Sleep>>, Nanos)>);

impl Alarm {
    /// Fires at the deadline or earlier.
    pub(crate) fn poll(&mut self, deadline: Nanos, cx: &mut Context<'_>) -> Poll<()> {
        let timer = match &mut self.0 {
            Some((timer, at)) if *at <= deadline => timer,
            timer => {
                let left = deadline.since(clock::now());
                &mut timer.insert((Box::pin(sleep(left)), deadline)).0
            }
        };
        let rung = timer.as_mut().poll(cx);
        if rung.is_ready() {
            self.0 = None;
        }
        rung
    }
}
