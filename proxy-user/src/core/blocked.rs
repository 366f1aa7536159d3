//! A write that a socket does not take because its peer takes nothing from the socket's queue.

use std::time::Duration;

use super::time::Nanos;

/// How such a write has fared since its socket first refused it.
#[derive(Clone, Copy, Debug)]
pub struct Blocked {
    /// When the peer last took something, as far as has been seen.
    since: Nanos,
    /// When that was last looked at.
    looked: Nanos,
    /// Bytes that the peer has acknowledged.
    acked: u64,
    overdue: bool,
}

impl Blocked {
    /// One that begins now. `acked`: the bytes that the peer has acknowledged.
    #[must_use]
    pub fn new(now: Nanos, acked: u64) -> Blocked {
        Blocked { since: now, looked: now, acked, overdue: false }
    }

    /// Refused once more. True once the peer is to be given up, which has taken nothing for `limit`.
    /// `acked` is asked a few times in that time only: a queue that drains slowly may take long to
    /// have room again.
    pub fn refused(&mut self, now: Nanos, limit: Duration, acked: impl FnOnce() -> u64) -> bool {
        if now >= self.next_look(limit) {
            let acked = acked();
            self.looked = now;
            if std::mem::replace(&mut self.acked, acked) != acked {
                self.since = now;
            }
            self.overdue = now.since(self.since) >= limit;
        }
        self.overdue
    }

    /// The peer is to be given up.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.overdue
    }

    /// When to tell of the write again.
    #[must_use]
    pub fn next_look(&self, limit: Duration) -> Nanos {
        (self.looked + pace(limit)).min(self.since + limit)
    }
}

/// How often to look at what does not tell by itself, so that a verdict is late by this at most.
#[must_use]
pub fn pace(limit: Duration) -> Duration {
    limit / 4
}
