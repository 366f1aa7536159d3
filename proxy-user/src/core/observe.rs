//! What to do about a socket that another process owns: when to query the kernel's socket list for it, when
//! to report it, when to destroy it. Decided from samples and verdicts only.

use super::stall::{Sample, StallVerdict};

/// What is known about an observed socket besides its sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The kernel's callbacks write its row: it was established after the programs were attached.
    pub callbacks: bool,
    /// It has been queried at least once.
    pub asked: bool,
    /// The verdict that was last reported.
    pub told: StallVerdict,
}

impl Standing {
    /// Whether its row may be outdated, so that the next socket list must include it.
    ///
    /// With an empty queue and a closed (or unknown) window, writing bytes causes no callback. A probe shows
    /// them, except those of a send that was in progress when the last ack came, or that did not go through
    /// `tcp_sendmsg`.
    #[must_use]
    pub fn must_ask(&self, sample: &Sample) -> bool {
        let blind = sample.queued == 0 && matches!(sample.window, 0 | u32::MAX);
        !self.callbacks || !self.asked || blind || self.told != StallVerdict::Fine
    }
}

/// What to do after a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// Report that the verdict changed.
    Tell,
    /// Destroy the socket.
    Destroy,
}

/// Decides. `confirmed`: the socket itself was queried for this very verdict. Nothing is destroyed without
/// that, nor if nothing is queued: a peer that closed its side and left no queue behind blocks nobody, and
/// may be waiting for an answer.
#[must_use]
pub fn act(
    told: StallVerdict,
    verdict: StallVerdict,
    sample: &Sample,
    confirmed: bool,
    reap: bool,
) -> Act {
    if verdict != StallVerdict::Fine && reap && confirmed && sample.queued > 0 {
        Act::Destroy
    } else if verdict != told {
        Act::Tell
    } else {
        Act::Nothing
    }
}

/// A verdict as written in metrics and the API; `None` for a socket that is fine.
#[must_use]
pub fn reason(verdict: StallVerdict) -> Option<&'static str> {
    match verdict {
        StallVerdict::Fine => None,
        StallVerdict::Stalled => Some("stalled"),
        StallVerdict::Unreachable => Some("unreachable"),
        StallVerdict::PeerClosed => Some("peer_closed"),
    }
}

/// All reasons, for counters that start at zero.
pub const REASONS: [&str; 3] = ["stalled", "unreachable", "peer_closed"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{stall::TcpState, time::Nanos};

    const BAD: [StallVerdict; 3] =
        [StallVerdict::Stalled, StallVerdict::Unreachable, StallVerdict::PeerClosed];

    fn sample(queued: u64, window: u32) -> Sample {
        Sample {
            state: TcpState::Established,
            acked: 0,
            received: 0,
            queued,
            progress: Nanos(0),
            window,
            rtt_us: 0,
            retransmits: 0,
            timeouts: 0,
        }
    }

    #[test]
    fn only_a_row_that_may_be_wrong_is_asked_about() {
        let sure = Standing { callbacks: true, asked: true, told: StallVerdict::Fine };
        assert!(!sure.must_ask(&sample(0, 100)));
        assert!(!sure.must_ask(&sample(1, 0)));
        assert!(sure.must_ask(&sample(0, 0)));
        assert!(sure.must_ask(&sample(0, u32::MAX)));
        assert!(Standing { callbacks: false, ..sure }.must_ask(&sample(5, 100)));
        assert!(Standing { asked: false, ..sure }.must_ask(&sample(5, 100)));
        assert!(Standing { told: StallVerdict::Stalled, ..sure }.must_ask(&sample(5, 100)));
    }

    #[test]
    fn nothing_is_destroyed_unasked_unconfirmed_or_with_an_empty_queue() {
        for verdict in BAD {
            for told in [StallVerdict::Fine, verdict] {
                let act = |queued, confirmed, reap| {
                    act(told, verdict, &sample(queued, 0), confirmed, reap)
                };
                assert_eq!(act(1, true, true), Act::Destroy);
                for rest in [act(1, true, false), act(1, false, true), act(0, true, true)] {
                    assert_eq!(rest, if told == verdict { Act::Nothing } else { Act::Tell });
                }
            }
        }
        let fine = |told| act(told, StallVerdict::Fine, &sample(1, 0), true, true);
        assert_eq!(
            (fine(StallVerdict::Fine), fine(StallVerdict::Stalled)),
            (Act::Nothing, Act::Tell)
        );
    }

    #[test]
    fn every_verdict_has_its_reason() {
        assert_eq!(BAD.map(|verdict| reason(verdict).unwrap()), REASONS);
        assert_eq!(reason(StallVerdict::Fine), None);
    }
}
