//! Whether a leg's peer is still taking what we send, decided from samples of its socket only.
//!
//! Only a lack of progress convicts a peer. Progress means acknowledgements: a peer that reads from a full
//! receive buffer acknowledges nothing until a good part of the buffer is free. So the grace period must be
//! longer than that takes at the slowest rate that should count as alive.

use std::time::Duration;

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
    /// When `acked` last grew; `Nanos(0)` = never observed.
    pub progress: Nanos,
    /// Last advertised send window in bytes.
    pub window: u32,
    /// Smoothed round-trip time in microseconds; 0 = not measured.
    pub rtt_us: u32,
    /// Segments retransmitted over the socket's life.
    pub retransmits: u32,
    /// Consecutive retransmission timeouts since `acked` last grew.
    pub timeouts: u32,
}

/// The verdict on a leg's peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StallVerdict {
    /// Nothing is queued, or the queue moves.
    Fine,
    /// Bytes were queued for the whole grace period, and the peer took none.
    Stalled,
    /// The same, and segments are being lost (retransmission timeouts).
    Unreachable,
    /// The peer has closed its side and nothing moves any more, or the socket is gone.
    PeerClosed,
}

/// What is remembered about one leg between looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    acked: u64,
    /// Since when something is queued and nothing moves; `Nanos(0)` = nothing is queued.
    since: Nanos,
    /// Whether the row can be trusted.
    doubt: Doubt,
}

/// Whether to trust a row that says that nothing moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doubt {
    /// The queue moved, or nothing is queued.
    #[default]
    None,
    /// It did not move between two looks.
    Open,
    /// The socket itself has been queried since it last moved.
    Settled,
}

impl Watch {
    /// Judges one leg. Looks may come at any pace; the verdict comes with the first one that is `grace` after
    /// the last progress.
    ///
    /// `passing`: the session's other leg still has bytes to take. They may be the last words of a peer that
    /// has closed, so that peer is not convicted of closing meanwhile; if they do not move, the other leg is
    /// at fault.
    pub fn look(
        &mut self,
        sample: &Sample,
        passing: bool,
        now: Nanos,
        grace: Duration,
    ) -> StallVerdict {
        let moved = std::mem::replace(&mut self.acked, sample.acked) != sample.acked;
        let at_rest = if sample.peer_closed() { passing } else { sample.queued == 0 };
        if moved {
            self.doubt = Doubt::None;
        }
        if at_rest {
            self.since = Nanos(0);
            self.doubt = Doubt::None;
            return StallVerdict::Fine;
        }
        if !self.at_rest() && !moved && self.doubt == Doubt::None {
            self.doubt = Doubt::Open;
        }
        let since = if self.at_rest() {
            // The queue was empty at the previous look and has been filled since.
            now
        } else if !moved {
            self.since
        } else if sample.progress > self.since {
            // The row has the exact time of the progress that is first seen now.
            sample.progress.min(now)
        } else {
            // It was read between the kernel's two writes.
            now
        };
        self.since = since;
        if now.since(since) < grace { StallVerdict::Fine } else { sample.obstacle() }
    }

    /// Whether to query the socket itself now, once per standstill. The kernel calls back once per round
    /// trip, so a row can miss the last acks of a flight as long as nothing more is sent
    /// (`tcp_rtt_estimator`: `after(snd_una, rtt_seq)`).
    pub fn take_doubt(&mut self) -> bool {
        let open = self.doubt == Doubt::Open;
        if open {
            self.doubt = Doubt::Settled;
        }
        open
    }

    /// Since when something is queued and nothing moves; `None` = nothing is queued.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Nanos> {
        (!self.at_rest()).then_some(self.since)
    }

    /// Whether nothing is queued. A further look at an empty queue changes nothing that a later look depends
    /// on, so it may be skipped.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        self.since == Nanos(0)
    }
}

impl Sample {
    fn peer_closed(&self) -> bool {
        self.state == TcpState::Close || self.state.closed_by_peer()
    }

    /// The verdict on this socket if nothing moves for long enough.
    #[must_use]
    pub fn obstacle(&self) -> StallVerdict {
        if self.timeouts > 0 && self.window > 0 {
            StallVerdict::Unreachable
        } else if self.peer_closed() {
            StallVerdict::PeerClosed
        } else {
            StallVerdict::Stalled
        }
    }

    /// What keeps the queue from draining, in words.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self.obstacle() {
            StallVerdict::Unreachable => "lost path",
            StallVerdict::PeerClosed => "peer closed",
            _ if self.window == 0 => "closed window",
            _ => "no progress",
        }
    }
}

impl TcpState {
    /// Whether the peer has sent FIN (RFC 9293 section 3.3.2): these states are only reached after one.
    #[must_use]
    pub fn closed_by_peer(self) -> bool {
        matches!(
            self,
            TcpState::CloseWait | TcpState::LastAck | TcpState::Closing | TcpState::TimeWait
        )
    }

    /// The state's name as in `ss` and the kernel's headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TcpState::Established => "ESTABLISHED",
            TcpState::SynSent => "SYN_SENT",
            TcpState::SynReceived => "SYN_RECV",
            TcpState::FinWait1 => "FIN_WAIT1",
            TcpState::FinWait2 => "FIN_WAIT2",
            TcpState::TimeWait => "TIME_WAIT",
            TcpState::Close => "CLOSE",
            TcpState::CloseWait => "CLOSE_WAIT",
            TcpState::LastAck => "LAST_ACK",
            TcpState::Listen => "LISTEN",
            TcpState::Closing => "CLOSING",
        }
    }
}

#[cfg(test)]
#[path = "stall_tests.rs"]
mod tests;
