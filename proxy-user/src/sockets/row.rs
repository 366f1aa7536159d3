//! A row as the process sees it: the bytes of [`Row`], read and written field by field, atomically.
//!
//! It knows neither who writes nor what the values mean together; `view` does.

use std::{
    mem::{align_of, offset_of, size_of},
    sync::atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
        fence,
    },
};

use proxy_common::Row;

use crate::core::stall::TcpState;

/// [`Row`] for concurrent use, in the process's own memory or in the kernel's.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct AtomicRow {
    cookie: AtomicU64,
    bytes_acked: AtomicU64,
    bytes_received: AtomicU64,
    progress_ns: AtomicU64,
    event_ns: AtomicU64,
    queued: AtomicU32,
    snd_wnd: AtomicU32,
    srtt_us: AtomicU32,
    retransmits: AtomicU32,
    timeouts: AtomicU32,
    state: AtomicU32,
}

/// Both must have the same layout: mapped rows are one type in the kernel and the other here.
const _: () = {
    assert!(size_of::<AtomicRow>() == size_of::<Row>());
    assert!(align_of::<AtomicRow>() == align_of::<Row>());
    assert!(offset_of!(AtomicRow, cookie) == offset_of!(Row, cookie));
    assert!(offset_of!(AtomicRow, bytes_acked) == offset_of!(Row, bytes_acked));
    assert!(offset_of!(AtomicRow, bytes_received) == offset_of!(Row, bytes_received));
    assert!(offset_of!(AtomicRow, progress_ns) == offset_of!(Row, progress_ns));
    assert!(offset_of!(AtomicRow, event_ns) == offset_of!(Row, event_ns));
    assert!(offset_of!(AtomicRow, queued) == offset_of!(Row, queued));
    assert!(offset_of!(AtomicRow, snd_wnd) == offset_of!(Row, snd_wnd));
    assert!(offset_of!(AtomicRow, srtt_us) == offset_of!(Row, srtt_us));
    assert!(offset_of!(AtomicRow, retransmits) == offset_of!(Row, retransmits));
    assert!(offset_of!(AtomicRow, timeouts) == offset_of!(Row, timeouts));
    assert!(offset_of!(AtomicRow, state) == offset_of!(Row, state));
};

impl AtomicRow {
    /// Reads the row. `bytes_acked` is read before `queued`, and every writer stores them in the opposite
    /// order, so their sum is never more than what was written to the socket.
    ///
    /// All loads are relaxed and at most pointer-sized, as required for memory mapped read-only (see "Atomic
    /// accesses to read-only memory" in `std::sync::atomic`).
    pub(super) fn load(&self) -> Row {
        let bytes_acked = self.bytes_acked.load(Relaxed);
        fence(Acquire);
        Row {
            cookie: self.cookie.load(Relaxed),
            bytes_acked,
            bytes_received: self.bytes_received.load(Relaxed),
            progress_ns: self.progress_ns.load(Relaxed),
            event_ns: self.event_ns.load(Relaxed),
            queued: self.queued.load(Relaxed),
            snd_wnd: self.snd_wnd.load(Relaxed),
            srtt_us: self.srtt_us.load(Relaxed),
            retransmits: self.retransmits.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            state: self.state.load(Relaxed),
        }
    }

    /// `bytes_acked`, `queued` and `state`, read in the same order.
    #[inline]
    pub(super) fn queue(&self) -> (u64, u32, u32) {
        let bytes_acked = self.bytes_acked.load(Relaxed);
        fence(Acquire);
        (bytes_acked, self.queued.load(Relaxed), self.state.load(Relaxed))
    }

    /// Writes the row. Only for rows in the process's own memory, and only one writer at a time.
    pub(super) fn store(&self, row: &Row) {
        self.cookie.store(row.cookie, Relaxed);
        self.queued.store(row.queued, Relaxed);
        self.snd_wnd.store(row.snd_wnd, Relaxed);
        self.srtt_us.store(row.srtt_us, Relaxed);
        self.retransmits.store(row.retransmits, Relaxed);
        self.bytes_received.store(row.bytes_received, Relaxed);
        self.progress_ns.store(row.progress_ns, Relaxed);
        self.timeouts.store(row.timeouts, Relaxed);
        self.bytes_acked.store(row.bytes_acked, Release);
        self.state.store(row.state, Relaxed);
        self.event_ns.store(row.event_ns, Relaxed);
    }
}

/// The state with this number in `include/net/tcp_states.h`. A request socket (12) is still in its handshake;
/// any number unknown here is taken for a socket without a connection.
pub(super) fn tcp_state(number: u32) -> TcpState {
    match number {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        3 | 12 => TcpState::SynReceived,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        10 => TcpState::Listen,
        11 => TcpState::Closing,
        _ => TcpState::Close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_survives_store_and_load() {
        let row = Row {
            cookie: 1,
            bytes_acked: 2,
            bytes_received: 3,
            progress_ns: 4,
            event_ns: 5,
            queued: 6,
            snd_wnd: 7,
            srtt_us: 8,
            retransmits: 9,
            timeouts: 10,
            state: 11,
        };
        let atomic = AtomicRow::default();
        atomic.store(&row);
        assert_eq!(atomic.load(), row);
    }

    #[test]
    fn every_state_keeps_its_number() {
        for number in 1..=11 {
            assert_eq!(tcp_state(number) as u32, number);
        }
        assert_eq!(tcp_state(0), TcpState::Close);
        assert_eq!(tcp_state(u32::MAX), TcpState::Close);
    }
}
