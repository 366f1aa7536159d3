//! The keepalive part of a look at a session: `core::keepalive` decides, the pump pings.
//!
//! A session that is not due only touches its counts and its pulses, both in memory order.

use std::cell::Cell;
use std::io::ErrorKind;
use std::time::Duration;

use crate::core::ending::Cause;
use crate::core::keepalive::{KeepaliveVerdict, Peer, Pulse, Round};
use crate::core::side::{PerSide, Side};
use crate::core::time::Nanos;
use crate::session::{Leg, Look};
use crate::sockets::View;

/// A leg of a session, as the keepalive queries it.
struct Asked<'a> {
    view: &'a View<'a>,
    other: &'a View<'a>,
    leg: Option<&'a Leg>,
    /// Round-trip time of the pong, if one came.
    took: Cell<Option<Duration>>,
}

impl Peer for Asked<'_> {
    fn ping_waits(&self) -> bool {
        self.leg.is_some_and(|leg| leg.pings.waits())
    }

    fn ponged(&self) -> bool {
        let pong = self.leg.and_then(|leg| leg.pings.take_pong());
        self.took.set(pong.flatten());
        pong.is_some()
    }

    fn queued(&self) -> u64 {
        self.view.sample().queued
    }

    fn held_up(&self) -> bool {
        !self.other.at_rest() && self.other.sample().queued > 0
    }
}

/// Looks at both legs, requests pings if necessary, and returns the cause for which to end the session. `rtt`
/// is called with the round-trip times of pongs.
pub(super) fn look(
    look: &mut Look<'_>,
    round: &Round,
    now: Nanos,
    rtt: &mut impl FnMut(Duration),
) -> Option<Cause> {
    // After a Close no ping may follow, and a side that has ended cannot answer.
    if look.noted || !look.legs.client.stands() || !look.legs.app.stands() {
        return None;
    }
    let place = u32::try_from(look.place).unwrap_or(u32::MAX);
    let session = look.session();
    let verdicts = PerSide::from_fn(|side| {
        let (view, other) = (&look.legs[side], &look.legs[side.other()]);
        let leg = session.map(|session| &session.legs[side]);
        let asked = Asked { view, other, leg, took: Cell::new(None) };
        let verdict = look.pulses[side].look((view.sent(), view.read()), place, round, &asked);
        asked.took.take().into_iter().for_each(&mut *rtt);
        verdict
    });
    let session = session?;
    for side in Side::BOTH {
        if verdicts[side] == KeepaliveVerdict::Unreachable {
            let (pulse, view) = (&mut look.pulses[side], &look.legs[side]);
            return confirm(pulse, view, &session.legs[side], round, now, dead(side));
        }
    }
    let wanted = verdicts.map(|verdict| verdict == KeepaliveVerdict::Ping);
    if wanted.client || wanted.app {
        session.ping(wanted);
    }
    None
}

/// The causes for a leg whose peer does not answer, and for one whose socket is gone.
fn dead(side: Side) -> [Cause; 2] {
    match side {
        Side::Client => [Cause::ClientUnreachable, Cause::ClientGone],
        Side::App => [Cause::AppUnreachable, Cause::AppGone],
    }
}

/// Asks the socket itself whether unread bytes have arrived.
fn confirm(
    pulse: &mut Pulse,
    view: &View<'_>,
    leg: &Leg,
    round: &Round,
    now: Nanos,
    [silent, gone]: [Cause; 2],
) -> Option<Cause> {
    match leg.socket.confirm(now) {
        Ok(asked) if asked.received > view.read() => {
            pulse.excuse(round);
            None
        }
        Ok(_) => Some(silent),
        // Released by its pump: the session has just ended.
        Err(error) if error.kind() == ErrorKind::NotConnected => None,
        Err(_) => Some(gone),
    }
}
