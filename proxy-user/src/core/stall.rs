//! Is a leg's peer still taking what we send? Decided from samples of its socket alone.
//!
//! Only the lack of progress convicts. Progress is what acknowledgements show: a peer that reads from
//! a full receive buffer shows none before a good part of it is free, so the grace period must be
//! longer than that takes at the slowest rate that shall pass as life.

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

/// What a look at a leg says of its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StallVerdict {
    /// Nothing is waiting, or it moves.
    Fine,
    /// Bytes were queued for the whole grace period and the peer took none.
    Stalled,
    /// The same, and what was sent runs into retransmission timeouts.
    Unreachable,
    /// The peer closed its side and nothing moves any more, or the socket is gone.
    PeerClosed,
}

/// What is remembered of one leg from look to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    acked: u64,
    /// Since when something waits and nothing moves; `Nanos(0)` = nothing waits.
    since: Nanos,
    /// The row said the same at two looks, and the socket was not asked since.
    doubt: Doubt,
}

/// Whether a row that says that nothing moves is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doubt {
    /// It moved, or nothing waits.
    #[default]
    None,
    /// It stood still from one look to the next.
    Open,
    /// The socket was asked since it moved last.
    Settled,
}

impl Watch {
    /// Judges one leg. Looks may come at any pace; the verdict falls at the first one that is
    /// `grace` after the last progress.
    ///
    /// `passing`: the session's other leg still has bytes to take. They may be the last words of a
    /// peer that has closed, so it is not convicted of that meanwhile; if they do not move, the
    /// other leg is at fault.
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
            // What waits here was put there after the look before, which saw nothing wait.
            now
        } else if !moved {
            self.since
        } else if sample.progress > self.since {
            // The row knows the moment of the progress that this look is the first to see.
            sample.progress.min(now)
        } else {
            // It was read between the kernel's two writes.
            now
        };
        self.since = since;
        if now.since(since) < grace { StallVerdict::Fine } else { sample.obstacle() }
    }

    /// Whether the socket itself should be asked now, once per standstill: the kernel calls back once
    /// per round trip, so that a row can lack the last acks of a flight for as long as nothing more is
    /// sent (`tcp_rtt_estimator`: `after(snd_una, rtt_seq)`).
    pub fn take_doubt(&mut self) -> bool {
        let open = self.doubt == Doubt::Open;
        if open {
            self.doubt = Doubt::Settled;
        }
        open
    }

    /// Since when something waits and nothing moves; `None` = nothing waits.
    #[must_use]
    pub fn waiting_since(&self) -> Option<Nanos> {
        (!self.at_rest()).then_some(self.since)
    }

    /// Nothing waits. A look that sees nothing wait either changes nothing that a later one depends on,
    /// so it may be left out.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        self.since == Nanos(0)
    }
}

impl Sample {
    fn peer_closed(&self) -> bool {
        self.state == TcpState::Close || self.state.closed_by_peer()
    }

    /// The verdict that this socket gets if nothing moves for long enough.
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
    /// The peer has sent its FIN (RFC 9293 section 3.3.2): these states can only be reached by one.
    #[must_use]
    pub fn closed_by_peer(self) -> bool {
        matches!(
            self,
            TcpState::CloseWait | TcpState::LastAck | TcpState::Closing | TcpState::TimeWait
        )
    }

    /// The state's name as `ss` and the kernel's headers write it.
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
