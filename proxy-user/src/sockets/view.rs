//! One leg according to its row and the process's own counts. No system call, and no memory besides the row's
//! cache line and half of another.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use proxy_common::Row;

use super::{
    row::{AtomicRow, tcp_state},
    tcp_info::Account,
};
use crate::core::{
    stall::{Sample, TcpState},
    time::Nanos,
};

/// The process's own counts of a leg's bytes, all over the socket's life.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Bytes written to the socket, counted like acks. When everything has been acked and more is written,
    /// the row's queue is outdated (no callback follows a write), so this count is needed.
    sent: AtomicU64,
    /// Bytes read from the socket.
    read: AtomicU64,
    /// Acked bytes known regardless of the row: those before the registration, and those found by querying
    /// the socket.
    acked: AtomicU64,
    /// When `acked` was found to have grown.
    progress: AtomicU64,
}

impl Moved {
    /// Starts from the socket's values at registration. They include acks before the kernel could see the
    /// leg; the row includes acks after that. So the larger of the two is correct.
    pub(super) fn start(&self, base: &Account) {
        self.sent.store(base.acked.saturating_add(u64::from(base.queued)), Relaxed);
        self.read.store(base.received, Relaxed);
        self.progress.store(0, Relaxed);
        self.acked.store(base.acked, Release);
    }

    /// Only call this from one thread, as for `add_read`.
    pub(super) fn add_sent(&self, bytes: u64) {
        add(&self.sent, bytes);
    }

    pub(super) fn add_read(&self, bytes: u64) {
        add(&self.read, bytes);
    }

    /// Records the result of a query. A reader that sees the count also sees the time.
    pub(super) fn confirmed(&self, acked: u64, progress: Nanos) {
        self.progress.store(progress.0, Relaxed);
        self.acked.fetch_max(acked, Release);
    }
}

/// A leg, as seen at one moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(super) row: &'a AtomicRow,
    pub(super) moved: &'a Moved,
}

impl View<'_> {
    /// Whether nothing is queued and the connection is open in both directions, as far as the row tells.
    #[must_use]
    #[inline]
    pub fn at_rest(&self) -> bool {
        let (acked, queued, state) = self.row.queue();
        let sent = self.moved.sent.load(Relaxed).max(acked.saturating_add(u64::from(queued)));
        // 0 is a row that has not been written since the registration.
        state <= TcpState::Established as u32 && sent <= acked.max(self.moved.acked.load(Relaxed))
    }

    /// Whether the connection is open in both directions, as far as the row tells.
    #[must_use]
    #[inline]
    pub fn stands(&self) -> bool {
        self.row.queue().2 <= TcpState::Established as u32
    }

    /// Bytes written to the socket over its life. A leg is silent if neither this nor [`View::read`] changes.
    #[must_use]
    #[inline]
    pub fn sent(&self) -> u64 {
        self.moved.sent.load(Relaxed)
    }

    /// Bytes read from the socket over its life.
    #[must_use]
    #[inline]
    pub fn read(&self) -> u64 {
        self.moved.read.load(Relaxed)
    }

    /// The whole sample. Before the kernel's first callback the state is taken to be ESTABLISHED and other
    /// values are 0; a leg for which that is wrong is noted (`Block::noted`).
    #[must_use]
    pub fn sample(&self) -> Sample {
        let row = self.row.load();
        let state = row.state.max(TcpState::Established as u32);
        sample(&Row { state, ..row }, self.moved)
    }
}

/// Combines the row and the counts.
pub(super) fn sample(row: &Row, moved: &Moved) -> Sample {
    let known = moved.acked.load(Acquire);
    let (acked, progress) = if row.bytes_acked > known {
        (row.bytes_acked, row.progress_ns)
    } else {
        (known, moved.progress.load(Relaxed))
    };
    // The row's sum is never too large, and includes what was not counted.
    let sent = moved.sent.load(Relaxed).max(row.bytes_acked.saturating_add(u64::from(row.queued)));
    Sample {
        state: tcp_state(row.state),
        acked,
        received: moved.read.load(Relaxed).max(row.bytes_received),
        queued: sent.saturating_sub(acked),
        progress: Nanos(progress),
        window: row.snd_wnd,
        rtt_us: row.srtt_us,
        retransmits: row.retransmits,
        timeouts: row.timeouts,
    }
}

/// Adds to a counter with one writer: a load and a store, no locked instruction.
fn add(counter: &AtomicU64, bytes: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(bytes), Relaxed);
}
