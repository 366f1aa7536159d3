//! When a silent leg is pinged, and when a missing answer says that its peer is gone.
//!
//! Intermediaries cut a connection of which one direction is silent, whatever the other does. A ping
//! is traffic one way and its pong the other, so a leg is pinged when either of its directions has been
//! silent. Who has something else queued for it is judged by `stall`, not here.
//!
//! Give [`Pulse::look`] the counts of a leg at every sweep, in the order of time, and do what it says.
//! Pings are spread by a grid of moments, half an interval apart, that each leg has its own place in:
//! a ping goes out at the first of them at which the silence is half an interval old. So however many
//! legs fall silent at once, their pings do not come at once, and no silence outlasts the interval. The
//! second ping of every other leg comes one moment sooner, and so both halves of the interval are used.

use std::time::Duration;

use super::time::Nanos;

/// The longest ping of ours on the wire in bytes: header, masking key, and eight bytes of payload.
const PING: u64 = 14;
/// A peer that let so many pings in a row go by without a pong, and sent other bytes meanwhile, does
/// not answer pings (RFC 6455 section 5.5.2 says it must). That a pong is missing tells nothing of it.
const DEAF: u8 = 3;

/// What a look asks of a leg beyond its counts, and only if a ping has gone out.
pub trait Peer {
    /// The newest ping waits for its place in the stream.
    fn ping_waits(&self) -> bool;

    /// A pong to a ping of ours came since this was last asked.
    fn ponged(&self) -> bool;

    /// Bytes accepted for sending and not acknowledged.
    fn queued(&self) -> u64;

    /// It may be that nothing is read from the leg because the other one takes nothing.
    fn held_up(&self) -> bool;
}

/// What a look at a leg comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepaliveVerdict {
    /// Nothing is to be done.
    Fine,
    /// The peer is to be pinged.
    Ping,
    /// The peer has not answered a ping in time, nor done anything else.
    Unreachable,
}

/// One sweep: what holds for all legs that it looks at.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Milliseconds of the clock.
    now: u64,
    /// Milliseconds since the sweep before.
    step: u64,
    /// Milliseconds between two places in the grid.
    grid: u64,
    /// Milliseconds that an answer may take.
    timeout: Option<u64>,
}

impl Round {
    /// The sweep at `now` after one at `before`. `interval`: the longest silence; it can be kept if it
    /// is no less than three times `period`, the time between sweeps. `timeout`: how long an answer may
    /// take; `None` = for ever.
    #[must_use]
    pub fn new(
        interval: Duration,
        timeout: Option<Duration>,
        period: Duration,
        (before, now): (Nanos, Nanos),
    ) -> Round {
        // A sweep sees traffic up to a period late, and comes up to a period after the moment; a
        // quarter is for sweeps that are late themselves.
        let margin = period * 9 / 4;
        let span = interval.saturating_sub(margin).max(interval / 2);
        let grid = whole(span / 2).max(1);
        let (now, before) = (milliseconds(now), milliseconds(before));
        Round { now, step: now.saturating_sub(before), grid, timeout: timeout.map(whole) }
    }

    /// Whether a ping is due to the leg at this place, if its silence is `least` old at its moment. It is
    /// so many milliseconds old at the sweep.
    fn due(&self, place: u32, silence: u32, least: u64) -> bool {
        // Multiples of the golden ratio are spread evenly, however many there are (Knuth, The Art of
        // Computer Programming, volume 3, section 6.4).
        let share = u64::from(place.wrapping_mul(0x9E37_79B9));
        let phase = (share * self.grid) >> 32;
        let ago = (self.now + self.grid - phase) % self.grid;
        ago < self.step && u64::from(silence) >= least + ago
    }

    fn stamp(&self) -> u32 {
        low(self.now)
    }
}

/// What is remembered of one leg from look to look.
///
/// Counts and times are the low halves of theirs: only whether and how long ago they changed matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulse {
    sent: u32,
    read: u32,
    sent_at: u32,
    read_at: u32,
    asked_at: u32,
    answer: Answer,
    /// Pings since something was read, to 255.
    pings: u8,
    /// Pings over its life, to 2.
    pinged: u8,
    /// Pings in a row that were not answered by a peer that sent other bytes, to [`DEAF`].
    unanswered: u8,
    /// It was looked at.
    known: bool,
}

/// Whether an answer is missing: any bytes are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    Given,
    /// The ping is not known to be on its way.
    Asked,
    /// It went out, and since then the peer has had no excuse.
    Missing { since: u32 },
}

impl Pulse {
    /// Looks at a leg: bytes handed to its socket and read from it over its life, and what makes its
    /// place differ from the others'.
    #[inline]
    pub fn look(
        &mut self,
        (sent, read): (u64, u64),
        place: u32,
        round: &Round,
        peer: &impl Peer,
    ) -> KeepaliveVerdict {
        let now = round.stamp();
        let (sent, read) = (low(sent), low(read));
        if !self.known {
            let times = Pulse { sent_at: now, read_at: now, asked_at: now, ..Pulse::default() };
            *self = Pulse { sent, read, known: true, ..times };
            return KeepaliveVerdict::Fine;
        }
        if std::mem::replace(&mut self.sent, sent) != sent {
            self.sent_at = now;
        }
        if std::mem::replace(&mut self.read, read) != read {
            self.read_at = now;
            self.received(peer);
        } else if self.misses(round, peer) {
            return KeepaliveVerdict::Unreachable;
        }
        // A peer that does not answer is pinged once per interval all the same.
        let silence = age(self.sent_at, now).max(age(self.read_at, now));
        let sooner = self.pinged == 1 && place % 2 == 1;
        let least = if sooner { round.grid / 2 } else { round.grid };
        if !round.due(place, silence.min(age(self.asked_at, now)), least) {
            return KeepaliveVerdict::Fine;
        }
        self.asked_at = now;
        self.pinged = (self.pinged + 1).min(2);
        self.pings = self.pings.saturating_add(1);
        if self.answer == Answer::Given {
            self.answer = Answer::Asked;
        }
        KeepaliveVerdict::Ping
    }

    /// The verdict was wrong: bytes of the peer wait to be read.
    pub fn excuse(&mut self, round: &Round) {
        self.answer = Answer::Missing { since: round.stamp() };
    }

    /// Something was read.
    fn received(&mut self, peer: &impl Peer) {
        self.pings = 0;
        if std::mem::take(&mut self.answer) == Answer::Given {
            return;
        }
        // A pong that comes behind other bytes is told of next time.
        if peer.ponged() {
            self.unanswered = 0;
        } else if !peer.ping_waits() {
            self.unanswered = (self.unanswered + 1).min(DEAF);
        }
    }

    /// Nothing was read: whether the answer has been missing for too long.
    fn misses(&mut self, round: &Round, peer: &impl Peer) -> bool {
        let (Some(timeout), now) = (round.timeout, round.stamp()) else { return false };
        let since = match self.answer {
            Answer::Given => return false,
            Answer::Asked if peer.ping_waits() => return false,
            Answer::Asked => now,
            Answer::Missing { since } => since,
        };
        // What else is queued is either taken, which is life, or judged by `stall`. The kernel of a
        // frozen peer acknowledges pings, so that these are no sign of life.
        let excused = peer.queued() > PING * u64::from(self.pings) || peer.held_up();
        let since = if excused { now } else { since };
        self.answer = Answer::Missing { since };
        self.unanswered < DEAF && u64::from(age(since, now)) >= timeout
    }
}

/// Milliseconds from a stamp to another.
fn age(then: u32, now: u32) -> u32 {
    now.wrapping_sub(then)
}

fn milliseconds(at: Nanos) -> u64 {
    at.0 / 1_000_000
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[allow(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
#[path = "keepalive_tests.rs"]
mod tests;
