//! One leg's row in the table that the kernel writes and the process reads.
//!
//! The layout is an ABI between two compilers, so nothing here may depend on either: fixed-size
//! integers in a fixed order, 64 bytes, one cache line. Fields are written one by one by the kernel
//! while the process reads them, each atomically; no two fields are promised to be of one moment.

/// What is known of one TCP socket. All zero means free.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// `SO_COOKIE` of the socket this row belongs to; 0 = free. A writer leaves a row alone whose
    /// cookie is not its socket's.
    pub cookie: u64,
    /// `tcpi_bytes_acked` (RFC 4898 tcpEStatsAppHCThruOctetsAcked).
    pub bytes_acked: u64,
    /// `tcpi_bytes_received` (RFC 4898 tcpEStatsAppHCThruOctetsReceived). The kernel refreshes it
    /// only when our own data is acknowledged.
    pub bytes_received: u64,
    /// `CLOCK_MONOTONIC` nanoseconds when `bytes_acked` last grew; 0 = never seen to grow.
    pub progress_ns: u64,
    /// `CLOCK_MONOTONIC` nanoseconds of the last write to this row; 0 = not written yet.
    pub event_ns: u64,
    /// `write_seq - snd_una` in bytes at `event_ns`: unsent and unacknowledged together. Where the
    /// place of `write_seq` is not known (a kernel without BTF), `snd_nxt - snd_una`: unacknowledged
    /// only. Never more than the true queue.
    pub queued: u32,
    /// Send window in bytes that the peer advertised last; 0 = closed, `u32::MAX` = not known.
    pub snd_wnd: u32,
    /// Smoothed round-trip time in microseconds; 0 = not measured.
    pub srtt_us: u32,
    /// Segments retransmitted over the socket's life (`tcpi_total_retrans`).
    pub retransmits: u32,
    /// Retransmission timeouts in a row since `bytes_acked` last grew.
    pub timeouts: u32,
    /// TCP state as in `include/net/tcp_states.h`: 1 = ESTABLISHED … 11 = CLOSING; 0 = not written yet.
    pub state: u32,
}

const _: () = assert!(core::mem::size_of::<Row>() == 64);
