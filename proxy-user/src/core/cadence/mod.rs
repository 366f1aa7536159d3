//! Equal-looking messages of a session, or requests of a browser, at a steady pace with nothing between
//! them: probably machinery that no rule knows.
//!
//! A guess for people to read, never acted on: who presses the same button every ten seconds looks
//! the same. It is shown only what no rule knows; what rules know does not disturb the pace.

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

/// So many in a row make a pace.
const ENOUGH: u16 = 5;
/// And for at least this long: a person may press a button five times in two seconds.
const SPAN: Duration = Duration::from_secs(10);
/// What comes quicker is typing, dragging or a stream. It is not looked at, so that it costs nothing.
const SHORTEST: Duration = Duration::from_millis(200);
/// Browsers let the timers of hidden tabs run once a second, and later once a minute.
const THROTTLED: u32 = 1000;
/// Gaps that are remembered.
const GAPS: usize = 6;

/// Probable machinery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The median time from one message to the next.
    pub period: Duration,
    /// What it came as.
    pub carrier: Carrier,
    /// Bytes of the shortest, of a request's body.
    pub least: u16,
    /// Bytes of the longest.
    pub most: u16,
    /// How many came in a row.
    pub run: u16,
    /// Of what they have in common.
    pub digest: Digest,
}

/// What the probable machinery comes as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Messages, text or binary.
    Message(Opcode),
    /// Plain requests.
    Request(Method),
}

/// What is remembered of the client's side of one session, or of the requests of one browser: 56
/// bytes.
#[derive(Clone, Debug)]
pub struct Cadence {
    /// Of what the run's messages or requests have in common.
    hash: u64,
    first: Nanos,
    last: Nanos,
    /// The newest gaps in milliseconds; which is which does not matter.
    gaps: [u32; GAPS],
    /// Messages in the run; 0 = what came last is not remembered.
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
    /// Shows a whole message that no rule knows. Returns a hint for each message that keeps a pace.
    pub fn feed(&mut self, now: Nanos, opcode: Opcode, message: &Payload<'_>) -> Option<Hint> {
        let skeleton = Skeleton::WithoutNumbers;
        let hash = || skeleton::quick(skeleton, message.plain()) ^ opcode as u64;
        let period = self.beat(now, message.seen().len(), hash)?;
        Some(self.hint(period, Carrier::Message(opcode), Digest::of(skeleton, message.plain())?))
    }

    /// Shows a request that no rule knows, with the whole of its body. Returns a hint for each that
    /// keeps a pace.
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

    /// One more of these bytes and this hash; the median gap if it keeps a pace.
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
        // Stays above `GAPS` when it wraps.
        self.run = self.run.checked_add(1).unwrap_or(self.run);
        self.least = self.least.min(length);
        self.most = self.most.max(length);
        let period = self.period()?;
        (self.run >= ENOUGH && now.since(self.first) >= SPAN).then_some(period)
    }

    /// Something else came from the client: what was not shown, because it is long or because a rule
    /// knows that it is a person's.
    pub fn disturb(&mut self) {
        self.run = 0;
    }

    /// The median gap, if every remembered gap keeps to it.
    fn period(&self) -> Option<Duration> {
        let mut gaps = self.gaps;
        let known = &mut gaps[..usize::from(self.run - 1).min(GAPS)];
        known.sort_unstable();
        let median = *known.get((known.len().checked_sub(1)?) / 2)?;
        let steady = known.iter().all(|&gap| keeps(gap, median));
        steady.then(|| Duration::from_millis(median.into()))
    }
}

/// A period for people: to a tenth where it is short.
#[must_use]
pub fn words(period: Duration) -> String {
    match period.as_millis() {
        millis @ ..10_000 if millis % 1000 >= 50 => format!("{:.1} s", period.as_secs_f64()),
        _ => format!("{:.0} s", period.as_secs_f64()),
    }
}

/// Whether a gap is the median within a fifth of it, or some whole number of medians, as a browser
/// makes of it that lets timers sleep.
fn keeps(gap: u32, median: u32) -> bool {
    let slack = median / 5;
    let near = |wanted: u32| gap.abs_diff(wanted) <= slack;
    let times = gap.saturating_add(slack) / median.max(1);
    near(median) || (gap >= THROTTLED && times > 1 && near(median.saturating_mul(times)))
}

#[cfg(test)]
mod tests;
