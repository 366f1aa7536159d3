//! One control plane, its waiting notices, and what is logged about it.

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

/// How much may wait for one control plane, and how many notices are in flight to it.
const BOUNDS: Bounds = Bounds { count: 10_000, bytes: 16 * 1024 * 1024, in_flight: 32 };
/// How long sending the rest may take when a table is removed, or at shutdown.
const LAST: Duration = Duration::from_secs(5);

/// The result of sending a notice to the target with this number.
pub(super) struct Sent {
    pub(super) target: u64,
    app: Arc<str>,
    result: Result<(), NotTold>,
}

/// One control plane.
#[derive(Debug)]
pub(super) struct Target {
    /// Unique, and never reused.
    pub(super) number: u64,
    pub(super) client: Arc<Client>,
    queue: Queue<Arc<Message>>,
    /// If set, it gets no new notices, and the rest only until this time.
    closing: Option<Nanos>,
    failures: Digest,
    drops: Digest,
    /// The latest failure.
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

    /// Continues with this client.
    pub(super) fn renew(&mut self, client: Client) {
        self.client = Arc::new(client);
        self.closing = None;
    }

    /// Sends what is left, but nothing new.
    pub(super) fn close(&mut self, now: Nanos) {
        if self.closing.is_none() {
            self.closing = Some(now + LAST);
            self.queue.hurry(now);
        }
    }

    /// Queues a message if the client wants it.
    pub(super) fn push(&mut self, message: &Arc<Message>, now: Nanos, metrics: &Metrics) {
        if self.closing.is_none() && self.client.wants(message.event) {
            let bytes = message.json.len();
            let dropped = self.queue.push(&message.app, Arc::clone(message), bytes, now);
            self.dropped(dropped as u64, metrics);
        }
    }

    /// Counts notices that will not be sent.
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

    /// Notes the result of a sent notice.
    pub(super) fn answered(&mut self, sent: Sent, now: Nanos, metrics: &Metrics) {
        let accepted = sent.result.is_ok();
        metrics.notification(accepted);
        self.queue.answered(&sent.app, accepted, now);
        if let Err(error) = sent.result {
            self.failures.add(1);
            self.error = Some(error);
        }
    }

    /// Whether it is closing and has nothing left, or no time.
    pub(super) fn is_over(&self, now: Nanos) -> bool {
        self.closing.is_some_and(|until| self.queue.is_empty() || until <= now)
    }

    /// Drops what is left.
    pub(super) fn end(mut self, metrics: &Metrics) {
        self.dropped(self.queue.len() as u64, metrics);
        let dropped = self.drops.rest();
        if dropped > 0 {
            let url = self.client.url();
            tracing::warn!(url, dropped, "the last notifications were dropped: not sent in time");
        }
    }

    /// Logs what is due.
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

    /// When the next action is due, if nothing else happens.
    pub(super) fn due(&self) -> Option<Nanos> {
        let times = [self.queue.due(), self.closing, self.failures.due(), self.drops.due()];
        times.into_iter().flatten().min()
    }
}
