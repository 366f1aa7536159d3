//! Detects similar messages of a session, or requests of a browser, at a steady pace with nothing in between:
//! probably machinery that no rule matches.
//!
//! This is a guess for people to read and is never acted on: somebody who presses the same button every ten
//! seconds looks the same. Only unmatched traffic is fed in; traffic that rules match does not disturb the
//! pace.

mod hints;
mod paces;
mod paste;

use std::time::Duration;

pub use self::hints::{Hints, Known};
pub use self::paces::Paces;
pub use self::paste::{guard, pack, pack_name, rule};
use super::frame::Opcode;
use super::history::Method;
use super::payload::Payload;
use super::skeleton::{self, Digest, Skeleton};

pub use super::skeleton::LONGEST;
use super::time::Nanos;

/// How many in a row make a pace.
const ENOUGH: u16 = 5;
/// And for at least how long: a person may press a button five times in two seconds.
const SPAN: Duration = Duration::from_secs(10);
/// Anything faster is typing, dragging or a stream. It is skipped, so it costs nothing.
const SHORTEST: Duration = Duration::from_millis(200);
/// Browsers throttle the timers of hidden tabs to once a second, and later to once a minute.
const THROTTLED: u32 = 1000;
/// How many gaps are remembered.
const GAPS: usize = 6;

/// Probable machinery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The median time between two messages.
    pub period: Duration,
    /// Whether it comes as messages or as requests.
    pub carrier: Carrier,
    /// Length of the shortest message or request body, in bytes.
    pub least: u16,
    /// Length of the longest, in bytes.
    pub most: u16,
    /// How many came in a row.
    pub run: u16,
    /// The digest of what they have in common.
    pub digest: Digest,
}

/// What the probable machinery is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Messages, text or binary.
    Message(Opcode),
    /// Plain requests.
    Request(Method),
}

/// The state for the client's side of one session, or for the requests of one browser: 56 bytes.
#[derive(Clone, Debug)]
pub struct Cadence {
    /// Hash of what the messages or requests of the run have in common.
    hash: u64,
    first: Nanos,
    last: Nanos,
    /// The newest gaps in milliseconds, in no particular order.
    gaps: [u32; GAPS],
    /// Messages in the run; 0 = the previous message is unknown.
    run: u16,
    least: u16,
    most: u16,
}

impl Default for Cadence {
    fn default() -> Cadence {
        let (first, last) = (Nanos(0), Nanos(0));
        Cadence { hash: 0, first, last, gaps: [0; GAPS], run: 0, least: 0, most: 0 }
    }
}

impl Cadence {
    /// Feeds a whole message that no rule matches. Returns a hint for each message that keeps a pace.
    pub fn feed(&mut self, now: Nanos, opcode: Opcode, message: &Payload<'_>) -> Option<Hint> {
        let skeleton = Skeleton::WithoutNumbers;
        let hash = || skeleton::quick(skeleton, message.plain()) ^ opcode as u64;
        let period = self.beat(now, message.seen().len(), hash)?;
        Some(self.hint(period, Carrier::Message(opcode), Digest::of(skeleton, message.plain())?))
    }

    /// Feeds a request that no rule matches, with its whole body. Returns a hint for each request that keeps
    /// a pace.
    pub fn ask(&mut self, now: Nanos, method: Method, path: &str, body: &[u8]) -> Option<Hint> {
        let skeleton = Skeleton::WithoutIds;
        let quick = |bytes| skeleton::quick(skeleton, bytes);
        let place = || quick(path.as_bytes()).rotate_left(1) ^ quick(method.as_str().as_bytes());
        let period = self.beat(now, body.len(), || quick(body).rotate_left(2) ^ place())?;
        Some(self.hint(period, Carrier::Request(method), Digest::of(skeleton, body)?))
    }

    fn hint(&self, period: Duration, carrier: Carrier, digest: Digest) -> Hint {
        let Cadence { least, most, run, .. } = *self;
        Hint { period, carrier, least, most, run, digest }
    }

    /// Feeds one more with this length and hash. Returns the median gap if it keeps a pace.
    fn beat(&mut self, now: Nanos, length: usize, hash: impl Fn() -> u64) -> Option<Duration> {
        let gap = now.since(self.last);
        self.last = now;
        let length = match u16::try_from(length) {
            Ok(known) if length <= LONGEST && gap >= SHORTEST => known,
            _ => {
                self.run = 0;
                return None;
            }
        };
        let hash = hash();
        if self.run == 0 || hash != self.hash {
            let (least, most) = (length, length);
            *self = Cadence { hash, first: now, last: now, gaps: [0; GAPS], run: 1, least, most };
            return None;
        }
        self.gaps[usize::from(self.run - 1) % GAPS] =
            u32::try_from(gap.as_millis()).unwrap_or(u32::MAX);
        // Stays above `GAPS` when it would overflow.
        self.run = self.run.checked_add(1).unwrap_or(self.run);
        self.least = self.least.min(length);
        self.most = self.most.max(length);
        let period = self.period()?;
        (self.run >= ENOUGH && now.since(self.first) >= SPAN).then_some(period)
    }

    /// The client sent something else that is not fed in: too long, or matched by a rule for people.
    pub fn disturb(&mut self) {
        self.run = 0;
    }

    /// The median gap, if every remembered gap is consistent with it.
    fn period(&self) -> Option<Duration> {
        let mut gaps = self.gaps;
        let known = &mut gaps[..usize::from(self.run - 1).min(GAPS)];
        known.sort_unstable();
        let median = *known.get((known.len().checked_sub(1)?) / 2)?;
        let steady = known.iter().all(|&gap| keeps(gap, median));
        steady.then(|| Duration::from_millis(median.into()))
    }
}

/// A period in words, with tenths of a second if it is short.
#[must_use]
pub fn words(period: Duration) -> String {
    match period.as_millis() {
        millis @ ..10_000 if millis % 1000 >= 50 => format!("{:.1} s", period.as_secs_f64()),
        _ => format!("{:.0} s", period.as_secs_f64()),
    }
}

/// Whether a gap is within a fifth of the median, or of a whole multiple of it, as happens when a browser
/// throttles timers.
fn keeps(gap: u32, median: u32) -> bool {
    let slack = median / 5;
    let near = |wanted: u32| gap.abs_diff(wanted) <= slack;
    let times = gap.saturating_add(slack) / median.max(1);
    near(median) || (gap >= THROTTLED && times > 1 && near(median.saturating_mul(times)))
}

#[cfg(test)]
mod tests;
