//! A timer that is seldom set anew.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Sleep, sleep};

use crate::clock;
use crate::core::time::Nanos;

/// The timer, and when it goes off. A later deadline leaves it be: most of them have moved on by then,
/// so that whoever is busy sets a timer once in a while and not for each deadline.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<(Pin<Box<Sleep>>, Nanos)>);

impl Alarm {
    /// Goes off at the deadline, or before it.
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
