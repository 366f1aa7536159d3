//! The ways in which an app fails: for whoever sends it a request, or for an open session.

use super::ending::Cause;

/// How an app failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It did not accept a connection.
    Refused,
    /// It closed a connection before its answer, or the answer was not HTTP.
    Broken,
    /// It accepted a connection and did not answer a handshake in time.
    Slow,
    /// It reset a session's connection.
    Reset,
    /// It ended a session's connection without Close.
    Closed,
    /// It takes nothing of what is queued for it: frozen.
    Stalled,
    /// Nothing sent to it is acknowledged.
    Unreachable,
    /// It left a heartbeat unanswered.
    AckTimeout,
}

impl Loss {
    /// All of them.
    pub const ALL: [Loss; 8] = [
        Loss::Refused,
        Loss::Broken,
        Loss::Slow,
        Loss::Reset,
        Loss::Closed,
        Loss::Stalled,
        Loss::Unreachable,
        Loss::AckTimeout,
    ];

    /// The word used in the API and as a label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Loss::Refused => "refused",
            Loss::Broken => "broken",
            Loss::Slow => "slow",
            Loss::Reset => "reset",
            Loss::Closed => "closed",
            Loss::Stalled => "stalled",
            Loss::Unreachable => "unreachable",
            Loss::AckTimeout => "ack_timeout",
        }
    }

    /// What the end of a session says about its app; `None` = nothing.
    #[must_use]
    pub fn of(cause: Cause) -> Option<Loss> {
        match cause {
            Cause::AppReset => Some(Loss::Reset),
            Cause::AppClosed | Cause::AppGone => Some(Loss::Closed),
            Cause::AppStalled => Some(Loss::Stalled),
            Cause::AppUnreachable => Some(Loss::Unreachable),
            Cause::AckTimeout => Some(Loss::AckTimeout),
            Cause::ClientStalled
            | Cause::ClientUnreachable
            | Cause::ClientGone
            | Cause::ClientReset
            | Cause::Violation
            | Cause::TooBig
            | Cause::CloseTimeout
            | Cause::Shutdown
            | Cause::Operator
            | Cause::HeartbeatFlood
            | Cause::Suspended => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::side::Side;

    #[test]
    fn an_app_is_lost_where_its_leg_is_reaped() {
        for cause in Cause::ALL {
            let reaped = cause.reap().is_some_and(|reap| reap.leg == Side::App);
            assert_eq!(Loss::of(cause).is_some(), reaped, "{cause:?}");
        }
    }

    #[test]
    fn they_are_in_their_order() {
        for (at, loss) in Loss::ALL.into_iter().enumerate() {
            assert_eq!(loss as usize, at, "{loss:?}");
        }
    }
}
