//! How a session ends: the causes, and what each of its two legs is told.

use super::side::{PerSide, Side};

/// Why a session ended. The first cause wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// The client takes nothing of what is queued for it.
    ClientStalled = 1,
    /// Nothing sent to the client is acknowledged.
    ClientUnreachable,
    /// The client closed its side long ago, or its socket is gone.
    ClientGone,
    /// The client's connection was reset.
    ClientReset,
    /// The app takes nothing of what is queued for it.
    AppStalled,
    /// Nothing sent to the app is acknowledged.
    AppUnreachable,
    /// The app closed its side long ago, or its socket is gone.
    AppGone,
    /// The app's connection was reset.
    AppReset,
    /// A peer broke RFC 6455.
    Violation,
    /// A frame was larger than `limits.frame_bytes`.
    TooBig,
    /// Close frames were exchanged, but neither side closed its connection.
    CloseTimeout,
    /// Ebbtide is shutting down.
    Shutdown,
    /// The app did not answer a heartbeat in time.
    AckTimeout,
    /// The app ended its connection without Close.
    AppClosed,
    /// An operator asked for it.
    Operator,
    /// The client sends heartbeats but does not read the answers.
    HeartbeatFlood,
    /// The app is being suspended.
    Suspended,
}

/// What one leg is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tell {
    /// A Close frame with this code and reason, then FIN, after everything already accepted for this leg.
    Close(u16, &'static str),
    /// FIN only: this peer left without Close itself.
    Fin,
    /// RST: the kernel frees what is queued.
    Reset,
}

/// How a reap is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reap {
    /// The leg whose peer is gone.
    pub leg: Side,
    /// `stalled`, `unreachable`, `peer_closed` or `ack_timeout`.
    pub reason: &'static str,
}

impl Cause {
    /// All causes, in the order of their numbers.
    pub const ALL: [Cause; 17] = [
        Cause::ClientStalled,
        Cause::ClientUnreachable,
        Cause::ClientGone,
        Cause::ClientReset,
        Cause::AppStalled,
        Cause::AppUnreachable,
        Cause::AppGone,
        Cause::AppReset,
        Cause::Violation,
        Cause::TooBig,
        Cause::CloseTimeout,
        Cause::Shutdown,
        Cause::AckTimeout,
        Cause::AppClosed,
        Cause::Operator,
        Cause::HeartbeatFlood,
        Cause::Suspended,
    ];

    /// The cause with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Cause> {
        Cause::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The word for it in the access log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::ClientStalled => "client-stalled",
            Cause::ClientUnreachable => "client-unreachable",
            Cause::ClientGone => "client-gone",
            Cause::ClientReset => "client-reset",
            Cause::AppStalled => "app-stalled",
            Cause::AppUnreachable => "app-unreachable",
            Cause::AppGone => "app-gone",
            Cause::AppReset => "app-reset",
            Cause::Violation => "protocol-error",
            Cause::TooBig => "frame-too-big",
            Cause::CloseTimeout => "close-timeout",
            Cause::Shutdown => "shutdown",
            Cause::AckTimeout => "ack-timeout",
            Cause::AppClosed => "app-closed",
            Cause::Operator => "operator",
            Cause::HeartbeatFlood => "heartbeat-flood",
            Cause::Suspended => "suspended",
        }
    }

    /// What each leg is told.
    #[must_use]
    pub fn tell(self) -> PerSide<Tell> {
        use Tell::{Close, Fin, Reset};
        let both = |code, reason| (Close(code, reason), Close(code, reason));
        let (client, app) = match self {
            Cause::ClientStalled => (Reset, Close(1001, "client stalled")),
            Cause::ClientUnreachable => (Reset, Close(1001, "client unreachable")),
            Cause::ClientGone => (Reset, Close(1001, "client gone")),
            Cause::ClientReset => (Reset, Close(1001, "client reset")),
            Cause::AppStalled => (Close(1014, "app stalled"), Reset),
            Cause::AppUnreachable => (Close(1014, "app unreachable"), Reset),
            Cause::AppGone => (Close(1014, "app gone"), Reset),
            Cause::AppReset => (Close(1014, "app reset"), Reset),
            Cause::Violation => both(1002, "protocol error"),
            Cause::TooBig => both(1009, "frame too big"),
            // Depends on what was exchanged: `core::closing`.
            Cause::CloseTimeout => (Reset, Reset),
            Cause::Shutdown => both(1012, "proxy is restarting"),
            // The page reconnects on 1012.
            Cause::AckTimeout => (Close(1012, "heartbeat not answered"), Reset),
            Cause::AppClosed => (Close(1014, "app closed"), Fin),
            Cause::Operator => both(1001, "ended by an operator"),
            Cause::HeartbeatFlood => both(1008, "too many heartbeats"),
            Cause::Suspended => both(1001, "suspended"),
        };
        PerSide { client, app }
    }

    /// How the reaper counts it; `None` = it is not a reap.
    #[must_use]
    pub fn reap(self) -> Option<Reap> {
        let (leg, reason) = match self {
            Cause::ClientStalled => (Side::Client, "stalled"),
            Cause::ClientUnreachable => (Side::Client, "unreachable"),
            Cause::ClientGone => (Side::Client, "peer_closed"),
            Cause::AppStalled => (Side::App, "stalled"),
            Cause::AppUnreachable => (Side::App, "unreachable"),
            // An app that leaves without Close is a loss; a client may leave at any time.
            Cause::AppGone | Cause::AppReset | Cause::AppClosed => (Side::App, "peer_closed"),
            Cause::AckTimeout => (Side::App, "ack_timeout"),
            _ => return None,
        };
        Some(Reap { leg, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_their_causes() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_number(cause as u8), Some(cause));
        }
        assert_eq!(Cause::from_number(0), None);
        assert_eq!(Cause::from_number(18), None);
    }

    #[test]
    fn the_leg_at_fault_is_reset_and_the_other_is_told() {
        for cause in Cause::ALL {
            let Some(reap) = cause.reap() else { continue };
            let tell = cause.tell();
            assert!(matches!(tell[reap.leg], Tell::Reset | Tell::Fin), "{cause:?}");
            assert!(matches!(tell[reap.leg.other()], Tell::Close(..)), "{cause:?}");
        }
    }
}
