//! TCP totals over the sockets of an app's legs, open and closed.
//!
//! Each leg remembers how much of it has been added already, so the totals never decrease, no matter who adds
//! and when.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::core::stall::Sample;

/// Totals over the life of one leg, or over all legs of one side of an app.
#[derive(Debug, Default)]
pub struct TcpTotals {
    acked: AtomicU64,
    received: AtomicU64,
    retransmits: AtomicU64,
}

impl TcpTotals {
    /// Bytes acknowledged by the peers, bytes received from them, segments retransmitted.
    #[must_use]
    pub fn read(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        (read(&self.acked), read(&self.received), read(&self.retransmits))
    }

    /// Adds what `sample` shows of a leg beyond what has been `added` already.
    pub(super) fn add(&self, added: &TcpTotals, sample: &Sample) {
        let advance = |to: &AtomicU64, added: &AtomicU64, now: u64| {
            let before = added.fetch_max(now, Relaxed);
            to.fetch_add(now.saturating_sub(before), Relaxed);
        };
        advance(&self.acked, &added.acked, sample.acked);
        advance(&self.received, &added.received, sample.received);
        advance(&self.retransmits, &added.retransmits, u64::from(sample.retransmits));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::stall::TcpState;
    use crate::core::time::Nanos;

    fn sample(acked: u64, received: u64, retransmits: u32) -> Sample {
        Sample {
            state: TcpState::Established,
            acked,
            received,
            queued: 0,
            progress: Nanos(0),
            window: 0,
            rtt_us: 0,
            retransmits,
            timeouts: 0,
        }
    }

    #[test]
    fn nothing_is_added_twice_or_taken_away() {
        let (app, leg, other) = (TcpTotals::default(), TcpTotals::default(), TcpTotals::default());
        app.add(&leg, &sample(10, 5, 1));
        app.add(&leg, &sample(10, 5, 1));
        app.add(&other, &sample(100, 0, 0));
        app.add(&leg, &sample(12, 9, 1));
        // A released row shows less.
        app.add(&leg, &sample(12, 9, 0));
        assert_eq!(app.read(), (112, 9, 1));
    }
}
