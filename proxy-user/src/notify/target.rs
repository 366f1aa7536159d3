//! One control plane, what it is still to be told, and what the log is told of that.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Client;
use super::message::Message;
use crate::control_plane::NotTold;
use crate::core::digest::Digest;
use crate::core::notify::{Bounds, Queue};
use crate::core::time::Nanos;
use crate::error::chain;
use crate::metrics::Metrics;

/// What one control plane may be behind, and how many notices are on their way to it at a time.
const BOUNDS: Bounds = Bounds { count: 10_000, bytes: 16 * 1024 * 1024, in_flight: 32 };
/// How long what is left may take when a table is removed, or at shutdown.
const LAST: Duration = Duration::from_secs(5);

/// A notice was sent to the target of this number.
pub(super) struct Sent {
    pub(super) target: u64,
    app: Arc<str>,
    result: Result<(), NotTold>,
}

/// One control plane.
#[derive(Debug)]
pub(super) struct Target {
    /// No other target has it, nor had it before.
    pub(super) number: u64,
    pub(super) client: Arc<Client>,
    queue: Queue<Arc<Message>>,
    /// It gets no more than it has, and that until then.
    closing: Option<Nanos>,
    failures: Digest,
    drops: Digest,
    /// The newest failure.
    error: Option<NotTold>,
}

impl Target {
    pub(super) fn new(number: u64, client: Client) -> Target {
        Target {
            number,
            client: Arc::new(client),
            queue: Queue::new(BOUNDS),
            closing: None,
            failures: Digest::default(),
            drops: Digest::default(),
            error: None,
        }
    }

    /// Goes on over this client.
    pub(super) fn renew(&mut self, client: Client) {
        self.client = Arc::new(client);
        self.closing = None;
    }

    /// Sends what is left, and no more than that.
    pub(super) fn close(&mut self, now: Nanos) {
        if self.closing.is_none() {
            self.closing = Some(now + LAST);
            self.queue.hurry(now);
        }
    }

    /// Takes a message if it wants it.
    pub(super) fn push(&mut self, message: &Arc<Message>, now: Nanos, metrics: &Metrics) {
        if self.closing.is_none() && self.client.wants(message.event) {
            let bytes = message.json.len();
            let dropped = self.queue.push(&message.app, Arc::clone(message), bytes, now);
            self.dropped(dropped as u64, metrics);
        }
    }

    /// So many will not be sent.
    pub(super) fn dropped(&mut self, count: u64, metrics: &Metrics) {
        metrics.notifications_dropped(count);
        self.drops.add(count);
    }

    /// Sends what is due.
    pub(super) fn send(&mut self, now: Nanos, sending: &mut JoinSet<Sent>) {
        while let Some((app, message)) = self.queue.next(now) {
            let (client, target) = (Arc::clone(&self.client), self.number);
            sending.spawn(async move {
                let result = client.send(&app, message.json.clone()).await;
                Sent { target, app, result }
            });
        }
    }

    /// What was sent was accepted or not.
    pub(super) fn answered(&mut self, sent: Sent, now: Nanos, metrics: &Metrics) {
        let accepted = sent.result.is_ok();
        metrics.notification(accepted);
        self.queue.answered(&sent.app, accepted, now);
        if let Err(error) = sent.result {
            self.failures.add(1);
            self.error = Some(error);
        }
    }

    /// It is closing, and there is nothing left or no time.
    pub(super) fn is_over(&self, now: Nanos) -> bool {
        self.closing.is_some_and(|until| self.queue.is_empty() || until <= now)
    }

    /// What is left is dropped.
    pub(super) fn end(mut self, metrics: &Metrics) {
        self.dropped(self.queue.len() as u64, metrics);
        let dropped = self.drops.rest();
        if dropped > 0 {
            let url = self.client.url();
            tracing::warn!(url, dropped, "the last notifications were dropped: not sent in time");
        }
    }

    /// Tells the log what is due.
    pub(super) fn log(&mut self, now: Nanos) {
        let url = self.client.url();
        if let Some(times) = self.failures.take(now) {
            let error = self.error.as_ref().map(|error| chain(error)).unwrap_or_default();
            tracing::warn!(url, times, error, "a control plane does not take notifications");
        }
        if let Some(dropped) = self.drops.take(now) {
            tracing::warn!(url, dropped, "notifications were dropped; the oldest go first");
        }
    }

    /// When there is something to do, if nothing else happens.
    pub(super) fn due(&self) -> Option<Nanos> {
        let times = [self.queue.due(), self.closing, self.failures.due(), self.drops.due()];
        times.into_iter().flatten().min()
    }
}
