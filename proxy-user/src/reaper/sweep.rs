//! One sweep over the table: which sessions have a dead leg, and which must be pinged.
//!
//! The decisions are made in `core::stall` and `core::keepalive`. A session with nothing queued costs its two
//! rows, the process's own counts, and its pulses: four cache lines in memory order. No other memory of it is
//! touched, and with kernel rows there is no system call.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use super::pulse;
use crate::core::ending::Cause;
use crate::core::keepalive::Round;
use crate::core::side::{PerSide, Side};
use crate::core::stall::{Sample, StallVerdict, Watch};
use crate::core::time::Nanos;
use crate::session::{Leg, Look, Registry, Session, Watches};
use crate::sockets::Sockets;

/// How long both sides may leave their connections open after a Close was exchanged and everything was taken
/// (RFC 6455 section 7.1.1).
const CLOSING: Duration = Duration::from_secs(10);

/// The parameters of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweepParams {
    /// When the sweep is.
    pub now: Nanos,
    /// How long queued bytes may make no progress.
    pub grace: Duration,
    /// When to ping silent legs and when to give up on them; `None` = never.
    pub keepalive: Option<Round>,
}

/// Looks at every session once. Calls `show` with those that must end, each with the sweep's state and the
/// cause. Silent ones are pinged; `rtt` is called with the round-trip times of pongs.
pub fn sweep(
    sockets: &Sockets,
    registry: &Registry,
    params: SweepParams,
    mut rtt: impl FnMut(Duration),
    mut end: impl FnMut(&Arc<Session>, &Watches, Cause),
) {
    let SweepParams { now, grace, keepalive } = params;
    sockets.refresh(now);
    registry.sweep(sockets, |mut look| {
        if let Some(round) = &keepalive
            && let Some(cause) = pulse::look(&mut look, round, now, &mut rtt)
            && let Some(session) = look.session()
        {
            end(session, look.watches, cause);
        }
        if look.at_rest() {
            return false;
        }
        if let Some((session, cause)) = judge(&mut look, now, grace) {
            end(session, look.watches, cause);
        }
        !look.watches.at_rest()
    });
}

fn judge<'a>(
    look: &mut Look<'a>,
    now: Nanos,
    grace: Duration,
) -> Option<(&'a Arc<Session>, Cause)> {
    let session = look.session()?;
    let samples = PerSide::from_fn(|side| match look.noted {
        true => session.legs[side].socket.sample(),
        false => look.legs[side].sample(),
    });
    let Watches { legs, closing } = &mut *look.watches;
    for side in Side::BOTH {
        let passing = samples[side.other()].queued > 0;
        let leg = &session.legs[side];
        let verdict = judge_leg(&mut legs[side], &samples[side], leg, passing, now, grace);
        if let Some(cause) = cause(side, verdict) {
            return Some((session, cause));
        }
    }
    let quiet = samples.client.queued == 0 && samples.app.queued == 0;
    close(closing, look.noted && quiet && session.closing(), now)
        .then_some((session, Cause::CloseTimeout))
}

/// The cause for which a verdict on this side's leg ends the session.
fn cause(side: Side, verdict: StallVerdict) -> Option<Cause> {
    match (verdict, side) {
        (StallVerdict::Fine, _) => None,
        (StallVerdict::Stalled, Side::Client) => Some(Cause::ClientStalled),
        (StallVerdict::Stalled, Side::App) => Some(Cause::AppStalled),
        (StallVerdict::Unreachable, Side::Client) => Some(Cause::ClientUnreachable),
        (StallVerdict::Unreachable, Side::App) => Some(Cause::AppUnreachable),
        (StallVerdict::PeerClosed, Side::Client) => Some(Cause::ClientGone),
        (StallVerdict::PeerClosed, Side::App) => Some(Cause::AppGone),
    }
}

/// Whether a session that only has to be closed has had enough time for that.
fn close(since: &mut Nanos, quiet: bool, now: Nanos) -> bool {
    *since = match (quiet, *since) {
        (false, _) => Nanos(0),
        (true, Nanos(0)) => now,
        (true, since) => since,
    };
    quiet && now.since(*since) >= CLOSING
}

fn judge_leg(
    watch: &mut Watch,
    sample: &Sample,
    leg: &Leg,
    passing: bool,
    now: Nanos,
    grace: Duration,
) -> StallVerdict {
    match watch.look(sample, passing, now, grace) {
        StallVerdict::Fine if !watch.take_doubt() => StallVerdict::Fine,
        // A row can miss progress: an ack that yields no round-trip time causes no callback. So the socket
        // itself is queried once when its row stands still, to count the wait from the right moment, and
        // again before a session is ended.
        _ => match leg.socket.confirm(now) {
            Ok(asked) => watch.look(&asked, passing, now, grace),
            // Released by its pump: the session has just ended.
            Err(error) if error.kind() == ErrorKind::NotConnected => StallVerdict::Fine,
            Err(_) => StallVerdict::PeerClosed,
        },
    }
}
