//! The newest message that counted, to within 4 ms, and when to tell the history of another one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::core::frame::Opcode;
use crate::core::history::Size;
use crate::core::pack::RuleIndex;
use crate::core::time::Nanos;

/// The length of a moment, in nanoseconds as a power of two: 4 ms, as in `core::gate`.
const MOMENT: u32 = 22;
/// The minimum time between two history entries for the same thing, in nanoseconds.
const PACE: u64 = 1_000_000_000;

/// Lets one event through per second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due(u64);

impl Due {
    /// True if the last one that was let through is at least a second ago.
    pub(super) fn take(&mut self, now: Nanos) -> bool {
        let due = now.0 >= self.0;
        if due {
            self.0 = now.0.saturating_add(PACE);
        }
        due
    }
}

/// A [`Due`] for many threads.
#[derive(Debug, Default)]
pub(super) struct SharedDue(AtomicU64);

impl SharedDue {
    /// True for one caller per second.
    pub(super) fn take(&self, now: Nanos) -> bool {
        let due = self.0.load(Relaxed);
        let next = now.0.saturating_add(PACE);
        now.0 >= due && self.0.compare_exchange(due, next, Relaxed, Relaxed).is_ok()
    }
}

/// The newest message of one direction that counted.
///
/// Only one thread writes the fields in each moment. A reader between its stores may see fields of the
/// previous message.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// The moment; 0 = none yet.
    moment: AtomicU64,
    session: AtomicU64,
    /// Opcode and size, a byte each, then the rule's index plus 1.
    detail: AtomicU64,
    due: SharedDue,
}

/// What [`Newest`] holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) at: Nanos,
    pub(super) session: u64,
    pub(super) rule: Option<RuleIndex>,
    pub(super) opcode: Opcode,
    pub(super) size: Size,
}

impl Newest {
    /// Whether the moment of `now` has not seen a message yet.
    #[inline]
    pub(super) fn is_older(&self, now: Nanos) -> bool {
        self.moment.load(Relaxed) < now.0 >> MOMENT
    }

    /// Sets the newest message. True if the history should be told.
    pub(super) fn set(
        &self,
        now: Nanos,
        session: u64,
        rule: Option<RuleIndex>,
        opcode: Opcode,
        size: Size,
    ) -> bool {
        let moment = now.0 >> MOMENT;
        if self.moment.fetch_max(moment, Relaxed) >= moment {
            return false;
        }
        let rule = rule.map_or(0, |rule| u64::from(rule.0) + 1);
        self.session.store(session, Relaxed);
        self.detail.store(rule << 16 | u64::from(size.bits()) << 8 | opcode as u64, Relaxed);
        self.due.take(now)
    }

    /// The newest message, if there is one.
    pub(super) fn read(&self) -> Option<Message> {
        let at = Nanos(self.moment.load(Relaxed) << MOMENT);
        let detail = self.detail.load(Relaxed);
        let [opcode, size, ..] = detail.to_le_bytes();
        let rule = (detail >> 16).checked_sub(1).and_then(|rule| u16::try_from(rule).ok());
        (at.0 > 0).then(|| Message {
            at,
            session: self.session.load(Relaxed),
            rule: rule.map(RuleIndex),
            opcode: if opcode == Opcode::Binary as u8 { Opcode::Binary } else { Opcode::Text },
            size: Size::from_bits(size),
        })
    }
}
