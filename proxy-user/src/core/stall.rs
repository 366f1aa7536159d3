//! Is a leg's peer still taking what we send? Decided from samples of its socket alone.

use super::time::Nanos;

/// TCP states by their numbers in `include/net/tcp_states.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "RFC 9293 section 3.3.2 names them")]
pub enum TcpState {
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Close = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}

/// One look at a leg's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// TCP state.
    pub state: TcpState,
    /// Bytes that the peer has acknowledged over the socket's life.
    pub acked: u64,
    /// Bytes received over the socket's life.
    pub received: u64,
    /// Bytes accepted for sending and not acknowledged.
    pub queued: u64,
    /// When `acked` last grew; `Nanos(0)` = not seen to grow.
    pub progress: Nanos,
    /// Last advertised send window in bytes.
    pub window: u32,
    /// Smoothed round-trip time in microseconds; 0 = not measured.
    pub rtt_us: u32,
    /// Segments retransmitted over the socket's life.
    pub retransmits: u32,
    /// Retransmission timeouts in a row since `acked` last grew.
    pub timeouts: u32,
}
