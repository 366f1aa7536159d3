//! When to ping a silent leg, and when a missing pong means that its peer is gone.
//!
//! Intermediaries cut a connection if one direction is silent, even if the other is not. A ping is traffic in
//! one direction and its pong in the other, so a leg is pinged when either direction has been silent. A peer
//! that has other bytes queued is judged by `stall`, not here.
//!
//! Call [`Pulse::look`] with a leg's counts at every sweep, in order of time, and act on the verdict. To
//! spread pings, each leg has its own offset in a grid of moments half an interval apart. It is pinged at the
//! first of its moments at which the silence is at least half an interval old. So many legs that fall silent
//! at once are not pinged at once, and no silence outlasts the interval. The second ping of every other leg
//! comes one moment sooner, so that both halves of the interval are used.

use std::time::Duration;

use super::time::Nanos;

/// The longest ping of ours on the wire, in bytes: header, masking key, and eight bytes of payload.
const PING: u64 = 14;
/// A peer that left this many pings in a row unanswered while sending other bytes does not answer pings at
/// all (RFC 6455 section 5.5.2 says it must). Missing pongs mean nothing then.
const DEAF: u8 = 3;

/// What else must be known about a leg, needed only after a ping has gone out.
pub trait Peer {
    /// Whether the newest ping has not been inserted into the stream yet.
    fn ping_waits(&self) -> bool;

    /// Whether a pong to one of our pings arrived since the last call.
    fn ponged(&self) -> bool;

    /// Bytes accepted for sending and not acknowledged.
    fn queued(&self) -> u64;

    /// Whether the leg may not be read because the other leg takes nothing.
    fn held_up(&self) -> bool;
}

/// The verdict on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepaliveVerdict {
    /// There is nothing to do.
    Fine,
    /// Ping the peer.
    Ping,
    /// The peer did not answer a ping in time, and sent nothing else.
    Unreachable,
}

/// The parameters of one sweep.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The current time in milliseconds.
    now: u64,
    /// Milliseconds since the previous sweep.
    step: u64,
    /// Milliseconds between two moments of the grid.
    grid: u64,
    /// How long an answer may take, in milliseconds.
    timeout: Option<u64>,
}

impl Round {
    /// The sweep at `now`, after one at `before`. `interval`: the longest silence; can only be kept if it is
    /// at least three times `period`, the time between sweeps. `timeout`: how long an answer may take; `None`
    /// = for ever.
    #[must_use]
    pub fn new(
        interval: Duration,
        timeout: Option<Duration>,
        period: Duration,
        (before, now): (Nanos, Nanos),
    ) -> Round {
        // A sweep sees traffic up to one period late, and comes up to one period after the moment. Another
        // quarter allows for late sweeps.
        let margin = period * 9 / 4;
        let span = interval.saturating_sub(margin).max(interval / 2);
        let grid = whole(span / 2).max(1);
        let (now, before) = (milliseconds(now), milliseconds(before));
        Round { now, step: now.saturating_sub(before), grid, timeout: timeout.map(whole) }
    }

    /// Whether the leg at this place is due for a ping, given that its silence must be `least` old at its
    /// moment. `silence`: its age in milliseconds at the sweep.
    fn due(&self, place: u32, silence: u32, least: u64) -> bool {
        // Multiples of the golden ratio are evenly spread, no matter how many (Knuth, The Art of Computer
        // Programming, volume 3, section 6.4).
        let share = u64::from(place.wrapping_mul(0x9E37_79B9));
        let phase = (share * self.grid) >> 32;
        let ago = (self.now + self.grid - phase) % self.grid;
        ago < self.step && u64::from(silence) >= least + ago
    }

    fn stamp(&self) -> u32 {
        low(self.now)
    }
}

/// What is remembered about one leg between sweeps.
///
/// Counts and times are truncated to their low halves: what matters is whether and how long ago they changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulse {
    sent: u32,
    read: u32,
    sent_at: u32,
    read_at: u32,
    asked_at: u32,
    answer: Answer,
    /// Pings since something was last read, up to 255.
    pings: u8,
    /// Pings over the leg's life, up to 2.
    pinged: u8,
    /// Pings in a row left unanswered by a peer that sent other bytes, up to [`DEAF`].
    unanswered: u8,
    /// Whether the leg has been looked at before.
    known: bool,
}

/// Whether an answer is missing. Any bytes are an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    Given,
    /// The ping may not have been sent yet.
    Asked,
    /// It was sent, and since then the peer has had no excuse.
    Missing { since: u32 },
}

impl Pulse {
    /// Looks at a leg. `sent`, `read`: bytes written to and read from its socket over its life. `place`: a
    /// number of the leg, to spread pings.
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
        // A peer that does not answer is still pinged once per interval.
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

    /// The verdict was wrong: bytes from the peer are waiting to be read.
    pub fn excuse(&mut self, round: &Round) {
        self.answer = Answer::Missing { since: round.stamp() };
    }

    /// Something was read.
    fn received(&mut self, peer: &impl Peer) {
        self.pings = 0;
        if std::mem::take(&mut self.answer) == Answer::Given {
            return;
        }
        // A pong after other bytes is reported next time.
        if peer.ponged() {
            self.unanswered = 0;
        } else if !peer.ping_waits() {
            self.unanswered = (self.unanswered + 1).min(DEAF);
        }
    }

    /// Nothing was read. Returns whether an answer has been missing for too long.
    fn misses(&mut self, round: &Round, peer: &impl Peer) -> bool {
        let (Some(timeout), now) = (round.timeout, round.stamp()) else { return false };
        let since = match self.answer {
            Answer::Given => return false,
            Answer::Asked if peer.ping_waits() => return false,
            Answer::Asked => now,
            Answer::Missing { since } => since,
        };
        // Anything else in the queue is either taken, which shows life, or judged by `stall`. The kernel of a
        // frozen process acknowledges pings, so that is not a sign of life.
        let excused = peer.queued() > PING * u64::from(self.pings) || peer.held_up();
        let since = if excused { now } else { since };
        self.answer = Answer::Missing { since };
        self.unanswered < DEAF && u64::from(age(since, now)) >= timeout
    }
}

/// Milliseconds between two timestamps.
fn age(then: u32, now: u32) -> u32 {
    now.wrapping_sub(then)
}

fn milliseconds(at: Nanos) -> u64 {
    at.0 / 1_000_000
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[allow(clippy::cast_possible_truncation, reason = "only the low half is needed")]
fn low(number: u64) -> u32 {
    number as u32
}

#[cfg(test)]
#[path = "keepalive_tests.rs"]
mod tests;
